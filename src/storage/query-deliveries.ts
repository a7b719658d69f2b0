import { sql } from "kysely";
import type {
  ClaimedLane,
  Delivery,
  DeliveryFilter,
  DueLane,
  NewDelivery,
  Page,
  Reads,
  Tx,
  WebhookRow,
} from "../ports-store.ts";
import { pageOf } from "./query-handoffs.ts";
import { deliveryOf } from "./rows.ts";
import { all, run, slotsOf, statement } from "./statements.ts";
import type { Executor } from "./statements.ts";

/** What is owed to the outside, its lanes, and webhooks that came in. */

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
const prolong = statement((db, s: { lane: string; lease: number; until: number }) =>
  db.updateTable("lanes").set({ lease_until: s.until }).where("lane", "=", s.lane).where("lease", "=", s.lease),
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
const holdsLease = statement((db, s: { lane: string; lease: number }) =>
  db.selectFrom("lanes").select("lane").where("lane", "=", s.lane).where("lease", "=", s.lease),
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
const setProgress = statement((db, s: { n: number; progress: string }) =>
  db
    .updateTable("deliveries")
    .set({ progress: s.progress })
    .where("n", "=", s.n)
    .where("state", "=", sql.lit("sending")),
);
const insertWebhook = statement(
  (db, s: { id: string; workspace_id: string; connection_id: string; dedupe_key: string; body: string; at: number }) =>
    db
      .insertInto("webhooks")
      .values({
        id: s.id,
        workspace_id: s.workspace_id,
        connection_id: s.connection_id,
        dedupe_key: s.dedupe_key,
        body: s.body,
        received_at: s.at,
        state: "waiting",
        attempts: 0,
        next_at: s.at,
      })
      .onConflict((c) => c.columns(["connection_id", "dedupe_key"]).doNothing()),
);
const waiting = statement((db, s: { now: number; limit: number }) =>
  db
    .selectFrom("webhooks")
    .select(["id", "workspace_id", "connection_id", "body", "received_at", "attempts"])
    .where("state", "=", sql.lit("waiting"))
    .where("next_at", "<=", s.now)
    .orderBy("next_at")
    .orderBy("id")
    .limit(s.limit),
);
const finish = statement((db, s: { id: string; state: string; error: string | null; body: string }) =>
  db
    .updateTable("webhooks")
    // What is done is kept only to know it again; what failed keeps its body, to be replayed after the fix.
    .set({ state: s.state, error: s.error, next_at: null, body: s.body })
    .where("id", "=", s.id),
);

type DeliveryReads = Pick<Reads, "delivery" | "deliveries" | "deliveryCounts" | "dueLanes" | "waitingWebhooks">;

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
  async waitingWebhooks(now, limit): Promise<readonly WebhookRow[]> {
    const rows = await waiting.all(on, { now: now.getTime(), limit });
    return rows.map((row) => ({
      id: row.id,
      workspaceId: row.workspace_id,
      connectionId: row.connection_id,
      body: row.body,
      receivedAt: new Date(row.received_at),
      attempts: row.attempts,
    }));
  },
});

/** Marks the head of a lane that is held as being sent. Null when nothing is owed there. */
async function takeHead(on: Executor, lane: string, lease: number, now: Date): Promise<ClaimedLane | null> {
  const row = await headOfLane.first(on, { lane });
  if (row === null) {
    await restLane.run(on, { lane, lease, due: null });
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
  | "releaseHeld"
  | "recordWebhook"
  | "finishWebhook"
  | "postponeWebhook"
>;

export const deliveryWrites = (on: Executor, woken: (lane: string) => void): DeliveryWrites => ({
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
    if ((await holdsLease.first(on, claim)) === null) return false;
    return (await setProgress.run(on, { n: claim.delivery.n, progress: JSON.stringify(progress) })) > 0;
  },
  async finishDelivery(claim, end, now, leaseMs) {
    const until = now.getTime() + leaseMs;
    if ((await prolong.run(on, { lane: claim.lane, lease: claim.lease, until })) === 0) return undefined;
    const values = { n: claim.delivery.n, state: end.state, error: end.error, now: now.getTime() };
    await endDelivery.run(on, values);
    return await takeHead(on, claim.lane, claim.lease, now);
  },
  async postponeDelivery(claim, again, _now) {
    const due = again.nextAt.getTime();
    if ((await restLane.run(on, { lane: claim.lane, lease: claim.lease, due })) === 0) return false;
    await putBack.run(on, {
      n: claim.delivery.n,
      next_at: due,
      error: again.error,
      happened: again.mayHaveHappened ? 1 : 0,
      counted: again.countAttempt ? 0 : 1,
    });
    return true;
  },
  async dropLane(workspaceId, lane, reason, now) {
    const query = on.db
      .updateTable("deliveries")
      .set({ state: "dropped", last_error: reason, done_at: now.getTime() })
      .where("lane", "=", lane)
      .where("workspace_id", "=", workspaceId)
      .where("state", "=", "waiting");
    await run(on, query);
  },
  async retryDelivery(workspaceId, n, now) {
    const query = on.db
      .updateTable("deliveries")
      .set({ state: "waiting", next_at: null, done_at: null })
      .where("n", "=", n)
      .where("workspace_id", "=", workspaceId)
      .where("state", "in", ["dead", "held", "dropped"])
      .returning(["lane", "connection_id"]);
    const [row] = await all(on, query);
    if (row === undefined) return false;
    await wakeLane.run(on, { lane: row.lane, connection_id: row.connection_id, now: now.getTime() });
    woken(row.lane);
    return true;
  },
  async releaseHeld(now) {
    const query = on.db
      .updateTable("deliveries")
      .set({ state: "waiting" })
      .where("state", "=", "held")
      .returning(["lane", "connection_id"]);
    const rows = await all(on, query);
    for (const row of rows) {
      await wakeLane.run(on, { lane: row.lane, connection_id: row.connection_id, now: now.getTime() });
      woken(row.lane);
    }
    return rows.length;
  },
  async recordWebhook(row) {
    const values = {
      id: row.id,
      workspace_id: row.workspaceId,
      connection_id: row.connectionId,
      dedupe_key: row.dedupeKey,
      body: row.body,
      at: row.receivedAt.getTime(),
    };
    return (await insertWebhook.run(on, values)) > 0;
  },
  async finishWebhook(id, state, error, _now) {
    const body = state === "done" ? "" : ((await bodyOf.first(on, { id }))?.body ?? "");
    await finish.run(on, { id, state, error, body });
  },
  async postponeWebhook(id, nextAt, error) {
    const query = on.db
      .updateTable("webhooks")
      .set((e) => ({ attempts: e("attempts", "+", 1), next_at: nextAt.getTime(), error }))
      .where("id", "=", id);
    await run(on, query);
  },
});

const bodyOf = statement((db, s: { id: string }) => db.selectFrom("webhooks").select("body").where("id", "=", s.id));
