import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import Database from "better-sqlite3";
import { expect, onTestFinished, test } from "vitest";
import type { FirstRun } from "../../src/first-run.ts";
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

/** A stream of events that its reader keeps open; resolves with its last words when the server ends it. */
function openStream(url: string, token: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const opened = request(url, { headers: { authorization: `Bearer ${token}` } }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (some: string) => (text = (text + some).slice(-200)));
      response.on("close", () => resolve(text));
    });
    opened.on("error", reject).end();
  });
}

/** A stream that is opened and then not read. */
function unreadStream(url: string, token: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const opened = request(url, { headers: { authorization: `Bearer ${token}` } }, (response) => {
      response.pause();
      resolve();
    });
    opened.on("error", reject).end();
    onTestFinished(() => void opened.destroy());
  });
}

/** A helpdesk that takes requests and never answers. */
async function silentHelpdesk(): Promise<{ url: string; asked: Promise<void> }> {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const server = createServer((incoming) => void incoming.resume().on("end", () => resolve()));
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

/** Sends the bot's handoffs to a Chatwoot at this address. */
async function sendTo(program: Program, { adminToken, botId }: FirstRun, baseUrl: string): Promise<void> {
  const config = { baseUrl, accountId: 1, inboxId: 1, apiAccessToken: "none", webhookSecret: "none" };
  const body = { type: "chatwoot", name: "Support", config };
  const connection = await ask(`${program.url}/v1/connections`, { token: adminToken, body });
  const settings = { destinations: [{ id: connection?.body["id"] }] };
  await ask(`${program.url}/v1/bots/${botId}`, { method: "PATCH", token: adminToken, body: { settings } });
}

/** Lanes that somebody still seems to hold. */
function heldLanes(dataDir: string): unknown[] {
  const db = new Database(join(dataDir, "baton.db"), { readonly: true });
  try {
    return db.prepare("select lane from lanes where lease_until is not null").all();
  } finally {
    db.close();
  }
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
  expect(await stream).toMatch(/\nretry: 1000\n: server stops, connect again\n\n$/);
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

test("SIGTERM answers a request that waits for its outcome with what is known by then", async () => {
  const dataDir = directory();
  const program = await started(dataDir);
  const first = await firstRunOf(dataDir);
  // Nothing listens on port 9: the handoff stays unopened for as long as the caller is ready to wait.
  await sendTo(program, first, "http://127.0.0.1:9");
  const headers = { Prefer: "wait=30" };
  const waiting = ask(`${program.url}/v1/handoffs`, { token: first.botToken, body: handoffFor("c-1"), headers });
  await pause(500);

  const before = performance.now();
  const ending = await program.end("SIGTERM");
  expect(ending).toEqual({ code: 0, signal: null });
  expect(performance.now() - before).toBeLessThan(10_000);
  expect((await waiting)?.status).toBe(201);
});

test("SIGTERM while a helpdesk never answers and nobody reads a stream: out in time, and no lane is left held", async () => {
  const dataDir = directory();
  const program = await started(dataDir);
  const first = await firstRunOf(dataDir);
  const helpdesk = await silentHelpdesk();
  await sendTo(program, first, helpdesk.url);
  await ask(`${program.url}/v1/handoffs`, { token: first.botToken, body: handoffFor("c-1") });
  await helpdesk.asked;
  await unreadStream(`${program.url}/v1/conversations/c-1/events`, first.botToken);

  const before = performance.now();
  const ending = await program.end("SIGTERM");
  expect(ending).toEqual({ code: 0, signal: null });
  expect(performance.now() - before).toBeLessThan(10_000);
  expect(heldLanes(dataDir)).toEqual([]);
});

test("while it stops, whoever is still connected hears that it is not ready, and that the connection ends", async () => {
  const dataDir = directory();
  const program = await started(dataDir);
  const first = await firstRunOf(dataDir);
  const helpdesk = await silentHelpdesk();
  await sendTo(program, first, helpdesk.url);
  await ask(`${program.url}/v1/handoffs`, { token: first.botToken, body: handoffFor("c-1") });
  await helpdesk.asked;
  // A request that is half sent when the stop begins: its answer comes from a server that stops.
  const late = halfSent(`${program.url}/readyz`);
  await pause(200);
  program.signal("SIGTERM");
  await pause(300);
  const answer = await late();
  expect(answer).toMatch(/^HTTP\/1\.1 503 /);
  expect(answer).toContain('"server":"stopping"');
  expect(answer.toLowerCase()).toContain("\r\nconnection: close\r\n");
  expect((await program.ended).code).toBe(0);
});

/** Sends the beginning of a request; the function sends the rest and gives all that is answered. */
function halfSent(url: string): () => Promise<string> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\n`);
  let text = "";
  socket.setEncoding("utf8").on("data", (some: string) => (text += some));
  return () =>
    new Promise((resolve, reject) => {
      socket.on("error", reject).on("close", () => resolve(text));
      socket.write("\r\n");
    });
}

test("a second signal ends it at once", async () => {
  const dataDir = directory();
  const program = await started(dataDir);
  const first = await firstRunOf(dataDir);
  const helpdesk = await silentHelpdesk();
  await sendTo(program, first, helpdesk.url);
  await ask(`${program.url}/v1/handoffs`, { token: first.botToken, body: handoffFor("c-1") });
  await helpdesk.asked;
  program.signal("SIGTERM");
  await pause(300);
  const before = performance.now();
  expect(await program.end("SIGTERM")).toEqual({ code: 1, signal: null });
  expect(performance.now() - before).toBeLessThan(3_000);
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
