import { BatonError } from "./errors.ts";

/** Where a delivery stands. `held`: waits for something an operator must set (mail without SMTP_URL), shown, not lost. */
export const DELIVERY_STATES = ["waiting", "sending", "held", "done", "dead", "dropped"] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

export const DELIVERY_KINDS = [
  "helpdesk_open",
  "helpdesk_message",
  "helpdesk_close",
  "helpdesk_lead",
  "callback",
  "bot_turn",
  "bot_wait",
  "hosted_line",
  "email",
] as const;
export type DeliveryKind = (typeof DELIVERY_KINDS)[number];

/**
 * Why an attempt failed, and so what happens next:
 * - `transient`: tried again with backoff; counts towards the connection's circuit
 * - `rate_limited`: tried again after `retryAfterSeconds`; the whole connection waits
 * - `credentials`: the far side refuses our token; the connection pauses until it is mended, messages are kept
 * - `permanent`: this request will never be taken; dead, shown to the admin, may be retried by hand
 */
export const FAILURE_KINDS = ["transient", "rate_limited", "credentials", "permanent"] as const;
export type FailureKind = (typeof FAILURE_KINDS)[number];

export interface FailureDetails {
  /** True when the effect may have taken place all the same: the next attempt must look first. */
  readonly ambiguous?: boolean;
  readonly retryAfterSeconds?: number | null;
  /** What was asked for is not there, or no longer. */
  readonly isGone?: boolean;
  readonly cause?: unknown;
}

/** An attempt to bring something about in the outside that failed. The message tells an admin what to do. */
export class DeliveryError extends BatonError {
  override readonly name = "DeliveryError";
  readonly code: `delivery_${FailureKind}`;
  readonly kind: FailureKind;
  readonly ambiguous: boolean;
  readonly retryAfterSeconds: number | null;
  readonly isGone: boolean;

  constructor(kind: FailureKind, message: string, details: FailureDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.kind = kind;
    this.code = `delivery_${kind}`;
    this.ambiguous = details.ambiguous ?? false;
    this.retryAfterSeconds = details.retryAfterSeconds ?? null;
    this.isGone = details.isGone ?? false;
  }
}
