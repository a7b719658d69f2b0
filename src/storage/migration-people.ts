import type { Kysely } from "kysely";

/** Proof of who was erased when, without a word about them. */
export async function erasures(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("erasures")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("workspace_id", "text", (c) => c.notNull())
    .addColumn("started_at", "bigint", (c) => c.notNull())
    .addColumn("finished_at", "bigint")
    .addColumn("actor", "text", (c) => c.notNull())
    .addColumn("identifiers", "text", (c) => c.notNull())
    .addColumn("counts", "text", (c) => c.notNull())
    .addColumn("copies", "text", (c) => c.notNull())
    .addColumn("mails", "text", (c) => c.notNull())
    .execute();
  await db.schema.createIndex("erasures_at").on("erasures").columns(["workspace_id", "started_at", "id"]).execute();
}
