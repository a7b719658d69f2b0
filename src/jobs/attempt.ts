import type { Clock, Duties, Effect, Log, Store, Then } from "../ports.ts";
import type { ClaimedLane, Delivery } from "../ports-store.ts";
import { DeliveryError } from "../domain/delivery.ts";
import { underLease } from "../lease-scope.ts";
import type { Scheduler } from "./scheduler.ts";
import type { JobsTiming } from "./timing.ts";

/** How one attempt ended, before anything of it is stored. */
export type Attempt =
  | { readonly end: "done"; readonly follows: Then }
  | { readonly end: "failed"; readonly thrown: unknown }
  /** Someone else has the lane: nothing of this may be stored. */
  | { readonly end: "lost" }
  /** The worker's time was over before it ended: how far it came is not known. */
  | { readonly end: "cut_off" };

export interface AttemptDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly duties: Duties;
  readonly timing: JobsTiming;
  readonly scheduler: Scheduler;
  /** The worker has been stopped and its time is over: leases are left to run out. */
  readonly isOver: () => boolean;
  /** Calls back when the worker stops and what runs must end now. Gives the way to stop listening. */
  readonly onCutOff: (listener: () => void) => () => void;
}

/**
 * Performs what a claimed lane's head owes, and keeps the lease alive meanwhile.
 *
 * A lease that is lost is noticed at the next renewal or step; the attempt then keeps nothing more. One that never returns is
 * given up after `performLimitMs`, as one that may have had its effect; so is one that the worker's stop cuts off. Never rejects.
 */
export async function attempt(deps: AttemptDeps, claim: ClaimedLane): Promise<Attempt> {
  const lease = keepLease(deps, claim);
  const watchdog = timeLimit(deps);
  const stop = cutOff(deps);
  const effect = effectOf(deps, claim, lease);
  try {
    const performing = underLease(lease.isFresh, () => perform(deps.duties, claim.delivery, effect));
    const done = performing.then((follows) => ({ end: "done", follows }) as const);
    const ended = await Promise.race([done, watchdog.passed, stop.passed]);
    return lease.isLost() ? { end: "lost" } : ended;
  } catch (thrown) {
    return lease.isLost() ? { end: "lost" } : { end: "failed", thrown };
  } finally {
    watchdog.cancel();
    stop.cancel();
    lease.end();
  }
}

// A duty that throws before its first await becomes a rejection like any other.
const perform = async (duties: Duties, delivery: Delivery, effect: Effect): Promise<Then> =>
  await duties.perform(delivery, effect);

interface Lease {
  isLost(): boolean;
  /** It has not run out by itself: a process that stood still may be asked for nothing more before it has noticed. */
  isFresh(this: void): boolean;
  /** The attempt is over: nothing of it is kept from here on. */
  hasEnded(): boolean;
  lose(): void;
  end(): void;
}

function keepLease(deps: AttemptDeps, claim: ClaimedLane): Lease {
  const { store, clock, timing, scheduler, log } = deps;
  let isLost = false;
  let hasEnded = false;
  let cancel: (() => void) | null = null;
  // By a clock that nobody sets.
  let freshUntil = performance.now() + timing.leaseMs;
  const renewSoon = () => {
    cancel = scheduler.after(Math.ceil(timing.leaseMs / 3), () => void renew());
  };
  const renew = async () => {
    if (hasEnded || isLost || deps.isOver()) return;
    try {
      const askedAt = performance.now();
      isLost = !(await store.write((tx) => tx.renewLane(claim, clock(), timing.leaseMs)));
      if (!isLost) freshUntil = askedAt + timing.leaseMs;
      if (isLost) log.warn("lane_lost", fieldsOf(claim.delivery));
    } catch (error) {
      log.warn("lease_not_renewed", { ...fieldsOf(claim.delivery), error });
    }
    if (!hasEnded) renewSoon();
  };
  renewSoon();
  return {
    isLost: () => isLost,
    isFresh: () => !isLost && performance.now() < freshUntil,
    hasEnded: () => hasEnded,
    lose() {
      isLost = true;
    },
    end() {
      hasEnded = true;
      cancel?.();
    },
  };
}

function timeLimit({ timing, scheduler }: AttemptDeps): { passed: Promise<never>; cancel(): void } {
  let cancel: (() => void) | null = null;
  const passed = new Promise<never>((_resolve, reject) => {
    const seconds = Math.round(timing.performLimitMs / 1000);
    cancel = scheduler.after(timing.performLimitMs, () => {
      reject(new DeliveryError("transient", `No answer within ${seconds} seconds.`, { ambiguous: true }));
    });
  });
  return { passed, cancel: () => cancel?.() };
}

// A promise for each attempt: one that lives as long as the worker would remember every attempt that ever waited for it.
function cutOff(deps: AttemptDeps): { passed: Promise<{ readonly end: "cut_off" }>; cancel(): void } {
  const { promise: passed, resolve } = Promise.withResolvers<{ readonly end: "cut_off" }>();
  return { passed, cancel: deps.onCutOff(() => resolve({ end: "cut_off" })) };
}

function effectOf(deps: AttemptDeps, claim: ClaimedLane, lease: Lease): Effect {
  const { delivery } = claim;
  let progress = delivery.progress;
  return {
    key: keyOf(delivery),
    mayHaveHappened: delivery.mayHaveHappened,
    get progress() {
      return progress;
    },
    async saveProgress(patch) {
      // One that was given up, or whose lane went to another process, must not go on to its next step.
      if (lease.isLost() || lease.hasEnded()) throw new DeliveryError("transient", "This attempt is over.");
      progress = { ...progress, ...patch };
      const kept = progress;
      if (await deps.store.write((tx) => tx.saveProgress(claim, kept))) return;
      lease.lose();
      throw new DeliveryError("transient", "This attempt is over.");
    },
  };
}

/**
 * Our own key of an effect, the same over all attempts. With the time of its making: after a backup is restored numbers are
 * given out again, and what was sent under the old one must not be taken for the new one.
 */
export function keyOf(delivery: Delivery): string {
  const { key } = delivery.payload;
  return typeof key === "string" ? key : `dlv_${delivery.n}_${delivery.createdAt.getTime().toString(36)}`;
}

/** What a log line says of a delivery. */
export const fieldsOf = (delivery: Delivery) => ({
  workspaceId: delivery.workspaceId,
  deliveryId: `dlv_${delivery.n}`,
  lane: delivery.lane,
  kind: delivery.kind,
  connectionId: delivery.connectionId,
  handoffId: delivery.handoffId,
  attempt: delivery.attempts,
});
