/** What changes in a workspace, for those who look on; and how its connections have been. Parts of Reads and Tx. */

export const NEWS_KINDS = ["handoff", "lead", "delivery", "connection", "member"] as const;
export type NewsKind = (typeof NEWS_KINDS)[number];

/** Something has changed: what to look at again. Ids, states and times, never what somebody wrote, nor who they are. */
export interface NewsItem {
  readonly kind: NewsKind;
  readonly id: string;
  /** What happened to it. */
  readonly what: string;
  readonly at: Date;
  readonly data: Readonly<Record<string, string | boolean | null>>;
}

export interface StoredNews extends NewsItem {
  /** Grows. What was stored together may stand at the same one. */
  readonly position: number;
}

export interface NewsPage {
  /** In the order of their positions; of one position all or none. */
  readonly items: readonly StoredNews[];
  /** Up to here, included, everything is in this answer or was in an earlier one; nothing will ever be added before it. */
  readonly position: number;
  /** True: what came after the position that was asked for is not all known any more, or is too much to tell. */
  readonly isIncomplete: boolean;
  /** There is more: later ones, or some behind a unit of work that still runs. */
  readonly hasMore: boolean;
}

/** From then on the connection had this problem; null: none. */
export interface ConnectionState {
  readonly workspaceId: string;
  readonly connectionId: string;
  readonly at: Date;
  readonly problem: string | null;
}

export interface NewsReads {
  /** @param ask.after the position that is known; null: only where the news stands now */
  news(
    workspaceId: string,
    ask: { readonly after: number | null; readonly kinds: readonly NewsKind[]; readonly limit: number },
  ): Promise<NewsPage>;
  /** The last position of each workspace that has any. Over all workspaces: only for the clockwork. */
  lastNews(workspaceIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Since then, and the last one before; oldest first. */
  connectionStates(workspaceId: string, connectionId: string, since: Date): Promise<readonly ConnectionState[]>;
}

export interface NewsWrites {
  addNews(workspaceId: string, items: readonly NewsItem[]): Promise<void>;
  addConnectionState(state: ConnectionState): Promise<void>;
  /** Forgets some of what is older. True when there is no more of it. */
  forgetNews(before: Date, limit: number): Promise<boolean>;
  /** Likewise; the last state of each connection before then stays. */
  forgetConnectionStates(before: Date, limit: number): Promise<boolean>;
}
