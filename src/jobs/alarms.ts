import type { Clock } from "../ports.ts";
import type { Scheduler } from "./scheduler.ts";

/** Exact wake-ups between two sweeps. Bounded in number and time: what finds no place is found by the sweep. */
export interface Alarms {
  /** Runs `run` at `at`, instead of what was set under this key. */
  set(key: string, at: Date, run: () => void): void;
  clear(): void;
}

const MOST = 1_000;
const HORIZON_MS = 60_000;

export function createAlarms(given: { clock: Clock; scheduler: Scheduler }): Alarms {
  const cancels = new Map<string, () => void>();
  return {
    set(key, at, run) {
      cancels.get(key)?.();
      cancels.delete(key);
      const wait = at.getTime() - given.clock().getTime();
      if (wait > HORIZON_MS || cancels.size >= MOST) return;
      // A millisecond more: Node's timers may fire a little before the clock shows the time.
      const cancel = given.scheduler.after(wait + 1, () => {
        cancels.delete(key);
        run();
      });
      cancels.set(key, cancel);
    },
    clear() {
      for (const cancel of cancels.values()) cancel();
      cancels.clear();
    },
  };
}
