import { createHmac } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import type { ChatwootOptions, SentWebhook } from "./index.ts";
import { apartFrom, chatwoot, client, receiver, stopAll, type Json } from "./testing.ts";

afterEach(stopAll);

/** A website with a bot of its own, whose webhooks go to `hook`. */
async function withBot(options: ChatwootOptions = {}, answer: Parameters<typeof receiver>[0] = () => 200) {
  const hook = await receiver(answer);
  const simulator = await chatwoot({ webhookWorkers: 1, botRetryMs: 5, ...options });
  const bot = simulator.addBot({ name: "Baton", outgoingUrl: hook.url });
  const site = simulator.addWebsiteInbox({ botId: bot.id });
  const asBot = client(simulator, bot.token);
  const events = () => hook.received.map((item) => item.body["event"]);
  return { hook, simulator, bot, site, asBot, events, call: client(simulator) };
}

describe("what a bot's token may do (8.2)", () => {
  const always = [200, 200, 200, 200];
  const never = [401, 401, 401, 401];
  const typing = [401, 200, 200, 200];
  const reading = [401, 401, 401, 200];
  test.each([
    ["PATCH", "", { priority: "high" }, always],
    ["POST", "/toggle_status", { status: "open" }, always],
    ["POST", "/toggle_priority", { priority: "high" }, always],
    ["POST", "/custom_attributes", { custom_attributes: { a: 1 } }, always],
    ["POST", "/messages", { content: "Hello" }, always],
    ["POST", "/assignments", { team_id: null }, always],
    ["POST", "/toggle_typing_status", { typing_status: "on" }, typing],
    ["GET", "", undefined, reading],
    ["GET", "/labels", undefined, reading],
    ["POST", "/labels", { labels: ["lead"] }, reading],
    ["GET", "/messages", undefined, never],
    ["DELETE", "", undefined, never],
    ["DELETE", "/messages/9001", undefined, never],
  ])("%s conversations/:id%s", async (method, path, body, expected) => {
    const { simulator, site, asBot } = await withBot();
    const { conversationId } = simulator.visitorWrites(site, { text: "Hi" });
    const statuses: number[] = [];
    for (const version of ["4.11.9", "4.12.0", "4.14.1", "4.14.2"]) {
      simulator.setVersion(version);
      statuses.push((await asBot(method, `conversations/${conversationId}${path}`, body)).status);
    }
    expect(statuses).toEqual(expected);
    simulator.assertNoViolations();
  });

  test("a bot of the account may act in any inbox; one of the installation needs a connection", async () => {
    const { simulator, asBot } = await withBot();
    const other = simulator.addWebsiteInbox({ name: "Other" });
    const { conversationId } = simulator.visitorWrites(other, { text: "Hi" });
    const path = `conversations/${conversationId}/messages`;
    expect((await asBot("POST", path, { content: "Hello" })).status).toBe(200);
    const system = simulator.addBot({ isSystemBot: true });
    const asSystem = client(simulator, system.token);
    expect((await asSystem("POST", path, { content: "Hello" })).status).toBe(401);
    simulator.setInboxBot(other, system.id);
    expect((await asSystem("POST", path, { content: "Hello" })).status).toBe(200);
  });

  test("its words are a bot's: no first reply, the visitor goes on waiting; a user's token may lend it a voice", async () => {
    const { simulator, site, bot, asBot, call } = await withBot();
    const { conversationId: id } = simulator.visitorWrites(site, { text: "Hi" });
    const said = await asBot("POST", `conversations/${id}/messages`, { content: "Hello" });
    expect(said.body.sender).toMatchObject({ id: bot.id, type: "agent_bot" });
    expect(simulator.conversation(id).firstReplyCreatedAt).toBeNull();
    expect(simulator.conversation(id).waitingSince).not.toBeNull();
    const lent = { content: "Hello", sender_type: "AgentBot", sender_id: bot.id };
    expect((await call("POST", `conversations/${id}/messages`, lent)).body.sender.type).toBe("agent_bot");
    await call("POST", `conversations/${id}/messages`, { content: "I am a person" });
    expect(simulator.conversation(id)).toMatchObject({ waitingSince: null, firstReplyCreatedAt: expect.any(Date) });
    simulator.assertNoViolations();
  });
});

