import { randomBytes } from "node:crypto";
import { Client } from "pg";

/** A PostgreSQL for tests: where it is, and a fresh database in it. */
const SERVER = process.env["BATON_TEST_POSTGRES"] ?? "postgres://root@127.0.0.1:5432/postgres";

/** Asked once: undefined when it is there, else why not. With CI=true a missing one is a failure. */
export async function missingPostgres(): Promise<string | undefined> {
  const client = new Client({ connectionString: SERVER, connectionTimeoutMillis: 5_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.end();
    return undefined;
  } catch (error) {
    const words = `PostgreSQL does not answer at ${SERVER}: these tests are skipped`;
    if (process.env["CI"] === "true") throw new Error(words, { cause: error });
    return words;
  }
}

/** For tests that are not about time: on a loaded machine everything takes as long as it takes. */
export const PATIENT = {
  lineMs: 60_000,
  connectMs: 20_000,
  lockMs: 20_000,
  statementMs: 20_000,
  questionMs: 20_000,
  pulseAfterMs: 20_000,
  pulseWithinMs: 20_000,
  commitMs: 25_000,
  idleUnitMs: 60_000,
} as const;

export interface FreshDatabase {
  readonly url: string;
  /** Rows of one statement, from beside every store. */
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** As it was when it was new, with every table empty. */
  empty(): Promise<void>;
  drop(): Promise<void>;
}

const EMPTY = `do $$ declare t text; begin
  for t in select format('delete from %I', tablename) from pg_tables
    where schemaname = 'public' and tablename not like 'kysely%' order by tablename = 'workspaces', tablename = 'members'
  loop execute t; end loop;
  alter sequence deliveries_n_seq restart;
end $$`;

/** @param more what follows CREATE DATABASE name, such as an encoding */
export async function freshDatabase(more = "", server = SERVER): Promise<FreshDatabase> {
  const name = `baton_test_${randomBytes(6).toString("hex")}`;
  await onServer(server, `create database ${name} template template0 ${more}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const query = async <Row extends object>(text: string, values: readonly unknown[] = []) => {
    const client = new Client({ connectionString: url.href });
    client.on("error", () => undefined);
    await client.connect();
    try {
      return (await client.query<Row>(text, [...values])).rows;
    } finally {
      await client.end();
    }
  };
  return {
    url: url.href,
    query,
    async empty() {
      await query(EMPTY);
    },
    drop: () => onServer(server, `drop database if exists ${name} with (force)`),
  };
}

async function onServer(server: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: server });
  client.on("error", () => undefined);
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
