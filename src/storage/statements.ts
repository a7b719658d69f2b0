import type { CompiledQuery, Kysely, RawBuilder } from "kysely";
import type { NewsPosition } from "./news-position.ts";
import type { Database } from "./schema.ts";

/**
 * What a store's queries run on: one connection of SQLite or PostgreSQL. `db` builds and types queries; they are run here,
 * so that a query of fixed shape is compiled once and prepared once, which the request path needs.
 */
export interface Executor extends NewsPosition {
  readonly db: Kysely<Database>;
  readonly forUpdate: boolean;
  /** The text under `key` in a column of JSON text. */
  jsonText(column: string, key: string): RawBuilder<string | null>;
  /** The text in small letters, of whatever script. */
  lower(text: RawBuilder<string | null>): RawBuilder<string>;
  /** Waits for every other unit that holds `name`, and holds it until the commit. Nothing where units never run side by side. */
  lock(name: string): Promise<void>;
  all<Row>(query: CompiledQuery<Row>, parameters: readonly unknown[]): Promise<Row[]>;
  /** The number of rows changed. */
  run(query: CompiledQuery, parameters: readonly unknown[]): Promise<number>;
}

interface Compilable<Row> {
  compile(): CompiledQuery<Row>;
}

/** Stands for a value while a query is compiled. */
class Slot {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

interface Plan<Row> {
  readonly query: CompiledQuery<Row>;
  /** A slot's name, or a constant of the query. */
  readonly parameters: readonly unknown[];
}

/** A query of fixed shape with named values. */
export interface Statement<Values extends object, Row> {
  all(on: Executor, values: Values): Promise<Row[]>;
  first(on: Executor, values: Values): Promise<Row | null>;
  /** The number of rows changed. */
  run(on: Executor, values: Values): Promise<number>;
}

/**
 * Compiles `build` once per database. Inside it `slots` gives a stand-in for each named value; nothing else may depend on
 * the values, which is why they are not there yet.
 */
export function statement<Values extends object, Row = unknown>(
  build: (db: Kysely<Database>, slots: Values) => Compilable<Row>,
): Statement<Values, Row> {
  const plans = new WeakMap<Kysely<Database>, Plan<Row>>();
  const planFor = (db: Kysely<Database>): Plan<Row> => {
    const known = plans.get(db);
    if (known) return known;
    const slots = new Proxy({} as Values, { get: (_target, name) => new Slot(String(name)) });
    const query = build(db, slots).compile();
    const plan = { query, parameters: query.parameters };
    plans.set(db, plan);
    return plan;
  };
  const bind = (plan: Plan<Row>, values: Values): unknown[] =>
    plan.parameters.map((one) => (one instanceof Slot ? (values as Record<string, unknown>)[one.name] : one));
  return {
    all(on, values) {
      const plan = planFor(on.db);
      return on.all(plan.query, bind(plan, values));
    },
    async first(on, values) {
      const plan = planFor(on.db);
      const rows = await on.all(plan.query, bind(plan, values));
      return rows[0] ?? null;
    },
    run(on, values) {
      const plan = planFor(on.db);
      return on.run(plan.query, bind(plan, values));
    },
  };
}

/** `{a: slots.a, b: slots.b}` for the named columns: what `insertInto().values()` wants. */
export function slotsOf<Values extends object>(slots: Values, columns: readonly (keyof Values & string)[]): Values {
  return Object.fromEntries(columns.map((column) => [column, slots[column]])) as Values;
}

/** Rows of one `insert`; more of them go in several. SQLite takes 32,766 parameters a statement. */
const MOST_ROWS = 50;

/**
 * Adds rows by as few statements as there can be: each count of rows is a statement of its own, compiled once.
 *
 * @param columns those that are set; the rest gets its default
 */
export function insertMany<Row extends object>(
  table: keyof Database,
  columns: readonly (keyof Row & string)[],
): (on: Executor, rows: readonly Row[]) => Promise<void> {
  const plans = new WeakMap<Kysely<Database>, Map<number, CompiledQuery>>();
  const planFor = (db: Kysely<Database>, count: number): CompiledQuery => {
    const byCount = plans.get(db) ?? new Map<number, CompiledQuery>();
    plans.set(db, byCount);
    const known = byCount.get(count);
    if (known) return known;
    const row = Object.fromEntries(columns.map((column) => [column, new Slot(column)]));
    const made = db
      .insertInto(table)
      .values(Array.from({ length: count }, () => row))
      .compile();
    byCount.set(count, made);
    return made;
  };
  return async (on, rows) => {
    for (let from = 0; from < rows.length; from += MOST_ROWS) {
      const some = rows.slice(from, from + MOST_ROWS);
      await on.run(
        planFor(on.db, some.length),
        some.flatMap((row) => columns.map((column) => row[column])),
      );
    }
  };
}

/** Runs a query whose shape depends on its values. */
export async function all<Row>(on: Executor, query: Compilable<Row>): Promise<Row[]> {
  const compiled = query.compile();
  return await on.all(compiled, compiled.parameters);
}

/** Runs a change whose shape depends on its values. Gives the number of rows changed. */
export async function run(on: Executor, query: Compilable<unknown>): Promise<number> {
  const compiled = query.compile();
  return await on.run(compiled, compiled.parameters);
}