describe("status and holder (3.2)", () => {
  test.each([
    ["4.16.2", true, "Baton", "AgentBot"],
    ["4.16.1", false, undefined, null],
  ])("release %s: a new conversation is pending, and held by its bot: %s", async (version, isHeld, name, type) => {
    const { simulator, site, bot, hook } = await withBot({ version });
    const { conversationId } = simulator.visitorWrites(site, { text: "Hi" });
    expect(simulator.conversation(conversationId)).toMatchObject({
      status: "pending",
      assigneeBotId: isHeld ? bot.id : null,
    });
    await simulator.settled();
    const { meta } = hook.received[0]!.body["conversation"] as {
      meta: { assignee: Json | null; assignee_type: unknown };
    };
    expect([meta.assignee?.["name"], meta.assignee_type]).toEqual([name, type]);
    expect(simulator.notifications()).toEqual([]);
  });

  test("handing over: open, nobody's, members told, counted, success null", async () => {
    const { simulator, site, bot, asBot, hook } = await withBot();
    const { conversationId } = simulator.visitorWrites(site, { text: "Hi" });
    const path = `conversations/${conversationId}/toggle_status`;
    const answer = await asBot("POST", path, { status: "open" });
    expect(answer.body.payload).toMatchObject({ success: null, current_status: "open" });
    expect(simulator.conversation(conversationId)).toMatchObject({ status: "open", assigneeBotId: null });
    expect(simulator.botHandoffs()).toMatchObject([{ conversationId, botId: bot.id }]);
    expect(simulator.notifications()).toMatchObject([
      { kind: "conversation_creation", because: "bot_handoff", userId: simulator.agentId, conversationId },
    ]);
    await simulator.settled();
    const changed = hook.received.findLast((item) => item.body["event"] === "conversation_updated")!.body;
    expect(changed["changed_attributes"]).toContainEqual({
      assignee_agent_bot_id: { previous_value: bot.id, current_value: null },
    });
    // Once open, it is no handoff any more.
    expect((await asBot("POST", path, { status: "open" })).body.payload.success).toBe(true);
    expect(simulator.botHandoffs()).toHaveLength(1);
    simulator.assertNoViolations();
  });

  test("opened by a person: neither counted nor told; pending again keeps the person", async () => {
    const { simulator, site, call } = await withBot();
    const { conversationId: id } = simulator.visitorWrites(site, { text: "Hi" });
    const asAgent = client(simulator, simulator.agentAccessToken);
    await asAgent("POST", `conversations/${id}/toggle_status`, { status: "open" });
    expect(simulator.conversation(id)).toMatchObject({ assigneeBotId: null, assigneeId: simulator.agentId });
    expect(simulator.botHandoffs()).toEqual([]);
    expect(simulator.notifications().map(({ kind }) => kind)).toEqual(["conversation_assignment"]);
    await call("POST", `conversations/${id}/toggle_status`, { status: "pending" });
    expect(simulator.conversation(id)).toMatchObject({ status: "pending", assigneeId: simulator.agentId });
  });

  test.each([
    ["as in 4.16.2", "4.16.2", false, ["open", "pending"]],
    ["as merged later", "4.16.2", true, ["pending", "open"]],
  ])("assigned to the bot, then to a person, %s: %j", async (_case, version, changes, expected) => {
    const { simulator, site, bot, call } = await withBot({ version });
    simulator.setAssignmentChangesStatus(changes);
    const { conversationId: id } = simulator.visitorWrites(site, { text: "Hi" });
    const assign = (body: Json) => call("POST", `conversations/${id}/assignments`, body);
    simulator.setStatus(id, "open");
    simulator.assign(id, simulator.agentId);
    const toBot = await assign({ assignee_id: bot.id, assignee_type: "AgentBot" });
    expect(toBot.body).toMatchObject({ id: bot.id, name: "Baton" });
    expect(simulator.conversation(id)).toMatchObject({ assigneeId: null, assigneeBotId: bot.id });
    const statuses = [simulator.conversation(id).status];
    simulator.setStatus(id, "pending");
    await assign({ assignee_id: simulator.agentId });
    expect(simulator.conversation(id)).toMatchObject({ assigneeId: simulator.agentId, assigneeBotId: null });
    expect([...statuses, simulator.conversation(id).status]).toEqual(expected);
    simulator.assertNoViolations();
  });

  test("before 4.8.0 the assignee's type is not read: the bot's number is a user's", async () => {
    const { simulator, site, bot, call } = await withBot({ version: "4.7" });
    const { conversationId: id } = simulator.visitorWrites(site, { text: "Hi" });
    const body = { assignee_id: bot.id, assignee_type: "AgentBot" };
    expect((await call("POST", `conversations/${id}/assignments`, body)).body).toBeNull();
    expect(simulator.conversation(id).assigneeBotId).toBeNull();
  });

  test("the API's conversations name their bot, as the source of 4.8 and later does, unless told otherwise", async () => {
    const { simulator, site, bot, call } = await withBot();
    const { conversationId } = simulator.visitorWrites(site, { text: "Hi" });
    const meta = async () => (await call("GET", `conversations/${conversationId}`)).body.meta as Json;
    expect(await meta()).toMatchObject({ assignee: { id: bot.id, name: "Baton" }, assignee_type: "AgentBot" });
    simulator.setApiShowsBot(false);
    expect((await meta())["assignee"]).toBeUndefined();
  });
});

