import type { Request, RequestHandler, Response } from "express";
import type { z } from "zod";
import { cleanText } from "../domain/clean-text.ts";
import { HandoffError } from "../domain/errors.ts";
import type { Clock, Store, Tx } from "../ports.ts";
import { checkContentType, DEFAULT_BODY_LIMIT, parseJsonBody, readBytes } from "./body.ts";
import { contextOf } from "./context.ts";
import type { EventStreams } from "./event-stream.ts";
import { parseGiven } from "./faults.ts";
import { hashRequest, idempotencyKeyOf } from "./idempotency.ts";
import type { Idempotency } from "./idempotency.ts";
import { identityOf } from "./principal.ts";
import type { Principal } from "./principal.ts";
import { endWith } from "./problem.ts";
import type { RateLimits } from "./rate-limits.ts";
import type { Answer, RequestFacts, Route, StreamAnswer, UnitAnswer } from "./route.ts";
import type { Tokens } from "./tokens.ts";

export interface RouteDeps {
  readonly store: Store;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly limits: RateLimits;
  readonly idempotency: Idempotency;
  readonly streams: EventStreams;
  /** Checks each answer against the route's own description: for tests, since it costs time. */
  readonly verifyAnswers: boolean;
}

const LONGEST_PARAMETER = 200;
const LONGEST_WAIT_SECONDS = 30;
const NO_BODY = Buffer.alloc(0);

/** What handlers take, before the route table's types are put on. */
interface Input extends RequestFacts {
  readonly principal: Principal | null;
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly given: unknown;
  readonly unit: <Body>(work: (tx: Tx) => Promise<Answer<Body>>) => Promise<UnitAnswer<Body>>;
}

/**
 * One route as Express runs it: who asks, how often, may they, what do they say, and only then the handler. Cheap questions come
 * first, and the body of a caller without rights is not looked at.
 */
export function runRoute(route: Route, deps: RouteDeps): RequestHandler {
  const label = `${route.method} ${route.path}`;
  // The table has forgotten the handler's types; the schemas beside it make sure that they hold.
  const handler = route.handler.bind(route) as (input: Input) => Promise<Answer | StreamAnswer>;

  return async (request, response) => {
    const context = contextOf(response);
    context.route = route.path;
    const principal = route.scopes === "public" ? null : await authorize(request, route.scopes, deps);
    context.principal = principal;
    const key = route.idempotent && principal !== null ? idempotencyKeyOf(request.headers["idempotency-key"]) : null;
    const params = paramsOf(request, route.params);
    const query =
      route.query && parseGiven(route.query, queryOf(request), { root: "query", code: "malformed_request" });
    const bytes = route.method === "GET" ? NO_BODY : await bytesOf(request, route);
    const given = route.body && givenIn(bytes, request, route.body);
    const body = route.body && parseGiven(route.body, given);
    let isReplayed = false;

    const answer = await handler({
      principal,
      params,
      query,
      body,
      given,
      requestId: context.requestId,
      now: deps.clock(),
      prefer: { waitSeconds: waitOf(request.headers["prefer"]) },
      headers: { idempotencyKey: key, lastEventId: lastEventIdOf(request.headers["last-event-id"]) },
      get signal() {
        return goneSignal(response);
      },
      async unit(work) {
        const unit =
          key === null || principal === null
            ? await plainUnit(deps.store, work)
            : await deps.idempotency.run(
                { scope: identityOf(principal), key, hash: hashRequest(request.method, request.originalUrl, bytes) },
                work,
              );
        isReplayed = unit.replayed;
        return unit;
      },
    });

    if ("stream" in answer) {
      if (principal === null) throw new Error(`${label}: a stream needs somebody to stream to`);
      if (request.method === "HEAD") response.end();
      else await deps.streams.open(response, principal, answer.stream);
      return;
    }
    if (deps.verifyAnswers) verify(route, label, answer);
    if (isReplayed) response.setHeader("Idempotency-Replayed", "true");
    respond(response, answer);
  };
}

async function plainUnit<Body>(store: Store, work: (tx: Tx) => Promise<Answer<Body>>): Promise<UnitAnswer<Body>> {
  const { status, body } = await store.write(work);
  return { status, body: body as Body, replayed: false };
}

async function authorize(request: Request, scopes: readonly string[], deps: RouteDeps): Promise<Principal> {
  let principal: Principal;
  try {
    principal = deps.tokens.verify(bearerOf(request.headers.authorization));
  } catch (refused) {
    await deps.limits.failure(request.ip ?? "");
    throw refused;
  }
  await deps.limits.request(principal);
  if (!scopes.includes(principal.scope)) {
    throw new HandoffError("forbidden_scope", `The token has scope ${principal.scope}; needed: ${scopes.join(" or ")}`);
  }
  return principal;
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

function waitOf(header: string | string[] | undefined): number | null {
  const wait = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,5})"?/i.exec(String(header ?? ""))?.[1];
  return wait === undefined ? null : Math.min(Number(wait), LONGEST_WAIT_SECONDS);
}

function lastEventIdOf(header: string | string[] | undefined): number | null {
  return typeof header === "string" && /^\d{1,15}$/.test(header) ? Number(header) : null;
}

function goneSignal(response: Response): AbortSignal {
  const controller = new AbortController();
  response.once("close", () => controller.abort());
  return controller.signal;
}

function respond(response: Response, answer: Answer): void {
  if (answer.headers !== undefined) {
    for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
  }
  if (answer.body === undefined) {
    response.statusCode = answer.status;
    response.end();
    return;
  }
  endWith(response, {
    status: answer.status,
    type: "application/json; charset=utf-8",
    text: JSON.stringify(answer.body),
  });
}

function verify(route: Route, label: string, answer: Answer): void {
  const described = route.responses[answer.status];
  if (described === undefined) throw new Error(`${label}: an answer ${answer.status} that is not described`);
  if (described.schema === undefined) return;
  const told: unknown = JSON.parse(JSON.stringify(answer.body ?? null));
  const parsed = described.schema.safeParse(told);
  if (!parsed.success) throw new Error(`${label}: the answer ${answer.status} differs: ${parsed.error.message}`);
}
