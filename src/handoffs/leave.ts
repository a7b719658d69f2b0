import type { Handoff } from "../domain/handoff.ts";
import { SYSTEM } from "../domain/handoff.ts";
import type { Tx } from "../ports-store.ts";
import type { Deps } from "./deps.ts";
import { saveAndSubmit } from "./hosted/submit.ts";
import { loadHandoff } from "./load.ts";
import { end, moveOn } from "./transitions.ts";
import { laneOf } from "./turn.ts";
import type { Turn } from "./turn.ts";

/**
 * A connection goes away: nobody may be left waiting for a person who can no longer be reached.
 *
 * What was still being waited for goes to the next destination, or becomes a lead whose visitor is told; what a person had
 * accepted ends; leads stay leads, which the team finds in Baton and in its mail. Nothing is told to the helpdesk: its
 * credentials go with the connection.
 */

/** Handoffs that leave in one commit: everybody else's writes wait behind it. */
const BATCH = 100;
const DROPPED = "The connection was removed.";

interface Place {
  readonly workspaceId: string;
  readonly connectionId: string;
}

/**
 * Before the unit that removes a connection: while more stand there than one commit should move, they leave in commits of their
 * own. Where few stand there nothing happens, and all of it is one commit.
 *
 * @param first done in the first of these commits: what keeps new handoffs from going there
 */
export async function leaveAhead(
  deps: Deps,
  place: Place,
  first: (tx: Tx) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const { workspaceId, connectionId } = place;
  const standing = () => deps.store.read.openHandoffsAt(workspaceId, connectionId, { limit: BATCH });
  for (let page = await standing(); page.nextCursor !== null; page = await standing()) {
    await deps.store.write(async (tx) => {
      await first(tx);
      const { items } = await tx.openHandoffsAt(workspaceId, connectionId, { limit: BATCH });
      for (const handoff of items) await leave(tx, deps, place, handoff);
    });
  }
}

/** In the unit that removes a connection: whoever still stands there leaves. See {@link leaveAhead}. */
export async function leaveNow(tx: Tx, deps: Deps, place: Place): Promise<void> {
  const standing = () => tx.openHandoffsAt(place.workspaceId, place.connectionId, { limit: BATCH });
  for (let page = await standing(); page.items.length > 0; page = await standing()) {
    for (const handoff of page.items) await leave(tx, deps, place, handoff);
  }
}

async function leave(tx: Tx, deps: Deps, place: Place, seen: Handoff): Promise<void> {
  const { workspaceId, connectionId } = place;
  const { turn, setup, handoff } = await loadHandoff(tx, deps, { workspaceId, handoffId: seen.id });
  if (handoff.mode === "lead") forget(turn);
  else if (handoff.status === "acknowledged")
    end(turn, setup, deps, { as: "resolved", actor: SYSTEM, because: "connection_removed", fromHelpdesk: true });
  else {
    const chain = handoff.chain.filter((one) => one.id !== connectionId);
    turn.update({ opened: false, agent: null, assigneeId: null, chain });
    turn.lookAt(null);
    await moveOn(turn, setup, deps, "The connection was removed.");
  }
  // Before what the turn owes is added, which goes to other lanes. What an ended conversation still owed is not dropped: it
  // fails where the admin sees that the team never had it.
  if (turn.handoff?.status !== "resolved")
    await tx.dropLane(workspaceId, laneOf(connectionId, handoff.conversationId), DROPPED, turn.now);
  await saveAndSubmit(turn, deps);
}

/** The lead stands nowhere any more but in Baton. */
function forget(turn: Turn): void {
  turn.update({ destination: null, ref: null, cursor: null, assigneeId: null });
  turn.lookAt(null);
}
