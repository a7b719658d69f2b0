import BetterSqlite from "better-sqlite3";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { delivery } from "../contracts/store-samples.ts";
import { startWorld } from "./harness.ts";
import type { CallOptions, World } from "./harness.ts";

let world: World;
let shop: { id: string; admin: string };
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  shop = await world.workspace("Lamp Shop");
});

const call = async (method: string, path: string, body?: unknown, more: CallOptions = {}) => {
  const answer = await world.call(method, path, { token: shop.admin, body, ...more });
  if (answer.status >= 300) throw new Error(answer.text);
  return answer.body;
};
const post = (path: string, body?: unknown) => call("POST", path, body);

interface Entry {
  readonly action: string;
  readonly actor: { kind: string; id: string; name: string };
  readonly object: { type: string; id: string; name: string };
  readonly changes: readonly { path: string; before?: unknown; after?: unknown; secret?: boolean }[];
  readonly requestId: string;
  readonly at: string;
}
const entries = async (query = "") => (await call("GET", `/v1/audit${query}`)).items as Entry[];
/** The newest entry about this object. */
const last = async (id: string) => (await entries(`?objectId=${id}`))[0];
const DESK = { baseUrl: "https://desk.example", accountId: 1, apiAccessToken: "canary-token-1" };

describe("a change of settings", () => {
  test("is told field by field, with what was in force before, by whoever did it, in the request's name", async () => {
    const bot = await post("/v1/bots", { name: "Lamp bot" });
    const weekly = { monday: { enabled: true, slots: [{ start: "09:00", end: "17:00" }] } };
    await call("PATCH", `/v1/bots/${bot.id}/settings`, { schedule: { timezone: "Europe/Bucharest", weekly } });
    weekly.monday.slots[0]!.start = "10:00";
    const settings = { enabled: false, schedule: { timezone: "Europe/Bucharest", weekly } };
    const answer = await world.call("PATCH", `/v1/bots/${bot.id}`, { token: shop.admin, body: { settings } });
    const told = await last(bot.id);
    expect(told).toMatchObject({
      action: "bot.changed",
      actor: { kind: "token", name: "first admin token" },
      object: { type: "bot", id: bot.id, name: "Lamp bot" },
      requestId: answer.headers.get("x-request-id"),
    });
    expect(told?.changes).toEqual([
      { path: "settings.enabled", before: true, after: false },
      { path: "settings.schedule.weekly.monday.slots[0].start", before: "09:00", after: "10:00" },
    ]);
  });

  test("that changes nothing is none", async () => {
    const bot = await post("/v1/bots", { name: "Lamp bot", settings: { queueLimit: 3 } });
    await call("PATCH", `/v1/bots/${bot.id}/settings`, { queueLimit: 3, enabled: true });
    expect((await entries(`?objectId=${bot.id}`)).map(({ action }) => action)).toEqual(["bot.created"]);
    expect((await last(bot.id))?.changes).toEqual([
      { path: "name", after: "Lamp bot" },
      { path: "settings.queueLimit", before: 0, after: 3 },
    ]);
  });

  test("never shows a webhook of Slack, which is a credential", async () => {
    const slack = ["https://hooks.slack.com/services/canary-hook"];
    const bot = await post("/v1/bots", { name: "Lamp bot", settings: { notify: { slack } } });
    expect((await last(bot.id))?.changes).toContainEqual({ path: "settings.notify.slack", secret: true });
    expect(JSON.stringify(await entries())).not.toContain("canary-hook");
  });

  test("that is refused leaves no entry, and one repeated with its key leaves one", async () => {
    const before = (await entries()).length;
    const refused = { name: "b", settings: { destinations: ["con_none"] } };
    expect((await world.call("POST", "/v1/bots", { token: shop.admin, body: refused })).status).toBe(422);
    const headers = { "Idempotency-Key": "k-1" };
    for (const _again of [1, 2]) await call("POST", "/v1/bots", { name: "b" }, { headers });
    expect((await entries()).length).toBe(before + 1);
  });
});

