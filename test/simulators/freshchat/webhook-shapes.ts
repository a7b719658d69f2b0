import { assignedShape, orgActorId, partsOf } from "./shapes.ts";
import {
  interactionId,
  messagesOf,
  type Actor,
  type Conversation,
  type Happening,
  type Json,
  type Message,
  type State,
} from "./state.ts";

/** What webhooks are told of; the rest is for apps only. */
export type WebhookHappening = Exclude<Happening, { event: "conversation_create" | "agent_activity" }>;

/** The envelope of section 2, in the form the account is set to. */
export function payloadFor(state: State, happening: WebhookHappening): Json {
  const { actor } = happening;
  const data = dataFor(state, happening);
  const encoded = Buffer.from(JSON.stringify(data), "utf8").toString("base64");
  const { encodedData } = state.settings;
  return {
    actor: { actor_type: actor.type, actor_id: actor.id ?? "" },
    action: happening.event,
    action_time: state.stamp().toISOString(),
    ...(encodedData === "instead" ? {} : { data }),
    ...(encodedData === "none" ? {} : { encoded_data: encoded }),
  };
}

function dataFor(state: State, happening: WebhookHappening): Json {
  const conversation = state.conversations.get(happening.conversationId)!;
  const { actor } = happening;
  const isOld = state.settings.payloads === "2018";
  const interaction = isOld ? {} : { interaction_id: interactionId(conversation) };
  switch (happening.event) {
    case "message_create": {
      const message = messagesOf(state, conversation.id).find((item) => item.id === happening.messageId)!;
      return { message: isOld ? messageOf2018(state, message) : webhookMessage(state, message) };
    }
    case "conversation_assignment":
      return {
        assignment: {
          assignor: actor.type,
          assignor_id: actor.id ?? "",
          to_agent_id: conversation.agentId ?? "",
          to_group_id: conversation.groupId ?? "",
          from_agent_id: happening.before.agentId ?? "",
          from_group_id: happening.before.groupId ?? "",
          conversation: webhookConversation(state, conversation, conversation.status),
          ...interaction,
        },
      };
    case "conversation_resolution":
      return {
        resolve: {
          resolver: actor.type,
          resolver_id: actor.id ?? "",
          conversation: webhookConversation(state, conversation, "resolved"),
          ...interaction,
          user: webhookUser(state, conversation),
        },
      };
    case "conversation_reopen":
      return {
        reopen: {
          reopener: actor.type,
          reopener_id: actor.id ?? "",
          conversation: webhookConversation(state, conversation, isOld ? "reopen" : "reopened"),
          ...interaction,
        },
      };
  }
}

function webhookConversation(state: State, conversation: Conversation, status: string): Json {
  const { payloads } = state.settings;
  const ids = { conversation_id: conversation.id, app_id: state.appId };
  if (payloads === "2018") {
    const { agentId } = conversation;
    return { ...ids, status, ...(agentId === null ? {} : { assigned_agent_id: agentId }) };
  }
  return {
    ...ids,
    status,
    channel_id: conversation.channelId,
    ...(payloads === "current" || payloads === "bare" ? { skill_id: 0, sla_policy_id: 0, sla_breached: false } : {}),
    ...(payloads === "current" ? numberOf(state, conversation) : {}),
    ...assignedShape(state, conversation),
  };
}

const numberOf = (state: State, { number }: Conversation): Json =>
  ["freshchat", "both"].includes(state.settings.numberFields) ? { freshchat_conversation_id: String(number) } : {};

function webhookUser(state: State, conversation: Conversation): Json {
  const user = state.users.get(conversation.userId)!;
  return {
    properties: user.properties,
    created_time: user.createdAt.toISOString(),
    updated_time: user.updatedAt.toISOString(),
    id: user.id,
    ...(user.firstName === null ? {} : { first_name: user.firstName }),
    ...(user.email === null ? {} : { email: user.email }),
    avatar: user.avatarUrl === null ? {} : { url: user.avatarUrl },
    login_status: false,
  };
}

function webhookMessage(state: State, message: Message): Json {
  const { payloads } = state.settings;
  const conversation = state.conversations.get(message.conversationId)!;
  const isBare = payloads === "bare";
  const is2019 = payloads === "2019";
  // The bare form tells the type of notes only: without it nothing would tell them from messages.
  const hidesType = message.messageType === null || (isBare && message.messageType === "normal");
  return {
    message_parts: partsOf(message),
    ...(message.replyParts.length > 0 ? { reply_parts: message.replyParts } : {}),
    app_id: state.appId,
    ...actorId(message.actor),
    ...(isBare || is2019 ? {} : orgActorId(state, message)),
    id: message.id,
    channel_id: conversation.channelId,
    conversation_id: conversation.id,
    ...(payloads === "current" ? numberOf(state, conversation) : {}),
    ...(is2019 ? {} : { interaction_id: interactionId(conversation) }),
    ...(hidesType ? {} : { message_type: message.messageType }),
    actor_type: message.actor.type,
    created_time: message.createdAt.toISOString(),
    ...(is2019 ? {} : { user_id: conversation.userId }),
    ...(isBare || is2019 ? {} : { message_source: message.source }),
    ...(payloads === "current" || isBare
      ? { restrictResponse: false, botsPrivateNote: message.isBotsPrivateNote }
      : {}),
  };
}

const actorId = (actor: Actor): Json => (actor.id === null ? {} : { actor_id: actor.id });

function messageOf2018(state: State, message: Message): Json {
  const conversation = state.conversations.get(message.conversationId)!;
  return {
    msg_parts: partsOf(message).flatMap((part) =>
      Object.entries(part).map(([kind, value]) => ({ part_type: kind, properties: propertiesOf2018(kind, value) })),
    ),
    app_id: state.appId,
    user_id: conversation.userId,
    ...(message.actor.type === "user" ? {} : actorId(message.actor)),
    id: message.id,
    channel_id: conversation.channelId,
    conversation_id: conversation.id,
    message_type: message.messageType ?? "normal",
    actor_type: message.actor.type,
    created_time: message.createdAt.toISOString(),
  };
}

const propertiesOf2018 = (kind: string, value: unknown): unknown =>
  kind === "text" ? { text: (value as Json)["content"] } : value;
