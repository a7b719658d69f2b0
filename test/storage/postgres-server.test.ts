import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { HandoffError } from "../../src/domain/errors.ts";
import type { Store } from "../../src/ports-store.ts";
import { openPostgresStore } from "../../src/storage/postgres-store.ts";
import type { PostgresOptions } from "../../src/storage/postgres-store.ts";
import { addShop, conversation, handoff, workspace } from "../contracts/store-samples.ts";
import { freshDatabase, missingPostgres } from "./postgres.ts";
import type { FreshDatabase } from "./postgres.ts";
import { serverPrograms, startServer } from "./postgres-server.ts";
import type { OwnServer } from "./postgres-server.ts";

/** How a PostgreSQL store begins: what it makes ready, what it refuses, and how it lives through the server's own restarts. */

const missing = await missingPostgres();
const programs = serverPrograms();
const small = { connections: { units: 4, reads: 2 } };

async function open(url: string, options: PostgresOptions = {}): Promise<Store> {
  const store = await openPostgresStore(url, { ...small, ...options });
  onTestFinished(() => store.close());
  return store;
}

async function fresh(more = ""): Promise<FreshDatabase> {
  const database = await freshDatabase(more);
  onTestFinished(() => database.drop());
  return database;
}

describe.skipIf(missing !== undefined)("a database", () => {
  test("is made ready once, by whoever comes first of several that start at the same moment", async () => {
    const database = await fresh();
    const stores = await Promise.all(Array.from({ length: 4 }, () => open(database.url)));
    await Promise.all(stores.map((store, n) => store.write((tx) => tx.createWorkspace(workspace(`ws_${n}`)))));
    expect(await stores[0]!.read.workspaces()).toHaveLength(4);
    const applied = await database.query<{ name: string }>("select name from kysely_migration order by name");
    expect(applied[0]).toEqual({ name: "0001_main" });
    expect(new Set(applied.map((one) => one.name)).size).toBe(applied.length);
  });

  test("that a later release has changed is refused, and left as it is", async () => {
    const database = await fresh();
    await (await openPostgresStore(database.url, small)).close();
    await database.query("insert into kysely_migration values ('9999_later', '2030-01-01T00:00:00Z')");
    await expect(open(database.url)).rejects.toThrow(/later release .*9999_later/);
    expect(await database.query("select 1 from kysely_migration where name = '9999_later'")).toHaveLength(1);
  });

  test("that was filled under another master secret is refused; a rotation goes through both", async () => {
    const database = await fresh();
    const opens = async (...fingerprints: string[]) =>
      (await openPostgresStore(database.url, { ...small, fingerprints })).close();
    await opens("old");
    await expect(opens("other")).rejects.toThrow(/another master secret.*BATON_SECRET/s);
    await opens("new", "old");
    await opens("new");
    await expect(opens("old")).rejects.toThrow(/another master secret/);
  });

  test.each(["off"])("with synchronous_commit=%s is refused", async (value) => {
    const database = await fresh();
    await database.query(`alter database ${new URL(database.url).pathname.slice(1)} set synchronous_commit = ${value}`);
    await expect(open(database.url)).rejects.toThrow(/synchronous_commit=off/);
  });

  test.each(["local", "remote_write", "on"])("with synchronous_commit=%s is taken", async (value) => {
    const database = await fresh();
    await database.query(`alter database ${new URL(database.url).pathname.slice(1)} set synchronous_commit = ${value}`);
    expect(await (await open(database.url)).read.workspaces()).toEqual([]);
  });

  test("that cannot hold all text is refused", async () => {
    const database = await fresh("encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'");
    await expect(open(database.url)).rejects.toThrow(/LATIN1.*createdb --encoding=UTF8/s);
  });

  test("that is not there is named as what is wrong", async () => {
    const database = await fresh();
    const url = new URL(database.url);
    url.pathname = "/baton_nobody_made_this";
    await expect(open(url.href)).rejects.toThrow(/DATABASE_URL does not exist/);
  });

  test.each([
    ["knows no letters but A to Z", "lc_collate 'C' lc_ctype 'C'"],
    ["sorts as a language does", "locale_provider icu icu_locale 'en-US'"],
  ])("that %s: names are found in all scripts, and lists go by bytes", async (_what, locale) => {
    const database = await fresh(locale);
    const store = await open(database.url);
    await store.write((tx) => addShop(tx, "a"));
    const names = ["Ștefan Țepeș", "ÅSA", "Ольга", "ΣΟΦΊΑ", "Ana \u0000\ud800 null"];
    await store.write(async (tx) => {
      for (const [n, name] of names.entries()) {
        const id = `cnv_${n}`;
        const visitor = { id: null, name, email: null, phone: null, attributes: { odd: "\u0000\udfff" } };
        await tx.createConversation(conversation("ws_a", id, { visitor }));
        await tx.createHandoff(handoff("ws_a", id, ["hnd_B", "hnd_a1", "hnd_C", "hnd_c", "hnd_-"][n]!));
      }
    });
    const found = async (text: string) =>
      (await store.read.handoffs("ws_a", { limit: 10, text })).items.map((one) => one.id);
    expect(await found("ștefan ȚEPEȘ")).toEqual(["hnd_B"]);
    expect(await found("åsa")).toEqual(["hnd_a1"]);
    expect(await found("ОЛЬГА")).toEqual(["hnd_C"]);
    expect(await found("σοφία")).toEqual(["hnd_c"]);
    expect(await found("null")).toEqual(["hnd_-"]);
    const { items } = await store.read.handoffs("ws_a", { limit: 10 });
    expect(items.map((one) => one.id)).toEqual(["hnd_c", "hnd_a1", "hnd_a", "hnd_C", "hnd_B", "hnd_-"]);
  });

  test("says how large it is, and who copies it", async () => {
    const store = await open((await fresh()).url);
    const { damage, dataBytes } = await store.health(1_000);
    expect(damage).toBe("unknown");
    expect(dataBytes).toBeGreaterThan(1_000_000);
    await expect(store.backup("/nowhere")).rejects.toThrow(/pg_dump/);
  });
});

