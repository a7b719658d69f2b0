import { HandoffError } from "../domain/errors.ts";
import type { Actor, Handoff } from "../domain/handoff.ts";
import { isOpenStatus } from "../domain/states.ts";
import type { Conversation } from "../domain/conversation.ts";
import type { Tx } from "../ports-store.ts";
import type { Deps } from "./deps.ts";
import { loadHandoff } from "./load.ts";
import { end } from "./transitions.ts";

/**
 * The bot, the visitor or an admin ends a handoff. Ending it again the same way is answered like the first time.
 *
 * @throws HandoffError `not_found`; `wrong_state` when it has ended the other way
 */
export async function endHandoff(
  tx: Tx,
  deps: Deps,
  of: { workspaceId: string; botId: string | null; handoffId: string },
  ending: { as: "resolved" | "cancelled"; actor: Actor; because: string },
): Promise<{ handoff: Handoff; conversation: Conversation }> {
  const { turn, setup, handoff } = await loadHandoff(tx, deps, of);
  if (!isOpenStatus(handoff.status)) {
    if (handoff.status !== ending.as)
      throw new HandoffError("wrong_state", `The handoff is ${handoff.status} already.`);
    return { handoff, conversation: turn.conversation };
  }
  const staysThere = handoff.mode === "lead" && (await tx.leadOfHandoff(of.workspaceId, handoff.id)) !== null;
  end(turn, setup, deps, { ...ending, fromHelpdesk: false, staysThere });
  await turn.save();
  return { handoff: turn.handoff ?? handoff, conversation: turn.conversation };
}
