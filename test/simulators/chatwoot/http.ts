import type { IncomingMessage, ServerResponse } from "node:http";
import { crash, unauthorized } from "./errors.ts";
import type { Caller, Context, Route } from "./router.ts";
import { isAtLeast, type State } from "./state.ts";
import { startServer, type Incoming, type LoggedRequest as Logged, type Result } from "../http.ts";
import type { CheckedRequest } from "../openapi-check.ts";
import { Refusal } from "../refusal.ts";
import { parseBody, toObject } from "../request-body.ts";
import { matchRoute } from "../router.ts";
import type { ApiTrouble } from "../trouble.ts";

/** What the log keeps of who called. */
export interface Who {
  /** The name under which the token came: both forms work, only the hyphen form passes a default nginx (8.1). */
  readonly tokenHeader: "api_access_token" | "api-access-token" | null;
  readonly caller: "administrator" | "agent" | "bot" | null;
}
export type LoggedRequest = Logged & Who;

export interface HttpOptions {
  readonly port: number;
  readonly dropsHeaders: "underscored" | "both" | "none";
  readonly limitPerMinute: number | null;
  readonly contactSearchPerMinute: number | null;
  readonly intercept: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Holds one request against the published API description; lists what does not fit. */
  readonly check: ((request: CheckedRequest) => string[]) | null;
}

/** The HTTP side: limits, token, route, answer. Routes and rules live elsewhere. */
export async function startHttp(state: State, trouble: ApiTrouble, routes: readonly Route[], options: HttpOptions) {
  const limits = { all: perMinute(options.limitPerMinute), search: perMinute(options.contactSearchPerMinute) };
  const settings = { ...options };
  const identify = (request: IncomingMessage) => {
    const token = readToken(request, settings.dropsHeaders);
    return { token, caller: token ? callerOf(state, token.value) : null };
  };

  const server = await startServer<Who>({
    port: options.port,
    clock: state.clock,
    trouble,
    changed: () => void state.events.emit("change"),
    intercept: options.intercept,
    about(request) {
      const { token, caller } = identify(request);
      const name = caller?.kind === "bot" ? "bot" : (caller?.user.role ?? null);
      return { tokenHeader: token?.header ?? null, caller: name };
    },
    throttle: (url) =>
      limits.all() && (!url.pathname.endsWith("/contacts/search") || limits.search())
        ? null
        : { status: 429, body: "Retry later\n", headers: { "content-type": "text/plain" } },
    perform,
  });

  async function perform({ request, method, url, raw, baseUrl, complain }: Incoming): Promise<Result> {
    try {
      const { token, caller } = identify(request);
      const contentType = request.headers["content-type"] ?? "";
      // Rails refuses it before any controller runs.
      const parsed = await parseBody(raw, contentType, () => new Refusal(400, { status: 400, error: "Bad Request" }));
      if (request.headers.authorization !== undefined) complain("an Authorization header beside the token (8.1)");
      const matched = matchRoute(routes, method, url.pathname);
      if (!matched) complain("no such endpoint in this simulator");
      if (!matched || (matched.route.since !== undefined && !isAtLeast(state, matched.route.since))) {
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
    ...server,
    settings,
    setLimitPerMinute: (limit: number | null) => (limits.all = perMinute(limit)),
  };
}

function readToken(request: IncomingMessage, drops: HttpOptions["dropsHeaders"]) {
  if (drops === "both") return null;
  const underscore = request.headers["api_access_token"];
  const hyphen = request.headers["api-access-token"];
  if (typeof hyphen === "string" && hyphen !== "") return { value: hyphen, header: "api-access-token" as const };
  if (drops === "underscored" || typeof underscore !== "string" || underscore === "") return null;
  return { value: underscore, header: "api_access_token" as const };
}

function callerOf(state: State, token: string): Caller | null {
  const bot = [...state.bots.values()].find((item) => item.token === token);
  if (bot) return { kind: "bot", bot };
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
  if (params["account_id"] !== undefined) {
    const isForeign = Number(params["account_id"]) !== state.accountId;
    if (isForeign || !isMember(state, caller)) throw unauthorized("You are not authorized to access this account");
    if (!state.settings.planHasApi && isAtLeast(state, "4.16")) {
      throw new Refusal(403, { error: "API access is not part of this account's plan" });
    }
  }
  if (route.who === "administrator" && !(caller.kind === "user" && caller.user.role === "administrator")) {
    throw unauthorized("You are not authorized to do this action");
  }
}

/** A bot of the account belongs to it; one of the installation only by an inbox that it is connected to. */
function isMember(state: State, caller: Caller): boolean {
  if (caller.kind === "user") return caller.user.role !== null;
  return !caller.bot.isSystemBot || [...state.inboxes.values()].some((inbox) => inbox.botId === caller.bot.id);
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
