import { EventEmitter } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { crash, Refusal, unauthorized } from "./errors.ts";
import { parseBody, readableBody, readAll, toObject } from "./request-body.ts";
import { matchRoute, type Caller, type Context, type Route } from "./router.ts";
import type { Json, State } from "./state.ts";
import type { ApiTrouble, Mischief } from "./trouble.ts";

export interface LoggedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly body: Json | string | null;
  readonly at: Date;
  /** The name under which the token came: both forms work, only the hyphen form passes a default nginx (8.1). */
  readonly tokenHeader: "api_access_token" | "api-access-token" | null;
  readonly caller: "administrator" | "agent" | "bot" | null;
  /** What was answered; null while under way, and for ever when no answer was given. */
  status: number | null;
}

export interface Violation {
  readonly request: string;
  readonly problem: string;
  readonly source: "simulator" | "openapi";
}

export interface HttpOptions {
  readonly port: number;
  readonly dropUnderscoreHeaders: boolean;
  readonly limitPerMinute: number | null;
  readonly contactSearchPerMinute: number | null;
  readonly intercept: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/** Holds one request against the published API description; returns what does not fit. */
export type RequestCheck = (request: {
  method: string;
  path: string;
  query: URLSearchParams;
  contentType: string;
  body: unknown;
}) => string[];

/** The HTTP side: log, limits, trouble, token, route, answer. Routes and rules live elsewhere. */
export async function startHttp(
  state: State,
  trouble: ApiTrouble,
  routes: readonly Route[],
  options: HttpOptions & { check: RequestCheck | null },
) {
  const requests: LoggedRequest[] = [];
  const violations: Violation[] = [];
  let isDown = false;
  let isStopped = false;
  const limits = { all: perMinute(options.limitPerMinute), search: perMinute(options.contactSearchPerMinute) };
  const settings = { ...options };

  const server = createServer((request, response) => {
    if (!options.intercept(request, response)) void serve(request, response).catch(() => response.destroy());
  });
  server.keepAliveTimeout = 30_000;
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", () => {
        server.off("error", reject);
        resolve();
      });
    });
  await listen(options.port);
  const { port } = server.address() as AddressInfo;
  const baseUrl = `http://127.0.0.1:${port}`;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", baseUrl);
    const method = request.method ?? "GET";
    const raw = await readAll(request);
    const token = readToken(request, settings.dropUnderscoreHeaders);
    const caller = token ? callerOf(state, token.value) : null;
    const logged: LoggedRequest = {
      method,
      path: url.pathname,
      query: url.search,
      body: readableBody(raw, request.headers["content-type"] ?? ""),
      at: state.clock(),
      tokenHeader: token?.header ?? null,
      caller: caller === null ? null : caller.kind === "bot" ? "bot" : caller.user.role,
      status: null,
    };
    requests.push(logged);
    state.events.emit("change");
    const answer = (status: number, body: unknown, headers: Record<string, string> = {}) => {
      if (isStopped || response.destroyed) return;
      write(response, status, body, headers);
      logged.status = status;
      state.events.emit("change");
    };
    await pause(trouble.delayFor(method, url.pathname));
    if (isStopped) return;
    if (isDown)
      return answer(503, "<html>\n<head><title>503 Service Temporarily Unavailable</title></head>\n</html>\n");
    if (!limits.all() || (url.pathname.endsWith("/contacts/search") && !limits.search())) {
      return answer(429, "Retry later\n", { "content-type": "text/plain" });
    }
    const work = () => perform(method, url, raw, request, token, caller);
    const mischief = trouble.take(method, url.pathname);
    if (mischief) return misbehave(mischief, work, answer, response);
    const result = await work();
    answer(result.status, result.body, result.headers);
  }

  async function misbehave(
    mischief: Mischief,
    work: () => Promise<Result>,
    answer: (status: number, body: unknown, headers?: Record<string, string>) => void,
    response: ServerResponse,
  ): Promise<void> {
    switch (mischief.kind) {
      case "answer":
        return answer(mischief.status, mischief.body, mischief.headers);
      case "html":
        return answer(200, "<!DOCTYPE html>\n<title>Just a moment...</title>\n", { "content-type": "text/html" });
      case "reset_before":
        response.destroy();
        return;
      case "destroy_after":
        await work();
        response.destroy();
        return;
      case "hang_after":
        await work();
        return;
      case "late":
        await pause(mischief.ms);
        if (!isStopped) await work();
    }
  }

  async function perform(
    method: string,
    url: URL,
    raw: Buffer,
    request: IncomingMessage,
    token: { value: string } | null,
    caller: Caller | null,
  ): Promise<Result> {
    const name = `${method} ${url.pathname}`;
    const complain = (problem: string, source: Violation["source"] = "simulator") => {
      violations.push({ request: name, problem, source });
    };
    try {
      const contentType = request.headers["content-type"] ?? "";
      const parsed = await parseBody(raw, contentType);
      if (request.headers.authorization !== undefined) complain("an Authorization header beside the token (8.1)");
      const matched = matchRoute(routes, method, url.pathname);
      if (!matched) {
        complain("no such endpoint in this simulator");
        return { status: 404, body: { status: 404, error: "Not Found" }, headers: {} };
      }
      const { route, params } = matched;
      if (route.isChecked !== false) {
        const about = { method, path: url.pathname, query: url.searchParams, contentType, body: parsed.body };
        for (const problem of options.check?.(about) ?? []) complain(problem, "openapi");
      }
      const query = toObject(url.searchParams);
      for (const problem of route.problems(parsed.body, query)) complain(problem);
      authorize(state, route, params, token, caller);
      const context: Context = { state, baseUrl, params, query, caller, ...parsed };
      const result = await route.handle(context);
      return { status: result.status ?? 200, body: result.body, headers: result.headers ?? {} };
    } catch (error) {
      if (error instanceof Refusal) return { status: error.status, body: error.body, headers: {} };
      complain(`the simulator failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      const { status, body } = crash();
      return { status, body, headers: {} };
    }
  }

  return {
    baseUrl,
    requests,
    violations,
    settings,
    setLimitPerMinute: (limit: number | null) => (limits.all = perMinute(limit)),
    /** Refuses connections, or with "503" answers as a proxy without its server. */
    async down(how: "refused" | "503" = "refused"): Promise<void> {
      if (how === "503") {
        isDown = true;
        return;
      }
      await close();
    },
    async up(): Promise<void> {
      isDown = false;
      if (!server.listening) await listen(port);
    },
    async stop(): Promise<void> {
      isStopped = true;
      await close();
    },
  };

  async function close(): Promise<void> {
    if (!server.listening) return;
    const closed = EventEmitter.once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }
}

type Result = { status: number; body: unknown; headers: Record<string, string> };

const pause = (ms: number) => (ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : Promise.resolve());

function readToken(request: IncomingMessage, dropUnderscore: boolean) {
  const underscore = request.headers["api_access_token"];
  const hyphen = request.headers["api-access-token"];
  if (typeof hyphen === "string" && hyphen !== "") return { value: hyphen, header: "api-access-token" as const };
  if (dropUnderscore || typeof underscore !== "string" || underscore === "") return null;
  return { value: underscore, header: "api_access_token" as const };
}

function callerOf(state: State, token: string): Caller | null {
  if (token === state.bot.token) return { kind: "bot" };
  const user = [...state.users.values()].find((item) => item.token === token);
  return user ? { kind: "user", user } : null;
}

/** The ways to be refused before a controller runs, each with its own words (8.1, 8.2, 8.5). */
function authorize(
  state: State,
  route: Route,
  params: Record<string, string>,
  token: { value: string } | null,
  caller: Caller | null,
): void {
  if (route.who === "anyone") return;
  if (!token) throw new Refusal(401, { errors: ["You need to sign in or sign up before continuing."] });
  if (!caller) throw unauthorized("Invalid Access Token");
  if (caller.kind === "bot" && route.who !== "bots_too") {
    throw unauthorized("Access to this endpoint is not authorized for bots");
  }
  if (params["account_id"] !== undefined && Number(params["account_id"]) !== state.accountId) {
    throw unauthorized("You are not authorized to access this account");
  }
  if (route.who === "administrator" && !(caller.kind === "user" && caller.user.role === "administrator")) {
    throw unauthorized("You are not authorized to do this action");
  }
}

function write(response: ServerResponse, status: number, body: unknown, headers: Record<string, string>): void {
  if (body instanceof Uint8Array || body === undefined) {
    response.writeHead(status, headers).end(body);
    return;
  }
  const isText = typeof body === "string";
  const type = isText ? "text/html; charset=UTF-8" : "application/json; charset=utf-8";
  response.writeHead(status, { "content-type": type, ...headers }).end(isText ? body : JSON.stringify(body));
}

/** A fixed window of one minute of real time, as the throttle in front of Chatwoot counts. */
function perMinute(limit: number | null): () => boolean {
  let minute = 0;
  let count = 0;
  return () => {
    if (limit === null) return true;
    const now = Math.floor(Date.now() / 60_000);
    if (now !== minute) [minute, count] = [now, 0];
    count += 1;
    return count <= limit;
  };
}
