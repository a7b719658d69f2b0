import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DeliveryError } from "../../src/domain/delivery.ts";
import { startWorld } from "./harness.ts";
import type { World } from "./harness.ts";

let world: World;
let admin: string;
let workspaceId: string;

beforeAll(async () => {
  world = await startWorld();
  ({ admin, id: workspaceId } = await world.workspace("Lamps & Co"));
});
afterAll(() => world.close());

const asAdmin = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  world.call(method, path, { token: admin, body, headers });

const CONFIG = {
  baseUrl: "https://desk.example",
  accountId: 1,
  apiAccessToken: "canary-token",
  webhookSecret: "canary-hook",
};

describe("workspaces", () => {
  test("an operator makes one, and its admin token works at once", async () => {
    const made = await world.call("POST", "/v1/workspaces", { token: world.operator, body: { name: "Café  Ω" } });
    expect(made.status).toBe(201);
    const current = await world.call("GET", "/v1/workspaces/current", { token: made.body.adminToken });
    expect(current.body).toEqual(made.body.workspace);
    expect(current.body.name).toBe("Café  Ω");
  });

  test("the list goes page by page and ends", async () => {
    await world.workspace("another");
    const names: string[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const query = cursor === "" ? "" : `&cursor=${cursor}`;
      const page = await world.call("GET", `/v1/workspaces?limit=1${query}`, { token: world.operator });
      expect(page.body.items).toHaveLength(1);
      names.push(page.body.items[0].name);
      cursor = page.body.nextCursor;
    }
    expect(names).toContain("Lamps & Co");
    expect(names).toContain("another");
    expect(new Set(names).size).toBe(names.length);
  });

  test("an operator replaces an admin's lost token", async () => {
    const issued = await world.call("POST", `/v1/workspaces/${workspaceId}/tokens`, { token: world.operator });
    expect(issued.status).toBe(201);
    const bots = await world.call("GET", "/v1/bots", { token: issued.body.token });
    expect(bots.status).toBe(200);
  });
});

