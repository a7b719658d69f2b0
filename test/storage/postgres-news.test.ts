import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { NEWS_KINDS } from "../../src/ports-news.ts";
import type { Store } from "../../src/ports-store.ts";
import { openPostgresStore } from "../../src/storage/postgres-store.ts";
import { newsItem, workspace } from "../contracts/store-samples.ts";
import { eventually } from "../stories/world.ts";
import { freshDatabase, missingPostgres, PATIENT } from "./postgres.ts";
import type { FreshDatabase } from "./postgres.ts";

const missing = await missingPostgres();
const PATIENCE_MS = 20_000;
const small = { connections: { units: 4, reads: 1 }, timing: PATIENT };
const ask = { kinds: NEWS_KINDS, limit: 7 };

/** A session of somebody else's in which a transaction has a number and does not end. */
async function lingering(url: string): Promise<() => Promise<void>> {
  const client = new Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  onTestFinished(() => client.end());
  await client.query("begin");
  await client.query("select pg_current_xact_id()");
  return async () => void (await client.query("commit"));
}

async function writeOften(store: Store, name: string): Promise<void> {
  for (let n = 0; n < 20; n += 1)
    await store.write(async (tx) => {
      await tx.addNews("ws_a", [newsItem(`${name}-${n}`)]);
      // The later a unit began, the sooner it may end.
      await sleep(Math.random() * 12);
    });
}

describe.skipIf(missing !== undefined)("news on PostgreSQL", () => {
  let database: FreshDatabase;
  let stores: [Store, Store];
  beforeAll(async () => {
    database = await freshDatabase();
    stores = [await openPostgresStore(database.url, small), await openPostgresStore(database.url, small)];
  });
  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await database.drop();
  });
  beforeEach(async () => {
    await database.empty();
    await stores[0].write((tx) => tx.createWorkspace(workspace("ws_a")));
  });

  const position = async () => (await stores[0].read.news("ws_a", { after: null, ...ask })).position;
  /** All that is told after it, as far as it goes now. */
  async function after(start: number): Promise<{ ids: string[]; position: number }> {
    const ids: string[] = [];
    for (let at = start; ;) {
      const page = await stores[1].read.news("ws_a", { after: at, ...ask });
      expect(page.isIncomplete).toBe(false);
      ids.push(...page.items.map(({ id }) => id));
      at = page.position;
      if (page.items.length === 0) return { ids, position: at };
    }
  }

  /** What is told after it once something is. */
  const soon = (start: number) =>
    eventually(async () => {
      const { ids } = await after(start);
      return ids.length > 0 && ids;
    }, PATIENCE_MS);

  test("of many units that overlap, in two processes, each is told once", async () => {
    const start = await position();
    const told: string[] = [];
    let at = start;
    const reading = (async () => {
      while (told.length < 160) {
        const page = await after(at);
        told.push(...page.ids);
        at = page.position;
        await sleep(1);
      }
    })();
    const writers = stores.flatMap((store, at_) => [0, 1, 2, 3].map((n) => writeOften(store, `${at_}${n}`)));
    await Promise.all(writers);
    // Should one be missed, this would go on for ever: the test's time ends it.
    await reading;
    expect(told).toHaveLength(160);
    expect(new Set(told).size).toBe(160);
    for (const name of ["00", "03", "12"]) {
      const own = told.filter((id) => id.startsWith(`${name}-`));
      expect(own).toEqual(Array.from({ length: 20 }, (_, n) => `${name}-${n}`));
    }
  }, 120_000);

  test("wait for an older unit that still runs, and say that there are some", async () => {
    const start = await position();
    const end = await lingering(database.url);
    await stores[0].write((tx) => tx.addNews("ws_a", [newsItem("hnd_1")]));
    const page = await stores[1].read.news("ws_a", { after: start, ...ask });
    expect([page.items, page.hasMore]).toEqual([[], true]);
    await end();
    expect(await soon(start)).toEqual(["hnd_1"]);
  });

  test("do not wait for what goes on in other databases of the server", async () => {
    const other = new URL(database.url);
    other.pathname = "/postgres";
    const start = await position();
    await lingering(other.href);
    await stores[0].write((tx) => tx.addNews("ws_a", [newsItem("hnd_1")]));
    expect(await soon(start)).toEqual(["hnd_1"]);
  });

  test("go on after those of a dump that came from another server", async () => {
    await stores[0].write((tx) => tx.addNews("ws_a", [newsItem("hnd_1")]));
    await database.query("update news set pos = pos + 1000000");
    const [row] = await database.query<{ pos: string }>("select pos from news");
    const last = Number(row!.pos);
    const restored = await openPostgresStore(database.url, small);
    onTestFinished(() => restored.close());
    await restored.write((tx) => tx.addNews("ws_a", [newsItem("hnd_2")]));
    expect(await soon(last)).toEqual(["hnd_2"]);
  });
});
