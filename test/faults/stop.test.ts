import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { firstRunOf, startProgram } from "./program.ts";
import type { Program } from "./program.ts";
import { ask } from "./sides.ts";

const CALLERS = 16;

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "baton-stop-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function started(dataDir: string): Promise<Program> {
  const program = await startProgram({ dataDir });
  onTestFinished(async () => void (await program.end("SIGKILL")));
  return program;
}

const handoffFor = (id: string) => ({
  conversation: { id, messages: [{ id: "m1", role: "visitor", text: "I want a person." }] },
});

/** Asks for people one after the other until nobody answers; gives the handoffs that were acknowledged. */
async function askUntilGone(url: string, token: string, caller: number): Promise<string[]> {
  const acknowledged: string[] = [];
  for (let number = 0; ; number += 1) {
    const answer = await ask(`${url}/v1/handoffs`, { token, body: handoffFor(`caller ${caller}, ${number}`) });
    if (answer === null) return acknowledged;
    if (answer.status === 201) acknowledged.push(String(answer.body["handoff"].id));
  }
}

/** A stream of events that its reader keeps open; resolves when the server ends it. */
function openStream(url: string, token: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const opened = request(url, { headers: { authorization: `Bearer ${token}` } }, (response) => {
      response.resume().on("close", resolve);
    });
    opened.on("error", reject).end();
  });
}

test("SIGTERM under load: it is gone within 10 seconds, and all it acknowledged is on disk", async () => {
  const dataDir = directory();
  const program = await started(dataDir);
  const { botToken } = await firstRunOf(dataDir);
  const callers = Array.from({ length: CALLERS }, (_, caller) => askUntilGone(program.url, botToken, caller));
  await pause(700);
  const stream = openStream(`${program.url}/v1/conversations/${encodeURIComponent("caller 0, 0")}/events`, botToken);
  await pause(300);

  const before = performance.now();
  const ending = await program.end("SIGTERM");
  expect(ending).toEqual({ code: 0, signal: null });
  expect(performance.now() - before).toBeLessThan(10_000);
  await stream;
  const acknowledged = (await Promise.all(callers)).flat();
  expect(acknowledged.length).toBeGreaterThan(CALLERS);

  const again = await started(dataDir);
  const lost: string[] = [];
  for (const id of acknowledged) {
    const found = await ask(`${again.url}/v1/handoffs/${id}`, { method: "GET", token: botToken });
    if (found?.status !== 200) lost.push(id);
  }
  expect(lost).toEqual([]);
});

test("SIGTERM lets a request end that waits for its outcome", async () => {
  const dataDir = directory();
  const program = await started(dataDir);
  const { adminToken, botToken, botId } = await firstRunOf(dataDir);
  // Nothing listens on port 9: the handoff stays unopened for as long as the caller is ready to wait.
  const connection = await ask(`${program.url}/v1/connections`, {
    token: adminToken,
    body: {
      type: "chatwoot",
      name: "Support",
      config: {
        baseUrl: "http://127.0.0.1:9",
        accountId: 1,
        inboxId: 1,
        apiAccessToken: "none",
        webhookSecret: "none",
      },
    },
  });
  const settings = { destinations: [{ id: connection?.body["id"] }] };
  await ask(`${program.url}/v1/bots/${botId}`, { method: "PATCH", token: adminToken, body: { settings } });
  const headers = { Prefer: "wait=4" };
  const waiting = ask(`${program.url}/v1/handoffs`, { token: botToken, body: handoffFor("c-1"), headers });
  await pause(500);

  const before = performance.now();
  const ending = await program.end("SIGTERM");
  expect(ending).toEqual({ code: 0, signal: null });
  expect(performance.now() - before).toBeLessThan(10_000);
  expect((await waiting)?.status).toBe(201);
});

test("a second process on the same data directory is refused, and the first goes on", async () => {
  const dataDir = directory();
  const program = await started(dataDir);
  const refusal = await startProgram({ dataDir }).then(
    () => "it started",
    (error: Error) => error.message,
  );
  expect(refusal).toContain(
    `Another Baton (process ${program.pid}) runs on the data directory ${dataDir}. Stop it first, or set DATA_DIR to another directory.`,
  );
  expect((await fetch(`${program.url}/healthz`)).status).toBe(200);
});

test("after kill -9 the next start takes the lock that was left behind, and serves within 5 seconds", async () => {
  const dataDir = directory();
  const program = await started(dataDir);
  const { botToken } = await firstRunOf(dataDir);
  const answer = await ask(`${program.url}/v1/handoffs`, { token: botToken, body: handoffFor("c-1") });
  await program.end("SIGKILL");
  expect(existsSync(join(dataDir, "baton.pid"))).toBe(true);

  const again = await started(dataDir);
  expect(again.startedInMs).toBeLessThan(5_000);
  const id = String(answer?.body["handoff"].id);
  const found = await ask(`${again.url}/v1/handoffs/${id}`, { method: "GET", token: botToken });
  expect(found?.body["handoff"]).toMatchObject({ id, mode: "lead", status: "pending" });
});
