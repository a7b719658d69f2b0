import { SYSTEM } from "../domain/handoff.ts";
import type { Tx } from "../ports-store.ts";
import type { Deps } from "./deps.ts";
import { loadHandoff } from "./load.ts";
import { release } from "./transitions.ts";

/** More than anybody has open; what is beyond it stays under the name of somebody who is gone. */
const MOST = 2_000;

export interface Left {
  /** Back in the queue, for somebody else to accept. */
  readonly released: number;
  /** In helpdesks, where they are assigned to whoever the helpdesk says: nothing changes there. */
  readonly inHelpdesks: number;
}

/** In the unit that removes a member: the conversations that they had at Baton's own inbox go back to the queue. */
export async function memberLeaves(
  tx: Tx,
  deps: Deps,
  { workspaceId, memberId }: { readonly workspaceId: string; readonly memberId: string },
): Promise<Left> {
  let released = 0;
  let inHelpdesks = 0;
  for (const { id } of await tx.openHandoffsOf(workspaceId, memberId, MOST)) {
    const { turn, setup, handoff } = await loadHandoff(tx, deps, { workspaceId, handoffId: id });
    // It may have moved on while its conversation was waited for.
    if (handoff.agent?.id !== memberId) continue;
    const place = handoff.destination?.id ?? null;
    if (place !== null && !deps.connectors.isLocal(place)) {
      inHelpdesks += 1;
      continue;
    }
    if (release(turn, setup, SYSTEM)) released += 1;
    await turn.save();
  }
  return { released, inHelpdesks };
}
