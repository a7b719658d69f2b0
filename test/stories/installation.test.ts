import { afterEach, beforeEach, expect, test } from "vitest";
import { startFreshchat } from "../simulators/freshchat/index.ts";
import type { AppEvent, FreshchatSimulator } from "../simulators/freshchat/index.ts";
import { askedAndOpened, becomes, heard, historyOf, stateOf, visitorSays } from "./steps.ts";
import { eventually, startWorld } from "./world.ts";
import type { Answer, Client, World } from "./world.ts";

/** Baton's app is installed in a FreshChat account, works, and is uninstalled: the app's side is spoken by these tests. */

const PATH = "/v1/installations/freshworks";

let world: World;
let freshchat: FreshchatSimulator;
/** Baton as the app reaches it. */
let app: Client;
beforeEach(async () => {
  world = await startWorld();
  freshchat = await startFreshchat({ clock: () => world.clock() });
  app = world.as((await world.admin.post("/v1/installations/keys", { name: "FreshChat" })).body.token);
});
afterEach(async () => {
  await world.stop();
  await freshchat.stop();
});

const register = (said: Record<string, unknown> = {}, token = freshchat.apiToken): Promise<Answer> =>
  app.post(
    PATH,
    { freshchatUrl: freshchat.url, channel: "Website", group: "Support", ...said },
    { "X-Freshchat-Token": token },
  );

/** Installs the app: from then on FreshChat's events reach Baton through it. */
async function install(): Promise<{ connectionId: string; delivered: number[]; stop: () => void }> {
  const made = await register();
  expect([made.status, made.body.code]).toEqual([201, undefined]);
  const delivered: number[] = [];
  const stop = freshchat.onAppEvent((event: AppEvent) => {
    void app
      .post(`${PATH}/events`, { freshchatUrl: freshchat.url, event })
      .then(({ status }) => delivered.push(status));
  });
  return { connectionId: made.body.connection.id, delivered, stop };
}

const [beside, back] = [
  (id: string) => app.get(`${PATH}/conversations/${id}?freshchatUrl=${encodeURIComponent(freshchat.url)}`),
  (id: string, agent: unknown = null) =>
    app.post(`${PATH}/conversations/${id}/return`, { freshchatUrl: freshchat.url, agent }),
];

/** FreshChat's conversations that Baton made. */
const ours = (): string[] =>
  freshchat
    .conversations()
    .filter((one) => one.madeBy === "api")
    .map((one) => one.id);

/** What the agent sees as the visitor's words. */
const incoming = (id: string): unknown[] =>
  freshchat
    .messages(id)
    .filter((one) => one.actor.type === "user")
    .flatMap((one) => one.parts.map((part) => (part as { text?: { content: string } }).text?.content));

async function standing(key: string): Promise<string> {
  const before = new Set(ours());
  await askedAndOpened(world, key);
  return await eventually(() => ours().find((id) => !before.has(id)));
}

test("installed, the first bot hands over to FreshChat, and what agents do arrives through the app alone", async () => {
  const { connectionId, delivered } = await install();
  const fresh = await standing("c-1");
  expect((await stateOf(world, "c-1")).handoff).toMatchObject({ destination: connectionId, status: "pending" });
  expect(incoming(fresh)).toContain("1042. I want a person.");

  freshchat.agentReplies(fresh, { content: "Hello, I am Alex." });
  expect((await heard(world, "message.created")).data.message.text).toBe("Hello, I am Alex.");
  await becomes(world, "c-1", { status: "acknowledged", control: "human" });
  await visitorSays(world, "c-1", "Good to hear.");
  await eventually(() => incoming(fresh).includes("Good to hear."));
  freshchat.resolve(fresh);
  await becomes(world, "c-1", { status: "resolved", control: "bot" });

  expect(freshchat.webhooksSent()).toEqual([]);
  await eventually(() => delivered.length === freshchat.appEvents().length);
  expect(new Set(delivered)).toEqual(new Set([202]));
  freshchat.assertNoViolations();
});

test("an event that is delivered twice acts once, and one that got lost is made good", async () => {
  const { stop } = await install();
  const fresh = await standing("c-1");
  freshchat.agentReplies(fresh, { content: "Once." });
  await heard(world, "message.created");
  for (const event of freshchat.appEvents()) {
    const again = await app.post(`${PATH}/events`, { freshchatUrl: freshchat.url, event });
    expect(again.status).toBe(202);
  }
  stop();
  freshchat.agentReplies(fresh, { content: "And this, of which the app told nobody." });
  await eventually(async () => {
    // Time passes, and Baton looks by itself.
    world.advance(5_000);
    return (await historyOf(world, "c-1")).some(([, text]) => text.startsWith("And this"));
  });
  const said = (await historyOf(world, "c-1")).filter(([role]) => role === "agent").map(([, text]) => text);
  expect(said).toEqual(["Once.", "And this, of which the app told nobody."]);
});

test("beside the conversation an agent sees who is there, and gives it back to the bot", async () => {
  await install();
  const fresh = await standing("c-1");
  const shown = await beside(fresh);
  expect(shown.body).toMatchObject({
    handoff: { status: "pending", mode: "live" },
    control: "human",
    visitor: { name: "Ana", email: "ana@example.com" },
    lead: null,
    canReturn: true,
  });
  // Outside production people find the demo there; this server has none, so the documentation.
  const link = await fetch(shown.body.url);
  expect([link.status, new URL(link.url).pathname]).toEqual([200, "/docs"]);

  freshchat.agentReplies(fresh, { content: "Let me see." });
  await becomes(world, "c-1", { status: "acknowledged" });
  const done = await back(fresh, { id: freshchat.agentId, name: "Alex Agent" });
  expect([done.status, done.body]).toEqual([200, { control: "bot", status: "resolved" }]);
  expect((await heard(world, "handoff.resolved")).data).toMatchObject({
    because: "returned_to_bot",
    actor: { kind: "agent", name: "Alex Agent" },
  });
  await eventually(() => freshchat.conversation(fresh).status === "resolved");
  expect((await back(fresh)).status).toBe(409);
  expect((await world.bot.post("/v1/conversations/c-1/messages", { role: "bot", text: "Back again." })).status).toBe(
    201,
  );
});

