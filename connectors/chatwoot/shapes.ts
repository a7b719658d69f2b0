import { z } from "zod";

/**
 * Chatwoot's records, as far as we read them. Loose, since releases add fields, and forgiving: a field of an unexpected kind
 * counts as missing, so that one odd field does not cost a message. Ids are numbers; everything else may be missing.
 */
export const Id = z.union([
  z.int().nonnegative(),
  z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number),
]);

const text = z.string().nullish().catch(null);
const attributes = z.record(z.string(), z.unknown()).nullish().catch(null);
/** Unix seconds, or ISO 8601. */
const moment = z.union([z.number(), z.string()]).nullish().catch(null);

/** Somebody: an agent, a bot, a contact. */
export const Person = z.looseObject({
  id: Id.nullish().catch(null),
  name: text,
  available_name: text,
  avatar_url: text,
  thumbnail: text,
  /** `user`, `agent_bot` or `contact`; missing for a contact at the root of a webhook. */
  type: text,
});
export type Person = z.infer<typeof Person>;

export const Attachment = z.looseObject({
  data_url: text,
  content_type: text,
  file_type: text,
  file_size: z.number().nullish().catch(null),
  fallback_title: text,
  coordinates_lat: z.number().nullish().catch(null),
  coordinates_long: z.number().nullish().catch(null),
});
export type Attachment = z.infer<typeof Attachment>;

export const Message = z.looseObject({
  id: Id,
  content: text,
  /** A word in webhooks, a number in lists. */
  message_type: z.union([z.string(), z.number()]).nullish().catch(null),
  content_type: text,
  content_attributes: attributes,
  additional_attributes: attributes,
  created_at: moment,
  /** Fails closed: what does not say that it is public is private. */
  private: z.boolean().catch(true),
  source_id: text,
  sender: Person.nullish().catch(null),
  attachments: z.array(Attachment.catch({})).nullish().catch(null),
});
export type Message = z.infer<typeof Message>;

/** The visitor, as a conversation names them. */
export const Sender = z.looseObject({
  id: Id.nullish().catch(null),
  name: text,
  email: text,
  phone_number: text,
  identifier: text,
  custom_attributes: attributes,
  additional_attributes: attributes,
});
export type Sender = z.infer<typeof Sender>;

export const Meta = z.looseObject({
  sender: Sender.nullish().catch(null),
  /** Of the inbox, such as `Channel::WebWidget`; in the API only, webhooks have it beside. */
  channel: text,
  assignee: Person.nullish().catch(undefined),
  assignee_type: text,
  team: z.looseObject({ id: Id }).nullish().catch(null),
});
export type Meta = z.infer<typeof Meta>;

/** A conversation, in an answer of the API or in a webhook. `id` is its display id, the one in paths. */
export const Conversation = z.looseObject({
  id: Id,
  status: text,
  inbox_id: Id.nullish().catch(null),
  account: z
    .looseObject({ id: Id.nullish().catch(null) })
    .nullish()
    .catch(null),
  account_id: Id.nullish().catch(null),
  labels: z.array(z.string()).nullish().catch(null),
  custom_attributes: attributes,
  additional_attributes: attributes,
  last_activity_at: moment,
  updated_at: moment,
  agent_last_seen_at: moment,
  meta: Meta.nullish().catch(null),
  messages: z.array(Message).nullish().catch(null),
  last_non_activity_message: Message.nullish().catch(null),
});
export type Conversation = z.infer<typeof Conversation>;

export const Contact = z.looseObject({
  id: Id,
  name: text,
  email: text,
  phone_number: text,
  identifier: text,
  custom_attributes: attributes,
});
export type Contact = z.infer<typeof Contact>;

/** Answers that wrap what they hold. */
export const wrapped = <T extends z.ZodType>(payload: T) => z.looseObject({ payload });

export const Profile = z.looseObject({
  id: Id,
  role: text,
  accounts: z
    .array(
      z.looseObject({
        id: Id,
        name: text,
        role: text,
        status: text,
        api_and_webhooks: z.boolean().nullish().catch(null),
      }),
    )
    .nullish()
    .catch(null),
});

export type Profile = z.infer<typeof Profile>;

export const Team = z.looseObject({ id: Id, name: text });
export type Team = z.infer<typeof Team>;

export const Member = z.looseObject({ id: Id, availability_status: text });

const flag = z.boolean().nullish().catch(null);

export const Inbox = z.looseObject({
  id: Id,
  name: text,
  channel_type: text,
  webhook_url: text,
  secret: text,
  hmac_token: text,
  /** Random: tells an inbox from one with the same number in another installation. */
  inbox_identifier: text,
  greeting_enabled: flag,
  working_hours_enabled: flag,
  out_of_office_message: text,
  lock_to_single_conversation: flag,
});
export type Inbox = z.infer<typeof Inbox>;

/** `access_token` and `secret` are shown to administrators only; `secret` since 4.13. */
export const AgentBot = z.looseObject({
  id: Id,
  name: text,
  outgoing_url: text,
  access_token: text,
  secret: text,
  system_bot: flag,
});
export type AgentBot = z.infer<typeof AgentBot>;

/** `secret` since 4.12. */
export const AccountWebhook = z.looseObject({
  id: Id,
  url: text,
  secret: text,
  subscriptions: z.array(z.string()).nullish().catch(null),
});
export type AccountWebhook = z.infer<typeof AccountWebhook>;

export const Label = z.looseObject({ id: Id, title: text, description: text });
export type Label = z.infer<typeof Label>;

export const AttributeDefinition = z.looseObject({
  id: Id,
  attribute_key: text,
  attribute_model: z.union([z.string(), z.number()]).nullish().catch(null),
  attribute_description: text,
});
export type AttributeDefinition = z.infer<typeof AttributeDefinition>;

export const DashboardApp = z.looseObject({
  id: Id,
  title: text,
  content: z
    .array(z.looseObject({ url: text }))
    .nullish()
    .catch(null),
});
export type DashboardApp = z.infer<typeof DashboardApp>;
