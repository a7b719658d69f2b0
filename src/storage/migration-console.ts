import { sql } from "kysely";
import type { Kysely } from "kysely";
import type { Dialect } from "./migrations.ts";

// The schema is what a migration changes, so it cannot be typed by it.
type AnyDb = Kysely<unknown>;

/** Handoffs by when they were asked for, and counts of the requests that were declined: what a team is told of its work. */
export async function insights(db: AnyDb): Promise<void> {
  await db.schema.createIndex("handoffs_asked").on("handoffs").columns(["workspace_id", "created_at"]).execute();
  await db.schema
    .createTable("declined_asks")
    .addColumn("workspace_id", "text", (c) => c.notNull())
    .addColumn("quarter_at", "bigint", (c) => c.notNull())
    .addColumn("bot_id", "text", (c) => c.notNull())
    .addColumn("because", "text", (c) => c.notNull())
    .addColumn("count", "bigint", (c) => c.notNull())
    .addPrimaryKeyConstraint("declined_asks_pk", ["workspace_id", "quarter_at", "bot_id", "because"])
    .execute();
}

/** When connections stopped working and worked again. */
export async function connectionStates(db: AnyDb, dialect: Dialect): Promise<void> {
  await db.schema
    .createTable("connection_states")
    .addColumn("n", dialect === "sqlite" ? "integer" : "bigserial", (c) =>
      dialect === "sqlite" ? c.primaryKey().autoIncrement() : c.primaryKey(),
    )
    .addColumn("workspace_id", "text", (c) => c.notNull())
    .addColumn("connection_id", "text", (c) => c.notNull())
    .addColumn("at", "bigint", (c) => c.notNull())
    .addColumn("problem", "text")
    .execute();
  await db.schema
    .createIndex("connection_states_at")
    .on("connection_states")
    .columns(["connection_id", "at", "n"])
    .execute();
}

/**
 * What has changed, for those who look on. On PostgreSQL a row stands at the number of its transaction, so that a reader can stop
 * before the oldest one that still runs; on SQLite, where units run one after the other, at its own.
 */
export async function news(db: AnyDb, dialect: Dialect): Promise<void> {
  const sqlite = dialect === "sqlite";
  await db.schema
    .createTable("news")
    .addColumn("n", sqlite ? "integer" : "bigserial", (c) => (sqlite ? c.primaryKey().autoIncrement() : c.primaryKey()))
    .addColumn("pos", "bigint")
    .addColumn("workspace_id", "text", (c) => c.notNull())
    .addColumn("kind", "text", (c) => c.notNull())
    .addColumn("object_id", "text", (c) => c.notNull())
    .addColumn("what", "text", (c) => c.notNull())
    .addColumn("data", "text", (c) => c.notNull())
    .addColumn("at", "bigint", (c) => c.notNull())
    .execute();
  const position = sqlite ? "n" : "pos";
  await db.schema.createIndex("news_workspace").on("news").columns(["workspace_id", position]).execute();
  if (sqlite) return;
  // A dump that is restored elsewhere finds a server whose transactions count from one: see the start of the store.
  await sql`create function news_offset() returns bigint language sql stable as
    $$ select coalesce((select value::bigint from facts where name = 'news_offset'), 0) $$`.execute(db);
  await sql`alter table news
    alter column pos set default pg_current_xact_id()::text::bigint + news_offset()`.execute(db);
}
