import { setImmediate } from "node:timers/promises";
import { sql } from "kysely";
import type { SelectQueryBuilder } from "kysely";
import type { Conversation } from "../domain/conversation.ts";
import type { Handoff } from "../domain/handoff.ts";
import { STATUSES } from "../domain/states.ts";
import type { HandoffStatus } from "../domain/states.ts";
import { MOST_LISTED_COUNT } from "../ports-handoff-list.ts";
import type { HandoffCounts, HandoffFilter, HandoffListReads } from "../ports-handoff-list.ts";
import type { Page } from "../ports-store.ts";
import { likePattern } from "./query-conversations.ts";
import { pageOf } from "./query-handoffs.ts";
import { conversationOf, handoffOf } from "./rows.ts";
import type { Database } from "./schema.ts";
import { all } from "./statements.ts";
import type { Executor } from "./statements.ts";

/** Lists of handoffs as people look at them, with filters that no index knows. */

/** Handoffs that one question looks at: few enough that nobody else waits for it. */
const STRETCH = 1_000;
/** After so long what was found until then is the page; the next one goes on behind it. */
const MOST_MS = 700;

type Query = SelectQueryBuilder<Database, "handoffs", object>;

export const handoffListReads = (on: Executor): HandoffListReads => ({
  async handoffs(workspaceId: string, filter: HandoffFilter): Promise<Page<Handoff>> {
    const { limit } = filter;
    const isFiltered = [filter.mode, filter.botId, filter.destination, filter.text].some((one) => one !== undefined);
    const found: Handoff[] = [];
    const until = performance.now() + MOST_MS;
    let { cursor } = filter;
    for (;;) {
      const last = isFiltered ? await endOfStretch(on, workspaceId, { ...filter, cursor }) : undefined;
      const page = filtered(on, ordered(on, workspaceId, { ...filter, cursor }, last), filter);
      const rows = await all(on, page.selectAll("handoffs").limit(limit + 1 - found.length));
      found.push(...rows.map(handoffOf));
      if (last === undefined || found.length > limit) return pageOf(found, limit, (one) => one.id);
      if (performance.now() > until) return { items: found, nextCursor: last };
      cursor = last;
      await setImmediate();
    }
  },
  async handoffCounts(workspaceId, filter): Promise<HandoffCounts> {
    const counts: Partial<Record<HandoffStatus, { count: number; isCapped: boolean }>> = {};
    for (const status of STATUSES) {
      const [row] = await all(on, counted(on, workspaceId, status, filter));
      // The sum over nothing is null.
      counts[status] = { count: row?.count ?? 0, isCapped: (row?.looked ?? 0) >= MOST_LISTED_COUNT };
      await setImmediate();
    }
    return counts as HandoffCounts;
  },
  async conversationsByIds(workspaceId, ids): Promise<ReadonlyMap<string, Conversation>> {
    if (ids.length === 0) return new Map();
    // Few shapes of the statement, so that the database prepares few: the rest names the first one again.
    const places = 4 ** Math.ceil(Math.log(ids.length) / Math.log(4));
    const asked = Array.from({ length: places }, (_, at) => ids[at] ?? ids[0] ?? "");
    const query = on.db
      .selectFrom("conversations")
      .selectAll()
      .where("id", "in", asked)
      .where("workspace_id", "=", workspaceId);
    return new Map((await all(on, query)).map((row) => [row.id, conversationOf(row)]));
  },
});

/** From the cursor on in the order of the list, up to and including `last`. */
function ordered(
  on: Executor,
  workspaceId: string,
  { status, sort, cursor }: Pick<HandoffFilter, "status" | "sort" | "cursor">,
  last?: string,
): Query {
  const isOldestFirst = sort === "oldest";
  let query = on.db.selectFrom("handoffs").where("handoffs.workspace_id", "=", workspaceId);
  if (status !== undefined) query = query.where("handoffs.status", "=", status);
  if (cursor !== undefined) query = query.where("handoffs.id", isOldestFirst ? ">" : "<", cursor);
  if (last !== undefined) query = query.where("handoffs.id", isOldestFirst ? "<=" : ">=", last);
  return query.orderBy("handoffs.id", isOldestFirst ? "asc" : "desc");
}

/** The id of the last handoff of the next stretch; undefined when what is left is shorter. */
async function endOfStretch(on: Executor, workspaceId: string, filter: HandoffFilter): Promise<string | undefined> {
  const query = ordered(on, workspaceId, filter)
    .select("handoffs.id")
    .limit(1)
    .offset(STRETCH - 1);
  return (await all(on, query))[0]?.id;
}

function filtered(on: Executor, query: Query, filter: HandoffFilter): Query {
  const { mode, botId, destination, text } = filter;
  let some = query;
  if (mode !== undefined) some = some.where("handoffs.mode", "=", mode);
  if (botId !== undefined) some = some.where("handoffs.bot_id", "=", botId);
  if (destination !== undefined) some = some.where("handoffs.destination_id", "=", destination);
  if (text === undefined) return some;
  const like = likePattern(text.toLowerCase());
  return some
    .innerJoin("conversations", "conversations.id", "handoffs.conversation_id")
    .where((e) =>
      e.or([
        ...["name", "email", "phone"].map(
          (key) => sql<boolean>`${on.lower(on.jsonText("conversations.visitor", key))} like ${like} escape '\\'`,
        ),
        sql<boolean>`${on.lower(sql`conversations.key`)} like ${like} escape '\\'`,
        sql<boolean>`${on.lower(sql`coalesce(handoffs.reason, '')`)} like ${like} escape '\\'`,
      ]),
    );
}

/** The newest of a status, as many as are looked at, and how many of them fit. */
function counted(
  on: Executor,
  workspaceId: string,
  status: HandoffStatus,
  { mode, botId, destination }: Pick<HandoffFilter, "mode" | "botId" | "destination">,
) {
  const newest = on.db
    .selectFrom("handoffs")
    .where("workspace_id", "=", workspaceId)
    .where("status", "=", status)
    .orderBy("id", "desc")
    .limit(MOST_LISTED_COUNT);
  const isFiltered = mode !== undefined || botId !== undefined || destination !== undefined;
  // Without filters the index alone answers.
  const looked = isFiltered
    ? newest.select(["mode", "bot_id", "destination_id"])
    : newest.select(["status as mode", "status as bot_id", "status as destination_id"]);
  return on.db.selectFrom(looked.as("some")).select((e) => [
    e.fn.countAll<number>().as("looked"),
    e.fn
      .sum<number | null>(
        e
          .case()
          .when(
            e.and([
              ...(mode === undefined ? [] : [e("some.mode", "=", mode)]),
              ...(botId === undefined ? [] : [e("some.bot_id", "=", botId)]),
              ...(destination === undefined ? [] : [e("some.destination_id", "=", destination)]),
              sql<boolean>`1 = 1`,
            ]),
          )
          .then(1)
          .else(0)
          .end(),
      )
      .as("count"),
  ]);
}
