import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import BetterSqlite from "better-sqlite3";
import { describe, expect, onTestFinished, test } from "vitest";
import { firstRunOf, startProgram } from "./program.ts";
import type { Program } from "./program.ts";
import { ask } from "./sides.ts";

const CLI = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));
const CALLERS = 8;
const SECRET = "q7Wm2Zx9Lr4Tn8Bv3Kc6Hd1Fs5Gj0Py-Ae";
const OTHER_SECRET = "Zk8Rw3Vn6Xt1Mb9Qf4Lh7Jd2Sg5Cp0Ty-Ua";

type Env = Readonly<Record<string, string>>;

async function baton(args: readonly string[], env: Env): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, [CLI, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let err = "";
  child.stdout.on("data", (part: Buffer) => (out += part.toString()));
  child.stderr.on("data", (part: Buffer) => (err += part.toString()));
  const [code] = await once(child, "close");
  return { code: Number(code), out, err };
}

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "baton-backup-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function started(dataDir: string, env: Env = {}): Promise<Program> {
  const program = await startProgram({ dataDir, env });
  onTestFinished(async () => void (await program.end("SIGKILL")));
  return program;
}

const handoffFor = (id: string) => ({
  conversation: { id, messages: [{ id: "m1", role: "visitor", text: "I want a person." }] },
});

/** Asks for people one after the other and notes each handoff that was acknowledged. */
async function askOn(given: { url: string; token: string; caller: number; noted: string[]; until: () => boolean }) {
  for (let number = 0; !given.until(); number += 1) {
    const body = handoffFor(`caller ${given.caller}, ${number}`);
    const answer = await ask(`${given.url}/v1/handoffs`, { token: given.token, body });
    if (answer?.status === 201) given.noted.push(String(answer.body["handoff"].id));
  }
}

const rowsIn = (file: string, table: string): number => {
  const db = new BetterSqlite(file, { readonly: true });
  try {
    return Number(db.prepare(`select count(*) from ${table}`).pluck().get());
  } finally {
    db.close();
  }
};

describe("a backup taken while the server works", () => {
  test("holds all that was acknowledged before it began, and a server starts from it", async () => {
    const dataDir = directory();
    const program = await started(dataDir);
    const { botToken, adminToken } = await firstRunOf(dataDir);
    const noted: string[] = [];
    let isOver = false;
    const callers = Array.from({ length: CALLERS }, (_, caller) =>
      askOn({ url: program.url, token: botToken, caller, noted, until: () => isOver }),
    );
    while (noted.length < 200) await pause(20);

    const kept = join(directory(), "kept.db");
    const before = [...noted];
    const backup = await baton(["backup", kept, "--with-secret", "--json"], { DATA_DIR: dataDir });
    const meanwhile = noted.length - before.length;
    while (noted.length < before.length + meanwhile + 50) await pause(20);
    isOver = true;
    await Promise.all(callers);
    await program.end("SIGTERM");

    expect([backup.code, backup.err]).toEqual([0, ""]);
    const told = JSON.parse(backup.out);
    expect(told.rows.handoffs).toBe(rowsIn(kept, "handoffs"));
    expect(told.rows.handoffs).toBeGreaterThanOrEqual(before.length);
    // Callers went on meanwhile, and what came after it began does not all stand in it.
    expect(meanwhile).toBeGreaterThan(0);
    expect(told.rows.handoffs).toBeLessThan(noted.length);
    expect(readdirSync(join(kept, "..")).toSorted()).toEqual(["kept.db", "kept.db.secret"]);
    for (const file of [kept, `${kept}.secret`]) expect(statSync(file).mode & 0o777).toBe(0o600);

    const elsewhere = directory();
    const restored = await baton(["restore", kept], { DATA_DIR: elsewhere });
    expect([restored.code, restored.err]).toEqual([0, ""]);
    const again = await started(elsewhere);
    const found = await Promise.all(
      before.map(
        async (id) => (await ask(`${again.url}/v1/handoffs/${id}`, { token: botToken, method: "GET" }))?.status,
      ),
    );
    expect(found.filter((status) => status !== 200)).toEqual([]);
    expect((await ask(`${again.url}/v1/handoffs`, { token: botToken, body: handoffFor("new") }))?.status).toBe(201);
    expect((await ask(`${again.url}/v1/bots`, { token: adminToken, method: "GET" }))?.status).toBe(200);
  }, 120_000);

  test("names the secret that it cannot do without, and replaces no file", async () => {
    const dataDir = directory();
    await started(dataDir);
    await firstRunOf(dataDir);
    const file = join(directory(), "kept.db");
    const first = await baton(["backup", file], { DATA_DIR: dataDir });
    expect(first.code).toBe(0);
    expect(first.out).toContain(`keep the file ${join(dataDir, "secret")} in another place`);
    expect(existsSync(`${file}.secret`)).toBe(false);
    const second = await baton(["backup", file, "--with-secret"], { DATA_DIR: dataDir });
    expect([second.code, second.err]).toEqual([1, `baton: ${file} exists already: name a new file.\n`]);
    expect(readdirSync(join(file, ".."))).toEqual(["kept.db"]);
  }, 60_000);

  test("into a directory that is not there leaves nothing", async () => {
    const dataDir = directory();
    await started(dataDir);
    const file = join(directory(), "nowhere", "kept.db");
    const refused = await baton(["backup", file, "--with-secret"], { DATA_DIR: dataDir });
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(
      /^baton: \S+ cannot be written \(ENOENT\)\. Run this as the user that runs Baton, [^\n]*\n$/,
    );
  }, 60_000);
});

