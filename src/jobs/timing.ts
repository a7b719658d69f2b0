/** Every duration and bound of the worker, so that a test, or an installation, can set them. Milliseconds unless named otherwise. */
export interface JobsTiming {
  /** How often the store is asked for what a lost wake-up left behind. */
  readonly sweepMs: number;
  /** How often channels are asked for conversations that wait for a bot and of which no webhook told. */
  readonly waitingMs: number;
  /** How many rows of a kind one sweep takes up, beyond those it knows already. */
  readonly sweepRows: number;
  /** How many it reads at most to find those behind what cannot be taken up now. */
  readonly deepestRead: number;
  /**
   * How long a claim on a lane holds. Nothing is held up longer than this after a crash (reliability.md P14), and a process
   * that is frozen for longer loses its lanes.
   */
  readonly leaseMs: number;
  /** A delivery that runs longer is given up on: every call has a time-out of its own, so this one never returns. */
  readonly performLimitMs: number;
  /** Lanes running at once: over all, and of one connection. */
  readonly lanes: number;
  readonly lanesPerGroup: number;
  /** Looks running at once: over all, and at one connection. */
  readonly looks: number;
  readonly looksPerGroup: number;
  /** Webhooks worked on at once: over all, and of one connection. */
  readonly webhooks: number;
  readonly webhooksPerGroup: number;
  /** What may wait in memory for one connection; the rest waits in the store. */
  readonly waitingPerGroup: number;
  /** First wait of a delivery that failed; it doubles with each attempt, up to `backoffCapMs`. */
  readonly backoffMs: number;
  readonly backoffCapMs: number;
  /** The longest that a far side may ask us to wait. */
  readonly retryAfterCapMs: number;
  /** A delivery is given up when it is this old, and has been tried this often. */
  readonly giveUpAfterMs: number;
  readonly giveUpAttempts: number;
  /** First wait of a connection that answered "too many requests" without saying for how long. */
  readonly rateLimitMs: number;
  readonly rateLimitCapMs: number;
  /** How often a connection whose token is refused is tried. */
  readonly credentialsProbeMs: number;
  /** Failures in a row that open a connection's circuit, and for how long it then stays open. */
  readonly circuitFailures: number;
  readonly circuitOpenMs: number;
  readonly circuitOpenCapMs: number;
  /** First wait after a look, a webhook or an overdue handoff failed; it doubles up to the cap. */
  readonly retryMs: number;
  readonly retryCapMs: number;
  /** Tries after which a webhook is kept for a person to look at. */
  readonly webhookTries: number;
  /** How long a turn is kept from other processes after the one that has it died: less than a lease. */
  readonly turnMs: number;
}

export const DEFAULT_TIMING: JobsTiming = {
  sweepMs: 1_000,
  waitingMs: 45_000,
  sweepRows: 200,
  deepestRead: 10_000,
  leaseMs: 10_000,
  performLimitMs: 120_000,
  lanes: 64,
  lanesPerGroup: 8,
  looks: 16,
  looksPerGroup: 4,
  webhooks: 16,
  webhooksPerGroup: 4,
  waitingPerGroup: 5_000,
  backoffMs: 500,
  backoffCapMs: 5 * 60_000,
  retryAfterCapMs: 60 * 60_000,
  giveUpAfterMs: 24 * 60 * 60_000,
  giveUpAttempts: 10,
  rateLimitMs: 10_000,
  rateLimitCapMs: 5 * 60_000,
  credentialsProbeMs: 30_000,
  circuitFailures: 5,
  circuitOpenMs: 5_000,
  circuitOpenCapMs: 60_000,
  retryMs: 1_000,
  retryCapMs: 30_000,
  webhookTries: 10,
  turnMs: 6_000,
};
