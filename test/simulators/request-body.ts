import type { IncomingMessage } from "node:http";

export type Json = Record<string, unknown>;
export type UploadedFile = { field: string; name: string; type: string; bytes: Uint8Array };

export interface ParsedBody {
  body: Json;
  files: UploadedFile[];
  isMultipart: boolean;
}

export async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** @throws what `malformed` makes, for JSON that does not parse. */
export async function parseBody(raw: Buffer, contentType: string, malformed: () => Error): Promise<ParsedBody> {
  if (raw.length === 0) return { body: {}, files: [], isMultipart: false };
  if (contentType.startsWith("multipart/form-data")) return parseMultipart(raw, contentType);
  if (contentType.startsWith("application/x-www-form-urlencoded")) {
    return { body: toObject(new URLSearchParams(raw.toString("utf8"))), files: [], isMultipart: false };
  }
  if (!contentType.startsWith("application/json")) return { body: {}, files: [], isMultipart: false };
  try {
    const value: unknown = JSON.parse(raw.toString("utf8"));
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return { body: isObject ? (value as Json) : { _json: value }, files: [], isMultipart: false };
  } catch {
    throw malformed();
  }
}

async function parseMultipart(raw: Buffer, contentType: string): Promise<ParsedBody> {
  const form = await new Response(new Uint8Array(raw), { headers: { "content-type": contentType } }).formData();
  const body: Json = {};
  const files: UploadedFile[] = [];
  for (const [key, value] of form) {
    if (typeof value === "string") body[key] = value;
    else
      files.push({ field: key, name: value.name, type: value.type, bytes: new Uint8Array(await value.arrayBuffer()) });
  }
  return { body, files, isMultipart: true };
}

/** `a[]=1&a[]=2` becomes an array, anything else a string. */
export function toObject(query: URLSearchParams): Json {
  const result: Json = {};
  for (const key of new Set(query.keys())) {
    result[key.replace(/\[\]$/, "")] = key.endsWith("[]") ? query.getAll(key) : query.get(key);
  }
  return result;
}

export function readableBody(raw: Buffer, contentType: string): Json | string | null {
  if (raw.length === 0) return null;
  const text = raw.toString("utf8");
  if (!contentType.startsWith("application/json")) return text;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