describe("bots", () => {
  test("a bot with nothing but a name has every setting, and its secret is told", async () => {
    const made = await asAdmin("POST", "/v1/bots", { name: "Lumi" });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ name: "Lumi", callbackUrl: null, settingsVersion: 1 });
    expect(made.body.settings).toMatchObject({
      enabled: true,
      trigger: "both",
      destinations: [{ id: "inbox", team: null, priority: null, labels: [] }],
      schedule: null,
      acceptWithinSeconds: 300,
      form: { name: "required", email: "required", issue: "optional", phone: "optional" },
    });
    expect(made.body.signingSecret).toMatch(/^whsec_[A-Za-z0-9+/]{32}$/);
    const shown = await asAdmin("GET", `/v1/bots/${made.body.id}`);
    expect(shown.body).not.toHaveProperty("signingSecret");
    const secret = await asAdmin("GET", `/v1/bots/${made.body.id}/secret`);
    expect(secret.body.signingSecret).toBe(made.body.signingSecret);
  });

  test("a rotated secret replaces the old one; the same rotation repeated does not rotate again", async () => {
    const { body: bot } = await asAdmin("POST", "/v1/bots", { name: "Lumi" });
    const once = await asAdmin("POST", `/v1/bots/${bot.id}/secret/rotate`, undefined, {
      "idempotency-key": "rotate-1",
    });
    const again = await asAdmin("POST", `/v1/bots/${bot.id}/secret/rotate`, undefined, {
      "idempotency-key": "rotate-1",
    });
    expect(once.body.signingSecret).not.toBe(bot.signingSecret);
    expect(again.body).toEqual(once.body);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
  });

  test("PATCH writes field by field; null goes back to the default", async () => {
    const { body: bot } = await asAdmin("POST", "/v1/bots", {
      name: "Lumi",
      settings: { queueLimit: 3, idleMinutes: 20, agentLabel: "Ana" },
    });
    const patched = await asAdmin("PATCH", `/v1/bots/${bot.id}`, {
      settings: { idleMinutes: null, agentLabel: null, enabled: false },
    });
    expect(patched.body.settings).toMatchObject({ queueLimit: 3, idleMinutes: 0, agentLabel: null, enabled: false });
    expect(patched.body.settingsVersion).toBe(2);
    expect(patched.body.name).toBe("Lumi");
    const renamed = await asAdmin("PATCH", `/v1/bots/${bot.id}`, {
      name: "Nox",
      callbackUrl: "https://bot.example/cb",
    });
    expect(renamed.body).toMatchObject({ name: "Nox", callbackUrl: "https://bot.example/cb", settingsVersion: 2 });
    expect(renamed.body.settings.enabled).toBe(false);
  });

  test("PUT replaces all settings, PATCH some, GET reads them", async () => {
    const { body: bot } = await asAdmin("POST", "/v1/bots", { name: "Lumi", settings: { queueLimit: 3 } });
    const path = `/v1/bots/${bot.id}/settings`;
    const put = await asAdmin("PUT", path, { trigger: "auto" });
    expect(put.body.settings).toMatchObject({ trigger: "auto", queueLimit: 0 });
    const patch = await asAdmin("PATCH", path, { schedule: { timezone: "Europe/Bucharest" } });
    expect(patch.body).toMatchObject({
      settingsVersion: 3,
      settings: { trigger: "auto", schedule: { timezone: "Europe/Bucharest", weekly: {}, overrides: [] } },
    });
    expect((await asAdmin("GET", path)).body).toEqual(patch.body);
  });

  test("every fault of the settings is told at once, with its path", async () => {
    const refused = await asAdmin("POST", "/v1/bots", {
      name: "",
      settings: {
        trigger: "sometimes",
        queueLimit: -1,
        colour: "red",
        schedule: {
          timezone: "Mars/Olympus",
          weekly: { monday: { slots: [{ start: "25:00", end: "10:00" }] } },
          overrides: [{ date: "2026-02-30", slots: [] }],
        },
        terms: { url: "javascript:alert(1)" },
      },
    });
    expect(refused.status).toBe(422);
    expect(refused.headers.get("content-type")).toBe("application/problem+json");
    expect(refused.body.code).toBe("validation_failed");
    const paths = refused.body.faults.map((fault: { path: string }) => fault.path).toSorted();
    expect(paths).toEqual([
      "name",
      "settings.colour",
      "settings.queueLimit",
      "settings.schedule.overrides[0].date",
      "settings.schedule.timezone",
      "settings.schedule.weekly.monday.slots[0].start",
      "settings.terms.url",
      "settings.trigger",
    ]);
  });

  test("a destination must be the inbox or a connection of this workspace", async () => {
    const other = await world.workspace("other");
    const foreign = await world.call("POST", "/v1/connections", {
      token: other.admin,
      body: { type: "fakedesk", config: CONFIG },
    });
    const refused = await asAdmin("POST", "/v1/bots", {
      name: "Lumi",
      settings: { destinations: ["inbox", { id: foreign.body.id }, "con_nowhere"] },
    });
    expect(refused.status).toBe(422);
    expect(refused.body.faults).toEqual([
      expect.objectContaining({ path: "settings.destinations[1].id", code: "unknown_destination" }),
      expect.objectContaining({ path: "settings.destinations[2]", code: "unknown_destination" }),
    ]);
  });

  test("a callback URL that leads inside is refused when it is saved", async () => {
    const refused = await asAdmin("POST", "/v1/bots", { name: "x", callbackUrl: "http://169.254.169.254/latest" });
    expect(refused.status).toBe(422);
    expect(refused.body.faults).toEqual([
      { path: "callbackUrl", message: "leads to a cloud metadata address", code: "refused_address" },
    ]);
  });

  test("a message URL is set, kept by other changes, and taken away by null", async () => {
    const messageUrl = "https://bot.example/turn";
    const { body: made } = await asAdmin("POST", "/v1/bots", { name: "Lumi", messageUrl });
    expect(made).toMatchObject({ messageUrl, callbackUrl: null });
    const path = `/v1/bots/${made.id}`;
    expect((await asAdmin("PATCH", path, { name: "Nox" })).body).toMatchObject({ name: "Nox", messageUrl });
    const moved = await asAdmin("PATCH", path, { messageUrl: "https://bot.example/v2" });
    expect(moved.body).toMatchObject({ messageUrl: "https://bot.example/v2", settingsVersion: 1 });
    expect((await asAdmin("GET", path)).body).toEqual(moved.body);
    expect((await asAdmin("PATCH", path, { messageUrl: null })).body).toMatchObject({ messageUrl: null });
    expect((await asAdmin("GET", path)).body).toMatchObject({ messageUrl: null });
    expect((await asAdmin("POST", "/v1/bots", { name: "Lumi" })).body).toMatchObject({ messageUrl: null });
  });

  test.each(["ftp://bot.example/", "bot.example", "", 5])("%j is no message URL", async (messageUrl) => {
    const refused = await asAdmin("POST", "/v1/bots", { name: "x", messageUrl });
    expect(refused.status).toBe(422);
    expect(refused.body.faults.map((fault: { path: string }) => fault.path)).toEqual(["messageUrl"]);
  });

  test("a message URL that leads inside is refused when it is saved, and told with the callback URL's fault", async () => {
    const { body: bot } = await asAdmin("POST", "/v1/bots", { name: "Lumi" });
    const inside = "http://169.254.169.254/latest";
    for (const [method, path] of [
      ["POST", "/v1/bots"],
      ["PATCH", `/v1/bots/${bot.id}`],
    ] as const) {
      const refused = await asAdmin(method, path, { name: "x", messageUrl: inside, callbackUrl: inside });
      expect(refused.status).toBe(422);
      expect(refused.body.faults).toEqual([
        { path: "callbackUrl", message: "leads to a cloud metadata address", code: "refused_address" },
        { path: "messageUrl", message: "leads to a cloud metadata address", code: "refused_address" },
      ]);
    }
    expect((await asAdmin("GET", `/v1/bots/${bot.id}`)).body).toMatchObject({ name: "Lumi", messageUrl: null });
  });
});

