import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { createHttpServer } from "../../src/http/server.ts";
import type { HttpServer, HttpServerOptions } from "../../src/http/server.ts";
import { createTokens } from "../../src/http/tokens.ts";
import type { Tokens } from "../../src/http/tokens.ts";
import type { Scope } from "../../src/http/principal.ts";
import type { Route } from "../../src/http/route.ts";
import { adminRoutes } from "../../src/http/routes/admin.ts";
import type { AdminDeps } from "../../src/http/routes/deps.ts";
import { healthRoutes } from "../../src/http/routes/health.ts";
import { createBotDirectory } from "../../src/handoffs/deps.ts";
import type { Deps } from "../../src/handoffs/deps.ts";
import { createMarks } from "../../src/handoffs/marks.ts";
import type { Marks } from "../../src/handoffs/marks.ts";
import { mailOf } from "../../src/handoffs/mail.ts";
import { newId } from "../../src/ids.ts";
import type { DeliveryError } from "../../src/domain/delivery.ts";
import type {
  CheckReport,
  Choices,
  Connector,
  ConnectorFactory,
  Install,
  Log,
  LogFields,
  Outgoing,
  ProvisionReport,
  Store,
} from "../../src/ports.ts";
import type { Diagnosis } from "../../src/ports-doctor.ts";
import { createOutgoing } from "../../src/outgoing/outgoing.ts";
import { createPersonHashes } from "../../src/secrets/person-hash.ts";
import { createSealer } from "../../src/secrets/sealing.ts";
import { deriveKeys } from "../../src/secrets/keys.ts";
import { openSqliteStore } from "../../src/storage/sqlite-store.ts";
import { fakeConnector, fakeFreshchat } from "./fake-freshchat.ts";
import type { FakeFreshchat } from "./fake-freshchat.ts";

const keys = deriveKeys(["a master secret of the tests, long enough to be one"]);
export const sealer = createSealer(keys.sealing);
export const ISSUER = "https://baton.test";

export interface World {
  readonly url: string;
  readonly port: number;
  readonly store: Store;
  readonly tokens: Tokens;
  readonly server: HttpServer;
  /** The store's file. */
  readonly file: string;
  readonly logged: { event: string; fields: LogFields }[];
  /** Ids of connections that the registry was told about. */
  readonly changed: string[];
  /** Ids of connections that the worker was told to try again. */
  readonly mended: string[];
  /** What the server finds about itself. */
  readonly health: { diagnoses: readonly Diagnosis[] };
  /** Told of webhooks: the harness has no door for them. */
  readonly marks: Marks;
  /** The FreshChat that installed apps speak of. */
  readonly freshchat: FakeFreshchat;
  /** What the fake helpdesk's check finds next, and what it was configured with. */
  readonly helpdesk: {
    report: CheckReport;
    configs: unknown[];
    choices: Choices;
    failure: DeliveryError | null;
    /** A check asks it at its address; else its answer comes from nowhere. */
    isAsked: boolean;
    /** What its install does. */
    install: Install<unknown>;
  };
  clock(): Date;
  setClock(at: Date | null): void;
  call(method: string, path: string, options?: CallOptions): Promise<Reply>;
  token(scope: Scope, workspaceId: string | null, subject: string): string;
  readonly operator: string;
  workspace(name: string): Promise<{ id: string; admin: string }>;
  close(): Promise<void>;
}

