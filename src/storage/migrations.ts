import { sql } from "kysely";
import type { RawBuilder } from "kysely";
import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import { auditLog } from "./migration-audit.ts";
import { connectionStates, insights, news } from "./migration-console.ts";
import { leadList } from "./migration-leads.ts";
import { erasures } from "./migration-people.ts";
import { retention } from "./migration-retention.ts";
import { sessions } from "./migration-sessions.ts";

/**
 * Migrations in order. A landed one is never edited: a change is a new entry. They run at start, in one transaction each.
 * Written for both databases; `bigint` holds times (milliseconds) and counters.
 */
export function migrationsFor(dialect: Dialect): Record<string, Migration> {
  return {
    "0001_main": { up: (db) => main(db, dialect) },
    "0002_second_helpdesk_id": { up: (db) => secondHelpdeskId(db) },
    "0003_open_handoffs_at_a_connection": { up: (db) => openAtConnection(db) },
    "0004_installed": { up: (db) => installed(db) },
    "0005_sign_in_links": { up: (db) => signInLinks(db) },
    "0006_hosted_conversations": { up: (db) => hostedConversations(db) },
    "0007_request_ids": { up: (db) => requestIds(db) },
    ...(dialect === "postgres" && { "0008_several_processes": { up: (db) => severalProcesses(db) } }),
    "0009_retention": { up: (db) => retention(db) },
    "0010_sessions": { up: (db) => sessions(db) },
    "0011_audit_log": { up: (db) => auditLog(db, dialect) },
    "0012_lead_list": { up: (db) => leadList(db) },
    "0016_erasures": { up: (db) => erasures(db) },
    "0017_insights": { up: (db) => insights(db) },
    "0018_connection_states": { up: (db) => connectionStates(db, dialect) },
    "0019_news": { up: (db) => news(db, dialect) },
  };
}

export type Dialect = "sqlite" | "postgres";

// The schema is what a migration changes, so it cannot be typed by it.
type AnyDb = Kysely<unknown>;

/**
 * SQLite: the rows stand in the primary key's own tree. A request adds a handful of them, and each tree less is a fifth less
 * work for it; a conversation's lines also stand side by side.
 */
const clustered = (dialect: Dialect): RawBuilder<unknown> => (dialect === "sqlite" ? sql`without rowid` : sql``);

async function main(db: AnyDb, dialect: Dialect): Promise<void> {
  await tenants(db);
  await conversations(db, dialect);
  await handoffs(db, dialect);
  await deliveries(db, dialect);
}

