import { retryAfterSeconds } from "../../src/domain/retry-after.ts";
import type { OutgoingResponse } from "../../src/ports.ts";

const LONGEST_WAIT_SECONDS = 3_600;

/** How long the bot asks us to wait, as far as it may; null when it does not say. */
export function waitOf({ headers }: OutgoingResponse, now: Date): number | null {
  const seconds = retryAfterSeconds(headers, now);
  return seconds === undefined ? null : Math.min(seconds, LONGEST_WAIT_SECONDS);
}
