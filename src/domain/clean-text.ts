/** Longest run of white space candidates looked at before a word is cut: keeps hostile text linear. */
const BREAK_CANDIDATES = 8;

/**
 * Text as the store and the helpdesks can hold it: U+0000 is dropped, an unpaired surrogate becomes U+FFFD. Nothing else
 * changes (reliability.md, P18).
 */
export function cleanText(text: string): string {
  return text.replaceAll("\u0000", "").toWellFormed();
}

/** Whether the text holds C0 or C1 control characters or DEL, other than those listed in `allowed`. */
export function hasControlCharacters(text: string, allowed = ""): boolean {
  for (const found of text.matchAll(/\p{Cc}/gu)) if (!allowed.includes(found[0])) return true;
  return false;
}

/**
 * One line of text that cannot end a mail header, forge a log line or turn its surroundings round: line breaks and tabs
 * become a space; other control characters and bidirectional overrides are dropped.
 */
export function oneLine(text: string): string {
  return cleanText(text)
    .replace(/[\t\n\v\f\r\u0085\u2028\u2029]/g, " ")
    .replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, "")
    .replace(/ {2,}/g, " ")
    .trim();
}

/** At most `maxLength` UTF-16 units of the text, cut between grapheme clusters, with an ellipsis when something is missing. */
export function clipText(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  return text.slice(0, cutAt(text, 0, maxLength - 1)).trimEnd() + "…";
}

/**
 * Parts of at most `maxLength` UTF-16 units that join to exactly the original; empty text has none. A part ends after a line
 * break or else a space, when one lies in its second half, and between grapheme clusters in any case. Only a cluster
 * that is itself longer than a part (a pile of combining marks) is cut, between code points.
 *
 * Linear in the length of the text. Throws RangeError when `maxLength` is no integer of at least 2 (a surrogate pair).
 */
export function splitText(text: string, maxLength: number): string[] {
  if (!Number.isInteger(maxLength) || maxLength < 2) throw new RangeError("maxLength must be an integer of at least 2");
  const parts: string[] = [];
  let start = 0;
  while (text.length - start > maxLength) {
    const end = cutAt(text, start, maxLength);
    parts.push(text.slice(start, end));
    start = end;
  }
  if (start < text.length) parts.push(text.slice(start));
  return parts;
}

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Where a part that begins at `start` should end. Whether a boundary is one depends on the text before it and one code point after. */
function cutAt(text: string, start: number, maxLength: number): number {
  const window = text.slice(start, start + maxLength + 2);
  const clusters = graphemes.segment(window);
  const limit = clusters.containing(maxLength)?.index ?? maxLength;
  if (limit === 0) return start + codePointBoundary(window, maxLength);
  for (const breaks of [/\n/, /\s/]) {
    const end = lastBreak(window, limit, breaks, clusters);
    if (end !== null) return start + end;
  }
  return start + limit;
}

function lastBreak(window: string, limit: number, breaks: RegExp, clusters: Intl.Segments): number | null {
  let candidates = BREAK_CANDIDATES;
  for (let end = limit; end > limit / 2 && candidates > 0; end -= 1) {
    if (!breaks.test(window.charAt(end - 1))) continue;
    if (end === limit || clusters.containing(end)?.index === end) return end;
    candidates -= 1;
  }
  return null;
}

function codePointBoundary(text: string, at: number): number {
  const isPair = /[\ud800-\udbff]/.test(text.charAt(at - 1)) && /[\udc00-\udfff]/.test(text.charAt(at));
  return isPair ? at - 1 : at;
}
