import { afterEach, describe, expect, test } from "vitest";
import type { ChatwootSimulator } from "./index.ts";
import { chatwoot, client, stopAll, type Json } from "./testing.ts";

afterEach(stopAll);

const policy = { error: "You are not authorized to do this action" };
const notForBots = { error: "Access to this endpoint is not authorized for bots" };
const tokenOf = (simulator: ChatwootSimulator, who: string): string =>
  ({ admin: simulator.apiAccessToken, agent: simulator.agentAccessToken, bot: simulator.botToken })[who] ?? "";

const app = { dashboard_app: { title: "Baton", content: [{ type: "frame", url: "https://baton.example/apps/1" }] } };
const definition = {
  attribute_display_name: "Handoff",
  attribute_display_type: 0,
  attribute_key: "handoff",
  attribute_model: 0,
};

describe("who may set up an installation (8.2, 8.3)", () => {
  // 21 is the inbox of the start, 3 its bot, 1 the administrator.
  test.each([
    ["GET", "agents", undefined, 200, 200],
    ["GET", "agent_bots", undefined, 200, 200],
    ["GET", "agent_bots/3", undefined, 200, 200],
    ["POST", "agent_bots", { name: "Baton" }, 200, 401],
    ["PATCH", "agent_bots/3", { name: "Baton" }, 200, 401],
    ["DELETE", "agent_bots/3", undefined, 200, 401],
    ["POST", "agent_bots/3/reset_secret", undefined, 200, 401],
    ["POST", "agent_bots/3/reset_access_token", undefined, 200, 401],
    ["GET", "inboxes", undefined, 200, 200],
    ["GET", "inboxes/21", undefined, 200, 200],
    ["GET", "inboxes/21/agent_bot", undefined, 200, 200],
    ["POST", "inboxes", { name: "Baton", channel: { type: "api" } }, 200, 401],
    ["PATCH", "inboxes/21", { greeting_enabled: false }, 200, 401],
    ["DELETE", "inboxes/21", undefined, 200, 401],
    ["POST", "inboxes/21/set_agent_bot", { agent_bot: 3 }, 200, 401],
    ["POST", "inboxes/21/reset_secret", undefined, 200, 401],
    ["GET", "inbox_members/21", undefined, 200, 200],
    ["POST", "inbox_members", { inbox_id: 21, user_ids: [1] }, 200, 401],
    ["GET", "webhooks", undefined, 200, 401],
    ["POST", "webhooks", { url: "https://baton.example/hook" }, 200, 401],
    ["GET", "labels", undefined, 200, 200],
    ["POST", "labels", { title: "lead" }, 200, 401],
    ["POST", "custom_attribute_definitions", definition, 200, 401],
    ["GET", "dashboard_apps", undefined, 200, 200],
    ["POST", "dashboard_apps", app, 200, 401],
    ["GET", "teams", undefined, 200, 200],
    ["POST", "teams", { name: "Sales" }, 200, 401],
    ["POST", "contacts", { name: "Jane" }, 200, 200],
  ] as const)("%s %s: an administrator %j, an agent, never a bot", async (method, path, body, admin, agent) => {
    const expected = { admin, agent, bot: 401 };
    for (const [who, status] of Object.entries(expected)) {
      const simulator = await chatwoot();
      const answer = await client(simulator, tokenOf(simulator, who))(method, path, body);
      expect({ who, status: answer.status }).toEqual({ who, status });
      const refusal = status === 401 ? (who === "bot" ? notForBots : policy) : answer.body;
      expect(answer.body).toEqual(refusal);
      simulator.assertNoViolations();
    }
  });

  test("a role that changes counts from the next request; a member who left is nobody's", async () => {
    const simulator = await chatwoot();
    const call = client(simulator);
    simulator.setRole(simulator.administratorId, "agent");
    expect((await call("GET", "webhooks")).body).toEqual(policy);
    expect((await call("GET", "/api/v1/profile")).body.accounts).toMatchObject([{ id: 1, role: "agent" }]);
    simulator.setRole(simulator.administratorId, null);
    const left = await call("GET", "agents");
    expect([left.status, left.body]).toEqual([401, { error: "You are not authorized to access this account" }]);
    expect((await call("GET", "/api/v1/profile")).body.accounts).toEqual([]);
  });

  test("an expired token is wrong, its successor right, for users and bots", async () => {
    const simulator = await chatwoot();
    const old = simulator.apiAccessToken;
    const renewed = simulator.expireToken(old);
    expect((await client(simulator, old)("GET", "agents")).body).toEqual({ error: "Invalid Access Token" });
    expect((await client(simulator, renewed)("GET", "agents")).status).toBe(200);
    expect(simulator.apiAccessToken).toBe(renewed);
    simulator.expireToken(simulator.botToken);
    expect(simulator.bots()[0]!.token).toBe(simulator.botToken);
  });

  test("a proxy drops the token: under one name, or under both", async () => {
    const simulator = await chatwoot();
    const statuses = async () => [
      (await client(simulator, simulator.apiAccessToken, "api_access_token")("GET", "agents")).status,
      (await client(simulator)("GET", "agents")).status,
    ];
    simulator.dropHeaders("underscored");
    expect(await statuses()).toEqual([401, 200]);
    simulator.dropHeaders("both");
    expect(await statuses()).toEqual([401, 401]);
    // Told from a wrong token by its words (8.1).
    expect((await client(simulator)("GET", "agents")).body.errors).toHaveLength(1);
    simulator.dropHeaders("none");
    expect(await statuses()).toEqual([200, 200]);
  });

  test("a user of several accounts finds all in the profile, and gets into this one only", async () => {
    const simulator = await chatwoot({ accountId: 7 });
    simulator.addAccount({ id: 2, name: "Old Shop", role: "agent" });
    const { body } = await client(simulator)("GET", "/api/v1/profile");
    expect(body.accounts.map((item: Json) => [item["id"], item["role"], item["api_and_webhooks"]])).toEqual([
      [2, "agent", true],
      [7, "administrator", true],
    ]);
    expect((await client(simulator)("GET", "/api/v1/accounts/2/agents")).status).toBe(401);
  });

  test.each([
    ["4.16.0", 403, false],
    ["4.15.0", 200, undefined],
  ])("a plan without the API, release %s: %d, in the profile %s", async (version, status, flag) => {
    const simulator = await chatwoot({ version });
    simulator.setPlan("without_api");
    const call = client(simulator);
    expect((await call("GET", "agents")).status).toBe(status);
    expect((await client(simulator, simulator.botToken)("GET", "conversations/1")).status).toBe(
      status === 403 ? 403 : 404,
    );
    const profile = await call("GET", "/api/v1/profile");
    expect([profile.status, profile.body.accounts[0].api_and_webhooks]).toEqual([200, flag]);
    simulator.setPlan("with_api");
    expect((await call("GET", "agents")).status).toBe(200);
  });
});

