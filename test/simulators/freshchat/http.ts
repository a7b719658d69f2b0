import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { FreshchatRequest } from "./control.ts";
import { errorBody, forbidden, malformed, unauthenticated } from "./errors.ts";
import type { Context, Route } from "./router.ts";
import type { State } from "./state.ts";
import { rateHeaders } from "./trouble.ts";
import { startServer, type Incoming, type Result } from "../http.ts";
import type { CheckedRequest } from "../openapi-check.ts";
import { Refusal } from "../refusal.ts";
import { parseBody, toObject } from "../request-body.ts";
import { matchRoute } from "../router.ts";
import type { ApiTrouble } from "../trouble.ts";

export interface HttpOptions {
  readonly port: number;
  readonly intercept: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Holds one request against the API description; lists what does not fit. */
  readonly check: ((request: CheckedRequest) => string[]) | null;
  /** Waited for before a write is answered: lets webhooks overtake. */
  readonly beforeAnswer: () => Promise<void>;
}

type Who = Pick<FreshchatRequest, "hasToken">;
const minuteMs = 60_000;

/** The HTTP side: rate limit, token, plan, route, answer. Routes and rules live elsewhere. */
export function startHttp(state: State, trouble: ApiTrouble, routes: readonly Route[], options: HttpOptions) {
  const { settings } = state;
  const window = { minute: 0, count: 0 };
  let writes = 0;

  function limitHeaders(): Record<string, string> {
    const { requestsPerMinute: limit, rateLimitHeaders, rateLimitReset: reset } = settings;
    if (limit === null || !rateLimitHeaders) return {};
    const seconds = Math.ceil((minuteMs - (state.clock().getTime() % minuteMs)) / 1000);
    return rateHeaders(state.clock, { limit, left: Math.max(0, limit - window.count), seconds, reset });
  }

  function throttle(url: URL): Result | null {
    const limit = settings.requestsPerMinute;
    if (limit === null || !url.pathname.startsWith("/v2/")) return null;
    const now = state.clock().getTime();
    const minute = Math.floor(now / minuteMs);
    if (minute !== window.minute) Object.assign(window, { minute, count: 0 });
    window.count += 1;
    if (window.count <= limit) return null;
    const left = String(Math.ceil((minuteMs - (now % minuteMs)) / 1000));
    return {
      status: 429,
      body: errorBody(429, "TOO_MANY_REQUESTS", "Too many requests"),
      headers: { ...limitHeaders(), ...(settings.retryAfter ? { "retry-after": left } : {}) },
    };
  }

  async function perform(incoming: Incoming, { hasToken }: Who): Promise<Result> {
    const { method, url, complain } = incoming;
    const matched = matchRoute(routes, method, url.pathname);
    if (!url.pathname.startsWith("/v2/") && !matched) {
      // The portal of a custom domain: a page for every path, with 200 (1.1).
      complain("outside the API: a page of the portal");
      return { status: 200, body: "<!DOCTYPE html>\n<title>Support portal</title>\n", headers: {} };
    }
    const headers = { ...limitHeaders(), "x-trace-id": randomUUID() };
    try {
      const parsed = await parseBody(incoming.raw, incoming.request.headers["content-type"] ?? "", malformed);
      if (matched?.route.isApi !== false) {
        for (const problem of describedProblems(incoming, parsed)) complain(problem, "openapi");
        if (!hasToken) throw unauthenticated();
        if (!settings.planHasApi) throw forbidden();
      }
      if (!matched) {
        complain("no such endpoint in this simulator");
        return { status: 404, body: errorBody(404, "RESOURCE_NOT_FOUND", "resource not found"), headers };
      }
      const { route, params } = matched;
      const query = toObject(url.searchParams);
      for (const problem of route.problems(query)) complain(problem);
      const { body, files } = parsed;
      const context: Context = {
        state,
        baseUrl: incoming.baseUrl,
        method,
        params,
        query,
        body,
        files,
        complain: (problem) => complain(problem),
      };
      const result = await route.handle(context);
      if (route.isWrite && settings.webhookOvertakes) await options.beforeAnswer();
      return {
        status: result.status ?? (route.isWrite ? writeStatus() : 200),
        body: result.body,
        headers: { ...headers, ...result.headers },
      };
    } catch (error) {
      if (error instanceof Refusal) return { status: error.status, body: error.body, headers };
      complain(`the simulator failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      return { status: 500, body: errorBody(500, "INTERNAL_SERVER_ERROR", "Something went wrong"), headers };
    }
  }

  function describedProblems({ method, url, request }: Incoming, parsed: Awaited<ReturnType<typeof parseBody>>) {
    const files = Object.fromEntries(parsed.files.map((file) => [file.field, file.name]));
    return (
      options.check?.({
        method,
        path: url.pathname,
        query: url.searchParams,
        contentType: request.headers["content-type"] ?? "",
        body: { ...parsed.body, ...files },
      }) ?? []
    );
  }

  function writeStatus(): number {
    if (settings.writeStatus !== "mixed") return settings.writeStatus;
    return [200, 202, 201][writes++ % 3]!;
  }

  return startServer<Who>({
    port: options.port,
    clock: state.clock,
    trouble,
    changed: () => void state.events.emit("change"),
    intercept: options.intercept,
    about: ({ headers }) => ({
      hasToken: !state.token.isExpired && headers.authorization === `Bearer ${state.token.value}`,
    }),
    throttle,
    perform,
  });
}
