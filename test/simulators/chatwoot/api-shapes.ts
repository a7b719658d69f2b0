import {
  availabilityOf,
  isAtLeast,
  lastMessage,
  messageTypes,
  unreadCount,
  contactInboxOf,
  type Contact,
  type ContactInbox,
  type Conversation,
  type Inbox,
  type Json,
  type Message,
  type State,
  type Team,
  type User,
} from "./state.ts";
import { slimBotShape } from "./installation-shapes.ts";
import { weekOf } from "./templates.ts";
import { attachmentShape, nestedMessageShape, seconds, senderEventShape } from "./webhook-shapes.ts";

export function agentShape(state: State, user: User): Json {
  return {
    id: user.id,
    account_id: state.accountId,
    availability_status: availabilityOf(user),
    auto_offline: user.autoOffline,
    confirmed: true,
    email: user.email,
    provider: "email",
    available_name: user.availableName,
    name: user.name,
    role: user.role,
    thumbnail: user.avatarUrl,
    custom_role_id: null,
  };
}

export const teamShape = (state: State, team: Team, caller: User): Json => ({
  id: team.id,
  name: team.name,
  description: team.description,
  allow_auto_assign: team.allowAutoAssign,
  account_id: state.accountId,
  is_member: team.memberIds.includes(caller.id),
});

const slimInboxShape = (inbox: Inbox): Json => ({
  id: inbox.id,
  avatar_url: "",
  channel_id: inbox.id,
  name: inbox.name,
  channel_type: inbox.channelType,
  provider: null,
});

/**
 * An inbox. `secret` and `hmac_token` are shown to administrators only; `secret` is there since 4.13.0, on API inboxes,
 * `hmac_token` on API and website inboxes.
 */
export function inboxShape(state: State, inbox: Inbox, isAdministrator: boolean): Json {
  const isApi = inbox.channelType === "Channel::Api";
  const hasIdentity = isApi || inbox.channelType === "Channel::WebWidget";
  return {
    ...slimInboxShape(inbox),
    greeting_enabled: false,
    greeting_message: null,
    working_hours_enabled: false,
    enable_email_collect: true,
    csat_survey_enabled: false,
    enable_auto_assignment: true,
    auto_assignment_config: {},
    out_of_office_message: null,
    timezone: "UTC",
    callback_webhook_url: "",
    allow_messages_after_resolved: true,
    lock_to_single_conversation: inbox.lockToSingleConversation,
    sender_name_type: "friendly",
    business_name: null,
    hmac_mandatory: false,
    ...inbox.settings,
    working_hours: weekOf(inbox),
    ...inbox.channel,
    ...(isAdministrator && hasIdentity ? { hmac_token: inbox.hmacToken } : {}),
    ...(isAdministrator && isApi && isAtLeast(state, "4.13") ? { secret: inbox.secret } : {}),
    ...(isApi
      ? {
          webhook_url: inbox.webhookUrl,
          inbox_identifier: inbox.identifier,
          additional_attributes: {},
          ...inbox.channel,
        }
      : {}),
  };
}

export const contactInboxShape = (state: State, contactInbox: ContactInbox): Json => ({
  source_id: contactInbox.sourceId,
  inbox: slimInboxShape(state.inboxes.get(contactInbox.inboxId)!),
});

export function contactShape(state: State, contact: Contact, options: { withInboxes: boolean }): Json {
  const inboxes = options.withInboxes
    ? [...state.contactInboxes.values()].filter((item) => item.contactId === contact.id)
    : [];
  return {
    additional_attributes: contact.additionalAttributes,
    availability_status: "offline",
    email: contact.email,
    id: contact.id,
    name: contact.name,
    phone_number: contact.phoneNumber,
    blocked: contact.blocked,
    identifier: contact.identifier,
    thumbnail: contact.avatarUrl,
    custom_attributes: contact.customAttributes,
    ...(contact.lastActivityAt ? { last_activity_at: seconds(contact.lastActivityAt) } : {}),
    created_at: seconds(contact.createdAt),
    ...(options.withInboxes ? { contact_inboxes: inboxes.map((item) => contactInboxShape(state, item)) } : {}),
  };
}

