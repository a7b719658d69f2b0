import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DeliveryError } from "../../src/domain/delivery.ts";
import type { CheckReport, Finding } from "../../src/ports.ts";
import { conversation, handoff } from "../contracts/store-samples.ts";
import { startWorld } from "./harness.ts";
import type { CallOptions, Reply, World } from "./harness.ts";

/** Baton's app in the Freshworks Marketplace, as it speaks to Baton. FreshChat itself is what the test says it is. */

const URL_OF = { acme: "acme-123.freshchat.com", other: "other-9.freshchat.com" };
const TOKEN = "canary-token-of-freshchat";

let world: World;
let admin: string;
let workspaceId: string;
let key: string;

beforeEach(async () => {
  world = await startWorld({ installWithinMs: 300 });
  ({ id: workspaceId, admin } = await world.workspace("Lamps"));
  key = await newKey(admin);
});
afterEach(() => world.close());

const asAdmin = (method: string, path: string, body?: unknown) => world.call(method, path, { token: admin, body });
const newKey = async (token: string): Promise<string> =>
  (await world.call("POST", "/v1/installations/keys", { token })).body.token;

interface Said {
  readonly key?: string;
  readonly token?: string | null;
  readonly [field: string]: unknown;
}

/** What the app sends when an admin installs it; `said` replaces parts. */
function install({ key: token = key, token: secret = TOKEN, ...body }: Said = {}, more: CallOptions = {}) {
  const headers = { ...(secret !== null && { "x-freshchat-token": secret }), ...more.headers };
  const given = { freshchatUrl: URL_OF.acme, channel: "Website", ...body };
  return world.call("POST", "/v1/installations/freshworks", { token, body: given, ...more, headers });
}
const post = (path: string, body: unknown, token = key) =>
  world.call("POST", `/v1/installations/freshworks/${path}`, { token, body });
const uninstall = (freshchatUrl = URL_OF.acme, token = key) => post("uninstall", { freshchatUrl }, token);
const connections = async () => (await asAdmin("GET", "/v1/connections")).body.items;
const destinationsOf = async (bot: string) =>
  (await asAdmin("GET", `/v1/bots/${bot}`)).body.settings.destinations.map((one: { id: string }) => one.id);
const newBot = async (name: string, settings?: unknown): Promise<string> =>
  (await asAdmin("POST", "/v1/bots", { name, settings })).body.id;
const refusal = ({ status, body }: Reply) => [status, body.code, body.detail];

const finding = (step: string, message: string, fix: string | null = null): Finding => ({
  step,
  ok: fix === null,
  message,
  fix,
});
const report = (...findings: Finding[]): CheckReport => ({ ok: findings.every(({ ok }) => ok), findings, about: {} });

