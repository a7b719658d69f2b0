import type { AgentBot } from "./installation-records.ts";
import {
  contactInboxOf,
  isAtLeast,
  lastMessage,
  messageTypes,
  unreadCount,
  type Attachment,
  type Change,
  type Contact,
  type Conversation,
  type Happening,
  type Json,
  type Message,
  type Sender,
  type State,
  type User,
} from "./state.ts";

/** Unix seconds, 0 for none: how Chatwoot writes most conversation times. */
export const seconds = (at: Date | null): number => (at ? Math.floor(at.getTime() / 1000) : 0);
const iso = (at: Date | null): string | null => at?.toISOString() ?? null;

export const accountShape = (state: State) => ({ id: state.accountId, name: state.accountName });

/** A contact as push events, nested messages and `meta.sender` show it. */
export const contactEventShape = (contact: Contact) => ({
  additional_attributes: contact.additionalAttributes,
  custom_attributes: contact.customAttributes,
  email: contact.email,
  id: contact.id,
  identifier: contact.identifier,
  name: contact.name,
  phone_number: contact.phoneNumber,
  thumbnail: contact.avatarUrl,
  blocked: contact.blocked,
  type: "contact",
});

/** A contact as the root of contact and typing events shows it: with account and avatar, without type. */
export const contactWebhookShape = (state: State, contact: Contact) => ({
  account: accountShape(state),
  additional_attributes: contact.additionalAttributes,
  avatar: contact.avatarUrl,
  custom_attributes: contact.customAttributes,
  email: contact.email,
  id: contact.id,
  identifier: contact.identifier,
  name: contact.name,
  phone_number: contact.phoneNumber,
  thumbnail: contact.avatarUrl,
  blocked: contact.blocked,
});

// Availability is null in what the background worker builds.
export const userEventShape = (user: User) => ({
  id: user.id,
  name: user.name,
  available_name: user.availableName,
  avatar_url: user.avatarUrl,
  type: "user",
  availability_status: null,
  thumbnail: user.avatarUrl,
});

const botEventShape = ({ id, name }: AgentBot) => ({ id, name, avatar_url: "", type: "agent_bot" });

/** Null for a bot that was deleted since. */
export function senderEventShape(state: State, sender: Sender): Json | null {
  if (sender.type === "Contact") return contactEventShape(state.contacts.get(sender.id)!);
  if (sender.type === "User") return userEventShape(state.users.get(sender.id)!);
  const bot = state.bots.get(sender.id);
  return bot ? botEventShape(bot) : null;
}

function senderWebhookShape(state: State, sender: Sender, typed: boolean): Json | null {
  if (sender.type === "AgentBot") {
    const bot = state.bots.get(sender.id);
    return bot ? { id: bot.id, name: bot.name, type: "agent_bot" } : null;
  }
  if (sender.type === "User") {
    const user = state.users.get(sender.id)!;
    return { id: user.id, name: user.name, email: user.email, type: "user" };
  }
  const contact = state.contacts.get(sender.id)!;
  return typed ? contactEventShape(contact) : contactWebhookShape(state, contact);
}

export function attachmentShape(state: State, message: Message, attachment: Attachment, baseUrl: string) {
  const url = `${baseUrl}/rails/active_storage/blobs/redirect/${attachment.id}/${encodeURIComponent(attachment.fileName)}`;
  return {
    id: attachment.id,
    message_id: message.id,
    file_type: attachment.fileType,
    account_id: state.accountId,
    extension: attachment.fileName.includes(".") ? attachment.fileName.split(".").at(-1) : null,
    content_type: attachment.contentType,
    data_url: url,
    thumb_url: attachment.fileType === "image" ? url : "",
    file_size: attachment.size,
    width: null,
    height: null,
  };
}

const attachmentsKey = (state: State, message: Message, baseUrl: string) =>
  message.attachments.length === 0
    ? {}
    : { attachments: message.attachments.map((item) => attachmentShape(state, message, item, baseUrl)) };

