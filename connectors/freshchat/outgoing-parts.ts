import { cleanText, splitText } from "../../src/domain/clean-text.ts";
import type { Attachment } from "../../src/domain/conversation.ts";
import { nameInUrl, withLinks } from "../files.ts";
import type { Content } from "./content.ts";
import type { Desk } from "./desk.ts";
import { isImage, uploadedPart } from "./uploads.ts";

/** A message part that we send: exactly one kind (sheet 1.9). */
export type OutgoingPart =
  | { readonly text: { readonly content: string } }
  | { readonly image: { readonly url: string } }
  | { readonly file: OutgoingFile };

interface OutgoingFile {
  readonly url?: string;
  readonly file_hash?: string;
  readonly file_id?: string;
  readonly name: string;
  readonly content_type: string;
  readonly file_size_in_bytes?: number;
}

/** FreshChat publishes no limit of a text (sheet 1.9). This is what is sent at once; UTF-16 units. */
export const LONGEST_TEXT = 5_000;

/**
 * A message in pieces that FreshChat takes, in order, with what is attached beside the last of the text. White space alone is left
 * out: FreshChat takes no empty text.
 */
export function piecesOf({ text, attachments }: Content): Content[] {
  const texts = splitText(cleanText(text), LONGEST_TEXT).filter((piece) => piece.trim() !== "");
  if (texts.length === 0) return attachments.length === 0 ? [] : [{ text: "", attachments }];
  return texts.map((piece, i) => ({ text: piece, attachments: i === texts.length - 1 ? attachments : [] }));
}

/**
 * The parts of a message, in the ways in which FreshChat may take it, the best first; the next is for when it refused the one
 * before. Files go by their address, then uploaded, then as a line with the address: the words must arrive all the same.
 * Throws DeliveryError.
 */
export async function* waysToSay(desk: Desk, content: Content): AsyncGenerator<readonly OutgoingPart[]> {
  const { attachments } = content;
  const byAddress = attachments.map(partByAddress);
  if (byAddress.every((part) => part !== null)) {
    yield [...textParts(content.text), ...byAddress];
    if (attachments.length === 0) return;
  }
  const uploaded: (OutgoingPart | null)[] = [];
  for (const attachment of attachments) uploaded.push(await uploadedPart(desk, attachment));
  // One that cannot be uploaded may still be had from its address, unless that is what was refused.
  const isRetry = byAddress.every((part) => part !== null);
  const mixed = attachments.map((_, i) => uploaded[i] ?? (isRetry ? null : (byAddress[i] ?? null)));
  const links = attachments.filter((_, i) => mixed[i] === null);
  if (links.length < attachments.length) {
    yield [...textParts(withLinks(content.text, links)), ...mixed.filter((part) => part !== null)];
  }
  yield textParts(withLinks(content.text, attachments));
}

export const textParts = (text: string): OutgoingPart[] => (text === "" ? [] : [{ text: { content: text } }]);

/** FreshChat fetches only from https. */
function partByAddress({ url, name, contentType, size }: Attachment): OutgoingPart | null {
  if (!/^https:\/\//i.test(url)) return null;
  const filename = name ?? (nameInUrl(url) || "file");
  const type = contentType ?? typeByName(filename);
  if (isImage(type)) return { image: { url } };
  return { file: { url, name: filename, content_type: type, ...(size === null ? {} : { file_size_in_bytes: size }) } };
}

const TYPES: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  pdf: "application/pdf",
  txt: "text/plain",
};

function typeByName(filename: string): string {
  const extension = filename.split(".").at(-1)?.toLowerCase() ?? "";
  return (Object.hasOwn(TYPES, extension) ? TYPES[extension] : undefined) ?? "application/octet-stream";
}