describe("an installation", () => {
  test("becomes a connection whose events come through the app", async () => {
    world.freshchat.report = { ...report(finding("reach", "It answers.")), about: { appId: "app-7" } };
    const made = await install({ group: "Support" });
    const [connection] = await connections();
    expect(made.status).toBe(201);
    expect(made.body).toEqual({
      connection: { id: connection.id, name: "FreshChat (acme-123.freshchat.com)" },
      channel: { id: "chn-1", name: "Website" },
      group: { id: "grp-1", name: "Support" },
      findings: [{ step: "reach", ok: true, message: "It answers.", fix: null }],
      bots: [],
    });
    const keyId = JSON.parse(Buffer.from(key.split(".")[1]!, "base64url").toString()).jti;
    expect(connection).toMatchObject({
      type: "freshchat",
      secrets: { apiToken: true },
      config: {
        baseUrl: "https://acme-123.freshchat.com",
        channelId: "chn-1",
        groupId: "grp-1",
        eventsVia: "app",
        appId: "app-7",
        installedWith: keyId,
      },
    });
  });

  test.each([
    ["by id", { channel: "chn-2" }, { id: "chn-2", name: "Shop" }],
    ["by name", { channel: "Shop" }, { id: "chn-2", name: "Shop" }],
    ["with spaces around", { channel: "  Shop " }, { id: "chn-2", name: "Shop" }],
    ["in other letters", { channel: "SHOP" }, { id: "chn-2", name: "Shop" }],
  ])("finds the channel %s", async (_how, said, channel) => {
    expect((await install(said)).body.channel).toEqual(channel);
  });

  test("of channels with one name takes the one in use, and of two in use none", async () => {
    world.freshchat.channels = [
      { value: "chn-old", label: "Website", usable: false },
      { value: "chn-new", label: "Website", usable: true },
      { value: "chn-a", label: "Twice", usable: true },
      { value: "chn-b", label: "Twice", usable: true },
    ];
    expect((await install()).body.channel.id).toBe("chn-new");
    const detail = 'FreshChat has several channels of the name "Twice": give the channel\'s id instead.';
    expect(refusal(await install({ channel: "Twice" }))).toEqual([422, "installation_failed", detail]);
    expect((await install({ channel: "chn-b" })).body.channel.id).toBe("chn-b");
  });

  test.each<[string, Said, () => void, string]>([
    [
      "no token",
      { token: null },
      () => {},
      "The FreshChat API token is missing: copy it from FreshChat, Admin Settings, API Settings.",
    ],
    [
      "an address of somebody else",
      { freshchatUrl: "https://evil.example/x" },
      () => {},
      "The FreshChat address must end in .freshchat.com.",
    ],
    ["a token that is none", { token: "two words" }, () => {}, "The FreshChat API token must not contain spaces."],
    [
      "no such channel",
      { channel: "Webshop" },
      () => {},
      'FreshChat has no channel "Webshop". There is: "Website", "Shop".',
    ],
    [
      "no channel named",
      { channel: "" },
      () => {},
      'Name the channel for conversations with people. There is: "Website", "Shop".',
    ],
    ["no such group", { group: "Sales" }, () => {}, 'FreshChat has no group "Sales". There is: "Support".'],
    [
      "a channel that is switched off",
      {},
      () => (world.freshchat.channels = [{ value: "c", label: "Website", usable: false }]),
      'The channel "Website" is switched off in FreshChat: switch it on, or name another. FreshChat has no channel in use: make one first.',
    ],
    [
      "a token that FreshChat refuses",
      {},
      () =>
        (world.freshchat.failure = new DeliveryError("credentials", "FreshChat refuses the token. Give a new one.")),
      "FreshChat refuses the token. Give a new one.",
    ],
    [
      "something that the check finds",
      {},
      () =>
        (world.freshchat.report = report(
          finding("reach", "Fine."),
          finding("rights", "It may not write.", "Use an admin's."),
        )),
      "It may not write. Use an admin's.",
    ],
    [
      "a helpdesk that says the token aloud",
      {},
      () => (world.freshchat.failure = new DeliveryError("permanent", `No rights for ${TOKEN}.`)),
      "No rights for ….",
    ],
    [
      "a FreshChat that does not answer in time",
      {},
      () => (world.freshchat.pause = new Promise(() => {})),
      "FreshChat took too long to answer: check its address, then install again in a minute.",
    ],
  ])("with %s is refused in a sentence, and nothing is kept", async (_what, said, arrange, detail) => {
    const bot = await newBot("b");
    arrange();
    expect(refusal(await install(said))).toEqual([422, "installation_failed", detail]);
    expect([await connections(), await destinationsOf(bot)]).toEqual([[], ["inbox"]]);
  });

  test("is not refused because no event has come yet, which is what an installation is for", async () => {
    world.freshchat.report = report(
      finding("reach", "Fine."),
      finding("webhook", "Nothing has come.", "Install the app."),
    );
    const made = await install();
    expect([made.status, made.body.findings]).toEqual([201, [finding("reach", "Fine.")]]);
  });

  test("again, with what has changed, changes the connection and keeps what the admin has set beside it", async () => {
    const { body: first } = await install({ group: "Support" });
    const id = first.connection.id;
    const own = { conversationProperties: { cf_source: "bot" }, webhookPublicKey: "key", agentId: "agt-1" };
    await asAdmin("PATCH", `/v1/connections/${id}`, { name: "Our FreshChat", config: own });
    const spelled = "https://ACME-123.freshchat.com/a/settings";
    const again = await install({ freshchatUrl: spelled, channel: "Shop", token: "another-token" });
    expect([again.status, again.body.connection, again.body.group]).toEqual([200, { id, name: "Our FreshChat" }, null]);
    const [connection, ...more] = await connections();
    expect(more).toEqual([]);
    expect(connection.config).toMatchObject({ ...own, channelId: "chn-2", groupId: null, eventsVia: "app" });
    expect(world.freshchat.configs.at(-1)).toMatchObject({ ...own, apiToken: "another-token", channelId: "chn-2" });
    expect(world.mended).toContain(id);
  });

  test("takes over the connection that an admin made for the account by hand", async () => {
    const config = { baseUrl: URL_OF.acme, apiToken: "by-hand", agentId: "agt-1" };
    const { body: made } = await asAdmin("POST", "/v1/connections", { type: "freshchat", name: "Mine", config });
    const installed = await install();
    expect([installed.status, installed.body.connection]).toEqual([200, { id: made.id, name: "Mine" }]);
    expect((await connections())[0].config).toMatchObject({ agentId: "agt-1", eventsVia: "app" });
  });

  test("of several connections for the account changes the one that the app brought", async () => {
    const config = { baseUrl: URL_OF.acme, apiToken: "by-hand" };
    const byHand = async () => (await asAdmin("POST", "/v1/connections", { type: "freshchat", config })).body.id;
    const [, second] = [await byHand(), await byHand()];
    await asAdmin("PATCH", `/v1/connections/${second}`, { config: { eventsVia: "app" } });
    expect((await install()).body.connection.id).toBe(second);
    expect(await connections()).toHaveLength(2);
  });

  test("by ten at once is one connection, made once", async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => install()));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(9);
    expect(new Set(answers.map(({ body }) => body.connection.id)).size).toBe(1);
    expect(await connections()).toHaveLength(1);
  });

  test("of a second account is a second connection", async () => {
    await install();
    expect((await install({ freshchatUrl: URL_OF.other })).status).toBe(201);
    expect((await connections()).map((one: { name: string }) => one.name)).toEqual([
      "FreshChat (acme-123.freshchat.com)",
      "FreshChat (other-9.freshchat.com)",
    ]);
  });

  test("leaves FreshChat's token sealed: in no file, log line, answer or kept answer in the clear", async () => {
    const made = await install({}, { headers: { "idempotency-key": "install-1" } });
    await install({}, { headers: { "idempotency-key": "install-1" } });
    world.freshchat.failure = new DeliveryError("permanent", `Refused ${TOKEN}`);
    const failed = await install();
    expect(made.text + failed.text + JSON.stringify(world.logged)).not.toContain(TOKEN);
    for (const name of readdirSync(dirname(world.file)))
      expect(readFileSync(join(dirname(world.file), name)).includes(TOKEN)).toBe(false);
  });
});

