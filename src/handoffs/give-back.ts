import { HandoffError } from "../domain/errors.ts";
import type { Conversation } from "../domain/conversation.ts";
import type { Handoff } from "../domain/handoff.ts";
import { isOpenStatus } from "../domain/states.ts";
import type { Tx } from "../ports-store.ts";
import type { Deps } from "./deps.ts";
import { loadHandoff } from "./load.ts";
import { agentActor, end } from "./transitions.ts";
import type { Agent } from "./transitions.ts";

/** Whether an agent has something to give back to the bot: a live handoff that has not ended. */
export const canGiveBack = (handoff: Pick<Handoff, "status" | "mode">): boolean =>
  isOpenStatus(handoff.status) && handoff.mode === "live";

/**
 * An agent gives the conversation back to the bot from outside the helpdesk's own buttons: it ends, the visitor is told, and the
 * helpdesk hears of it as of any end that began in Baton.
 *
 * @param of.connectionId where the agent stands: a handoff that has moved on from there is no longer theirs to end
 * @param agent null: not known by name; then whoever has the handoff
 * @throws HandoffError `not_found`; `wrong_state` when nothing is live there
 */
export async function giveBack(
  tx: Tx,
  deps: Deps,
  of: { workspaceId: string; handoffId: string; connectionId: string },
  agent: Agent | null,
): Promise<{ handoff: Handoff; conversation: Conversation }> {
  const { turn, setup, handoff } = await loadHandoff(tx, deps, of);
  if (handoff.destination?.id !== of.connectionId) throw new HandoffError("not_found");
  if (!canGiveBack(handoff))
    throw new HandoffError("wrong_state", "The bot has this conversation already: there is nothing to give back.");
  const actor = agentActor(setup, agent ?? handoff.agent);
  end(turn, setup, deps, { as: "resolved", actor, because: "returned_to_bot", fromHelpdesk: false });
  await turn.save();
  return { handoff: turn.handoff ?? handoff, conversation: turn.conversation };
}