export interface CallOptions {
  readonly token?: string | undefined;
  readonly body?: unknown;
  /** Sent as they are, instead of `body`. */
  readonly bytes?: Uint8Array | string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent in chunks, without its length. */
  readonly chunked?: boolean;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // Answers are judged by the tests, field by field.
  // eslint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

export async function startWorld(
  options: {
    extra?: (store: Store) => readonly Route[];
    server?: Partial<HttpServerOptions>;
    installWithinMs?: number;
    provisionWithinMs?: number;
    /** Requests to loopback go out; else none does. */
    reachesOut?: boolean;
  } = {},
): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), "baton-http-"));
  const file = join(directory, "test.db");
  const store = await openSqliteStore(file);
  let fixed: Date | null = null;
  const clock = () => fixed ?? new Date();
  const tokens = createTokens({ keys: [keys.tokens[0].bytes], clock, issuer: ISSUER });
  const logged: World["logged"] = [];
  const log = collectingLog(logged);
  const changed: string[] = [];
  const mended: string[] = [];
  const freshchat = fakeFreshchat();
  const helpdesk: World["helpdesk"] = {
    report: { ok: true, findings: [], about: { version: "4.2" } },
    configs: [],
    choices: {},
    failure: null,
    isAsked: options.reachesOut ?? false,
    install: { provision: () => Promise.resolve(NOTHING_DONE), remove: () => Promise.resolve(NOTHING_DONE) },
  };
  const marks = createMarks();
  const health: World["health"] = { diagnoses: [] };
  let url = "http://localhost:0";
  const deps: AdminDeps = {
    store,
    tokens,
    sealer,
    personHashes: createPersonHashes(keys.people),
    clock,
    log,
    outgoing: options.reachesOut === true ? createOutgoing(LOOPBACK) : outgoing,
    baseUrl: () => url,
    handoffs: handoffDeps({ store, clock, log, baseUrl: () => url }),
    factories: new Map([
      ["fakedesk", fakedesk(helpdesk)],
      ["freshchat", freshchat.factory],
    ]),
    connectionChanged: (id) => changed.push(id),
    connectionMended: (id) => mended.push(id),
    wakeWebhooks: () => {},
    marks,
    checkServer: () => Promise.resolve(health.diagnoses),
    provisionWithinMs: options.provisionWithinMs,
    installWithinMs: options.installWithinMs,
    mailOf: (delivery) => mailOf(store.read, delivery),
  };
  const routes = [
    ...(options.extra?.(store) ?? []),
    ...adminRoutes(deps),
    ...healthRoutes(() => Promise.resolve({ ready: true, parts: { store: "ok" } })),
  ];
  const server = createHttpServer({
    config: { trustProxy: false, rateLimit: "off" },
    baseUrl: () => url,
    routes,
    store,
    tokens,
    log,
    clock,
    sealer,
    verifyAnswers: true,
    ...options.server,
  });
  const port = await server.listen({ port: 0, host: "127.0.0.1" });
  url = `http://127.0.0.1:${port}`;

  const call = (method: string, path: string, given: CallOptions = {}) => send(url, method, path, given);
  const token = (scope: Scope, workspaceId: string | null, subject: string) =>
    tokens.issue({ scope, workspaceId, subject, ttlSeconds: 3600, jti: newId("token") });
  const operator = token("operator", null, "operator");
  return {
    url,
    port,
    store,
    tokens,
    server,
    file,
    logged,
    changed,
    mended,
    helpdesk,
    health,
    marks,
    freshchat,
    clock,
    setClock: (at) => {
      fixed = at;
    },
    call,
    token,
    operator,
    async workspace(name) {
      const { body } = await call("POST", "/v1/workspaces", { token: operator, body: { name } });
      return { id: body.workspace.id, admin: body.adminToken };
    },
    async close() {
      await server.stop(1_000);
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** By node:http, since fetch sends no odd methods, paths and headers. */
async function send(url: string, method: string, path: string, given: CallOptions): Promise<Reply> {
  const payload = given.bytes ?? (given.body === undefined ? undefined : JSON.stringify(given.body));
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${url}${path}`, {
      method,
      headers: {
        ...(payload === undefined ? {} : { "content-type": "application/json" }),
        ...(payload === undefined || given.chunked ? {} : { "content-length": Buffer.byteLength(payload) }),
        ...(given.token === undefined ? {} : { authorization: `Bearer ${given.token}` }),
        ...given.headers,
      },
    });
    request.on("error", reject);
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      const told = () => {
        const text = Buffer.concat(chunks).toString();
        const type = response.headers["content-type"] ?? "";
        resolve({
          status: response.statusCode ?? 0,
          headers: new Headers(Object.entries(response.headers).map(([name, value]) => [name, String(value)])),
          text,
          body: type.includes("json") && text !== "" ? JSON.parse(text) : undefined,
        });
      };
      // The workspace's news ends only with its reader.
      const isEndless = path.startsWith("/v1/events");
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        if (!isEndless) return;
        // That it begins is all that is asked here.
        told();
        request.destroy();
      });
      response.on("error", reject);
      response.on("end", told);
    });
    request.end(payload);
  });
}

const NOTHING_DONE: ProvisionReport = { ok: true, steps: [], about: {} };

const FakeConfig = z.strictObject({
  baseUrl: z.url().transform((text) => text.replace(/\/+$/, "")),
  accountId: z.int().positive().nullish(),
  inboxId: z.int().positive().nullish(),
  apiAccessToken: z.string().min(1),
  webhookSecret: z.string().nullish(),
  botId: z.string().nullish(),
});

function fakedesk(helpdesk: World["helpdesk"]): ConnectorFactory {
  return {
    type: "fakedesk",
    title: "Fakedesk",
    parseConfig: (given) => FakeConfig.parse(given),
    secretFields: ["apiAccessToken", "webhookSecret"],
    configSchema: z.toJSONSchema(FakeConfig, { io: "input" }),
    hostFields: ["baseUrl"],
    install: {
      provision: (...given) => helpdesk.install.provision(...given),
      remove: (...given) => helpdesk.install.remove(...given),
    },
    create(config, { outgoing: out }) {
      helpdesk.configs.push(config);
      const connector: Pick<Connector, "check" | "choices"> = {
        async check() {
          const { baseUrl: url } = FakeConfig.parse(config);
          if (helpdesk.isAsked) await out.request({ method: "GET", url });
          return helpdesk.report;
        },
        choices: () =>
          helpdesk.failure === null ? Promise.resolve(helpdesk.choices) : Promise.reject(helpdesk.failure),
      };
      return connector as Connector;
    },
  };
}

const LOOPBACK = { allowPrivateNetwork: ["127.0.0.0/8"], userAgent: "test" };

const outgoing: Outgoing = {
  request: () => Promise.reject(new Error("nothing goes out here")),
  download: () => Promise.reject(new Error("nothing goes out here")),
  urlFault: (url) => (url.includes("169.254.") ? "leads to a cloud metadata address" : null),
  close: () => {},
};

/** The rules of handoffs on this store, with no helpdesk behind them: connections are made from the fake FreshChat alone. */
function handoffDeps(of: { store: Store; clock: () => Date; log: Log; baseUrl: () => string }): Deps {
  const { store, clock, log } = of;
  return {
    store,
    clock,
    log,
    bots: createBotDirectory(),
    connectors: {
      get: async (workspaceId, id) => {
        const connection = await store.read.connection(workspaceId, id);
        return connection?.type === "freshchat" ? fakeConnector() : null;
      },
      types: () => [],
      isLocal: (id) => id === "inbox",
      settleMs: () => 0,
    },
    presence: { online: () => Promise.resolve(null), changed: () => {} },
    circuits: { isDown: () => false },
    mailer: null,
    get baseUrl() {
      return of.baseUrl();
    },
  };
}

function collectingLog(logged: World["logged"]): Log {
  const at = (event: string, fields: LogFields = {}) => void logged.push({ event, fields });
  const log: Log = { debug: at, info: at, warn: at, error: at, with: () => log };
  return log;
}
