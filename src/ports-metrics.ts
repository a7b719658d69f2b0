import type { DeliveryKind, DeliveryState, FailureKind } from "./domain/delivery.ts";
import type { Because, Outcome } from "./domain/decision.ts";
import type { Actor } from "./domain/handoff.ts";

/** How a webhook was received: `repeated` was known already, `ignored` concerns nothing of ours, `refused` is not genuine or no webhook. */
export type WebhookOutcome = "recorded" | "repeated" | "ignored" | "refused" | "failed";

/** How work for the outside ended; `fault` is one of Baton's own. */
export type WorkOutcome = "done" | FailureKind | "fault";

/** What the rules count. */
export interface HandoffMetrics {
  decided(outcome: Outcome, because: Because): void;
  handoffEnded(how: "resolved" | "cancelled" | "missed", by: Actor["kind"]): void;
}

/**
 * What is counted. Every value of a label comes from a short list of our own: no id, no name, no text, nothing of a workspace.
 * Nothing here throws or waits.
 */
export interface Metrics extends HandoffMetrics {
  /** @param request.route the route's template; null for a path that is none. `seconds` is null for an answer that goes on */
  requestServed(request: { method: string; route: string | null; status: number; seconds: number | null }): void;
  /** @param connector `bot`, or the type of the connection; null where there is none such */
  webhookReceived(connector: string | null, outcome: WebhookOutcome): void;
  attemptEnded(kind: DeliveryKind, outcome: WorkOutcome, seconds: number): void;
  looked(outcome: WorkOutcome): void;
  webhookWorked(outcome: WorkOutcome): void;
  /** @param units how many units of work shared the commit; `seconds` until it was on disk */
  committed(units: number, seconds: number): void;
}

/** Counts nothing. */
export const noMetrics: Metrics = {
  decided() {},
  handoffEnded() {},
  requestServed() {},
  webhookReceived() {},
  attemptEnded() {},
  looked() {},
  webhookWorked() {},
  committed() {},
};

/** What the worker of this process has in hand. */
export interface JobsFigures {
  readonly isRunning: boolean;
  readonly circuitsOpen: number;
  readonly lanes: { readonly running: number; readonly waiting: number };
  readonly looks: { readonly running: number; readonly waiting: number };
  readonly webhooks: { readonly running: number; readonly waiting: number };
}

/** What the store owes, over all workspaces. Of a large backlog as many as {@link MOST_COUNTED} are counted. */
export interface StoreFigures {
  /** Those that are not done: waiting, sending, held, dead. */
  readonly deliveries: readonly {
    readonly kind: DeliveryKind;
    readonly state: DeliveryState;
    readonly count: number;
  }[];
  /** Since when the oldest one waits; null when nothing is owed. */
  readonly oldestOwed: Date | null;
  readonly webhooksWaiting: number;
}

/** Counting must not keep the store from its work. */
export const MOST_COUNTED = 20_000;
