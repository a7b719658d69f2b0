import { cleanText, splitText } from "../../src/domain/clean-text.ts";
import type { Attachment, Message } from "../../src/domain/conversation.ts";
import type { Outgoing } from "../../src/ports.ts";
import { fetchFiles, withLinks } from "../files.ts";
import type { File } from "../files.ts";
import type { Client } from "./client.ts";
import { Refusal } from "./failures.ts";
import { LONGEST_CONTENT, partsToNeutralise } from "./liquid.ts";
import { post, postOnce } from "./messages.ts";
import type { NewMessage } from "./messages.ts";
import type { Steps } from "../steps.ts";

export const FILE_LIMITS = { fileBytes: 25 * 1024 * 1024, messageBytes: 40 * 1024 * 1024 };
/** Chatwoot takes that many with one message (sheet 5.5). */
const MOST_FILES = 15;

const AUTHORS = { bot: "Bot", agent: "Agent", system: "Note" } as const;

/**
 * A message of the conversation into Chatwoot: the visitor's as an incoming one, anybody else's as a note, since a bot's words
 * must not look like the visitor's. A file that cannot be fetched, or that Chatwoot does not take, goes along as a link.
 *
 * @param name of the step; what is stored gets its key from it
 */
export async function sendMessage(
  { client, outgoing }: { client: Client; outgoing: Outgoing },
  conversationId: string,
  message: Message,
  steps: Steps,
  name: string,
): Promise<void> {
  const about = { conversationId, doing: "take the message" };
  if (message.role !== "visitor") {
    const author = message.authorName ?? AUTHORS[message.role];
    const text = withLinks(`${author}: ${message.text}`, message.attachments);
    for (const [i, part] of partsToNeutralise(text).entries()) {
      await postOnce(client, steps, `${name}-${i}`, { ...about, as: "note", text: part });
    }
    return;
  }
  const { files, links } = await fetchFiles(outgoing, message.attachments, FILE_LIMITS);
  const texts = splitText(cleanText(withLinks(message.text, links)), LONGEST_CONTENT);
  for (const [i, piece] of piecesOf(texts, files).entries()) {
    await postOnce(client, steps, `${name}-${i}`, { ...about, as: "visitor", ...piece }, (whole) =>
      postOrLink(client, whole, message.attachments),
    );
  }
}

/** A part of a message that is stored as one of its own. */
export interface Piece {
  readonly text: string;
  readonly files: readonly File[];
}

export function piecesOf(texts: readonly string[], files: readonly File[], mostFiles = MOST_FILES): Piece[] {
  const pieces = Math.max(texts.length, Math.ceil(files.length / mostFiles), 1);
  return Array.from({ length: pieces }, (_, i) => ({
    text: texts[i] ?? "",
    files: files.slice(i * mostFiles, (i + 1) * mostFiles),
  }));
}

/** Chatwoot refuses some kinds and sizes of files: the message itself must arrive all the same. */
export async function postOrLink(
  client: Client,
  message: NewMessage,
  attachments: readonly Attachment[],
): Promise<string> {
  try {
    return await post(client, message);
  } catch (error) {
    const isForFiles = error instanceof Refusal && error.kind === "permanent" && [413, 415, 422].includes(error.status);
    if (!isForFiles || !message.files?.length) throw error;
    const links = attachments.filter((attachment) => !message.text.includes(attachment.url));
    return post(client, { ...message, text: withLinks(message.text, links), files: [] });
  }
}
