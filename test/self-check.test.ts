import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { createMailer } from "../connectors/email/index.ts";
import { readConfig } from "../src/config.ts";
import type { Mailer, Store } from "../src/ports.ts";
import type { StoreHealth } from "../src/ports-store.ts";
import { checkServer } from "../src/self-check.ts";

const MIB = 1024 * 1024;
const WHOLE: StoreHealth = { damage: null, dataBytes: 3 * MIB, logBytes: MIB };

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "baton-self-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function answering(status: number, body: string): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(status).end(body));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A port on which nobody listens: it was somebody's a moment ago. */
async function deaf(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => void server.close(() => resolve()));
  return port;
}

async function check(
  given: { env?: Record<string, string>; health?: StoreHealth; mailer?: Mailer | null } = {},
): Promise<Record<string, [state: string, message: string]>> {
  const env = { DATA_DIR: directory(), BASE_URL: `http://127.0.0.1:${await deaf()}`, ...given.env };
  const store = { health: () => Promise.resolve(given.health ?? WHOLE) } as unknown as Store;
  const found = await checkServer({ config: readConfig(env), store, mailer: given.mailer ?? null, link: null });
  expect(found.filter(({ state, fix }) => state === "wrong" && fix === null)).toEqual([]);
  return Object.fromEntries(found.map(({ area, step, state, message }) => [`${area}.${step}`, [state, message]]));
}

describe("BASE_URL", () => {
  test.each([
    ["Baton itself", 200, '{"status":"ok"}', "ok", /^Baton answers/],
    ["another program", 200, "<html>", "wrong", /Something else than Baton answers.*HTTP 200/],
    ["a proxy without a server behind it", 502, "bad", "wrong", /HTTP 502/],
    ["a proxy that leads elsewhere", 301, "", "wrong", /HTTP 301/],
  ])("at which %s answers", async (_what, status, body, state, message) => {
    const found = await check({ env: { BASE_URL: await answering(status, body) } });
    expect(found["settings.base_url"]).toEqual([state, expect.stringMatching(message)]);
  });

  test("at which nothing answers", async () => {
    expect((await check())["settings.base_url"]).toEqual(["wrong", expect.stringContaining("Nothing answers")]);
  });

  test.each([
    ["http://localhost:9", "note", /private address \(localhost\)/],
    ["http://10.0.0.7", "note", /private address \(10\.0\.0\.7\)/],
    ["https://[fd00::7]", "note", /private address/],
    ["http://93.184.215.14", "wrong", /in the clear/],
    ["https://93.184.215.14", "ok", /public https/],
  ])("%s", async (baseUrl, state, message) => {
    const found = await check({ env: { BASE_URL: baseUrl } });
    expect(found["settings.base_url_public"]).toEqual([state, expect.stringMatching(message)]);
  });
});

describe("the secret", () => {
  test("is told by its strength, and never itself", async () => {
    const weak = await check({ env: { BATON_SECRET: "change-me-change-me-change-me-change-me" } });
    expect(weak["settings.secret"]?.[0]).toBe("wrong");
    expect(JSON.stringify(weak)).not.toContain("change-me");
    const strong = await check({ env: { BATON_SECRET: "Vq3Z8kP0s1nX7tB5yD2mW9rL4cF6hJ8gA0eU" } });
    expect(strong["settings.secret"]).toEqual(["ok", expect.stringMatching(/^BATON_SECRET is set/)]);
    expect((await check())["settings.secret"]?.[1]).toContain("kept in the data directory");
  });

  test("a setting that nobody reads is told", async () => {
    const found = await check({ env: { BATON_SECRETS: "x" } });
    expect(found["settings.environment"]).toEqual(["note", "BATON_SECRETS: no such setting; it is ignored."]);
  });
});

describe.skipIf(process.platform === "win32")("the data directory", () => {
  test("closed, with closed files", async () => {
    const found = await check();
    expect(found["settings.data_dir"]?.[0]).toBe("ok");
    expect(found["settings.disk"]?.[1]).toMatch(/^\d+ MiB are free/);
  });

  test("open to others, or with a file that is", async () => {
    const open = directory();
    chmodSync(open, 0o755);
    expect((await check({ env: { DATA_DIR: open } }))["settings.data_dir"]?.[0]).toBe("wrong");
    const within = directory();
    writeFileSync(join(within, "secret"), "x", { mode: 0o644 });
    const found = await check({ env: { DATA_DIR: within } });
    expect(found["settings.data_dir"]).toEqual(["wrong", expect.stringContaining(`${within}/secret`)]);
  });
});

describe("mail", () => {
  test("without a server is worth a note", async () => {
    expect((await check())["settings.mail"]).toEqual(["note", expect.stringContaining("SMTP_URL is not set")]);
  });

  test("whose server is away is wrong, and no password is told", async () => {
    const mailer = createMailer({ smtpUrl: `smtp://robin:canary@127.0.0.1:${await deaf()}`, from: "b@example.com" });
    onTestFinished(() => mailer.close());
    const found = await check({ mailer });
    expect(found["settings.mail"]).toEqual(["wrong", expect.stringContaining("could not be reached")]);
    expect(JSON.stringify(found)).not.toContain("canary");
  });

  test("whose server takes mail is fine", async () => {
    const mailer = { send: () => Promise.resolve(), check: () => Promise.resolve() };
    expect((await check({ mailer }))["settings.mail"]?.[0]).toBe("ok");
  });
});

describe("the store", () => {
  test.each([
    [WHOLE, "ok", "ok"],
    [{ ...WHOLE, damage: "SQLITE_CORRUPT" }, "wrong", "ok"],
    [{ ...WHOLE, damage: "unknown" }, "note", "ok"],
    [{ ...WHOLE, logBytes: 300 * MIB }, "ok", "wrong"],
  ])("%o", async (health, integrity, log) => {
    const found = await check({ health });
    expect([found["store.integrity"]?.[0], found["store.log"]?.[0]]).toEqual([integrity, log]);
  });

  const env = { DATABASE_URL: "postgres://baton:canary@db.example/baton" };

  test("PostgreSQL's is told by its size; its disk and its log are not this machine's", async () => {
    const found = await check({ env, health: { damage: "unknown", dataBytes: 9 * MIB, logBytes: 0 } });
    expect(found["store.integrity"]).toEqual(["ok", expect.stringMatching(/^PostgreSQL answers.*: 9 MiB/)]);
    expect([found["store.log"], found["settings.disk"]]).toEqual([undefined, undefined]);
    expect(JSON.stringify(found)).not.toContain("canary");
  });

  test("a PostgreSQL that is away is told, and the other checks go on", async () => {
    const found = await check({ env, health: Promise.reject(new Error("away")) as unknown as StoreHealth });
    expect(found["store.integrity"]).toEqual(["wrong", "PostgreSQL does not answer."]);
    expect(found["settings.base_url"]?.[0]).toBe("wrong");
  });
});
