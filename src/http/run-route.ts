import type { Request, RequestHandler, Response } from "express";
import type { z } from "zod";
import { cleanText } from "../domain/clean-text.ts";
import { HandoffError } from "../domain/errors.ts";
import type { Clock, Store } from "../ports.ts";
import { checkContentType, DEFAULT_BODY_LIMIT, parseJsonBody, readBytes } from "./body.ts";
import { contextOf } from "./context.ts";
import type { Audit } from "./audit.ts";
import type { RequestContext } from "./context.ts";
import type { EventStreams } from "./event-stream.ts";
import { parseGiven } from "./faults.ts";
import { HandlerInput } from "./handler-input.ts";
import { idempotencyKeyOf } from "./idempotency.ts";
import type { Idempotency } from "./idempotency.ts";
import type { Principal } from "./principal.ts";
import type { RateLimits } from "./rate-limits.ts";
import { respond } from "./respond.ts";
import type { Answer, Route, StreamAnswer, TextAnswer } from "./route.ts";
import type { Sessions } from "./sessions.ts";
import { sendText } from "./text-stream.ts";
import type { Tokens } from "./tokens.ts";

export interface RouteDeps {
  readonly store: Store;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly limits: RateLimits;
  readonly idempotency: Idempotency;
  readonly streams: EventStreams;
  readonly audit: Audit;
  readonly sessions: Sessions;
  /** Aborts when the server stops. */
  readonly stopping: AbortSignal;
  /** Checks each answer against the route's own description: for tests, since it costs time. */
  readonly verifyAnswers: boolean;
}

const LONGEST_PARAMETER = 200;
const NO_BODY = Buffer.alloc(0);
const NO_HEADERS = {};
const JSON_TYPE = "application/json; charset=utf-8";

/**
 * One route as Express runs it: who asks, how often, may they, what do they say, and only then the handler. Cheap questions come
 * first, and the body of a caller without rights is not looked at.
 */
export function runRoute(route: Route, deps: RouteDeps): RequestHandler {
  const label = `${route.method} ${route.path}`;
  // The table has forgotten the handler's types; the schemas beside it make sure that they hold.
  const handler = route.handler.bind(route) as (input: HandlerInput) => Promise<Answer | StreamAnswer | TextAnswer>;

  return async (request, response) => {
    const context = contextOf(response);
    context.route = route.path;
    if (route.scopes !== "public") await authorize(request, route, deps, context);
    else if (route.session === "opens" && isUnsafe(request)) deps.sessions.checkOwnPage(request.headers);
    const input = await inputOf(route, request, response, deps, context);
    const answer = await handler(input);
    if ("stream" in answer) {
      if (context.principal === null) throw new Error(`${label}: a stream needs somebody to stream to`);
      context.isStream = true;
      if (request.method === "HEAD") response.end();
      else await deps.streams.open(response, context.principal, answer.stream);
      return;
    }
    if ("chunks" in answer) {
      context.isStream = true;
      await sendText(response, answer, { isHead: request.method === "HEAD", signal: input.signal });
      return;
    }
    if (deps.verifyAnswers) verify(route, label, answer);
    const { status, body, headers = NO_HEADERS } = answer;
    respond(response, {
      status,
      type: JSON_TYPE,
      text: body === undefined ? undefined : JSON.stringify(body),
      headers: input.isReplayed ? { ...headers, "Idempotency-Replayed": "true" } : headers,
    });
  };
}

async function inputOf(
  route: Route,
  request: Request,
  response: Response,
  deps: RouteDeps,
  { principal, requestId }: RequestContext,
): Promise<HandlerInput> {
  const key = route.idempotent && principal !== null ? idempotencyKeyOf(request.headers["idempotency-key"]) : null;
  const params = paramsOf(request, route.params);
  const query = route.query && parseGiven(route.query, queryOf(request), { root: "query", code: "malformed_request" });
  const bytes = route.method === "GET" ? NO_BODY : await bytesOf(request, route);
  const given = route.body && givenIn(bytes, request, route.body);
  const body = route.body && parseGiven(route.body, given);
  const secret = route.secretHeader === undefined ? null : headerOf(request, route.secretHeader.name);
  const parsed = { principal, key, params, query, bytes, given, body, secret };
  const { store, idempotency, audit, sessions, stopping } = deps;
  return new HandlerInput(request, response, parsed, {
    store,
    idempotency,
    audit,
    sessions,
    stopping,
    requestId,
    now: deps.clock(),
  });
}

