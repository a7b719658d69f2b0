import type { Clock, Duties, Jobs, Log, Store } from "../ports.ts";
import type { Bus } from "../ports-bus.ts";
import { realScheduler } from "./scheduler.ts";
import type { Scheduler } from "./scheduler.ts";
import { DEFAULT_TIMING } from "./timing.ts";
import type { JobsTiming } from "./timing.ts";
import { createWorker } from "./worker.ts";

export interface InProcessJobsSettings {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly duties: Duties;
  readonly timing?: Partial<JobsTiming>;
  /** Timers; a test hands in its own, together with the clock. */
  readonly scheduler?: Scheduler;
  readonly random?: () => number;
  /** To other processes, when there are any. */
  readonly bus?: Bus;
}

/**
 * Jobs for one process: a wake-up is a function call.
 *
 * Wake-ups before `start` and after `stop` do nothing: the first sweep finds what they were about. After `stop` it does not
 * start again.
 */
export function createInProcessJobs(settings: InProcessJobsSettings): Jobs {
  const { timing, scheduler = realScheduler, random = Math.random, ...given } = settings;
  const worker = createWorker({ ...given, timing: { ...DEFAULT_TIMING, ...timing }, scheduler, random });
  return {
    circuits: worker.circuits,
    figures: () => worker.figures(),
    wakeLane: (lane) => worker.wakeLane(lane),
    wakeLook: (workspaceId, handoffId) => worker.wakeLook(workspaceId, handoffId),
    wakeWebhooks: () => worker.wakeWebhooks(),
    connectionMended: (connectionId) => worker.connectionMended(connectionId),
    start: () => worker.start(),
    stop: (withinMs) => worker.stop(withinMs),
  };
}