describe("who hears of what (2.1)", () => {
  const all = [
    "message_created",
    "conversation_opened",
    "conversation_status_changed",
    "conversation_updated",
    "conversation_resolved",
    "conversation_status_changed",
    "conversation_updated",
  ];

  test.each([
    ["4.13.0", all],
    ["4.12.0", all.filter((event) => event !== "conversation_status_changed")],
  ])("release %s tells a bot %j", async (version, expected) => {
    const { simulator, site, events, hook } = await withBot({ version });
    const { conversationId: id } = simulator.visitorWrites(site, { text: "Hi" });
    simulator.typing(id, { agentId: simulator.agentId, on: true });
    simulator.setStatus(id, "open");
    simulator.setStatus(id, "resolved");
    await simulator.settled();
    expect(events()).toEqual(expected);
    const updated = hook.received.find((item) => item.body["event"] === "conversation_updated")!.body;
    expect("changed_attributes" in updated).toBe(version === "4.13.0");
  });

  test("bot, account webhook and API inbox each get their own delivery of the same event", async () => {
    const { simulator, hook, bot } = await withBot();
    simulator.addAccountWebhook({ url: `${hook.url}/account`, subscriptions: ["message_created"] });
    simulator.setInboxWebhookUrl(simulator.inboxId, `${hook.url}/inbox`);
    simulator.setInboxBot(simulator.inboxId, bot.id);
    simulator.visitorWrites(simulator.inboxId, { text: "Hi" });
    await simulator.settled();
    const sent = simulator.webhooksSent().filter((item) => item.event === "message_created");
    expect(sent.map((item) => item.to).sort()).toEqual(["account", "agent_bot", "api_inbox"]);
    expect(new Set(sent.map((item) => item.headers["X-Chatwoot-Delivery"])).size).toBe(3);
    const secrets = {
      account: simulator.accountWebhooks()[0]!.secret,
      agent_bot: bot.secret,
      api_inbox: simulator.webhookSecret,
    };
    for (const item of sent) expect(item.headers["X-Chatwoot-Signature"]).toBe(signed(item, secrets[item.to]));
  });

  test.each([
    ["4.13.0", ["message_created"]],
    ["4.12.0", []],
  ])("release %s tells a bot of a conversation that it only holds: %j", async (version, expected) => {
    const { simulator, bot, events } = await withBot({ version });
    const { conversationId: id } = simulator.visitorWrites(simulator.inboxId, { text: "Hi" });
    simulator.assignBot(id, bot.id);
    await simulator.settled();
    const before = events().length;
    simulator.visitorAnswers(id, "Anybody?");
    await simulator.settled();
    expect(events().slice(before)).toEqual(expected);
  });

  test("a bot that holds the conversation of its own inbox hears once; private notes too, marked", async () => {
    const { simulator, site, hook } = await withBot();
    const { conversationId } = simulator.visitorWrites(site, { text: "Hi" });
    simulator.agentWritesNote(conversationId, { agentId: simulator.agentId, content: "careful" });
    await simulator.settled();
    expect(hook.received.map((item) => [item.body["content"], item.body["private"]])).toEqual([
      ["Hi", false],
      ["careful", true],
    ]);
  });

  test("the widget was opened: bots and account webhooks", async () => {
    const { simulator, site, events, hook } = await withBot();
    simulator.visitorOpensWidget(site);
    await simulator.settled();
    expect(events()).toEqual(["webwidget_triggered"]);
    expect(hook.received[0]!.body["current_conversation"]).toBeNull();
    expect(apartFrom("account.webwidget_triggered", hook.received[0]!.body)).toEqual([]);
  });

  test.each([
    ["4.16.0", ["agent_bot", "api_inbox"]],
    ["4.15.0", ["account", "agent_bot", "api_inbox"]],
  ])("a plan without the API, release %s: still told are %j", async (version, told) => {
    const { simulator, hook, bot } = await withBot({ version });
    simulator.addAccountWebhook({ url: hook.url, subscriptions: ["message_created"] });
    simulator.setInboxWebhookUrl(simulator.inboxId, hook.url);
    simulator.setInboxBot(simulator.inboxId, bot.id);
    simulator.setPlan("without_api");
    simulator.visitorWrites(simulator.inboxId, { text: "Hi" });
    await simulator.settled();
    const sent = simulator.webhooksSent().filter((item) => item.event === "message_created");
    expect(sent.map((item) => item.to).sort()).toEqual(told);
  });

  test("a bot's payload shows the moment of the event, an account's that of the sending", async () => {
    const { simulator, site, hook } = await withBot();
    const { conversationId: id } = simulator.visitorWrites(site, { text: "Hi" });
    await simulator.settled();
    simulator.addAccountWebhook({ url: hook.url, subscriptions: ["conversation_updated"] });
    simulator.setPriority(id, "high");
    simulator.setPriority(id, "low");
    await simulator.settled();
    const seen = (to: SentWebhook["to"]) =>
      simulator
        .webhooksSent()
        .filter((item) => item.to === to && item.event === "conversation_updated")
        .map((item) => item.payload["priority"]);
    expect({ bot: seen("agent_bot"), account: seen("account") }).toEqual({
      bot: ["high", "low"],
      account: ["low", "low"],
    });
  });

  test("what was deleted meanwhile is told to nobody, except a bot's", async () => {
    const { simulator, site, hook } = await withBot();
    simulator.addAccountWebhook({ url: hook.url, subscriptions: ["message_created"] });
    const { conversationId } = simulator.visitorWrites(site, { text: "Hi" });
    simulator.deleteConversation(conversationId);
    await simulator.settled();
    expect(simulator.webhooksSent().map((item) => item.to)).toEqual(["agent_bot"]);
  });
});

