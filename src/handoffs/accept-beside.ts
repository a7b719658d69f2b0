import type { Conversation } from "../domain/conversation.ts";
import { HandoffError } from "../domain/errors.ts";
import type { Handoff } from "../domain/handoff.ts";
import { isOpenStatus } from "../domain/states.ts";
import type { Tx } from "../ports-store.ts";
import type { Deps } from "./deps.ts";
import { loadHandoff } from "./load.ts";
import { accept } from "./transitions.ts";
import type { Agent } from "./transitions.ts";

/** Whether somebody can still take it. */
export const canAccept = (handoff: Pick<Handoff, "status">): boolean => handoff.status === "pending";

/**
 * A member takes a conversation that stands in a helpdesk, from beside it: Baton and the visitor know who has it from then on. Who
 * is assigned in the helpdesk stays as it is, and news from there still counts.
 *
 * @param of.connectionId where the member stands: a handoff that has moved on from there is no longer theirs to take
 * @throws HandoffError `not_found`; `wrong_state` when it has ended or somebody else has it
 */
export async function acceptBeside(
  tx: Tx,
  deps: Deps,
  of: { workspaceId: string; handoffId: string; connectionId: string },
  agent: Agent,
): Promise<{ handoff: Handoff; conversation: Conversation }> {
  const { turn, setup, handoff } = await loadHandoff(tx, deps, of);
  if (handoff.destination?.id !== of.connectionId) throw new HandoffError("not_found");
  if (!isOpenStatus(handoff.status)) throw new HandoffError("wrong_state", "This handoff has ended.");
  if (!canAccept(handoff) && handoff.agent?.id !== agent.id)
    throw new HandoffError("wrong_state", `${handoff.agent?.name ?? "Somebody else"} has this conversation already.`);
  accept(turn, setup, agent);
  await turn.save();
  return { handoff: turn.handoff ?? handoff, conversation: turn.conversation };
}