describe("bots", () => {
  test("that say nothing about destinations send handoffs there, and to the inbox when it fails; the others' choice stands", async () => {
    const undecided = await newBot("Undecided");
    const decided = await newBot("Decided", { destinations: ["inbox"] });
    const { body } = await install();
    expect(body.bots).toEqual([{ id: undecided, name: "Undecided" }]);
    expect(await destinationsOf(undecided)).toEqual([body.connection.id, "inbox"]);
    expect(await destinationsOf(decided)).toEqual(["inbox"]);
    expect((await install()).body.bots).toEqual([{ id: undecided, name: "Undecided" }]);
    // A second account does not push out the first.
    expect((await install({ freshchatUrl: URL_OF.other })).body.bots).toEqual([]);
    expect(await destinationsOf(undecided)).toEqual([body.connection.id, "inbox"]);
  });

  test("stay as they are when the app is told so", async () => {
    const bot = await newBot("Undecided");
    expect((await install({ useForBots: false })).body.bots).toEqual([]);
    expect(await destinationsOf(bot)).toEqual(["inbox"]);
  });

  test("no longer name what was uninstalled; one of which nothing is left has the inbox, and takes the next installation", async () => {
    const undecided = await newBot("Undecided");
    const { body } = await install();
    const id = body.connection.id;
    const team = await newBot("With a team", { destinations: [{ id: "inbox", team: "4" }, id] });
    const alone = await newBot("Alone", { destinations: [id] });
    expect((await uninstall()).status).toBe(200);
    expect([await destinationsOf(undecided), await destinationsOf(alone)]).toEqual([["inbox"], ["inbox"]]);
    const { settings } = (await asAdmin("GET", `/v1/bots/${team}`)).body;
    expect(settings.destinations).toEqual([{ id: "inbox", team: "4", priority: null, labels: [] }]);
    key = await newKey(admin);
    expect((await install()).body.bots.map((one: { id: string }) => one.id)).toEqual([undecided, alone]);
  });
});

