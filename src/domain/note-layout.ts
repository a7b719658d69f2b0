import { cleanText, oneLine, splitText } from "./clean-text.ts";

/** How a note is written down. Everything handed to `inline`, `link` and the quotes of a layout may be hostile. */
export interface Markup {
  readonly strong: (label: string) => string;
  /** Somebody's words inside a line of ours: one line, without effect on what surrounds it. */
  readonly inline: (text: string) => string;
  /** A web address as itself; anything else as words. */
  readonly address: (url: string) => string;
  readonly link: (label: string, url: string) => string;
}

/** Chatwoot's Markdown, near CommonMark. Letters inside a word keep their underscores, as in addresses. */
export const markdown: Markup = {
  strong: (label) => `**${label}**`,
  inline: (text) =>
    oneLine(text)
      .replace(/[\\`*[\]<>~]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, String.raw`\$&`)
      .replace(/&(?=#?\w{1,31};)/g, String.raw`\&`),
  address: (url) => webAddress(url) ?? markdown.inline(url),
  link: (label, url) => {
    const target = webAddress(url);
    return target ? `[${markdown.inline(label)}](${target})` : `${markdown.inline(label)} (${markdown.inline(url)})`;
  },
};

/** The text part of an email. */
export const plainText: Markup = {
  strong: (label) => label,
  inline: oneLine,
  address: oneLine,
  link: (label, url) => `${oneLine(label)} (${oneLine(url)})`,
};

/** The address with what could end a Markdown link encoded; null when it is not for a browser to open. */
function webAddress(url: string): string | null {
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) return null;
  return oneLine(url).replace(/[\s()<>[\]\\`"*]/g, encodeCharacter);
}

function encodeCharacter(character: string): string {
  const encoded = encodeURIComponent(character);
  return encoded === character ? `%${character.charCodeAt(0).toString(16).toUpperCase()}` : encoded;
}

/** A line of ours, and below it, quoted, somebody's words. */
export interface Block {
  readonly head: string;
  readonly quote?: string;
  /** Further quoted lines, ours: attachments. */
  readonly quoteEnd?: readonly string[];
  /** Follows the block before without an empty line: items of a list. */
  readonly tight?: boolean;
}

const LONGEST_HEAD = 2500;
const CONTINUED = " (continued)";
const ROOM_FOR_COUNT = "(1000000/1000000)\n\n".length;
/** Below this, heads of the longest kind would leave no room for words. */
export const SHORTEST_PART = 4000;
const LINE_BREAK = /\r\n|[\n\v\f\r\u0085\u2028\u2029]/;

/**
 * Lays blocks out as texts of at most `maxLength` UTF-16 units, numbered "(1/3)" when there are several. Every line of a quote
 * begins with "> ", also after a cut, and a cut quote repeats its head: no words can pass for a line of ours or for
 * somebody else's. Cuts fall between lines, and in a line too long between grapheme clusters.
 *
 * Linear in the length of all blocks. Throws RangeError when `maxLength` is below `SHORTEST_PART`.
 */
export function layOut(blocks: Iterable<Block>, maxLength: number): string[] {
  if (maxLength < SHORTEST_PART) throw new RangeError(`maxLength must be at least ${SHORTEST_PART}`);
  const limit = maxLength - ROOM_FOR_COUNT;
  const parts: string[] = [];
  let lines: string[] = [];
  let length = 0;
  const add = (line: string) => {
    lines.push(line);
    length += line.length + 1;
  };
  const nextPart = () => {
    parts.push(lines.join("\n"));
    lines = [];
    length = 0;
  };

  for (const { head, quote, quoteEnd = [], tight = false } of blocks) {
    if (head.length > LONGEST_HEAD) throw new RangeError("a head is too long");
    const quoted = quoteLines(quote, quoteEnd, limit - LONGEST_HEAD - CONTINUED.length - 2);
    if (length > 0 && length + head.length + (quoted[0]?.length ?? 0) + 3 > limit) nextPart();
    if (length > 0 && !tight) add("");
    add(head);
    for (const line of quoted) {
      if (length + line.length + 1 > limit) {
        nextPart();
        add(head + CONTINUED);
      }
      add(line);
    }
  }
  if (lines.length > 0) nextPart();
  return parts.length > 1 ? parts.map((part, index) => `(${index + 1}/${parts.length})\n\n${part}`) : parts;
}

function quoteLines(quote: string | undefined, quoteEnd: readonly string[], longestLine: number): string[] {
  const own = quote ? cleanText(quote).split(LINE_BREAK) : [];
  return [...own, ...quoteEnd].flatMap((line) =>
    line.trim() === "" ? [">"] : splitText(line, longestLine - 2).map((piece) => `> ${piece}`),
  );
}