const signed = ({ headers, rawBody }: SentWebhook, secret: string): string => {
  const bytes = `${headers["X-Chatwoot-Timestamp"]}.${rawBody}`;
  return `sha256=${createHmac("sha256", secret).update(bytes).digest("hex")}`;
};

describe("signatures by release (2.3)", () => {
  test.each([
    ["4.11.0", { account: false, agent_bot: false, api_inbox: false }],
    ["4.12.0", { account: true, agent_bot: false, api_inbox: false }],
    ["4.13.0", { account: true, agent_bot: true, api_inbox: true }],
  ])("%s: %j", async (version, expected) => {
    const { simulator, hook, bot } = await withBot({ version });
    simulator.addAccountWebhook({ url: hook.url });
    simulator.setInboxWebhookUrl(simulator.inboxId, hook.url);
    simulator.setInboxBot(simulator.inboxId, bot.id);
    simulator.visitorWrites(simulator.inboxId, { text: "Hi" });
    await simulator.settled();
    const isSigned = Object.fromEntries(
      simulator.webhooksSent().map((item) => [item.to, "X-Chatwoot-Signature" in item.headers]),
    );
    expect(isSigned).toEqual(expected);
  });
});

describe("a bot that does not take its webhook (2.4)", () => {
  // The conversation after the visitor's first message, and how often that was tried.
  test.each([
    ["429 for ever", "4.16.2", 429, 3, "open"],
    ["500 for ever", "4.16.2", 500, 3, "open"],
    ["502", "4.16.2", 502, 1, "open"],
    ["503", "4.16.2", 503, 1, "open"],
    ["504", "4.16.2", 504, 1, "open"],
    ["401", "4.16.2", 401, 1, "open"],
    ["no answer in time", "4.16.2", null, 1, "open"],
    ["a success that is not 200", "4.16.2", 204, 1, "pending"],
    ["500 before there were retries", "4.11.0", 500, 1, "open"],
    ["500 before there was a flip", "4.6.0", 500, 1, "pending"],
  ])("%s, release %s (%s): tried %d times, then %s", async (_case, version, status, times, after) => {
    const patience = status === null ? { webhookTimeoutMs: 100 } : {};
    const { simulator, site, hook } = await withBot({ version, ...patience }, (body) =>
      body["event"] === "message_created" ? status : 200,
    );
    const { conversationId: id } = simulator.visitorWrites(site, { text: "Hi" });
    await simulator.settled();
    const tries = hook.received.filter((item) => item.body["event"] === "message_created");
    expect([tries.length, simulator.conversation(id).status]).toEqual([times, after]);
    const lines = simulator.messages(id).filter((message) => message.messageType === "activity");
    expect(lines).toHaveLength(after === "open" ? 1 : 0);
    expect(simulator.botHandoffs()).toEqual([]);
    expect(simulator.messages(id)[0]!.status).toBe("sent");
  });

  test("attempts share the delivery id and the bytes; each has its own time; a late success keeps it pending", async () => {
    let now = new Date("2026-11-20T09:00:00Z");
    const { simulator, site, hook } = await withBot({ clock: () => now }, (_body, received) => {
      now = new Date(now.getTime() + 3000);
      return received.length < 3 ? 500 : 200;
    });
    const { conversationId } = simulator.visitorWrites(site, { text: "Hi" });
    await simulator.settled();
    const header = (name: string) => hook.received.map((item) => item.headers[name]);
    expect(new Set(header("x-chatwoot-delivery")).size).toBe(1);
    expect(new Set(hook.received.map((item) => item.raw)).size).toBe(1);
    expect(header("x-chatwoot-timestamp")).toEqual(["1795165200", "1795165203", "1795165206"]);
    expect(new Set(header("x-chatwoot-signature")).size).toBe(3);
    expect(simulator.webhooksSent().map((item) => item.attempt)).toEqual([1, 2, 3]);
    expect(simulator.conversation(conversationId).status).toBe("pending");
  });

  test("an event of a conversation that fails changes nothing", async () => {
    const { simulator, site } = await withBot({}, (body) => (body["event"] === "message_created" ? 200 : 404));
    const { conversationId } = simulator.visitorWrites(site, { text: "Hi" });
    simulator.setPriority(conversationId, "high");
    await simulator.settled();
    expect(simulator.conversation(conversationId).status).toBe("pending");
  });

  test("its failure leaves a conversation alone that is not pending", async () => {
    const { simulator, site } = await withBot({}, (body) => (body["event"] === "message_created" ? 404 : 200));
    const { conversationId } = simulator.visitorWrites(site, { text: "Hi" });
    simulator.resolve(conversationId);
    await simulator.settled();
    expect(simulator.conversation(conversationId).status).toBe("resolved");
  });

  test.each([
    ["4.11.0", "pending"],
    ["4.10.0", "open"],
  ])("an account that keeps it pending, release %s: %s", async (version, after) => {
    const { simulator, site } = await withBot({ version }, () => 404);
    simulator.setKeepPendingOnBotFailure(true);
    const { conversationId } = simulator.visitorWrites(site, { text: "Hi" });
    await simulator.settled();
    expect(simulator.conversation(conversationId).status).toBe(after);
  });

  test("account and API inbox webhooks are tried once on 500, and leave the status alone", async () => {
    const { simulator, hook } = await withBot({}, () => 500);
    simulator.addAccountWebhook({ url: hook.url, subscriptions: ["message_created"] });
    simulator.setInboxWebhookUrl(simulator.inboxId, hook.url);
    const { conversationId } = simulator.visitorWrites(simulator.inboxId, { text: "Hi" });
    simulator.setStatus(conversationId, "pending");
    await simulator.settled();
    const tries = simulator.webhooksSent().filter((item) => item.event === "message_created");
    expect(tries.map((item) => item.to).sort()).toEqual(["account", "api_inbox"]);
    expect(simulator.conversation(conversationId).status).toBe("pending");
  });
});

