/** What the store forgets, and how. Every unit is small, so that nobody waits for it; each may be repeated without harm. */

/** A conversation as the clockwork sees it. */
export interface ConversationAge {
  readonly id: string;
  readonly workspaceId: string;
  readonly createdAt: Date;
  /** When anything was told or said in it last. */
  readonly touchedAt: Date;
  readonly isOpen: boolean;
  /** When its words were taken out; null when it has them all. */
  readonly prunedAt: Date | null;
}

/** How far a walk over a table came; null at the end of it. */
export type Walked = string | null;

export interface RetentionReads {
  /** Over all workspaces, in the order of their ids, which is that of their age: only for the clockwork. */
  conversationAges(after: string, limit: number): Promise<readonly ConversationAge[]>;
}

export interface RetentionWrites {
  /** False for an unknown one. `retentionDays` null: everything is kept. */
  updateWorkspace(
    id: string,
    patch: { readonly name?: string; readonly retentionDays?: number | null },
  ): Promise<boolean>;
  /**
   * Takes a chore that is due, for one process at a time: until `until` nobody else gets it. Null when it is not due.
   *
   * @returns what the last one who did it left behind; "" the first time
   */
  takeChore(name: string, now: Date, until: Date): Promise<string | null>;
  /** Gives it back, to be taken again from `dueAt` on. */
  leaveChore(name: string, dueAt: Date, state: string): Promise<void>;
  /**
   * Takes the words out of a conversation that has ended and that nobody has touched since `untouchedSince`: what was said, who
   * the visitor is, what they looked at, what was handed to the outside. Its rows stay, and those of handoffs, leads and consents.
   *
   * What stands behind, byte by byte: SQLite overwrites what is taken out with zeros (`secure_delete`), in the pages of the file; the
   * log beside it (`-wal`) still holds older pages until it has been moved and written over again. PostgreSQL keeps old versions of
   * rows until its vacuum, and their bytes until the page is used again. Backups hold what they held.
   *
   * @param most how many lines and events at once
   * @returns `more` when something is left for the next unit; `kept` when it is open, was touched, or something is owed
   */
  pruneConversation(
    workspaceId: string,
    id: string,
    of: { untouchedSince: Date; now: Date; most: number },
  ): Promise<"kept" | "more" | "pruned">;
  /** Answers kept for repeated requests, and ids of bots' webhooks, which are kept for longer. */
  forgetAnswers(after: string, limit: number, before: { answers: Date; webhooks: Date }): Promise<Walked>;
  /** Deliveries that are over, apart from those of handoffs that are open. */
  forgetDeliveries(after: string, limit: number, before: Date): Promise<Walked>;
  /**
   * Webhooks that are over: the row after `before`, the body of one that failed after `bodiesBefore`, by workspace; a workspace that is
   * not named keeps it as long as the row.
   */
  forgetWebhooks(
    after: string,
    limit: number,
    before: { rows: Date; bodies: ReadonlyMap<string, Date> },
  ): Promise<Walked>;
  /** Tokens and sign-in links that have expired. */
  forgetExpired(before: Date, limit: number): Promise<void>;
}