describe("tokens", () => {
  test("a bot's token is listed without itself, and dies when it is revoked", async () => {
    const { body: bot } = await asAdmin("POST", "/v1/bots", { name: "Lumi" });
    const issued = await asAdmin("POST", `/v1/bots/${bot.id}/tokens`, { name: "prod", expiresInSeconds: 3600 });
    expect(issued.status).toBe(201);
    expect(world.tokens.verify(issued.body.token)).toMatchObject({ scope: "bot", workspaceId, subjectId: bot.id });
    const list = await asAdmin("GET", "/v1/tokens?limit=200");
    const entry = list.body.items.find((token: { id: string }) => token.id === issued.body.id);
    expect(entry).toMatchObject({ scope: "bot", subject: bot.id, name: "prod", revokedAt: null });
    expect(list.text).not.toContain(issued.body.token);

    expect((await asAdmin("DELETE", `/v1/tokens/${issued.body.id}`)).status).toBe(204);
    expect((await asAdmin("DELETE", `/v1/tokens/${issued.body.id}`)).status).toBe(204);
    expect(() => world.tokens.verify(issued.body.token)).toThrow("revoked");
    expect(await world.store.read.revokedTokenIds(new Date())).toContain(issued.body.id);
  });

  test("the same order repeated gives the same token, which the store never held", async () => {
    const { body: bot } = await asAdmin("POST", "/v1/bots", { name: "Lumi" });
    const order = () => asAdmin("POST", `/v1/bots/${bot.id}/tokens`, {}, { "idempotency-key": "order-7" });
    const [first, second] = [await order(), await order()];
    expect(second.body).toEqual(first.body);
    const kept = await world.store.read.storedAnswer(`admin:${workspaceId}:${workspaceId}`, "order-7");
    expect(kept?.body).toContain(first.body.id);
    expect(kept?.body).not.toContain(first.body.token);
  });
});

