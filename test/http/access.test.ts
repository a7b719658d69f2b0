import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { documentedRoutes } from "../../src/http/documented-routes.ts";
import { SCOPES } from "../../src/http/principal.ts";
import type { Scope } from "../../src/http/principal.ts";
import type { Route } from "../../src/http/route.ts";
import { conversation, handoff } from "../contracts/store-samples.ts";
import { startWorld } from "./harness.ts";
import type { World } from "./harness.ts";

let world: World;
let mine: Owned;
let theirs: Owned;

/** A workspace with one of everything. */
interface Owned {
  readonly workspaceId: string;
  readonly admin: string;
  readonly ids: Readonly<Record<string, string>>;
}

/** The app's words for the account of a workspace's installation. */
const accountOf = (name: string) => `${name}.freshchat.com`;
const FRESHCHAT = { "x-freshchat-token": "token-of-freshchat" };

/** A conversation in FreshChat in which a handoff stands. The names are the workspace's own, as those of no other. */
async function standIn(workspaceId: string, botId: string, name: string, connectionId: string): Promise<string> {
  const [cnv, hnd, fresh] = [`cnv_${name}`, `hnd_${name}`, `fresh-${name}`];
  const destination = { id: connectionId, team: null, priority: null, labels: [] };
  const ref = { conversationId: fresh, contactId: null, url: null };
  await world.store.write(async (tx) => {
    await tx.createConversation(conversation(workspaceId, cnv, { botId, openHandoffId: hnd, control: "human" }));
    await tx.createHandoff(handoff(workspaceId, cnv, hnd, { botId, destination, ref, opened: true }));
  });
  return fresh;
}

async function own(name: string): Promise<Owned> {
  const { id: workspaceId, admin } = await world.workspace(name);
  const post = async (path: string, body?: unknown) => (await world.call("POST", path, { token: admin, body })).body;
  const bot = await post("/v1/bots", { name: "b" });
  const member = await post("/v1/members", { name: "m" });
  const config = { baseUrl: "https://desk.example", accountId: 1, apiAccessToken: "t" };
  const connection = await post("/v1/connections", { type: "fakedesk", config });
  const token = await post(`/v1/bots/${bot.id}/tokens`);
  const asOperator = world.token("operator", null, "operator");
  const operator = (await world.call("POST", "/v1/operator/tokens", { token: asOperator })).body;
  const key = (await post("/v1/installations/keys")).token;
  const body = { freshchatUrl: accountOf(name), channel: "Website", useForBots: false };
  const installed = await world.call("POST", "/v1/installations/freshworks", { token: key, body, headers: FRESHCHAT });
  const standing = await standIn(workspaceId, bot.id, name, installed.body.connection.id);
  const atDesk = await standIn(workspaceId, bot.id, `${name}-at-desk`, connection.id);
  const now = new Date();
  const lane = `callback:${bot.id}`;
  await world.store.write((tx) =>
    tx.addDeliveries(
      [{ workspaceId, lane, kind: "callback", connectionId: null, conversationId: null, handoffId: null, payload: {} }],
      now,
    ),
  );
  const [delivery] = (await world.store.read.deliveries(workspaceId, { limit: 1 })).items;
  return {
    workspaceId,
    admin,
    ids: {
      bots: bot.id,
      members: member.id,
      connections: connection.id,
      tokens: token.id,
      deliveries: `dlv_${delivery?.n}`,
      workspaces: workspaceId,
      leads: "led_none",
      operator: operator.id,
      installations: standing,
      helpdeskConversation: atDesk,
    },
  };
}

// Handoffs and conversations have stories of their own.
const own2 = (route: Route) => !/^\/v1\/(?:handoffs|conversations|availability)/.test(route.path);
const routes = documentedRoutes().filter(own2);
const guarded = routes.filter((route) => route.scopes !== "public");
/** Sessions have their own below: no token opens what is for members who are signed in. */
const byToken = guarded.filter((route) => route.session !== "only");
const label = (route: Route) => `${route.method} ${route.path}`;

