import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import BetterSqlite from "better-sqlite3";
import * as fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { cleanText } from "../../src/domain/clean-text.ts";
import { runCommand } from "../../src/cli/program.ts";
import { loadMasterSecret } from "../../src/secrets/master-secret.ts";
import { lockDataDir } from "../../src/storage/data-dir.ts";
import { openPostgresStore } from "../../src/storage/postgres-store.ts";
import { openSqliteStore } from "../../src/storage/sqlite-store.ts";
import { addShop, at, conversation, delivery, event, message, webhook, workspace } from "../contracts/store-samples.ts";
import { PATIENT, freshDatabase, missingPostgres } from "./postgres.ts";
import type { FreshDatabase } from "./postgres.ts";

/** `baton migrate-store`: a stopped store moves into PostgreSQL, all of it, or not at all. */

const missing = await missingPostgres();

async function fresh(): Promise<FreshDatabase> {
  const database = await freshDatabase();
  onTestFinished(() => database.drop());
  return database;
}

/** A data directory as a server leaves it, with this many conversations of random words. */
async function dataDir(conversations: number, seed = 1): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "baton-move-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  loadMasterSecret({ secrets: [], dataDir: directory, isProduction: false });
  const store = await openSqliteStore(join(directory, "baton.db"));
  const texts = fc.sample(fc.string({ unit: "binary", maxLength: 40 }), { numRuns: conversations * 2, seed });
  await store.write(async (tx) => {
    await addShop(tx, "a");
    await addShop(tx, "b");
    await tx.recordWebhook(webhook("whk_1", "key", { body: '{"text":"\\u0000 \\ud800"}' }));
    await tx.storeAnswer("bot:bot_a", "key", { requestHash: "h", status: 201, body: "{}" }, at(3));
    await tx.createSignInLink({
      hash: "h",
      workspaceId: "ws_a",
      memberId: "mem_a",
      createdAt: at(0),
      expiresAt: at(9),
    });
    for (let n = 0; n < conversations; n += 1) {
      const id = `cnv_${n}`;
      const name = texts[n * 2]!;
      const visitor = { id: null, name, email: null, phone: null, attributes: { [name]: n } };
      await tx.createConversation(conversation("ws_a", id, { visitor, lastMessageSeq: 3 }));
      await tx.addMessages(
        "ws_a",
        [1, 2, 3].map((seq) => message(id, seq, { text: texts[n * 2 + 1]!, externalId: `x${seq}` })),
      );
      await tx.addEvents("ws_a", [event(id, 1, { data: { name } })]);
      await tx.addDeliveries([delivery("ws_a", `lane ${n % 7}`, { payload: { name } })], at(n));
    }
  });
  await store.write((tx) => tx.claimLane("lane 1", at(500), 10_000));
  await store.close();
  return directory;
}

async function baton(args: readonly string[], env: Record<string, string> = {}) {
  const [out, err] = [[] as string[], [] as string[]];
  const code = await runCommand(args, {
    env,
    input: Readable.from([]),
    out: (text) => out.push(text),
    fault: (text) => err.push(text),
  });
  return { code, out: out.join("\n"), err: err.join("\n") };
}

/** Every row of every table, as text, read past every store. */
function rowsOfSqlite(file: string): Record<string, string[]> {
  const db = new BetterSqlite(file, { readonly: true });
  try {
    const tables = db.prepare<[], { name: string }>("select name from sqlite_schema where type = 'table'").all();
    return Object.fromEntries(
      tables
        .filter(({ name }) => !/^(?:sqlite|kysely)_/.test(name))
        .map(({ name }) => [name, sorted(db.prepare(`select * from "${name}"`).all() as object[])]),
    );
  } finally {
    db.close();
  }
}

async function rowsOfPostgres(database: FreshDatabase): Promise<Record<string, string[]>> {
  const tables = await database.query<{ name: string }>(
    "select tablename as name from pg_tables where schemaname = 'public'",
  );
  const found: Record<string, string[]> = {};
  for (const { name } of tables)
    if (!/^(?:kysely_|unit_marks|facts)/.test(name))
      found[name] = sorted(await database.query(`select * from "${name}"`));
  return found;
}

/** In an order of their own, numbers as text, and text as it arrives (reliability.md P18). */
const sorted = (rows: readonly object[]): string[] =>
  rows
    .map((row) =>
      JSON.stringify(
        Object.entries(row)
          // Where news stand among others is each database's own.
          .filter(([column]) => column !== "pos")
          .map(([column, value]) => [column, value === null ? null : cleanText(String(value))])
          .toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
      ),
    )
    .toSorted((a, b) => (a < b ? -1 : 1));

