import { createTagReader } from "./html-tags.ts";
import type { Tag } from "./html-tags.ts";

/** Tags that chat editors write. Others in a chat message are code, or something in angle brackets. */
const SIMPLE = new Set(
  "a b blockquote br code del div em h1 h2 h3 h4 h5 h6 hr i li ol p pre s span strike strong sub sup u ul".split(" "),
);
const VOID = new Set(["br", "hr", "img", "meta", "link", "input", "col", "wbr", "!"]);
/** What is between their tags is nothing to read. */
const HIDDEN = new Set(["head", "script", "style", "title", "template"]);
const PARAGRAPHS = new Set(["p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "table"]);
const LINES = new Set(["div", "li", "ul", "ol", "tr", "hr", "section", "article", "header", "footer", "body"]);

/** Where one of these is, line ends in the source mean nothing. */
const BREAKS = /<(?:br|p|div|li|h[1-6]|blockquote)[\s/>]/i;

/** A chat message's own line ends count where nothing else breaks its lines; an email's are only how its source was broken. */
export type HtmlKind = "chat" | "email";

/**
 * Whether a text really is simple HTML: at least one tag, each of them known, well-formed and closed, and no other angle bracket that
 * opens. An editor would have escaped those. Text with backticks speaks about tags.
 */
export function isMarkup(text: string): boolean {
  if (!text.includes("<") || text.includes("`")) return false;
  const tagAt = createTagReader(text);
  const open: string[] = [];
  let at = text.indexOf("<");
  while (at !== -1) {
    const tag = tagAt(at);
    if (tag === null || !SIMPLE.has(tag.name)) return false;
    if (!tag.isEnd && !VOID.has(tag.name)) open.push(tag.name);
    if (tag.isEnd && !VOID.has(tag.name) && open.pop() !== tag.name) return false;
    at = text.indexOf("<", tag.end);
  }
  return open.length === 0;
}

/**
 * HTML as it would be read aloud: words, line ends, list markers, addresses of links. What is simple HTML (`isMarkup`) never gets
 * longer; nothing gets longer than twice its length.
 */
export function htmlToText(html: string, kind: HtmlKind): string {
  const tagAt = createTagReader(html);
  const lower = html.toLowerCase();
  const out = createWriter(kind === "chat" && !BREAKS.test(html));
  const neverClosed = new Set<string>();
  let from = 0;
  let at = html.indexOf("<");
  while (at !== -1) {
    const tag = tagAt(at);
    if (tag === null) {
      at = html.indexOf("<", at + 1);
      continue;
    }
    out.words(html.slice(from, at));
    out.tag(tag);
    from = tag.end;
    if (!tag.isEnd && HIDDEN.has(tag.name) && !neverClosed.has(tag.name)) {
      const close = lower.indexOf(`</${tag.name}`, from);
      if (close === -1) neverClosed.add(tag.name);
      else from = close;
    }
    at = html.indexOf("<", from);
  }
  out.words(html.slice(from));
  return out.text();
}

interface List {
  readonly isOrdered: boolean;
  items: number;
}

interface Link {
  readonly url: string;
  /** Where its label begins among the pieces; null before the first of it. */
  from: number | null;
}

/** Gathers words, and what is due before the next of them: line ends or a space, then the marker of a list. */
function createWriter(keepsLines: boolean) {
  const pieces: string[] = [];
  const lists: List[] = [];
  let due = { breaks: 0, space: false, marker: "" };
  let link: Link | null = null;
  let depthOfPre = 0;

  const put = (piece: string) => {
    if (due.breaks > 0 && pieces.length > 0) pieces.push("\n".repeat(Math.min(due.breaks, 2)));
    else if (due.space && pieces.length > 0) pieces.push(" ");
    if (due.marker !== "") pieces.push(due.marker);
    due = { breaks: 0, space: false, marker: "" };
    if (link !== null) link.from ??= pieces.length;
    pieces.push(piece);
  };
  const words = (text: string) => {
    if (keepsLines || depthOfPre > 0) {
      if (text !== "") put(text);
      return;
    }
    const trimmed = text.trim();
    due.space ||= /^\s/.test(text);
    if (trimmed === "") return;
    put(trimmed.replace(/\s+/g, " "));
    due.space = /\s$/.test(text);
  };
  const breakTo = (lines: number) => void (due.breaks = Math.max(due.breaks, lines));
  const endLink = () => {
    const ended = link;
    link = null;
    if (ended === null) return;
    if (ended.from === null) {
      put(ended.url);
      return;
    }
    const label = pieces.slice(ended.from).join("");
    if (isSameAddress(label.trim(), ended.url)) pieces.splice(ended.from, pieces.length, ended.url);
    else pieces.push(`: ${ended.url}`);
  };
  const beginLink = ({ href }: Tag) => {
    endLink();
    const url = decodeEntities(href ?? "").trim();
    if (isAddress(url)) link = { url, from: null };
  };
  const list = ({ name, isEnd }: Tag) => {
    if (isEnd) lists.pop();
    else lists.push({ isOrdered: name === "ol", items: 0 });
  };
  const item = () => {
    const within = lists.at(-1);
    if (within !== undefined) within.items += 1;
    due.marker = within?.isOrdered ? `${within.items}. ` : "- ";
  };

  return {
    words: (text: string) => words(decodeEntities(text)),
    tag(tag: Tag) {
      const { name, isEnd } = tag;
      if (name === "br" && !isEnd) due.breaks += 1;
      if (PARAGRAPHS.has(name)) breakTo(lists.length > 0 ? 1 : 2);
      if (LINES.has(name)) breakTo(1);
      if (name === "td" || name === "th") due.space = true;
      if (name === "pre") depthOfPre = Math.max(0, depthOfPre + (isEnd ? -1 : 1));
      if (name === "ul" || name === "ol") list(tag);
      if (name === "li" && !isEnd) item();
      if (name === "a" && isEnd) endLink();
      if (name === "a" && !isEnd) beginLink(tag);
    },
    text() {
      endLink();
      return pieces.join("").trim();
    },
  };
}

const isAddress = (url: string): boolean => /^(?:https?:\/\/|mailto:|tel:)\S+$/i.test(url);

/** A label that says no more than its address: with or without scheme and the last slash. */
export const isSameAddress = (label: string, url: string): boolean => bare(label) === bare(url);

const bare = (address: string): string => address.replace(/^(?:https?:\/\/|mailto:|tel:)/i, "").replace(/\/$/, "");

const NAMED: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  hellip: "…",
  ndash: "–",
  mdash: "—",
  euro: "€",
  copy: "©",
  laquo: "«",
  raquo: "»",
  lsquo: "‘",
  rsquo: "’",
  ldquo: "“",
  rdquo: "”",
};

/** Entities that texts have; others stay as they are. */
export function decodeEntities(text: string): string {
  if (!text.includes("&")) return text.replaceAll("\u00a0", " ");
  return text
    .replace(/&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|([a-zA-Z]{2,6}));/g, (entity, decimal, hex, name) => {
      if (typeof name === "string") return (Object.hasOwn(NAMED, name) ? NAMED[name] : undefined) ?? entity;
      const code = typeof decimal === "string" ? Number(decimal) : Number.parseInt(String(hex), 16);
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : entity;
    })
    .replaceAll("\u00a0", " ");
}