/** A body that each route takes, so that nothing but rights and ids decides. */
const BODIES: Readonly<Record<string, unknown>> = {
  "POST /v1/workspaces": { name: "w" },
  "PATCH /v1/workspaces/{id}": { name: "w2" },
  "POST /v1/bots": { name: "b" },
  "PATCH /v1/bots/{id}": { name: "b2" },
  "PUT /v1/bots/{id}/settings": {},
  "PATCH /v1/bots/{id}/settings": {},
  "POST /v1/connections": {
    type: "fakedesk",
    config: { baseUrl: "https://desk.example", accountId: 1, apiAccessToken: "t" },
  },
  "PATCH /v1/connections/{id}": { name: "c2" },
  "POST /v1/connections/{id}/deprovision": { force: true },
  "POST /v1/people/search": { email: "nobody@example.com" },
  "POST /v1/people/export": { email: "nobody@example.com" },
  "POST /v1/people/erase": { email: "nobody@example.com" },
  "PATCH /v1/leads/{id}": { state: "followed_up" },
  "POST /v1/members": { name: "m" },
  "PATCH /v1/members/me": { name: "me" },
  "PUT /v1/members/me/password": { password: "nine lamps over the harbour" },
  "POST /v1/members/me/totp/confirm": { totp: "000000" },
  "POST /v1/members/me/recovery-codes": { totp: "000000" },
  "PATCH /v1/members/{id}": { name: "m2" },
  "PUT /v1/members/{id}/presence": { status: "online" },
  "POST /v1/installations/freshworks": { freshchatUrl: accountOf("mine"), channel: "Website" },
  "POST /v1/installations/freshworks/events": { freshchatUrl: accountOf("mine"), event: { event: "onMessageCreate" } },
  "POST /v1/installations/freshworks/uninstall": { freshchatUrl: accountOf("mine") },
  "POST /v1/installations/freshworks/conversations/{conversationId}/return": { freshchatUrl: accountOf("mine") },
};

/** Of the path's parameters, the one that names something: `{id}`, or the helpdesk's own. */
const NAMED = /\{(?:id|conversationId)\}/;

const filled = (route: Route, ids: Readonly<Record<string, string>>) => {
  const [, collection = ""] = /^\/v1\/([a-z]+)/.exec(route.path) ?? [];
  // A helpdesk's ids are no secret: of a foreign connection, the conversation is one that stands there.
  const path = route.path.replace("{helpdeskConversationId}", ids["helpdeskConversation"] ?? "nothing");
  return path.replace(NAMED, ids[collection] ?? "nothing");
};
const call = (route: Route, path: string, token: string | undefined) => {
  const query = route.method === "GET" && path.includes("/freshworks/") ? `?freshchatUrl=${accountOf("mine")}` : "";
  return world.call(route.method, path + query, { token, body: BODIES[label(route)], headers: FRESHCHAT });
};

beforeAll(async () => {
  world = await startWorld();
  [mine, theirs] = [await own("mine"), await own("theirs")];
});
afterAll(() => world.close());

const subjects: Readonly<Record<Scope, string>> = {
  operator: "operator",
  admin: "ws_any",
  agent: "mem_any",
  installation: "ws_any",
  bot: "bot_any",
  visitor: "cnv_any",
};
const tokenOf = (scope: Scope) =>
  scope === "admin" ? mine.admin : world.token(scope, scope === "operator" ? null : mine.workspaceId, subjects[scope]);

test.each(guarded.filter((route) => route.session === "only").map((route) => [label(route), route] as const))(
  "%s takes no token of a member either",
  async (_label, route) => {
    const answer = await call(route, filled(route, mine.ids), tokenOf("agent"));
    expect([answer.status, answer.body.code]).toEqual([403, "forbidden_scope"]);
  },
);

