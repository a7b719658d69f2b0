import type { DeliveryError } from "../domain/delivery.ts";
import type { Then, Tx } from "../ports.ts";
import type { ClaimedLane, Delivery } from "../ports-store.ts";
import { inRequest } from "../request-scope.ts";
import { attempt, fieldsOf } from "./attempt.ts";
import type { Attempt, AttemptDeps } from "./attempt.ts";
import type { ConnectionCircuits } from "./circuit.ts";
import type { Slot } from "./fair-pool.ts";
import { asDeliveryError, retryAfterMs, settlesAt, tryAgain, verdictOn } from "./verdict.ts";
import type { Again, FailedAttempt } from "./verdict.ts";

export interface LaneRunnerDeps extends AttemptDeps {
  readonly circuits: ConnectionCircuits;
  readonly random: () => number;
  /** The worker is stopping: what runs may end, nothing new begins. */
  readonly isStopping: () => boolean;
}

/** How a run over a lane ended. */
export type LaneEnd =
  /** Nothing is due there, or someone else has it. */
  | { readonly end: "empty" }
  | { readonly end: "waits"; readonly until: Date }
  /** It belongs to this group, which has no room now. */
  | { readonly end: "elsewhere"; readonly group: string }
  /** The lease is gone, or could not be given back: the lane is found again when the lease has run out. */
  | { readonly end: "left" };

/** The group whose slots a delivery takes: its connection; callbacks and mail are apart for each workspace. */
export const groupOf = (delivery: Delivery): string =>
  delivery.connectionId ?? `${delivery.kind}:${delivery.workspaceId}`;

/** A setback when not even the failure could be looked at: the far side may still be busy this long. */
const CAREFUL_MS = 15_000;

/**
 * Sends what a lane owes, in order, until it is empty, has to wait, or is lost. Used by every implementation of Jobs; they
 * differ only in what wakes a lane.
 *
 * Never rejects.
 */
export async function runLane(deps: LaneRunnerDeps, lane: string, slot: Slot): Promise<LaneEnd> {
  const { store, clock, timing, log } = deps;
  try {
    if (deps.isStopping()) return { end: "empty" };
    let claim = await store.write((tx) => tx.claimLane(lane, clock(), timing.leaseMs));
    while (claim !== null) {
      const head = claim;
      const next = await inRequest(head.delivery.requestId, () => runHead(deps, head, slot));
      if (next !== null && "end" in next) return next;
      claim = next;
    }
    return { end: "empty" };
  } catch (error) {
    log.error("lane_stopped", { lane, error });
    return { end: "left" };
  }
}

/** Tries a lane's head, in the name of the request that it is owed because of. Gives the next one, or how the run ends. */
async function runHead(deps: LaneRunnerDeps, claim: ClaimedLane, slot: Slot): Promise<ClaimedLane | LaneEnd | null> {
  const held = holdBack(deps, claim.delivery, slot);
  if (held !== null) return (await handBack(deps, claim, held.until)) ? held.end : { end: "left" };
  const result = await attempt(deps, claim);
  if (result.end === "lost") return { end: "left" };
  if (result.end === "cut_off") return await leaveSafe(deps, claim);
  return await conclude(deps, { claim, result, slot });
}

/** Why a claimed delivery is not tried now; null when it is. */
function holdBack(deps: LaneRunnerDeps, delivery: Delivery, slot: Slot): { until: Date; end: LaneEnd } | null {
  const now = deps.clock();
  const group = groupOf(delivery);
  const settled = settlesAt(delivery, settleMs(deps, delivery), now);
  const paused = deps.circuits.waitsUntil(group);
  if (settled !== null || paused !== null) {
    const until = new Date(Math.max(settled?.getTime() ?? 0, paused?.getTime() ?? 0));
    return { until, end: { end: "waits", until } };
  }
  // One that may have happened has waited long enough: a time after its start says so to the next claim.
  const until = delivery.mayHaveHappened ? new Date(now.getTime() + 1) : now;
  if (deps.isStopping()) return { until, end: { end: "waits", until } };
  return slot.moveTo(group) ? null : { until, end: { end: "elsewhere", group } };
}

/**
 * Gives back the lane of an attempt that is cut off by the stop, so that the next process need not wait for the lease: it
 * begins as soon as the far side must have ended, and looks before it repeats anything.
 */
function leaveSafe(deps: LaneRunnerDeps, claim: ClaimedLane): Promise<LaneEnd> {
  const nextAt = new Date(deps.clock().getTime() + Math.max(1, settleMs(deps, claim.delivery)));
  const error = "The server was stopped while this was being sent. It goes on by itself.";
  deps.log.info("delivery_cut_off", fieldsOf(claim.delivery));
  return postpone(deps, claim, { end: "again", nextAt, error, mayHaveHappened: true, countAttempt: false });
}

/** Gives a lane back untried. False when it was lost. */
const handBack = (deps: LaneRunnerDeps, claim: ClaimedLane, until: Date): Promise<boolean> =>
  deps.store.write((tx) => putBack(tx, claim, { now: deps.clock(), until }));

