import { gunzipSync, inflateSync } from "node:zlib";

/** Longest content taken, in bytes of JSON; a webhook's body is at most 1 MiB as it comes. */
const LONGEST = 4 * 1024 * 1024;
/** As for any body (reliability.md): what is nested deeper is not walked. */
const DEEPEST = 32;

/**
 * What is in `encoded_data`, which a large webhook carries beside or instead of `data` (sheet 2). One source tells of it, none how
 * it is encoded. So each way is read: JSON as it is or URL-encoded, base64 of either alphabet of JSON, and of packed JSON.
 *
 * @returns undefined for what cannot be read. Never throws.
 */
export function decodeData(encoded: unknown): unknown {
  if (typeof encoded === "object" && encoded !== null) return depthOf(encoded) > DEEPEST ? undefined : encoded;
  if (typeof encoded !== "string" || encoded.length > LONGEST) return undefined;
  const plain = (encoded.includes("%") ? urlDecoded(encoded) : encoded).trim();
  return parse(plain) ?? parse(unpacked(plain));
}

function urlDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

/** The text in base64; "" for none. A plus sign may have become a space on its way through a form. */
function unpacked(base64: string): string {
  const solid = base64.replaceAll(/[\r\n]/g, "").replaceAll(" ", "+");
  if (!/^[A-Za-z\d+/_-]+={0,2}$/.test(solid)) return "";
  try {
    const bytes = Buffer.from(solid, "base64");
    return new TextDecoder("utf-8", { fatal: true }).decode(inflated(bytes));
  } catch {
    return "";
  }
}

function inflated(bytes: Buffer): Buffer {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return gunzipSync(bytes, { maxOutputLength: LONGEST });
  if (bytes[0] === 0x78) return inflateSync(bytes, { maxOutputLength: LONGEST });
  return bytes;
}

/** An object in JSON, or undefined. */
function parse(text: string): unknown {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return depthOf(value) > DEEPEST ? undefined : value;
  } catch {
    return undefined;
  }
}

/** Levels of nesting, counted without recursion; stops counting at one more than allowed. */
function depthOf(value: unknown): number {
  let level: unknown[] = [value];
  for (let depth = 0; depth <= DEEPEST; depth += 1) {
    level = level.flatMap((one) => (typeof one === "object" && one !== null ? Object.values(one) : []));
    if (level.length === 0) return depth;
  }
  return DEEPEST + 1;
}
