import BetterSqlite from "better-sqlite3";
import { Kysely, sql, SqliteDialect } from "kysely";
import { Migrator } from "kysely/migration";
import type { CompiledQuery } from "kysely";
import { noMetrics } from "../ports-metrics.ts";
import type { Metrics } from "../ports-metrics.ts";
import type { Committed, Store } from "../ports-store.ts";
import { ensurePrivateFile } from "./data-dir.ts";
import { createGroupCommit } from "./group-commit.ts";
import { healthOf } from "./health.ts";
import { migrationsFor } from "./migrations.ts";
import { SQLITE_NEWS } from "./news-position.ts";
import { onNewsOf, readsOn, tell, writesOn } from "./queries.ts";
import type { Database } from "./schema.ts";
import { copySqlite } from "./sqlite-copy.ts";
import { createScrubber } from "./sqlite-scrub.ts";
import type { Executor } from "./statements.ts";

/**
 * The embedded store: one SQLite file in WAL mode, one writer whose units of work share commits, one reader beside it.
 *
 * Durability is asked for and then read back (reliability.md, Traps: Store): better-sqlite3 is compiled so that WAL turns
 * `synchronous` to NORMAL, under which an acknowledged commit can vanish with the power.
 *
 * @param file path of the database; made when absent, for its owner alone
 * @throws Error when the file cannot be opened, migrated, or set to be durable
 */
export async function openSqliteStore(
  file: string,
  { metrics = noMetrics }: { readonly metrics?: Pick<Metrics, "committed"> } = {},
): Promise<Store> {
  ensurePrivateFile(file);
  const writer = new BetterSqlite(file);
  makeDurable(writer);
  await migrate(writer);
  assertDurable(writer);
  const reader = new BetterSqlite(file, { readonly: true });
  reader.pragma("busy_timeout = 5000");
  for (const db of [writer, reader]) lowerAllScripts(db);

  const listeners = new Set<(what: Committed) => void>();
  const { tx, owners, touched } = writesOn(executor(writer));
  const commits = createGroupCommit(writer, (units, seconds) => {
    metrics.committed(units, seconds);
    const what = touched.taken();
    for (const listener of listeners) tell(listener, what);
  });
  const scrubber = createScrubber(file, { writer, reader, commits });
  return {
    read: readsOn(executor(reader)),
    write: (work) =>
      commits.run(() => {
        // Units run one after the other, and what one of them has read is no proof for the next.
        owners.clear();
        return work(tx);
      }),
    onCommitted(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    onNews: (listener, workspaceId) => onNewsOf(listeners, listener, workspaceId),
    scrub: () => scrubber.scrub(),
    async backup(to) {
      await copySqlite(file, to);
    },
    health: (withinMs) => healthOf(file, withinMs),
    async close() {
      await commits.close();
      reader.close();
      writer.close();
      scrubber.close();
    },
  };
}

const DURABLE = {
  journal_mode: "wal",
  synchronous: 2,
  busy_timeout: 5_000,
  foreign_keys: 1,
  secure_delete: 1,
} as const;

function makeDurable(db: BetterSqlite.Database): void {
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = FULL");
  db.pragma("busy_timeout = 5000");
  db.pragma("foreign_keys = ON");
  db.pragma("secure_delete = ON");
  // Keys that bots choose land anywhere in their index: with a million of them the default of 16 MB reads from disk.
  db.pragma("cache_size = -65536");
  // Each unit's savepoint keeps the pages as they were: in memory, since from 64 KB on they would go to a file.
  db.pragma("temp_store = MEMORY");
  // A page that is written again and again goes into the database once per checkpoint: 16 MB of log instead of 4.
  db.pragma("wal_autocheckpoint = 4000");
  // A backup's long read keeps the log from being moved: what it grew to meanwhile is given back afterwards.
  db.pragma("journal_size_limit = 67108864");
}

/** After the first write: before it, a fresh file reports FULL whatever is in force. */
function assertDurable(db: BetterSqlite.Database): void {
  for (const [name, wanted] of Object.entries(DURABLE)) {
    const found: unknown = db.pragma(name === "busy_timeout" ? "busy_timeout" : name, { simple: true });
    if (found !== wanted)
      throw new Error(
        `SQLite does not keep ${name}=${wanted} (it says ${String(found)}): the data would not be safe here`,
      );
  }
}

/** SQLite's own `lower` knows the letters A to Z only: nobody would find Ștefan. */
function lowerAllScripts(db: BetterSqlite.Database): void {
  db.function("lower", { deterministic: true }, (text) => (typeof text === "string" ? text.toLowerCase() : text));
}

/** In one transaction, which Kysely leaves out on SQLite: a start that dies half-way must not leave half a schema. */
async function migrate(db: BetterSqlite.Database): Promise<void> {
  const kysely = new Kysely<Database>({ dialect: new SqliteDialect({ database: db }) });
  const migrator = new Migrator({
    db: kysely,
    provider: { getMigrations: () => Promise.resolve(migrationsFor("sqlite")) },
  });
  db.exec("BEGIN IMMEDIATE");
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) {
    db.exec("COMMIT");
    return;
  }
  if (db.inTransaction) db.exec("ROLLBACK");
  throw new Error("The database could not be migrated", { cause: error });
}

function executor(database: BetterSqlite.Database): Executor {
  const prepared = new Map<string, BetterSqlite.Statement>();
  const prepare = (query: CompiledQuery): BetterSqlite.Statement => {
    const known = prepared.get(query.sql);
    if (known) return known;
    const made = database.prepare(query.sql);
    // Lists with many filters have many shapes; the shapes of the request path are few.
    if (prepared.size > 500) prepared.clear();
    prepared.set(query.sql, made);
    return made;
  };
  return {
    db: new Kysely<Database>({ dialect: new SqliteDialect({ database }) }),
    forUpdate: false,
    jsonText: (column, key) => sql<string | null>`${sql.ref(column)} ->> ${sql.lit(key)}`,
    lower: (text) => sql<string>`lower(${text})`,
    ...SQLITE_NEWS,
    lock: () => Promise.resolve(),
    // Promises although SQLite answers at once: the same queries run on PostgreSQL.
    all: async <Row>(query: CompiledQuery<Row>, parameters: readonly unknown[]) =>
      prepare(query).all(...parameters) as Row[],
    run: async (query, parameters) => prepare(query).run(...parameters).changes,
  };
}
