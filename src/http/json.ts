import { cleanText } from "../domain/clean-text.ts";
import { HandoffError } from "../domain/errors.ts";

const DEEPEST = 32;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * Whether JSON text is nested deeper than anything of ours, told without parsing it: a parser takes 400,000 brackets from one
 * megabyte, and what walks the result afterwards dies of them. Linear; null when the depth is fine, well-formed or not.
 */
export function depthFault(bytes: Uint8Array): string | null {
  let depth = 0;
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index];
    if (byte === QUOTE) {
      index = endOfString(bytes, index);
    } else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
      depth += 1;
      if (depth > DEEPEST) return `The body is nested more than ${DEEPEST} deep`;
    } else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) {
      depth -= 1;
    }
  }
  return null;
}

/** Index of the quote that ends the string begun at `start`, or of the last byte. */
function endOfString(bytes: Uint8Array, start: number): number {
  for (let index = start + 1; index < bytes.length; index += 1) {
    const byte = bytes[index];
    if (byte === QUOTE) return index;
    if (byte === BACKSLASH) index += 1;
  }
  return bytes.length;
}

/**
 * What was parsed from `text` with every string cleaned (U+0000, unpaired surrogates), keys included.
 *
 * Only an escape can bring such a character into valid UTF-8, so most bodies are not walked at all.
 *
 * @throws HandoffError `validation_failed` for a key `__proto__`, which no schema of ours has and which changes the prototype of
 * whatever it is copied to
 */
export function cleanJson(text: string, parsed: unknown): unknown {
  if (!text.includes("\\u") && !text.includes("__proto__")) return parsed;
  return clean(parsed, "");
}

function clean(value: unknown, path: string): unknown {
  if (typeof value === "string") return cleanText(value);
  if (Array.isArray(value)) return value.map((item, index) => clean(item, `${path}[${index}]`));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, item]): [string, unknown] => {
    const name = cleanText(key);
    const inside = path === "" ? name : `${path}.${name}`;
    if (name === "__proto__") {
      throw new HandoffError("validation_failed", undefined, {
        faults: [{ path: inside, message: "is no field of this", code: "unknown_field" }],
      });
    }
    return [name, clean(item, inside)];
  });
  return Object.fromEntries(entries);
}
