import { sql } from "kysely";
import type { DeliveryKind, DeliveryState } from "../domain/delivery.ts";
import { MOST_COUNTED } from "../ports-metrics.ts";
import type { StoreFigures } from "../ports-metrics.ts";
import { statement } from "./statements.ts";
import type { Executor } from "./statements.ts";

/** What is owed over all workspaces, counted from the indexes of what is not done. */

const undone = statement((db, _s: object) =>
  db
    .selectFrom((e) =>
      e
        .selectFrom("deliveries")
        .select(["kind", "state"])
        .where("state", "<>", sql.lit("done"))
        .where("state", "<>", sql.lit("dropped"))
        .limit(sql.lit(MOST_COUNTED))
        .as("some"),
    )
    .select((e) => ["some.kind", "some.state", e.fn.countAll<number>().as("count")])
    .groupBy(["some.kind", "some.state"]),
);
// Asked for each workspace: the first entry of each stretch of the index deliveries_undone, however long that is.
const firstOwed = statement((db, _s: object) =>
  db.selectFrom("workspaces").select((e) => {
    const first = e
      .selectFrom("deliveries")
      .select((f) => f.fn.min("deliveries.n").as("n"))
      .whereRef("deliveries.workspace_id", "=", "workspaces.id")
      .where("deliveries.state", "<>", sql.lit("done"));
    return [
      first.where("deliveries.state", "=", sql.lit("waiting")).as("waiting"),
      first.where("deliveries.state", "=", sql.lit("sending")).as("sending"),
    ];
  }),
);
const madeAt = statement((db, s: { n: number }) =>
  db.selectFrom("deliveries").select("created_at").where("n", "=", s.n),
);
const waitingWebhooks = statement((db, _s: object) =>
  db
    .selectFrom((e) =>
      e
        .selectFrom("webhooks")
        .select("next_at")
        .where("state", "=", sql.lit("waiting"))
        .limit(sql.lit(MOST_COUNTED))
        .as("some"),
    )
    .select((e) => e.fn.countAll<number>().as("count")),
);

export const figureReads = (on: Executor) => ({
  async figures(): Promise<StoreFigures> {
    const rows = await undone.all(on, {});
    const owed = (await firstOwed.all(on, {})).flatMap(({ waiting, sending }) => [waiting, sending]);
    const first = owed.reduce((one, other) => (one === null || (other !== null && other < one) ? other : one), null);
    const oldest = first === null ? null : await madeAt.first(on, { n: first });
    const webhooks = await waitingWebhooks.first(on, {});
    return {
      deliveries: rows.map(({ kind, state, count }) => ({
        kind: kind as DeliveryKind,
        state: state as DeliveryState,
        count,
      })),
      oldestOwed: oldest === null ? null : new Date(oldest.created_at),
      webhooksWaiting: webhooks?.count ?? 0,
    };
  },
});
