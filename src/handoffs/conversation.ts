import type { Conversation, ConversationInput } from "../domain/conversation.ts";
import type { Handoff } from "../domain/handoff.ts";
import type { Tx } from "../ports-store.ts";
import type { Deps } from "./deps.ts";
import { beginTold } from "./request.ts";

/**
 * The bot tells of a conversation before anybody asks for a person: its visitor, its page, what was said so far.
 *
 * @throws HandoffError `not_found` for an unknown bot
 */
export async function tellConversation(
  tx: Tx,
  deps: Deps,
  of: { workspaceId: string; botId: string; key: string },
  told: Omit<ConversationInput, "id"> & { callbackUrl: string | null },
): Promise<{ conversation: Conversation; handoff: Handoff | null }> {
  const setup = await deps.bots.get(tx, of.workspaceId, of.botId);
  const { callbackUrl, ...conversation } = told;
  const request = { conversation: { ...conversation, id: of.key }, callbackUrl };
  const turn = await beginTold(tx, setup, deps, request, deps.clock());
  await turn.save();
  return { conversation: turn.conversation, handoff: turn.handoff };
}