function holderOf(state: State, conversation: Conversation): Json {
  const bot = conversation.assigneeBotId === null ? undefined : state.bots.get(conversation.assigneeBotId);
  if (bot && state.settings.apiShowsBot && isAtLeast(state, "4.8"))
    return { assignee: slimBotShape(bot), assignee_type: "AgentBot" };
  const user = conversation.assigneeId === null ? undefined : state.users.get(conversation.assigneeId);
  return user ? { assignee: agentShape(state, user), assignee_type: "User" } : {};
}

export function conversationShape(state: State, conversation: Conversation, baseUrl: string): Json {
  const last = lastMessage(state, conversation.id, () => true);
  const lastSaid = lastMessage(state, conversation.id, (m) => m.messageType !== "activity");
  const team = conversation.teamId === null ? undefined : state.teams.get(conversation.teamId);
  return {
    meta: {
      sender: contactShape(state, state.contacts.get(conversation.contactId)!, { withInboxes: false }),
      channel: state.inboxes.get(conversation.inboxId)!.channelType,
      ...holderOf(state, conversation),
      ...(team ? { team: { id: team.id, name: team.name, allow_auto_assign: team.allowAutoAssign } } : {}),
      hmac_verified: false,
    },
    id: conversation.id,
    messages: last ? [nestedMessageShape(state, last, baseUrl)] : [],
    account_id: state.accountId,
    uuid: conversation.uuid,
    additional_attributes: conversation.additionalAttributes,
    agent_last_seen_at: seconds(conversation.agentLastSeenAt),
    assignee_last_seen_at: 0,
    can_reply: true,
    contact_last_seen_at: seconds(conversation.contactLastSeenAt),
    custom_attributes: conversation.customAttributes,
    inbox_id: conversation.inboxId,
    labels: conversation.labels,
    muted: conversation.muted,
    snoozed_until: conversation.snoozedUntil?.toISOString() ?? null,
    status: conversation.status,
    created_at: seconds(conversation.createdAt),
    updated_at: conversation.updatedAtMicros / 1_000_000,
    timestamp: seconds(conversation.lastActivityAt),
    first_reply_created_at: seconds(conversation.firstReplyCreatedAt),
    unread_count: unreadCount(state, conversation),
    last_non_activity_message: lastSaid ? nestedMessageShape(state, lastSaid, baseUrl) : null,
    last_activity_at: seconds(conversation.lastActivityAt),
    priority: conversation.priority,
    waiting_since: seconds(conversation.waitingSince),
    sla_policy_id: null,
  };
}

/** A message as create, list, update and delete answer it. `echoId` only ever comes back from create (5.5). */
export function messageShape(state: State, message: Message, baseUrl: string, echoId?: string): Json {
  return {
    id: message.id,
    content: message.content,
    inbox_id: state.conversations.get(message.conversationId)!.inboxId,
    ...(echoId === undefined ? {} : { echo_id: echoId }),
    conversation_id: message.conversationId,
    message_type: messageTypes.indexOf(message.messageType),
    content_type: message.contentType,
    status: message.status,
    content_attributes: message.contentAttributes,
    created_at: seconds(message.createdAt),
    private: message.private,
    source_id: message.sourceId,
    ...(message.sender ? { sender: senderEventShape(state, message.sender) } : {}),
    ...(message.attachments.length > 0
      ? { attachments: message.attachments.map((item) => attachmentShape(state, message, item, baseUrl)) }
      : {}),
  };
}

export function messageListMeta(state: State, conversation: Conversation): Json {
  const assignee = conversation.assigneeId === null ? undefined : state.users.get(conversation.assigneeId);
  return {
    labels: conversation.labels,
    additional_attributes: conversation.additionalAttributes,
    contact: senderEventShape(state, { type: "Contact", id: conversation.contactId }),
    ...(assignee ? { assignee: senderEventShape(state, { type: "User", id: assignee.id }) } : {}),
    agent_last_seen_at: conversation.agentLastSeenAt?.toISOString() ?? null,
    assignee_last_seen_at: null,
  };
}

export const sourceIdOf = (state: State, conversation: Conversation): string =>
  contactInboxOf(state, conversation).sourceId;
