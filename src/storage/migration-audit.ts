import { sql } from "kysely";
import type { Kysely } from "kysely";
import type { Dialect } from "./migrations.ts";

// The schema is what a migration changes, so it cannot be typed by it.
type AnyDb = Kysely<unknown>;

/** Who changed what when. The database itself refuses to change an entry. */
export async function auditLog(db: AnyDb, dialect: Dialect): Promise<void> {
  await db.schema
    .createTable("audit_log")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("workspace_id", "text", (c) => c.notNull())
    .addColumn("at", "bigint", (c) => c.notNull())
    .addColumn("actor_kind", "text", (c) => c.notNull())
    .addColumn("actor_id", "text")
    .addColumn("actor_name", "text")
    .addColumn("action", "text", (c) => c.notNull())
    .addColumn("object_type", "text", (c) => c.notNull())
    .addColumn("object_id", "text", (c) => c.notNull())
    .addColumn("object_name", "text")
    .addColumn("changes", "text", (c) => c.notNull())
    .addColumn("request_id", "text")
    .execute();
  await db.schema.createIndex("audit_log_at").on("audit_log").columns(["workspace_id", "at", "id"]).execute();
  await db.schema
    .createIndex("audit_log_object")
    .on("audit_log")
    .columns(["workspace_id", "object_id", "at", "id"])
    .execute();
  const words = sql.lit("the audit log is append-only");
  if (dialect === "sqlite") {
    await sql`create trigger audit_log_stays before update on audit_log begin select raise(abort, ${words}); end`.execute(
      db,
    );
    return;
  }
  await sql`create function audit_log_stays() returns trigger language plpgsql as
    $$ begin raise exception 'the audit log is append-only'; end $$`.execute(db);
  await sql`create trigger audit_log_stays before update on audit_log for each row execute function audit_log_stays()`.execute(
    db,
  );
}