describe("secrets, by role and release", () => {
  test.each([
    ["4.16.2", "admin", { access_token: true, secret: true }],
    ["4.16.0", "agent", { access_token: false, secret: false }],
    ["4.15.0", "agent", { access_token: true, secret: false }],
    ["4.13.0", "admin", { access_token: true, secret: true }],
    ["4.12.0", "admin", { access_token: true, secret: false }],
  ])("release %s shows an %s of an agent bot %j", async (version, who, shown) => {
    const simulator = await chatwoot({ version });
    const { body } = await client(simulator, tokenOf(simulator, who))("GET", "agent_bots/3");
    expect({ access_token: "access_token" in body, secret: "secret" in body }).toEqual(shown);
    const [listed] = (await client(simulator, tokenOf(simulator, who))("GET", "agent_bots")).body;
    expect(listed).toEqual(body);
  });

  test("a bot of the installation shows neither secret nor token, and cannot be written", async () => {
    const simulator = await chatwoot();
    const { id } = simulator.addBot({ name: "Captain", isSystemBot: true, outgoingUrl: "https://x.example" });
    const call = client(simulator);
    const { body } = await call("GET", `agent_bots/${id}`);
    expect(body).toMatchObject({ name: "Captain", system_bot: true, account_id: null });
    expect([body.secret, body.access_token, body.outgoing_url]).toEqual([undefined, undefined, undefined]);
    expect((await call("PATCH", `agent_bots/${id}`, { name: "Mine" })).status).toBe(404);
  });

  test.each([
    ["4.16.2", "api", ["hmac_token", "secret"]],
    ["4.12.0", "api", ["hmac_token"]],
    ["4.16.2", "website", ["hmac_token"]],
    ["4.16.2", "whatsapp", []],
    ["4.16.2", "email", []],
  ])("release %s shows an administrator of a(n) %s inbox: %j", async (version, kind, shown) => {
    const simulator = await chatwoot({ version });
    const ids: Record<string, number> = {
      api: simulator.inboxId,
      website: simulator.addWebsiteInbox(),
      whatsapp: simulator.addWhatsAppInbox(),
      email: simulator.addEmailInbox(),
    };
    const { body } = await client(simulator)("GET", `inboxes/${ids[kind]}`);
    expect(["hmac_token", "secret"].filter((key) => key in body)).toEqual(shown);
    const asAgent = await client(simulator, simulator.agentAccessToken)("GET", `inboxes/${ids[kind]}`);
    expect(["hmac_token", "secret"].filter((key) => key in asAgent.body)).toEqual([]);
  });

  test("the hmac_token is not the secret", async () => {
    const simulator = await chatwoot();
    const { body } = await client(simulator)("GET", `inboxes/${simulator.inboxId}`);
    expect(body.secret).toBe(simulator.webhookSecret);
    expect(body.hmac_token).not.toBe(body.secret);
  });

  test.each([
    ["4.11.0", /^none$/],
    ["4.12.0", /^[1-9A-HJ-NP-Za-km-z]{24}$/],
  ])("account webhooks have a secret, release %s: %s", async (version, form) => {
    const simulator = await chatwoot({ version });
    const { body } = await client(simulator)("POST", "webhooks", { url: "https://baton.example/hook" });
    expect(body.payload.webhook.secret ?? "none").toMatch(form);
  });

  test("an upgrade fills in secrets of another form, and brings the endpoints that make new ones", async () => {
    const simulator = await chatwoot({ version: "4.12.0" });
    const call = client(simulator);
    expect((await call("POST", `inboxes/${simulator.inboxId}/reset_secret`)).status).toBe(404);
    expect((await call("POST", "agent_bots/3/reset_secret")).status).toBe(404);
    simulator.setVersion("4.13");
    expect((await client(simulator, "")("GET", "/api")).body.version).toBe("4.13.0");
    const filled = (await call("GET", `inboxes/${simulator.inboxId}`)).body.secret as string;
    expect(filled).toMatch(/^[\w-]{32}$/);
    const reset = (await call("POST", `inboxes/${simulator.inboxId}/reset_secret`)).body.secret as string;
    expect(reset).toMatch(/^[1-9A-HJ-NP-Za-km-z]{24}$/);
    expect(simulator.webhookSecret).toBe(reset);
    const bot = (await call("POST", "agent_bots/3/reset_secret")).body;
    expect(bot.secret).toBe(simulator.bots()[0]!.secret);
  });
});

