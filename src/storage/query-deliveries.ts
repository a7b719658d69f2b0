import { sql } from "kysely";
import type { ClaimedLane, Delivery, DeliveryFilter, DueLane, NewDelivery, Page, Reads, Tx } from "../ports-store.ts";
import type { NewsWrites } from "../ports-news.ts";
import { currentRequestId } from "../request-scope.ts";
import { pageOf } from "./query-handoffs.ts";
import { deliveryNews } from "./query-news.ts";
import { deliveryOf } from "./rows.ts";
import { all, slotsOf, statement } from "./statements.ts";
import type { Executor } from "./statements.ts";

/** What is owed to the outside, and its lanes. */

const INSERT_COLUMNS = [
  "workspace_id",
  "lane",
  "kind",
  "connection_id",
  "conversation_id",
  "handoff_id",
  "payload",
  "progress",
  "state",
  "attempts",
  "may_have_happened",
  "created_at",
  "request_id",
] as const;
type InsertRow = {
  workspace_id: string;
  lane: string;
  kind: string;
  connection_id: string | null;
  conversation_id: string | null;
  handoff_id: string | null;
  payload: string;
  progress: string;
  state: string;
  attempts: number;
  may_have_happened: number;
  created_at: number;
  request_id: string | null;
};

const insertDelivery = statement((db, s: InsertRow) => db.insertInto("deliveries").values(slotsOf(s, INSERT_COLUMNS)));
// A lane that is running or backing off keeps its time: what joins it waits behind its head.
const wakeLane = statement((db, s: { lane: string; connection_id: string | null; now: number }) =>
  db
    .insertInto("lanes")
    .values({ lane: s.lane, connection_id: s.connection_id, due_at: s.now, lease: 0, lease_until: null })
    .onConflict((c) =>
      c.column("lane").doUpdateSet((e) => ({ due_at: e.fn.coalesce("lanes.due_at", "excluded.due_at") })),
    ),
);
// Something came to the front of the lane: its own time, if it has one, is kept by the claim.
const hurryLane = statement((db, s: { lane: string; connection_id: string | null; now: number }) =>
  db
    .insertInto("lanes")
    .values({ lane: s.lane, connection_id: s.connection_id, due_at: s.now, lease: 0, lease_until: null })
    .onConflict((c) =>
      c.column("lane").doUpdateSet((e) => ({
        due_at: e
          .case()
          .when("lanes.due_at", "<", e.ref("excluded.due_at"))
          .then(e.ref("lanes.due_at"))
          .else(e.ref("excluded.due_at"))
          .end(),
      })),
    ),
);
const takeLane = statement((db, s: { lane: string; now: number; until: number }) =>
  db
    .updateTable("lanes")
    .set((e) => ({ lease: e("lease", "+", 1), lease_until: s.until }))
    .where("lane", "=", s.lane)
    .where("due_at", "<=", s.now)
    .where((e) => e.or([e("lease_until", "is", null), e("lease_until", "<=", s.now)]))
    .returning("lease"),
);
const headOfLane = statement((db, s: { lane: string }) =>
  db
    .selectFrom("deliveries")
    .selectAll()
    .where("lane", "=", s.lane)
    .where("state", "in", [sql.lit("waiting"), sql.lit("sending")])
    .orderBy("n")
    .limit(1),
);
const restLane = statement((db, s: { lane: string; lease: number; due: number | null }) =>
  db
    .updateTable("lanes")
    .set({ due_at: s.due, lease_until: null })
    .where("lane", "=", s.lane)
    .where("lease", "=", s.lease),
);
const dueAt = statement((db, s: { lane: string; due: number }) =>
  db.updateTable("lanes").set({ due_at: s.due }).where("lane", "=", s.lane),
);
// A lane that was given back keeps its number until the next claim, but nobody holds it: hence `lease_until`.
const prolong = statement((db, s: { lane: string; lease: number; until: number }) =>
  db
    .updateTable("lanes")
    .set({ lease_until: s.until })
    .where("lane", "=", s.lane)
    .where("lease", "=", s.lease)
    .where("lease_until", "is not", null),
);
// Each claim has a number of its own, so that an older one of the same process cannot speak for the one after it.
const nextLease = statement((db, s: { lane: string; until: number }) =>
  db
    .updateTable("lanes")
    .set((e) => ({ lease: e("lease", "+", 1), lease_until: s.until }))
    .where("lane", "=", s.lane)
    .returning("lease"),
);
// Changes nothing: locks the row until the commit, so that nobody can take the lane in between.
const lockLease = statement((db, s: { lane: string; lease: number }) =>
  db
    .updateTable("lanes")
    .set((e) => ({ lease: e.ref("lease") }))
    .where("lane", "=", s.lane)
    .where("lease", "=", s.lease)
    .where("lease_until", "is not", null),
);
const markSending = statement((db, s: { n: number; now: number; happened: number }) =>
  db
    .updateTable("deliveries")
    .set((e) => ({
      state: "sending",
      attempts: e("attempts", "+", 1),
      started_at: s.now,
      may_have_happened: s.happened,
    }))
    .where("n", "=", s.n),
);
const endDelivery = statement((db, s: { n: number; state: string; error: string | null; now: number }) =>
  db
    .updateTable("deliveries")
    .set({ state: s.state, last_error: s.error, done_at: s.now })
    .where("n", "=", s.n)
    .where("state", "=", sql.lit("sending")),
);
type Again = { n: number; next_at: number; error: string; happened: number; counted: number };
const putBack = statement((db, s: Again) =>
  db
    .updateTable("deliveries")
    .set((e) => ({
      state: "waiting",
      next_at: s.next_at,
      last_error: s.error,
      may_have_happened: s.happened,
      attempts: e("attempts", "-", s.counted),
    }))
    .where("n", "=", s.n)
    .where("state", "=", sql.lit("sending")),
);
// The list of states is there for the index deliveries_owed, which covers no other rows.
const dropWaiting = statement((db, s: { workspace_id: string; lane: string; reason: string; now: number }) =>
  db
    .updateTable("deliveries")
    .set({ state: "dropped", last_error: s.reason, done_at: s.now })
    .where("lane", "=", s.lane)
    .where("state", "in", [sql.lit("waiting"), sql.lit("sending")])
    .where("state", "=", sql.lit("waiting"))
    .where("workspace_id", "=", s.workspace_id),
);
const setProgress = statement((db, s: { n: number; progress: string }) =>
  db
    .updateTable("deliveries")
    .set({ progress: s.progress })
    .where("n", "=", s.n)
    .where("state", "=", sql.lit("sending")),
);
type DeliveryReads = Pick<Reads, "delivery" | "deliveries" | "deliveryCounts" | "oldestOwed" | "dueLanes">;

