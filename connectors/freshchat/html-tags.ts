/** A tag of HTML, or a comment or declaration, whose name is then `!`. */
export interface Tag {
  /** In lower case. */
  readonly name: string;
  readonly isEnd: boolean;
  /** As written, entities included; null when there is none. */
  readonly href: string | null;
  /** Where the text goes on. */
  readonly end: number;
}

/** No tag of a message is longer, but for comments. */
const LONGEST_TAG = 8_192;
const isLetter = (char: string): boolean => /^[a-z]$/i.test(char);
const isSpace = (char: string): boolean => /^\s$/.test(char);

/**
 * Reads the tag at a position, null where none is. What has no end is searched for only once, and a tag ends before the next
 * one begins: over a whole text the work is linear, whatever it holds.
 */
export function createTagReader(html: string): (at: number) => Tag | null {
  const searches = new Map<string, { readonly from: number; readonly found: number }>();
  /** Where this stands next at or after a position; -1 for nowhere. */
  const find = (what: string, from: number): number => {
    const known = searches.get(what);
    if (known && from >= known.from && (known.found === -1 || known.found >= from)) return known.found;
    const found = html.indexOf(what, from);
    searches.set(what, { from, found });
    return found;
  };

  return (at) => {
    if (html.startsWith("<!", at)) return aside(at);
    const isEnd = html[at + 1] === "/";
    let i = at + (isEnd ? 2 : 1);
    const from = i;
    if (!isLetter(html[i] ?? "")) return null;
    while (i - from < 20 && /^[a-z\d]$/i.test(html[i] ?? "")) i += 1;
    const name = html.slice(from, i).toLowerCase();
    if (!/^[\s/>]$/.test(html[i] ?? "")) return null;
    const rest = attributes(i, at + LONGEST_TAG);
    return rest === null ? null : { name, isEnd, ...rest };
  };

  /** A comment or a declaration. */
  function aside(at: number): Tag | null {
    const mark = html.startsWith("<!--", at) ? "-->" : ">";
    const close = find(mark, at + 2);
    return close === -1 ? null : { name: "!", isEnd: false, href: null, end: close + mark.length };
  }

  /** From behind the name to behind the bracket; null when the tag does not end well. */
  function attributes(from: number, limit: number): { href: string | null; end: number } | null {
    let href: string | null = null;
    let i = from;
    while (i < limit) {
      const char = html[i] ?? "<";
      if (char === ">") return { href, end: i + 1 };
      if (char === "<" || char === '"' || char === "'") return null;
      if (isSpace(char) || char === "/") {
        i += 1;
        continue;
      }
      const nameFrom = i;
      while (i < limit && /^[^\s=<>"'/]$/.test(html[i] ?? "<")) i += 1;
      const name = html.slice(nameFrom, i).toLowerCase();
      if (i === nameFrom) return null;
      if (html[i] !== "=") continue;
      const value = valueAt(i + 1, limit);
      if (value === null) return null;
      if (name === "href") href ??= value.text;
      i = value.end;
    }
    return null;
  }

  function valueAt(from: number, limit: number): { text: string; end: number } | null {
    const quote = html[from] ?? "<";
    if (quote === '"' || quote === "'") {
      const close = find(quote, from + 1);
      if (close === -1 || close >= limit) return null;
      return { text: html.slice(from + 1, close), end: close + 1 };
    }
    let i = from;
    while (i < limit && /^[^\s<>"']$/.test(html[i] ?? "<")) i += 1;
    return i === from ? null : { text: html.slice(from, i), end: i };
  }
}
