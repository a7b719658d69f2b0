import type { HelpdeskRef } from "../../src/domain/handoff.ts";
import type { HelpdeskView } from "../../src/ports.ts";
import { readConversation } from "./conversation.ts";
import type { Desk } from "./desk.ts";
import { assigneeOf, dateOf, statusOf, toAgentMessage, versionOf } from "./mapping.ts";
import { readAfter } from "./messages.ts";
import type { Message } from "./shapes.ts";

/**
 * How much is read again, before the newest message seen. Ids are given before the commit, so a smaller one can appear later:
 * as late as a request may take there, which is 15 s.
 */
const OVERLAP_MS = 60_000;

/**
 * The conversation as it is in Chatwoot. The state is read before the messages: whatever was said before a conversation was
 * resolved is then among them. `cursor` is the id of the newest message that is surely followed by no late one.
 *
 * Throws DeliveryError.
 */
export async function lookAt(desk: Desk, ref: HelpdeskRef, cursor: string | null): Promise<HelpdeskView> {
  const conversation = await readConversation(desk.client, ref.conversationId);
  const messages = await readAfter(desk.client, ref.conversationId, numberOf(cursor));
  return {
    messages: messages.flatMap((message) => toAgentMessage(message) ?? []),
    cursor: settledId(messages)?.toString() ?? cursor,
    status: statusOf(conversation) ?? "open",
    assignee: assigneeOf(conversation.meta) ?? null,
    version: versionOf(conversation) ?? 0,
    isIncomplete: false,
  };
}

const numberOf = (cursor: string | null): number => (cursor !== null && /^\d{1,15}$/.test(cursor) ? Number(cursor) : 0);

/** The newest message that is surely followed by no late one; null for none. */
export function settledId(messages: readonly Message[]): number | null {
  const times = messages.map((message) => dateOf(message.created_at)?.getTime() ?? 0);
  const settledBefore = Math.max(...times) - OVERLAP_MS;
  const settled = messages.filter((_, i) => (times[i] ?? 0) <= settledBefore);
  return settled.length === 0 ? null : Math.max(...settled.map((message) => message.id));
}
