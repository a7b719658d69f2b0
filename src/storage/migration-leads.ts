import { sql } from "kysely";
import type { Kysely } from "kysely";
import type { LeadContact } from "../domain/lead-form.ts";
import { searchTextOf } from "../domain/lead-search.ts";

// The schema is what a migration changes, so it cannot be typed by it.
type AnyDb = Kysely<unknown>;

const BATCH = 500;

/** What a team needs to work through a hundred thousand leads: whether they were answered, and ways to find them. */
export async function leadList(db: AnyDb): Promise<void> {
  await db.schema
    .alterTable("leads")
    .addColumn("state", "text", (c) => c.notNull().defaultTo("open"))
    .execute();
  await db.schema.alterTable("leads").addColumn("state_at", "bigint").execute();
  await db.schema.alterTable("leads").addColumn("state_by", "text").execute();
  await db.schema.alterTable("leads").addColumn("note", "text").execute();
  await db.schema
    .alterTable("leads")
    .addColumn("search", "text", (c) => c.notNull().defaultTo(""))
    .execute();
  await fillSearch(db);
  await db.schema.dropIndex("leads_workspace").execute();
  await db.schema.createIndex("leads_at").on("leads").columns(["workspace_id", "created_at", "id"]).execute();
  await db.schema
    .createIndex("leads_bot")
    .on("leads")
    .columns(["workspace_id", "bot_id", "created_at", "id"])
    .execute();
  await db.schema
    .createIndex("leads_state")
    .on("leads")
    .columns(["workspace_id", "state", "created_at", "id"])
    .execute();
}

async function fillSearch(db: AnyDb): Promise<void> {
  let after = "";
  for (;;) {
    const { rows } = await sql<{ id: string; contact: string }>`
      select id, contact from leads where id > ${after} order by id limit ${BATCH}`.execute(db);
    for (const { id, contact } of rows) {
      const search = searchTextOf(JSON.parse(contact) as LeadContact);
      await sql`update leads set search = ${search} where id = ${id}`.execute(db);
    }
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.id;
  }
}
