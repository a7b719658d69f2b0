import { z } from "zod";
import type { HelpdeskEvent, Inbound } from "../../src/ports.ts";
import { assigneeEvents, fingerprint, Holder, isForeign, messageInbound, statusEvents, unused } from "./events.ts";
import type { Receiver } from "./events.ts";
import { dateOf, shownName, statusOf } from "./mapping.ts";
import type { Speaker } from "./mapping.ts";
import { isWebAddress } from "./parts.ts";
import { Conversation, Id, Message } from "./shapes.ts";

const text = z.string().nullish().catch(null);

const Person = z.looseObject({
  id: Id.nullish().catch(null),
  first_name: text,
  last_name: text,
  avatar: z.looseObject({ url: text }).nullish().catch(null),
});

/** What the Marketplace app is given by FreshChat (marketplace sheet, section 3), and passes on as it is. */
const Forwarded = z.looseObject({
  timestamp: z.union([z.number(), z.string()]).nullish().catch(null),
  data: z.looseObject({
    actor: Person.nullish().catch(null),
    associations: z
      .looseObject({ agent: Person.nullish().catch(null) })
      .nullish()
      .catch(null),
    message: z.unknown().optional(),
    conversation: Conversation.nullish().catch(null),
    agent_activity: z.unknown().optional(),
    changes: z
      .looseObject({ model_changes: z.record(z.string(), z.unknown()).nullish().catch(null) })
      .nullish()
      .catch(null),
  }),
});
type Forwarded = z.infer<typeof Forwarded>;

/** In `onMessageCreate` this is the conversation, and the new message the first of its list. */
const MessageHolder = z.looseObject({
  app_id: Id.nullish().catch(null),
  conversation_id: Id.nullish().catch(null),
  messages: z.array(z.unknown()).nullish().catch(null),
});

/** An event that the Marketplace app forwarded, in our words. Pure; never throws. */
export function readForwarded(event: string, payload: unknown, receiver: Receiver): Inbound {
  const { data: forwarded } = Forwarded.safeParse(payload);
  if (forwarded === undefined) return unused(event, payload);
  switch (event) {
    case "onMessageCreate":
      return readMessage(forwarded, receiver) ?? unused(event, payload);
    case "onConversationUpdate":
      return readUpdate(forwarded, receiver) ?? unused(event, payload);
    case "onConversationCreate":
      return readCreation(forwarded, receiver) ?? unused(event, payload);
    case "onAgentActivityCreate":
    case "onAgentCustomStatusUpdate":
      return { ...unused(event, [forwarded.timestamp, forwarded.data]), presenceChanged: true };
    default:
      return unused(event, payload);
  }
}

function readMessage(forwarded: Forwarded, receiver: Receiver): Inbound | null {
  const { message: given } = forwarded.data;
  const { data: holder } = MessageHolder.safeParse(given);
  if (holder === undefined) return null;
  const { data: message } = Message.safeParse(holder.messages ? holder.messages[0] : given);
  if (message === undefined) return null;
  const at = dateOf(forwarded.timestamp);
  const agent = speakerOf(forwarded, message.actor_id);
  const { conversation_id: conversationId = null, app_id: appId } = holder;
  return messageInbound({ forms: [message], conversationId, appIds: [appId], agent, at }, receiver);
}

/** Who an id is, as far as the event tells. */
function speakerOf({ data: { associations, actor } }: Forwarded, id: string | null): Speaker {
  const person = id === null ? undefined : [associations?.agent, actor].find((one) => one?.id === id);
  const avatar = person?.avatar?.url ?? "";
  return {
    id,
    name: shownName(person?.first_name, person?.last_name),
    avatarUrl: isWebAddress(avatar) ? avatar : null,
  };
}

/** `[old, new]`, or null for what did not change. */
const Changed = z.tuple([z.unknown(), z.unknown()]);
const HolderChange = Changed.transform(([from, to]) => ({ from: Holder.parse(from), to: Holder.parse(to) }));

function readUpdate(forwarded: Forwarded, receiver: Receiver): Inbound | null {
  const { conversation, changes } = forwarded.data;
  if (!conversation) return null;
  const { conversation_id: id } = conversation;
  const at = dateOf(forwarded.timestamp) ?? dateOf(conversation.updated_time);
  const model = changes?.model_changes ?? {};
  const dedupeKey = `onConversationUpdate:${fingerprint([id, at?.getTime() ?? null, model])}`;
  if (isForeign([conversation.app_id], receiver)) return { dedupeKey, events: [] };
  const version = at?.getTime() ?? null;
  const { data: agent } = HolderChange.safeParse(model["assigned_agent_id"]);
  const { data: group } = HolderChange.safeParse(model["assigned_group_id"]);
  const unmoved = { from: "", to: "" };
  const agentName = speakerOf(forwarded, agent?.to ?? null).name;
  const moved = { agent: agent ?? unmoved, group: group ?? unmoved, agentName };
  const events = [...assigneeEvents(id, version, moved, receiver), ...changedStatus(id, version, model["status"])];
  // Changed in a way that is not told, or in one that we do not know.
  return { dedupeKey, events: events.length > 0 ? events : [{ type: "changed", conversationId: id }] };
}

/** Ended, or opened again; between other states, as from new to assigned, nothing happens that the assignee does not tell. */
function changedStatus(conversationId: string, version: number | null, change: unknown): HelpdeskEvent[] {
  const { data } = Changed.safeParse(change);
  const [before, after] = (data ?? []).map((status) => (typeof status === "string" ? status : ""));
  if (before === undefined || after === undefined || after === "") return [];
  const isTurn = statusOf(before) !== statusOf(after) || /^reopen/i.test(after);
  return isTurn ? statusEvents(conversationId, version, after) : [];
}

function readCreation({ timestamp, data: { conversation } }: Forwarded, receiver: Receiver): Inbound | null {
  if (!conversation) return null;
  const { conversation_id: conversationId, app_id: appId } = conversation;
  const at = dateOf(timestamp)?.getTime() ?? null;
  const dedupeKey = `onConversationCreate:${fingerprint([conversationId, at])}`;
  return { dedupeKey, events: isForeign([appId], receiver) ? [] : [{ type: "changed", conversationId }] };
}
