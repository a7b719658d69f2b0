import { invalid } from "./errors.ts";
import { urlOf } from "./installation.ts";
import type { Json, State } from "./state.ts";

const kinds = new Set([
  "text",
  "image",
  "file",
  "video",
  "email",
  "url_button",
  "quick_reply_button",
  "callback",
  "reference",
  "collection",
  "template_content",
]);

/** The parts of a message that came through the API, one kind each. @throws Refusal 400. */
export function readParts(state: State, given: unknown, baseUrl: string): Json[] {
  if (!Array.isArray(given) || given.length === 0) throw invalid("message_parts must not be empty");
  return given.map((part: unknown) => readPart(state, part, baseUrl));
}

function readPart(state: State, given: unknown, baseUrl: string): Json {
  if (typeof given !== "object" || given === null) throw invalid("message_parts holds something that is no part");
  const part = given as Json;
  const held = Object.keys(part);
  const [kind = ""] = held;
  if (held.length !== 1 || !kinds.has(kind)) throw invalid("A message part holds exactly one kind");
  const value = part[kind] as Json | null;
  if (kind === "text") checkText(state, value?.["content"]);
  if (kind === "image") checkImage(state, value?.["url"], baseUrl);
  return kind === "file" ? { file: readFile(state, value ?? {}, baseUrl) } : part;
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";

/** A file is named by its URL, or by what its upload gave for it: then it is shown with its URL. */
function readFile(state: State, value: Json, baseUrl: string): Json {
  if (isText(value["url"])) return value;
  const { file_hash: hash, fileHash, file_id: id, ...rest } = value;
  const stored = state.files.get(String(hash ?? fileHash ?? id));
  if (!stored) throw invalid("file has neither a url nor a known id", "FILE_EMPTY_CONTENT");
  return { name: stored.name, content_type: stored.type, ...rest, url: urlOf(stored, baseUrl) };
}

function checkText(state: State, content: unknown): void {
  if (!isText(content)) throw invalid("text.content must not be empty", "TEXT_EMPTY_CONTENT");
  const { maxTextLength } = state.settings;
  if (maxTextLength !== null && content.length > maxTextLength) throw invalid("text.content is too long");
}

const refused = () => invalid("image.url cannot be read", "IMAGE_EMPTY_CONTENT");

function checkImage(state: State, url: unknown, baseUrl: string): void {
  if (!isText(url) || !URL.canParse(url)) throw refused();
  const { imageUrls } = state.settings;
  if (imageUrls === "any" || url.startsWith(`${baseUrl}/uploads/`)) return;
  const { protocol, hostname } = new URL(url);
  const isLoopback = /^(localhost|127\.|\[::1\])/.test(hostname);
  if (protocol !== "https:" && !(imageUrls === "https_or_loopback" && isLoopback)) throw refused();
}
