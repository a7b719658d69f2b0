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
  giveBack(): Promise<void>;
}

export async function emptyDatabase(): Promise<WorldDatabase> {
  const database = free.pop() ?? (await freshDatabase());
  if (!made.includes(database)) made.push(database);
  return {
    url: database.url,
    async giveBack() {
      await database.empty();
      free.push(database);
    },
  };
}
