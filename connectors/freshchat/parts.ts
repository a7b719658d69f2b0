import { z } from "zod";
import { cleanText, clipText, oneLine } from "../../src/domain/clean-text.ts";
import { LIMITS } from "../../src/domain/conversation.ts";
import type { Attachment } from "../../src/domain/conversation.ts";
import { nameInUrl, withLinks } from "../files.ts";
import { htmlToText } from "./html-text.ts";
import { plainText } from "./plain-text.ts";
import type { Message } from "./shapes.ts";

/** What a message says, in our words. */
export interface Said {
  /** Without what waits. May be blank. */
  readonly text: string;
  readonly attachments: readonly Attachment[];
  /** Names of files whose address FreshChat has not told yet: it does so a little later (sheet 2). */
  readonly waiting: readonly string[];
}

/** Collections and templates hold parts that hold parts: a carousel of cards with buttons needs four. */
const DEEPEST = 6;

const word = z.string().nullish().catch(null);
const size = z.union([z.number(), z.string()]).nullish().catch(null);

const Text = z.looseObject({ content: word });
const Button = z.looseObject({ label: word, custom_reply_text: word, url: word });
const Collection = z.looseObject({ sub_parts: z.array(z.unknown()).catch([]) });
const Template = z.looseObject({
  sections: z.array(z.looseObject({ parts: z.array(z.unknown()).catch([]) }).catch({ parts: [] })).catch([]),
});
const File = z.looseObject({
  url: word,
  name: word,
  content_type: word,
  contentType: word,
  file_size_in_bytes: size,
  file_size: size,
  size,
});
type File = z.infer<typeof File>;
/** The form of 2018 (sheet 1.9; the samples): the kind is a word, and the text a property. */
const OldPart = z.looseObject({ part_type: z.string(), properties: z.record(z.string(), z.unknown()) });

/** Everything that a message's parts say, in their order. Kinds that nobody has told us of are passed over. */
export function readParts(message: Pick<Message, "message_parts" | "reply_parts" | "msg_parts">): Said {
  const reading: Reading = { lines: [], attachments: [], waiting: [], choices: 0 };
  const given = message.message_parts ?? (message.msg_parts ?? []).map(fromOldPart);
  for (const part of [...given, ...(message.reply_parts ?? [])]) readPart(part, reading, 0);
  const { lines, attachments, waiting } = reading;
  const text = lines.filter((line) => line.trim() !== "").join("\n");
  const most = LIMITS.attachmentsPerMessage;
  return { text: withLinks(text, attachments.slice(most)), attachments: attachments.slice(0, most), waiting };
}

interface Reading {
  readonly lines: string[];
  readonly attachments: Attachment[];
  readonly waiting: string[];
  /** Choices are numbered through the whole message, so that a visitor can answer with a number. */
  choices: number;
}

type Reader = (given: unknown, reading: Reading, depth: number) => void;

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ["text", readWith(Text, ({ content }, { lines }) => lines.push(plainText(cleanText(content ?? ""))))],
  ["email", readWith(Text, ({ content }, { lines }) => lines.push(htmlToText(cleanText(content ?? ""), "email")))],
  ["image", readWith(File, (file, reading) => addFile(file, reading, "image"))],
  ["video", readWith(File, (file, reading) => addFile(file, reading, "video"))],
  ["audio", readWith(File, (file, reading) => addFile(file, reading, "audio"))],
  ["file", readWith(File, (file, reading) => addFile(file, reading, "file"))],
  ["url_button", readWith(Button, ({ label, url }, { lines }) => lines.push(linkLine(label, url)))],
  ["quick_reply_button", readWith(Button, addChoice)],
  ["callback", readWith(Button, ({ label }, { lines }) => lines.push(oneLine(label ?? "")))],
  ["reference", readWith(Button, ({ label }, { lines }) => lines.push(oneLine(label ?? "")))],
  ["collection", readWith(Collection, ({ sub_parts: parts }, reading, depth) => readAll(parts, reading, depth))],
  [
    "template_content",
    readWith(Template, ({ sections }, reading, depth) => {
      for (const { parts } of sections) readAll(parts, reading, depth);
    }),
  ],
]);

function readWith<T>(shape: z.ZodType<T>, read: (given: T, reading: Reading, depth: number) => unknown): Reader {
  return (given, reading, depth) => {
    const { data } = shape.safeParse(given);
    if (data !== undefined) read(data, reading, depth);
  };
}

/** One kind a part; members of other kinds may be there as null (the samples). */
function readPart(part: unknown, reading: Reading, depth: number): void {
  if (typeof part !== "object" || part === null || depth > DEEPEST) return;
  for (const [kind, given] of Object.entries(part)) if (given !== null) readers.get(kind)?.(given, reading, depth);
}

function readAll(parts: readonly unknown[], reading: Reading, depth: number): void {
  for (const part of parts) readPart(part, reading, depth + 1);
}

function fromOldPart(part: unknown): unknown {
  const { data } = OldPart.safeParse(part);
  if (data === undefined) return part;
  const { part_type: kind, properties } = data;
  return { [kind]: { ...properties, content: properties["content"] ?? properties["text"] } };
}

function addChoice({ label, custom_reply_text: reply }: z.infer<typeof Button>, reading: Reading): void {
  const choice = oneLine(label ?? "") || oneLine(reply ?? "");
  if (choice === "") return;
  reading.choices += 1;
  reading.lines.push(`${reading.choices}. ${choice}`);
}

function linkLine(label: string | null | undefined, url: string | null | undefined): string {
  const [said, address] = [oneLine(label ?? ""), oneLine(url ?? "")];
  if (!/^(?:https?:\/\/|mailto:|tel:)/i.test(address)) return said;
  return said === "" || said === address ? address : `${said}: ${address}`;
}

function addFile(file: File, reading: Reading, kind: string): void {
  const address = file.url?.trim() ?? "";
  const name = clipText(oneLine(file.name || nameInUrl(address)), 255) || null;
  if (address === "") reading.waiting.push(name ?? kind);
  if (!isWebAddress(address)) return;
  const type = clipText(oneLine(file.content_type || file.contentType || ""), 127);
  const bytes = Number(file.file_size_in_bytes ?? file.file_size ?? file.size ?? Number.NaN);
  reading.attachments.push({
    url: address,
    name,
    contentType: type || (kind === "image" ? imageType(address) : null),
    size: Number.isSafeInteger(bytes) && bytes >= 0 ? bytes : null,
  });
}

export const isWebAddress = (url: string): boolean =>
  url.length <= LIMITS.urlLength && ["http:", "https:"].includes(URL.parse(url)?.protocol ?? "");

/** An image part names no type (sheet 1.9); its address mostly does. */
function imageType(url: string): string | null {
  const extension = nameInUrl(url).split(".").at(-1)?.toLowerCase() ?? "";
  if (["png", "gif", "webp"].includes(extension)) return `image/${extension}`;
  return extension === "jpg" || extension === "jpeg" ? "image/jpeg" : null;
}