export const deliveryReads = (on: Executor): DeliveryReads => ({
  async delivery(workspaceId, n): Promise<Delivery | null> {
    const query = on.db.selectFrom("deliveries").selectAll().where("n", "=", n).where("workspace_id", "=", workspaceId);
    const [row] = await all(on, query);
    return row ? deliveryOf(row) : null;
  },
  async deliveries(workspaceId, filter: DeliveryFilter): Promise<Page<Delivery>> {
    let query = on.db
      .selectFrom("deliveries")
      .selectAll()
      .where("workspace_id", "=", workspaceId)
      .orderBy("n", "desc")
      .limit(filter.limit + 1);
    if (filter.state !== undefined) query = query.where("state", "=", filter.state);
    // Said once more for the index deliveries_undone: what is dead is found without walking through all that is done.
    if (filter.state !== undefined && filter.state !== "done") query = query.where("state", "<>", sql.lit("done"));
    if (filter.connectionId !== undefined) query = query.where("connection_id", "=", filter.connectionId);
    if (filter.handoffId !== undefined) query = query.where("handoff_id", "=", filter.handoffId);
    const before = filter.cursor === undefined ? Number.NaN : Number(filter.cursor);
    if (Number.isSafeInteger(before)) query = query.where("n", "<", before);
    return pageOf((await all(on, query)).map(deliveryOf), filter.limit, (one) => String(one.n));
  },
  async deliveryCounts(workspaceId) {
    const query = on.db
      .selectFrom("deliveries")
      .select((e) => ["state", e.fn.countAll<number>().as("count")])
      .where("workspace_id", "=", workspaceId)
      .groupBy("state");
    return Object.fromEntries((await all(on, query)).map((row) => [row.state, row.count]));
  },
  async oldestOwed(workspaceId): Promise<Delivery | null> {
    const query = on.db
      .selectFrom("deliveries")
      .selectAll()
      .where("workspace_id", "=", workspaceId)
      .where("state", "in", [sql.lit("waiting"), sql.lit("sending")])
      // As the index of what is not done asks for it.
      .where("state", "<>", sql.lit("done"))
      .orderBy("n")
      .limit(1);
    const [row] = await all(on, query);
    return row ? deliveryOf(row) : null;
  },
  async dueLanes(now, limit, pausedConnections): Promise<readonly DueLane[]> {
    let query = on.db
      .selectFrom("lanes")
      .select(["lane", "connection_id as connectionId"])
      .where("due_at", "<=", now.getTime())
      .where((e) => e.or([e("lease_until", "is", null), e("lease_until", "<=", now.getTime())]))
      .orderBy("due_at")
      .limit(limit);
    if (pausedConnections.length > 0) {
      query = query.where((e) =>
        e.or([e("connection_id", "is", null), e("connection_id", "not in", [...pausedConnections])]),
      );
    }
    return await all(on, query);
  },
});