async function tenants(db: AnyDb): Promise<void> {
  await db.schema
    .createTable("workspaces")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .execute();
  await db.schema
    .createTable("bots")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("workspace_id", "text", (c) => c.notNull().references("workspaces.id"))
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("settings", "text", (c) => c.notNull())
    .addColumn("settings_version", "bigint", (c) => c.notNull())
    .addColumn("callback_url", "text")
    .addColumn("sealed_secret", "text", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .execute();
  await db.schema.createIndex("bots_workspace").on("bots").columns(["workspace_id", "id"]).execute();
  await db.schema
    .createTable("members")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("workspace_id", "text", (c) => c.notNull().references("workspaces.id"))
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("email", "text")
    .addColumn("role", "text", (c) => c.notNull())
    .addColumn("online_until", "bigint")
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .execute();
  await db.schema.createIndex("members_workspace").on("members").columns(["workspace_id", "id"]).execute();
  await db.schema
    .createTable("connections")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("workspace_id", "text", (c) => c.notNull().references("workspaces.id"))
    .addColumn("type", "text", (c) => c.notNull())
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("config", "text", (c) => c.notNull())
    .addColumn("sealed_secrets", "text")
    .addColumn("path_secret", "text", (c) => c.notNull())
    .addColumn("problem", "text")
    .addColumn("problem_since", "bigint")
    .addColumn("last_webhook_at", "bigint")
    .addColumn("version", "bigint", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .execute();
  await db.schema.createIndex("connections_workspace").on("connections").columns(["workspace_id", "id"]).execute();
  await db.schema
    .createTable("tokens")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("workspace_id", "text")
    .addColumn("scope", "text", (c) => c.notNull())
    .addColumn("subject", "text", (c) => c.notNull())
    .addColumn("name", "text")
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("expires_at", "bigint", (c) => c.notNull())
    .addColumn("revoked_at", "bigint")
    .execute();
  await db.schema.createIndex("tokens_workspace").on("tokens").columns(["workspace_id", "id"]).execute();
  await db.schema
    .createTable("answers")
    .addColumn("scope", "text", (c) => c.notNull())
    .addColumn("key", "text", (c) => c.notNull())
    .addColumn("request_hash", "text", (c) => c.notNull())
    .addColumn("status", "integer", (c) => c.notNull())
    .addColumn("body", "text", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addPrimaryKeyConstraint("answers_pk", ["scope", "key"])
    .execute();
}

async function conversations(db: AnyDb, dialect: Dialect): Promise<void> {
  await db.schema
    .createTable("conversations")
    .addColumn("id", "text", (c) => c.primaryKey().notNull())
    .addColumn("workspace_id", "text", (c) => c.notNull())
    .addColumn("bot_id", "text", (c) => c.notNull())
    .addColumn("key", "text", (c) => c.notNull())
    .addColumn("locale", "text")
    .addColumn("channel", "text")
    .addColumn("page_url", "text")
    .addColumn("visitor", "text", (c) => c.notNull())
    .addColumn("products", "text", (c) => c.notNull())
    .addColumn("summary", "text")
    .addColumn("control", "text", (c) => c.notNull())
    .addColumn("epoch", "bigint", (c) => c.notNull())
    .addColumn("open_handoff_id", "text")
    .addColumn("callback_url", "text")
    .addColumn("last_event_seq", "bigint", (c) => c.notNull())
    .addColumn("last_message_seq", "bigint", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .modifyEnd(clustered(dialect))
    .execute();
  await db.schema
    .createIndex("conversations_key")
    .unique()
    .on("conversations")
    .columns(["workspace_id", "bot_id", "key"])
    .execute();
  await db.schema
    .createTable("messages")
    .addColumn("conversation_id", "text", (c) => c.notNull())
    .addColumn("seq", "bigint", (c) => c.notNull())
    .addColumn("workspace_id", "text", (c) => c.notNull())
    .addColumn("id", "text", (c) => c.notNull())
    .addColumn("handoff_id", "text")
    .addColumn("role", "text", (c) => c.notNull())
    .addColumn("text", "text", (c) => c.notNull())
    .addColumn("author_name", "text")
    .addColumn("at", "bigint", (c) => c.notNull())
    .addColumn("attachments", "text")
    .addColumn("external_id", "text")
    .addPrimaryKeyConstraint("messages_pk", ["conversation_id", "seq"])
    .modifyEnd(clustered(dialect))
    .execute();
  await db.schema
    .createIndex("messages_external")
    .unique()
    .on("messages")
    .columns(["conversation_id", "external_id"])
    .where(sql.ref("external_id"), "is not", null)
    .execute();
  await db.schema
    .createTable("events")
    .addColumn("conversation_id", "text", (c) => c.notNull())
    .addColumn("seq", "bigint", (c) => c.notNull())
    .addColumn("workspace_id", "text", (c) => c.notNull())
    .addColumn("handoff_id", "text")
    .addColumn("type", "text", (c) => c.notNull())
    .addColumn("at", "bigint", (c) => c.notNull())
    .addColumn("actor", "text", (c) => c.notNull())
    .addColumn("data", "text", (c) => c.notNull())
    .addPrimaryKeyConstraint("events_pk", ["conversation_id", "seq"])
    .modifyEnd(clustered(dialect))
    .execute();
}

async function handoffs(db: AnyDb, dialect: Dialect): Promise<void> {
  await db.schema
    .createTable("handoffs")
    .addColumn("id", "text", (c) => c.primaryKey().notNull())
    .addColumn("workspace_id", "text", (c) => c.notNull())
    .addColumn("bot_id", "text", (c) => c.notNull())
    .addColumn("conversation_id", "text", (c) => c.notNull())
    .addColumn("status", "text", (c) => c.notNull())
    .addColumn("mode", "text", (c) => c.notNull())
    .addColumn("trigger", "text", (c) => c.notNull())
    .addColumn("reason", "text")
    .addColumn("priority", "text")
    .addColumn("because", "text", (c) => c.notNull())
    .addColumn("chain", "text", (c) => c.notNull())
    .addColumn("destination", "text")
    .addColumn("destination_id", "text")
    .addColumn("opened", "integer", (c) => c.notNull())
    .addColumn("ref_conversation_id", "text")
    .addColumn("ref_contact_id", "text")
    .addColumn("ref_url", "text")
    .addColumn("cursor", "text")
    .addColumn("agent_id", "text")
    .addColumn("agent_name", "text")
    .addColumn("assignee_id", "text")
    .addColumn("transcript_seq", "bigint", (c) => c.notNull())
    .addColumn("accept_by", "bigint")
    .addColumn("open_by", "bigint")
    .addColumn("idle_at", "bigint")
    .addColumn("look_at", "bigint")
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("accepted_at", "bigint")
    .addColumn("ended_at", "bigint")
    .modifyEnd(clustered(dialect))
    .execute();
  // One open handoff per conversation, whatever two requests at once may think (design.md section 5).
  await sql`create unique index handoffs_one_open on handoffs (conversation_id) where status in ('pending', 'acknowledged')`.execute(
    db,
  );
  // An index that lacked the workspace would lose against handoffs_workspace: SQLite would walk all of a workspace's handoffs.
  await db.schema
    .createIndex("handoffs_conversation")
    .on("handoffs")
    .columns(["workspace_id", "conversation_id", "id"])
    .execute();
  await db.schema.createIndex("handoffs_workspace").on("handoffs").columns(["workspace_id", "id"]).execute();
  await db.schema.createIndex("handoffs_status").on("handoffs").columns(["workspace_id", "status", "id"]).execute();
  await sql`create index handoffs_pending on handoffs (workspace_id, bot_id) where status = 'pending' and mode = 'live'`.execute(
    db,
  );
  await sql`create index handoffs_unopened on handoffs (workspace_id, destination_id, id) where status = 'pending' and opened = 0`.execute(
    db,
  );
  await sql`create index handoffs_ref on handoffs (workspace_id, destination_id, ref_conversation_id, id) where ref_conversation_id is not null`.execute(
    db,
  );
  for (const column of ["accept_by", "open_by", "idle_at", "look_at"]) {
    await sql`create index ${sql.ref(`handoffs_${column}`)} on handoffs (${sql.ref(column)}) where ${sql.ref(column)} is not null`.execute(
      db,
    );
  }
  await db.schema
    .createTable("leads")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("workspace_id", "text", (c) => c.notNull())
    .addColumn("bot_id", "text", (c) => c.notNull())
    .addColumn("conversation_id", "text", (c) => c.notNull())
    .addColumn("handoff_id", "text", (c) => c.notNull().unique())
    .addColumn("contact", "text", (c) => c.notNull())
    .addColumn("page_url", "text")
    .addColumn("locale", "text")
    .addColumn("transcript_seq", "bigint", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .execute();
  await db.schema.createIndex("leads_workspace").on("leads").columns(["workspace_id", "id"]).execute();
  await db.schema
    .createTable("consents")
    .addColumn("lead_id", "text", (c) => c.notNull())
    .addColumn("workspace_id", "text", (c) => c.notNull())
    .addColumn("business", "text", (c) => c.notNull())
    .addColumn("purpose", "text", (c) => c.notNull())
    .addColumn("text", "text", (c) => c.notNull())
    .addColumn("version", "text", (c) => c.notNull())
    .addColumn("locale", "text", (c) => c.notNull())
    .addColumn("url", "text", (c) => c.notNull())
    .addColumn("hash", "text", (c) => c.notNull())
    .addColumn("agreed_at", "bigint", (c) => c.notNull())
    .addColumn("method", "text", (c) => c.notNull())
    .execute();
  await db.schema.createIndex("consents_lead").on("consents").columns(["lead_id"]).execute();
}

async function deliveries(db: AnyDb, dialect: Dialect): Promise<void> {
  const sqlite = dialect === "sqlite";
  await db.schema
    .createTable("deliveries")
    .addColumn("n", sqlite ? "integer" : "bigserial", (c) => (sqlite ? c.primaryKey().autoIncrement() : c.primaryKey()))
    .addColumn("workspace_id", "text", (c) => c.notNull())
    .addColumn("lane", "text", (c) => c.notNull())
    .addColumn("kind", "text", (c) => c.notNull())
    .addColumn("connection_id", "text")
    .addColumn("conversation_id", "text")
    .addColumn("handoff_id", "text")
    .addColumn("payload", "text", (c) => c.notNull())
    .addColumn("progress", "text", (c) => c.notNull())
    .addColumn("state", "text", (c) => c.notNull())
    .addColumn("attempts", "integer", (c) => c.notNull())
    .addColumn("may_have_happened", "integer", (c) => c.notNull())
    .addColumn("last_error", "text")
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("started_at", "bigint")
    .addColumn("next_at", "bigint")
    .addColumn("done_at", "bigint")
    .execute();
  await sql`create index deliveries_owed on deliveries (lane, n) where state in ('waiting', 'sending')`.execute(db);
  await sql`create index deliveries_undone on deliveries (workspace_id, state, n) where state <> 'done'`.execute(db);
  await db.schema.createIndex("deliveries_handoff").on("deliveries").columns(["handoff_id", "n"]).execute();
  await db.schema
    .createTable("lanes")
    .addColumn("lane", "text", (c) => c.primaryKey())
    .addColumn("connection_id", "text")
    .addColumn("due_at", "bigint")
    .addColumn("lease", "bigint", (c) => c.notNull())
    .addColumn("lease_until", "bigint")
    .execute();
  await sql`create index lanes_due on lanes (due_at) where due_at is not null`.execute(db);
  await db.schema
    .createTable("webhooks")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("workspace_id", "text", (c) => c.notNull())
    .addColumn("connection_id", "text", (c) => c.notNull())
    .addColumn("dedupe_key", "text", (c) => c.notNull())
    .addColumn("body", "text", (c) => c.notNull())
    .addColumn("received_at", "bigint", (c) => c.notNull())
    .addColumn("state", "text", (c) => c.notNull())
    .addColumn("attempts", "integer", (c) => c.notNull())
    .addColumn("next_at", "bigint")
    .addColumn("error", "text")
    .execute();
  await db.schema
    .createIndex("webhooks_once")
    .unique()
    .on("webhooks")
    .columns(["connection_id", "dedupe_key"])
    .execute();
  await sql`create index webhooks_waiting on webhooks (next_at) where state = 'waiting'`.execute(db);
}

/** One-time links by which members sign in: the hash of what is in them, and one link for a member. */
async function signInLinks(db: AnyDb): Promise<void> {
  await db.schema
    .createTable("sign_in_links")
    .addColumn("member_id", "text", (c) => c.primaryKey().references("members.id"))
    .addColumn("workspace_id", "text", (c) => c.notNull())
    .addColumn("hash", "text", (c) => c.notNull().unique())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("expires_at", "bigint", (c) => c.notNull())
    .addColumn("used_at", "bigint")
    .execute();
}

/** FreshChat knows a conversation by a text and by a number, and takes one or the other. */
async function secondHelpdeskId(db: AnyDb): Promise<void> {
  await db.schema.alterTable("handoffs").addColumn("ref_other_id", "text").execute();
}

/**
 * Whoever removes a connection asks for everything open there. In the place of the index of what is not opened yet, which this one
 * answers as well: a handoff costs no tree more than before, and one in Baton's own inbox none at all.
 */
async function openAtConnection(db: AnyDb): Promise<void> {
  await db.schema.dropIndex("handoffs_unopened").execute();
  await sql`create index handoffs_at on handoffs (workspace_id, destination_id, id) where status in ('pending', 'acknowledged') and destination_id <> 'inbox'`.execute(
    db,
  );
}

/** What an install made in the helpdesk: a JSON object of texts, by step. */
async function installed(db: AnyDb): Promise<void> {
  await db.schema.alterTable("connections").addColumn("installed", "text").execute();
}

/** Conversations whose visitor Baton itself speaks with, for a bot that is asked at its message URL. */
async function hostedConversations(db: AnyDb): Promise<void> {
  await db.schema.alterTable("bots").addColumn("message_url", "text").execute();
  await db.schema.alterTable("conversations").addColumn("host", "text").execute();
  await db.schema.alterTable("conversations").addColumn("dialog", "text").execute();
}

/** The request that something is owed because of, so that it can be followed through the logs. */
async function requestIds(db: AnyDb): Promise<void> {
  await db.schema.alterTable("deliveries").addColumn("request_id", "text").execute();
  await db.schema.alterTable("webhooks").addColumn("request_id", "text").execute();
}

/** What processes on one database need of each other: whether a lost commit took place, and that they share a secret. */
async function severalProcesses(db: AnyDb): Promise<void> {
  await db.schema
    .createTable("unit_marks")
    .addColumn("session", "text", (c) => c.primaryKey())
    .addColumn("unit", "bigint", (c) => c.notNull())
    .addColumn("at", "bigint", (c) => c.notNull())
    .execute();
  await db.schema
    .createTable("facts")
    .addColumn("name", "text", (c) => c.primaryKey())
    .addColumn("value", "text", (c) => c.notNull())
    .execute();
}