const putBack = (tx: Tx, claim: ClaimedLane, { now, until }: { now: Date; until: Date }): Promise<boolean> =>
  tx.postponeDelivery(
    claim,
    {
      nextAt: until,
      error: claim.delivery.lastError ?? "",
      mayHaveHappened: claim.delivery.mayHaveHappened,
      countAttempt: false,
    },
    now,
  );

interface Concluding {
  readonly claim: ClaimedLane;
  readonly result: Exclude<Attempt, { end: "lost" | "cut_off" }>;
  readonly slot: Slot;
}

/** Stores how an attempt ended; gives the lane's next head, null when there is none, or how the run ends. */
async function conclude(deps: LaneRunnerDeps, given: Concluding): Promise<ClaimedLane | LaneEnd | null> {
  const { claim, result, slot } = given;
  if (result.end === "failed") return await concludeFailure(deps, { claim, slot, thrown: result.thrown });
  if (claim.delivery.connectionId !== null) slot.trial.succeeded();
  deps.log.info("delivery_done", fieldsOf(claim.delivery));
  try {
    return await end(deps, claim, { state: "done", error: null, follows: result.follows });
  } catch (error) {
    // It has happened, and that could not be stored: the next attempt finds it by its key.
    deps.log.error("delivery_not_ended", { ...fieldsOf(claim.delivery), error });
    return await postpone(deps, claim, tryAgain(failureOf(deps, claim.delivery, asDeliveryError(error))));
  }
}

async function concludeFailure(
  deps: LaneRunnerDeps,
  { claim, slot, thrown }: { claim: ClaimedLane; slot: Slot; thrown: unknown },
): Promise<ClaimedLane | LaneEnd | null> {
  const { delivery } = claim;
  const error = asDeliveryError(thrown);
  const isOwnFault = error !== thrown;
  deps.log[isOwnFault ? "error" : "warn"]("delivery_failed", {
    ...fieldsOf(delivery),
    code: error.code,
    error: thrown,
  });
  if (delivery.connectionId !== null && !isOwnFault) {
    const { kind, message } = error;
    slot.trial.failed({ kind, message, retryAfterMs: retryAfterMs(error, deps.timing) });
  }
  const found = verdictOn(failureOf(deps, delivery, error));
  if (found.end === "again") return await postpone(deps, claim, found);
  try {
    const follows = deps.duties.abandoned(delivery, error);
    return await end(deps, claim, { state: "dead", error: found.reason, follows });
  } catch (fault) {
    deps.log.error("delivery_not_given_up", { ...fieldsOf(delivery), error: fault });
    return await postpone(deps, claim, tryAgain(failureOf(deps, delivery, asDeliveryError(fault))));
  }
}

function failureOf(deps: LaneRunnerDeps, delivery: Delivery, error: DeliveryError): FailedAttempt {
  const { connectionId } = delivery;
  return {
    delivery,
    error,
    now: deps.clock(),
    settleMs: error.ambiguous ? settleMs(deps, delivery) : 0,
    connectionUntil: connectionId === null ? null : deps.circuits.waitsUntil(connectionId),
    timing: deps.timing,
    random: deps.random,
  };
}

function settleMs(deps: LaneRunnerDeps, delivery: Delivery): number {
  try {
    return deps.duties.settleMs(delivery);
  } catch (error) {
    deps.log.error("settle_time_unknown", { ...fieldsOf(delivery), error });
    return CAREFUL_MS;
  }
}

/**
 * Ends the head and takes the next one, in one unit with what follows from it.
 *
 * What follows may drop the rest of the lane or add to it, so the next head is put back before and taken after.
 */
function end(
  deps: LaneRunnerDeps,
  claim: ClaimedLane,
  how: { state: "done" | "dead"; error: string | null; follows: Then },
): Promise<ClaimedLane | LaneEnd | null> {
  const { timing } = deps;
  return deps.store.write(async (tx) => {
    const now = deps.clock();
    const { workspaceId, conversationId } = claim.delivery;
    // The conversation before its lane, as everybody locks them: two who take them crosswise would wait for each other.
    if (how.follows !== null && conversationId !== null) await tx.lockConversation(workspaceId, conversationId);
    const next = await tx.finishDelivery(claim, { state: how.state, error: how.error }, now, timing.leaseMs);
    if (next === undefined) return { end: "left" } as const;
    if (how.follows === null && !deps.isStopping()) return next;
    if (next !== null) await putBack(tx, next, { now, until: now });
    if (how.follows !== null) await how.follows(tx);
    return deps.isStopping() ? null : await tx.claimLane(claim.lane, now, timing.leaseMs);
  });
}

async function postpone(deps: LaneRunnerDeps, claim: ClaimedLane, again: Again): Promise<LaneEnd> {
  const { nextAt, error, mayHaveHappened, countAttempt } = again;
  const isKept = await deps.store.write((tx) =>
    tx.postponeDelivery(claim, { nextAt, error, mayHaveHappened, countAttempt }, deps.clock()),
  );
  return isKept ? { end: "waits", until: nextAt } : { end: "left" };
}
