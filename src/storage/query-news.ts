import { sql } from "kysely";
import type { ConnectionState, NewsItem, NewsKind, NewsReads, NewsWrites, StoredNews } from "../ports-news.ts";
import type { ConnectionStatesTable } from "./schema.ts";
import { all, insertMany, run, statement } from "./statements.ts";
import type { Executor } from "./statements.ts";

/** What has changed, and how connections have been. */

type NewsColumns = {
  workspace_id: string;
  kind: string;
  object_id: string;
  what: string;
  data: string;
  at: number;
};
const insertNews = insertMany<NewsColumns>("news", ["workspace_id", "kind", "object_id", "what", "data", "at"]);

/** Workspace of the row that stands for all that was forgotten: up to its position nobody can be told everything. */
const FORGOTTEN = "";

export const newsReads = (on: Executor): NewsReads => ({
  async news(workspaceId, { after, kinds, limit }) {
    // In one question: what is below `end` when it is asked is what the answer holds.
    const newest = (of: string) =>
      sql<number | null>`(select max(${on.newsPosition}) from news where workspace_id = ${of})`;
    const [stand] = await all(
      on,
      on.db.selectNoFrom([on.newsEnd.as("end"), newest(FORGOTTEN).as("forgotten"), newest(workspaceId).as("last")]),
    );
    const last = (stand?.end ?? 1) - 1;
    const hasMore = (stand?.last ?? 0) > last;
    if (after === null) return { items: [], position: last, isIncomplete: false, hasMore };
    if (after < (stand?.forgotten ?? 0) || after > last)
      return { items: [], position: last, isIncomplete: true, hasMore };
    const query = on.db
      .selectFrom("news")
      .select(["kind", "object_id", "what", "data", "at"])
      .select(on.newsPosition.as("position"))
      .where("workspace_id", "=", workspaceId)
      .where("kind", "in", [...kinds])
      .where(on.newsPosition, ">", after)
      .where(on.newsPosition, "<=", last)
      .orderBy(on.newsPosition)
      .orderBy("n")
      .limit(limit);
    const rows = await all(on, query);
    if (rows.length < limit) return { items: rows.map(itemOf), position: last, isIncomplete: false, hasMore };
    // The last position may not be all here.
    const cut = rows.at(-1)?.position ?? last;
    const whole = rows.filter(({ position }) => position < cut);
    const position = whole.at(-1)?.position;
    return position === undefined
      ? { items: [], position: cut, isIncomplete: true, hasMore: true }
      : { items: whole.map(itemOf), position, isIncomplete: false, hasMore: true };
  },
  async lastNews(workspaceIds) {
    if (workspaceIds.length === 0) return new Map();
    const query = on.db
      .selectFrom("workspaces")
      .select((e) => [
        "workspaces.id",
        e
          .selectFrom("news")
          .select(sql<number | null>`max(${on.newsPosition})`.as("position"))
          .whereRef("news.workspace_id", "=", "workspaces.id")
          .as("position"),
      ])
      .where("workspaces.id", "in", [...workspaceIds]);
    const rows = await all(on, query);
    return new Map(rows.flatMap(({ id, position }) => (position === null ? [] : [[id, position] as const])));
  },
  async connectionStates(workspaceId, connectionId, since) {
    const of = { workspace_id: workspaceId, connection_id: connectionId, since: since.getTime() };
    const before = await stateBefore.first(on, of);
    const rows = await statesSince.all(on, of);
    return [...(before === null ? [] : [before]), ...rows].map(stateOf);
  },
});

