import { isSameAddress } from "./html-text.ts";

/** Signs that Markdown uses in pairs. */
const MARKERS = new Set(["*", "_", "~"]);
/** More of them in one place are a line drawn, not markup. */
const MOST_MARKERS = 9;
const MARKUP_IN_LINE = /[*_~`[<]/;

/**
 * Markdown as plain text, conservatively: what is not surely markup stays as it was written. Links become `label: address`, emphasis
 * loses its signs, headings their number signs, code its backticks. Lists and quotes read well as they are. Never longer than the
 * text, and linear.
 */
export function markdownToText(text: string): string {
  const lines = text.split("\n");
  const inCode = codeBlocks(lines);
  const out: string[] = [];
  for (const [i, line] of lines.entries()) {
    const block = inCode.get(i);
    if (block === "fence") continue;
    out.push(block === "code" ? line : readLine(line));
  }
  return out.join("\n");
}

/** Lines of fenced code, and their fences; a fence without its end is none. */
function codeBlocks(lines: readonly string[]): ReadonlyMap<number, "fence" | "code"> {
  const found = new Map<number, "fence" | "code">();
  let opened: number | null = null;
  for (const [i, line] of lines.entries()) {
    const isFence = opened === null ? /^ {0,3}```[\w+#.-]{0,30}\r?$/.test(line) : /^ {0,3}```[ \r]*$/.test(line);
    if (!isFence) continue;
    if (opened === null) {
      opened = i;
      continue;
    }
    for (let j = opened; j <= i; j += 1) found.set(j, j === opened || j === i ? "fence" : "code");
    opened = null;
  }
  return found;
}

/** A number or a sign after `#` makes it an order number or the like. */
const HEADING = /^ {0,3}#{1,6} {1,4}(?=\p{L}|[*_"'([¿¡])/u;

function readLine(line: string): string {
  const text = line.replace(HEADING, "");
  return MARKUP_IN_LINE.test(text) ? joined(tokensOf(text)) : text;
}

/** A piece of a line: words as they will stand, or signs that may be one end of a pair. */
type Token =
  | { readonly kind: "words"; readonly text: string }
  | {
      readonly kind: "run";
      readonly text: string;
      readonly canOpen: boolean;
      readonly canClose: boolean;
    };

function tokensOf(line: string): Token[] {
  const tokens: Token[] = [];
  const readSpan = createSpanReader(line);
  let from = 0;
  let at = 0;
  const putWordsTo = (end: number) => {
    if (end > from) tokens.push({ kind: "words", text: line.slice(from, end) });
  };
  while (at < line.length) {
    const char = line.charAt(at);
    if (MARKERS.has(char)) {
      const end = endOfMarkers(line, at);
      if (end - at <= MOST_MARKERS) {
        putWordsTo(at);
        tokens.push(...runsOf(line, at, end));
        from = end;
      }
      at = end;
      continue;
    }
    const span = char === "`" || char === "[" || char === "<" || char === "!" ? readSpan(at) : null;
    if (span === null) {
      at += 1;
      continue;
    }
    putWordsTo(at);
    tokens.push({ kind: "words", text: span.text });
    from = at = span.end;
  }
  putWordsTo(at);
  return tokens;
}

function endOfMarkers(line: string, from: number): number {
  let end = from;
  while (MARKERS.has(line.charAt(end))) end += 1;
  return end;
}

const isAscii = (char: string): boolean => char < "\u0080";
const isAsciiWord = (char: string): boolean =>
  (char >= "a" && char <= "z") || (char >= "A" && char <= "Z") || (char >= "0" && char <= "9");