describe.skipIf(missing !== undefined)("moving a store into PostgreSQL", () => {
  test("every row of every table is there, with its odd words, and work goes on behind it", async () => {
    const database = await fresh();
    const from = await dataDir(700);
    const before = rowsOfSqlite(join(from, "baton.db"));
    const moved = await baton(["migrate-store", "--to", database.url, "--from", from]);
    expect(moved).toMatchObject({ code: 0 });
    expect(moved.out).toContain("read back and found the same");
    const after = await rowsOfPostgres(database);
    expect(Object.keys(after).toSorted()).toEqual(Object.keys(before).toSorted());
    for (const [table, rows] of Object.entries(before)) expect([table, after[table]]).toEqual([table, rows]);
    expect(after["messages"]).toHaveLength(700 * 3 + 4);

    const store = await openPostgresStore(database.url, { timing: PATIENT });
    onTestFinished(() => store.close());
    await store.write((tx) => tx.addDeliveries([delivery("ws_a", "new lane")], at(900)));
    const { items } = await store.read.deliveries("ws_a", { limit: 1 });
    expect(items[0]).toMatchObject({ n: 707, lane: "new lane" });
    // The lane that was being sent when the server was stopped.
    const heir = await store.write((tx) => tx.claimLane("lane 1", at(600), 10_000));
    expect(heir?.delivery).toMatchObject({ mayHaveHappened: true });
  }, 120_000);

  test("the former store is kept under another name, so that no server goes on with it; a second time there is nothing to move", async () => {
    const from = await dataDir(1);
    const database = await fresh();
    expect((await baton(["migrate-store", "--to", database.url], { DATA_DIR: from })).code).toBe(0);
    expect(readdirSync(from)).toContain("baton.db.moved");
    expect(readdirSync(from)).not.toContain("baton.db");
    const again = await baton(["migrate-store", "--to", database.url], { DATA_DIR: from });
    expect(again).toMatchObject({ code: 1 });
    expect(again.err).toMatch(/have been moved already/);
  });

  test("the database belongs to the secret of the data that were moved", async () => {
    const database = await fresh();
    const from = await dataDir(1);
    expect((await baton(["migrate-store"], { DATA_DIR: from, DATABASE_URL: database.url })).code).toBe(0);
    const other = await baton(["workspace", "list"], {
      DATABASE_URL: database.url,
      DATA_DIR: join(from, "other"),
      BATON_SECRET: "k".repeat(16) + "0123456789abcdefghij",
    });
    expect(other.err).toMatch(/another master secret/);
    const same = await baton(["workspace", "list", "--json"], { DATABASE_URL: database.url, DATA_DIR: from });
    expect(same.err).toBe("");
    expect(same.out).toContain("ws_a");
  }, 60_000);

  test("while a server has the data, nothing is moved", async () => {
    const from = await dataDir(1);
    const lock = lockDataDir(from);
    onTestFinished(() => lock.release());
    const refused = await baton(["migrate-store", "--to", (await fresh()).url, "--from", from]);
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(/Another Baton .* Stop it first/);
  });

  test("into a database with something in it, nothing is moved", async () => {
    const database = await fresh();
    const store = await openPostgresStore(database.url, { timing: PATIENT });
    await store.write((tx) => tx.createWorkspace(workspace("ws_other")));
    await store.close();
    const from = await dataDir(1);
    const refused = await baton(["migrate-store", "--to", database.url, "--from", from]);
    expect(refused.err).toMatch(/not empty \(there is something in workspaces\)/);
    expect(await database.query("select id from workspaces")).toEqual([{ id: "ws_other" }]);
    expect(readdirSync(from)).toContain("baton.db");
  });

  test("what does not arrive as it was sent takes everything back", async () => {
    const database = await fresh();
    await (await openPostgresStore(database.url, { timing: PATIENT })).close();
    await database.query(`create function spoil() returns trigger language plpgsql as
      $$ begin if new.seq = 2 then new.text := new.text || '!'; end if; return new; end $$`);
    await database.query("create trigger spoil before insert on messages for each row execute function spoil()");
    const from = await dataDir(3);
    const failed = await baton(["migrate-store", "--to", database.url, "--from", from]);
    expect(failed.err).toMatch(/messages .*is not what was sent.*Nothing was moved/);
    expect(Object.values(await rowsOfPostgres(database)).flat()).toEqual([]);
    expect(readdirSync(from)).toContain("baton.db");
  });

  test.each([
    [["--to", "mysql://db/baton"], /must be a URL like postgres/],
    [[], /Name the database/],
    [["--to", "postgres://root:canary-word@127.0.0.1:1/baton"], /PostgreSQL cannot be reached/],
  ])("called as %j it says what is wrong, and never the password", async (args, words) => {
    const from = await dataDir(1);
    const failed = await baton(["migrate-store", ...args], { DATA_DIR: from });
    expect(failed.code).toBe(1);
    expect(failed.err).toMatch(words);
    expect(failed.err + failed.out).not.toContain("canary");
  });

  test("a directory without data is named", async () => {
    const from = await dataDir(1);
    mkdirSync(join(from, "empty"));
    const failed = await baton(["migrate-store", "--to", "postgres://127.0.0.1/x", "--from", join(from, "empty")]);
    expect(failed.err).toMatch(/There are no data in .*empty/);
  });
});
