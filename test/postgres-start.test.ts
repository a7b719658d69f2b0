import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { freshDatabase, missingPostgres } from "./storage/postgres.ts";
import type { FreshDatabase } from "./storage/postgres.ts";

/** The program as it is started, on PostgreSQL. */

const missing = await missingPostgres();
const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const PASSWORD = "canary-word-9";

async function fresh(): Promise<FreshDatabase & { withPassword: string }> {
  const database = await freshDatabase();
  onTestFinished(() => database.drop());
  const url = new URL(database.url);
  url.password = PASSWORD;
  return { ...database, withPassword: url.href };
}

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "baton-start-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

interface Started {
  /** Where it serves requests; null when it ended instead. */
  readonly url: string | null;
  /** All that it wrote. */
  told(): string;
}

/** Starts a server; resolves when it serves requests or has ended. It is stopped with the test. */
async function start(env: Record<string, string>): Promise<Started> {
  const child: ChildProcess = spawn(process.execPath, [MAIN], {
    env: { PORT: "0", HOST: "127.0.0.1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let told = "";
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  onTestFinished(async () => {
    child.kill("SIGTERM");
    await closed;
  });
  const serves = new Promise<string>((resolve) => {
    const hear = (part: Buffer) => {
      told += part.toString();
      const [, url] = /serves requests on (\S+)/.exec(told) ?? [];
      if (url !== undefined) resolve(url);
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
  });
  return { url: await Promise.race([serves, closed.then(() => null)]), told: () => told };
}

describe.skipIf(missing !== undefined)("started on PostgreSQL", () => {
  test("two at once on one empty database and directory: both serve, there is one workspace, and both know its tokens", async () => {
    const database = await fresh();
    const dataDir = directory();
    const env = { DATABASE_URL: database.withPassword, DATA_DIR: dataDir };
    const [one, other] = await Promise.all([start(env), start(env)]);
    expect([one.url, other.url]).not.toContain(null);
    expect(await database.query("select id from workspaces")).toHaveLength(1);
    const { adminToken } = JSON.parse(readFileSync(join(dataDir, "first-run.json"), "utf8")) as { adminToken: string };
    for (const { url } of [one, other]) {
      const answer = await fetch(`${url}/v1/workspaces/current`, {
        headers: { Authorization: `Bearer ${adminToken}` },
      });
      expect(answer.status).toBe(200);
    }
    expect(existsSync(join(dataDir, "baton.db"))).toBe(false);
    expect(one.told() + other.told()).not.toContain(PASSWORD);
  }, 60_000);

  test("a directory of its own with another secret is refused, with what to do", async () => {
    const database = await fresh();
    expect((await start({ DATABASE_URL: database.url, DATA_DIR: directory() })).url).not.toBeNull();
    const refused = await start({ DATABASE_URL: database.withPassword, DATA_DIR: directory() });
    expect(refused.url).toBeNull();
    expect(refused.told()).toMatch(/^Baton cannot start\. .*another master secret\. Set BATON_SECRET/m);
    expect(refused.told()).not.toContain(PASSWORD);
  }, 60_000);

  test("with an address at which nobody answers it says so, without the password", async () => {
    const refused = await start({
      DATABASE_URL: `postgres://baton:${PASSWORD}@127.0.0.1:1/baton`,
      DATA_DIR: directory(),
      LOG_LEVEL: "debug",
    });
    expect(refused.url).toBeNull();
    expect(refused.told()).toMatch(/PostgreSQL cannot be reached \(ECONNREFUSED\)/);
    expect(refused.told()).not.toContain(PASSWORD);
  }, 60_000);
});