describe("credentials", () => {
  test("are told by the name of the field, when they are others", async () => {
    const connection = await post("/v1/connections", { type: "fakedesk", config: DESK });
    expect((await last(connection.id))?.changes).toContainEqual({ path: "config.apiAccessToken", secret: true });
    await call("PATCH", `/v1/connections/${connection.id}`, { config: { apiAccessToken: "canary-token-2" } });
    expect((await last(connection.id))?.changes).toEqual([{ path: "config.apiAccessToken", secret: true }]);
    await call("PATCH", `/v1/connections/${connection.id}`, {
      config: { apiAccessToken: "canary-token-2", accountId: 7 },
    });
    expect((await last(connection.id))?.changes).toEqual([{ path: "config.accountId", before: 1, after: 7 }]);
    expect(JSON.stringify(await entries())).not.toContain("canary");
  });

  test("of a bot and of programs: rotated, issued, revoked, and never the thing itself", async () => {
    const bot = await post("/v1/bots", { name: "Lamp bot" });
    const { signingSecret } = await post(`/v1/bots/${bot.id}/secret/rotate`);
    expect(await last(bot.id)).toMatchObject({
      action: "bot.secret_rotated",
      changes: [{ path: "signingSecret", secret: true }],
    });
    const issued = await post(`/v1/bots/${bot.id}/tokens`, { name: "the shop's bot" });
    expect(await last(issued.id)).toMatchObject({ action: "token.issued", object: { name: "the shop's bot" } });
    await call("DELETE", `/v1/tokens/${issued.id}`);
    await call("DELETE", `/v1/tokens/${issued.id}`);
    expect((await entries(`?objectId=${issued.id}`)).map(({ action }) => action)).toEqual([
      "token.revoked",
      "token.issued",
    ]);
    const all = JSON.stringify(await entries());
    expect(all).not.toContain(signingSecret);
    expect(all).not.toContain(issued.token);
  });
});

