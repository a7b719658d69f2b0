import { createHash } from "node:crypto";
import type { ConversationInput, TranscriptMessage } from "../domain/conversation.ts";
import { BOT_MESSAGE } from "./events.ts";
import type { Said } from "./turn.ts";
import type { Tx } from "../ports-store.ts";

/**
 * The lines of a request's transcript that the conversation does not have yet, in order.
 *
 * A bot may send its whole history with every request. Lines with an id are known by it, lines without one by role, time and
 * text; lines without id and time are taken as new only where they go beyond what was sent so before (by counting equal
 * ones), so that a repeated history adds nothing and a line said twice is kept twice.
 */
export async function newLines(
  tx: Tx,
  of: { workspaceId: string; conversationId: string; now: Date; isNew: boolean },
  messages: ConversationInput["messages"],
): Promise<readonly Said[]> {
  const seen = new Map<string, number>();
  const lines = messages.map((message) => ({ message, externalId: identity(message, seen) }));
  const ids = lines.map((line) => line.externalId);
  const known = of.isNew ? new Set<string>() : await tx.knownExternalIds(of.workspaceId, of.conversationId, ids);
  const taken = new Set<string>();
  const fresh: Said[] = [];
  for (const { message, externalId } of lines) {
    if (known.has(externalId) || taken.has(externalId)) continue;
    taken.add(externalId);
    fresh.push({
      role: message.role,
      text: message.text,
      at: message.at ?? of.now,
      authorName: message.authorName,
      attachments: message.attachments,
      externalId,
    });
  }
  return fresh;
}

function identity(message: TranscriptMessage, seen: Map<string, number>): string {
  if (message.id !== null) return BOT_MESSAGE + message.id;
  const attachments = message.attachments.map((one) => one.url);
  const content = JSON.stringify([message.role, message.at?.getTime() ?? null, message.text, attachments]);
  const hash = createHash("sha256").update(content).digest("base64url").slice(0, 22);
  const count = (seen.get(hash) ?? 0) + 1;
  seen.set(hash, count);
  return `line:${hash}:${count}`;
}