const isUnsafe = ({ method }: Request): boolean => method !== "GET" && method !== "HEAD";

async function authorize(request: Request, route: Route, deps: RouteDeps, context: RequestContext): Promise<void> {
  const { authorization } = request.headers;
  // Who sends a token means it, whatever a browser adds.
  const hash = authorization === undefined ? deps.sessions.hashIn(request.headers) : null;
  let principal: Principal;
  try {
    principal =
      hash === null
        ? deps.tokens.verify(bearerOf(authorization))
        : await deps.sessions.principal(hash, route.session === "never" ? [] : route.scopes);
  } catch (refused) {
    if (refused instanceof HandoffError && refused.status === 401) await deps.limits.failure(request.ip ?? "");
    throw refused;
  }
  context.principal = principal;
  await deps.limits.request(principal);
  if (hash !== null && isUnsafe(request)) deps.sessions.checkOwnPage(request.headers);
  refuseForeign(route, principal);
}

function refuseForeign({ scopes, session }: Route, { scope, role }: Principal): void {
  const isSession = role !== undefined;
  if (session === "only" && !isSession)
    throw new HandoffError("forbidden_scope", "This is for members who are signed in: no token allows it");
  if (session === "never" && isSession)
    throw new HandoffError("forbidden_scope", "This is for tokens: a session ends by DELETE /v1/session");
  if (scopes.includes(scope)) return;
  if (isSession && scopes.includes("admin"))
    throw new HandoffError("forbidden_role", "You are an agent of this workspace; this is for its owners and admins");
  const needed = scopes === "public" ? "" : scopes.join(" or ");
  const given = isSession ? "A session is not enough" : `The token has scope ${scope}`;
  throw new HandoffError("forbidden_scope", `${given}; needed: ${needed}`);
}

function bearerOf(header: string | undefined): string {
  if (header?.slice(0, 7).toLowerCase() === "bearer ") return header.slice(7).trim();
  throw new HandoffError("unauthenticated");
}

function paramsOf(request: Request, schema: z.ZodType | undefined): unknown {
  for (const value of Object.values(request.params)) {
    // No id of ours is so long or holds such a character, and not every database would take the question.
    if (value === undefined || value.length > LONGEST_PARAMETER || value.includes("\u0000")) {
      throw new HandoffError("not_found");
    }
  }
  if (schema !== undefined) return parseGiven(schema, request.params, { root: "path", code: "malformed_request" });
  return request.params;
}

/** Each parameter once as a string; one that is repeated becomes a list, which no schema of ours takes. */
function queryOf(request: Request): Record<string, string | string[]> {
  const start = request.url.indexOf("?");
  const given = new URLSearchParams(start === -1 ? "" : request.url.slice(start + 1));
  return Object.fromEntries(
    [...new Set(given.keys())].map((name) => {
      const values = given.getAll(name).map(cleanText);
      return [name, values.length === 1 ? (values[0] ?? "") : values];
    }),
  );
}

/** Null when it is absent, empty, or sent more than once. */
function headerOf(request: Request, name: string): string | null {
  const given = request.headersDistinct[name.toLowerCase()];
  return given?.length === 1 ? given[0]?.trim() || null : null;
}

async function bytesOf(request: Request, route: Route): Promise<Buffer> {
  const isEmpty = request.headers["content-length"] === "0";
  if (isEmpty || (request.headers["content-length"] ?? request.headers["transfer-encoding"]) === undefined)
    return NO_BODY;
  if (route.body !== undefined) checkContentType(request);
  return readBytes(request, route.bodyLimit ?? DEFAULT_BODY_LIMIT);
}

function givenIn(bytes: Buffer, request: Request, schema: z.ZodType): unknown {
  const given = parseJsonBody(bytes, request.headers["content-type"]);
  if (given === undefined && !schema.safeParse(undefined).success) {
    throw new HandoffError("malformed_body", "The body is empty: send a JSON object");
  }
  return given;
}

function verify(route: Route, label: string, answer: Answer): void {
  const described = route.responses[answer.status];
  if (described === undefined) throw new Error(`${label}: an answer ${answer.status} that is not described`);
  if (described.schema === undefined) return;
  const told: unknown = JSON.parse(JSON.stringify(answer.body ?? null));
  const parsed = described.schema.safeParse(told);
  if (!parsed.success) throw new Error(`${label}: the answer ${answer.status} differs: ${parsed.error.message}`);
}
