import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { FirstRun } from "../../src/first-run.ts";
import { firstRunOf, startProgram } from "../faults/program.ts";
import type { Program } from "../faults/program.ts";
import { hasRedis, startRedis } from "../redis.ts";
import type { OwnRedis } from "../redis.ts";
import { freshDatabase, missingPostgres } from "../storage/postgres.ts";
import type { FreshDatabase } from "../storage/postgres.ts";
import { startBot, client, eventually } from "./world.ts";
import type { BotServer, Client, Json } from "./world.ts";

/** Machines that run the tests are busy: what must come is waited for longer than it takes, and nothing is measured. */
const PATIENT_MS = 20_000;

const missing = await missingPostgres();
if (missing !== undefined) console.warn(missing);

describe.skipIf(missing !== undefined || !(await hasRedis()))("two programs on one database", () => {
  let database: FreshDatabase;
  let redis: OwnRedis;
  let one: Program;
  let two: Program;
  let first: FirstRun;
  let callbacks: BotServer;
  let bots: [Client, Client];
  let admins: [Client, Client];
  const directories: string[] = [];
  const secret = randomBytes(36).toString("base64");

  async function program(): Promise<Program> {
    const dataDir = mkdtempSync(join(tmpdir(), "baton-two-"));
    directories.push(dataDir);
    const env = { DATABASE_URL: database.url, REDIS_URL: redis.url, BATON_SECRET: secret };
    return startProgram({ dataDir, env });
  }

  beforeAll(async () => {
    database = await freshDatabase();
    redis = await startRedis();
    one = await program();
    first = await firstRunOf(directories[0]!);
    two = await program();
    callbacks = await startBot(() => first.botSigningSecret);
    bots = [client(one.url, first.botToken), client(two.url, first.botToken)];
    admins = [client(one.url, first.adminToken), client(two.url, first.adminToken)];
    const settings = { presence: "ignore" };
    await admins[0].patch(`/v1/bots/${first.botId}`, { callbackUrl: callbacks.url, settings });
    await bothHaveRedis("ok");
  }, 120_000);
  afterAll(async () => {
    await Promise.all([one, two].map((each) => each?.end("SIGTERM")));
    await callbacks?.stop();
    await redis?.stop();
    await database?.drop();
    for (const each of directories) rmSync(each, { recursive: true, force: true });
  }, 60_000);

  const bothHaveRedis = (state: string) =>
    eventually(async () => {
      const states = await Promise.all(admins.map(async (admin) => (await admin.get("/readyz")).body.parts.redis));
      return states.every((each) => each === state);
    }, PATIENT_MS);

  let n = 0;
  /** A conversation in which a person was asked for, at the first program. */
  async function asked(): Promise<string> {
    n += 1;
    const id = `two-${n}`;
    const answer = await bots[0].post("/v1/handoffs", { conversation: { id }, trigger: "visitor" });
    expect(answer.status).toBe(201);
    return id;
  }

  async function listen(at: Program, id: string, lastEventId = 0) {
    const abort = new AbortController();
    onTestFinished(() => abort.abort());
    const headers = { Authorization: `Bearer ${first.botToken}`, "Last-Event-ID": String(lastEventId) };
    const response = await fetch(`${at.url}/v1/conversations/${id}/events`, { headers, signal: abort.signal });
    expect(response.status).toBe(200);
    const heard: { id: number; data: Json }[] = [];
    const read = async () => {
      let text = "";
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
        const parts = (text + chunk).split("\n\n");
        text = parts.pop() ?? "";
        for (const part of parts) {
          const fields = Object.fromEntries(part.split("\n").map((line) => line.split(/: (.*)/s, 2)));
          if (fields["data"] !== undefined) heard.push({ id: Number(fields["id"]), data: JSON.parse(fields["data"]) });
        }
      }
    };
    const ended = read().catch(() => undefined);
    const texts = () => heard.flatMap(({ data }) => data.data?.message?.text ?? []);
    return { heard, texts, ended, close: () => abort.abort() };
  }

  test("a stream at one hears what is said at the other, also while Redis is away", async () => {
    const id = await asked();
    const stream = await listen(two, id);
    await say(bots[0], id, "over the bus");
    await eventually(() => stream.texts().includes("over the bus"), PATIENT_MS);
    await redis.kill();
    onTestFinished(() => bothHaveRedis("ok").then(() => undefined));
    onTestFinished(() => redis.start());
    await bothHaveRedis("away");
    expect((await admins[1].get("/readyz")).status).toBe(200);
    await say(bots[0], id, "without it");
    await eventually(() => stream.texts().includes("without it"), PATIENT_MS);
    expect(stream.heard.map((event) => event.id)).toEqual(stream.heard.map((_, at) => at + 1));
  });

  test("a stream goes on at the other after the last event heard, without loss or repeats", async () => {
    const id = await asked();
    const all: { id: number; data: Json }[] = [];
    let said = 0;
    for (let round = 0; round < 6; round += 1) {
      const stream = await listen(round % 2 === 0 ? one : two, id, all.at(-1)?.id);
      const before = said;
      // Said at both, while the stream may close at any moment.
      for (const at of [0, 1, 0] as const) {
        said += 1;
        await say(bots[at], id, `line ${said}`);
      }
      await eventually(() => stream.texts().includes(`line ${before + 1}`), PATIENT_MS);
      stream.close();
      await stream.ended;
      all.push(...stream.heard);
    }
    const last = await listen(two, id, all.at(-1)?.id);
    const texts = () => [...all, ...last.heard].flatMap(({ data }) => data.data?.message?.text ?? []);
    await eventually(() => texts().length >= said, PATIENT_MS);
    const heard = [...all, ...last.heard];
    expect(heard.map((event) => event.id)).toEqual(heard.map((_, at) => at + 1));
    expect(texts()).toEqual(Array.from({ length: said }, (_, at) => `line ${at + 1}`));
  });

  test("the bot is called back once for each event, in order, whichever of them was told", async () => {
    const id = await asked();
    const handoffId = (await bots[1].get(`/v1/conversations/${id}`)).body.handoff.id;
    await bots[1].post(`/v1/handoffs/${handoffId}/resolve`, {});
    const of = () =>
      callbacks.heard.filter(({ data }) => data.conversation?.id === id || data.handoff?.id === handoffId);
    await eventually(() => of().some(({ type }) => type === "handoff.resolved"), PATIENT_MS);
    expect(new Set(of().map((call) => call.id)).size).toBe(of().length);
    const types = of().map(({ type }) => type);
    expect(types.indexOf("handoff.opened")).toBeLessThan(types.indexOf("handoff.resolved"));
  });

  test("a token that is revoked at one is refused by the other", async () => {
    const made = await admins[0].post(`/v1/bots/${first.botId}/tokens`, {});
    expect(made.status).toBe(201);
    const holder = client(two.url, made.body.token);
    expect((await holder.get("/v1/availability")).status).toBe(200);
    expect((await admins[0].delete(`/v1/tokens/${made.body.id}`)).status).toBeLessThan(300);
    await eventually(async () => (await holder.get("/v1/availability")).status === 401, PATIENT_MS);
  });

  test("what a frozen one had in hand is done by the other, and not by it when it wakes", async () => {
    two.signal("SIGSTOP");
    onTestFinished(() => two.signal("SIGCONT"));
    const id = await asked();
    const handoffId = (await bots[0].get(`/v1/conversations/${id}`)).body.handoff.id;
    const of = () =>
      callbacks.heard.filter(({ data }) => data.conversation?.id === id || data.handoff?.id === handoffId);
    await eventually(() => of().some(({ type }) => type === "handoff.opened"), PATIENT_MS);
    two.signal("SIGCONT");
    await eventually(async () => (await bots[1].get(`/v1/conversations/${id}`)).status === 200, PATIENT_MS);
    await say(bots[1], id, "still there");
    await bots[1].post(`/v1/handoffs/${handoffId}/resolve`, {});
    await eventually(() => of().some(({ type }) => type === "handoff.resolved"), PATIENT_MS);
    expect(new Set(of().map((call) => call.id)).size).toBe(of().length);
  });
});

const say = (at: Client, id: string, text: string) =>
  at.post(`/v1/conversations/${id}/messages`, { role: "visitor", text });
