import type { Jobs } from "../ports.ts";
import type { RedisLink } from "../redis/link.ts";
import { createBullQueue } from "./bull-queue.ts";
import type { InProcessJobsSettings } from "./in-process.ts";
import { createRedisTurns } from "./redis-turns.ts";
import { realScheduler } from "./scheduler.ts";
import { DEFAULT_TIMING } from "./timing.ts";
import { nameOf } from "./wake-ups.ts";
import type { WakeUp } from "./wake-ups.ts";
import { createWorker } from "./worker.ts";

export interface BullJobsSettings extends InProcessJobsSettings {
  readonly link: RedisLink;
}

/**
 * Jobs for several processes on one store: a wake-up goes over Bull to whichever of them takes it.
 *
 * While Redis is away, or does not say in time that it has a wake-up, the worker of this process is woken directly: it needs
 * nothing but the store. Who works on a lane is decided there, by its lease, never by who was woken.
 */
export function createBullJobs(settings: BullJobsSettings): Jobs {
  const { timing: given, scheduler = realScheduler, random = Math.random, link, ...shared } = settings;
  const timing = { ...DEFAULT_TIMING, ...given };
  const queue = createBullQueue({ link, log: shared.log });
  const turns = createRedisTurns({ link, holdMs: timing.turnMs });
  const worker = createWorker({ ...shared, timing, scheduler, random, turns, later });
  const unsent = new Map<string, WakeUp>();
  let isStarted = false;

  function receive(wakeUp: WakeUp): void {
    if ("lane" in wakeUp) worker.wakeLane(wakeUp.lane);
    else if ("look" in wakeUp) worker.wakeLook(wakeUp.look.workspaceId, wakeUp.look.handoffId);
    else worker.wakeWebhooks();
  }

  /** What one commit wakes is sent together, and once. */
  function send(wakeUp: WakeUp): void {
    // Before the start the worker takes no notice either: the first sweep finds what it was about.
    if (!isStarted || !link.isUp()) {
      receive(wakeUp);
      return;
    }
    if (unsent.size === 0) scheduler.soon(sendAll);
    unsent.set(nameOf(wakeUp), wakeUp);
  }

  function sendAll(): void {
    const all = [...unsent.values()];
    unsent.clear();
    for (const wakeUp of all) void queue.send(wakeUp).then((isSent) => isSent || receive(wakeUp));
  }

  /** A lane that waits is woken in whichever process is there by then. */
  function later(lane: string, wait: number): Promise<boolean> {
    return link.isUp() ? queue.send({ lane }, wait) : Promise.resolve(false);
  }

  return {
    circuits: worker.circuits,
    figures: () => worker.figures(),
    wakeLane: (lane) => send({ lane }),
    wakeLook: (workspaceId, handoffId) => send({ look: { workspaceId, handoffId } }),
    wakeWebhooks: () => send({ webhooks: true }),
    connectionMended: (connectionId) => worker.connectionMended(connectionId),
    async start() {
      isStarted = true;
      const swept = worker.start();
      queue.take(receive);
      await swept;
    },
    async stop(withinMs) {
      // First of all nothing more is taken: what is taken now would be lost until another process sweeps.
      await Promise.all([queue.close(), worker.stop(withinMs)]);
      turns.close();
    },
  };
}