/** Marks the head of a lane that is held as being sent. Gives the lane back, and null, when nothing is owed there by now. */
async function takeHead(on: Executor, lane: string, lease: number, now: Date): Promise<ClaimedLane | null> {
  const row = await headOfLane.first(on, { lane });
  if (row === null) {
    await restLane.run(on, { lane, lease, due: null });
    return null;
  }
  if (row.state === "waiting" && row.next_at !== null && row.next_at > now.getTime()) {
    await restLane.run(on, { lane, lease, due: row.next_at });
    return null;
  }
  // Still marked as being sent: the process that sent it has died, and nobody knows how far it came.
  const happened = row.may_have_happened === 1 || row.state === "sending" ? 1 : 0;
  await markSending.run(on, { n: row.n, now: now.getTime(), happened });
  const delivery: Delivery = {
    ...deliveryOf(row),
    state: "sending",
    attempts: row.attempts + 1,
    mayHaveHappened: happened === 1,
  };
  return { lane, lease, delivery };
}

type DeliveryWrites = Pick<
  Tx,
  | "addDeliveries"
  | "claimLane"
  | "renewLane"
  | "saveProgress"
  | "finishDelivery"
  | "postponeDelivery"
  | "dropLane"
  | "retryDelivery"
  | "hurryConnection"
  | "releaseHeld"
>;