describe("the rest", () => {
  test("members and their roles; being there is no change", async () => {
    const member = await post("/v1/members", { name: "Ioana", email: "ioana@shop.example" });
    await call("PUT", `/v1/members/${member.id}/presence`, { status: "online" });
    await call("PATCH", `/v1/members/${member.id}`, { role: "admin" });
    const told = await entries(`?objectId=${member.id}`);
    expect(told.map(({ action, changes }) => [action, changes])).toEqual([
      ["member.changed", [{ path: "role", before: "agent", after: "admin" }]],
      [
        "member.added",
        [
          { path: "name", after: "Ioana" },
          { path: "email", after: "ioana@shop.example" },
          { path: "role", after: "agent" },
        ],
      ],
    ]);
  });

  test("a connection that is removed, with the bots that lost it", async () => {
    const connection = await post("/v1/connections", { type: "fakedesk", config: DESK });
    const bot = await post("/v1/bots", { name: "b", settings: { destinations: [connection.id, "inbox"] } });
    await call("DELETE", `/v1/connections/${connection.id}?removeFromBots=true`);
    const [removed, changed] = await entries();
    expect(removed).toMatchObject({ action: "connection.removed", object: { id: connection.id } });
    expect(changed).toMatchObject({ action: "bot.changed", object: { id: bot.id } });
    expect(changed?.changes.map(({ path }) => path)).toEqual(["settings.destinations"]);
  });

  test("a helpdesk that is set up: what was made there", async () => {
    const connection = await post("/v1/connections", { type: "fakedesk", config: DESK });
    world.helpdesk.install = {
      async provision(_config, _deps, _order, ledger) {
        await ledger.keep({ made: { inbox: "3" } });
        return { ok: true, steps: [{ step: "inbox", outcome: "made", message: "Made.", fix: null }], about: {} };
      },
      remove: () => Promise.resolve({ ok: true, steps: [], about: {} }),
    };
    await post(`/v1/connections/${connection.id}/provision`, { config: { apiAccessToken: "canary-token-3" } });
    expect(await last(connection.id)).toMatchObject({
      action: "connection.provisioned",
      changes: [
        { path: "config.apiAccessToken", secret: true },
        { path: "installed.inbox", after: "3" },
      ],
    });
  });

  test("a delivery that is sent again, and the workspace itself", async () => {
    await world.store.write((tx) => tx.addDeliveries([delivery(shop.id, "l", { state: "held" })], new Date()));
    const [owed] = (await call("GET", "/v1/deliveries")).items;
    await post(`/v1/deliveries/${owed.id}/retry`);
    expect(await last(owed.id)).toMatchObject({
      action: "delivery.retried",
      changes: [{ path: "state", before: "held", after: "waiting" }],
    });
    const patch = { token: world.operator, body: { retentionDays: 30 } };
    expect((await world.call("PATCH", `/v1/workspaces/${shop.id}`, patch)).status).toBe(200);
    expect(await last(shop.id)).toMatchObject({
      action: "workspace.changed",
      actor: { kind: "operator" },
      changes: [{ path: "retentionDays", after: 30 }],
    });
  });

  test("a member is told by name, as it was then", async () => {
    const member = await post("/v1/members", { name: "Ioana" });
    const token = world.token("agent", shop.id, member.id);
    await world.call("POST", "/v1/sign-out", { token });
    await call("PATCH", `/v1/members/${member.id}`, { name: "Ioana Pop" });
    await world.store.write((tx) =>
      tx.createToken({
        id: "tok_agent",
        workspaceId: shop.id,
        scope: "agent",
        subject: member.id,
        name: null,
        createdAt: new Date(),
        expiresAt: new Date(Date.now() + 60_000),
        revokedAt: null,
      }),
    );
    const own = world.tokens.issue({
      scope: "agent",
      workspaceId: shop.id,
      subject: member.id,
      ttlSeconds: 60,
      jti: "tok_agent",
    });
    expect((await world.call("POST", "/v1/sign-out", { token: own })).status).toBe(204);
    expect(await last("tok_agent")).toMatchObject({
      action: "token.revoked",
      actor: { kind: "member", id: member.id, name: "Ioana Pop" },
    });
  });
});

describe("the log", () => {
  test("is filtered by date and action, and paged", async () => {
    world.setClock(new Date("2027-01-20T09:00:00Z"));
    await post("/v1/members", { name: "A" });
    world.setClock(new Date("2027-01-21T09:00:00Z"));
    await post("/v1/members", { name: "B" });
    world.setClock(null);
    const day = "from=2027-01-20T00:00:00Z&to=2027-01-21T00:00:00%2B00:00";
    expect((await entries(`?action=member.added&${day}`)).map(({ object }) => object.name)).toEqual(["A"]);
    const first = await call("GET", "/v1/audit?action=member.added&limit=1");
    expect(first.items).toHaveLength(1);
    const second = await call("GET", `/v1/audit?action=member.added&limit=1&cursor=${first.nextCursor}`);
    expect([second.items.length, second.nextCursor]).toEqual([1, null]);
    expect(new Set([first, second].map(({ items }) => items[0].object.name))).toEqual(new Set(["A", "B"]));
  });

  test("belongs to its workspace", async () => {
    await post("/v1/bots", { name: "b" });
    const other = await world.workspace("Next door");
    const seen = await world.call("GET", "/v1/audit", { token: other.admin });
    expect(seen.text).not.toContain("bot.created");
  });

  test("cannot be changed, whoever has the database open", async () => {
    await post("/v1/bots", { name: "b" });
    const db = new BetterSqlite(world.file);
    expect(() => db.prepare("update audit_log set action = 'nothing'").run()).toThrow(/append-only/);
    db.close();
  });
});