describe("uninstalling", () => {
  test("takes the connection, its credentials and the key away at once", async () => {
    const { body } = await install();
    expect((await uninstall()).body).toEqual({ removed: true });
    expect(await connections()).toEqual([]);
    expect(world.changed).toContain(body.connection.id);
    // On disk too: other processes, and this one after a start, know of it from there.
    const { items } = (await asAdmin("GET", "/v1/tokens")).body;
    expect(items.find((one: { scope: string }) => one.scope === "installation").revokedAt).not.toBeNull();
    for (const answer of [await uninstall(), await install(), await post("events", {})])
      expect([answer.status, answer.body.code]).toEqual([401, "unauthenticated"]);
  });

  test("one account leaves the key that another was registered with, and repeating is harmless", async () => {
    await install();
    await install({ freshchatUrl: URL_OF.other });
    for (const _time of [1, 2]) expect((await uninstall()).body).toEqual({ removed: true });
    expect((await connections()).map((one: { config: { baseUrl: string } }) => one.config.baseUrl)).toEqual([
      "https://other-9.freshchat.com",
    ]);
    expect((await uninstall(URL_OF.other)).body).toEqual({ removed: true });
    expect((await uninstall(URL_OF.other)).status).toBe(401);
  });

  test("leaves alone what the app did not bring: a connection that hears of things by webhook", async () => {
    const config = { baseUrl: URL_OF.acme, apiToken: "by-hand" };
    await asAdmin("POST", "/v1/connections", { type: "freshchat", config });
    expect((await uninstall()).body).toEqual({ removed: true });
    expect(await connections()).toHaveLength(1);
    expect((await uninstall()).status).toBe(401);
  });

  test("with what is no address removes nothing but the key", async () => {
    await install({ key: await newKey(admin) });
    expect((await uninstall("no address")).body).toEqual({ removed: true });
    expect(await connections()).toHaveLength(1);
  });
});

const event = (more: Record<string, unknown> = {}) => ({ event: "onMessageCreate", id: "m1", ...more });
const deliver = (more: Record<string, unknown> = {}, freshchatUrl = URL_OF.acme, token = key) =>
  post("events", { freshchatUrl, event: event(more) }, token);
const recorded = () => world.store.read.waitingWebhooks(new Date(Date.now() + 1_000), 100);

/** A handoff that stands in the FreshChat conversation. */
async function stands(freshId: string, more: Parameters<typeof handoff>[3] = {}): Promise<string> {
  const connectionId = (await connections())[0].id;
  const botId = await newBot("Lumi");
  const [cnv, hnd] = [`cnv_${freshId}`, `hnd_${freshId}`];
  const destination = { id: connectionId, team: null, priority: null, labels: [] };
  const ref = { conversationId: freshId, contactId: null, url: null };
  const own = { botId, destination, ref, opened: true, chain: [], ...more };
  await world.store.write(async (tx) => {
    await tx.createConversation(conversation(workspaceId, cnv, { botId, openHandoffId: hnd, control: "human" }));
    await tx.createHandoff(handoff(workspaceId, cnv, hnd, own));
  });
  return hnd;
}

