import type { Attachment, Conversation, Message } from "../domain/conversation.ts";
import type { Lead } from "../domain/handoff.ts";
import type { Reads, StoredEvent } from "../ports-store.ts";

/** Everything that a conversation's event stream can tell. */
export const EVENT_TYPES = [
  "handoff.requested",
  "handoff.opened",
  "handoff.moved",
  "handoff.acknowledged",
  "handoff.reassigned",
  "handoff.released",
  "handoff.missed",
  "handoff.resolved",
  "handoff.cancelled",
  "lead.captured",
  "control.changed",
  "message.created",
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** Those that the bot is called back for (design.md section 6). Of messages, only an agent's. */
export const CALLBACK_TYPES: ReadonlySet<EventType> = new Set<EventType>([
  "message.created",
  "handoff.opened",
  "handoff.acknowledged",
  "handoff.resolved",
  "handoff.cancelled",
  "handoff.missed",
  "lead.captured",
  "control.changed",
]);

/** A message as callers see it. */
export interface MessageView {
  readonly id: string;
  readonly seq: number;
  readonly role: Message["role"];
  readonly text: string;
  readonly authorName: string | null;
  readonly at: string;
  readonly attachments: readonly Attachment[];
  readonly pruned?: boolean;
}

/** What a stream or a callback carries. The same event has the same `id` wherever and however often it is seen. */
export interface EventView {
  readonly id: string;
  readonly seq: number;
  readonly type: string;
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The bot's own id of a message where it gave one, else Baton's. */
export function viewMessage(message: Message): MessageView {
  return {
    id: message.externalId?.startsWith(BOT_MESSAGE) ? message.externalId.slice(BOT_MESSAGE.length) : message.id,
    seq: message.seq,
    role: message.role,
    text: message.text,
    authorName: message.authorName,
    at: message.at.toISOString(),
    attachments: message.attachments,
    ...(message.pruned === true && { pruned: true }),
  };
}

/** Keeps the bot's message ids apart from the helpdesks' in the one column that makes both unique. */
export const BOT_MESSAGE = "bot:";

export function viewLead(lead: Lead): Readonly<Record<string, unknown>> {
  return {
    id: lead.id,
    handoffId: lead.handoffId,
    contact: lead.contact,
    consent: lead.consent && {
      text: lead.consent.text,
      url: lead.consent.url,
      locale: lead.consent.locale,
      version: lead.consent.version,
      hash: lead.consent.hash,
      agreedAt: lead.consent.agreedAt.toISOString(),
    },
    pageUrl: lead.pageUrl,
    locale: lead.locale,
    createdAt: lead.createdAt.toISOString(),
  };
}

/**
 * Events as they are told to the outside. Messages and leads are read from their own rows, so that a person's words stand
 * in one place only.
 */
export async function viewEvents(
  reads: Reads,
  conversation: Conversation,
  events: readonly StoredEvent[],
): Promise<readonly EventView[]> {
  const views: EventView[] = [];
  for (const event of events) {
    const { messageSeq, handoff, ...data } = event.data as {
      messageSeq?: number;
      handoff?: Record<string, unknown>;
      [key: string]: unknown;
    };
    const message =
      typeof messageSeq === "number"
        ? (await reads.messages(conversation.workspaceId, conversation.id, { afterSeq: messageSeq - 1, limit: 1 }))[0]
        : undefined;
    const lead =
      event.type === "lead.captured" && event.handoffId !== null
        ? await reads.leadOfHandoff(conversation.workspaceId, event.handoffId)
        : null;
    views.push({
      id: `evt_${conversation.id.slice(4)}_${event.seq}`,
      seq: event.seq,
      type: event.type,
      timestamp: event.at.toISOString(),
      data: {
        conversationId: conversation.key,
        handoff: event.handoffId === null ? null : { id: event.handoffId, ...handoff },
        ...data,
        actor: { kind: event.actor.kind, name: event.actor.name },
        ...(message && { message: viewMessage(message) }),
        ...(lead && { lead: viewLead(lead) }),
      },
    });
  }
  return views;
}