const answeredBy = (botId: unknown) => ({ type: "fakedesk", config: { ...CONFIG, botId } });

describe("connections", () => {
  test("secrets go in and never come out", async () => {
    const made = await asAdmin("POST", "/v1/connections", { type: "fakedesk", config: CONFIG });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      type: "fakedesk",
      name: "Fakedesk",
      config: { baseUrl: "https://desk.example", accountId: 1 },
      secrets: { apiAccessToken: true, webhookSecret: true },
      webhookUrl: `${world.url}/webhooks/fakedesk/${made.body.id}`,
      problem: null,
    });
    expect(made.body.webhookUrlUnsigned).toMatch(new RegExp(`^${made.body.webhookUrl}/[\\w-]{22}$`));
    const list = await asAdmin("GET", "/v1/connections");
    const one = await asAdmin("GET", `/v1/connections/${made.body.id}`);
    const renamed = await asAdmin("PATCH", `/v1/connections/${made.body.id}`, { name: "Desk" });
    for (const { text } of [made, list, one, renamed]) expect(text).not.toContain("canary");
    const row = await world.store.read.connection(workspaceId, made.body.id);
    expect(JSON.stringify(row)).not.toContain("canary");
    expect(renamed.body).toMatchObject({ name: "Desk", secrets: { apiAccessToken: true } });
  });

  test("a bot that a configuration names must be one of the workspace", async () => {
    const { body: bot } = await asAdmin("POST", "/v1/bots", { name: "Lumi" });
    const other = await world.workspace("other bots");
    const foreign = await world.call("POST", "/v1/bots", { token: other.admin, body: { name: "Theirs" } });
    const unknown = [{ path: "config.botId", message: "is not the id of one of your bots", code: "unknown_bot" }];
    for (const botId of [foreign.body.id, "bot_nowhere"]) {
      const refused = await asAdmin("POST", "/v1/connections", answeredBy(botId));
      expect([refused.status, refused.body.faults]).toEqual([422, unknown]);
    }
    const made = await asAdmin("POST", "/v1/connections", answeredBy(bot.id));
    expect([made.status, made.body.config.botId]).toEqual([201, bot.id]);

    const path = `/v1/connections/${made.body.id}`;
    const patched = await asAdmin("PATCH", path, { config: { botId: foreign.body.id } });
    expect([patched.status, patched.body.faults]).toEqual([422, unknown]);
    expect((await asAdmin("GET", path)).body.config.botId).toBe(bot.id);
    expect((await asAdmin("PATCH", path, { name: "Desk" })).body.config.botId).toBe(bot.id);
    expect((await asAdmin("PATCH", path, { config: { botId: null } })).body.config).not.toHaveProperty("botId");
    expect((await asAdmin("POST", "/v1/connections", answeredBy(null))).status).toBe(201);
  });

  test("every fault of the configuration is told", async () => {
    const refused = await asAdmin("POST", "/v1/connections", {
      type: "fakedesk",
      config: { baseUrl: "nowhere", accountId: "x", extra: 1 },
    });
    expect(refused.status).toBe(422);
    expect(refused.body.faults.map((fault: { path: string; code: string }) => [fault.path, fault.code])).toEqual([
      ["config.baseUrl", "invalid_format"],
      ["config.accountId", "invalid_type"],
      ["config.apiAccessToken", "required"],
      ["config.extra", "unknown_field"],
    ]);
    const unknown = await asAdmin("POST", "/v1/connections", { type: "nodesk", config: {} });
    expect(unknown.body.faults).toEqual([
      { path: "type", message: "must be one of: fakedesk, freshchat", code: "unknown_type" },
    ]);
  });

  test("the stored token never follows the connection to another host", async () => {
    const { body: made } = await asAdmin("POST", "/v1/connections", { type: "fakedesk", config: CONFIG });
    const path = `/v1/connections/${made.id}`;
    const moved = await asAdmin("PATCH", path, { config: { baseUrl: "https://evil.example" } });
    expect(moved.status).toBe(422);
    expect(moved.body.faults).toEqual([{ path: "config.apiAccessToken", message: "is required", code: "required" }]);
    expect((await asAdmin("GET", path)).body.config.baseUrl).toBe("https://desk.example");

    const along = await asAdmin("PATCH", path, { config: { baseUrl: "https://new.example", apiAccessToken: "other" } });
    expect(along.body).toMatchObject({
      config: { baseUrl: "https://new.example" },
      secrets: { apiAccessToken: true, webhookSecret: false },
    });
  });

  test("another spelling of the same address keeps the secrets", async () => {
    const { body: made } = await asAdmin("POST", "/v1/connections", { type: "fakedesk", config: CONFIG });
    const patch = { config: { baseUrl: "https://desk.example/", accountId: 2 } };
    const kept = await asAdmin("PATCH", `/v1/connections/${made.id}`, patch);
    expect(kept.body).toMatchObject({
      config: { accountId: 2 },
      secrets: { apiAccessToken: true, webhookSecret: true },
    });
  });

  test("an address inside is refused", async () => {
    const config = { ...CONFIG, baseUrl: "http://169.254.169.254" };
    const refused = await asAdmin("POST", "/v1/connections", { type: "fakedesk", config });
    expect(refused.body.faults).toEqual([
      { path: "config.baseUrl", message: "leads to a cloud metadata address", code: "refused_address" },
    ]);
  });

  test("a check hands the credentials to the connector, keeps what is wrong, and forgets it when it works again", async () => {
    const { body: made } = await asAdmin("POST", "/v1/connections", { type: "fakedesk", config: CONFIG });
    const path = `/v1/connections/${made.id}`;
    world.helpdesk.report = {
      ok: false,
      findings: [
        { step: "address", ok: true, message: "The address answers.", fix: null },
        { step: "token", ok: false, message: "The token is refused.", fix: "Copy it again." },
      ],
      about: {},
    };
    const bad = await asAdmin("POST", `${path}/check`);
    expect(bad.status).toBe(200);
    expect(bad.body.ok).toBe(false);
    expect(world.helpdesk.configs.at(-1)).toEqual(CONFIG);
    expect((await asAdmin("GET", path)).body.problem).toBe("The token is refused. Copy it again.");
    world.helpdesk.report = { ok: true, findings: [], about: {} };
    await asAdmin("POST", `${path}/check`);
    expect((await asAdmin("GET", path)).body).toMatchObject({ problem: null, problemSince: null });
  });

  test("one that a bot sends to is not removed; afterwards it is, and whoever holds it is told", async () => {
    const { body: made } = await asAdmin("POST", "/v1/connections", { type: "fakedesk", config: CONFIG });
    const path = `/v1/connections/${made.id}`;
    const { body: bot } = await asAdmin("POST", "/v1/bots", { name: "Dora", settings: { destinations: [made.id] } });
    const refused = await asAdmin("DELETE", path);
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({ code: "conflict" });
    expect(refused.body.detail).toContain(`Dora (${bot.id})`);
    await asAdmin("PATCH", `/v1/bots/${bot.id}`, { settings: { destinations: null } });
    expect((await asAdmin("DELETE", path)).status).toBe(204);
    expect((await asAdmin("GET", path)).status).toBe(404);
    expect(world.changed.at(-1)).toBe(made.id);
  });

  test("one is removed together with its name in the bots' settings, where that is asked for", async () => {
    const { body: made } = await asAdmin("POST", "/v1/connections", { type: "fakedesk", config: CONFIG });
    const settings = { destinations: [{ id: made.id }, { id: "inbox", team: "Sales" }] };
    const { body: bot } = await asAdmin("POST", "/v1/bots", { name: "Dora", settings });
    const path = `/v1/connections/${made.id}?removeFromBots=`;
    expect((await asAdmin("DELETE", `${path}maybe`)).status).toBe(400);
    expect((await asAdmin("DELETE", `${path}false`)).status).toBe(409);
    expect((await asAdmin("DELETE", `${path}true`)).status).toBe(204);
    const kept = (await asAdmin("GET", `/v1/bots/${bot.id}/settings`)).body.settings.destinations;
    expect(kept.map((one: { id: string; team: string }) => [one.id, one.team])).toEqual([["inbox", "Sales"]]);
  });

  test("the types tell what they ask for", async () => {
    const { body } = await asAdmin("GET", "/v1/connection-types");
    expect(body.items).toEqual([
      expect.objectContaining({
        type: "fakedesk",
        title: "Fakedesk",
        secretFields: ["apiAccessToken", "webhookSecret"],
        canProvision: true,
      }),
      expect.objectContaining({ type: "freshchat", secretFields: ["apiToken"], canProvision: false }),
    ]);
  });

  describe("what a connection's fields can be set to", () => {
    const config = { baseUrl: "https://desk.example", accountId: 3, apiAccessToken: "canary-token" };
    const made = async () => (await asAdmin("POST", "/v1/connections", { type: "fakedesk", config })).body.id;

    test("is what the helpdesk says, by field", async () => {
      const choices = { accountId: [{ value: "3", label: "Acme", usable: true }] };
      world.helpdesk.choices = choices;
      const told = await asAdmin("GET", `/v1/connections/${await made()}/choices`);
      expect([told.status, told.body]).toEqual([200, { choices }]);
    });

    test.each([
      [new DeliveryError("credentials", "Desk refuses the token: give a new one."), 502, "helpdesk_refused", null],
      [new DeliveryError("permanent", "Desk has no such account."), 502, "helpdesk_refused", null],
      [new DeliveryError("transient", "Desk did not answer."), 503, "helpdesk_unavailable", null],
      [new DeliveryError("rate_limited", "Ask later.", { retryAfterSeconds: 20 }), 503, "helpdesk_unavailable", "20"],
    ])("and when it does not say: %s", async (failure, status, code, retryAfter) => {
      const id = await made();
      world.helpdesk.failure = failure;
      const told = await asAdmin("GET", `/v1/connections/${id}/choices`);
      world.helpdesk.failure = null;
      expect([told.status, told.body.code, told.body.detail]).toEqual([status, code, failure.message]);
      expect(told.headers.get("retry-after")).toBe(retryAfter);
    });

    test("credentials that cannot be opened any more are told as such", async () => {
      const id = await made();
      const { id: workspaceId } = (await asAdmin("GET", "/v1/workspaces/current")).body;
      await world.store.write((tx) => tx.updateConnection(workspaceId, id, { sealedSecrets: "v1.sealed.elsewhere" }));
      const told = await asAdmin("GET", `/v1/connections/${id}/choices`);
      expect([told.status, told.body.code]).toEqual([409, "conflict"]);
      expect(told.body.detail).toContain("Enter them anew");
    });
  });

  test("what waited for a connection is tried at once when its settings change, or a check finds it well", async () => {
    const config = { baseUrl: "https://desk.example", accountId: 3, apiAccessToken: "old" };
    const { body: made } = await asAdmin("POST", "/v1/connections", { type: "fakedesk", config });
    const { id: workspaceId } = (await asAdmin("GET", "/v1/workspaces/current")).body;
    const [lane, later] = [`${made.id}:cnv_1`, new Date(world.clock().getTime() + 3_600_000)];
    const put = { workspaceId, lane, kind: "helpdesk_message", connectionId: made.id, conversationId: null } as const;
    await world.store.write((tx) => tx.addDeliveries([{ ...put, handoffId: null, payload: {} }], world.clock()));
    const isDue = async () => (await world.store.read.dueLanes(new Date(), 50, [])).some((one) => one.lane === lane);
    const waitAgain = () =>
      world.store.write(async (tx) => {
        const claim = await tx.claimLane(lane, new Date(), 1_000);
        const again = { nextAt: later, error: "refused", mayHaveHappened: false, countAttempt: true };
        await tx.postponeDelivery(claim!, again, new Date());
      });

    await waitAgain();
    expect(await isDue()).toBe(false);
    await asAdmin("PATCH", `/v1/connections/${made.id}`, { name: "Another name" });
    expect([await isDue(), world.mended.includes(made.id)]).toEqual([false, false]);
    await asAdmin("PATCH", `/v1/connections/${made.id}`, { config: { apiAccessToken: "new" } });
    expect([await isDue(), world.mended.includes(made.id)]).toEqual([true, true]);

    await waitAgain();
    world.mended.length = 0;
    world.helpdesk.report = { ok: false, findings: [], about: {} };
    await asAdmin("POST", `/v1/connections/${made.id}/check`);
    expect([await isDue(), world.mended]).toEqual([false, []]);
    world.helpdesk.report = { ok: true, findings: [], about: {} };
    await asAdmin("POST", `/v1/connections/${made.id}/check`);
    expect([await isDue(), world.mended]).toEqual([true, [made.id]]);
  });
});

