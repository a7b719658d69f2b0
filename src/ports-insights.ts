/** What is counted of handoffs, for whoever runs a team. Parts of Reads and Tx. */
import type { Because } from "./domain/decision.ts";
import type { HandoffMode, HandoffStatus } from "./domain/states.ts";

/** What is counted of one handoff. Times are milliseconds since 1970. */
export interface HandoffFact {
  readonly at: number;
  readonly botId: string;
  /** A connection's id, or `inbox`; null when it never was to be live. */
  readonly destinationId: string | null;
  readonly mode: HandoffMode;
  readonly status: HandoffStatus;
  readonly because: Because;
  readonly acceptedAt: number | null;
  readonly endedAt: number | null;
  readonly agentId: string | null;
  readonly agentName: string | null;
  /** In mode `lead`: contact details were left. */
  readonly hasLeft: boolean;
}

/** Requests that were declined: counted in quarters of an hour, since the clocks of all zones differ by whole ones. */
export interface DeclinedCount {
  /** When the quarter begins. */
  readonly at: number;
  readonly botId: string;
  readonly because: Because;
  readonly count: number;
}

export interface FactFilter {
  /** From this instant on. */
  readonly from: number;
  /** Before this instant. */
  readonly to: number;
  readonly botId?: string | undefined;
  readonly destination?: string | undefined;
}

export interface InsightReads {
  /**
   * The next facts of the period, some `about` of them, in no order: few enough that nobody else waits for long.
   *
   * @returns `next`: from where to go on, as `from`; null at the end
   */
  handoffFacts(
    workspaceId: string,
    filter: FactFilter,
    about: number,
  ): Promise<{ readonly facts: readonly HandoffFact[]; readonly next: number | null }>;
  /** Those of a destination are none: a declined request never has one. */
  declinedCounts(workspaceId: string, filter: Omit<FactFilter, "destination">): Promise<readonly DeclinedCount[]>;
}

export interface InsightWrites {
  /** One more request that was declined. */
  countDeclined(workspaceId: string, botId: string, because: Because, at: Date): Promise<void>;
  /** Forgets some counts of before then. True when there are none left. */
  forgetDeclined(before: Date, limit: number): Promise<boolean>;
}
