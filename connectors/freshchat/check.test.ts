import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { CONNECTION_ID, deskBench } from "../../test/contracts/freshchat-desk.ts";
import type { DeskBench } from "../../test/contracts/freshchat-desk.ts";
import type { FreshchatOptions } from "../../test/simulators/freshchat/index.ts";
import type { CheckReport } from "../../src/ports.ts";
import { checkConnection } from "./check.ts";
import { listChannels } from "./places.ts";

let bench: DeskBench;
let stranger: { close(): void } | null = null;
afterEach(async () => {
  stranger?.close();
  stranger = null;
  await bench.stop();
});

const start = async (options: FreshchatOptions = {}) => (bench = await deskBench(options));
const seen = { lastWebhookAt: new Date("2026-11-20T12:00:00Z") };
const never = { lastWebhookAt: null };

type Settings = Readonly<Record<string, unknown>>;
const check = (given: Settings = {}, when: { readonly lastWebhookAt: Date | null } = seen) =>
  checkConnection(bench.deskWith(given), when);
const words = ({ findings }: CheckReport) =>
  Object.fromEntries(
    findings.map(({ step, ok, message, fix }) => [step, ok ? `ok: ${message}` : `${message} FIX ${fix}`]),
  );
const stepsOf = async (given: Settings = {}, when: { readonly lastWebhookAt: Date | null } = seen) =>
  words(await check(given, when));

const isAboutChannels = (_method: string, path: string): boolean => path.startsWith("/v2/channels");