/** A backup of a store with one handoff, and the directory it came from, at rest. */
async function backedUp(env: Env = {}): Promise<{ dataDir: string; file: string; id: string; botToken: string }> {
  const dataDir = directory();
  const program = await started(dataDir, env);
  const { botToken } = await firstRunOf(dataDir);
  const asked = await ask(`${program.url}/v1/handoffs`, { token: botToken, body: handoffFor("kept") });
  const file = join(directory(), "kept.db");
  expect((await baton(["backup", file], { DATA_DIR: dataDir, ...env })).code).toBe(0);
  await ask(`${program.url}/v1/handoffs`, { token: botToken, body: handoffFor("later") });
  await program.end("SIGTERM");
  return { dataDir, file, id: String(asked?.body["handoff"].id), botToken };
}

describe("a restore", () => {
  test("puts the backup in the place of the data, which are kept aside whole", async () => {
    const { dataDir, file, id, botToken } = await backedUp();
    const restored = await baton(["restore", file, "--json"], { DATA_DIR: dataDir });
    expect([restored.code, restored.err]).toEqual([0, ""]);
    const { aside, rows } = JSON.parse(restored.out);
    expect([rows.handoffs, rowsIn(join(aside, "baton.db"), "handoffs")]).toEqual([1, 2]);
    const program = await started(dataDir);
    const conversation = (key: string) =>
      ask(`${program.url}/v1/conversations/${key}`, { token: botToken, method: "GET" });
    expect((await conversation("kept"))?.body).toMatchObject({ handoff: { id } });
    expect((await conversation("later"))?.status).toBe(404);
  }, 60_000);

  test("is refused while a server runs, which goes on undisturbed", async () => {
    const { dataDir, file } = await backedUp();
    const program = await started(dataDir);
    const refused = await baton(["restore", file], { DATA_DIR: dataDir });
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(
      new RegExp(`^baton: Another Baton \\(process ${program.pid}\\) runs on .* Stop it first`),
    );
    expect((await fetch(`${program.url}/healthz`)).status).toBe(200);
    expect(readdirSync(dataDir).filter((name) => /restore/.test(name))).toEqual([]);
  }, 60_000);

  test("has what is still owed looked for before it is sent, since it may have been sent after the backup", async () => {
    const { dataDir, file } = await backedUp();
    const db = new BetterSqlite(file);
    db.exec(`insert into deliveries (workspace_id, lane, kind, payload, progress, state, attempts, may_have_happened, created_at)
      values ('ws', 'callback:x', 'callback', '{}', '{}', 'waiting', 0, 0, 1), ('ws', 'callback:x', 'callback', '{}', '{}', 'done', 1, 0, 1)`);
    db.close();
    expect((await baton(["restore", file], { DATA_DIR: dataDir })).code).toBe(0);
    const restored = new BetterSqlite(join(dataDir, "baton.db"), { readonly: true });
    const marks = restored
      .prepare("select state, may_have_happened as m from deliveries where lane = 'callback:x'")
      .all();
    restored.close();
    expect(marks).toEqual([
      { state: "waiting", m: 1 },
      { state: "done", m: 0 },
    ]);
  }, 60_000);

  test.each([
    [
      "is none",
      (file: string) => writeFileSync(file, "not a database, but long enough to be looked at".repeat(200)),
      /damaged, or no store/,
    ],
    ["is another program's", newDatabase, /no backup of Baton/],
    ["is cut off", (file: string) => writeFileSync(file, readFileSync(file).subarray(0, 40_960)), /damaged/],
    ["is a newer Baton's", (file: string) => migrated(file, "9999_next"), /newer Baton \(it has 9999_next\)/],
  ])(
    "of a file that %s changes nothing",
    async (_what, spoil, why) => {
      const { dataDir, file } = await backedUp();
      spoil(file);
      const refused = await baton(["restore", file], { DATA_DIR: dataDir });
      expect([refused.code, refused.out]).toEqual([1, ""]);
      expect(refused.err).toMatch(why);
      expect(rowsIn(join(dataDir, "baton.db"), "handoffs")).toBe(2);
      expect(readdirSync(dataDir).filter((name) => /restore|draft/.test(name))).toEqual([]);
    },
    60_000,
  );

  test("asks for the secret that the backup was made with, and takes it from beside the file", async () => {
    const { file, botToken } = await backedUp({ BATON_SECRET: SECRET });
    const elsewhere = directory();
    const without = await baton(["restore", file], { DATA_DIR: elsewhere });
    expect([without.code, existsSync(join(elsewhere, "baton.db"))]).toEqual([1, false]);
    expect(without.err).toContain("was made with another secret. Set BATON_SECRET to the one it was made with");
    writeFileSync(`${file}.secret`, `${SECRET}\n`);
    const other = await baton(["restore", file], { DATA_DIR: elsewhere, BATON_SECRET: OTHER_SECRET });
    expect([other.code, other.err]).toEqual([1, expect.stringContaining("set it to what")]);
    for (const told of [without, other]) expect(told.err).not.toContain(SECRET);
    expect((await baton(["restore", file], { DATA_DIR: elsewhere })).code).toBe(0);
    expect(statSync(join(elsewhere, "secret")).mode & 0o777).toBe(0o600);
    const program = await started(elsewhere);
    expect((await ask(`${program.url}/v1/conversations/kept`, { token: botToken, method: "GET" }))?.status).toBe(200);
  }, 60_000);

  test("helps where the data are damaged, and keeps those too", async () => {
    const { dataDir, file } = await backedUp();
    const damaged = Buffer.alloc(8_192, "x");
    writeFileSync(join(dataDir, "baton.db"), damaged);
    copyFileSync(file, join(dataDir, "baton.db-wal"));
    const restored = await baton(["restore", file, "--json"], { DATA_DIR: dataDir });
    expect([restored.code, restored.err]).toEqual([0, ""]);
    const { aside } = JSON.parse(restored.out);
    expect(readFileSync(join(aside, "baton.db")).equals(damaged)).toBe(true);
    expect(existsSync(join(dataDir, "baton.db-wal"))).toBe(false);
    expect(rowsIn(join(dataDir, "baton.db"), "handoffs")).toBe(1);
  }, 60_000);
});