const isWord = (char: string): boolean => (isAscii(char) ? isAsciiWord(char) : /^[\p{L}\p{N}]$/u.test(char));
const isDigit = (char: string): boolean => (isAscii(char) ? char >= "0" && char <= "9" : /^\p{Nd}$/u.test(char));
const isBlank = (char: string): boolean => char === "" || char.trim() === "";
/** Half of a surrogate pair is taken for an emoji. */
const isEmoji = (char: string): boolean => !isAscii(char) && /^[\p{Extended_Pictographic}\p{Cs}\ufe0f]$/u.test(char);
const OPENING = new Set("([{\"'“„‘«¿¡");
const CLOSING = new Set(".,;:!?…)]}\"'“”’»");
const FIRST = new Set("\"'([{@#$`!");
const NEVER_LAST = new Set("\\/([{");
const mayPrecede = (char: string): boolean => isBlank(char) || OPENING.has(char) || isEmoji(char);
const mayFollow = (char: string): boolean => isBlank(char) || CLOSING.has(char) || isEmoji(char);
const mayBegin = (char: string): boolean => !isBlank(char) && (isWord(char) || !isAscii(char) || FIRST.has(char));
const mayEnd = (char: string): boolean => !isBlank(char) && !NEVER_LAST.has(char);

/** The signs of one place, which stand at the edge of a word or not together. */
function runsOf(line: string, from: number, end: number): Token[] {
  const before = line.charAt(from - 1);
  const after = line.charAt(end);
  const canOpen = mayPrecede(before) && mayBegin(after) && !(isDigit(after) && isDigit(solid(line, from - 1, -1)));
  const canClose = mayEnd(before) && mayFollow(after) && !(isDigit(before) && isDigit(solid(line, end, 1)));
  const runs: Token[] = [];
  for (let at = from; at < end;) {
    const char = line.charAt(at);
    let stop = at;
    while (stop < end && line.charAt(stop) === char) stop += 1;
    const text = line.slice(at, stop);
    const isEmphasis = char === "~" ? text.length === 2 : text.length <= 3;
    runs.push({ kind: "run", text, canOpen: isEmphasis && canOpen, canClose: isEmphasis && canClose });
    at = stop;
  }
  return runs;
}

/** The nearest character that is no space, in one direction; "" for none. Numbers there mean arithmetic: `5 *3 and 4* 2`. */
function solid(line: string, from: number, step: 1 | -1): string {
  let at = from;
  while (line.charAt(at) === " ") at += step;
  return line.charAt(at);
}

/** An opening run that waits for its end. */
interface Opened {
  readonly token: number;
  readonly words: number;
  readonly gaps: number;
}

/** The tokens in order, without the runs that are pairs. */
function joined(tokens: readonly Token[]): string {
  const textOf = (all: readonly Token[]) => all.map((token) => token.text).join("");
  if (!tokens.some((token) => token.kind === "run" && token.canClose)) return textOf(tokens);
  const dropped = new Set<number>();
  const stack: (Opened & { readonly text: string })[] = [];
  const waiting = new Map<string, number>();
  const pop = () => {
    const top = stack.pop();
    if (top !== undefined) waiting.set(top.text, (waiting.get(top.text) ?? 1) - 1);
    return top;
  };
  // Counted over what was passed: a pair must hold a word, and one of underscores more than a name.
  let words = 0;
  let gaps = 0;
  for (const [i, token] of tokens.entries()) {
    if (token.kind === "words") {
      if (/[a-z\d]/i.test(token.text) || /[\p{L}\p{N}\p{So}]/u.test(token.text)) words += 1;
      if (/\W/.test(token.text)) gaps += 1;
      continue;
    }
    if (token.canClose && (waiting.get(token.text) ?? 0) > 0) {
      let opened = pop();
      while (opened !== undefined && opened.text !== token.text) opened = pop();
      if (opened !== undefined && isPair(tokens, opened, { token: i, words, gaps })) {
        dropped.add(opened.token).add(i);
        continue;
      }
    }
    if (!token.canOpen) continue;
    stack.push({ token: i, words, gaps, text: token.text });
    waiting.set(token.text, (waiting.get(token.text) ?? 0) + 1);
  }
  return textOf(tokens.filter((_, i) => !dropped.has(i)));
}

