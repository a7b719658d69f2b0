import { retryAfterSeconds } from "../../src/domain/retry-after.ts";
import type { Clock, OutgoingResponse } from "../../src/ports.ts";
import type { Quiet } from "../../src/ports-bus.ts";

type Headers = OutgoingResponse["headers"];

/** When a 429 names no time: nowhere is stated how long FreshChat's limits run (sheet 1.4). */
const THROTTLE_SECONDS = 30;
/** Longest wait taken from FreshChat's word, so that a clock that is wrong on either side holds up nothing for longer. */
export const LONGEST_WAIT_SECONDS = 3_600;

/** Unix times below are no seconds since 2001, and above no seconds until the year 5138: they are something else. */
const FIRST_UNIX_SECONDS = 1e9;
const FIRST_UNIX_MILLISECONDS = 1e11;

/**
 * The seconds that an answer asks to wait: `Retry-After`, else `X-RateLimit-Reset`, at least 1 and at most an hour.
 *
 * @returns null when it names no time, or one that has passed
 */
export function askedToWaitSeconds(headers: Headers, now: Date): number | null {
  const seconds = retryAfterSeconds(headers, now) ?? secondsToReset(headers, now);
  return seconds === null ? null : Math.min(Math.max(seconds, 1), LONGEST_WAIT_SECONDS);
}

/** How long to leave FreshChat alone after a 429. */
export const throttleSeconds = (headers: Headers, now: Date): number =>
  askedToWaitSeconds(headers, now) ?? THROTTLE_SECONDS;

/**
 * Seconds until `X-RateLimit-Reset`: a Unix time by its one source (sheet 1.4), which does not say of what unit; by size it is
 * told from milliseconds, and from the seconds left that other vendors send under this name.
 */
function secondsToReset(headers: Headers, now: Date): number | null {
  const given = numberIn(headers["x-ratelimit-reset"]);
  if (given === null) return null;
  const unixMilliseconds = given >= FIRST_UNIX_MILLISECONDS ? given : given * 1_000;
  const left = given < FIRST_UNIX_SECONDS ? given : (unixMilliseconds - now.getTime()) / 1_000;
  return left > 0 ? Math.ceil(left) : null;
}

function numberIn(header: string | undefined): number | null {
  const text = header?.trim() ?? "";
  return /^\d{1,15}(?:\.\d{1,9})?$/.test(text) ? Number(text) : null;
}

/** Keeps one connection from asking while FreshChat has said that it will refuse. */
export interface Pace {
  /** Seconds until the next request may go out; 0 for now. */
  secondsLeft(): number;
  /** Takes note of what an answer says of the limit. */
  heed(response: Pick<OutgoingResponse, "status" | "headers">): void;
}

/** @param quiet what is known of it in all processes: they share what the account allows */
export function createPace(clock: Clock, quiet?: Quiet): Pace {
  let shut: { readonly since: number; readonly until: number } | null = null;

  return {
    secondsLeft() {
      const now = clock().getTime();
      const told = quiet?.until() ?? 0;
      if (told > now && told > (shut?.until ?? 0))
        shut = { since: now, until: Math.min(told, now + LONGEST_WAIT_SECONDS * 1_000) };
      if (shut === null) return 0;
      // A clock that was set back must not lengthen the wait: the next refusal tells anew.
      if (now < shut.since || now >= shut.until) {
        shut = null;
        return 0;
      }
      return Math.ceil((shut.until - now) / 1_000);
    },
    heed({ status, headers }) {
      const now = clock();
      const isSpent = numberIn(headers["x-ratelimit-remaining"]) === 0;
      const seconds =
        status === 429 ? throttleSeconds(headers, now) : isSpent ? cappedSecondsToReset(headers, now) : null;
      if (seconds === null) return;
      const since = now.getTime();
      const until = since + seconds * 1_000;
      // Answers overtake each other: the longest wait counts.
      if (shut === null || since < shut.since || until > shut.until) {
        shut = { since, until };
        quiet?.tell(until);
      }
    },
  };
}

function cappedSecondsToReset(headers: Headers, now: Date): number | null {
  const seconds = secondsToReset(headers, now);
  return seconds === null ? null : Math.min(seconds, LONGEST_WAIT_SECONDS);
}
