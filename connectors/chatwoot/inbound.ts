import { createHash } from "node:crypto";
import { z } from "zod";
import { HandoffError } from "../../src/domain/errors.ts";
import type { HelpdeskEvent, Inbound } from "../../src/ports.ts";
import { formIn } from "./channel/form.ts";
import { assigneeOf, statusOf, toAgentMessage, versionOf } from "./mapping.ts";
import { keyOf } from "./messages.ts";
import { Conversation, Id, Message, Person } from "./shapes.ts";

/** Which webhooks are ours, and how far their content may be believed. */
export interface Receiver {
  /** Null until the install has found or made it: then nothing is ours. */
  readonly accountId: number | null;
  readonly inboxId: number | null;
  /** Chatwoot's own inboxes in which our bot answers. */
  readonly botInboxIds: readonly number[];
  /** False where only the secret in the address proves a webhook: then it says no more than that there is news. */
  readonly isSigned: boolean;
}

const Envelope = z.looseObject({ event: z.string().max(200) });

const MessageEvent = Message.extend({
  account: z.looseObject({ id: Id }).nullish().catch(null),
  inbox: z.looseObject({ id: Id }).nullish().catch(null),
  conversation: Conversation,
});

const ConversationEvent = Conversation.extend({
  changed_attributes: z.array(z.record(z.string(), z.unknown())).nullish().catch(null),
});

const TypingEvent = z.looseObject({
  user: Person.nullish().catch(null),
  conversation: Conversation,
  /** Fails closed, like a message's. */
  is_private: z.boolean().catch(true),
});

/**
 * A webhook of an API inbox in our words. Pure. Events of other accounts and inboxes, and those we do not use, give none. One of an
 * inbox in which our bot answers says no more than that there is news: the agent bot and the account tell of it, in any order.
 *
 * Status and assignee are read from every conversation that comes along: the event of its own can be missing (sheet 3.5).
 * Messages come from the top level only, since the nested ones are about other messages.
 *
 * @throws HandoffError `malformed_body` for what is no webhook at all
 */
export function toInbound(payload: unknown, receiver: Receiver): Inbound {
  const envelope = Envelope.safeParse(payload);
  if (!envelope.success)
    throw new HandoffError("malformed_body", "The body is not a webhook of Chatwoot: it names no event.");
  const inbound = read(envelope.data.event, payload, receiver);
  if (receiver.isSigned) return inbound;
  const ids = new Set(inbound.events.map((event) => event.conversationId));
  return { ...inbound, events: [...ids].map((conversationId) => ({ type: "changed", conversationId })) };
}

function read(event: string, payload: unknown, receiver: Receiver): Inbound {
  switch (event) {
    case "message_created":
    case "message_updated":
      return readMessage(event, payload, receiver);
    case "conversation_created":
    case "conversation_updated":
    case "conversation_status_changed":
    case "conversation_opened":
    case "conversation_resolved":
      return readConversation(event, payload, receiver);
    case "conversation_typing_on":
    case "conversation_typing_off":
      return readTyping(event, payload, receiver);
    default:
      return unused(event, payload);
  }
}

function readMessage(event: "message_created" | "message_updated", payload: unknown, receiver: Receiver): Inbound {
  const parsed = MessageEvent.safeParse(payload);
  if (!parsed.success) return unused(event, payload);
  const { conversation, account, inbox, ...message } = parsed.data;
  // What was created is the same in every delivery; what was updated is told by what it is now.
  const state = event === "message_created" ? "" : `:${fingerprint([message.content, message.content_attributes])}`;
  const dedupeKey = `${event}:${message.id}${state}`;
  const of = placeOf(receiver, { ...conversation, account: account ?? conversation.account }, inbox?.id);
  const isAnswer = event === "message_updated" && (formIn(message)?.values ?? null) !== null;
  if (of === "bot" && !message.private && (keyOf(message) === null || isAnswer))
    return doorbell(dedupeKey, conversation);
  if (of !== "api" || message.private || keyOf(message) !== null) return { dedupeKey, events: [] };
  const known = toAgentMessage(message, peopleIn(conversation, message.id));
  const conversationId = String(conversation.id);
  return {
    dedupeKey,
    events: [
      ...(known ? [{ type: "message" as const, conversationId, message: known }] : []),
      ...stateEvents(conversation),
    ],
  };
}

/** People who are named in full in a message's webhook: the assignee, and the sender of this very message. */
function peopleIn({ meta, messages }: Conversation, messageId: number): Person[] {
  const same = messages?.find((message) => message.id === messageId)?.sender;
  return [same, meta?.assignee].filter((person) => person !== null && person !== undefined);
}