type OfConnection = { workspace_id: string; connection_id: string; since: number };
const stateBefore = statement((db, s: OfConnection) =>
  db
    .selectFrom("connection_states")
    .selectAll()
    .where("connection_id", "=", s.connection_id)
    .where("workspace_id", "=", s.workspace_id)
    .where("at", "<", s.since)
    .orderBy("at", "desc")
    .orderBy("n", "desc")
    .limit(1),
);
const statesSince = statement((db, s: OfConnection) =>
  db
    .selectFrom("connection_states")
    .selectAll()
    .where("connection_id", "=", s.connection_id)
    .where("workspace_id", "=", s.workspace_id)
    .where("at", ">=", s.since)
    .orderBy("at")
    .orderBy("n"),
);

const stateOf = (row: Omit<ConnectionStatesTable, "n">): ConnectionState => ({
  workspaceId: row.workspace_id,
  connectionId: row.connection_id,
  at: new Date(row.at),
  problem: row.problem,
});

const itemOf = (row: Omit<NewsColumns, "workspace_id"> & { position: number }): StoredNews => ({
  position: row.position,
  kind: row.kind as NewsKind,
  id: row.object_id,
  what: row.what,
  at: new Date(row.at),
  data: JSON.parse(row.data) as NewsItem["data"],
});

/** What was owed is given up, or is tried again. */
export const deliveryNews = (
  {
    n,
    kind,
    connectionId,
    handoffId,
  }: {
    readonly n: number;
    readonly kind: string;
    readonly connectionId: string | null;
    readonly handoffId: string | null;
  },
  what: "dead" | "retried",
  at: Date,
): NewsItem => ({ kind: "delivery", id: `dlv_${n}`, what, at, data: { kind, connectionId, handoffId } });

/** @param told called with each workspace that has news */
export const newsWrites = (on: Executor, told: (workspaceId: string) => void): NewsWrites => ({
  async addNews(workspaceId, items) {
    if (items.length === 0) return;
    told(workspaceId);
    await insertNews(
      on,
      items.map(({ kind, id, what, at, data }) => ({
        workspace_id: workspaceId,
        kind,
        object_id: id,
        what,
        data: JSON.stringify(data),
        at: at.getTime(),
      })),
    );
  },
  async addConnectionState({ workspaceId, connectionId, at, problem }) {
    const values = { workspace_id: workspaceId, connection_id: connectionId, at: at.getTime(), problem };
    await run(on, on.db.insertInto("connection_states").values(values));
  },
  async forgetNews(before, limit) {
    const oldest = await all(
      on,
      on.db.selectFrom("news").select(["n", "workspace_id", "at", "pos"]).orderBy("n").limit(limit),
    );
    const firstKept = oldest.findIndex(({ at }) => at >= before.getTime());
    const old = firstKept === -1 ? oldest : oldest.slice(0, firstKept);
    const last = old.at(-1);
    if (last === undefined || old.every((row) => row.workspace_id === FORGOTTEN)) return true;
    const pos = old.reduce<number | null>(
      (most, row) => (most === null || (row.pos ?? 0) > most ? row.pos : most),
      null,
    );
    await run(on, on.db.deleteFrom("news").where("n", "<", last.n));
    await run(on, on.db.updateTable("news").set({ workspace_id: FORGOTTEN, kind: "", pos }).where("n", "=", last.n));
    return firstKept !== -1 || oldest.length < limit;
  },
  async forgetConnectionStates(before, limit) {
    const over = on.db
      .selectFrom("connection_states as old")
      .select("old.n")
      .where("old.at", "<", before.getTime())
      .where((e) =>
        e.exists(
          e
            .selectFrom("connection_states as later")
            .select("later.n")
            .whereRef("later.workspace_id", "=", "old.workspace_id")
            .whereRef("later.connection_id", "=", "old.connection_id")
            .where("later.at", "<", before.getTime())
            .where(sql<boolean>`(later.at, later.n) > (old.at, old.n)`),
        ),
      )
      .limit(limit);
    const rows = await all(on, over);
    const ids = rows.map(({ n }) => n);
    if (ids.length > 0) await run(on, on.db.deleteFrom("connection_states").where("n", "in", ids));
    return rows.length < limit;
  },
});
