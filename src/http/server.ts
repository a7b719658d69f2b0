import { createServer } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import express from "express";
import type { Express, RequestHandler } from "express";
import { HandoffError } from "../domain/errors.ts";
import type { ErrorCode } from "../domain/errors.ts";
import type { Clock, Log, Store } from "../ports.ts";
import type { Limiters } from "../ports-bus.ts";
import { noMetrics } from "../ports-metrics.ts";
import type { Metrics } from "../ports-metrics.ts";
import { inRequest } from "../request-scope.ts";
import type { Sealer } from "../secrets/sealing.ts";
import { createAudit } from "./audit.ts";
import { connectionLimits } from "./connection-limits.ts";
import { contextOf, setContext } from "./context.ts";
import type { RequestContext } from "./context.ts";
import { documentPages } from "./document-pages.ts";
import { createEventStreams } from "./event-stream.ts";
import { createIdempotency } from "./idempotency.ts";
import { PROBLEM_TYPE, problemHandler, problemOf } from "./problem.ts";
import { respond } from "./respond.ts";
import { createRateLimits } from "./rate-limits.ts";
import { newRequestId, requestIdOf } from "./request-id.ts";
import type { Route } from "./route.ts";
import { createSessions } from "./sessions.ts";
import { securityHeaders, setHeaders } from "./security-headers.ts";
import type { HeaderList } from "./security-headers.ts";
import { runRoute } from "./run-route.ts";
import { memberIdOf } from "./principal.ts";
import type { Tokens } from "./tokens.ts";

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const CHECK_EVERY_MS = 1_000;
/** Longer than the minute that load balancers keep a connection, so that it is never us who close under a request. */
const KEEP_ALIVE_MS = 65_000;
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_HEADERS = 100;
const STOP_POLL_MS = 20;
const SILENT_GRACE_MS = 500;
const LINGER_MS = 500;

/** Something served beside the routes: webhooks, static pages, the console. Its errors are answered like everybody's. */
export interface Mount {
  readonly path: `/${string}`;
  readonly handler: RequestHandler;
}

export interface HttpServerOptions {
  readonly config: {
    /** As Express's `trust proxy` takes it. */
    readonly trustProxy: false | number | readonly string[];
    /** Multiplies every limit. */
    readonly rateLimit: number | "off";
  };
  /** Asked when it is needed: with PORT=0 it is known only once the server listens. */
  readonly baseUrl: () => string;
  readonly routes: readonly Route[];
  readonly store: Store;
  readonly tokens: Tokens;
  readonly log: Log;
  readonly clock: Clock;
  /** Shows the audit log which credentials are others than before; without it, all that were given again count as changed. */
  readonly sealer?: Sealer;
  /** How requests are counted; without it in this process's memory. */
  readonly limiters?: Limiters | undefined;
  /** Absent: nothing is counted. */
  readonly metrics?: Metrics;
  /** In order, after the routes and before `not_found`. */
  readonly mounts?: readonly Mount[];
  /** Checks each answer against the route's description; a difference is a 500. For tests. */
  readonly verifyAnswers?: boolean;
  /** For tests that cannot wait for the real ones. */
  readonly timeouts?: { readonly headersMs?: number; readonly requestMs?: number; readonly checkEveryMs?: number };
}

export interface HttpServer {
  readonly app: Express;
  /** Resolves with the port once requests are served. Rejects when the port is taken. */
  listen(at: { readonly port: number; readonly host?: string | undefined }): Promise<number>;
  /** Takes no new request, lets the running ones finish, ends event streams; cuts off what is left after `withinMs`. */
  stop(withinMs: number): Promise<void>;
  /** Event streams open now. */
  streamCount(): number;
}

/** The server that everything is served by. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { store, tokens, clock, log, baseUrl, routes } = options;
  const most = connectionLimits();
  const sessions = createSessions({ store, clock, log, baseUrl });
  const streams = createEventStreams({
    clock,
    log,
    isRevoked: tokens.isRevoked,
    rolesOf: sessions.rolesOf,
    most: most.streams,
  });
  const stopping = new AbortController();
  const deps = {
    store,
    tokens,
    clock,
    streams,
    sessions,
    stopping: stopping.signal,
    limits: createRateLimits(options.config.rateLimit, options.limiters),
    idempotency: createIdempotency({ store, clock }),
    audit: createAudit({ sealer: options.sealer }),
    verifyAnswers: options.verifyAnswers ?? false,
  };
  const isStopping = () => stopping.signal.aborted;

  const app = express();
  app.set("etag", false).set("query parser", false).set("case sensitive routing", true);
  app.set("trust proxy", options.config.trustProxy);
  app.disable("x-powered-by");
  const standing = securityHeaders({ isHttps: baseUrl().startsWith("https:") });
  const { metrics = noMetrics } = options;
  app.use(begin(app, { log, metrics, standing, isStopping }));
  for (const route of routes) {
    const mount = app[verbOf(route)].bind(app);
    mount(route.path.replaceAll(/\{(\w+)\}/g, ":$1"), runRoute(route, deps));
  }
  for (const [path, handler] of documentPages({ routes, baseUrl })) app.get(path, handler);
  app.get("/", rootPage(options.mounts ?? []));
  app.use(setHeaders(standing));
  for (const { path, handler } of options.mounts ?? []) app.use(path, named(path), handler);
  app.use(nothingHere(routes));
  app.use(problemHandler({ baseUrl, log }));

  const server = createNodeServer(app, options);
  server.maxConnections = most.connections;
  // Node counts a connection that has not sent anything yet as busy, and would wait for its first request.
  const silent = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    silent.add(socket);
    socket.once("close", () => silent.delete(socket));
  });
  server.on("request", (request: IncomingMessage) => silent.delete(request.socket));
  return {
    app,
    streamCount: streams.count,
    listen: ({ port, host }) => listen(server, port, host),
    async stop(withinMs) {
      stopping.abort();
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      streams.closeAll();
      // A request may be on its way through a connection that was just made.
      const grace = setTimeout(
        () => {
          for (const socket of silent) socket.destroy();
        },
        Math.min(SILENT_GRACE_MS, withinMs),
      );
      // A connection that was busy when `close` was called is idle later: nobody else closes it.
      const sweep = setInterval(() => server.closeIdleConnections(), STOP_POLL_MS);
      const late = setTimeout(() => server.closeAllConnections(), withinMs);
      await closed;
      clearInterval(sweep);
      clearTimeout(late);
      clearTimeout(grace);
    },
  };
}

/** What is mounted is told by its place alone: below it stand ids, and in old webhooks' paths a secret. */
const named =
  (path: string): RequestHandler =>
  (_request, response, next) => {
    contextOf(response).route = path;
    next();
  };

