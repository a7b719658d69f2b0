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
const oldestOwed = statement((db, _s: object) =>
  db
    .selectFrom("deliveries")
    .select("created_at")
    .where("n", "=", (e) =>
      e
        .selectFrom("deliveries as owed")
        .select((f) => f.fn.min("owed.n").as("n"))
        .where("owed.state", "in", [sql.lit("waiting"), sql.lit("sending")]),
    ),
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
    const oldest = await oldestOwed.first(on, {});
    const waiting = await waitingWebhooks.first(on, {});
    return {
      deliveries: rows.map(({ kind, state, count }) => ({
        kind: kind as DeliveryKind,
        state: state as DeliveryState,
        count,
      })),
      oldestOwed: oldest === null ? null : new Date(oldest.created_at),
      webhooksWaiting: waiting?.count ?? 0,
    };
  },
});
