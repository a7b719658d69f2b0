import type { Kysely } from "kysely";
import { emailKeyOf } from "./email-key.ts";

// The schema is what a migration changes, so it cannot be typed by it.
type AnyDb = Kysely<unknown>;

/** Members who sign in by themselves: sessions of browsers, passwords, authenticator apps with their recovery codes. */
export async function sessions(db: AnyDb): Promise<void> {
  await addresses(db);
  await db.schema
    .createTable("sessions")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("hash", "text", (c) => c.notNull().unique())
    .addColumn("workspace_id", "text", (c) => c.notNull())
    .addColumn("member_id", "text", (c) => c.notNull().references("members.id"))
    .addColumn("method", "text", (c) => c.notNull())
    .addColumn("device", "text", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("last_used_at", "bigint", (c) => c.notNull())
    .addColumn("expires_at", "bigint", (c) => c.notNull())
    .execute();
  await db.schema.createIndex("sessions_member").on("sessions").columns(["member_id", "id"]).execute();
  await db.schema
    .createTable("member_passwords")
    .addColumn("member_id", "text", (c) => c.primaryKey().references("members.id"))
    .addColumn("workspace_id", "text", (c) => c.notNull())
    .addColumn("sealed_hash", "text", (c) => c.notNull())
    .addColumn("set_at", "bigint", (c) => c.notNull())
    .execute();
  await db.schema
    .createTable("member_factors")
    .addColumn("member_id", "text", (c) => c.primaryKey().references("members.id"))
    .addColumn("workspace_id", "text", (c) => c.notNull())
    .addColumn("sealed_secret", "text", (c) => c.notNull())
    .addColumn("confirmed_at", "bigint")
    .addColumn("last_step", "bigint", (c) => c.notNull())
    .execute();
  await db.schema
    .createTable("recovery_codes")
    .addColumn("member_id", "text", (c) => c.notNull().references("members.id"))
    .addColumn("hash", "text", (c) => c.notNull())
    .addColumn("workspace_id", "text", (c) => c.notNull())
    .addColumn("used_at", "bigint")
    .addPrimaryKeyConstraint("recovery_codes_pk", ["member_id", "hash"])
    .execute();
}

/** The address as it is compared stands in a column of its own, so that a sign-in asks an index and not every member. */
async function addresses(db: AnyDb): Promise<void> {
  await db.schema.alterTable("members").addColumn("email_key", "text").execute();
  const members = db as Kysely<{ members: { id: string; email: string | null; email_key: string | null } }>;
  const known = await members.selectFrom("members").select(["id", "email"]).where("email", "is not", null).execute();
  for (const { id, email } of known)
    await members
      .updateTable("members")
      .set({ email_key: emailKeyOf(email) })
      .where("id", "=", id)
      .execute();
  await db.schema.createIndex("members_email").on("members").columns(["email_key", "id"]).execute();
}
