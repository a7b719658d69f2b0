import { seeded } from "./sides.ts";

/** All the trouble there is. What a run cannot make (no Redis, no small disk) is left out of its plan. */
export const TROUBLES = [
  "busy",
  "busy_without_a_time",
  "failing",
  "proxy_page",
  "proxy_page_as_200",
  "answer_lost",
  "answer_never",
  "request_lost",
  "half_an_answer",
  "late_commit",
  "slow",
  "down",
  "webhooks_lost",
  "webhooks_doubled",
  "webhooks_shuffled",
  "webhooks_late",
  "bot_failing",
  "bot_busy",
  "bot_hanging",
  "bot_slow",
  "bot_losing_answers",
  "clock_forward",
  "clock_back",
  "stopped",
  "frozen",
  "redis_killed",
  "redis_flushed",
  "postgres_crashed",
  "disk_full",
] as const;
export type Trouble = (typeof TROUBLES)[number];

export interface Step {
  readonly afterMs: number;
  readonly trouble: Trouble;
  /** From 0 to 1: how much of it, and whom it hits. */
  readonly size: number;
}

/** What a run is to go through, the same for the same seed: each kind once in a random order, and again, as long as it runs. */
export function* planOf(seed: number, among: readonly Trouble[], every: readonly [number, number]): Generator<Step> {
  const random = seeded(seed);
  const [least, most] = every;
  for (;;) {
    const left = [...among];
    while (left.length > 0) {
      const [trouble] = left.splice(Math.floor(random() * left.length), 1);
      if (trouble !== undefined) yield { afterMs: least + random() * (most - least), trouble, size: random() };
    }
    if (among.length === 0) return;
  }
}