/** Writes one workspace after the other, keeps what was acknowledged, and what was refused. */
function writing(store: Store) {
  const acknowledged: string[] = [];
  const refused: unknown[] = [];
  const state = { isOver: false };
  const one = async (line: number) => {
    for (let n = 0; !state.isOver; n += 1) {
      const id = `ws_${line}_${n}`;
      await store
        .write((tx) => tx.createWorkspace(workspace(id)))
        .then(
          () => acknowledged.push(id),
          (error: unknown) => refused.push(error),
        );
    }
  };
  const lines = Promise.all([1, 2, 3, 4, 5, 6].map(one));
  return {
    acknowledged,
    refused,
    async end() {
      state.isOver = true;
      await lines;
    },
  };
}

describe.skipIf(missing !== undefined || programs === null)("a server of its own", () => {
  let server: OwnServer;
  beforeAll(async () => {
    server = await startServer(programs!);
  }, 120_000);
  afterAll(() => server.remove());

  test.each(["fast", "immediate"] as const)(
    "stopped (%s) and started again while units run: what was acknowledged is there, once, and work goes on",
    async (how) => {
      const database = await freshDatabase("", server.url);
      const store = await open(database.url);
      const work = writing(store);
      await expect.poll(() => work.acknowledged.length, { timeout: 20_000 }).toBeGreaterThan(20);
      for (let round = 0; round < 2; round += 1) {
        await server.stop(how);
        await server.start();
        const before = work.acknowledged.length;
        await expect.poll(() => work.acknowledged.length, { timeout: 20_000 }).toBeGreaterThan(before + 5);
      }
      await work.end();
      const stored = new Set((await store.read.workspaces()).map((one) => one.id));
      expect(work.acknowledged.filter((id) => !stored.has(id))).toEqual([]);
      expect(new Set(work.acknowledged).size).toBe(work.acknowledged.length);
      for (const error of work.refused) expect(error).toMatchObject({ code: "storage_unavailable", status: 503 });
      expect(work.refused.every((error) => error instanceof HandoffError)).toBe(true);
    },
    120_000,
  );

  test("that is just starting is waited for", async () => {
    const database = await freshDatabase("", server.url);
    await server.stop("fast");
    const opening = open(database.url, { startWithinMs: 60_000 });
    await server.start();
    expect(await (await opening).read.workspaces()).toEqual([]);
  }, 120_000);
});

test.skipIf(programs === null)(
  "a server with fsync=off is refused",
  async () => {
    const server = await startServer(programs!, ["fsync=off"]);
    onTestFinished(() => server.remove());
    await expect(open(server.url)).rejects.toThrow(/fsync=off/);
  },
  120_000,
);
