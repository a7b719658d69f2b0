import type { z } from "zod";
import { catalogue } from "../domain/errors.ts";
import type { ErrorCode } from "../domain/errors.ts";
import { Problem, PROBLEM_TYPE } from "./problem.ts";
import { Components } from "./openapi-schemas.ts";
import { pathParameters } from "./route.ts";
import type { Route } from "./route.ts";
import { cookieName, CSRF_HEADER } from "./session-cookie.ts";

type Json = Record<string, unknown>;

export interface OpenApiDocument {
  readonly openapi: "3.1.1";
  readonly info: Json;
  readonly servers: readonly Json[];
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  /** What Baton asks of others. */
  readonly webhooks: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Json>>;
    readonly responses: Readonly<Record<string, Json>>;
    readonly securitySchemes: Json;
  };
}

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly security: readonly Json[];
  readonly parameters: readonly Json[];
  readonly requestBody?: Json;
  readonly responses: Readonly<Record<string, Json>>;
}

const SCOPE_WORDS =
  "Tokens are JWTs with one scope: `operator` (the server), `admin` (a workspace), `agent` (a member), `installation` (an app " +
  "in a helpdesk's marketplace, for a workspace), `bot` (a bot), `visitor` (a conversation).";

const SESSION_WORDS =
  "A member who is signed in, in Baton's own pages: owners and admins of a workspace count as scope `admin`, and everybody as `agent`. " +
  "Over plain http the cookie is `baton`, over https `__Host-baton`. What is not a GET needs `X-Baton: 1` and an `Origin` of the " +
  "server's own. A request that also carries a token is judged by the token.";

/**
 * The route table as an OpenAPI 3.1 document. Pure: the same routes give the same document.
 *
 * Schemas with a `meta({ id })` become components; one that is read differently from how it is written (defaults, transforms)
 * becomes two, the second named `…Input`.
 */
export function openApiDocument(
  routes: readonly Route[],
  options: {
    readonly baseUrl: string;
    readonly webhooks?: (schemas: Components) => OpenApiDocument["webhooks"];
  },
): OpenApiDocument {
  const schemas = new Components();
  const problems = problemResponses(schemas);
  const paths: Record<string, Record<string, Operation>> = {};
  for (const route of routes) {
    const item = (paths[route.path] ??= {});
    item[route.method.toLowerCase()] = operationOf(route, schemas);
  }
  const webhooks = options.webhooks?.(schemas) ?? {};
  return {
    openapi: "3.1.1",
    info: {
      title: "Baton",
      version: "1",
      summary: "Passes a conversation from a bot to a person and back, and loses nothing on the way.",
      description:
        `${SCOPE_WORDS} Errors are problem+json (RFC 9457) with a stable \`code\`. Lists page by cursor: hand \`nextCursor\` back ` +
        "as `cursor`. Times are ISO 8601 in UTC. Bodies are JSON in UTF-8, uncompressed, of 1 MB at most unless said otherwise.",
    },
    servers: [{ url: options.baseUrl }],
    tags: [...new Set(routes.map((route) => route.tag))].map((name) => ({ name })),
    paths: schemas.named(paths),
    webhooks: schemas.named(webhooks),
    components: {
      schemas: schemas.all(),
      responses: schemas.named(problems),
      securitySchemes: {
        token: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: SCOPE_WORDS },
        session: { type: "apiKey", in: "cookie", name: cookieName(options.baseUrl), description: SESSION_WORDS },
      },
    },
  };
}

function operationOf(route: Route, schemas: Components): Operation {
  const idempotency = route.idempotent
    ? [
        {
          name: "Idempotency-Key",
          in: "header",
          required: false,
          description: "1 to 255 printable characters. A repeated request with the same key and body acts once",
          schema: { type: "string", minLength: 1, maxLength: 255 },
        },
      ]
    : [];
  return {
    operationId: operationIdOf(route),
    summary: route.summary,
    description: [route.description, accessOf(route)].filter(Boolean).join("\n\n"),
    tags: [route.tag],
    security: securityOf(route),
    parameters: [
      ...pathParametersOf(route, schemas),
      ...queryParametersOf(route, schemas),
      ...headerParametersOf(route),
      ...ownPageParameterOf(route),
      ...idempotency,
    ],
    ...(route.body === undefined ? {} : { requestBody: requestBodyOf(route.body, schemas) }),
    responses: responsesOf(route, schemas),
  };
}

/** The session of a browser stands for its member: the workspace's admin, where they are one, or an agent. */
const takesSession = ({ scopes, session }: Route): boolean =>
  session !== "never" && (scopes.includes("admin") || scopes.includes("agent"));

function securityOf(route: Route): Json[] {
  if (route.scopes === "public") return [];
  const bySession = takesSession(route) ? [{ session: [] }] : [];
  return route.session === "only" ? bySession : [{ token: scopesListOf(route) }, ...bySession];
}

