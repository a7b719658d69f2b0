import type { Clock, Duties, Log, Store } from "../ports.ts";
import type { ConnectionCircuits } from "./circuit.ts";
import type { Lanes } from "./lanes.ts";
import type { Looks } from "./looks.ts";
import type { Overdue } from "./overdue.ts";
import type { Scheduler } from "./scheduler.ts";
import type { JobsTiming } from "./timing.ts";
import type { Turns } from "./turns.ts";
import type { Webhooks } from "./webhooks.ts";

export interface SweepDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly timing: JobsTiming;
  readonly scheduler: Scheduler;
  readonly circuits: ConnectionCircuits;
  readonly lanes: Lanes;
  readonly looks: Looks;
  readonly webhooks: Webhooks;
  readonly overdue: Overdue;
  readonly duties: Duties;
  readonly turns: Turns;
}

export interface Sweep {
  /** Sweeps now, and from then on every `sweepMs`. Resolves after the first time. */
  start(): Promise<void>;
  /** Sweeps in the next turn instead of at the next interval. */
  soon(): void;
  /** Resolves when a running sweep has ended. */
  close(): Promise<void>;
}

/**
 * Asks the store what is due, so that a wake-up that got lost costs one interval, and everything works again right after a
 * start. A part that fails is logged; the others and the next sweep are not touched by it.
 */
export function createSweep(deps: SweepDeps): Sweep {
  const { store, clock, timing, log } = deps;
  let cancel: (() => void) | null = null;
  let isClosed = false;
  let isDueSoon = false;
  let running: Promise<void> | null = null;
  let asking: Promise<void> | null = null;
  let nextAsking: number | null = null;

  async function dueLanes(): Promise<void> {
    const { lanes, circuits } = deps;
    lanes.pump();
    for (let limit = lanes.waiting() + timing.sweepRows; ; limit *= 4) {
      const due = await store.read.dueLanes(clock(), limit, [...circuits.paused(), ...lanes.crowded()]);
      const fresh = lanes.found(due);
      if (due.length < limit || fresh >= timing.sweepRows || limit >= timing.deepestRead) return;
    }
  }

  async function dueLooks(): Promise<void> {
    deps.looks.pump();
    deps.looks.found(await store.read.handoffsToLook(clock(), deps.looks.waiting() + timing.sweepRows));
  }

  async function passedLimits(): Promise<void> {
    deps.overdue.found(await store.read.overdueHandoffs(clock(), deps.overdue.stuck() + timing.sweepRows));
  }

  /** Beside the sweep: channels take their time to answer. Not right at the start, when what is recorded comes first. */
  function askChannels(): void {
    const now = clock().getTime();
    nextAsking ??= now + timing.waitingMs;
    if (asking !== null || now < nextAsking) return;
    nextAsking = now + timing.waitingMs;
    asking = inTurn(() => deps.duties.waiting())
      .catch((error: unknown) => log.error("sweep_failed", { kind: "waiting", error }))
      .finally(() => {
        asking = null;
      });
  }

  /** One process asks for all of them. */
  async function inTurn(ask: () => Promise<void>): Promise<void> {
    if (!(await deps.turns.take("waiting"))) return;
    try {
      await ask();
    } finally {
      deps.turns.end("waiting", true);
    }
  }

  async function once(): Promise<void> {
    askChannels();
    const parts = { passedLimits, dueLanes, dueLooks };
    for (const [part, run] of Object.entries(parts)) {
      try {
        await run();
      } catch (error) {
        log.error("sweep_failed", { kind: part, error });
      }
    }
    await deps.webhooks.drain({ deep: true });
  }

  async function sweep(): Promise<void> {
    if (isClosed || running !== null) return;
    cancel?.();
    running = once();
    await running;
    running = null;
    if (!isClosed) cancel = deps.scheduler.after(timing.sweepMs, () => void sweep());
  }

  return {
    start: sweep,
    soon() {
      if (isDueSoon) return;
      isDueSoon = true;
      deps.scheduler.soon(() => {
        isDueSoon = false;
        void sweep();
      });
    },
    async close() {
      isClosed = true;
      cancel?.();
      await Promise.all([running, asking]);
    },
  };
}
