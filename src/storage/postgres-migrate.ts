import { Kysely, PostgresDialect, sql } from "kysely";
import { Migrator } from "kysely/migration";
import { Client } from "pg";
import { migrationsFor } from "./migrations.ts";
import { DatabaseError } from "./postgres-errors.ts";
import { clientConfig } from "./postgres-pool.ts";
import type { PostgresTiming } from "./postgres-pool.ts";

/** PostgreSQL 12 is no longer looked after by anybody. */
const OLDEST = 130_000;
/** Any number, the same for all: "baton" in ASCII. */
const LOCK = 0x62_61_74_6f_6e;
/** By it all scripts have small letters, whatever the database was made with. */
const ICU = "und-x-icu";

export interface Prepared {
  /** For small letters; null where PostgreSQL was built without ICU: the database's own. */
  readonly collation: string | null;
}

/**
 * Makes the database ready: durable, of a release that fits, with every table. Of several processes that start at once, one
 * works and the others wait for it.
 *
 * @param fingerprints of the master secrets, the one in force first; undefined: not compared
 * @throws DatabaseError saying what to do
 */
export function prepareDatabase(
  url: string,
  timing: PostgresTiming,
  fingerprints: readonly string[] | undefined,
): Promise<Prepared> {
  return withPreparedDatabase(url, timing, async (client) => {
    await client.query(NEWS_GO_ON);
    await client.query("delete from unit_marks where at < $1", [Date.now() - MARKS_KEPT_MS]);
    if (fingerprints !== undefined) await compareSecret(client, fingerprints);
    const icu = await client.query("select 1 from pg_collation where collname = $1", [ICU]);
    return { collation: icu.rowCount === 0 ? null : ICU };
  });
}

/**
 * Runs `work` on a database that is fit and has every table, on a connection without time limits; whoever wants to begin to work
 * there waits until it is done.
 *
 * @throws DatabaseError saying what to do, and whatever `work` throws
 */
export async function withPreparedDatabase<Result>(
  url: string,
  timing: PostgresTiming,
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = await connected(url, timing);
  try {
    await assertFit(client);
    await client.query("select pg_advisory_lock($1)", [LOCK]);
    await migrate(client);
    await compareAsBytes(client);
    return await work(client);
  } finally {
    // The lock goes with the connection.
    await client.end().catch(() => undefined);
  }
}

/** News stand at their transactions' numbers. In a dump that was restored elsewhere those are from another server: new ones come after. */
const NEWS_GO_ON = `insert into facts (name, value)
  select 'news_offset', (max(pos) + 1 - pg_current_xact_id()::text::bigint)::text from news
  having max(pos) >= pg_current_xact_id()::text::bigint + news_offset()
  on conflict (name) do update set value = excluded.value`;

const MARKS_KEPT_MS = 24 * 3_600_000;

/** Without limits: a migration of a large table takes its time, and so does waiting for another process that runs it. */
async function connected(url: string, timing: PostgresTiming): Promise<Client> {
  const unlimited = { statement_timeout: 0, lock_timeout: 0, query_timeout: 0, idle_in_transaction_session_timeout: 0 };
  const client = new Client({ ...clientConfig(url, timing), ...unlimited });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

interface Facts {
  version: string;
  fsync: string;
  commit: string;
  encoding: string;
  standby: boolean;
}

async function assertFit(client: Client): Promise<void> {
  const asked = await client.query<Facts>(
    "select current_setting('server_version_num') as version, current_setting('fsync') as fsync, " +
      "current_setting('synchronous_commit') as commit, current_setting('server_encoding') as encoding, " +
      "pg_is_in_recovery() as standby",
  );
  const [facts] = asked.rows;
  if (facts === undefined) throw new DatabaseError("database_unusable", "The database does not answer as PostgreSQL.");
  if (Number(facts.version) < OLDEST)
    throw new DatabaseError("database_unusable", "Baton needs PostgreSQL 13 or later: upgrade the server.");
  if (facts.standby)
    throw new DatabaseError(
      "database_unusable",
      "DATABASE_URL leads to a standby, which takes no writes: name the primary.",
    );
  if (facts.encoding !== "UTF8")
    throw new DatabaseError(
      "database_unusable",
      `The database holds text as ${facts.encoding}: make one with createdb --encoding=UTF8 --template=template0.`,
    );
  if (facts.fsync === "off")
    throw new DatabaseError(
      "database_not_durable",
      "PostgreSQL runs with fsync=off: what it has acknowledged is lost with the power. Set fsync=on, and start again.",
    );
  if (facts.commit === "off")
    throw new DatabaseError(
      "database_not_durable",
      "PostgreSQL runs with synchronous_commit=off: what it has acknowledged is lost when it crashes. Set it to on for this " +
        "server, database or user, and start again.",
    );
}

async function migrate(client: Client): Promise<void> {
  const known = migrationsFor("postgres");
  // The migrator gets this connection, and gives it back unharmed.
  const lent = { query: client.query.bind(client), release: () => undefined };
  const pool = { connect: () => Promise.resolve(lent), end: () => Promise.resolve(), options: {} };
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  const newer = (await appliedTo(db)).filter((name) => !(name in known));
  if (newer.length > 0)
    throw new DatabaseError(
      "database_newer",
      `A later release of Baton has changed this database (${newer.join(", ")}): start that release, or restore a backup.`,
    );
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(known) } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}

async function appliedTo(db: Kysely<unknown>): Promise<readonly string[]> {
  const there = await sql<{ name: string | null }>`select to_regclass('kysely_migration')::text as name`.execute(db);
  if ((there.rows[0]?.name ?? null) === null) return [];
  const { rows } = await sql<{ name: string }>`select name from kysely_migration`.execute(db);
  return rows.map((row) => row.name);
}

/**
 * Lists go by ids, which are in order as bytes and in no language's alphabet. Does nothing where it is so already; in a new
 * database every table is empty.
 */
async function compareAsBytes(client: Client): Promise<void> {
  const { rows } = await client.query<{ words: string }>(
    `select format('alter table %I %s', c.relname,
       string_agg(format('alter column %I type text collate "C"', a.attname), ', ')) as words
     from pg_attribute a
     join pg_class c on c.oid = a.attrelid and c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace
     where a.attnum > 0 and not a.attisdropped and a.atttypid = 'text'::regtype
       and a.attcollation <> (select oid from pg_collation where collname = 'C' and collnamespace = 'pg_catalog'::regnamespace)
     group by c.relname`,
  );
  if (rows.length === 0) return;
  await client.query("begin");
  for (const { words } of rows) await client.query(words);
  await client.query("commit");
}

/** With another secret nothing that is sealed could be opened, and no token would fit: said at once, not by each request. */
async function compareSecret(client: Client, fingerprints: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ value: string }>("select value from facts where name = 'secret'");
  const [stored] = rows;
  if (stored !== undefined && !fingerprints.includes(stored.value))
    throw new DatabaseError(
      "database_secret",
      "The data in this database were made with another master secret. Set BATON_SECRET to that one: the content of the file " +
        '"secret" in the data directory of the process that made them, or its BATON_SECRET. All processes on one database need the same.',
    );
  await client.query(
    "insert into facts (name, value) values ('secret', $1) on conflict (name) do update set value = excluded.value",
    [fingerprints[0]],
  );
}