/** A server that is no FreshChat. */
async function strangerAt(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stranger = {
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("the check of a FreshChat connection", () => {
  test("finds nothing wrong where all is right, and names account, channel and group", async () => {
    await start();
    const { simulator } = bench;
    simulator.addField({ name: "cf_source" });
    const report = await check({
      groupId: simulator.groupId,
      agentId: simulator.agentId,
      appId: simulator.appId,
      conversationProperties: { cf_source: "Baton" },
    });
    expect(report.findings.filter(({ ok }) => !ok)).toEqual([]);
    expect(report.ok).toBe(true);
    expect(report.about).toEqual({
      account: simulator.accountId,
      appId: simulator.appId,
      plan: "GROWTH",
      datacenter: "EUC",
      channel: "Website",
      group: "Support",
    });
    expect(words(report)).toEqual({
      reach: `ok: FreshChat answers at ${simulator.url}.`,
      token: "ok: The API token is accepted.",
      rights: "ok: The API token may read the account.",
      account: `ok: The token is of account ${simulator.accountId}, app id ${simulator.appId}.`,
      channel: 'ok: New conversations appear in the channel "Website".',
      group: 'ok: Conversations are given to the group "Support".',
      properties: "ok: FreshChat has the custom fields that are set: cf_source.",
      agents: "ok: 1 agent of the group is available now.",
      hours: "ok: The group is in its business hours now.",
      agent: "ok: Baton writes its notes as the agent Alex Agent.",
      key: "ok: The public key of webhooks is set.",
      webhook: "ok: The last webhook came at 2026-11-20T12:00:00.000Z.",
    });
  });

  test("leaves out what is not set", async () => {
    await start();
    const steps = await stepsOf();
    expect(Object.keys(steps)).toEqual([
      "reach",
      "token",
      "rights",
      "account",
      "channel",
      "group",
      "agents",
      "key",
      "webhook",
    ]);
    expect(steps["group"]).toMatch(/^ok: No group is set/);
  });
});

describe("what is wrong with address, token and rights", () => {
  test("a token that is wrong or has expired", async () => {
    await start();
    const wrongToken = await check({ apiToken: "wrong-token" });
    expect(wrongToken.ok).toBe(false);
    expect(words(wrongToken)["token"]).toMatch(/wrong or has expired: copy it again/);
    bench.simulator.expireToken();
    const report = await check();
    expect(Object.keys(words(report))).toEqual(["reach", "token", "key", "webhook"]);
    expect(words(report)["reach"]).toMatch(/^ok/);
    expect(JSON.stringify([report, wrongToken])).not.toContain(bench.simulator.apiToken);
    expect(JSON.stringify([report, wrongToken])).not.toContain("wrong-token");
  });

  test("a plan or a token without the right", async () => {
    await start({ planHasApi: false });
    const steps = await stepsOf();
    expect(steps["token"]).toMatch(/^ok/);
    expect(steps["rights"]).toMatch(/no right to this, or the plan does not include it/);
    expect(steps["channel"]).toBeUndefined();
  });

  test("a portal that answers every path with a page", async () => {
    await start();
    const baseUrl = await strangerAt((_request, response) => response.end("<html>Welcome</html>"));
    expect((await stepsOf({ baseUrl }))["reach"]).toMatch(/not one of FreshChat.*FIX Check the address/);
  });

  test("a portal that redirects", async () => {
    await start();
    const baseUrl = await strangerAt((_request, response) => response.writeHead(302, { location: "/login" }).end());
    expect((await stepsOf({ baseUrl }))["reach"]).toMatch(/set the address to the chat URL/);
  });

  test("a server that knows no such path", async () => {
    await start();
    const baseUrl = await strangerAt((_request, response) => response.writeHead(404).end());
    expect((await stepsOf({ baseUrl }))["reach"]).toMatch(/FIX Set the address to the chat URL/);
  });

  test("another program's JSON", async () => {
    await start();
    const baseUrl = await strangerAt((_request, response) => response.end('{"ok":true}'));
    expect((await stepsOf({ baseUrl }))["reach"]).toMatch(/not one of FreshChat/);
  });

  test("nobody there", async () => {
    await start();
    await bench.simulator.trouble.down();
    const steps = await stepsOf();
    expect(steps["reach"]).toMatch(/FIX Check the address, and that FreshChat can be reached/);
    expect(steps["key"]).toMatch(/^ok/);
    await bench.simulator.trouble.up();
  });

  test("a limit that is reached, at once and on the way", async () => {
    await start();
    bench.simulator.trouble.rateLimitNext(1, { seconds: 20, retryAfter: true });
    const steps = await stepsOf();
    expect(steps["reach"]).toBeUndefined();
    expect(steps["account"]).toMatch(
      /asks to slow down, so this could not be checked\. FIX Check again in 20 seconds\./,
    );
    expect(steps["channel"]).toBeUndefined();
    bench.simulator.trouble.rateLimitNext(1, { seconds: 20, retryAfter: true, match: isAboutChannels });
    const later = await stepsOf();
    expect(later["account"]).toMatch(/^ok/);
    expect(later["channel"]).toMatch(/asks to slow down.*Check again in (?:20|19) seconds/);
  });

  test("one thing that fails hides none of the others", async () => {
    await start();
    bench.simulator.trouble.failNext(1, { status: 500, match: isAboutChannels });
    const steps = await stepsOf({ groupId: bench.simulator.groupId });
    expect(steps["channel"]).toMatch(/did not list the channels \(500\)/);
    expect(steps["group"]).toMatch(/^ok/);
    expect(steps["agents"]).toMatch(/^ok/);
  });

  test("an answer that never comes is not waited for", async () => {
    await start();
    const limits = { totalMs: 400, firstMs: 200 };
    const began = performance.now();
    bench.simulator.trouble.slow(5_000, isAboutChannels);
    const late = words(await checkConnection(bench.deskWith(), seen, limits));
    expect(late["channel"]).toMatch(/did not list the channels.*FIX Check the address/);
    expect(late["agents"]).toMatch(/^ok/);
    bench.simulator.trouble.reset();
    bench.simulator.trouble.slow(5_000);
    expect(words(await checkConnection(bench.deskWith(), seen, limits))["reach"]).toMatch(/did not show the account/);
    expect(performance.now() - began).toBeLessThan(4_000);
  });
});

describe("what is wrong with the settings", () => {
  test.each<[string, (given: DeskBench["simulator"]) => Settings, string, RegExp]>([
    [
      "another account",
      () => ({ appId: "app-of-others" }),
      "account",
      /not of app-of-others, whose webhooks alone.*FIX Set the app id to /,
    ],
    [
      "no channel",
      () => ({ channelId: null }),
      "channel",
      /No channel is chosen.*"Website" \(.*FIX Choose one of them/,
    ],
    [
      "an unknown channel",
      () => ({ channelId: "c-9" }),
      "channel",
      /no channel with the id c-9\. These are in use: "Website"/,
    ],
    [
      "a channel by name",
      () => ({ channelId: "website" }),
      "channel",
      /is the name of a channel, not its id, which is /,
    ],
    ["several by that name", () => ({ channelId: "Billing" }), "channel", /is the name of several channels/],
    [
      "a channel that is switched off",
      (simulator) => ({ channelId: simulator.addChannel({ name: "Old", isEnabled: false }).id }),
      "channel",
      /"Old" is switched off\..*FIX Switch it on, or choose another/,
    ],
    [
      "an unknown group",
      () => ({ groupId: "g-9" }),
      "group",
      /no group with the id g-9\. There are: "Support".*leave it empty/,
    ],
    ["a group by name", () => ({ groupId: "Support" }), "group", /is the name of a group, not its id/],
    [
      "custom fields that are not there",
      (simulator) => {
        simulator.addField({ name: "cf_source" });
        return { conversationProperties: { cf_source: "x", cf_sorce: "y" } };
      },
      "properties",
      /no conversation field named cf_sorce, and may refuse/,
    ],
    [
      "a seat that is not there",
      () => ({ agentId: "a-9" }),
      "agent",
      /no agent with the id a-9\. FIX .*leave it empty/,
    ],
    [
      "a seat that is deactivated",
      (simulator) => ({ agentId: simulator.addAgent({ firstName: "Bo", isDeactivated: true }).id }),
      "agent",
      /The bot's agent seat, Bo, is deactivated/,
    ],
    [
      "no key",
      () => ({ webhookPublicKey: null }),
      "key",
      /every webhook is refused\. FIX In FreshChat under .*Conversation Webhooks/,
    ],
  ])("%s", async (_what, given, step, expected) => {
    await start();
    const report = await check(given(bench.simulator));
    expect(report.ok).toBe(false);
    expect(report.findings.filter(({ ok }) => !ok).map((finding) => finding.step)).toContain(step);
    expect(words(report)[step]).toMatch(expected);
  });

  test("the fields are compared whatever form FreshChat lists them in, and where it lists none nothing is claimed", async () => {
    await start({ fieldsAnswer: "object" });
    const given = { conversationProperties: { cf_source: "x" } };
    expect((await stepsOf(given))["properties"]).toMatch(/no conversation field named cf_source/);
    bench.simulator.addField({ name: "cf_source" });
    expect((await stepsOf(given))["properties"]).toMatch(/^ok/);
    bench.simulator.trouble.failNext(1, {
      status: 403,
      match: (_method, path) => path.startsWith("/v2/conversations/fields"),
    });
    expect((await stepsOf(given))["properties"]).toMatch(/^ok: FreshChat does not show its custom fields/);
  });

  test("an account without any channel in use", async () => {
    await start();
    const { items } = await listChannels(bench.deskWith().client);
    for (const { id } of items) bench.simulator.setChannel(id, { isEnabled: false });
    expect((await stepsOf({ channelId: null }))["channel"]).toMatch(
      /shows none that is in use.*Make a channel or switch one on/,
    );
  });
});

describe("what the check tells besides", () => {
  test("that nobody is there, or that it cannot be seen", async () => {
    await start();
    bench.simulator.agentStatus(bench.simulator.agentId, { availability: "UNAVAILABLE" });
    expect((await stepsOf())["agents"]).toBe("ok: No agent is available now.");
    bench.simulator.trouble.failNext(1, { status: 403, match: (_method, path) => path.startsWith("/v2/agents") });
    expect((await stepsOf())["agents"]).toMatch(/^The token may not see agents.*FIX Use the token of an account admin/);
  });

  test.each<[string, FreshchatOptions, RegExp | undefined]>([
    ["outside", {}, /^ok: The group is outside its business hours now/],
    [
      "in a form that nobody knows",
      { businessHoursAnswer: "nothing" },
      /^ok: .*not known, so they are left out.*a form that Baton does not know/,
    ],
    [
      "not in the plan",
      { planHasBusinessHours: false },
      /^ok: .*not known, so they are left out.*the plan does not include it/,
    ],
  ])("business hours: %s", async (_what, options, expected) => {
    await start(options);
    bench.simulator.setBusinessHours(false);
    const { groupId } = bench.simulator;
    expect((await stepsOf({ groupId }))["hours"]).toMatch(expected ?? /./);
    expect((await stepsOf({ groupId, businessHours: "ignore" }))["hours"]).toBeUndefined();
  });

  test("where to paste which address, until the first webhook came", async () => {
    await start();
    const { webhook } = await stepsOf({}, never);
    expect(webhook).toMatch(/^No webhook of FreshChat's has arrived yet/);
    expect(webhook).toContain(
      `paste https://baton.example/webhooks/freshchat/${CONNECTION_ID} as the webhook's address`,
    );
    // What a wrong key refuses is not counted as arrived: the admin must not look at the address alone.
    expect(webhook).toMatch(/that the public key proves.*answers 401, the key is another account's/);
    expect((await stepsOf({ webhookPublicKey: null }, never))["webhook"]).not.toContain("401");
    expect(webhook).toContain("one address for the whole account");
  });

  test("what the Marketplace app has to do with it, which needs no key", async () => {
    await start();
    const given = { eventsVia: "app", webhookPublicKey: null };
    const report = await check(given);
    expect(report.ok).toBe(true);
    expect(words(report)["key"]).toBeUndefined();
    expect(words(report)["webhook"]).toMatch(/^ok: Baton's Marketplace app sends what happens; the last came at 2026/);
    expect((await stepsOf(given, never))["webhook"]).toMatch(
      /nothing has arrived yet\. FIX See that the app is installed/,
    );
  });

  test("that a key is being changed, and that Baton's own address cannot be reached from outside", async () => {
    await start();
    const old = bench.simulator.publicKeyAsShown;
    bench.simulator.rotateKey();
    expect((await stepsOf({ webhookPublicKey: `${old} ${bench.simulator.publicKeyAsShown}` }))["key"]).toMatch(
      /^ok: 2 public keys/,
    );
    const report = await checkConnection(bench.deskWith({}, "http://localhost:3000"), seen);
    expect(words(report)["network"]).toMatch(/^ok: Baton's own address, http:\/\/localhost:3000, looks private/);
  });
});