function isPair(tokens: readonly Token[], open: Opened & { readonly text: string }, close: Opened): boolean {
  if (close.words === open.words) return false;
  if (!open.text.startsWith("_") || close.gaps > open.gaps) return true;
  // One word of ASCII between underscores: `__init__` and `_my_name_` are names.
  const content = tokens.slice(open.token + 1, close.token).map((token) => token.text);
  return !content.join("").includes("_") && (open.text.length === 1 || /[A-Z]/.test(content.join("")));
}

interface Span {
  readonly text: string;
  readonly end: number;
}

/** Reads code, links and addresses in angle brackets; null where there is none. */
function createSpanReader(line: string): (at: number) => Span | null {
  let lastTick = -1;
  let lastBracket = -1;
  return (at) => {
    const char = line.charAt(at);
    if (char === "`") return code(at);
    if (char === "<") return address(at);
    return link(char === "!" ? at + 1 : at);
  };

  function code(at: number): Span | null {
    lastTick = lastTick > at ? lastTick : line.indexOf("`", at + 1);
    const close = lastTick;
    if (close === -1) {
      lastTick = line.length;
      return null;
    }
    if (close >= line.length || close === at + 1) return null;
    const isApart = line.charAt(at - 1) !== "`" && mayPrecedeCode(line.charAt(at - 1));
    const isClosed = line.charAt(close + 1) !== "`" && mayFollowCode(line.charAt(close + 1));
    return isApart && isClosed ? { text: line.slice(at + 1, close), end: close + 1 } : null;
  }

  function address(at: number): Span | null {
    if (!/^<(?:https?:\/\/|mailto:)/i.test(line.slice(at, at + 9))) return null;
    lastBracket = lastBracket > at ? lastBracket : line.indexOf(">", at + 1);
    if (lastBracket === -1) lastBracket = line.length;
    if (lastBracket >= line.length || lastBracket - at > LONGEST_ADDRESS) return null;
    const text = line.slice(at + 1, lastBracket);
    return /^\S+$/.test(text) && !text.includes("<") ? { text, end: lastBracket + 1 } : null;
  }

  function link(at: number): Span | null {
    if (line.charAt(at) !== "[") return null;
    let close = at + 1;
    while (close < line.length && !"[]".includes(line.charAt(close))) close += 1;
    if (line.charAt(close) !== "]" || line.charAt(close + 1) !== "(") return null;
    const target = targetAt(line, close + 2);
    if (target === null) return null;
    const label = markdownLabel(line.slice(at + 1, close));
    const isBare = label === "" || isSameAddress(label, target.text);
    return { text: isBare ? target.text : `${label}: ${target.text}`, end: target.end };
  }
}

const LONGEST_ADDRESS = 2_048;
const mayPrecedeCode = (char: string): boolean => !isWord(char) && char !== "\\";
const mayFollowCode = (char: string): boolean => !isWord(char);

/** Emphasis may stand inside a link as well as around it. */
const markdownLabel = (label: string): string => (MARKUP_IN_LINE.test(label) ? joined(tokensOf(label)) : label).trim();

/** The address of a link from behind its bracket to behind the closing one; a title after it is passed over. */
function targetAt(line: string, from: number): Span | null {
  if (!/^(?:https?:\/\/|mailto:|tel:)/i.test(line.slice(from, from + 8))) return null;
  let depth = 0;
  let at = from;
  while (at < line.length && at - from <= LONGEST_ADDRESS) {
    const char = line.charAt(at);
    if (char === "(") depth += 1;
    if (char === ")" && depth === 0) return { text: line.slice(from, at), end: at + 1 };
    if (char === ")") depth -= 1;
    if (char === "[" || char === "<" || isBlank(char)) break;
    at += 1;
  }
  if (line.charAt(at) !== " " || line.charAt(at + 1) !== '"') return null;
  const title = line.slice(at + 2, at + 302);
  const quote = title.indexOf('"');
  return quote === -1 || title.charAt(quote + 1) !== ")" ? null : { text: line.slice(from, at), end: at + quote + 4 };
}
