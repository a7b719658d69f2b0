import { z } from "zod";
import {
  addConversation,
  addMessage,
  changeConversation,
  checkProperties,
  type Columns,
  type NewMessage,
} from "../conversations.ts";
import { invalid, notFound, notLatest, payloadNotValid } from "../errors.ts";
import { readParts } from "../parts.ts";
import { apiActor, conversationOf, route, type Context } from "../router.ts";
import { conversationShape, messageShape, numbersOf } from "../shapes.ts";
import {
  conversationsOf,
  messagesOf,
  type Actor,
  type Conversation,
  type Json,
  type Message,
  type State,
  type User,
} from "../state.ts";

const statuses = new Set([
  "new",
  "assigned",
  "resolved",
  "reopened",
  "waiting on customer",
  "waiting on internal team",
]);

export const conversationRoutes = [
  route("POST /v2/conversations", { handle: create }),
  route("GET /v2/conversations/:conversation_id", {
    handle: (context) => ({ body: conversationShape(context.state, conversationOf(context), context.baseUrl) }),
  }),
  route("PUT /v2/conversations/:conversation_id", {
    handle: (context) => {
      const { state, body, baseUrl } = context;
      const conversation = conversationOf(context);
      const columns = readColumns(state, conversation, body);
      changeConversation(state, conversation, columns, apiActor(state), "api");
      return state.settings.updateAnswer === "nothing" ? {} : { body: conversationShape(state, conversation, baseUrl) };
    },
  }),
  route("POST /v2/conversations/:conversation_id/messages", { handle: say }),
  route("GET /v2/conversations/:conversation_id/messages", {
    query: z.strictObject({
      page: z.string().optional(),
      items_per_page: z.string().optional(),
      from_time: z.string().optional(),
    }),
    handle: list,
  }),
  route("POST /v2/csat/:conversation_id", {
    handle: (context) => {
      const { rating, comment } = context.body;
      if (rating === undefined && comment === undefined) throw invalid("Neither rating nor comment");
      conversationOf(context).csat = {
        rating: typeof rating === "number" ? rating : null,
        comment: typeof comment === "string" ? comment : null,
      };
      context.state.events.emit("change");
      return { body: { success: true } };
    },
  }),
];

function create({ state, body, baseUrl, complain }: Context) {
  const channel = state.channels.get(String(body["channel_id"]));
  if (!channel) throw notFound("channel");
  const users = Array.isArray(body["users"]) ? (body["users"] as Json[]) : [];
  const user = state.users.get(String(users[0]?.["id"]));
  if (!user) throw notFound("user");
  const given = Array.isArray(body["messages"]) ? (body["messages"] as Json[]) : [];
  if (given.length === 0) throw invalid("messages must not be empty");
  const [first = {}] = given;
  if (first["message_type"] === "private" && state.settings.privateFirstMessage === "refuse") {
    throw invalid("The first message cannot be private");
  }
  for (const message of given) {
    const said = message["channel_id"];
    if (said !== undefined && said !== channel.id) complain("messages.channel_id is not the conversation's channel");
  }
  // Everything is looked at before anything is stored: a refused creation leaves nothing behind.
  const messages = given.map((message) => readMessage(state, message, user, baseUrl));
  const properties = body["properties"] === undefined ? {} : readProperties(state, body["properties"]);
  const status = body["status"] === undefined ? "new" : readStatus(body["status"]);
  const groupId = body["assigned_group_id"];
  if (typeof groupId === "string" && groupId !== "" && !state.groups.has(groupId)) throw notFound("group");
  const conversation = addConversation(state, {
    userId: user.id,
    channelId: channel.id,
    properties,
    groupId: typeof groupId === "string" && groupId !== "" ? groupId : null,
    status: status === "resolved" ? "new" : status,
    madeBy: "api",
  });
  const made = messages.map((message) => addMessage(state, conversation, { ...message, madeBy: "api" }));
  const actor: Actor = { type: "user", id: user.id };
  state.events.emit("happening", { event: "conversation_create", actor, conversationId: conversation.id });
  if (state.settings.sendsWelcome && channel.welcome !== null) {
    const parts = [{ text: { content: channel.welcome } }];
    addMessage(state, conversation, { actor: { type: "system", id: null }, parts, madeBy: "product" });
  }
  if (status === "resolved") changeConversation(state, conversation, { status }, apiActor(state), "api");
  if (state.settings.createAnswer === "slim") {
    const { id: conversation_id, channelId: channel_id } = conversation;
    return { body: { conversation_id, ...numbersOf(state, conversation), channel_id } };
  }
  return {
    body: {
      ...conversationShape(state, conversation, baseUrl),
      users: [{ id: user.id }],
      messages: made.map((message) => messageShape(state, message)),
    },
  };
}

