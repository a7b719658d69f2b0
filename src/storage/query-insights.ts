import { sql } from "kysely";
import type { Because } from "../domain/decision.ts";
import type { HandoffMode, HandoffStatus } from "../domain/states.ts";
import type { FactFilter, HandoffFact, InsightReads, InsightWrites } from "../ports-insights.ts";
import type { DeclinedAsksTable } from "./schema.ts";
import { all, run, slotsOf, statement } from "./statements.ts";
import type { Executor } from "./statements.ts";

/** What is counted of handoffs. */

const QUARTER_MS = 15 * 60_000;

/** When the handoff was asked for that stands so many places behind: the next stretch begins there. */
const placeBehind = statement((db, s: { workspace_id: string; from: number; to: number; places: number }) =>
  db
    .selectFrom("handoffs")
    .select("created_at")
    .where("workspace_id", "=", s.workspace_id)
    .where("created_at", ">=", s.from)
    .where("created_at", "<", s.to)
    .orderBy("created_at")
    .limit(1)
    .offset(s.places),
);

const countOne = statement((db, s: Omit<DeclinedAsksTable, "count">) =>
  db
    .insertInto("declined_asks")
    .values({ ...slotsOf(s, ["workspace_id", "quarter_at", "bot_id", "because"]), count: sql.lit(1) })
    .onConflict((c) =>
      c
        .columns(["workspace_id", "quarter_at", "bot_id", "because"])
        .doUpdateSet((e) => ({ count: e("declined_asks.count", "+", 1) })),
    ),
);

export const insightReads = (on: Executor): InsightReads => ({
  async handoffFacts(workspaceId, filter, about) {
    const { from, to } = filter;
    const place = await placeBehind.first(on, { workspace_id: workspaceId, from, to, places: about });
    // Never back to where it began: of one instant all come together, however many there are.
    const end = place === null ? to : Math.max(place.created_at, from + 1);
    return { facts: await factsBetween(on, workspaceId, { ...filter, to: end }), next: place === null ? null : end };
  },
  async declinedCounts(workspaceId, { from, to, botId }) {
    let query = on.db
      .selectFrom("declined_asks")
      .selectAll()
      .where("workspace_id", "=", workspaceId)
      .where("quarter_at", ">=", from)
      .where("quarter_at", "<", to)
      .orderBy("quarter_at");
    if (botId !== undefined) query = query.where("bot_id", "=", botId);
    return (await all(on, query)).map((row) => ({
      at: row.quarter_at,
      botId: row.bot_id,
      because: row.because as Because,
      count: row.count,
    }));
  },
});

async function factsBetween(on: Executor, workspaceId: string, filter: FactFilter): Promise<HandoffFact[]> {
  let query = on.db
    .selectFrom("handoffs")
    .select([
      "created_at as at",
      "bot_id as botId",
      "destination_id as destinationId",
      "mode",
      "status",
      "because",
      "accepted_at as acceptedAt",
      "ended_at as endedAt",
      "agent_id as agentId",
      "agent_name as agentName",
    ])
    // Only those in mode lead are looked up.
    .select((e) =>
      e
        .case()
        .when("mode", "=", sql.lit("lead"))
        .then(e.selectFrom("leads").select("leads.id").whereRef("leads.handoff_id", "=", "handoffs.id"))
        .end()
        .as("leadId"),
    )
    .where("workspace_id", "=", workspaceId)
    .where("created_at", ">=", filter.from)
    .where("created_at", "<", filter.to);
  if (filter.botId !== undefined) query = query.where("bot_id", "=", filter.botId);
  if (filter.destination !== undefined) query = query.where("destination_id", "=", filter.destination);
  return (await all(on, query)).map(({ leadId, ...row }) => ({
    ...row,
    mode: row.mode as HandoffMode,
    status: row.status as HandoffStatus,
    because: row.because as Because,
    hasLeft: leadId !== null,
  }));
}

export const insightWrites = (on: Executor): InsightWrites => ({
  async countDeclined(workspaceId, botId, because, at) {
    const quarter = Math.floor(at.getTime() / QUARTER_MS) * QUARTER_MS;
    await countOne.run(on, { workspace_id: workspaceId, quarter_at: quarter, bot_id: botId, because });
  },
  async forgetDeclined(before, limit) {
    const old = on.db
      .selectFrom("declined_asks")
      .select(["workspace_id", "quarter_at"])
      .distinct()
      .where("quarter_at", "<", before.getTime())
      .limit(limit);
    const rows = await all(on, old);
    for (const { workspace_id, quarter_at } of rows)
      await run(
        on,
        on.db.deleteFrom("declined_asks").where("workspace_id", "=", workspace_id).where("quarter_at", "=", quarter_at),
      );
    return rows.length < limit;
  },
});
