import type { Attachment } from "../src/domain/conversation.ts";
import type { Outgoing } from "../src/ports.ts";

export interface File {
  readonly filename: string;
  /** A media type. */
  readonly contentType: string;
  readonly content: Uint8Array;
}

export interface FetchLimits {
  /** Of one file, and of all files of a message: they are in memory at once. Bytes. */
  readonly fileBytes: number;
  readonly messageBytes: number;
}

const DOWNLOAD_TIMEOUT_MS = 30_000;

/** Fetches what goes along with a message. A file that cannot be fetched, or is too large, is among `links`. Never throws. */
export async function fetchFiles(
  outgoing: Outgoing,
  attachments: readonly Attachment[],
  limits: FetchLimits,
): Promise<{ files: File[]; links: Attachment[] }> {
  const files: File[] = [];
  const links: Attachment[] = [];
  let bytesLeft = limits.messageBytes;
  for (const attachment of attachments) {
    const file = await fetchFile(outgoing, attachment, Math.min(bytesLeft, limits.fileBytes));
    if (!file) {
      links.push(attachment);
      continue;
    }
    files.push(file);
    bytesLeft -= file.content.byteLength;
  }
  return { files, links };
}

/** One attachment's content; null when it cannot be had. Never throws. */
export async function fetchFile(outgoing: Outgoing, attachment: Attachment, maxBytes: number): Promise<File | null> {
  if (maxBytes <= 0 || (attachment.size ?? 0) > maxBytes) return null;
  const response = await outgoing
    .download(attachment.url, { maxBytes, timeoutMs: DOWNLOAD_TIMEOUT_MS })
    .catch(() => null);
  if (response?.status !== 200 || response.bytes.length === 0) return null;
  const contentType = attachment.contentType ?? response.headers["content-type"] ?? "application/octet-stream";
  return { filename: attachment.name ?? (nameInUrl(attachment.url) || "file"), contentType, content: response.bytes };
}

/** The last part of a URL's path, decoded, at most 255 characters; "" when there is none. */
export function nameInUrl(url: string): string {
  const last = URL.parse(url)?.pathname.split("/").at(-1) ?? "";
  try {
    return decodeURIComponent(last).slice(0, 255);
  } catch {
    return "";
  }
}

/** A text with the addresses of files below it, a line each. */
export function withLinks(text: string, links: readonly Attachment[]): string {
  const lines = links.map(({ name, url }) => (name ? `${name}: ${url}` : url));
  return [...(text === "" ? [] : [text]), ...lines].join("\n");
}
