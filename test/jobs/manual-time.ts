import { setImmediate as turn } from "node:timers/promises";
import type { Clock } from "../../src/ports.ts";
import type { Scheduler } from "../../src/jobs/scheduler.ts";

/** Time that stands still until it is moved: a clock and the timers that follow it. */
export interface ManualTime {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /** Lets everything happen that can happen without time passing. */
  settle(): Promise<void>;
  /** Moves time on, stopping at every timer on the way. */
  advance(ms: number): Promise<void>;
  /** Moves the clock alone, as when the process was frozen: no timer has run. */
  jump(ms: number): void;
  pendingTimers(): number;
}

/** Turns of the event loop in which nothing may be under way before all is taken to be quiet. */
const QUIET_TURNS = 8;
const MOST_TURNS = 20_000;

/**
 * @param isBusy whether something is under way that will end without time passing
 * @param isQuietElsewhere asked once all is quiet here: whether nothing is on its way back from somewhere else
 */
export function createManualTime(
  start: Date,
  isBusy: () => boolean,
  isQuietElsewhere: () => Promise<boolean> = () => Promise.resolve(true),
): ManualTime {
  let now = start.getTime();
  let soon = 0;
  const timers = new Set<{ at: number; run: () => void }>();

  async function settle(): Promise<void> {
    let quiet = 0;
    let isQuietThere = false;
    for (let turns = 0; quiet < QUIET_TURNS || !isQuietThere; turns += 1) {
      if (turns > MOST_TURNS) throw new Error("it never comes to rest");
      await turn();
      quiet = soon > 0 || isBusy() ? 0 : quiet + 1;
      if (quiet === 0) isQuietThere = false;
      if (quiet < QUIET_TURNS || isQuietThere) continue;
      // What it sent before it was quiet is taken in by then, and looked for once more.
      isQuietThere = await isQuietElsewhere();
      quiet = 0;
    }
  }

  return {
    clock: () => new Date(now),
    scheduler: {
      after(ms, run) {
        const timer = { at: now + Math.max(ms, 0), run };
        timers.add(timer);
        return () => void timers.delete(timer);
      },
      soon(run) {
        soon += 1;
        setImmediate(() => {
          soon -= 1;
          run();
        });
      },
    },
    settle,
    async advance(ms) {
      const until = now + ms;
      for (;;) {
        await settle();
        const [next] = [...timers].filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        timers.delete(next);
        now = Math.max(now, next.at);
        next.run();
      }
      now = Math.max(now, until);
    },
    jump(ms) {
      now += ms;
    },
    pendingTimers: () => timers.size,
  };
}
