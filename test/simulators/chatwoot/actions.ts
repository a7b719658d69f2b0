import { assignUser } from "./assignment.ts";
import { botLetsGo, saveConversation } from "./conversations.ts";
import { createMessage, deleteMessage } from "./messages.ts";
import {
  messagesOf,
  type Availability,
  type Conversation,
  type ConversationStatus,
  type Message,
  type Priority,
  type State,
} from "./state.ts";

export interface Reply {
  agentId: number;
  content: string;
  private?: boolean;
  attachments?: { name: string; type: string; bytes: Uint8Array }[];
}

/** What people do in Chatwoot's dashboard. Each changes the state and tells the webhooks, as the dashboard's calls do. */
export function createActions(state: State) {
  const find = (id: number): Conversation => {
    const conversation = state.conversations.get(id);
    if (!conversation) throw new Error(`the simulator has no conversation ${id}`);
    return conversation;
  };
  const user = (id: number) => {
    const found = state.users.get(id);
    if (!found) throw new Error(`the simulator has no agent ${id}`);
    return found;
  };
  const save = (id: number, columns: Parameters<typeof saveConversation>[2], agentId?: number) =>
    saveConversation(state, find(id), columns, agentId === undefined ? null : user(agentId));

  function agentReplies(conversationId: number, reply: Reply): Message {
    const conversation = find(conversationId);
    // The agent has the conversation open, so what came before is seen.
    conversation.agentLastSeenAt = state.clock();
    return createMessage(state, conversation, {
      content: reply.content,
      messageType: "outgoing",
      private: reply.private ?? false,
      contentType: "text",
      contentAttributes: {},
      sourceId: null,
      sender: { type: "User", id: user(reply.agentId).id },
      files: reply.attachments ?? [],
    });
  }

  return {
    agentReplies,
    agentWritesNote: (conversationId: number, note: { agentId: number; content: string }): Message =>
      agentReplies(conversationId, { ...note, private: true }),
    /** null unassigns. */
    assign: (conversationId: number, agentId: number | null): void =>
      assignUser(state, find(conversationId), agentId === null ? null : user(agentId).id, null),
    assignTeam: (conversationId: number, teamId: number | null): void => save(conversationId, { teamId }),
    resolve: (conversationId: number, agentId?: number): void => save(conversationId, { status: "resolved" }, agentId),
    reopen: (conversationId: number, agentId?: number): void =>
      save(conversationId, { status: "open", ...botLetsGo(state) }, agentId),
    snooze: (conversationId: number, until: Date | null, agentId?: number): void =>
      save(conversationId, { status: "snoozed", snoozedUntil: until }, agentId),
    setStatus: (conversationId: number, status: ConversationStatus): void => save(conversationId, { status }),
    setPriority: (conversationId: number, priority: Priority | null): void => save(conversationId, { priority }),
    setLabels: (conversationId: number, labels: string[]): void => save(conversationId, { labels }),
    mute: (conversationId: number, muted = true): void => void (find(conversationId).muted = muted),
    /** The job that opens conversations whose snooze time has passed, within the last three days (3.2). */
    reopenSnoozed(): void {
      const now = state.clock().getTime();
      for (const conversation of state.conversations.values()) {
        const until = conversation.snoozedUntil?.getTime();
        if (conversation.status !== "snoozed" || until === undefined) continue;
        if (until <= now && until > now - 3 * 86_400_000) save(conversation.id, { status: "open" });
      }
    },
    deleteMessage(messageId: number): void {
      const message = [...state.messages.values()].flat().find((item) => item.id === messageId);
      if (!message) throw new Error(`the simulator has no message ${messageId}`);
      deleteMessage(state, message);
    },
    /** The agent starts or stops typing. */
    typing(conversationId: number, typing: { agentId: number; on: boolean; private?: boolean }): void {
      state.events.emit("happening", {
        event: typing.on ? "conversation_typing_on" : "conversation_typing_off",
        conversationId: find(conversationId).id,
        who: { type: "User", id: user(typing.agentId).id },
        isPrivate: typing.private ?? false,
      });
    },
    setAvailability(agentId: number, availability: Availability, connected = true): void {
      Object.assign(user(agentId), { availability, connected });
      state.events.emit("change");
    },
    /** Everything said in a conversation, notes and activity lines included, oldest first. */
    messages: (conversationId: number): readonly Message[] => messagesOf(state, conversationId),
  };
}
