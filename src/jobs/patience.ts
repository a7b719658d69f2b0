import type { Clock } from "../ports.ts";
import { longestBackoffMs } from "./backoff.ts";
import type { BackoffBounds } from "./backoff.ts";

/** Remembers what failed, and before when it is not tried again. In memory: a restart tries everything at once. */
export interface Patience {
  isWaiting(key: string): boolean;
  /** Gives when it may be tried again. */
  failed(key: string, atLeastMs?: number): Date;
  succeeded(key: string): void;
  size(): number;
}

const MOST = 10_000;
/** Nobody came back to it: it has ended otherwise. */
const FORGET_MS = 10 * 60_000;

export function createPatience(given: { clock: Clock; bounds: BackoffBounds; random: () => number }): Patience {
  const failures = new Map<string, { count: number; until: number }>();
  return {
    isWaiting: (key) => (failures.get(key)?.until ?? 0) > given.clock().getTime(),
    failed(key, atLeastMs = 0) {
      const count = (failures.get(key)?.count ?? 0) + 1;
      // Half of the wait is certain: what fails at once must not be tried in a tight loop.
      const wait = longestBackoffMs(count, given.bounds) * (0.5 + given.random() / 2);
      const until = given.clock().getTime() + Math.max(Math.ceil(wait), atLeastMs);
      failures.delete(key);
      if (failures.size >= MOST) failures.delete(failures.keys().next().value ?? "");
      failures.set(key, { count, until });
      return new Date(until);
    },
    succeeded: (key) => void failures.delete(key),
    size() {
      const long = given.clock().getTime() - FORGET_MS;
      for (const [key, { until }] of failures) if (until < long) failures.delete(key);
      return failures.size;
    },
  };
}
