import { PostgresAdapter, DummyDriver, Kysely, PostgresIntrospector, PostgresQueryCompiler, sql } from "kysely";
import type { CompiledQuery } from "kysely";
import { Pool, types } from "pg";
import type { ClientConfig, QueryConfig, QueryResult } from "pg";
import { cleanText } from "../domain/clean-text.ts";
import { POSTGRES_NEWS } from "./news-position.ts";
import type { Database } from "./schema.ts";
import type { Executor } from "./statements.ts";

/** Times in milliseconds. A database that is away is told to the caller within two seconds; one that is slow is waited for. */
export interface PostgresTiming {
  /** How long a unit, or a question, waits for its turn while others have all connections. */
  readonly lineMs: number;
  /** Until a connection is made. */
  readonly connectMs: number;
  /** After so long the server gives up waiting for a row that another unit holds. */
  readonly lockMs: number;
  /** After so long the server ends a statement of a unit, which may hold rows that others wait for. */
  readonly statementMs: number;
  /** The same for a question, which holds nothing: a search through everything takes its time. */
  readonly questionMs: number;
  /** A statement that takes longer makes us ask whether the server is there at all. */
  readonly pulseAfterMs: number;
  /** And so long that may take. */
  readonly pulseWithinMs: number;
  /** Until a commit is answered; then what became of it is asked on another connection. */
  readonly commitMs: number;
  /** Until when an attempt may be begun anew. */
  readonly patienceMs: number;
  /** After so long in the middle of a unit the server undoes it: a frozen process must not hold rows. */
  readonly idleUnitMs: number;
}

export const POSTGRES_TIMING: PostgresTiming = {
  lineMs: 1_900,
  connectMs: 1_000,
  lockMs: 1_400,
  statementMs: 5_000,
  questionMs: 15_000,
  pulseAfterMs: 1_000,
  pulseWithinMs: 700,
  commitMs: 1_300,
  patienceMs: 900,
  idleUnitMs: 5_000,
};

/** Added to the server's own limit: it is to speak first. */
const LAST_WORD_MS = 1_000;

/** Numbers that SQLite gives as numbers: counters, times and sums are far below 2^53. */
const INT8 = 20;
const NUMERIC = 1700;
const numbers = {
  getTypeParser: ((oid: number, format?: "text" | "binary") =>
    oid === INT8 || oid === NUMERIC ? Number : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
};

/** @param statementMs after so long the server ends a statement */
export function clientConfig(
  url: string,
  timing: PostgresTiming,
  statementMs: number = timing.statementMs,
): ClientConfig {
  return {
    connectionString: url,
    application_name: "baton",
    keepAlive: true,
    connectionTimeoutMillis: timing.connectMs,
    statement_timeout: statementMs,
    lock_timeout: timing.lockMs,
    query_timeout: statementMs + LAST_WORD_MS,
    idle_in_transaction_session_timeout: timing.idleUnitMs,
    types: numbers,
  };
}

/** Connections to one database. What breaks while nobody uses it is heard and dropped; the next caller gets a new one. */
export function createPool(
  url: string,
  timing: PostgresTiming,
  { size, statementMs }: { readonly size: number; readonly statementMs: number },
): Pool {
  const pool = new Pool({ ...clientConfig(url, timing, statementMs), max: size, idleTimeoutMillis: 30_000 });
  pool.on("error", heard);
  // The pool stops listening while a connection is in use.
  pool.on("connect", (client) => void client.on("error", heard));
  return pool;
}

/** Unheard, it would end the process. Whoever uses the connection is told by the query. */
function heard(): void {
  // Nothing to do.
}

/** Builds queries and is never run: that is done on a connection, see {@link executorOn}. */
const builder = new Kysely<Database>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

/** What runs a statement: a connection, or something that finds one for it. */
export type Ask = (query: QueryConfig) => Promise<QueryResult>;

/**
 * @param collation by which all scripts have small letters; null: the database's own
 * @param wrote called after a statement that changed something
 */
export function executorOn(ask: Ask, collation: string | null, wrote: () => void = () => undefined): Executor {
  const send = (query: CompiledQuery, parameters: readonly unknown[]): Promise<QueryResult> =>
    ask({ ...nameOf(query), text: query.sql, values: parameters.map(clean) });
  return {
    db: builder,
    forUpdate: true,
    jsonText,
    lower: (text) =>
      collation === null ? sql<string>`lower(${text})` : sql<string>`lower((${text}) collate ${sql.id(collation)})`,
    ...POSTGRES_NEWS,
    async lock(name) {
      await ask({ name: "lock", text: "select pg_advisory_xact_lock(hashtextextended($1, 0))", values: [name] });
    },
    async all<Row>(query: CompiledQuery<Row>, parameters: readonly unknown[]) {
      const { rows } = await send(query, parameters);
      if (rows.length > 0 && query.query.kind !== "SelectQueryNode") wrote();
      return rows as Row[];
    },
    async run(query, parameters) {
      const changed = (await send(query, parameters)).rowCount ?? 0;
      if (changed > 0) wrote();
      return changed;
    },
  };
}

/** A query of fixed shape is the same object each time: from its second use on it has a name, and is prepared once a connection. */
const names = new WeakMap<CompiledQuery, string | null>();
let named = 0;
function nameOf(query: CompiledQuery): { name?: string } {
  const known = names.get(query);
  if (known === undefined) names.set(query, null);
  else if (known === null) names.set(query, `q${(named += 1)}`);
  const name = names.get(query);
  return typeof name === "string" ? { name } : {};
}

/** PostgreSQL takes no U+0000, and what is not well-formed has no bytes. Cleaned at the door already: this is the last line. */
const clean = (value: unknown): unknown => (typeof value === "string" ? cleanText(value) : value);

/**
 * The same two, written as escapes in JSON: PostgreSQL cannot make text of them, and one such row would end every search. The
 * first alternative steps over an escaped backslash, behind which `u0000` is plain text.
 */
const UNREADABLE = String.raw`(\\\\)|\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})`;
const jsonText: Executor["jsonText"] = (column, key) =>
  sql<
    string | null
  >`(regexp_replace(${sql.ref(column)}, ${sql.lit(UNREADABLE)}, '\\1', 'g'))::json ->> ${sql.lit(key)}`;
