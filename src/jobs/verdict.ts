import { DeliveryError } from "../domain/delivery.ts";
import type { Delivery } from "../ports-store.ts";
import { backoffMs } from "./backoff.ts";
import type { JobsTiming } from "./timing.ts";

/** Tried again at `nextAt`. */
export interface Again {
  readonly end: "again";
  readonly nextAt: Date;
  readonly error: string;
  readonly mayHaveHappened: boolean;
  readonly countAttempt: boolean;
}

/** What follows from an attempt that failed. */
export type Verdict = Again | { readonly end: "dead"; readonly reason: string };

export interface FailedAttempt {
  readonly delivery: Delivery;
  readonly error: DeliveryError;
  readonly now: Date;
  /** How long after an ambiguous failure the far side may still do it. */
  readonly settleMs: number;
  /** Before when its connection is not called; null without a pause or a connection. */
  readonly connectionUntil: Date | null;
  readonly timing: JobsTiming;
  readonly random: () => number;
}

/** Words for a fault of our own: an error that Baton did not word itself may quote what nobody else should read. */
const OWN_FAULT = "An unexpected fault in Baton stopped this attempt. The log names it; it is tried again.";

/**
 * Reads anything that was thrown as a DeliveryError. What is none says nothing about how far it came, so the next attempt
 * has to look first.
 */
export function asDeliveryError(thrown: unknown): DeliveryError {
  if (thrown instanceof DeliveryError) return thrown;
  return new DeliveryError("transient", OWN_FAULT, { ambiguous: true, cause: thrown });
}

/** `retryAfterSeconds` in milliseconds, as far as a far side may ask it; null when it asked nothing. */
export function retryAfterMs(error: DeliveryError, timing: JobsTiming): number | null {
  if (error.retryAfterSeconds === null || !(error.retryAfterSeconds >= 0)) return null;
  return Math.min(error.retryAfterSeconds * 1000, timing.retryAfterCapMs);
}

/**
 * Whether a failed delivery is tried again, and when (design.md section 7).
 *
 * Given up: at once when it can never be taken, otherwise when it is old and often enough tried. A delivery that only waits
 * for its connection (rate limit, refused token, open circuit) does not come nearer to its end by that.
 */
export function verdictOn(failed: FailedAttempt): Verdict {
  const { delivery, error } = failed;
  if (error.kind === "permanent") return { end: "dead", reason: error.message };
  if (error.kind === "transient" && isLastTry(failed))
    return { end: "dead", reason: `${error.message} (Given up after ${delivery.attempts} attempts.)` };
  return tryAgain(failed);
}

/** When a failed delivery is tried again, provided that it is. */
export function tryAgain({ delivery, error, timing, ...given }: FailedAttempt): Again {
  const now = given.now.getTime();
  const own = backoffMs(delivery.attempts, { baseMs: timing.backoffMs, capMs: timing.backoffCapMs }, given.random);
  const asked = retryAfterMs(error, timing) ?? (error.kind === "rate_limited" ? timing.rateLimitMs : 0);
  const waits = [
    // The connection's own pause replaces the backoff: when it works again, nothing waits minutes longer.
    given.connectionUntil === null ? now + own : given.connectionUntil.getTime(),
    now + 1,
    now + asked,
    error.ambiguous ? now + given.settleMs : 0,
  ];
  return {
    end: "again",
    nextAt: new Date(Math.max(...waits)),
    error: error.message,
    mayHaveHappened: delivery.mayHaveHappened || error.ambiguous,
    countAttempt: error.kind === "transient" || (error.kind === "credentials" && delivery.connectionId === null),
  };
}

function isLastTry({ delivery, now, timing }: FailedAttempt): boolean {
  const age = now.getTime() - delivery.createdAt.getTime();
  return age >= timing.giveUpAfterMs && delivery.attempts >= timing.giveUpAttempts;
}

/**
 * Before when a claimed delivery must not be tried: its last attempt was cut off by the end of its process, and the far
 * side may still be doing it. Null when it may be tried.
 *
 * An attempt whose failure was seen has had its wait set then: its `nextAt` lies after its start.
 */
export function settlesAt(delivery: Delivery, settleMs: number, now: Date): Date | null {
  const { mayHaveHappened, startedAt, nextAt } = delivery;
  if (!mayHaveHappened || startedAt === null || (nextAt !== null && nextAt > startedAt)) return null;
  const settled = new Date(startedAt.getTime() + settleMs);
  return settled > now ? settled : null;
}