function readConversation(event: string, payload: unknown, receiver: Receiver): Inbound {
  const parsed = ConversationEvent.safeParse(payload);
  if (!parsed.success) return unused(event, payload);
  const conversation = parsed.data;
  const holder = conversation.meta?.assignee?.id ?? "";
  // Without a stamp, everything that is told sets one change apart from the next.
  const stamp = versionOf(conversation) ?? fingerprint(payload);
  const dedupeKey = `${event}:${conversation.id}:${stamp}:${statusOf(conversation) ?? ""}:${holder}`;
  const of = placeOf(receiver, conversation, null);
  if (of === "bot") return doorbell(dedupeKey, conversation);
  if (of !== "api") return { dedupeKey, events: [] };
  return { dedupeKey, events: [...stateEvents(conversation), ...releaseEvents(conversation)] };
}

/**
 * Status and assignee, stamped. Nobody having the conversation is no news here: an agent may answer without taking it, and that
 * is no release. See {@link releaseEvents}.
 */
function stateEvents(conversation: Conversation): HelpdeskEvent[] {
  const conversationId = String(conversation.id);
  const version = versionOf(conversation);
  if (version === null) return [{ type: "changed", conversationId }];
  const status = statusOf(conversation);
  const agent = assigneeOf(conversation.meta);
  return [
    ...(agent ? [{ type: "assignee" as const, conversationId, agent, version }] : []),
    ...(status ? [{ type: "status" as const, conversationId, status, version }] : []),
  ];
}

/** The assignee was taken away; also silently, by a team or an unknown id, which shows in the changes (sheet 3.3). */
function releaseEvents(conversation: z.infer<typeof ConversationEvent>): HelpdeskEvent[] {
  const version = versionOf(conversation);
  if (version === null || assigneeOf(conversation.meta) !== null) return [];
  const change = conversation.changed_attributes?.find((item) => Object.hasOwn(item, "assignee_id"))?.["assignee_id"];
  const before = z.looseObject({ previous_value: Id }).safeParse(change);
  if (!before.success) return [];
  return [{ type: "assignee", conversationId: String(conversation.id), agent: null, version }];
}

function readTyping(event: string, payload: unknown, receiver: Receiver): Inbound {
  const parsed = TypingEvent.safeParse(payload);
  if (!parsed.success) return unused(event, payload);
  const { conversation, user } = parsed.data;
  const stamps = `${versionOf(conversation) ?? ""}:${conversation.agent_last_seen_at ?? ""}`.slice(0, 60);
  const dedupeKey = `${event}:${conversation.id}:${user?.id ?? ""}:${stamps}`;
  if (placeOf(receiver, conversation, null) !== "api") return { dedupeKey, events: [] };
  const isByAgent = user?.type?.toLowerCase() === "user" && !parsed.data.is_private;
  if (!isByAgent) return { dedupeKey, events: [] };
  const on = event === "conversation_typing_on";
  return { dedupeKey, events: [{ type: "typing", conversationId: String(conversation.id), on }] };
}

/** Releases before 4.14.2 name no account in conversation events; inbox ids are unique in the whole installation. */
function placeOf(
  receiver: Receiver,
  conversation: Conversation,
  inboxId: number | null | undefined,
): "api" | "bot" | null {
  const accounts = [conversation.account?.id, conversation.account_id].filter((id) => id !== null && id !== undefined);
  const inboxes = [conversation.inbox_id, inboxId].filter((id) => id !== null && id !== undefined);
  const [inbox] = inboxes;
  const isOneOfOurs =
    receiver.accountId !== null &&
    accounts.every((id) => id === receiver.accountId) &&
    inbox !== undefined &&
    inboxes.every((id) => id === inbox);
  if (!isOneOfOurs) return null;
  if (inbox === receiver.inboxId) return "api";
  return receiver.botInboxIds.includes(inbox) ? "bot" : null;
}

const doorbell = (dedupeKey: string, { id }: Conversation): Inbound => ({
  dedupeKey,
  events: [],
  hosted: [String(id)],
});

const unused = (event: string, payload: unknown): Inbound => ({
  dedupeKey: `unused:${event.slice(0, 100)}:${fingerprint(payload)}`,
  events: [],
});

function fingerprint(value: unknown): string {
  return createHash("sha256").update(written(value)).digest("hex").slice(0, 32);
}

/** Nesting too deep to be written down is nesting that no Chatwoot sends. */
function written(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    return "unwritable";
  }
}
