import { invalid } from "./errors.ts";
import {
  type Actor,
  type Conversation,
  type Json,
  type MadeBy,
  type Message,
  type ModelChanges,
  type State,
  type UrlDelay,
} from "./state.ts";

export interface NewConversation {
  userId: string;
  channelId: string;
  status?: string;
  groupId?: string | null;
  properties?: Json;
  madeBy: MadeBy;
}

export function addConversation(state: State, wanted: NewConversation): Conversation {
  const now = state.stamp();
  const conversation: Conversation = {
    id: state.id(),
    number: state.number(),
    userId: wanted.userId,
    channelId: wanted.channelId,
    status: wanted.status ?? "new",
    properties: wanted.properties ?? {},
    agentId: null,
    groupId: wanted.groupId ?? null,
    interactionAt: now.getTime(),
    madeBy: wanted.madeBy,
    csat: null,
    reopenedAt: null,
    assignedAt: null,
    createdAt: now,
    updatedAt: now,
  };
  state.conversations.set(conversation.id, conversation);
  state.messages.set(conversation.id, []);
  state.events.emit("change");
  return conversation;
}

export interface NewMessage {
  actor: Actor;
  messageType?: Message["messageType"];
  isBotsPrivateNote?: boolean;
  parts: Json[];
  replyParts?: Json[];
  source?: string;
  madeBy: MadeBy;
  urlDelay?: UrlDelay;
}

/** Stores a message and tells of it. A visitor's words reopen what was resolved (3). */
export function addMessage(state: State, conversation: Conversation, wanted: NewMessage): Message {
  if (wanted.actor.type === "user" && conversation.status === "resolved") {
    changeConversation(state, conversation, { status: "reopened" }, wanted.actor, wanted.madeBy);
  }
  const message: Message = {
    id: state.uuid(),
    conversationId: conversation.id,
    actor: wanted.actor,
    messageType: wanted.messageType === undefined ? "normal" : wanted.messageType,
    isBotsPrivateNote: wanted.isBotsPrivateNote ?? false,
    parts: wanted.parts,
    replyParts: wanted.replyParts ?? [],
    source: wanted.source ?? (wanted.madeBy === "api" ? "API" : "web"),
    madeBy: wanted.madeBy,
    urlDelay: wanted.urlDelay === 0 ? null : (wanted.urlDelay ?? null),
    createdAt: state.stamp(),
  };
  state.messages.get(conversation.id)!.push(message);
  conversation.updatedAt = message.createdAt;
  state.events.emit("happening", {
    event: "message_create",
    actor: message.actor,
    conversationId: conversation.id,
    messageId: message.id,
    madeBy: message.madeBy,
  });
  state.events.emit("change");
  return message;
}

export interface Columns {
  status?: string;
  agentId?: string | null;
  groupId?: string | null;
  properties?: Json;
}

const columnNames = { status: "status", agentId: "assigned_agent_id", groupId: "assigned_group_id" } as const;

/** Changes columns of a conversation and tells of assignment, resolution and reopening, each once. */
export function changeConversation(
  state: State,
  conversation: Conversation,
  columns: Columns,
  actor: Actor,
  madeBy: MadeBy,
): void {
  const before = { status: conversation.status, agentId: conversation.agentId, groupId: conversation.groupId };
  const { properties, ...rest } = columns;
  if (properties) conversation.properties = { ...conversation.properties, ...properties };
  Object.assign(conversation, rest);
  const wasGiven = conversation.agentId !== null && conversation.agentId !== before.agentId;
  // Who is assigned to a resolved conversation has not reopened it.
  if (wasGiven && columns.status === undefined && before.status !== "resolved") conversation.status = "assigned";
  conversation.updatedAt = state.stamp();
  const changes: ModelChanges = {};
  for (const key of ["status", "agentId", "groupId"] as const) {
    if (conversation[key] !== before[key]) changes[columnNames[key]] = [before[key], conversation[key]];
  }
  const common = { actor, conversationId: conversation.id, changes, madeBy };
  if (before.status === "resolved" && conversation.status !== "resolved") {
    conversation.interactionAt = conversation.updatedAt.getTime();
    conversation.reopenedAt = conversation.updatedAt;
    state.events.emit("happening", { event: "conversation_reopen", ...common });
  }
  if (conversation.agentId !== before.agentId || conversation.groupId !== before.groupId) {
    conversation.assignedAt = conversation.updatedAt;
    state.events.emit("happening", { event: "conversation_assignment", before, ...common });
  }
  if (before.status !== "resolved" && conversation.status === "resolved") {
    state.events.emit("happening", { event: "conversation_resolution", ...common });
  }
  state.events.emit("change");
}

/** @throws Refusal 400 for a property that the account does not define. */
export function checkProperties(state: State, properties: Json): Json {
  const isKnown = (name: string) => name === "priority" || state.fields.has(name);
  const unknown = Object.keys(properties).filter((name) => !isKnown(name));
  if (unknown.length > 0 && state.settings.unknownProperties === "refuse") {
    throw invalid(`Unknown conversation property: ${unknown.join(", ")}`, "INVALID_PROPERTY");
  }
  const priority = properties["priority"];
  const priorities: unknown[] = ["Low", "Medium", "High", "Urgent", undefined];
  if (!priorities.includes(priority)) throw invalid("priority is not one of Low, Medium, High, Urgent");
  return Object.fromEntries(Object.entries(properties).filter(([name]) => isKnown(name)));
}
