import { afterAll } from "vitest";
import { freshDatabase } from "./postgres.ts";
import type { FreshDatabase } from "./postgres.ts";

/** Databases for worlds on PostgreSQL. One that a world gives back serves the next: to make one takes longer than most stories. */
const made: FreshDatabase[] = [];
const free: FreshDatabase[] = [];
afterAll(async () => {
  free.length = 0;
  await Promise.all(made.splice(0).map((one) => one.drop()));
});

export interface WorldDatabase {
  readonly url: string;
  /** Every row of every table. */
  dump(): Promise<string>;
  giveBack(): Promise<void>;
}

export async function emptyDatabase(): Promise<WorldDatabase> {
  const database = free.pop() ?? (await freshDatabase());
  if (!made.includes(database)) made.push(database);
  return {
    url: database.url,
    async dump() {
      const tables = await database.query<{ name: string }>(
        "select tablename as name from pg_tables where schemaname = 'public'",
      );
      const dumps = await Promise.all(
        tables.map(({ name }) => database.query<{ row: string }>(`select t::text as row from "${name}" t`)),
      );
      return dumps
        .flat()
        .map(({ row }) => row)
        .join("\n");
    },
    async giveBack() {
      await database.empty();
      free.push(database);
    },
  };
}