/** Links lead people to `/`, which is never an empty place: the demo where it is served, else the documentation. */
function rootPage(mounts: readonly Mount[]): RequestHandler {
  const location = mounts.some(({ path }) => path === "/demo") ? "/demo" : "/docs";
  return (_request, response) => {
    contextOf(response).route = "/";
    respond(response, { status: 302, headers: { Location: location } });
  };
}

const VERBS = { GET: "get", POST: "post", PUT: "put", PATCH: "patch", DELETE: "delete" } as const;
const verbOf = (route: Route) => VERBS[route.method];

function listen(server: Server, port: number, host: string | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      server.off("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

function createNodeServer(app: Express, { timeouts = {}, baseUrl }: HttpServerOptions): Server {
  const server = createServer(
    {
      headersTimeout: timeouts.headersMs ?? HEADERS_TIMEOUT_MS,
      requestTimeout: timeouts.requestMs ?? REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: timeouts.checkEveryMs ?? CHECK_EVERY_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    app,
  );
  server.maxHeadersCount = MAX_HEADERS;
  const answering = new WeakMap<Socket, { readonly headersSent: boolean }>();
  server.on("request", (request: IncomingMessage, response) => answering.set(request.socket, response));
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    if (!socket.writable || error.code === "ECONNRESET" || answering.get(socket)?.headersSent === true) {
      socket.destroy();
      return;
    }
    socket.end(brokenRequestAnswer(error.code, baseUrl()));
    // Cut off at once while more is coming in, the answer would be lost on its way.
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  });
  return server;
}

const BROKEN: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: "headers_too_large",
  ERR_HTTP_REQUEST_TIMEOUT: "request_timeout",
};

/** What never became a request has no response object: its answer is written by hand. */
function brokenRequestAnswer(code: string | undefined, baseUrl: string): string {
  const error = new HandoffError(BROKEN[code ?? ""] ?? "malformed_request");
  const requestId = newRequestId();
  const body = JSON.stringify(problemOf(error, { baseUrl, requestId }));
  return [
    `HTTP/1.1 ${error.status} ${error.code}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    "Connection: close",
    "",
    body,
  ].join("\r\n");
}

interface Beginning {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly standing: HeaderList;
  readonly isStopping: () => boolean;
}

/** First step of every request: its id, and its log line when it is over. */
function begin(app: Express, { log, metrics, standing, isStopping }: Beginning): RequestHandler {
  const isTrustedProxy = app.get("trust proxy fn") as (address: string, hop: number) => boolean;
  return (request, response, next) => {
    const isFromProxy = isTrustedProxy(request.socket.remoteAddress ?? "", 0);
    const context: RequestContext = {
      requestId: isFromProxy ? requestIdOf(request.headers) : newRequestId(),
      standing,
      isLast: isStopping,
      startedAt: performance.now(),
      route: null,
      principal: null,
      isStream: false,
      code: null,
    };
    setContext(response, context);
    response.once("close", () => {
      const { principal, route, isStream } = context;
      const { method } = request;
      const durationMs = Math.round((performance.now() - context.startedAt) * 1000) / 1000;
      // The reader has gone before the end: what nginx calls 499.
      const httpStatus = response.writableFinished ? response.statusCode : 499;
      metrics.requestServed({ method, route, status: httpStatus, seconds: isStream ? null : durationMs / 1000 });
      log.info("request_served", {
        requestId: context.requestId,
        method,
        route,
        httpStatus,
        durationMs,
        code: context.code,
        scope: principal?.scope,
        workspaceId: principal?.workspaceId,
        memberId: principal && memberIdOf(principal),
      });
    });
    inRequest(context.requestId, next);
  };
}

/** After everything else: a known path with another method is 405, anything else 404. */
function nothingHere(routes: readonly Route[]): RequestHandler {
  const byPath = new Map<string, Set<string>>();
  for (const { path, method } of routes) {
    const methods = byPath.get(path) ?? new Set();
    byPath.set(path, methods.add(method));
    if (method === "GET") methods.add("HEAD");
  }
  const known = [...byPath].map(([path, methods]) => ({
    path,
    pattern: new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}/?$`),
    allow: [...methods].join(", "),
  }));
  return (request, response) => {
    const found = known.find(({ pattern }) => pattern.test(request.path));
    if (found === undefined) throw new HandoffError("not_found");
    contextOf(response).route = found.path;
    response.setHeader("Allow", found.allow);
    if (request.method !== "OPTIONS") {
      throw new HandoffError("method_not_allowed", `This route takes ${found.allow}`);
    }
    respond(response, { status: 204 });
  };
}