describe("what an install makes", () => {
  test("agent bots: made, read, changed, connected, deleted", async () => {
    const simulator = await chatwoot();
    const call = client(simulator);
    const made = await call("POST", "agent_bots", { name: "Baton", outgoing_url: "https://baton.example/hook" });
    const { id, access_token: token } = made.body;
    expect(made.body).toMatchObject({ outgoing_url: "https://baton.example/hook", bot_type: "webhook" });
    expect((await call("PATCH", `agent_bots/${id}`, { outgoing_url: "https://new.example" })).body).toMatchObject({
      name: "Baton",
      outgoing_url: "https://new.example",
    });
    const site = simulator.addWebsiteInbox();
    expect((await call("GET", `inboxes/${site}/agent_bot`)).body).toEqual({});
    const set = await call("POST", `inboxes/${site}/set_agent_bot`, { agent_bot: id });
    expect([set.status, set.text]).toEqual([200, ""]);
    expect((await call("GET", `inboxes/${site}/agent_bot`)).body.agent_bot).toMatchObject({ id, name: "Baton" });
    expect(simulator.bots().at(-1)).toMatchObject({ id, token, inboxIds: [site] });
    expect((await call("POST", `inboxes/${site}/set_agent_bot`, { agent_bot: 999 })).status).toBe(404);
    await call("POST", `inboxes/${site}/set_agent_bot`, { agent_bot: null });
    expect(simulator.bots().at(-1)!.inboxIds).toEqual([]);
    simulator.setInboxBot(site, id);
    const { conversationId } = simulator.visitorWrites(site, { text: "Hello" });
    expect((await call("DELETE", `agent_bots/${id}`)).status).toBe(200);
    expect(simulator.inboxes().at(-1)).toMatchObject({ id: site, botId: null });
    expect(simulator.conversation(conversationId).assigneeBotId).toBeNull();
    expect((await client(simulator, token)("GET", `conversations/${conversationId}`)).status).toBe(401);
    simulator.assertNoViolations();
  });

  test("webhooks: wrapped answers, a URL once in the account, subscriptions known and not none", async () => {
    const simulator = await chatwoot();
    const call = client(simulator);
    const url = "https://baton.example/hook";
    const made = await call("POST", "webhooks", { url, name: "Baton", subscriptions: ["message_created"] });
    const { webhook } = made.body.payload;
    expect(webhook).toMatchObject({ url, name: "Baton", subscriptions: ["message_created"] });
    const again = await call("POST", "webhooks", { url });
    expect([again.status, again.body]).toEqual([422, { message: "Url has already been taken", attributes: ["url"] }]);
    const other = (await call("POST", "webhooks", { url: `${url}/2` })).body.payload.webhook;
    expect(other.subscriptions).toHaveLength(10);
    expect((await call("PATCH", `webhooks/${other.id}`, { url })).status).toBe(422);
    expect((await call("PATCH", `webhooks/${other.id}`, { url: `${url}/2`, subscriptions: [] })).status).toBe(422);
    const patched = await call("PATCH", `webhooks/${webhook.id}`, { subscriptions: ["conversation_updated"] });
    expect(patched.body.payload.webhook).toEqual({ ...webhook, subscriptions: ["conversation_updated"] });
    expect((await call("GET", "webhooks")).body.payload.webhooks).toEqual([patched.body.payload.webhook, other]);
    expect((await call("DELETE", `webhooks/${webhook.id}`)).status).toBe(200);
    expect(simulator.accountWebhooks().map(({ id }) => id)).toEqual([other.id]);
    simulator.assertNoViolations();
  });

  test("dashboard apps: in their wrapper, written by any user before 4.16", async () => {
    const simulator = await chatwoot({ version: "4.15.0" });
    const call = client(simulator, simulator.agentAccessToken);
    const { id } = (await call("POST", "dashboard_apps", app)).body;
    expect((await call("GET", `dashboard_apps/${id}`)).body).toMatchObject({ id, ...app.dashboard_app });
    const title = { dashboard_app: { ...app.dashboard_app, title: "Other" } };
    expect((await call("PATCH", `dashboard_apps/${id}`, title)).body.title).toBe("Other");
    simulator.setVersion("4.16");
    expect((await call("DELETE", `dashboard_apps/${id}`)).body).toEqual(policy);
    simulator.assertNoViolations();
    const asAdmin = client(simulator);
    expect((await asAdmin("DELETE", `dashboard_apps/${id}`)).status).toBe(204);
    expect(simulator.dashboardApps()).toEqual([]);
    const bare = await asAdmin("POST", "dashboard_apps", app.dashboard_app);
    expect([bare.status, simulator.dashboardApps()]).toEqual([422, []]);
    const ftp = { title: "Baton", content: [{ type: "frame", url: "ftp://baton.example" }] };
    expect((await asAdmin("POST", "dashboard_apps", { dashboard_app: ftp })).status).toBe(422);
    expect(() => simulator.assertNoViolations()).toThrow(/dashboard_app/);
  });

  test("labels and attributes: each once, changed, deleted; a record's own names are refused", async () => {
    const simulator = await chatwoot();
    const call = client(simulator);
    const label = (await call("POST", "labels", { title: "Lead", color: "#112233" })).body;
    expect(label.title).toBe("lead");
    expect((await call("PATCH", `labels/${label.id}`, { color: "#445566" })).body).toEqual({
      ...label,
      color: "#445566",
    });
    expect((await call("GET", `labels/${label.id}`)).body.color).toBe("#445566");
    expect((await call("DELETE", `labels/${label.id}`)).status).toBe(200);
    expect(simulator.labels()).toEqual([]);
    const path = "custom_attribute_definitions";
    const made = (await call("POST", path, definition)).body;
    expect(made).toMatchObject({ attribute_key: "handoff", attribute_model: "conversation_attribute" });
    expect((await call("POST", path, definition)).status).toBe(422);
    expect((await call("POST", path, { ...definition, attribute_model: 1 })).status).toBe(200);
    expect((await call("POST", path, { ...definition, attribute_key: "priority" })).status).toBe(422);
    expect((await call("GET", `${path}?attribute_model=0`)).body).toEqual([made]);
    const renamed = await call("PATCH", `${path}/${made.id}`, { attribute_display_name: "Baton handoff" });
    expect(renamed.body).toEqual({ ...made, attribute_display_name: "Baton handoff" });
    expect((await call("DELETE", `${path}/${made.id}`)).status).toBe(204);
    expect(simulator.definitions().map(({ model }) => model)).toEqual(["contact_attribute"]);
    simulator.assertNoViolations();
  });

  test.each([
    ["api", { type: "api", webhook_url: "https://baton.example/hook" }, "Channel::Api"],
    ["website", { type: "web_widget", website_url: "https://acme.example" }, "Channel::WebWidget"],
    ["email", { type: "email", email: "help@acme.example" }, "Channel::Email"],
    [
      "WhatsApp",
      {
        type: "whatsapp",
        phone_number: "+4915550000009",
        provider: "whatsapp_cloud",
        provider_config: { api_key: "k", phone_number_id: "1", business_account_id: "2" },
      },
      "Channel::Whatsapp",
    ],
  ])("an inbox of kind %s", async (_kind, channel, channelType) => {
    const simulator = await chatwoot();
    const call = client(simulator);
    const { body } = await call("POST", "inboxes", { name: "Baton", channel });
    expect(body).toMatchObject({ name: "Baton", channel_type: channelType });
    const { type: _, ...shown } = channel;
    expect((await call("GET", `inboxes/${body.id}`)).body).toMatchObject(shown);
    simulator.assertNoViolations();
  });

  test("an inbox's settings are kept; working hours change day by day", async () => {
    const simulator = await chatwoot();
    const call = client(simulator);
    const path = `inboxes/${simulator.inboxId}`;
    expect((await call("GET", path)).body).toMatchObject({ greeting_enabled: false, working_hours_enabled: false });
    const patched = await call("PATCH", path, {
      name: "Renamed",
      greeting_enabled: true,
      greeting_message: "Hi",
      out_of_office_message: "Closed",
      working_hours: [{ day_of_week: 1, open_hour: 8, close_hour: 20 }],
    });
    expect(patched.body).toMatchObject({ name: "Renamed", greeting_enabled: true, out_of_office_message: "Closed" });
    const hours = patched.body.working_hours.map((day: Json) => [day["open_hour"], day["close_hour"]]);
    expect(hours.slice(0, 3)).toEqual([
      [9, 17],
      [8, 20],
      [9, 17],
    ]);
    simulator.assertNoViolations();
  });

  test("a deleted inbox takes its conversations along, not its contacts", async () => {
    const simulator = await chatwoot();
    const call = client(simulator);
    const site = simulator.addWebsiteInbox();
    const { conversationId, contactId } = simulator.visitorWrites(site, { text: "Hello" });
    expect((await call("DELETE", `inboxes/${site}`)).status).toBe(200);
    expect((await call("GET", `inboxes/${site}`)).status).toBe(404);
    expect((await call("GET", `conversations/${conversationId}`)).status).toBe(404);
    expect((await call("GET", `contacts/${contactId}`)).body.payload.contact_inboxes).toEqual([]);
    simulator.assertNoViolations();
  });

  test("a conversation, then its contact is deleted; conversations can be since 4.3", async () => {
    const simulator = await chatwoot({ version: "4.2.0" });
    const call = client(simulator);
    const { conversationId, contactId } = simulator.visitorWrites(simulator.inboxId, { text: "Hello" });
    expect((await call("DELETE", `conversations/${conversationId}`)).status).toBe(404);
    simulator.setVersion("4.3.0");
    expect((await call("DELETE", `conversations/${conversationId}`)).status).toBe(200);
    expect(simulator.conversations()).toEqual([]);
    expect((await call("DELETE", `contacts/${contactId}`)).status).toBe(200);
    expect(simulator.contacts()).toEqual([]);
    simulator.assertNoViolations();
  });

  test("a new account has neither inbox nor bot", async () => {
    const simulator = await chatwoot({ empty: true });
    const call = client(simulator);
    expect((await call("GET", "inboxes")).body).toEqual({ payload: [] });
    expect((await call("GET", "agent_bots")).body).toEqual([]);
  });

  test("people: agents and teams made, changed and taken away", async () => {
    const simulator = await chatwoot();
    const call = client(simulator);
    const agent = (await call("POST", "agents", { name: "Mia", email: "mia@acme.example", role: "agent" })).body;
    expect((await call("PATCH", `agents/${agent.id}`, { role: "administrator" })).body.role).toBe("administrator");
    const team = (await call("POST", "teams", { name: "Sales" })).body;
    expect((await call("POST", "teams", { name: "sales" })).status).toBe(422);
    await call("POST", `teams/${team.id}/team_members`, { user_ids: [agent.id] });
    await call("POST", "inbox_members", { inbox_id: simulator.inboxId, user_ids: [agent.id] });
    expect((await call("PATCH", `teams/${team.id}`, { name: "Care" })).body.name).toBe("care");
    expect((await call("DELETE", `agents/${agent.id}`)).status).toBe(200);
    expect((await call("GET", `teams/${team.id}/team_members`)).body).toEqual([]);
    expect(simulator.inboxMembers()).toEqual([simulator.agentId]);
    expect((await call("DELETE", `teams/${team.id}`)).status).toBe(200);
    expect((await call("GET", "teams")).body).toEqual([]);
    const bots = await call("GET", `assignable_agents?inbox_ids[]=${simulator.inboxId}&include_agent_bots=true`);
    expect(bots.body.payload.at(-1)).toMatchObject({ id: simulator.botId, assignee_type: "AgentBot" });
    simulator.assertNoViolations();
  });
});