export const deliveryWrites = (
  on: Executor,
  woken: (lane: string) => void,
  news: Pick<NewsWrites, "addNews">,
): DeliveryWrites => ({
  async addDeliveries(deliveries: readonly NewDelivery[], now) {
    for (const one of deliveries) {
      const state = one.state ?? "waiting";
      await insertDelivery.run(on, {
        workspace_id: one.workspaceId,
        lane: one.lane,
        kind: one.kind,
        connection_id: one.connectionId,
        conversation_id: one.conversationId,
        handoff_id: one.handoffId,
        payload: JSON.stringify(one.payload),
        progress: "{}",
        state,
        attempts: 0,
        may_have_happened: 0,
        created_at: now.getTime(),
        request_id: currentRequestId(),
      });
      if (state !== "waiting") continue;
      await wakeLane.run(on, { lane: one.lane, connection_id: one.connectionId, now: now.getTime() });
      woken(one.lane);
    }
  },
  async claimLane(lane, now, leaseMs) {
    const taken = await takeLane.first(on, { lane, now: now.getTime(), until: now.getTime() + leaseMs });
    return taken === null ? null : await takeHead(on, lane, taken.lease, now);
  },
  async renewLane(claim, now, leaseMs) {
    return (await prolong.run(on, { lane: claim.lane, lease: claim.lease, until: now.getTime() + leaseMs })) > 0;
  },
  async saveProgress(claim, progress) {
    if ((await lockLease.run(on, claim)) === 0) return false;
    return (await setProgress.run(on, { n: claim.delivery.n, progress: JSON.stringify(progress) })) > 0;
  },
  async finishDelivery(claim, end, now, leaseMs) {
    const { lane, lease } = claim;
    if ((await lockLease.run(on, { lane, lease })) === 0) return undefined;
    const values = { n: claim.delivery.n, state: end.state, error: end.error, now: now.getTime() };
    // Ended already by this very claim: what follows it is being sent, and must not be taken a second time.
    if ((await endDelivery.run(on, values)) === 0) return undefined;
    if (end.state === "dead")
      await news.addNews(claim.delivery.workspaceId, [deliveryNews(claim.delivery, "dead", now)]);
    const next = await nextLease.first(on, { lane, until: now.getTime() + leaseMs });
    return next === null ? undefined : await takeHead(on, lane, next.lease, now);
  },
  async postponeDelivery(claim, again, now) {
    const { lane, lease } = claim;
    if ((await lockLease.run(on, { lane, lease })) === 0) return false;
    const changed = await putBack.run(on, {
      n: claim.delivery.n,
      next_at: again.nextAt.getTime(),
      error: again.error,
      happened: again.mayHaveHappened ? 1 : 0,
      counted: again.countAttempt ? 0 : 1,
    });
    if (changed === 0) return false;
    // An older one may have been retried in the meantime: then it is the head, and need not wait for this one.
    const head = await headOfLane.first(on, { lane });
    await restLane.run(on, { lane, lease, due: head?.next_at ?? now.getTime() });
    return true;
  },
  async dropLane(workspaceId, lane, reason, now) {
    const dropped = await dropWaiting.run(on, { workspace_id: workspaceId, lane, reason, now: now.getTime() });
    if (dropped === 0) return;
    // What joins the lane from now on must not wait for the time of a head that is gone.
    const head = await headOfLane.first(on, { lane });
    if (head?.state !== "sending") await dueAt.run(on, { lane, due: now.getTime() });
  },
  async retryDelivery(workspaceId, n, now) {
    const query = on.db
      .updateTable("deliveries")
      .set({ state: "waiting", next_at: null, done_at: null })
      .where("n", "=", n)
      .where("workspace_id", "=", workspaceId)
      .where("state", "in", ["dead", "held"])
      .returning(["lane", "kind", "connection_id", "handoff_id"]);
    const [row] = await all(on, query);
    if (row === undefined) return false;
    const again = { n, kind: row.kind, connectionId: row.connection_id, handoffId: row.handoff_id };
    await news.addNews(workspaceId, [deliveryNews(again, "retried", now)]);
    await hurryLane.run(on, { lane: row.lane, connection_id: row.connection_id, now: now.getTime() });
    woken(row.lane);
    return true;
  },
  async hurryConnection(workspaceId, connectionId, now) {
    // Only a lane's head has a time of its own. The second condition is there for the index deliveries_undone.
    const query = on.db
      .updateTable("deliveries")
      .set({ next_at: null })
      .where("workspace_id", "=", workspaceId)
      .where("state", "=", sql.lit("waiting"))
      .where("state", "<>", sql.lit("done"))
      .where("connection_id", "=", connectionId)
      .where("next_at", "is not", null)
      .returning("lane");
    for (const { lane } of await all(on, query)) {
      await hurryLane.run(on, { lane, connection_id: connectionId, now: now.getTime() });
      woken(lane);
    }
  },
  async releaseHeld(now) {
    const query = on.db
      .updateTable("deliveries")
      .set({ state: "waiting" })
      .where("state", "=", "held")
      .returning(["lane", "connection_id"]);
    const rows = await all(on, query);
    for (const row of rows) {
      await hurryLane.run(on, { lane: row.lane, connection_id: row.connection_id, now: now.getTime() });
      woken(row.lane);
    }
    return rows.length;
  },
});
