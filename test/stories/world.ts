import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { build } from "../../src/build.ts";
import type { Baton, BuildOptions } from "../../src/build.ts";
import { readConfig } from "../../src/config.ts";
import { firstRun } from "../../src/first-run.ts";
import type { FirstRun } from "../../src/first-run.ts";
import { createLogger } from "../../src/logging.ts";
import type { Log } from "../../src/ports.ts";
import { PATIENT } from "../storage/postgres.ts";
import { emptyDatabase } from "../storage/postgres-worlds.ts";
import { startChatwoot } from "../simulators/chatwoot/index.ts";
import type { ChatwootOptions, ChatwootSimulator } from "../simulators/chatwoot/index.ts";

// oxlint-disable-next-line no-explicit-any -- answers are read as the outside reads them: by field, with nothing known before
export type Json = any;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
}

export interface Client {
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  put(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  patch(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  delete(path: string, headers?: Record<string, string>): Promise<Answer>;
}

/** An API client with somebody's token, over real HTTP. */
export function client(baseUrl: string, token: string | null): Client {
  const send = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(baseUrl + path, {
      method,
      headers: {
        ...(token !== null && { Authorization: `Bearer ${token}` }),
        ...(body !== undefined && { "Content-Type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json") ?? false;
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  };
  return {
    get: (path, headers) => send("GET", path, undefined, headers),
    post: (path, body, headers) => send("POST", path, body, headers),
    put: (path, body, headers) => send("PUT", path, body, headers),
    patch: (path, body, headers) => send("PATCH", path, body, headers),
    delete: (path, headers) => send("DELETE", path, undefined, headers),
  };
}

export interface Callback {
  readonly id: string;
  readonly type: string;
  readonly data: Json;
  /** The header that names the request that the event came of. */
  readonly requestId: string | null;
}

/** A bot that is called back: keeps what it hears, checks each signature, and can be told to fail. */
export interface BotServer {
  readonly url: string;
  readonly heard: readonly Callback[];
  /** Answers the next `count` callbacks with this status, and keeps nothing of them. */
  failNext(count: number, status: number): void;
  stop(): Promise<void>;
}

/** The body of a callback whose signature fits. When it was signed is not judged: stories have a clock of their own. */
function opened(text: string, headers: Record<string, string>, secret: string): Json {
  const at = new Date(Number(headers["webhook-timestamp"]) * 1000);
  const wanted = new Webhook(secret).sign(String(headers["webhook-id"]), at, text);
  if (!headers["webhook-signature"]?.split(" ").includes(wanted))
    throw new Error("a callback's signature does not fit");
  return JSON.parse(text);
}

export async function startBot(secret: () => string): Promise<BotServer> {
  const heard: Callback[] = [];
  let failing = { count: 0, status: 500 };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString("utf8");
      const headers = request.headers as Record<string, string>;
      const body: Json = opened(text, headers, secret());
      if (failing.count > 0) {
        failing = { ...failing, count: failing.count - 1 };
        response.writeHead(failing.status).end();
        return;
      }
      const requestId = headers["x-request-id"] ?? null;
      heard.push({ id: String(headers["webhook-id"]), type: body.type, data: body.data, requestId });
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/baton`,
    heard,
    failNext: (count, status) => {
      failing = { count, status };
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export interface World {
  readonly baton: Baton;
  readonly first: FirstRun;
  readonly dataDir: string;
  readonly admin: Client;
  readonly bot: Client;
  readonly callbacks: BotServer;
  readonly chatwoot: ChatwootSimulator;
  /** Connects the bot to the Chatwoot of this world; gives the connection's id. */
  connectChatwoot(to?: ChatwootSimulator, settings?: Record<string, unknown>): Promise<string>;
  settings(patch: Record<string, unknown>): Promise<void>;
  as(token: string): Client;
  /** A member with a token of their own. */
  agent(name: string): Promise<{ id: string; client: Client }>;
  /** The clock of this world, which Chatwoot goes by as well. */
  clock(): Date;
  /** Moves the clock forward; what is due happens with the next sweep. */
  advance(milliseconds: number): void;
  /** All that the store holds, as text: what must not stand there in the clear is looked for in it. */
  stored(): Promise<string>;
  /** Stops the program and starts it again on the same data. With 0 it drops whatever it is doing. */
  restart(withinMs?: number): Promise<void>;
  stop(): Promise<void>;
}

/** The same stories on the other database: BATON_TEST_DATABASE=postgres npx vitest run test/stories */
const ON_POSTGRES = process.env["BATON_TEST_DATABASE"] === "postgres";

/** Short enough for stories, in the proportions of the real ones. */
const TIMING = { sweepMs: 50 };

/**
 * Baton as it really runs, on a data directory of its own, with a Chatwoot and a bot beside it, all over HTTP on loopback.
 */
export async function startWorld(
  options: { chatwoot?: ChatwootOptions; build?: BuildOptions; env?: Record<string, string>; log?: Log } = {},
): Promise<World> {
  const dataDir = mkdtempSync(join(tmpdir(), "baton-story-"));
  const database = ON_POSTGRES ? await emptyDatabase() : null;
  let offset = 0;
  const clock = () => new Date(Date.now() + offset);
  const chatwoot = await startChatwoot({ clock, ...options.chatwoot });
  let baton: Baton;
  let first: FirstRun;
  const start = async () => {
    const config = readConfig({
      PORT: "0",
      HOST: "127.0.0.1",
      DATA_DIR: dataDir,
      ALLOW_PRIVATE_NETWORK: "127.0.0.0/8,::1/128",
      LOG_LEVEL: "silent",
      ...(database && { DATABASE_URL: database.url }),
      ...options.env,
    });
    baton = await build(config, options.log ?? createLogger({ level: config.logLevel }), {
      clock,
      jobsTiming: TIMING,
      settleMs: 300,
      storeTiming: PATIENT,
      verifyAnswers: true,
      ...options.build,
    });
    await baton.start();
  };
  await start();
  first = (await firstRun(baton!, dataDir))!;
  const callbacks = await startBot(() => first.botSigningSecret);
  const at = () => baton.baseUrl();
  const through = (token: string): Client => {
    const now = () => client(at(), token);
    return {
      get: (...given) => now().get(...given),
      post: (...given) => now().post(...given),
      put: (...given) => now().put(...given),
      patch: (...given) => now().patch(...given),
      delete: (...given) => now().delete(...given),
    };
  };
  const admin = through(first.adminToken);
  const settings = async (patch: Record<string, unknown>) => {
    const answer = await admin.patch(`/v1/bots/${first.botId}`, { settings: patch });
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
  };
  await admin.patch(`/v1/bots/${first.botId}`, { callbackUrl: callbacks.url });

  return {
    get baton() {
      return baton;
    },
    first,
    dataDir,
    admin,
    bot: through(first.botToken),
    callbacks,
    chatwoot,
    as: through,
    async connectChatwoot(to = chatwoot, more = {}) {
      const made = await admin.post("/v1/connections", {
        type: "chatwoot",
        name: "Support",
        config: {
          baseUrl: to.url,
          accountId: to.accountId,
          inboxId: to.inboxId,
          apiAccessToken: to.apiAccessToken,
          webhookSecret: to.webhookSecret,
        },
      });
      if (made.status !== 201) throw new Error(JSON.stringify(made.body));
      to.setWebhookUrl(made.body.webhookUrl);
      await settings({ destinations: [{ id: made.body.id }], ...more });
      return made.body.id;
    },
    settings,
    async agent(name) {
      const { body: member } = await admin.post("/v1/members", { name, role: "agent" });
      const { body: issued } = await admin.post(`/v1/members/${member.id}/tokens`, {});
      const own = through(issued.token);
      await own.put("/v1/members/me/presence", { status: "online" });
      return { id: member.id, client: own };
    },
    clock,
    advance(milliseconds) {
      offset += milliseconds;
    },
    async stored() {
      if (database !== null) return await database.dump();
      const copy = join(dataDir, "copy.db");
      await baton.store.backup(copy);
      const bytes = readFileSync(copy);
      rmSync(copy);
      return bytes.toString("latin1");
    },
    async restart(withinMs) {
      const port = Number(new URL(at()).port);
      await baton.stop(withinMs);
      options = { ...options, env: { ...options.env, PORT: String(port) } };
      await start();
    },
    async stop() {
      await baton.stop();
      await callbacks.stop();
      await chatwoot.stop();
      await database?.giveBack();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Waits until `look` gives something; asks every few milliseconds, since what is waited for happens in other processes. */
export async function eventually<Value>(
  look: () => Value | null | undefined | false | Promise<Value | null | undefined | false>,
  withinMs = 8_000,
): Promise<Value> {
  const until = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (performance.now() > until) throw new Error(`not within ${withinMs} ms: ${look.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