describe("members", () => {
  test("an agent says for itself that it is there, for as long as it says", async () => {
    const { body: ana } = await asAdmin("POST", "/v1/members", { name: "Ana", email: "ana@lamps.example" });
    expect(ana).toMatchObject({ role: "agent", online: false });
    const { body: issued } = await asAdmin("POST", `/v1/members/${ana.id}/tokens`);
    const set = (id: string, body: unknown, token = issued.token) =>
      world.call("PUT", `/v1/members/${id}/presence`, { token, body });
    world.setClock(new Date("2026-11-20T09:00:00Z"));
    const token = world.token("agent", workspaceId, ana.id);
    const online = await set("me", { status: "online", forSeconds: 60 }, token);
    expect(online.body).toMatchObject({ id: ana.id, online: true, onlineUntil: "2026-11-20T09:01:00.000Z" });
    world.setClock(new Date("2026-11-20T09:01:00Z"));
    const list = await world.call("GET", "/v1/members", { token: world.token("admin", workspaceId, workspaceId) });
    expect(list.body.items).toEqual([expect.objectContaining({ id: ana.id, online: false })]);
    world.setClock(null);
    expect((await set(ana.id, { status: "away" })).body.online).toBe(false);
  });

  test("an agent cannot speak for another, and an admin is no member", async () => {
    const { body: ana } = await asAdmin("POST", "/v1/members", { name: "Ana" });
    const { body: bob } = await asAdmin("POST", "/v1/members", { name: "Bob" });
    const token = world.token("agent", workspaceId, ana.id);
    const forBob = await world.call("PUT", `/v1/members/${bob.id}/presence`, { token, body: { status: "online" } });
    expect(forBob.status).toBe(404);
    expect((await asAdmin("PUT", "/v1/members/me/presence", { status: "online" })).status).toBe(404);
    expect((await asAdmin("PUT", `/v1/members/${bob.id}/presence`, { status: "online" })).body.online).toBe(true);
  });

  test("what is changed is changed, the rest stays", async () => {
    const { body: ana } = await asAdmin("POST", "/v1/members", { name: "Ana", email: "ana@lamps.example" });
    const patched = await asAdmin("PATCH", `/v1/members/${ana.id}`, { role: "admin", email: null });
    expect(patched.body).toMatchObject({ name: "Ana", role: "admin", email: null });
    expect((await asAdmin("PATCH", `/v1/members/${ana.id}`, {})).body).toEqual(patched.body);
  });
});
