import { createHash } from "node:crypto";
import type { ConversationInput, Message, TranscriptMessage } from "../domain/conversation.ts";
import { ID_PREFIXES } from "../ids.ts";
import { BOT_MESSAGE } from "./events.ts";
import type { Said } from "./turn.ts";
import type { Tx } from "../ports-store.ts";

const LINE = "line:";
const PAGE = 1_000;
/** How far the bot's clock and ours may be apart on one and the same line. */
const SAME_TIME_MS = 120_000;

interface Of {
  readonly workspaceId: string;
  readonly conversationId: string;
  readonly now: Date;
  readonly isNew: boolean;
}

interface Line {
  readonly message: TranscriptMessage;
  readonly externalId: string;
}

/**
 * The lines of a request's transcript that the conversation does not have yet, in order.
 *
 * A bot may send its whole history with every request. Lines with an id are known by it, lines without one by role, time and
 * text; lines without id and time are taken as new only where they go beyond what was sent so before (by counting equal
 * ones), so that a repeated history adds nothing and a line said twice is kept twice. What did not come by a transcript (single
 * messages, the agent's words, Baton's own lines) is recognised by Baton's id, or by the same role and text.
 */
export async function newLines(tx: Tx, of: Of, messages: ConversationInput["messages"]): Promise<readonly Said[]> {
  const seen = new Map<string, number>();
  const lines = messages.map((message) => ({ message, externalId: identity(message, seen) }));
  const ids = lines.map((line) => line.externalId);
  const known = of.isNew ? new Set<string>() : await tx.knownExternalIds(of.workspaceId, of.conversationId, ids);
  const taken = new Set<string>();
  const fresh: Line[] = [];
  for (const line of lines) {
    if (known.has(line.externalId) || taken.has(line.externalId)) continue;
    taken.add(line.externalId);
    fresh.push(line);
  }
  const added = of.isNew || !fresh.some(mayBeOurs) ? fresh : await withoutOurs(tx, of, fresh);
  return added.map(({ message, externalId }) => ({
    role: message.role,
    text: message.text,
    at: message.at ?? of.now,
    authorName: message.authorName,
    attachments: message.attachments,
    externalId,
  }));
}

function identity(message: TranscriptMessage, seen: Map<string, number>): string {
  if (message.id !== null) return BOT_MESSAGE + message.id;
  const attachments = message.attachments.map((one) => one.url);
  const content = JSON.stringify([message.role, message.at?.getTime() ?? null, message.text, attachments]);
  const hash = createHash("sha256").update(content).digest("base64url").slice(0, 22);
  const count = (seen.get(hash) ?? 0) + 1;
  seen.set(hash, count);
  return `${LINE}${hash}:${count}`;
}

const isOurId = (id: string | null): id is string => id?.startsWith(`${ID_PREFIXES.message}_`) ?? false;

/** The bot heard of it from Baton, or told Baton of it in another way than by a transcript. */
const mayBeOurs = ({ message }: Line): boolean => message.id === null || isOurId(message.id);

async function withoutOurs(tx: Tx, of: Of, fresh: readonly Line[]): Promise<readonly Line[]> {
  const ours = new Map<string, Message[]>();
  const ids = new Set<string>();
  for (let afterSeq = 0; ;) {
    const page = await tx.messages(of.workspaceId, of.conversationId, { afterSeq, limit: PAGE });
    for (const message of page) {
      ids.add(message.id);
      const byBot = message.externalId?.startsWith(BOT_MESSAGE) || message.externalId?.startsWith(LINE);
      if (byBot) continue;
      const alike = ours.get(wordsOf(message));
      if (alike === undefined) ours.set(wordsOf(message), [message]);
      else alike.push(message);
    }
    if (page.length < PAGE) break;
    afterSeq = page.at(-1)?.seq ?? afterSeq;
  }
  return fresh.filter(({ message }) => {
    if (message.id !== null) return !(isOurId(message.id) && ids.has(message.id));
    const alike = ours.get(wordsOf(message)) ?? [];
    const { at } = message;
    const same = alike.findIndex((one) => at === null || Math.abs(one.at.getTime() - at.getTime()) <= SAME_TIME_MS);
    if (same === -1) return true;
    alike.splice(same, 1);
    return false;
  });
}

/** A bot shows Baton's replies as its own words. */
const wordsOf = ({ role, text }: Pick<Message, "role" | "text">): string =>
  `${role === "system" ? "bot" : role}\n${text}`;
