import { cleanText } from "../../src/domain/clean-text.ts";
import type { Attachment } from "../../src/domain/conversation.ts";
import type { Desk } from "./desk.ts";
import type { Said } from "./parts.ts";
import { plainText } from "./plain-text.ts";

/** How long a message is held back for a file's address, in milliseconds from when it was written. */
export const LONGEST_WAIT_MS = 60_000;
/** Longest text taken out of a file, in bytes. */
const LONGEST_TEXT = 256 * 1024;
const DOWNLOAD_TIMEOUT_MS = 10_000;
/** Texts of files that are kept: looks overlap by a minute, and no more are written in one. */
const MOST_KEPT = 50;
const MOST_WAITING = 1_000;

interface Kept {
  /** By message: what its file says, null when that cannot be had. */
  readonly texts: Map<string, Promise<string | null>>;
  /** By message: when it was first seen without its file. */
  readonly waiting: Map<string, number>;
}

/** What is remembered of a desk from one look to the next. It can all be lost. */
const memory = new WeakMap<Desk, Kept>();

function keptOf(desk: Desk): Kept {
  const kept = memory.get(desk) ?? { texts: new Map(), waiting: new Map() };
  memory.set(desk, kept);
  return kept;
}

/**
 * Whether a message still waits for the address of one of its files (sheet 2): for a minute after it was written, and no longer
 * than that after it was first seen, should FreshChat's clock be ahead of ours.
 *
 * @param writtenAt milliseconds
 */
export function isAwaited(desk: Desk, id: string, { waiting }: Said, writtenAt: number): boolean {
  const seen = keptOf(desk).waiting;
  if (waiting.length === 0) {
    seen.delete(id);
    return false;
  }
  const now = desk.clock().getTime();
  const firstSeen = seen.get(id) ?? now;
  keep(seen, id, firstSeen, MOST_WAITING);
  return now - Math.min(writtenAt, firstSeen) < LONGEST_WAIT_MS;
}

/**
 * What a message says, with the words of a file that is all there is of it: so FreshChat sends long text (sheet 2). The file stays
 * attached. Where it cannot be had, or holds no text, the file alone is the message.
 */
export async function withTextOfFile(desk: Desk, id: string, said: Said): Promise<Said> {
  const file = textFileOf(said);
  if (file === null) return said;
  const { texts } = keptOf(desk);
  const reading = texts.get(id) ?? download(desk, file);
  keep(texts, id, reading, MOST_KEPT);
  const text = await reading;
  return text === null ? said : { ...said, text };
}

function textFileOf({ text, attachments, waiting }: Said): Attachment | null {
  const [file, ...others] = attachments;
  if (file === undefined || others.length > 0 || waiting.length > 0 || text.trim() !== "") return null;
  return /^text\/plain\s*(?:;|$)/i.test(file.contentType ?? "") && (file.size ?? 0) <= LONGEST_TEXT ? file : null;
}

/** Never rejects. */
async function download(desk: Desk, { url }: Attachment): Promise<string | null> {
  try {
    const limits = { maxBytes: LONGEST_TEXT, timeoutMs: DOWNLOAD_TIMEOUT_MS };
    const { status, headers, bytes } = await desk.outgoing.download(url, limits);
    // A page is what a store shows whose link has run out.
    if (status !== 200 || /html|xml/i.test(headers["content-type"] ?? "")) return null;
    const text = plainText(cleanText(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
    return text.trim() === "" ? null : text;
  } catch {
    return null;
  }
}

/** Sets it, and forgets what was set longest ago. */
function keep<T>(all: Map<string, T>, key: string, value: T, most: number): void {
  all.delete(key);
  all.set(key, value);
  const [oldest] = all.keys();
  if (all.size > most && oldest !== undefined) all.delete(oldest);
}