test("a stranger's conversation in the same account is none of Baton's", async () => {
  const { delivered } = await install();
  freshchat.foreignTraffic(5);
  await eventually(() => delivered.length > 0 && delivered.length === freshchat.appEvents().length);
  const [stranger] = freshchat.conversations();
  expect((await beside(stranger!.id)).status).toBe(404);
  expect(typeof (await world.admin.get("/v1/connections")).body.items[0].lastWebhookAt).toBe("string");
  expect(world.callbacks.heard).toEqual([]);
});

test("what the admin typed wrong is said, and nothing is kept", async () => {
  const wrong: [Promise<Answer>, RegExp][] = [
    [register({}, "not-the-token"), /token/i],
    [register({ channel: "Webshop" }), /no channel "Webshop".*"Website"/],
    [register({ channel: "Old campaign" }), /"Old campaign" is switched off/],
    [register({ channel: "Billing" }), /several channels of the name "Billing"/],
    [register({ group: "Nobody" }), /no group "Nobody"/],
    [register({ freshchatUrl: "https://web.freshchat.com/a/1" }), /^The FreshChat address does not lead to an account/],
  ];
  for (const [asked, detail] of wrong) {
    const { status, body } = await asked;
    expect([status, body.code]).toEqual([422, "installation_failed"]);
    expect(body.detail).toMatch(detail);
    expect(body.detail).not.toContain("not-the-token");
  }
  await freshchat.trouble.down("503");
  expect((await register()).body).toMatchObject({ status: 422, code: "installation_failed" });
  await freshchat.trouble.up();
  expect((await world.admin.get("/v1/connections")).body.items).toEqual([]);
});

test("installed a second time with a new token, the same connection goes on, and what waited arrives", async () => {
  const { connectionId } = await install();
  const fresh = await standing("c-1");
  const renewed = freshchat.renewToken();
  await visitorSays(world, "c-1", "Anybody there?");
  await eventually(async () => (await world.admin.get(`/v1/connections/${connectionId}`)).body.problem !== null);
  const again = await register({}, renewed);
  expect([again.status, again.body.connection.id]).toEqual([200, connectionId]);
  await eventually(() => incoming(fresh).includes("Anybody there?"));
  const { body } = await world.admin.get(`/v1/connections/${connectionId}`);
  expect([body.problem, body.config.appId]).toEqual([null, freshchat.appId]);
});

test("uninstalled, nobody is left waiting, and the key opens nothing any more", async () => {
  const { connectionId } = await install();
  await standing("waits alone");
  // From now on somebody is at Baton's own inbox, where bots go on to that had said nothing of destinations.
  await world.agent("Robin");
  await standing("waits");
  const fresh = await standing("talks");
  freshchat.agentReplies(fresh, { content: "Hello." });
  await becomes(world, "talks", { status: "acknowledged" });
  const gone = await app.post(`${PATH}/uninstall`, { freshchatUrl: freshchat.url });
  expect([gone.status, gone.body]).toEqual([200, { removed: true }]);

  expect((await stateOf(world, "waits alone")).handoff).toMatchObject({ mode: "lead", destination: null });
  expect((await stateOf(world, "waits")).handoff).toMatchObject({
    status: "pending",
    mode: "live",
    destination: "inbox",
  });
  const ended = await becomes(world, "talks", { status: "resolved", control: "bot" });
  expect(ended).toBe(true);
  expect((await heard(world, "handoff.resolved")).data.because).toBe("connection_removed");
  expect((await world.admin.get(`/v1/connections/${connectionId}`)).status).toBe(404);
  const { settings } = (await world.admin.get(`/v1/bots/${world.first.botId}`)).body;
  expect(settings.destinations.map((one: { id: string }) => one.id)).toEqual(["inbox"]);
  const tried = [await register(), await beside(fresh), await app.post(`${PATH}/uninstall`, {})];
  expect(tried.map(({ status }) => status)).toEqual([401, 401, 401]);
});

test("the key is good for nothing else", async () => {
  const { connectionId } = await install();
  const { body } = await world.bot.post("/v1/handoffs", { conversation: { id: "c-1" } });
  const asked: [string, "get" | "post" | "patch" | "delete"][] = [
    ["/v1/connections", "get"],
    [`/v1/connections/${connectionId}`, "delete"],
    [`/v1/connections/${connectionId}`, "patch"],
    ["/v1/installations/keys", "post"],
    ["/v1/bots", "get"],
    ["/v1/leads", "get"],
    ["/v1/handoffs", "get"],
    [`/v1/handoffs/${body.handoff.id}`, "get"],
    [`/v1/handoffs/${body.handoff.id}/resolve`, "post"],
    ["/v1/conversations/c-1/messages", "post"],
    ["/v1/workspaces", "get"],
  ];
  for (const [path, method] of asked) {
    const answer = await (method === "get" || method === "delete" ? app[method](path) : app[method](path, {}));
    expect([path, answer.status, answer.body.code]).toEqual([path, 403, "forbidden_scope"]);
  }
});
