import { saveConversation, type Actor } from "./conversations.ts";
import type { Conversation, State } from "./state.ts";

/** A bot takes a conversation, and the person lets go (3.2). The status follows only where that was merged already. */
export function assignAgentBot(state: State, conversation: Conversation, botId: number | null, actor: Actor): void {
  const status = state.settings.assignmentChangesStatus && botId !== null ? { status: "pending" as const } : {};
  saveConversation(state, conversation, { assigneeId: null, assigneeBotId: botId, ...status }, actor);
}

/** A person takes a conversation, or nobody does, and the bot lets go (3.2). */
export function assignUser(state: State, conversation: Conversation, userId: number | null, actor: Actor): void {
  const { settings } = state;
  const wasBots = conversation.status === "pending" && conversation.assigneeBotId !== null;
  const opens = settings.assignmentChangesStatus && userId !== null && wasBots;
  const status = opens ? { status: "open" as const } : {};
  saveConversation(state, conversation, { assigneeId: userId, assigneeBotId: null, ...status }, actor);
}