const path = (id: string, freshchatUrl = URL_OF.acme) =>
  `/v1/installations/freshworks/conversations/${id}?freshchatUrl=${encodeURIComponent(freshchatUrl)}`;
const show = (id: string, freshchatUrl?: string, token = key) => world.call("GET", path(id, freshchatUrl), { token });
const giveBack = (id: string, agent: unknown = null, token = key) =>
  post(`conversations/${id}/return`, { freshchatUrl: URL_OF.acme, agent }, token);

describe("events", () => {
  test("of a handoff's conversation are recorded once, without the app's settings", async () => {
    await install();
    await stands("fresh-1");
    const settings = { iparams: { freshchat_token: TOKEN }, data: { text: "hello" } };
    const first = await deliver({ conversation: "fresh-1", ...settings });
    expect([first.status, first.body]).toEqual([202, { received: true }]);
    expect((await deliver({ conversation: "fresh-1" })).status).toBe(202);
    const rows = await recorded();
    expect(rows.map((row) => JSON.parse(row.body))).toEqual([
      { event: "onMessageCreate", id: "m1", conversation: "fresh-1", data: { text: "hello" } },
    ]);
  });

  test("of strangers' conversations are answered alike and kept nowhere, but say that the app is alive", async () => {
    await install();
    expect((await deliver({ conversation: "a stranger's" })).status).toBe(202);
    expect(await recorded()).toEqual([]);
    expect((await connections())[0].lastWebhookAt).not.toBeNull();
    await install();
    expect(world.freshchat.seen.at(-1)).toBeInstanceOf(Date);
  });

  test("two hundred at once pass the limits of a server as it is", async () => {
    await world.close();
    world = await startWorld({ server: { config: { trustProxy: false, rateLimit: 1 } } });
    ({ id: workspaceId, admin } = await world.workspace("Lamps"));
    key = await newKey(admin);
    await install();
    const answers = await Promise.all(Array.from({ length: 200 }, (_one, n) => deliver({ id: `m${n}` })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
  });

  test.each([
    ["of an account that is not installed", () => deliver({}, URL_OF.other), 404, "not_found"],
    ["of what is no account", () => deliver({}, "???"), 404, "not_found"],
    ["of more than 256 kB", () => deliver({ text: "x".repeat(262_144) }), 413, "body_too_large"],
    [
      "that are none",
      () => post("events", { freshchatUrl: URL_OF.acme, event: "onMessageCreate" }),
      422,
      "validation_failed",
    ],
    ["with the admin's token", () => deliver({}, URL_OF.acme, admin), 403, "forbidden_scope"],
  ])("%s are refused", async (_what, send, status, code) => {
    await install();
    const answer = await send();
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  test("are refused where an admin has gone over to webhooks", async () => {
    const { body } = await install();
    await asAdmin("PATCH", `/v1/connections/${body.connection.id}`, { config: { eventsVia: "webhook" } });
    expect((await deliver()).status).toBe(404);
  });

  test("a revoked key delivers nothing", async () => {
    await install();
    const { items } = (await asAdmin("GET", "/v1/tokens")).body;
    const mine = items.find((one: { scope: string }) => one.scope === "installation");
    await asAdmin("DELETE", `/v1/tokens/${mine.id}`);
    expect((await deliver()).status).toBe(401);
  });

  describe("and conversations", () => {
    test("show who is there and what it is about", async () => {
      await install();
      const id = await stands("fresh-1", { status: "acknowledged", acceptedAt: new Date("2026-11-20T09:05:00Z") });
      const shown = await show("fresh-1");
      expect([shown.status, shown.body]).toEqual([
        200,
        {
          handoff: {
            id,
            status: "acknowledged",
            mode: "live",
            reason: "asked for a person",
            priority: "high",
            createdAt: "2026-11-20T09:00:00.000Z",
            acceptedAt: "2026-11-20T09:05:00.000Z",
          },
          control: "human",
          visitor: { name: "Ana", email: "ana@example.com", phone: null, attributes: { plan: "pro", visits: 3 } },
          summary: "Order 1042 has not arrived.",
          pageUrl: "https://shop.example/p/7",
          products: [{ name: "Desk lamp", url: null, price: "39.00 EUR" }],
          lead: null,
          url: `${world.url}/`,
          canReturn: true,
        },
      ]);
      const spelled = await show("fresh-1", "https://acme-123.freshchat.com/a/1");
      expect(spelled.body.handoff.id).toBe(id);
    });

    test("are given back once: by an agent, to the bot, and the helpdesk is told", async () => {
      await install();
      const id = await stands("fresh-1");
      const done = await giveBack("fresh-1", { id: "agt-7", name: "Robin" });
      expect([done.status, done.body]).toEqual([200, { control: "bot", status: "resolved" }]);
      const events = await world.store.read.handoffEvents(workspaceId, id);
      expect(events.findLast((one) => one.type === "handoff.resolved")).toMatchObject({
        actor: { kind: "agent", id: "agt-7", name: "Robin" },
        data: { because: "returned_to_bot" },
      });
      const owed = (await world.store.read.deliveries(workspaceId, { handoffId: id, limit: 10 })).items;
      expect(owed.map((one) => one.kind)).toContain("helpdesk_close");
      const again = await giveBack("fresh-1");
      expect([again.status, again.body.code]).toEqual([409, "wrong_state"]);
      expect((await show("fresh-1")).body).toMatchObject({ canReturn: false, control: "bot" });
    });

    test("a lead is nothing to give back", async () => {
      await install();
      await stands("fresh-1", { mode: "lead" });
      expect((await show("fresh-1")).body.canReturn).toBe(false);
      expect((await giveBack("fresh-1")).body.code).toBe("wrong_state");
    });

    test("that are none of Baton's, or another account's, are not found", async () => {
      await install();
      await install({ freshchatUrl: URL_OF.other });
      await stands("fresh-1");
      const unknown = await show("fresh-2");
      for (const answer of [unknown, await show("fresh-1", URL_OF.other), await giveBack("fresh-2")])
        expect([answer.status, answer.body.detail]).toEqual([404, unknown.body.detail]);
    });

    test("another workspace's key reads, moves and removes nothing, and cannot tell that it is there", async () => {
      await install();
      const id = await stands("fresh-1");
      const { admin: theirs } = await world.workspace("Theirs");
      const foreign = await newKey(theirs);
      const attempts = [
        await show("fresh-1", URL_OF.acme, foreign),
        await giveBack("fresh-1", null, foreign),
        await deliver({ conversation: "fresh-1" }, URL_OF.acme, foreign),
      ];
      for (const answer of attempts) expect([answer.status, answer.body.code]).toEqual([404, "not_found"]);
      // To them the account is free: theirs is a connection of their own.
      expect((await install({ key: foreign })).status).toBe(201);
      expect((await uninstall(URL_OF.acme, foreign)).status).toBe(200);
      expect(await connections()).toHaveLength(1);
      expect((await world.store.read.handoff(workspaceId, id))?.status).toBe("pending");
      expect(await recorded()).toEqual([]);
      expect((await show("fresh-1")).status).toBe(200);
    });
  });
});

describe("a link to Baton leads somewhere", () => {
  test.each([
    ["to the documentation", [], "/docs"],
    ["to the demo where it is served", [{ path: "/demo" as const, handler: () => {} }], "/demo"],
  ])("%s", async (_where, mounts, location) => {
    await world.close();
    world = await startWorld({ server: { mounts } });
    const answer = await world.call("GET", "/");
    expect([answer.status, answer.headers.get("location")]).toEqual([302, location]);
  });
});