describe("receivers on the operator's own network (2.5)", () => {
  test.each([
    ["4.13.0", false, true],
    ["4.14.0", false, false],
    ["4.14.0", true, false],
    ["4.14.1", true, true],
    ["4.16.2", false, false],
    ["4.14.0", null, true],
  ])("release %s, allowed by the operator: %s: reached: %s", async (version, allowed, isReached) => {
    const { simulator, site, hook } = await withBot({ version });
    simulator.setAllowPrivateNetwork(allowed);
    const { conversationId } = simulator.visitorWrites(site, { text: "Hi" });
    await simulator.settled();
    expect(hook.received.length > 0).toBe(isReached);
    // Refused is failed: the visitor is not left with a bot that hears nothing.
    expect(simulator.conversation(conversationId).status).toBe(isReached ? "pending" : "open");
    const { error } = simulator.webhooksSent()[0]!;
    expect(error?.startsWith("Invalid webhook URL") ?? false).toBe(!isReached);
  });
});

test("a bot's payloads equal the published samples, key for key", async () => {
  const { simulator, site, hook, asBot } = await withBot();
  const { conversationId } = simulator.visitorWrites(site, { text: "Can I talk to someone?" });
  await asBot("POST", `conversations/${conversationId}/toggle_status`, { status: "open" });
  await simulator.settled();
  const last = (event: string) => hook.received.findLast((item) => item.body["event"] === event)!.body;
  const said = {
    "agent_bot.message_created.incoming_pending": last("message_created"),
    "agent_bot.conversation_opened": last("conversation_opened"),
    "agent_bot.conversation_status_changed": last("conversation_status_changed"),
    "agent_bot.conversation_updated.handoff": last("conversation_updated"),
  };
  for (const [name, body] of Object.entries(said)) {
    expect({ [name]: apartFrom(name, body) }).toEqual({ [name]: [] });
  }
  simulator.setStatus(conversationId, "resolved");
  await simulator.settled();
  expect(apartFrom("agent_bot.conversation_resolved", last("conversation_resolved"))).toEqual([]);
});
