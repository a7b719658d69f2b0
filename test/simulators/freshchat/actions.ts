import { addConversation, addMessage, changeConversation } from "./conversations.ts";
import type { Reply } from "./control.ts";
import { addUser, keepFile, urlOf } from "./installation.ts";
import {
  findConversation,
  messagesOf,
  type Actor,
  type Agent,
  type Conversation,
  type Json,
  type Message,
  type State,
} from "./state.ts";

const system: Actor = { type: "system", id: null };
const textParts = (content: string): Json[] => [{ text: { content } }];

/** What people and FreshChat itself do in the product. Each changes the state and is told to webhooks and apps. */
export function createActions(state: State, baseUrl: string, usual: { agentId: string; channelId: string }) {
  const find = (id: string): Conversation => findConversation(state, id);
  const agentOf = (id: string): Agent => {
    const agent = state.agents.get(id);
    if (!agent) throw new Error(`the simulator has no agent ${id}`);
    return agent;
  };
  const agent = (id = usual.agentId): Actor => ({ type: "agent", id: agentOf(id).id });
  const by = (who: string | Actor | undefined): Actor => (typeof who === "object" ? who : agent(who));
  const change = (id: string, columns: Parameters<typeof changeConversation>[2], actor: Actor): void =>
    changeConversation(state, find(id), columns, actor, "product");

  function unassign(conversationId: string, who: Actor = agent()): void {
    const isResolved = find(conversationId).status === "resolved";
    change(conversationId, { agentId: null, ...(isResolved ? {} : { status: "new" }) }, who);
  }

  function filePart({ name, type, bytes }: NonNullable<Reply["attachments"]>[number]): Json {
    const url = urlOf(keepFile(state, { name, type, bytes }), baseUrl);
    if (type.startsWith("image/")) return { image: { url } };
    if (type.startsWith("video/")) return { video: { url, content_type: type } };
    return { file: { name, url, file_size_in_bytes: bytes.length, content_type: type } };
  }

  function agentReplies(conversationId: string, reply: Reply): Message {
    const text = reply.content === undefined || reply.content === "" ? [] : textParts(reply.content);
    return addMessage(state, find(conversationId), {
      actor: agent(reply.agentId),
      parts: [...text, ...(reply.parts ?? []), ...(reply.attachments ?? []).map(filePart)],
      replyParts: reply.replyParts ?? [],
      madeBy: "product",
      urlDelay: reply.urlDelay ?? null,
    });
  }

  function systemSays(conversationId: string, content: string): Message {
    return addMessage(state, find(conversationId), { actor: system, parts: textParts(content), madeBy: "product" });
  }

  function foreignConversation(about: { name?: string; email?: string; content?: string; channelId?: string } = {}) {
    const user = addUser(state, { firstName: about.name ?? "Stranger", email: about.email ?? null });
    return begin(user.id, about.channelId ?? usual.channelId, about.content ?? "Is anybody there?");
  }

  /** A visitor begins a conversation in FreshChat's own widget. */
  function begin(userId: string, channelId: string, content: string): Conversation {
    const conversation = addConversation(state, { userId, channelId, madeBy: "product" });
    const actor: Actor = { type: "user", id: userId };
    addMessage(state, conversation, { actor, parts: textParts(content), madeBy: "product" });
    state.events.emit("happening", { event: "conversation_create", actor, conversationId: conversation.id });
    return conversation;
  }

  return {
    agentReplies,
    agentWritesNote: (conversationId: string, note: { agentId?: string; content: string }): Message =>
      addMessage(state, find(conversationId), {
        actor: agent(note.agentId),
        messageType: "private",
        parts: textParts(note.content),
        madeBy: "product",
      }),
    agentSendsLongText: (conversationId: string, long: { agentId?: string; content: string }): Message =>
      agentReplies(conversationId, {
        ...(long.agentId === undefined ? {} : { agentId: long.agentId }),
        attachments: [{ name: "message.txt", type: "text/plain", bytes: new TextEncoder().encode(long.content) }],
      }),
    agentPickQuickReplies: (
      conversationId: string,
      question: { agentId?: string; content: string; labels: string[] },
    ): Message =>
      agentReplies(conversationId, {
        ...(question.agentId === undefined ? {} : { agentId: question.agentId }),
        content: question.content,
        replyParts: [
          { collection: { sub_parts: question.labels.map((label) => ({ quick_reply_button: { label } })) } },
        ],
      }),
    botSays: (
      conversationId: string,
      says: { content: string; actorId?: string | null; isPrivateNote?: boolean },
    ): Message =>
      addMessage(state, find(conversationId), {
        actor: { type: "bot", id: says.actorId ?? null },
        isBotsPrivateNote: says.isPrivateNote ?? false,
        parts: textParts(says.content),
        source: "freddy",
        madeBy: "product",
      }),
    systemSays,
    welcomes(conversationId: string, content?: string): Message {
      const { welcome } = state.channels.get(find(conversationId).channelId)!;
      return systemSays(conversationId, content ?? welcome ?? "Hello! How can we help?");
    },
    visitorWritesInWidget(conversationId: string, content: string): Message {
      const conversation = find(conversationId);
      const actor: Actor = { type: "user", id: conversation.userId };
      return addMessage(state, conversation, { actor, parts: textParts(content), madeBy: "product" });
    },
    showUrls(messageId: string): void {
      const message = [...state.messages.values()].flat().find((item) => item.id === messageId);
      if (!message) throw new Error(`the simulator has no message ${messageId}`);
      message.urlDelay = null;
      state.events.emit("change");
    },

    assign: (conversationId: string, agentId: string | null, who?: Actor): void =>
      agentId === null
        ? unassign(conversationId, who)
        : change(conversationId, { agentId: agentOf(agentId).id }, who ?? agent(agentId)),
    unassign,
    assignGroup: (conversationId: string, groupId: string | null, who: Actor = system): void =>
      change(conversationId, { groupId }, who),
    resolve: (conversationId: string, who?: string | Actor): void =>
      change(conversationId, { status: "resolved" }, by(who)),
    reopen: (conversationId: string, who?: string | Actor): void =>
      change(conversationId, { status: "reopened" }, by(who)),
    setStatus: (conversationId: string, status: string): void => change(conversationId, { status }, agent()),

    newerConversation(conversationId: string, content = "One more thing"): Conversation {
      const { userId, channelId } = find(conversationId);
      return begin(userId, channelId, content);
    },
    foreignConversation,
    foreignTraffic(conversations: number): readonly Conversation[] {
      return Array.from({ length: conversations }, (_, i) => {
        const conversation = foreignConversation({
          name: `Stranger ${i + 1}`,
          content: `A question of stranger ${i + 1}`,
        });
        change(conversation.id, { agentId: agentOf(usual.agentId).id }, agent());
        agentReplies(conversation.id, { content: `An answer to stranger ${i + 1}` });
        addMessage(state, conversation, {
          actor: agent(),
          messageType: "private",
          parts: textParts(`A note about stranger ${i + 1}`),
          madeBy: "product",
        });
        change(conversation.id, { status: "resolved" }, agent());
        return conversation;
      });
    },
    agentStatus(
      agentId: string,
      patch: Partial<Pick<Agent, "availability" | "isLoggedIn" | "isDeactivated" | "isDeleted" | "groupIds">>,
    ): void {
      const changed = agentOf(agentId);
      const before = changed.availability;
      Object.assign(changed, patch);
      if (changed.availability !== before) {
        state.events.emit("happening", { event: "agent_activity", agentId, before });
      }
      state.events.emit("change");
    },

    conversations: (): readonly Conversation[] => [...state.conversations.values()],
    conversation: find,
    messages: (conversationId: string): readonly Message[] => messagesOf(state, find(conversationId).id),
  };
}