function say(context: Context) {
  const { state, body, baseUrl } = context;
  const conversation = conversationOf(context);
  const user = state.users.get(conversation.userId)!;
  const message = readMessage(state, body, user, baseUrl);
  const isOlder = conversationsOf(state, user.id).at(-1) !== conversation;
  const { staleConversations } = state.settings;
  const refusesResolved = staleConversations === "refuse" && conversation.status === "resolved";
  if (refusesResolved || (isOlder && staleConversations !== "reopen")) throw notLatest();
  const made = addMessage(state, conversation, { ...message, madeBy: "api" });
  return { body: state.settings.messageAnswer === "id_only" ? { id: made.id } : messageShape(state, made) };
}

function list(context: Context<Json, { items_per_page?: string | undefined; from_time?: string | undefined }>) {
  const { state, query } = context;
  const conversation = conversationOf(context);
  const from = query.from_time === undefined ? null : new Date(query.from_time);
  if (from && Number.isNaN(from.getTime())) throw invalid("from_time is not a time");
  const { messagePagesOverlap, messagePageLimit } = state.settings;
  const isBefore = ({ createdAt }: Message) =>
    from === null || (messagePagesOverlap ? createdAt <= from : createdAt < from);
  const newestFirst = messagesOf(state, conversation.id).filter(isBefore).toReversed();
  const size = Math.min(Math.max(1, Number(query.items_per_page ?? 20) || 20), messagePageLimit);
  const page = newestFirst.slice(0, size);
  const last = page.at(-1);
  const messages = page.map((message) => messageShape(state, message));
  for (const message of page) countRead(message);
  if (newestFirst.length <= size || !last) return { body: { messages } };
  const time = encodeURIComponent(last.createdAt.toISOString());
  const path = `/v2/conversations/${context.params["conversation_id"]}/messages`;
  return {
    body: { messages, link: { href: `${path}?from_time=${time}&items_per_page=${size}`, rel: "next_page" } },
  };
}

function countRead(message: Message): void {
  if (typeof message.urlDelay === "number") message.urlDelay = message.urlDelay > 1 ? message.urlDelay - 1 : null;
}

/** @throws Refusal 400 for what FreshChat does not take from this speaker (1.9). */
function readMessage(state: State, body: Json, user: User, baseUrl: string): Omit<NewMessage, "madeBy"> {
  const parts = readParts(state, body["message_parts"], baseUrl);
  const type: unknown = body["message_type"] ?? "normal";
  if (type !== "normal" && type !== "private") throw invalid("message_type is neither normal nor private");
  const actor = readActor(state, body, user);
  if (type === "private" && actor.type === "user") throw invalid("A user cannot write a private message");
  const replyParts = Array.isArray(body["reply_parts"]) ? (body["reply_parts"] as Json[]) : [];
  return { actor, parts, replyParts, messageType: type };
}

function readActor(state: State, body: Json, user: User): Actor {
  const id = typeof body["actor_id"] === "string" && body["actor_id"] !== "" ? body["actor_id"] : null;
  switch (body["actor_type"]) {
    case "user":
      if (id !== user.id) throw invalid("The user is not a member of the conversation");
      return { type: "user", id };
    case "agent":
      if (id === null || !state.agents.has(id)) throw notFound("agent");
      return { type: "agent", id };
    case "bot":
      return { type: "bot", id };
    case "system":
      return { type: "system", id };
    default:
      throw invalid("actor_type is not known");
  }
}

const isGiven = (id: unknown): id is string => typeof id === "string" && id !== "";

/** @throws Refusal 400 for a status, an assignment or properties that are not valid (1.8). */
function readColumns(state: State, conversation: Conversation, body: Json): Columns {
  const { status, assigned_agent_id: agentId, assigned_group_id: groupId, properties } = body;
  if (isGiven(agentId) && !state.agents.has(agentId)) throw invalid("assigned_agent_id is not an agent");
  if (isGiven(groupId) && !state.groups.has(groupId)) throw invalid("assigned_group_id is not a group");
  if (status === "assigned" && !isGiven(agentId) && conversation.agentId === null) {
    throw invalid("status assigned needs an agent");
  }
  return {
    ...(properties === undefined ? {} : { properties: readProperties(state, properties) }),
    ...(status === undefined ? {} : { status: readStatus(status) }),
    ...(agentId === undefined ? {} : { agentId: isGiven(agentId) ? agentId : null }),
    ...(groupId === undefined ? {} : { groupId: isGiven(groupId) ? groupId : null }),
  };
}

function readStatus(status: unknown): string {
  if (typeof status !== "string" || !statuses.has(status)) throw invalid("status is not known");
  return status;
}

function readProperties(state: State, given: unknown): Json {
  if (typeof given !== "object" || given === null || Array.isArray(given)) throw payloadNotValid();
  return checkProperties(state, given as Json);
}
