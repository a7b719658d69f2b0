import { z } from "zod";

/**
 * FreshChat's messages and conversations, as far as we read them, in answers of the API and in webhooks of all ages (sheet 1.8,
 * 1.9, 2). Loose, since fields come and go with an account's age, and forgiving: a field of an unexpected kind counts as missing, so
 * that one odd field does not cost a message. What decides who may read a message fails closed instead.
 */

const isReadableId = (text: string): boolean =>
  /^[^\p{Cc}\p{Cs}\u2028\u2029]{1,200}$/u.test(text) && text.trim() === text;

/** Mostly a UUID; not always (sheet 2). The second id of a conversation is a number. */
export const Id = z.union([z.string(), z.int().nonnegative()]).transform(String).refine(isReadableId);

/** Absent, null, empty and unreadable are all null. */
const optionalId = Id.nullish()
  .catch(null)
  .transform((id) => id ?? null);

const text = z.string().nullish().catch(null);
/** ISO 8601; epoch milliseconds in forwarded events. */
const moment = z.union([z.string(), z.number()]).nullish().catch(null);
/** Read in parts.ts, each part for itself and only so deep. */
const parts = z.array(z.unknown()).nullish().catch(null);

export const Message = z.looseObject({
  id: Id,
  app_id: optionalId,
  conversation_id: optionalId,
  freshchat_conversation_id: optionalId,
  interaction_id: optionalId,
  actor_type: text,
  actor_id: optionalId,
  org_actor_id: optionalId,
  user_id: optionalId,
  /** Not mended: what is there and is not the word `normal` is no message for the visitor. */
  message_type: z.unknown().optional(),
  /** Not mended: what is there and is not `false` marks a note. */
  botsPrivateNote: z.unknown().optional(),
  created_time: moment,
  message_parts: parts,
  reply_parts: parts,
  /** The form of 2018. */
  msg_parts: parts,
});
export type Message = z.infer<typeof Message>;

/** A list of which the readable ones are taken. */
const Messages = z.array(z.unknown()).transform((all) =>
  all.flatMap((one) => {
    const { data } = Message.safeParse(one);
    return data === undefined ? [] : [data];
  }),
);

/** Newest first; `link` leads to older ones and is absent at the end (sheet 1.6). */
export const MessageList = z.looseObject({
  messages: Messages,
  link: z.looseObject({ href: text }).nullish().catch(null),
});
export type MessageList = z.infer<typeof MessageList>;

export const Conversation = z.looseObject({
  conversation_id: Id,
  conversation_internal_id: optionalId,
  freshchat_conversation_id: optionalId,
  app_id: optionalId,
  status: text,
  channel_id: optionalId,
  user_id: optionalId,
  url: text,
  assigned_agent_id: optionalId,
  assigned_group_id: optionalId,
  created_time: moment,
  updated_time: moment,
  messages: Messages.nullish().catch(null),
});
export type Conversation = z.infer<typeof Conversation>;

/** The number that some accounts know a conversation by, besides its id (sheet 1.8). */
export const otherIdOf = (conversation: Conversation): string | null =>
  conversation.conversation_internal_id ?? conversation.freshchat_conversation_id;
