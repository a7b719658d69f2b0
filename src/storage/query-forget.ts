import { sql } from "kysely";
import type { RetentionWrites, Walked } from "../ports-retention.ts";
import { all, run } from "./statements.ts";
import type { Executor } from "./statements.ts";

/** What was kept for a while and has served its purpose. Each walks along a key, so that nothing is locked or read twice. */

type Forgetting = Pick<RetentionWrites, "forgetAnswers" | "forgetDeliveries" | "forgetWebhooks" | "forgetExpired">;

/** Ids of bots' webhooks stand among the answers: they are what makes one that comes again act once. */
const WEBHOOK_SCOPE = "webhook:";

export const forgetting = (on: Executor): Forgetting => ({
  async forgetAnswers(after, limit, before) {
    const [scope, key] = after === "" ? ["", ""] : (JSON.parse(after) as [string, string]);
    const rows = await all(
      on,
      on.db
        .selectFrom("answers")
        .select(["scope", "key", "created_at"])
        .where(sql<boolean>`(scope, key) > (${scope}, ${key})`)
        .orderBy("scope")
        .orderBy("key")
        .limit(limit),
    );
    for (const row of rows) {
      const end = row.scope.startsWith(WEBHOOK_SCOPE) ? before.webhooks : before.answers;
      if (row.created_at >= end.getTime()) continue;
      await run(on, on.db.deleteFrom("answers").where("scope", "=", row.scope).where("key", "=", row.key));
    }
    const last = rows.at(-1);
    return rows.length < limit || last === undefined ? null : JSON.stringify([last.scope, last.key]);
  },
  async forgetDeliveries(after, limit, before) {
    const rows = await all(
      on,
      on.db
        .selectFrom("deliveries")
        .leftJoin("handoffs", "handoffs.id", "deliveries.handoff_id")
        .select(["deliveries.n", "deliveries.state", "deliveries.created_at", "handoffs.status"])
        .where("deliveries.n", ">", Number(after))
        .orderBy("deliveries.n")
        .limit(limit),
    );
    const isOver = (row: (typeof rows)[number]) =>
      (row.state === "done" || row.state === "dropped") && row.status !== "pending" && row.status !== "acknowledged";
    const old = rows.filter((row) => row.created_at < before.getTime());
    const over = old.filter(isOver).map((row) => row.n);
    if (over.length > 0) await run(on, on.db.deleteFrom("deliveries").where("n", "in", over));
    return walked(rows, limit, old.length === rows.length, (row) => String(row.n));
  },
  async forgetWebhooks(after, limit, before) {
    const rows = await all(
      on,
      on.db
        .selectFrom("webhooks")
        .select(["id", "workspace_id", "state", "received_at"])
        .where("id", ">", after)
        .orderBy("id")
        .limit(limit),
    );
    const isBefore = (row: (typeof rows)[number], end: Date | undefined) =>
      row.state !== "waiting" && end !== undefined && row.received_at < end.getTime();
    const over = rows.filter((row) => isBefore(row, before.rows)).map((row) => row.id);
    if (over.length > 0) await run(on, on.db.deleteFrom("webhooks").where("id", "in", over));
    const emptied = rows.filter((row) => row.state === "failed" && isBefore(row, before.bodies.get(row.workspace_id)));
    const ids = emptied.map((row) => row.id);
    if (ids.length > 0) await run(on, on.db.updateTable("webhooks").set({ body: "" }).where("id", "in", ids));
    const newest = Math.max(before.rows.getTime(), ...[...before.bodies.values()].map((end) => end.getTime()));
    const isOld = rows.every((row) => row.received_at < newest);
    return walked(rows, limit, isOld, (row) => row.id);
  },
  async forgetExpired(before, limit) {
    const expired = on.db.selectFrom("tokens").select("id").where("expires_at", "<", before.getTime()).limit(limit);
    await run(on, on.db.deleteFrom("tokens").where("id", "in", expired));
    await run(on, on.db.deleteFrom("sign_in_links").where("expires_at", "<", before.getTime()));
  },
});

/** The end is reached where there is no more, and where all that follows is younger than what was looked for. */
function walked<Row>(rows: readonly Row[], limit: number, isOld: boolean, keyOf: (row: Row) => string): Walked {
  const last = rows.at(-1);
  return rows.length < limit || !isOld || last === undefined ? null : keyOf(last);
}
