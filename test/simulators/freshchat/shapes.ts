import {
  interactionId,
  type Agent,
  type Channel,
  type Conversation,
  type ConversationField,
  type Group,
  type Json,
  type Message,
  type State,
  type User,
} from "./state.ts";

const iso = (at: Date): string => at.toISOString();

export const agentShape = (agent: Agent): Json => ({
  id: agent.id,
  email: agent.email,
  first_name: agent.firstName,
  last_name: agent.lastName,
  avatar: agent.avatarUrl === null ? {} : { url: agent.avatarUrl },
  groups: agent.groupIds,
  availability_status: agent.availability,
  ...(agent.isLoggedIn === null ? {} : { login_status: agent.isLoggedIn }),
  is_deactivated: agent.isDeactivated,
  is_deleted: agent.isDeleted,
  role_id: "AGENT",
  role_name: "Agent",
  routing_type: "INTELLIASSIGN",
  locale: "en-us",
  timezone: "Europe/Berlin",
});

export const groupShape = (group: Group): Json => ({
  id: group.id,
  name: group.name,
  description: `${group.name} team`,
  routing_type: "INTELLIASSIGN",
});

export const channelShape = (channel: Channel): Json => ({
  id: channel.id,
  name: channel.name,
  enabled: channel.isEnabled,
  public: channel.isPublic,
  tags: [],
  locale: "",
  icon: {},
  updated_time: "2026-01-05T08:00:00.000Z",
  ...(channel.welcome === null
    ? {}
    : { welcome_message: { message_parts: [{ text: { content: channel.welcome } }], message_type: "normal" } }),
});

export const fieldShape = (field: ConversationField, position: number): Json => ({
  id: field.id,
  name: field.name,
  label: field.label,
  type: field.type,
  custom: field.name.startsWith("cf_"),
  required: false,
  editable: true,
  position,
  choices: field.choices.map((value, i) => ({ id: i + 1, value })),
});

export const userShape = (user: User): Json => ({
  id: user.id,
  created_time: iso(user.createdAt),
  updated_time: iso(user.updatedAt),
  login_status: false,
  org_contact_id: user.orgId,
  properties: user.properties,
  avatar: user.avatarUrl === null ? {} : { url: user.avatarUrl },
  social_profiles: [],
  ...(user.email === null ? {} : { email: user.email }),
  ...(user.firstName === null ? {} : { first_name: user.firstName }),
  ...(user.lastName === null ? {} : { last_name: user.lastName }),
  ...(user.phone === null ? {} : { phone: user.phone }),
  ...(user.referenceId === null ? {} : { reference_id: user.referenceId }),
});

/** The number under the names that the account uses: as a number here, as text there (1.8). */
export function numbersOf(state: State, conversation: Conversation): Json {
  const { numberFields } = state.settings;
  return {
    ...(numberFields === "internal" || numberFields === "both"
      ? { conversation_internal_id: conversation.number }
      : {}),
    ...(numberFields === "freshchat" || numberFields === "both"
      ? { freshchat_conversation_id: String(conversation.number) }
      : {}),
  };
}

export function assignedShape(state: State, { agentId, groupId }: Conversation): Json {
  const agent = agentId === null ? undefined : state.agents.get(agentId);
  return {
    ...(agentId === null ? {} : { assigned_agent_id: agentId }),
    ...(agent ? { assigned_org_agent_id: agent.orgId } : {}),
    ...(groupId === null ? {} : { assigned_group_id: groupId }),
  };
}

export const conversationShape = (state: State, conversation: Conversation, baseUrl: string): Json => ({
  conversation_id: conversation.id,
  ...numbersOf(state, conversation),
  app_id: state.appId,
  status: conversation.status,
  channel_id: conversation.channelId,
  user_id: conversation.userId,
  skill_id: 0,
  properties: conversation.properties,
  ...(state.settings.withUrl
    ? {
        url: `${baseUrl}/crm/messaging/a/${state.accountId}/inbox/open/0/conversation/${conversation.number}`,
      }
    : {}),
  org_contact_id: state.users.get(conversation.userId)!.orgId,
  created_time: iso(conversation.createdAt),
  updated_time: iso(conversation.updatedAt),
  ...assignedShape(state, conversation),
});

/** Parts as they are shown: an attachment whose URL comes late has none yet. */
export function partsOf(message: Message): Json[] {
  if (message.urlDelay === null) return message.parts;
  return message.parts.map((part) =>
    Object.fromEntries(
      Object.entries(part).map(([kind, value]) => {
        if (!["file", "image", "video"].includes(kind)) return [kind, value];
        const { url: _late, ...shown } = value as Json;
        return [kind, shown];
      }),
    ),
  );
}

export function orgActorId(state: State, message: Pick<Message, "actor">): Json {
  const { type, id } = message.actor;
  const orgId = id === null ? undefined : type === "agent" ? state.agents.get(id)?.orgId : state.users.get(id)?.orgId;
  return orgId === undefined ? {} : { org_actor_id: orgId };
}

export function messageShape(state: State, message: Message): Json {
  const conversation = state.conversations.get(message.conversationId)!;
  const { id } = message.actor;
  return {
    bots_input: false,
    message_parts: partsOf(message),
    ...(message.replyParts.length > 0 ? { reply_parts: message.replyParts } : {}),
    app_id: state.appId,
    ...(id === null ? {} : { actor_id: id }),
    ...orgActorId(state, message),
    id: message.id,
    channel_id: conversation.channelId,
    conversation_id: conversation.id,
    ...(state.settings.numberFields === "none"
      ? {}
      : {
          freshchat_conversation_id: String(conversation.number),
          freshchat_channel_id: String(state.channels.get(conversation.channelId)?.number ?? 0),
        }),
    interaction_id: interactionId(conversation),
    ...(message.messageType === null ? {} : { message_type: message.messageType }),
    actor_type: message.actor.type,
    created_time: iso(message.createdAt),
    user_id: conversation.userId,
    restrictResponse: false,
    botsPrivateNote: message.isBotsPrivateNote,
    isBotsInput: false,
    message_source: message.source,
  };
}
