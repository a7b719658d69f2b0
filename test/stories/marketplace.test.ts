import { afterEach, beforeEach, expect, test } from "vitest";
import { loadApp } from "../marketplace/sandbox.ts";
import type { LoadedApp, Transport } from "../marketplace/sandbox.ts";
import { startFreshchat } from "../simulators/freshchat/index.ts";
import type { AppEvent, FreshchatSimulator } from "../simulators/freshchat/index.ts";
import { incoming, notes, ours } from "./freshchat-steps.ts";
import { ask, askedAndOpened, becomes, heard, stateOf, visitorSays } from "./steps.ts";
import { eventually, startWorld } from "./world.ts";
import type { World } from "./world.ts";

/**
 * The Marketplace app itself, in Freshworks' sandbox, between a FreshChat account and a Baton: an admin fills in the settings
 * page and installs, agents work, and the app is removed. Nothing is pasted anywhere else.
 */

let world: World;
let freshchat: FreshchatSimulator;
let key: string;
/** What each run of the app for an event came to. */
let runs: Promise<unknown>[];
beforeEach(async () => {
  world = await startWorld();
  freshchat = await startFreshchat({ clock: () => world.clock() });
  key = (await world.admin.post("/v1/installations/keys", {})).body.token;
  runs = [];
});
afterEach(async () => {
  await world.stop();
  await freshchat.stop();
  freshchat.assertNoViolations();
});

/** Where templates lead to: the name of the host is Baton's, the address that of this test. */
const toBaton: Transport = async ({ method, path, headers, body }) => {
  const answer = await fetch(world.baton.baseUrl() + path, {
    method,
    headers: { ...headers },
    ...(body !== null && { body }),
  });
  return {
    status: answer.status,
    headers: Object.fromEntries(answer.headers),
    body: await answer.text(),
  };
};

const settingsPage = (said: Record<string, unknown> = {}) => ({
  baton_host: "baton.example.com",
  workspace_key: key,
  freshchat_url: freshchat.url,
  freshchat_token: freshchat.apiToken,
  channel: "Website",
  group: "Support",
  use_for_bots: true,
  ...said,
});

/** The product's own payload around an event, as platform 3 gives it to a handler. */
const payload = (about: Partial<AppEvent> = {}): Record<string, unknown> => ({
  ...about,
  currentHost: { subscribed_modules: ["chat_conversation"], endpoint_urls: { freshchat: freshchat.url } },
});

async function install(said: Record<string, unknown> = {}): Promise<LoadedApp> {
  const app = loadApp({ iparams: settingsPage(said), transport: toBaton });
  await app.invoke("onAppInstall", payload());
  freshchat.onAppEvent((event) => {
    if (event.event !== "onConversationCreate") runs.push(app.invoke(event.event, payload(event)));
  });
  return app;
}

test("installed from the settings page, everything agents do reaches the visitor, and no webhook was pasted", async () => {
  const app = await install();
  expect(app.rendered).toEqual([null]);
  await askedAndOpened(world, "c-1");
  const [id] = ours(freshchat);
  expect(freshchat.conversation(id!).groupId).toBe(freshchat.groupId);
  expect(notes(freshchat, id!)).toContain("Where is my order?");

  freshchat.assign(id!, freshchat.agentId);
  await becomes(world, "c-1", { status: "acknowledged" });
  freshchat.agentWritesNote(id!, { agentId: freshchat.agentId, content: "Refund her." });
  freshchat.agentReplies(id!, { agentId: freshchat.agentId, content: "Hello Ana." });
  expect((await heard(world, "message.created")).data.message.text).toBe("Hello Ana.");
  await visitorSays(world, "c-1", "Hello!");
  await eventually(() => incoming(freshchat, id!).at(-1) === "Hello!");
  freshchat.resolve(id!, freshchat.agentId);
  await becomes(world, "c-1", { control: "bot", status: "resolved" });

  await Promise.all(runs);
  expect(freshchat.webhooksSent()).toEqual([]);
  expect(JSON.stringify(world.callbacks.heard)).not.toContain("Refund");
  for (const secret of [key, freshchat.apiToken, "Hello Ana."]) expect(app.logs.join("\n")).not.toContain(secret);
});

test("an agent who goes away is known at once, without anybody asking FreshChat in between", async () => {
  await install();
  await world.settings({ presence: "require" });
  expect((await world.bot.get("/v1/availability")).body.available).toBe(true);
  freshchat.agentStatus(freshchat.agentId, { availability: "UNAVAILABLE" });
  await Promise.all(runs);
  await eventually(async () => !(await world.bot.get("/v1/availability")).body.available);
  const { body } = await ask(world, "c-2");
  expect(body.decision).toMatchObject({ outcome: "lead", because: "no_agent_online" });
});

test.each([
  ["a token that has expired", { freshchat_token: "expired" }, /token/i],
  ["a topic that does not exist", { channel: "Webside" }, /Website/],
  ["a key of nobody", { workspace_key: "nonsense" }, /key/i],
])("with %s it is not installed, and the admin reads why", async (_what, said, words) => {
  const app = loadApp({ iparams: settingsPage(said), transport: toBaton });
  await app.invoke("onAppInstall", payload());
  expect(app.rendered).toEqual([{ message: expect.stringMatching(words) }]);
  expect((await world.admin.get("/v1/connections")).body.items).toEqual([]);
});

test("uninstalled, nothing of it works any more, and whoever waited is not left waiting", async () => {
  const app = await install();
  await askedAndOpened(world, "c-3");
  await app.invoke("onAppUninstall", payload());
  expect((await world.admin.get("/v1/connections")).body.items).toEqual([]);
  expect((await stateOf(world, "c-3")).control).toBe("bot");
  const answer = await world.as(key).post("/v1/installations/freshworks/events", {
    freshchatUrl: freshchat.url,
    event: freshchat.appEvents()[0],
  });
  expect(answer.status).toBe(401);
  // A second time, when Freshworks repeats it: no error, or it could never be removed.
  await app.invoke("onAppUninstall", payload());
});