describe("every guarded route", () => {
  test("there are some", () => expect(guarded.length).toBeGreaterThan(25));

  test.each(guarded.map((route) => [label(route), route] as const))("%s asks for a token", async (_label, route) => {
    const answer = await call(route, filled(route, mine.ids), undefined);
    expect([answer.status, answer.body.code]).toEqual([401, "unauthenticated"]);
    expect(answer.headers.get("www-authenticate")).toBe('Bearer realm="baton"');
  });

  const wrong = guarded.flatMap((route) =>
    SCOPES.filter((scope) => !(route.scopes as readonly string[]).includes(scope)).map(
      (scope) => [label(route), scope, route] as const,
    ),
  );
  test.each(wrong)("%s refuses scope %s, own and foreign ids alike", async (_label, scope, route) => {
    for (const { ids } of [mine, theirs]) {
      const answer = await call(route, filled(route, ids), tokenOf(scope));
      expect([answer.status, answer.body.code]).toEqual([403, "forbidden_scope"]);
    }
  });
});

describe("a foreign id", () => {
  const withId = byToken.filter((route) => NAMED.test(route.path) && route.scopes !== "public");
  const cases = withId.flatMap((route) =>
    (route.scopes as readonly Scope[])
      .filter((scope) => scope !== "operator")
      .map((scope) => [label(route), scope, route] as const),
  );

  test.each(cases)("%s as %s answers as if it did not exist", async (_label, scope, route) => {
    const foreign = await call(route, filled(route, theirs.ids), tokenOf(scope));
    const unknown = await call(route, route.path.replace(NAMED, "nothing_0000"), tokenOf(scope));
    expect(foreign.status).toBe(404);
    const same = ({ body }: typeof foreign) => ({ ...body, instance: "", requestId: "" });
    expect(same(foreign)).toEqual(same(unknown));
  });

  test("and nothing of the other workspace has changed or shows in a list", async () => {
    for (const path of ["/v1/bots", "/v1/connections", "/v1/members", "/v1/deliveries", "/v1/tokens"]) {
      const own = await world.call("GET", path, { token: mine.admin });
      const other = await world.call("GET", path, { token: theirs.admin });
      for (const id of Object.values(theirs.ids)) expect(own.text).not.toContain(`"${id}"`);
      expect(other.body.items).toHaveLength(path === "/v1/tokens" ? 3 : path === "/v1/connections" ? 2 : 1);
    }
    expect((await world.call("GET", `/v1/bots/${theirs.ids["bots"]}`, { token: theirs.admin })).body.name).toBe("b");
  });
});

