import { HandoffError } from "../domain/errors.ts";
import type { Handoff } from "../domain/handoff.ts";
import type { Tx } from "../ports-store.ts";
import type { BotSetup, Deps } from "./deps.ts";
import { beginTurn } from "./turn.ts";
import type { Turn } from "./turn.ts";

export interface LoadedTurn {
  readonly turn: Turn;
  readonly setup: BotSetup;
  readonly handoff: Handoff;
}

/**
 * A turn about a handoff, with its conversation locked.
 *
 * @param botId when given, a handoff of another bot counts as unknown
 * @throws HandoffError `not_found`, for a foreign id exactly as for an unknown one
 */
export async function loadHandoff(
  tx: Tx,
  deps: Deps,
  of: { workspaceId: string; handoffId: string; botId?: string | null },
): Promise<LoadedTurn> {
  const seen = await tx.handoff(of.workspaceId, of.handoffId);
  if (seen === null || (of.botId && seen.botId !== of.botId)) throw new HandoffError("not_found");
  const conversation = await tx.lockConversation(of.workspaceId, seen.conversationId);
  // Read again under the lock: on PostgreSQL it may have changed while we waited for it.
  const handoff = await tx.handoff(of.workspaceId, of.handoffId);
  if (conversation === null || handoff === null) throw new HandoffError("not_found");
  const setup = await deps.bots.get(tx, of.workspaceId, handoff.botId);
  const callbackUrl = conversation.callbackUrl ?? setup.bot.callbackUrl;
  return { turn: beginTurn(tx, { conversation, handoff, callbackUrl, now: deps.clock() }), setup, handoff };
}
