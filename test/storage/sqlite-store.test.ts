import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import BetterSqlite from "better-sqlite3";
import { Kysely, SqliteDialect } from "kysely";
import { Migrator } from "kysely/migration";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import type { Reads, Store } from "../../src/ports-store.ts";
import { healthOf } from "../../src/storage/health.ts";
import { migrationsFor } from "../../src/storage/migrations.ts";
import { openSqliteStore } from "../../src/storage/sqlite-store.ts";
import { storeContract } from "../contracts/store-contract.ts";
import { addShop, at, delivery, workspace } from "../contracts/store-samples.ts";

/** Every connection that the store opened, and every statement that it prepared: neither is to be had from outside. */
const seen = vi.hoisted(() => ({ connections: [] as unknown[], statements: [] as string[] }));

vi.mock("better-sqlite3", async (importOriginal) => {
  const { default: Original } = await importOriginal<{ default: typeof BetterSqlite }>();
  class Watched extends Original {
    constructor(file: string, options?: BetterSqlite.Options) {
      super(file, options);
      seen.connections.push(this);
      const prepare = this.prepare.bind(this);
      Object.defineProperty(this, "prepare", {
        value: (sql: string) => {
          seen.statements.push(sql);
          return prepare(sql);
        },
      });
    }
  }
  return { default: Watched };
});

beforeEach(() => {
  seen.connections.length = 0;
  seen.statements.length = 0;
});

