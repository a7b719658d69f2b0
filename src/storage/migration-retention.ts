import type { Kysely } from "kysely";

/** How long a workspace keeps words, what of a conversation has been taken out, and whose turn it is to do so. */
export async function retention(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("workspaces").addColumn("retention_days", "integer").execute();
  await db.schema.alterTable("conversations").addColumn("touched_at", "bigint").execute();
  await db.schema.alterTable("conversations").addColumn("pruned_seq", "bigint").execute();
  await db.schema.alterTable("conversations").addColumn("pruned_event_seq", "bigint").execute();
  await db.schema.alterTable("conversations").addColumn("pruned_at", "bigint").execute();
  await db.schema
    .createTable("chores")
    .addColumn("name", "text", (c) => c.primaryKey())
    .addColumn("due_at", "bigint", (c) => c.notNull())
    .addColumn("state", "text", (c) => c.notNull())
    .execute();
}