/** A message as push events and `conversation.messages[]` show it: numeric type, times in seconds. */
export function nestedMessageShape(state: State, message: Message, baseUrl: string): Json {
  const conversation = state.conversations.get(message.conversationId)!;
  return {
    id: message.id,
    content: message.content,
    account_id: state.accountId,
    inbox_id: conversation.inboxId,
    conversation_id: conversation.id,
    message_type: messageTypes.indexOf(message.messageType),
    created_at: seconds(message.createdAt),
    updated_at: iso(message.updatedAt),
    private: message.private,
    status: message.status,
    source_id: message.sourceId,
    content_type: message.contentType,
    content_attributes: message.contentAttributes,
    sender_type: message.sender?.type ?? null,
    sender_id: message.sender?.id ?? null,
    external_source_ids: {},
    additional_attributes: message.additionalAttributes,
    processed_message_content: message.content,
    sentiment: {},
    conversation: {
      assignee_id: conversation.assigneeId,
      unread_count: unreadCount(state, conversation),
      last_activity_at: seconds(conversation.lastActivityAt),
      contact_inbox: { source_id: contactInboxOf(state, conversation).sourceId },
    },
    ...attachmentsKey(state, message, baseUrl),
    ...(message.sender ? { sender: senderEventShape(state, message.sender) } : {}),
  };
}

function assigneeShape(state: State, conversation: Conversation) {
  const user = conversation.assigneeId === null ? undefined : state.users.get(conversation.assigneeId);
  const assignee = user ? userEventShape(user) : null;
  // A conversation can have a bot as its assignee since 4.8.0.
  if (!isAtLeast(state, "4.8")) return { assignee };
  const bot = conversation.assigneeBotId === null ? undefined : state.bots.get(conversation.assigneeBotId);
  if (bot) return { assignee: botEventShape(bot), assignee_type: "AgentBot" };
  return { assignee, assignee_type: user ? "User" : null };
}

/** A conversation as every webhook carries it. `messages` holds the last public message only (2.2). */
export function conversationEventShape(state: State, conversation: Conversation, baseUrl: string): Json {
  const contactInbox = contactInboxOf(state, conversation);
  const team = conversation.teamId === null ? undefined : state.teams.get(conversation.teamId);
  const last = lastMessage(state, conversation.id, (m) => !m.private && m.messageType !== "activity");
  return {
    additional_attributes: conversation.additionalAttributes,
    can_reply: true,
    channel: state.inboxes.get(conversation.inboxId)!.channelType,
    contact_inbox: {
      id: contactInbox.id,
      contact_id: contactInbox.contactId,
      inbox_id: contactInbox.inboxId,
      source_id: contactInbox.sourceId,
      created_at: iso(contactInbox.createdAt),
      updated_at: iso(contactInbox.updatedAt),
      hmac_verified: false,
      pubsub_token: contactInbox.pubsubToken,
    },
    id: conversation.id,
    inbox_id: conversation.inboxId,
    messages: last ? [nestedMessageShape(state, last, baseUrl)] : [],
    labels: conversation.labels,
    meta: {
      sender: contactEventShape(state.contacts.get(conversation.contactId)!),
      ...assigneeShape(state, conversation),
      team: team ? { id: team.id, name: team.name, icon: null, icon_color: null } : null,
      hmac_verified: false,
    },
    status: conversation.status,
    custom_attributes: conversation.customAttributes,
    snoozed_until: iso(conversation.snoozedUntil),
    unread_count: unreadCount(state, conversation),
    first_reply_created_at: iso(conversation.firstReplyCreatedAt),
    priority: conversation.priority,
    waiting_since: seconds(conversation.waitingSince),
    agent_last_seen_at: seconds(conversation.agentLastSeenAt),
    contact_last_seen_at: seconds(conversation.contactLastSeenAt),
    last_activity_at: seconds(conversation.lastActivityAt),
    timestamp: seconds(conversation.lastActivityAt),
    created_at: seconds(conversation.createdAt),
    updated_at: conversation.updatedAtMicros / 1_000_000,
    ...(isAtLeast(state, "4.14.2") ? { account: accountShape(state) } : {}),
  };
}

const changedAttributes = (changes: Change[]) =>
  changes.map(({ field, before, after }) => ({ [field]: { previous_value: before, current_value: after } }));

