import { createHash } from "node:crypto";
import BetterSqlite from "better-sqlite3";
import type { Client } from "pg";
import { BatonError } from "../domain/errors.ts";
import { cleanText } from "../domain/clean-text.ts";
import { withPreparedDatabase } from "./postgres-migrate.ts";
import { POSTGRES_TIMING } from "./postgres-pool.ts";

/** Nothing was moved: the target is as it was. */
export class MoveError extends BatonError {
  override readonly name = "MoveError";
  readonly code: "target_in_use" | "target_unlike";

  constructor(code: MoveError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

export interface MoveOptions {
  /** Of the master secrets under which the store was filled, the one in force first. */
  readonly fingerprints: readonly string[];
  readonly onProgress?: (done: { readonly table: string; readonly rows: number }) => void;
}

/** Rows moved, by table. */
export type Moved = Readonly<Record<string, number>>;

/** Rows of one statement; a message can be 100 kB long, so not too many. */
const BATCH = 500;
/** PostgreSQL's own: they belong to the processes on it, not to what is stored. */
const NOT_MOVED: ReadonlySet<string> = new Set(["unit_marks", "facts"]);

/**
 * Moves all of a SQLite store that nobody uses, and whose tables are those of this release, into an empty PostgreSQL database: every
 * row of every table, in one transaction, which is read back and compared with the source before it is committed. No server begins
 * to work on the database meanwhile.
 *
 * @param file the SQLite store; left as it is
 * @throws MoveError, DatabaseError
 */
export async function moveStore(file: string, url: string, options: MoveOptions): Promise<Moved> {
  const source = new BetterSqlite(file, { readonly: true, fileMustExist: true });
  try {
    return await withPreparedDatabase(url, POSTGRES_TIMING, async (target) => {
      const tables = await tablesOf(target);
      await refuseUnlike(source, target, tables);
      await target.query("begin");
      const moved: Record<string, number> = {};
      for (const table of tables) {
        moved[table.name] = await moveTable(source, target, table);
        options.onProgress?.({ table: table.name, rows: moved[table.name] ?? 0 });
      }
      for (const table of tables) await compare(source, target, table);
      await countOn(target);
      await target.query("delete from facts where name = 'secret'");
      await target.query("insert into facts (name, value) values ('secret', $1)", [options.fingerprints[0]]);
      await target.query("commit");
      await target.query("analyze");
      return moved;
    });
  } finally {
    source.close();
  }
}

interface Table {
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

/** Those that others refer to come first. */
async function tablesOf(target: Client): Promise<readonly Table[]> {
  const { rows } = await target.query<{ name: string; column: string; type: string }>(
    `select c.relname as name, a.attname as column, format_type(a.atttypid, null) as type
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace and c.relname not like 'kysely%'
     order by c.relname, a.attnum`,
  );
  const refers = await target.query<{ from: string; to: string }>(
    "select conrelid::regclass::text as from, confrelid::regclass::text as to from pg_constraint where contype = 'f'",
  );
  const names = [...new Set(rows.map((row) => row.name))].filter((name) => !NOT_MOVED.has(name));
  const inOrder: string[] = [];
  const add = (name: string) => {
    if (inOrder.includes(name)) return;
    for (const { from, to } of refers.rows) if (from === name && to !== name) add(to);
    inOrder.push(name);
  };
  for (const name of names) add(name);
  return inOrder.map((name) => ({
    name,
    columns: rows.filter((row) => row.name === name).map((row) => ({ name: row.column, type: row.type })),
  }));
}

const columnsIn = (source: BetterSqlite.Database, table: string): readonly string[] =>
  source
    .prepare<[string], { name: string }>("select name from pragma_table_info(?)")
    .all(table)
    .map(({ name }) => name);

const tablesIn = (source: BetterSqlite.Database): readonly string[] =>
  source
    .prepare<[], { name: string }>(
      "select name from sqlite_schema where type = 'table' and name not like 'sqlite\\_%' escape '\\' and name not like 'kysely\\_%' escape '\\'",
    )
    .all()
    .map(({ name }) => name);

/** Tables with their columns, in words that can be compared. */
const portrait = (all: readonly (readonly [string, readonly string[]])[]) =>
  all.map(([name, columns]) => `${name} (${columns.toSorted().join(", ")})`).toSorted();

async function refuseUnlike(source: BetterSqlite.Database, target: Client, tables: readonly Table[]): Promise<void> {
  const from = portrait(tablesIn(source).map((name) => [name, columnsIn(source, name)]));
  const to = portrait(tables.map(({ name, columns }) => [name, columns.map((column) => column.name)]));
  const unlike = [...from.filter((one) => !to.includes(one)), ...to.filter((one) => !from.includes(one))];
  if (unlike.length > 0)
    throw new MoveError(
      "target_unlike",
      `The tables are not the same in both: ${unlike.join("; ")}. Nothing was moved.`,
    );
  for (const { name } of tables) {
    const { rowCount } = await target.query(`select 1 from "${name}" limit 1`);
    if (rowCount !== 0)
      throw new MoveError(
        "target_in_use",
        `The database is not empty (there is something in ${name}): make a new one (createdb) and name that. Nothing was moved.`,
      );
  }
}

async function moveTable(source: BetterSqlite.Database, target: Client, table: Table): Promise<number> {
  const columns = table.columns.map(({ name }) => `"${name}"`).join(", ");
  const arrays = table.columns.map(({ type }, n) => `$${n + 1}::${type}[]`).join(", ");
  const statement = `insert into "${table.name}" (${columns}) select * from unnest(${arrays})`;
  let count = 0;
  for (const rows of batches(valuesOf(source, table))) {
    await target.query(
      statement,
      table.columns.map((_, n) => rows.map((row) => row[n])),
    );
    count += rows.length;
  }
  return count;
}

type Value = string | number | null;

/** News stand at their own number in SQLite, and at their transaction's in PostgreSQL, where new ones come after those that are there. */
const valueOf = (table: string, column: string): string =>
  table === "news" && column === "pos" ? 'coalesce("pos", "n")' : `"${column}"`;

function* valuesOf(source: BetterSqlite.Database, { name, columns }: Table): Generator<Value[]> {
  const values = columns.map((column) => valueOf(name, column.name)).join(", ");
  const select = source.prepare(`select ${values} from "${name}"`).raw();
  for (const row of select.iterate())
    yield (row as Value[]).map((one) => (typeof one === "string" ? cleanText(one) : one));
}

function* batches<Row>(rows: Iterable<Row>): Generator<Row[]> {
  let batch: Row[] = [];
  for (const row of rows) {
    batch.push(row);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** What was stored is read back: as many rows, with the same values in them, whatever their order. */
async function compare(source: BetterSqlite.Database, target: Client, table: Table): Promise<void> {
  const wanted = createSum();
  for (const row of valuesOf(source, table)) wanted.add(row);
  const found = createSum();
  const columns = table.columns.map(({ name }) => `"${name}"`).join(", ");
  await target.query(`declare moved no scroll cursor for select ${columns} from "${table.name}"`);
  for (;;) {
    const { rows } = await target.query<Value[]>({ text: `fetch ${BATCH} from moved`, rowMode: "array" });
    for (const row of rows) found.add(row);
    if (rows.length < BATCH) break;
  }
  await target.query("close moved");
  if (found.told() !== wanted.told())
    throw new MoveError(
      "target_unlike",
      `What PostgreSQL holds in ${table.name} (${found.told()}) is not what was sent (${wanted.told()}). Nothing was moved.`,
    );
}

/** Adds up the hashes of rows. */
function createSum() {
  let count = 0;
  let sum = 0n;
  return {
    add(row: readonly Value[]) {
      count += 1;
      sum += createHash("sha256").update(JSON.stringify(row)).digest().readBigUInt64BE();
    },
    told: () => `${count} rows, sum ${(sum % 2n ** 64n).toString(16)}`,
  };
}

/** Numbers that the database gives go on after those that were moved. */
async function countOn(target: Client): Promise<void> {
  const { rows } = await target.query<{ sequence: string; table: string; column: string }>(
    `select pg_get_serial_sequence(quote_ident(c.relname), a.attname) as sequence, c.relname as table, a.attname as column
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace
       and pg_get_serial_sequence(quote_ident(c.relname), a.attname) is not null`,
  );
  for (const { sequence, table, column } of rows)
    await target.query(`select setval($1, coalesce((select max("${column}") from "${table}"), 0) + 1, false)`, [
      sequence,
    ]);
}