function accessOf(route: Route): string {
  if (route.scopes === "public") return "Needs no token.";
  return route.session === "only"
    ? "For members who are signed in: no token allows it."
    : `Scopes: ${scopesOf(route)}.`;
}

function ownPageParameterOf({ session, method }: Route): Json[] {
  if (method === "GET" || (session !== "only" && session !== "opens")) return [];
  const description = "Sent by Baton's own pages; no other site's page can send it";
  return [{ name: CSRF_HEADER, in: "header", required: true, description, schema: { type: "string", const: "1" } }];
}

const scopesListOf = (route: Route): readonly string[] => (route.scopes === "public" ? [] : route.scopes);
const scopesOf = (route: Route) =>
  scopesListOf(route)
    .map((scope) => `\`${scope}\``)
    .join(", ");

/** `POST /v1/bots/{id}/tokens` is `post_v1_bots_id_tokens`. */
function operationIdOf(route: Route): string {
  return `${route.method.toLowerCase()}${route.path.replaceAll(/[^A-Za-z0-9]+/g, "_")}`.replace(/_$/, "");
}

function pathParametersOf(route: Route, schemas: Components): Json[] {
  const described = propertiesOf(route.params, schemas).properties;
  return pathParameters(route.path).map((name) => ({
    name,
    in: "path",
    required: true,
    schema: described[name] ?? { type: "string", minLength: 1, maxLength: 200 },
  }));
}

function queryParametersOf(route: Route, schemas: Components): Json[] {
  const { properties, required } = propertiesOf(route.query, schemas);
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: "query",
    required: required.has(name),
    ...(description === undefined ? {} : { description }),
    schema,
  }));
}

function headerParametersOf({ secretHeader }: Route): Json[] {
  if (secretHeader === undefined) return [];
  const { name, description } = secretHeader;
  return [{ name, in: "header", required: true, description, schema: { type: "string", format: "password" } }];
}

function propertiesOf(
  schema: z.ZodType | undefined,
  schemas: Components,
): { properties: Record<string, Json>; required: Set<unknown> } {
  if (schema === undefined) return { properties: {}, required: new Set() };
  const { properties = {}, required = [] } = schemas.convert(schema, "input") as {
    properties?: Record<string, Json>;
    required?: unknown[];
  };
  return { properties, required: new Set(required) };
}

function requestBodyOf(body: z.ZodType, schemas: Components): Json {
  return {
    required: !body.safeParse(undefined).success,
    content: { "application/json": { schema: schemas.convert(body, "input") } },
  };
}

function responsesOf(route: Route, schemas: Components): Record<string, Json> {
  const answers = Object.entries(route.responses).map(
    ([status, { description, schema, contentType }]): [string, Json] => [
      status,
      {
        description,
        ...(schema === undefined && contentType === undefined
          ? {}
          : {
              content: {
                [contentType ?? "application/json"]: {
                  schema: schema === undefined ? { type: "string" } : schemas.convert(schema, "output"),
                },
              },
            }),
      },
    ],
  );
  const problems = errorStatuses(route).map((status): [string, Json] => [
    String(status),
    { $ref: `#/components/responses/Problem${status}` },
  ]);
  return Object.fromEntries([...answers, ...problems]);
}

/** One for each status that the catalogue knows, with the codes that it may carry. */
function problemResponses(schemas: Components): Record<string, Json> {
  const content = { [PROBLEM_TYPE]: { schema: schemas.convert(Problem, "output") } };
  const statuses = [...new Set(Object.values(catalogue).map(({ status }) => status))].sort((one, other) => one - other);
  return Object.fromEntries(
    statuses.map((status) => [
      `Problem${status}`,
      {
        description: codesOf(status),
        ...(status === 401 ? { headers: { "WWW-Authenticate": { schema: { type: "string" } } } } : {}),
        ...(status === 429 || status === 503 ? { headers: { "Retry-After": { schema: { type: "integer" } } } } : {}),
        content,
      },
    ]),
  );
}

function errorStatuses(route: Route): number[] {
  if (route.scopes === "public") return [...(route.errors ?? [])];
  const hasInput = route.body !== undefined;
  const statuses = [
    ...(hasInput || route.query !== undefined ? [400] : []),
    401,
    403,
    ...(pathParameters(route.path).length > 0 ? [404] : []),
    ...(route.idempotent ? [409] : []),
    ...(hasInput ? [413, 415, 422] : []),
    429,
    503,
    ...(route.errors ?? []),
  ];
  return [...new Set(statuses)].sort((one, other) => one - other);
}

function codesOf(status: number): string {
  const entries = Object.entries(catalogue) as [ErrorCode, (typeof catalogue)[ErrorCode]][];
  return entries
    .filter(([, entry]) => entry.status === status)
    .map(([code, { title }]) => `\`${code}\`: ${title}`)
    .join("; ");
}