export interface ShapeOptions {
  readonly baseUrl: string;
  /** True: the root `sender` of a contact's message has the push form, with `type`; false: the webhook form. */
  readonly typedContactSender: boolean;
}

/** False when a row that the payload is about has been deleted: the job that would build it is dropped. */
export function canBeBuilt(state: State, happening: Happening): boolean {
  if ("contactInboxId" in happening) return state.contactInboxes.has(happening.contactInboxId);
  if ("contactId" in happening) return state.contacts.has(happening.contactId);
  return state.conversations.has(happening.conversationId);
}

/** Bots are shown what changed since 4.13.0. */
export const showsChanges = (state: State, to: "account" | "api_inbox" | "agent_bot"): boolean =>
  to !== "agent_bot" || isAtLeast(state, "4.13");

function messageEventShape(state: State, message: Message, options: ShapeOptions): Json {
  const conversation = state.conversations.get(message.conversationId)!;
  const inbox = state.inboxes.get(conversation.inboxId)!;
  return {
    account: accountShape(state),
    additional_attributes: message.additionalAttributes,
    content_attributes: message.contentAttributes,
    content_type: message.contentType,
    content: message.content,
    conversation: conversationEventShape(state, conversation, options.baseUrl),
    created_at: iso(message.createdAt),
    id: message.id,
    inbox: { id: inbox.id, name: inbox.name },
    message_type: message.messageType,
    private: message.private,
    sender: message.sender ? senderWebhookShape(state, message.sender, options.typedContactSender) : null,
    source_id: message.sourceId,
    ...attachmentsKey(state, message, options.baseUrl),
  };
}

/** The payload of one happening, built from the state as it is now. */
export function payloadFor(state: State, happening: Happening, options: ShapeOptions, withChanges = true): Json {
  const { event } = happening;
  switch (happening.event) {
    case "conversation_created":
    case "conversation_opened":
    case "conversation_resolved":
      return { ...conversationOf(state, happening.conversationId, options), event };
    // The change set is read after the save, so it is always null here (2.2).
    case "conversation_status_changed":
      return { ...conversationOf(state, happening.conversationId, options), event, changed_attributes: null };
    case "conversation_updated":
      return {
        ...conversationOf(state, happening.conversationId, options),
        event,
        ...(withChanges ? { changed_attributes: changedAttributes(happening.changes) } : {}),
      };
    case "message_created":
    case "message_updated": {
      const messages = state.messages.get(happening.conversationId) ?? [];
      return {
        ...messageEventShape(
          state,
          messages.findLast((m) => m.id === happening.messageId)!,
          options,
        ),
        event,
      };
    }
    case "conversation_typing_on":
    case "conversation_typing_off":
      return {
        event,
        user: senderWebhookShape(state, happening.who, false),
        conversation: conversationOf(state, happening.conversationId, options),
        is_private: happening.isPrivate,
      };
    case "webwidget_triggered":
      return { ...widgetShape(state, happening.contactInboxId, options), event, event_info: happening.info };
    case "contact_created":
      return { ...contactWebhookShape(state, state.contacts.get(happening.contactId)!), event };
    case "contact_updated":
      return {
        ...contactWebhookShape(state, state.contacts.get(happening.contactId)!),
        event,
        changed_attributes: changedAttributes(happening.changes),
      };
  }
}

const conversationOf = (state: State, id: number, options: ShapeOptions) =>
  conversationEventShape(state, state.conversations.get(id)!, options.baseUrl);

/** A contact inbox at the root, with the conversation that is under way there, if one is (2.2). */
function widgetShape(state: State, contactInboxId: number, options: ShapeOptions): Json {
  const contactInbox = state.contactInboxes.get(contactInboxId)!;
  const inbox = state.inboxes.get(contactInbox.inboxId)!;
  const current = [...state.conversations.values()].findLast((item) => item.contactInboxId === contactInboxId);
  return {
    id: contactInbox.id,
    contact: contactWebhookShape(state, state.contacts.get(contactInbox.contactId)!),
    inbox: { id: inbox.id, name: inbox.name },
    account: accountShape(state),
    current_conversation: current ? conversationEventShape(state, current, options.baseUrl) : null,
    source_id: contactInbox.sourceId,
  };
}
