import type { Circuits, Clock, Duties, JobsFigures, Log, Store } from "../ports.ts";
import { noBus } from "../ports-bus.ts";
import type { Bus, Hint } from "../ports-bus.ts";
import { inRequest } from "../request-scope.ts";
import { createAlarms } from "./alarms.ts";
import { createAnnouncements } from "./announcements.ts";
import { createCircuits } from "./circuit.ts";
import type { CircuitEvents } from "./circuit.ts";
import { createLanes } from "./lanes.ts";
import { createLooks } from "./looks.ts";
import { createOverdue } from "./overdue.ts";
import type { Scheduler } from "./scheduler.ts";
import { createSweep } from "./sweep.ts";
import type { JobsTiming } from "./timing.ts";
import { everyTurn } from "./turns.ts";
import type { Turns } from "./turns.ts";
import { createWebhooks } from "./webhooks.ts";

export interface WorkerDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly duties: Duties;
  readonly timing: JobsTiming;
  readonly scheduler: Scheduler;
  /** From 0 up to but not including 1: spreads waits. */
  readonly random: () => number;
  /** To other processes; without it there are none. */
  readonly bus?: Bus;
  /** Agreed with other processes; without it every turn is ours. */
  readonly turns?: Turns;
  /**
   * Has a lane woken in `wait` milliseconds, in this process or another. Resolves with false when that could not be arranged.
   * Without it a timer of this process does so.
   */
  readonly later?: (lane: string, wait: number) => Promise<boolean>;
}

/** The work itself, whoever wakes it. Nothing here rejects; what goes wrong is logged and found again by the sweep. */
export interface Worker {
  readonly circuits: Circuits;
  figures(): JobsFigures;
  wakeLane(lane: string): void;
  wakeLook(workspaceId: string, handoffId: string): void;
  wakeWebhooks(): void;
  connectionMended(connectionId: string): void;
  /** Begins to sweep; resolves after the first sweep. */
  start(): Promise<void>;
  /** No new work; resolves when what runs has ended, or after `withinMs`. What still runs shortly before is left safe. */
  stop(withinMs: number): Promise<void>;
}

/** How long before its end a stop cuts off what still runs, so that its lanes can be given back. */
const TO_GIVE_BACK_MS = 1_000;

/** Builds the worker. An implementation of Jobs adds what carries a wake-up from the commit to here. */
export function createWorker(deps: WorkerDeps): Worker {
  const { clock, timing, scheduler, random } = deps;
  let phase: "new" | "running" | "stopping" | "over" = "new";
  const bus = deps.bus ?? noBus;
  const isStopping = () => phase === "stopping" || phase === "over";
  const announcements = createAnnouncements(deps);
  const events: CircuitEvents = {
    opened: (id, problem) => announcements.opened(id, problem),
    closed(id) {
      announcements.closed(id);
      sweep.soon(); // what was kept back while it was down
    },
    found: (connectionId, news) => bus.tell({ kind: "circuit", connectionId, ...news }),
  };
  const circuits = createCircuits({ clock, timing, random, events });
  const alarms = createAlarms({ clock, scheduler });
  const turns = deps.turns ?? everyTurn;
  const cuttingOff = new Set<() => void>();
  const onCutOff = (listener: () => void) => {
    cuttingOff.add(listener);
    return () => void cuttingOff.delete(listener);
  };
  const cutOff = () => {
    for (const listener of cuttingOff) listener();
  };
  const shared = { ...deps, turns, circuits, alarms, onCutOff, isStopping, isOver: () => phase === "over" };
  const lanes = createLanes(shared);
  const looks = createLooks(shared);
  const webhooks = createWebhooks(shared);
  const overdue = createOverdue(shared);
  const sweep = createSweep({ ...shared, lanes, looks, webhooks, overdue });
  let started: Promise<void> | null = null;
  const stopListening = bus.listen((hint) => unnamed(() => heard(hint)));

  function heard(hint: Hint): void {
    if (hint.kind === "circuit") circuits.hear(hint.connectionId, hint);
    else if (hint.kind === "connection_mended") circuits.forget(hint.connectionId);
    else return;
    if (isRunning()) sweep.soon();
  }

  const isRunning = () => phase === "running";
  return {
    circuits,
    figures: () => ({
      isRunning: isRunning(),
      circuitsOpen: circuits.openCount(),
      lanes: { running: lanes.running(), waiting: lanes.waiting() },
      looks: { running: looks.running(), waiting: looks.waiting() },
      webhooks: { running: webhooks.running(), waiting: webhooks.waiting() },
    }),
    wakeLane(lane) {
      if (isRunning()) unnamed(() => lanes.wake(lane));
    },
    wakeLook(workspaceId, handoffId) {
      if (isRunning()) unnamed(() => looks.wake(workspaceId, handoffId));
    },
    wakeWebhooks() {
      if (isRunning()) unnamed(() => webhooks.drain());
    },
    connectionMended(connectionId) {
      circuits.forget(connectionId);
      bus.tell({ kind: "connection_mended", connectionId });
      if (isRunning()) unnamed(() => sweep.soon());
    },
    start() {
      if (phase === "new") {
        phase = "running";
        started = sweep.start();
      }
      return started ?? Promise.resolve();
    },
    async stop(withinMs) {
      if (isStopping()) return;
      phase = "stopping";
      stopListening();
      alarms.clear();
      // With no time at all it is as if the process died: leases run out.
      const callOff = withinMs < 2 * TO_GIVE_BACK_MS ? () => {} : scheduler.after(withinMs - TO_GIVE_BACK_MS, cutOff);
      const work = Promise.all([sweep.close(), lanes.close(), looks.close(), webhooks.close(), overdue.close()]);
      await within(scheduler, withinMs, async () => {
        await work;
        await announcements.settled();
      });
      callOff();
      phase = "over";
    },
  };
}

/** Whoever wakes the worker may be a request; what is done then is done for all of them, each by its own name. */
function unnamed(work: () => unknown): void {
  void inRequest(null, work);
}

/** Waits for `work`, but no longer than `ms`. */
async function within(scheduler: Scheduler, ms: number, work: () => Promise<void>): Promise<void> {
  const { promise: timeIsUp, resolve } = Promise.withResolvers<void>();
  const cancel = scheduler.after(ms, resolve);
  await Promise.race([work(), timeIsUp]);
  cancel();
}
