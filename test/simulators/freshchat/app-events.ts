import { agentShape, assignedShape, channelShape, groupShape, messageShape, userShape } from "./shapes.ts";
import {
  messagesOf,
  type Actor,
  type Conversation,
  type Happening,
  type Json,
  type Message,
  type State,
} from "./state.ts";

/** What a Marketplace app's handler gets from the platform. */
export interface AppEvent {
  readonly event: "onMessageCreate" | "onConversationUpdate" | "onConversationCreate" | "onAgentActivityCreate";
  readonly data: Json;
  readonly account_id: string;
  readonly domain: string;
  readonly region: string;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly version: string;
}

export type AppEventListener = (event: AppEvent) => void;

/** Tells apps what happens, in the product's shapes: the conversation is `data.message` where a message is told of. */
export function createAppEvents(state: State, domain: string) {
  const listeners = new Set<AppEventListener>();
  const told: AppEvent[] = [];
  state.events.on("happening", (happening) => {
    const event: AppEvent = {
      event: names[happening.event],
      data: dataFor(state, happening),
      account_id: state.accountId,
      domain,
      region: "EUC",
      timestamp: state.clock().getTime(),
      version: "1.0.0",
    };
    told.push(event);
    for (const listener of listeners) listener(structuredClone(event));
  });
  return {
    told,
    onAppEvent(listener: AppEventListener): () => void {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

const names: Record<Happening["event"], AppEvent["event"]> = {
  message_create: "onMessageCreate",
  conversation_assignment: "onConversationUpdate",
  conversation_resolution: "onConversationUpdate",
  conversation_reopen: "onConversationUpdate",
  conversation_create: "onConversationCreate",
  agent_activity: "onAgentActivityCreate",
};

function dataFor(state: State, happening: Happening): Json {
  if (happening.event === "agent_activity") return agentActivity(state, happening.agentId, happening.before);
  const conversation = state.conversations.get(happening.conversationId)!;
  const base = { actor: actorShape(state, happening.actor), associations: associations(state, conversation) };
  const all = messagesOf(state, conversation.id);
  switch (happening.event) {
    case "message_create": {
      const messages = all.filter((item) => item.id === happening.messageId).map((item) => appMessage(state, item));
      return { ...base, message: { ...appConversation(state, conversation), messages } };
    }
    case "conversation_create": {
      const messages = all.slice(0, 1).map((item) => appMessage(state, item));
      return { ...base, conversation: { ...appConversation(state, conversation), messages } };
    }
    case "conversation_assignment":
    case "conversation_resolution":
    case "conversation_reopen": {
      const messages = all.slice(-1).map((item) => appMessage(state, item));
      return {
        ...base,
        conversation: { ...appConversation(state, conversation), messages },
        changes: { model_changes: happening.changes },
      };
    }
  }
}

/** Here the kinds that a part is not are there as null. */
function appMessage(state: State, message: Message): Json {
  const shape = messageShape(state, message);
  const parts = shape["message_parts"] as Json[];
  return { ...shape, message_parts: parts.map((part) => ({ text: null, image: null, file: null, ...part })) };
}

const appConversation = (state: State, conversation: Conversation): Json => ({
  user_id: conversation.userId,
  reopened_time: conversation.reopenedAt?.toISOString() ?? null,
  assigned_time: conversation.assignedAt?.toISOString() ?? null,
  created_time: conversation.createdAt.toISOString(),
  response_due_type: conversation.status === "resolved" ? "NO_RESPONSE_DUE" : "RESPONSE_DUE",
  conversation_id: conversation.id,
  app_id: state.appId,
  status: conversation.status,
  channel_id: conversation.channelId,
  ...assignedShape(state, conversation),
});

function associations(state: State, conversation: Conversation): Json {
  const { agentId, groupId, channelId, userId } = conversation;
  const agent = agentId === null ? undefined : state.agents.get(agentId);
  const group = groupId === null ? undefined : state.groups.get(groupId);
  return {
    channel: channelShape(state.channels.get(channelId)!),
    user: userShape(state.users.get(userId)!),
    ...(group ? { group: groupShape(group) } : {}),
    ...(agent ? { agent: agentShape(agent) } : {}),
  };
}

function actorShape(state: State, actor: Actor): Json {
  const agent = actor.type === "agent" ? state.agents.get(actor.id ?? "") : undefined;
  const user = actor.type === "user" ? state.users.get(actor.id ?? "") : undefined;
  return {
    type: actor.type,
    id: actor.id,
    ...(actor.type === "system" ? { sub_type: "user", sub_entity: "assignment_rule" } : {}),
    ...(agent ? { first_name: agent.firstName, last_name: agent.lastName, email: agent.email } : {}),
    ...(user ? { first_name: user.firstName, last_name: user.lastName, email: user.email } : {}),
    avatar: {},
  };
}

function agentActivity(state: State, agentId: string, before: string): Json {
  const agent = state.agents.get(agentId)!;
  const at = state.clock().toISOString();
  return {
    agent_activity: {
      status: agent.availability,
      prev_status: before,
      availability_event_type: "Intelliassign",
      status_change_timestamp: at,
      prev_status_change_timestamp: at,
      org_agent_id: agent.orgId,
      email: agent.email,
    },
    actor: actorShape(state, { type: "agent", id: agentId }),
  };
}