test("somebody in the team changes what an install made, and the API shows it", async () => {
  const simulator = await chatwoot();
  const call = client(simulator);
  const url = "https://baton.example/hook";
  const inbox = simulator.addApiInbox({ name: "Baton", webhookUrl: url });
  const bot = simulator.addBot({ name: "Baton", outgoingUrl: url });
  const hook = simulator.addAccountWebhook({ url });
  const appId = simulator.addDashboardApp({ title: "Baton", url });
  simulator.addLabel("lead");
  simulator.addDefinition({ key: "handoff" });
  simulator.setInboxBot(inbox, bot.id);
  const before = simulator.inboxes().at(-1)!.secret;
  expect(simulator.resetInboxSecret(inbox)).not.toBe(before);
  expect(simulator.resetBotSecret(bot.id)).not.toBe(bot.secret);
  simulator.renameInbox(inbox, "Old Baton");
  simulator.setInboxWebhookUrl(inbox, null);
  simulator.changeInboxSettings(inbox, { greeting_enabled: true, greeting_message: "Hi" });
  simulator.detachBot(inbox);
  simulator.setAgentOfInbox(inbox, []);
  expect((await call("GET", `inboxes/${inbox}`)).body).toMatchObject({
    name: "Old Baton",
    webhook_url: null,
    greeting_enabled: true,
  });
  expect((await call("GET", `inboxes/${inbox}/agent_bot`)).body).toEqual({});
  simulator.changeBot(bot.id, { outgoingUrl: null });
  expect((await call("GET", `agent_bots/${bot.id}`)).body.outgoing_url).toBeNull();
  simulator.deleteBot(bot.id);
  simulator.deleteWebhook(hook.id);
  simulator.deleteDashboardApp(appId);
  simulator.deleteLabel("lead");
  simulator.deleteDefinition("handoff");
  simulator.deleteInbox(inbox);
  expect([simulator.inboxes().length, simulator.bots().length]).toEqual([1, 1]);
  expect([simulator.accountWebhooks(), simulator.dashboardApps(), simulator.labels(), simulator.definitions()]).toEqual(
    [[], [], [], []],
  );
  expect(() => simulator.deleteWebhook(hook.id)).toThrow("the simulator has no webhook");
});
