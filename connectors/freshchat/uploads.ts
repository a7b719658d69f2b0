import { z } from "zod";
import { DeliveryError } from "../../src/domain/delivery.ts";
import type { Attachment } from "../../src/domain/conversation.ts";
import { fetchFile } from "../files.ts";
import type { File } from "../files.ts";
import type { Desk } from "./desk.ts";
import type { OutgoingPart } from "./outgoing-parts.ts";

/** The limit of uploads (sheet 1.11). */
const LARGEST_BYTES = 25 * 1024 * 1024;
const UPLOAD_TIMEOUT_MS = 60_000;

const name = z.string().min(1).nullish().catch(null);
/** Sources differ in what an uploaded file comes back as (sheet 1.11). */
const Uploaded = z.looseObject({ url: name, file_hash: name, fileHash: name, file_id: name });

/**
 * The file, kept at FreshChat, as a part; null when it cannot be had or FreshChat does not take it: it then goes along as a link.
 * Throws DeliveryError only for what concerns every request: the token, and being asked to slow down.
 */
export async function uploadedPart(desk: Desk, attachment: Attachment): Promise<OutgoingPart | null> {
  const file = await fetchFile(desk.outgoing, attachment, LARGEST_BYTES);
  if (file === null) return null;
  return isImage(file.contentType) ? ((await asImage(desk, file)) ?? (await asFile(desk, file))) : asFile(desk, file);
}

export const isImage = (contentType: string): boolean => /^image\/(?:png|jpe?g|gif|webp)\b/i.test(contentType);

async function asImage(desk: Desk, file: File): Promise<OutgoingPart | null> {
  const uploaded = await upload(desk, "/images/upload", "image", file);
  // By its hash an image is refused (sheet 1.3).
  return uploaded?.url ? { image: { url: uploaded.url } } : null;
}

async function asFile(desk: Desk, file: File): Promise<OutgoingPart | null> {
  const uploaded = await upload(desk, "/files/upload", "file", file);
  if (uploaded === null) return null;
  const { url, file_hash, fileHash, file_id } = uploaded;
  const hash = file_hash ?? fileHash;
  const where = url ? { url } : hash ? { file_hash: hash } : file_id ? { file_id } : null;
  if (where === null) return null;
  const { filename, contentType, content } = file;
  return {
    file: { ...where, name: filename, content_type: contentType, file_size_in_bytes: content.byteLength },
  };
}

async function upload(
  { client }: Desk,
  path: string,
  field: string,
  file: File,
): Promise<z.infer<typeof Uploaded> | null> {
  try {
    return await client.call({
      method: "POST",
      path,
      doing: "take the file",
      form: [{ name: field, ...file }],
      answer: Uploaded,
      timeoutMs: UPLOAD_TIMEOUT_MS,
    });
  } catch (error) {
    // Stored or not, a file that no message names does no harm.
    if (error instanceof DeliveryError && (error.kind === "permanent" || error.kind === "transient")) return null;
    throw error;
  }
}
