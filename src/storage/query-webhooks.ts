import { sql } from "kysely";
import type { Reads, Tx, WebhookRow } from "../ports-store.ts";
import { currentRequestId } from "../request-scope.ts";
import { run, statement } from "./statements.ts";
import type { Executor } from "./statements.ts";

/** Webhooks that came in, until they are worked on. */

const insertWebhook = statement(
  (
    db,
    s: {
      id: string;
      workspace_id: string;
      connection_id: string;
      dedupe_key: string;
      body: string;
      at: number;
      request_id: string | null;
    },
  ) =>
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
        request_id: s.request_id,
      })
      .onConflict((c) => c.columns(["connection_id", "dedupe_key"]).doNothing()),
);
const waiting = statement((db, s: { now: number; limit: number }) =>
  db
    .selectFrom("webhooks")
    .select(["id", "workspace_id", "connection_id", "body", "received_at", "attempts", "request_id"])
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
    .where("id", "=", s.id)
    // Ended by another process meanwhile: what was said first stands.
    .where("state", "=", sql.lit("waiting")),
);

const bodyOf = statement((db, s: { id: string }) => db.selectFrom("webhooks").select("body").where("id", "=", s.id));

type WebhookReads = Pick<Reads, "waitingWebhooks">;

export const webhookReads = (on: Executor): WebhookReads => ({
  async waitingWebhooks(now, limit): Promise<readonly WebhookRow[]> {
    const rows = await waiting.all(on, { now: now.getTime(), limit });
    return rows.map((row) => ({
      id: row.id,
      workspaceId: row.workspace_id,
      connectionId: row.connection_id,
      body: row.body,
      receivedAt: new Date(row.received_at),
      attempts: row.attempts,
      requestId: row.request_id,
    }));
  },
});

type WebhookWrites = Pick<Tx, "recordWebhook" | "finishWebhook" | "postponeWebhook">;

export const webhookWrites = (on: Executor): WebhookWrites => ({
  async recordWebhook(row) {
    const values = {
      id: row.id,
      workspace_id: row.workspaceId,
      connection_id: row.connectionId,
      dedupe_key: row.dedupeKey,
      body: row.body,
      at: row.receivedAt.getTime(),
      request_id: row.requestId ?? currentRequestId(),
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
