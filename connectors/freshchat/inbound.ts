import { z } from "zod";
import { HandoffError } from "../../src/domain/errors.ts";
import type { Inbound } from "../../src/ports.ts";
import { readForwarded } from "./app-events.ts";
import { decodeData } from "./encoded.ts";
import { assigneeEvents, fingerprint, Holder, isForeign, messageInbound, statusEvents, unused } from "./events.ts";
import type { Receiver } from "./events.ts";
import { dateOf } from "./mapping.ts";
import { Conversation, Id, Message } from "./shapes.ts";

export type { Receiver } from "./events.ts";

/** A webhook of the account names an `action`, an event of the Marketplace app an `event`. */
const Envelope = z.union([
  z.looseObject({ action: z.string().max(200) }),
  z.looseObject({ action: z.undefined().optional(), event: z.string().max(200) }),
]);

const Webhook = z.looseObject({
  action_time: z.union([z.string(), z.number()]).nullish().catch(null),
  data: z.unknown().optional(),
  encoded_data: z.unknown().optional(),
});

const MessageData = z.looseObject({ message: Message });

const change = z.looseObject({ conversation: Conversation, interaction_id: Id.nullish().catch(null) });
const ResolveData = z.looseObject({ resolve: change });
const ReopenData = z.looseObject({ reopen: change });
const AssignmentData = z.looseObject({
  assignment: change.extend({
    to_agent_id: Holder,
    from_agent_id: Holder,
    to_group_id: Holder,
    from_group_id: Holder,
  }),
});

/**
 * A webhook of the account (sheet 2), or an event that the Marketplace app forwarded, in our words. Pure. Those of other accounts,
 * those we do not use, and those that cannot be read give no events: Baton looks at its conversations by itself as well.
 *
 * @throws HandoffError `malformed_body` for what is no webhook at all
 */
export function toInbound(payload: unknown, receiver: Receiver): Inbound {
  const envelope = Envelope.safeParse(payload);
  if (!envelope.success)
    throw new HandoffError(
      "malformed_body",
      "The body is no webhook of FreshChat: it names neither an action nor an event.",
    );
  const { data } = envelope;
  return data.action === undefined
    ? readForwarded(data.event, payload, receiver)
    : readWebhook(data.action, payload, receiver);
}

function readWebhook(action: string, payload: unknown, receiver: Receiver): Inbound {
  const { data: webhook } = Webhook.safeParse(payload);
  if (webhook === undefined) return unused(action, payload);
  const given: Given = { action, contents: contentsOf(webhook), at: dateOf(webhook.action_time), payload };
  switch (action) {
    case "message_create":
      return readMessage(given, receiver);
    case "conversation_assignment":
      return readAssignment(given, receiver);
    case "conversation_resolution":
      return readStatus(given, firstOf(ResolveData, given)?.resolve, "resolved", receiver);
    case "conversation_reopen":
      return readStatus(given, firstOf(ReopenData, given)?.reopen, "reopened", receiver);
    default:
      return unused(action, payload);
  }
}

interface Given {
  readonly action: string;
  /** What may be the content, the fullest first. */
  readonly contents: readonly unknown[];
  readonly at: Date | null;
  readonly payload: unknown;
}

/** `encoded_data` is there when the content is large, and then more likely whole than what is beside it. */
function contentsOf({ data, encoded_data: encoded }: z.infer<typeof Webhook>): unknown[] {
  const decoded = encoded === undefined ? undefined : decodeData(encoded);
  const whole = z.looseObject({ action: z.string(), data: z.unknown() }).safeParse(decoded);
  return [whole.success ? whole.data.data : decoded, data];
}

const allOf = <T>(shape: z.ZodType<T>, { contents }: Given): T[] =>
  contents.flatMap((content) => {
    const { data } = shape.safeParse(content);
    return data === undefined ? [] : [data];
  });

const firstOf = <T>(shape: z.ZodType<T>, given: Given): T | undefined => allOf(shape, given)[0];

function readMessage(given: Given, receiver: Receiver): Inbound {
  const [message, ...others] = allOf(MessageData, given).map((data) => data.message);
  if (message === undefined) return unused(given.action, given.payload);
  const agent = { id: message.actor_id, name: null, avatarUrl: null };
  return messageInbound(
    { forms: [message, ...others], conversationId: null, appIds: [], agent, at: given.at },
    receiver,
  );
}

function readAssignment(given: Given, receiver: Receiver): Inbound {
  const assignment = firstOf(AssignmentData, given)?.assignment;
  if (assignment === undefined) return unused(given.action, given.payload);
  const { conversation, to_agent_id: to, from_agent_id: from } = assignment;
  const { to_group_id: toGroup, from_group_id: fromGroup } = assignment;
  const dedupeKey = keyOf(given, assignment, [to, from, toGroup, fromGroup]);
  if (isForeign([conversation.app_id], receiver)) return { dedupeKey, events: [] };
  const moved = { agent: { from, to }, group: { from: fromGroup, to: toGroup } };
  const version = given.at?.getTime() ?? null;
  return { dedupeKey, events: assigneeEvents(conversation.conversation_id, version, moved, receiver) };
}

function readStatus(
  given: Given,
  changed: z.infer<typeof change> | undefined,
  status: "resolved" | "reopened",
  receiver: Receiver,
): Inbound {
  if (changed === undefined) return unused(given.action, given.payload);
  const { conversation } = changed;
  const dedupeKey = keyOf(given, changed, []);
  if (isForeign([conversation.app_id], receiver)) return { dedupeKey, events: [] };
  const version = given.at?.getTime() ?? null;
  return { dedupeKey, events: statusEvents(conversation.conversation_id, version, status) };
}

/** Distinct for each event: a second resolution has another time, and after a reopening another interaction (sheet 2). */
function keyOf({ action, at }: Given, changed: z.infer<typeof change>, more: readonly unknown[]): string {
  const { conversation, interaction_id: interaction } = changed;
  const state = [conversation.conversation_id, interaction ?? null, at?.getTime() ?? null, conversation.status, more];
  return `${action}:${fingerprint(state)}`;
}
