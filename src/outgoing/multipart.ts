import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import type { OutgoingFormPart } from "../ports-outgoing.ts";

/**
 * Writes a multipart/form-data body (RFC 7578).
 *
 * By hand because axios, following the browsers, turns every line end of a text field into CR LF, and text has to arrive as it
 * was written. Names are escaped as the WHATWG form rules say, so that no name can begin a header of its own.
 *
 * @returns the body as a stream of known length (bytes), to be sent once
 */
export function encodeMultipart(parts: readonly OutgoingFormPart[]): {
  contentType: string;
  contentLength: number;
  body: Readable;
} {
  const boundary = `baton-${randomBytes(18).toString("base64url")}`;
  const pieces: (Uint8Array | Blob)[] = [];
  for (const part of parts) {
    pieces.push(Buffer.from(`--${boundary}\r\n${headOf(part)}\r\n\r\n`));
    pieces.push("value" in part ? Buffer.from(part.value) : part.content, Buffer.from("\r\n"));
  }
  pieces.push(Buffer.from(`--${boundary}--\r\n`));
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    contentLength: pieces.reduce((sum, piece) => sum + (piece instanceof Blob ? piece.size : piece.byteLength), 0),
    body: Readable.from(chunks(pieces), { objectMode: false }),
  };
}

function headOf(part: OutgoingFormPart): string {
  const disposition = `Content-Disposition: form-data; name="${escaped(part.name)}"`;
  if ("value" in part) return disposition;
  const type = part.contentType ?? "application/octet-stream";
  const safeType = /^[\w.+-]+\/[\w.+-]+(?:; ?[\w-]+=[\w.+-]+)*$/.test(type) ? type : "application/octet-stream";
  return `${disposition}; filename="${escaped(part.filename)}"\r\nContent-Type: ${safeType}`;
}

const escapes: Record<string, string> = { "\r": "%0D", "\n": "%0A", '"': "%22", "\0": "" };

function escaped(name: string): string {
  return name.replaceAll(/[\r\n"\0]/g, (character) => escapes[character] ?? "");
}

async function* chunks(pieces: readonly (Uint8Array | Blob)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    if (piece instanceof Blob) yield* piece.stream();
    else if (piece.byteLength > 0) yield piece;
  }
}
