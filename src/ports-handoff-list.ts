/** Lists of handoffs as people look at them. A part of Reads and Tx. */
import type { Conversation } from "./domain/conversation.ts";
import type { Handoff } from "./domain/handoff.ts";
import type { HandoffMode, HandoffStatus } from "./domain/states.ts";
import type { Page } from "./ports-store.ts";

export interface HandoffFilter {
  readonly status?: HandoffStatus | undefined;
  readonly mode?: HandoffMode | undefined;
  readonly botId?: string | undefined;
  /** A connection's id, or `inbox`. */
  readonly destination?: string | undefined;
  /** In the visitor's name, email, phone, the bot's conversation id or the reason. */
  readonly text?: string | undefined;
  /** Absent: the newest first. */
  readonly sort?: "oldest" | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** Of each status at most so many are looked at when they are counted. */
export const MOST_LISTED_COUNT = 5_000;

/** `isCapped`: there are more than were looked at, the newest of them. */
export type HandoffCounts = Readonly<Record<HandoffStatus, { readonly count: number; readonly isCapped: boolean }>>;

export interface HandoffListReads {
  /**
   * A page may hold fewer than `limit`, or none, and still have a `nextCursor`: what is searched for in very many is looked for
   * only so long. Rows that come or change meanwhile move none of the others.
   */
  handoffs(workspaceId: string, filter: HandoffFilter): Promise<Page<Handoff>>;
  handoffCounts(
    workspaceId: string,
    filter: Pick<HandoffFilter, "mode" | "botId" | "destination">,
  ): Promise<HandoffCounts>;
  conversationsByIds(workspaceId: string, ids: readonly string[]): Promise<ReadonlyMap<string, Conversation>>;
}