describe("a member who is signed in", () => {
  const ROLES = ["owner", "admin", "agent"] as const;
  type Role = (typeof ROLES)[number];
  const cookies = {} as Record<Role, string>;
  beforeAll(async () => {
    for (const role of ROLES) {
      const { body: member } = await world.call("POST", "/v1/members", {
        token: mine.admin,
        body: { name: `The ${role}`, role },
      });
      const link = await world.call("POST", `/v1/members/${member.id}/sign-in-links`, { token: mine.admin });
      const code = link.body.url.split("#")[1];
      const headers = { origin: world.url, "x-baton": "1" };
      const opened = await world.call("POST", "/v1/session", { body: { code }, headers });
      cookies[role] = opened.headers.get("set-cookie")!.split(";")[0]!;
    }
  });
  const as = (role: Role, route: Route, path: string, more: Readonly<Record<string, string>> = {}) => {
    const query = route.method === "GET" && path.includes("/freshworks/") ? `?freshchatUrl=${accountOf("mine")}` : "";
    const headers = { ...FRESHCHAT, cookie: cookies[role], origin: world.url, "x-baton": "1", ...more };
    return world.call(route.method, path + query, { body: BODIES[label(route)], headers });
  };
  /** Null: the route is open to them. */
  const refusalOf = ({ scopes, session }: Route, role: Role): string | null => {
    if (session === "never") return "forbidden_scope";
    if (scopes.includes("agent")) return null;
    if (scopes.includes("admin")) return role === "agent" ? "forbidden_role" : null;
    return "forbidden_scope";
  };
  const all = guarded.flatMap((route) => ROLES.map((role) => [label(route), role, route] as const));

  test.each(all.filter(([, role, route]) => refusalOf(route, role) !== null))(
    "%s is closed to the %s, with own and foreign ids alike",
    async (_label, role, route) => {
      for (const { ids } of [mine, theirs]) {
        const answer = await as(role, route, filled(route, ids));
        expect([answer.status, answer.body.code]).toEqual([403, refusalOf(route, role)]);
      }
    },
  );

  const open = all.filter(([, role, route]) => refusalOf(route, role) === null);
  test.each(open.filter(([, , { path }]) => NAMED.test(path)))(
    "%s as the %s answers for a foreign id as if it did not exist",
    async (_label, role, route) => {
      const foreign = await as(role, route, filled(route, theirs.ids));
      const unknown = await as(role, route, route.path.replace(NAMED, "nothing_0000"));
      expect(foreign.status).toBe(404);
      const same = ({ body }: typeof foreign) => ({ ...body, instance: "", requestId: "" });
      expect(same(foreign)).toEqual(same(unknown));
    },
  );

  const reading = open.filter(([, , { method, path }]) => method === "GET" && !path.startsWith("/v1/leads/"));
  test.each(reading)("%s as the %s is served", async (_label, role, route) => {
    expect((await as(role, route, filled(route, mine.ids))).status).toBe(200);
  });

  test.each(open.filter(([, , { method }]) => method !== "GET"))(
    "%s as the %s changes nothing when it comes from another page",
    async (_label, role, route) => {
      const others: Record<string, string>[] = [{ origin: "https://evil.example" }, { "x-baton": "" }];
      for (const foreign of others) {
        const answer = await as(role, route, filled(route, mine.ids), foreign);
        expect([answer.status, answer.body.code]).toEqual([403, "foreign_page"]);
      }
    },
  );
});

describe("an own id", () => {
  // Last: some of these remove what they are called on.
  const order = ["GET", "PUT", "PATCH", "POST", "deprovision", "DELETE"];
  const rank = ({ method, path }: Route) =>
    // With the member would go what else is asked of them.
    path === "/v1/members/{id}" && method === "DELETE"
      ? order.length
      : order.indexOf(path.endsWith("/deprovision") ? "deprovision" : method);
  const allowed = byToken
    .flatMap((route) => (route.scopes as readonly Scope[]).map((scope) => ({ route, scope })))
    .filter(
      ({ route, scope }) => !route.path.startsWith("/v1/leads/") && !(scope === "agent" && route.path.includes("{id}")),
    )
    .toSorted((one, other) => rank(one.route) - rank(other.route))
    .map(({ route, scope }) => [label(route), scope, route] as const);

  test.each(allowed)("%s as %s is served", async (name, scope, route) => {
    const answer = await call(route, filled(route, mine.ids), tokenOf(scope));
    // What waits needs no retry: refused by its state, not by its rights.
    expect(answer.status).toBeLessThan(name.endsWith("/retry") ? 410 : 300);
  });
});

describe("the log", () => {
  test("tells of each request by its template, with ids and nothing else", async () => {
    world.logged.length = 0;
    const token = tokenOf("admin");
    await world.call("GET", `/v1/bots/${mine.ids["bots"]}?x=canary`, { token });
    await world.call("GET", "/v1/canary", { token });
    const lines = world.logged.filter(({ event }) => event === "request_served").map(({ fields }) => fields);
    expect(lines).toEqual([
      expect.objectContaining({
        method: "GET",
        route: "/v1/bots/{id}",
        httpStatus: 200,
        workspaceId: mine.workspaceId,
      }),
      expect.objectContaining({ method: "GET", route: null, httpStatus: 404, code: "not_found" }),
    ]);
    expect(JSON.stringify(lines)).not.toContain("canary");
    expect(JSON.stringify(lines)).not.toContain(token);
  });
});