function newDatabase(file: string): void {
  rmSync(file);
  const db = new BetterSqlite(file);
  db.exec("create table mine (a text)");
  db.close();
}

function migrated(file: string, name: string): void {
  const db = new BetterSqlite(file);
  db.prepare("insert into kysely_migration values (?, ?)").run(name, "2030-01-01T00:00:00Z");
  db.close();
}

test.each([
  ["backup", "pg_dump --format=custom --file=/tmp/kept.dump 'postgres://baton@db.example:5433/baton?sslmode=require'"],
  [
    "restore",
    "pg_restore --clean --if-exists --no-owner --single-transaction --dbname='postgres://baton@db.example:5433/baton?sslmode=require' /tmp/kept.dump",
  ],
])("with PostgreSQL, %s says which command does it, without the password", async (command, told) => {
  const url = "postgres://baton:s3cret@db.example:5433/baton?sslmode=require&password=s3cret&sslkey=/s3cret";
  const refused = await baton([command, "/tmp/kept.dump"], { DATABASE_URL: url, DATA_DIR: "/nowhere" });
  expect([refused.code, refused.out]).toEqual([1, ""]);
  expect(refused.err).toContain(`\n  ${told}\n`);
  expect(refused.err.includes('--command="update deliveries set may_have_happened = 1 ')).toBe(command === "restore");
  expect(refused.err).not.toContain("s3cret");
});