function newFile(): string {
  const directory = mkdtempSync(join(tmpdir(), "baton-store-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return join(directory, "baton.db");
}

async function openStore(file = newFile()): Promise<Store> {
  const store = await openSqliteStore(file);
  onTestFinished(() => store.close());
  return store;
}

/** The connection that writes: the one that is not opened for reading only. */
function writer(): BetterSqlite.Database {
  const found = (seen.connections as BetterSqlite.Database[]).find((one) => one.open && !one.readonly);
  if (found === undefined) throw new Error("no connection writes");
  return found;
}

const pragma = (name: string): unknown => writer().pragma(name, { simple: true });
const inForce = () => ["journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout"].map(pragma);
const schema = () => writer().prepare("select type, name, sql from sqlite_schema order by type, name").all();

storeContract("SQLite", async () => {
  const directory = mkdtempSync(join(tmpdir(), "baton-store-"));
  const file = join(directory, "baton.db");
  let store = await openSqliteStore(file);
  return {
    store,
    async reopen() {
      await store.close();
      store = await openSqliteStore(file);
      return store;
    },
    async dispose() {
      await store.close();
      rmSync(directory, { recursive: true });
    },
  };
});

describe("an SQLite file", () => {
  test("is flushed with each commit: what is in force after the first write, new and reopened", async () => {
    const file = newFile();
    const first = await openSqliteStore(file);
    await first.write((tx) => tx.createWorkspace(workspace("ws_1")));
    expect(inForce()).toEqual(["wal", 2, 1, 1, 5_000]);
    await first.close();
    const second = await openStore(file);
    await second.write((tx) => tx.createWorkspace(workspace("ws_2")));
    expect(inForce()).toEqual(["wal", 2, 1, 1, 5_000]);
  });

  test("has every table from the start, and opening it again changes none", async () => {
    const file = newFile();
    const first = await openSqliteStore(file);
    await first.write((tx) => addShop(tx, "a"));
    const before = schema() as { type: string; name: string }[];
    expect(
      before.flatMap(({ type, name }) => (type === "table" && !/^(kysely|sqlite)_/.test(name) ? [name] : [])),
    ).toEqual([
      "answers",
      "audit_log",
      "bots",
      "chores",
      "connection_states",
      "connections",
      "consents",
      "conversations",
      "declined_asks",
      "deliveries",
      "erasures",
      "events",
      "handoffs",
      "lanes",
      "leads",
      "member_factors",
      "member_passwords",
      "members",
      "messages",
      "news",
      "recovery_codes",
      "sessions",
      "sign_in_links",
      "tokens",
      "webhooks",
      "workspaces",
    ]);
    await first.close();
    for (let round = 0; round < 2; round += 1) {
      const again = await openSqliteStore(file);
      expect(schema()).toEqual(before);
      expect((await again.read.handoff("ws_a", "hnd_a"))?.status).toBe("pending");
      await again.close();
    }
  });

  test("of an earlier release keeps what is in it, and has what is new", async () => {
    const file = newFile();
    const old = new BetterSqlite(file);
    const earlier = Object.entries(migrationsFor("sqlite")).filter(([name]) => name < "0004");
    const db = new Kysely({ dialect: new SqliteDialect({ database: old }) });
    const provider = { getMigrations: () => Promise.resolve(Object.fromEntries(earlier)) };
    expect((await new Migrator({ db, provider }).migrateToLatest()).error).toBeUndefined();
    old.exec(`insert into workspaces values ('ws_a', 'Lamps', 0);
      insert into connections (id, workspace_id, type, name, config, path_secret, version, created_at)
      values ('con_a', 'ws_a', 'chatwoot', 'Ours', '{"inboxId":3}', 'secret', 7, 0)`);
    old.close();
    const store = await openStore(file);
    const kept = await store.read.connection("ws_a", "con_a");
    expect(kept).toMatchObject({ config: { inboxId: 3 }, version: 7, installed: null });
    await store.write((tx) => tx.updateConnection("ws_a", "con_a", { installed: { inbox: "3" } }));
    expect((await store.read.connection("ws_a", "con_a"))?.installed).toEqual({ inbox: "3" });
  });

  test("whose migration fails is left as it was, and opens once the cause is gone", async () => {
    const file = newFile();
    const foreign = new BetterSqlite(file);
    foreign.exec("create table deliveries (mine text)");
    await expect(openSqliteStore(file)).rejects.toThrow("The database could not be migrated");
    expect(foreign.prepare("select name from sqlite_schema").pluck().all()).toEqual(["deliveries"]);
    foreign.exec("drop table deliveries");
    foreign.close();
    const store = await openStore(file);
    expect(await store.read.workspaces()).toEqual([]);
  });

  test.skipIf(process.platform === "win32")("is its owner's alone, as are its side files and copies", async () => {
    const file = newFile();
    const store = await openStore(file);
    await store.write((tx) => tx.createWorkspace(workspace("ws_1")));
    await store.backup(`${file}.copy`);
    const directory = join(file, "..");
    const modes = readdirSync(directory).map((name) => [
      name,
      (statSync(join(directory, name)).mode & 0o777).toString(8),
    ]);
    expect(Object.fromEntries(modes)).toEqual({
      "baton.db": "600",
      "baton.db-shm": "600",
      "baton.db-wal": "600",
      "baton.db.copy": "600",
    });
  });

  test("is told to be whole, with its sizes, while units are written", async () => {
    const file = newFile();
    const store = await openStore(file);
    const [health] = await Promise.all([
      store.health(10_000),
      store.write((tx) => tx.createWorkspace(workspace("ws_a"))),
    ]);
    expect(health.damage).toBeNull();
    expect(health.dataBytes).toBeGreaterThan(0);
    expect(health.logBytes).toBeGreaterThan(0);
  });

  test("is told to be damaged where a page is", async () => {
    const file = newFile();
    const store = await openStore(file);
    await store.write((tx) => addShop(tx, "a"));
    await store.backup(`${file}.copy`);
    const db = new BetterSqlite(`${file}.copy`);
    const root = Number(db.prepare("select rootpage from sqlite_schema where name = 'deliveries'").pluck().get());
    db.pragma("journal_mode = DELETE");
    db.close();
    const bytes = readFileSync(`${file}.copy`);
    const page = (root - 1) * 4096;
    // Behind the page's head: where its rows are.
    bytes.fill(0xff, page + 8, page + 12);
    writeFileSync(`${file}.copy`, bytes);
    // SQLite gives up on the file, or lists what is wrong: that depends on which rows stood there.
    expect((await healthOf(`${file}.copy`, 10_000)).damage).toMatch(/^SQLITE_CORRUPT$|Tree \d+ page \d+/);
    writeFileSync(`${file}.copy`, "no database at all, and long enough to be looked at".repeat(100));
    expect((await healthOf(`${file}.copy`, 10_000)).damage).toBe("SQLITE_NOTADB");
  });

  test("whose reading takes too long is told to be unknown", async () => {
    const store = await openStore();
    expect((await store.health(0)).damage).toBe("unknown");
  });

  test("is copied while units are written: the copy opens, and holds no half unit", async () => {
    const file = newFile();
    const store = await openStore(file);
    const answer = { requestHash: "h", status: 201, body: "y".repeat(3_000) };
    const pair = (n: number) =>
      store.write(async (tx) => {
        await tx.storeAnswer("one", String(n), answer, at(0));
        await new Promise((resolve) => setImmediate(resolve));
        await tx.storeAnswer("two", String(n), answer, at(0));
      });
    await Promise.all(Array.from({ length: 200 }, (_, n) => pair(n)));
    const during = Array.from({ length: 50 }, (_, n) => pair(1_000 + n));
    await store.backup(`${file}.copy`);
    await Promise.all(during);
    const copy = await openStore(`${file}.copy`);
    const halves = async (n: number) =>
      [await copy.read.storedAnswer("one", String(n)), await copy.read.storedAnswer("two", String(n))].map(Boolean);
    for (let n = 0; n < 200; n += 1) expect(await halves(n)).toEqual([true, true]);
    for (let n = 1_000; n < 1_050; n += 1) expect(new Set(await halves(n)).size).toBe(1);
  });
});

describe("a full disk", () => {
  test("is told to every unit of the batch as storage_unavailable, keeps what was there, and ends", async () => {
    const store = await openStore();
    const keep = (key: string, length: number) =>
      store.write((tx) => tx.storeAnswer("s", key, { requestHash: "h", status: 201, body: "z".repeat(length) }, at(0)));
    await keep("before", 10);
    writer().pragma(`max_page_count = ${Number(pragma("page_count")) + 5}`);
    const results = await Promise.allSettled([keep("small", 10), keep("huge", 100_000), keep("late", 10)]);
    const answers = results.map((one): unknown => (one.status === "rejected" ? one.reason : "stored"));
    expect(answers.slice(0, 2)).toEqual([
      expect.objectContaining({ name: "HandoffError", code: "storage_unavailable", status: 503, retryAfterSeconds: 2 }),
      expect.objectContaining({ name: "HandoffError", code: "storage_unavailable", status: 503, retryAfterSeconds: 2 }),
    ]);
    expect(await store.read.storedAnswer("s", "small")).toBeNull();
    expect(await store.read.storedAnswer("s", "huge")).toBeNull();
    expect(await store.read.storedAnswer("s", "before")).not.toBeNull();
    // Whatever the third was told, it is true.
    expect((await store.read.storedAnswer("s", "late")) !== null).toBe(answers[2] === "stored");
    writer().pragma("max_page_count = 1000000");
    await keep("huge", 100_000);
    await keep("small", 10);
    expect((await store.read.storedAnswer("s", "huge"))?.body).toHaveLength(100_000);
    expect(writer().pragma("integrity_check", { simple: true })).toBe("ok");
  });
});

describe("kill -9", () => {
  const script = fileURLToPath(new URL("write-until-killed.ts", import.meta.url));

  /** Runs the writer until it has acknowledged `count` units, kills it, and gives all that it acknowledged. */
  async function writeAndKill(file: string, first: number, count: number): Promise<number[]> {
    const child = spawn(process.execPath, [script, file, String(first)], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    const ended = once(child, "close");
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (said.split("\n").length > count) child.kill("SIGKILL");
    });
    expect(await ended).toEqual([null, "SIGKILL"]);
    return said.split("\n").slice(0, -1).map(Number);
  }

  test("loses no acknowledged unit, and leaves no half one", async () => {
    const file = newFile();
    const acknowledged: number[] = [];
    for (const [round, count] of [150, 40, 300].entries()) {
      acknowledged.push(...(await writeAndKill(file, round * 100_000, count)));
    }
    expect(acknowledged.length).toBeGreaterThanOrEqual(490);
    const store = await openStore(file);
    const lost: number[] = [];
    for (const n of acknowledged) {
      if ((await store.read.storedAnswer("second half", String(n))) === null) lost.push(n);
    }
    expect(lost).toEqual([]);
    const halves = writer().prepare("select key from answers group by key having count(*) <> 2").pluck().all();
    expect(halves).toEqual([]);
  });
});

/** How SQLite finds the rows of each table that the last statement of `ask` which matches `about` touches. */
async function planOf(store: Store, ask: (store: Store) => Promise<unknown>, about: RegExp): Promise<string[]> {
  seen.statements.length = 0;
  await ask(store);
  const sql = seen.statements.findLast((one) => about.test(one));
  if (sql === undefined) throw new Error(`no statement matches ${about}: ${seen.statements.join("; ")}`);
  const values = Array.from(sql.matchAll(/\?/g), () => null);
  const rows = writer()
    .prepare(`explain query plan ${sql}`)
    .all(...values) as { detail: string }[];
  return rows.map((row) => row.detail);
}
const reading = (ask: (reads: Reads) => Promise<unknown>) => (store: Store) => ask(store.read);

describe("query plans", () => {
  test.each([
    [
      "the conversation that a bot names",
      reading((read) => read.conversationByKey("ws_a", "bot_a", "c-981")),
      /from "conversations"/,
      ["SEARCH conversations USING INDEX conversations_key (workspace_id=? AND bot_id=? AND key=?)"],
    ],
    [
      "a range of messages",
      reading((read) => read.messages("ws_a", "cnv_a", { afterSeq: 1, limit: 5 })),
      /from "messages"/,
      ["SEARCH messages USING PRIMARY KEY (conversation_id=? AND seq>? AND seq<?)"],
    ],
    [
      "a range of events",
      reading((read) => read.events("ws_a", "cnv_a", { afterSeq: 1, limit: 5 })),
      /from "events"/,
      ["SEARCH events USING PRIMARY KEY (conversation_id=? AND seq>?)"],
    ],
    [
      "a message by its external id",
      reading((read) => read.messageByExternalId("ws_a", "cnv_a", "m1")),
      /from "messages"/,
      ["SEARCH messages USING INDEX messages_external (conversation_id=? AND external_id=?)"],
    ],
    [
      "a stretch of what was asked for in a period",
      reading((read) => read.handoffFacts("ws_a", { from: 0, to: 9 }, 10)),
      /"agent_name" as "agentName"/,
      [
        "SEARCH handoffs USING INDEX handoffs_asked (workspace_id=? AND created_at>? AND created_at<?)",
        "CORRELATED SCALAR SUBQUERY 1",
        "SEARCH leads USING INDEX sqlite_autoindex_leads_2 (handoff_id=?)",
      ],
    ],
    [
      "where such a stretch ends",
      reading((read) => read.handoffFacts("ws_a", { from: 0, to: 9 }, 10)),
      /offset/,
      ["SEARCH handoffs USING COVERING INDEX handoffs_asked (workspace_id=? AND created_at>? AND created_at<?)"],
    ],
    [
      "the news of a workspace",
      reading((read) => read.news("ws_a", { after: 0, kinds: ["handoff"], limit: 10 })),
      /"object_id"/,
      ["SEARCH news USING INDEX news_workspace (workspace_id=? AND n>? AND n<?)"],
    ],
    [
      "how many wait",
      reading((read) => read.pendingCount("ws_a", "bot_a")),
      /from "handoffs"/,
      ["SEARCH handoffs USING COVERING INDEX handoffs_pending (workspace_id=? AND bot_id=?)"],
    ],
    [
      "the handoffs that are overdue",
      reading((read) => read.overdueHandoffs(at(0), 10)),
      /from "handoffs"/,
      [
        "MULTI-INDEX OR",
        "INDEX 1",
        "SEARCH handoffs USING INDEX handoffs_accept_by (accept_by<?)",
        "INDEX 2",
        "SEARCH handoffs USING INDEX handoffs_open_by (open_by<?)",
        "INDEX 3",
        "SEARCH handoffs USING INDEX handoffs_idle_at (idle_at<?)",
      ],
    ],
    [
      "the handoffs to look at",
      reading((read) => read.handoffsToLook(at(0), 10)),
      /from "handoffs"/,
      ["SEARCH handoffs USING INDEX handoffs_look_at (look_at<?)"],
    ],
    [
      "the handoff of a helpdesk's conversation",
      reading((read) => read.handoffByRef("ws_a", "con_a", "77")),
      /from "handoffs"/,
      ["SEARCH handoffs USING INDEX handoffs_ref (workspace_id=? AND destination_id=? AND ref_conversation_id=?)"],
    ],
    [
      "the last handoff of a conversation",
      reading((read) => read.lastHandoff("ws_a", "cnv_a")),
      /from "handoffs"/,
      ["SEARCH handoffs USING INDEX handoffs_conversation (workspace_id=? AND conversation_id=?)"],
    ],
    [
      "the handoffs not opened at a connection",
      reading((read) => read.unopenedHandoffs("ws_a", "con_a")),
      /from "handoffs"/,
      ["SEARCH handoffs USING INDEX handoffs_at (workspace_id=? AND destination_id=?)"],
    ],
    [
      "a page of what is open at a connection",
      reading((read) => read.openHandoffsAt("ws_a", "con_a", { cursor: "hnd_9", limit: 10 })),
      /from "handoffs"/,
      ["SEARCH handoffs USING INDEX handoffs_at (workspace_id=? AND destination_id=? AND id>?)"],
    ],
    [
      "a page of handoffs",
      reading((read) => read.handoffs("ws_a", { limit: 10, cursor: "hnd_9" })),
      /from "handoffs"/,
      ["SEARCH handoffs USING INDEX handoffs_workspace (workspace_id=? AND id<?)"],
    ],
    [
      "the lanes that are due",
      reading((read) => read.dueLanes(at(0), 10, ["con_b"])),
      /from "lanes"/,
      ["SEARCH lanes USING INDEX lanes_due (due_at<?)"],
    ],
    [
      "the webhooks that wait",
      reading((read) => read.waitingWebhooks(at(0), 10)),
      /from "webhooks"/,
      ["SEARCH webhooks USING INDEX webhooks_waiting (next_at<?)", "USE TEMP B-TREE FOR LAST TERM OF ORDER BY"],
    ],
    [
      "a stored answer",
      reading((read) => read.storedAnswer("s", "k")),
      /from "answers"/,
      ["SEARCH answers USING INDEX sqlite_autoindex_answers_1 (scope=? AND key=?)"],
    ],
    [
      "a page of dead deliveries",
      reading((read) => read.deliveries("ws_a", { state: "dead", limit: 10, cursor: "9" })),
      /from "deliveries"/,
      ["SEARCH deliveries USING INDEX deliveries_undone (workspace_id=? AND state=? AND n<?)"],
    ],
    [
      "the deliveries of a handoff",
      reading((read) => read.deliveries("ws_a", { handoffId: "hnd_a", connectionId: "con_a", limit: 10 })),
      /from "deliveries"/,
      ["SEARCH deliveries USING INDEX deliveries_handoff (handoff_id=?)"],
    ],
    [
      "the delivery that is owed longest",
      reading((read) => read.oldestOwed("ws_a")),
      /from "deliveries"/,
      ["SEARCH deliveries USING INDEX deliveries_undone (workspace_id=? AND state=?)", "USE TEMP B-TREE FOR ORDER BY"],
    ],
    [
      "the conversation of a handoff's events",
      reading((read) => read.handoffEvents("ws_a", "hnd_a")),
      /from "events"/,
      ["SEARCH handoffs USING PRIMARY KEY (id=?)", "SEARCH events USING PRIMARY KEY (conversation_id=?)"],
    ],
    [
      "a page of leads",
      reading((read) => read.leads("ws_a", { limit: 10, cursor: "1763629200000.led_9" })),
      /from "leads"/,
      ["SEARCH leads USING INDEX leads_at (workspace_id=? AND (created_at,id)<(?,?))"],
    ],
    [
      "a page of the leads of a period",
      reading((read) => read.leads("ws_a", { limit: 10, from: at(0), to: at(9) })),
      /from "leads"/,
      ["SEARCH leads USING INDEX leads_at (workspace_id=? AND created_at>? AND created_at<?)"],
    ],
    [
      "a page of leads to be followed up",
      reading((read) => read.leads("ws_a", { limit: 10, state: "open" })),
      /from "leads"/,
      ["SEARCH leads USING INDEX leads_state (workspace_id=? AND state=?)"],
    ],
    [
      "a page of what was changed",
      reading((read) => read.audit("ws_a", { limit: 10, cursor: "1763629200000.aud_9" })),
      /from "audit_log"/,
      ["SEARCH audit_log USING INDEX audit_log_at (workspace_id=? AND (at,id)<(?,?))"],
    ],
    [
      "the lead of a handoff",
      reading((read) => read.leadOfHandoff("ws_a", "hnd_a")),
      /from "leads"/,
      ["SEARCH leads USING INDEX sqlite_autoindex_leads_2 (handoff_id=?)"],
    ],
    [
      "taking a lane",
      (store: Store) => store.write((tx) => tx.claimLane("con_a:cnv_a", at(9), 1)),
      /^update "lanes"/,
      ["SEARCH lanes USING INDEX sqlite_autoindex_lanes_1 (lane=?)"],
    ],
    [
      "the head of a lane",
      (store: Store) => store.write((tx) => tx.claimLane("con_a:cnv_a", at(9), 1)),
      /from "deliveries"/,
      ["SEARCH deliveries USING INDEX deliveries_owed (lane=?)"],
    ],
    [
      "dropping a lane",
      (store: Store) => store.write((tx) => tx.dropLane("ws_a", "con_a:cnv_a", "gone", at(9))),
      /^update "deliveries"/,
      ["SEARCH deliveries USING INDEX deliveries_owed (lane=?)"],
    ],
    [
      "which messages are known",
      (store: Store) => store.write((tx) => tx.knownExternalIds("ws_a", "cnv_a", ["m1", "m2"])),
      /from "messages"/,
      ["SEARCH messages USING INDEX messages_external (conversation_id=? AND external_id=?)"],
    ],
  ])("%s", async (_what, ask, about, plan) => {
    const store = await openStore();
    await store.write(async (tx) => {
      await addShop(tx, "a");
      await tx.addDeliveries([delivery("ws_a", "con_a:cnv_a")], at(0));
    });
    expect(await planOf(store, ask, about)).toEqual(plan);
  });
});
