export interface BackoffBounds {
  readonly baseMs: number;
  readonly capMs: number;
}

/**
 * How long to wait after attempt number `attempt` (from 1) has failed: exponential with full jitter, so that what failed
 * together does not come back together.
 *
 * @param random a number from 0 up to but not including 1
 * @returns whole milliseconds, from 1 to `baseMs * 2^(attempt-1)`, and never more than `capMs`
 */
export function backoffMs(attempt: number, { baseMs, capMs }: BackoffBounds, random: () => number): number {
  return 1 + Math.floor(random() * longestBackoffMs(attempt, { baseMs, capMs }));
}

/** The upper bound of {@link backoffMs}, for waits without jitter below. */
export function longestBackoffMs(attempt: number, { baseMs, capMs }: BackoffBounds): number {
  // 2^40 of anything is beyond every cap; a larger power would end as Infinity.
  return Math.min(capMs, baseMs * 2 ** Math.min(Math.max(attempt - 1, 0), 40));
}
