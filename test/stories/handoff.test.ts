import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { eventually, startWorld } from "./world.ts";
import type { Json, World } from "./world.ts";

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(async () => {
  world.chatwoot.assertNoViolations();
  await world.stop();
});

const ana = { id: "v-5", name: "Ana", email: "ana@example.com", attributes: { plan: "pro" } };
const asking = (id: string, more: Record<string, unknown> = {}) => ({
  conversation: {
    id,
    locale: "en",
    channel: { type: "widget" },
    pageUrl: "https://shop.example/p/7",
    visitor: ana,
    messages: [
      { id: "m1", role: "visitor", text: "Where is my order?", at: "2026-11-20T09:00:00Z" },
      { id: "m2", role: "bot", text: "Which number does it have?", at: "2026-11-20T09:00:05Z" },
      { id: "m3", role: "visitor", text: "1042. I want a person.", at: "2026-11-20T09:00:30Z" },
    ],
    products: [{ id: "p7", name: "Desk lamp", url: "https://shop.example/p/7", price: "39.00 EUR" }],
    summary: "Order 1042 has not arrived.",
  },
  trigger: "visitor",
  reason: "asked for a person",
  priority: "high",
  ...more,
});

const typesHeard = () => world.callbacks.heard.map((one) => one.type);
const opened = async (handoffId: string) =>
  await eventually(async () => {
    const { body } = await world.bot.get(`/v1/handoffs/${handoffId}`);
    return body.handoff.opened ? body : null;
  });

const isMessage = (method: string, path: string) => method === "POST" && path.endsWith("/messages");

describe("with Chatwoot", () => {
  beforeEach(async () => {
    await world.connectChatwoot();
  });

  test("a conversation passes to an agent in Chatwoot and comes back to the bot", async () => {
    const asked = await world.bot.post("/v1/handoffs", asking("c-981"));
    expect(asked.status).toBe(201);
    expect(asked.body).toMatchObject({
      handoff: { status: "pending", mode: "live", opened: false },
      decision: { outcome: "live", because: "open", opensAt: null, closesAt: null },
      control: "human",
      epoch: 2,
      reply: [{ text: "I am connecting you with a person." }],
      form: null,
    });
    const { handoff } = asked.body;
    await opened(handoff.id);

    const [conversation] = world.chatwoot.conversations();
    expect(world.chatwoot.conversations()).toHaveLength(1);
    expect(conversation).toMatchObject({ status: "open", priority: "high" });
    const messages = world.chatwoot.messages(conversation!.id);
    const notes = messages.filter((one) => one.private).map((one) => one.content);
    expect(notes.join("\n")).toContain("Order 1042 has not arrived.");
    expect(notes.join("\n")).toContain("Which number does it have?");
    expect(notes.join("\n")).toContain("Desk lamp");
    const incoming = messages.filter((one) => one.messageType === "incoming");
    expect(incoming.map((one) => one.content)).toEqual(["1042. I want a person."]);

    world.chatwoot.agentWritesNote(conversation!.id, {
      agentId: world.chatwoot.agentId,
      content: "secret: check the depot",
    });
    world.chatwoot.agentReplies(conversation!.id, { agentId: world.chatwoot.agentId, content: "Hi Ana, Alex here." });
    await eventually(() => typesHeard().includes("message.created"));
    const said = world.callbacks.heard.find((one) => one.type === "message.created");
    expect(said?.data).toMatchObject({
      conversationId: "c-981",
      message: { role: "agent", text: "Hi Ana, Alex here.", authorName: "Alex" },
    });
    expect((await world.bot.get("/v1/conversations/c-981")).body).toMatchObject({
      control: "human",
      handoff: { status: "acknowledged", agent: "Alex" },
    });

    const refused = await world.bot.post("/v1/conversations/c-981/messages", { role: "bot", text: "Me again!" });
    expect([refused.status, refused.body.code]).toEqual([409, "human_in_control"]);

    const answer = await world.bot.post("/v1/conversations/c-981/messages", {
      id: "m4",
      role: "visitor",
      text: "Thanks",
    });
    expect(answer.status).toBe(201);
    await eventually(() => world.chatwoot.messages(conversation!.id).some((one) => one.content === "Thanks"));

    world.chatwoot.resolve(conversation!.id, world.chatwoot.agentId);
    await eventually(() => typesHeard().includes("handoff.resolved"));
    const ended = (await world.bot.get("/v1/conversations/c-981")).body;
    expect(ended).toMatchObject({ control: "bot", epoch: 3, handoff: { status: "resolved" } });
    const spoken = await world.bot.post("/v1/conversations/c-981/messages", {
      role: "bot",
      text: "I am back.",
      epoch: 3,
    });
    expect(spoken.status).toBe(201);

    expect(JSON.stringify(world.callbacks.heard)).not.toContain("check the depot");
    const history = (await world.bot.get("/v1/conversations/c-981/messages")).body.items;
    expect(history.map((one: { role: string; text: string }) => [one.role, one.text])).toEqual([
      ["visitor", "Where is my order?"],
      ["bot", "Which number does it have?"],
      ["visitor", "1042. I want a person."],
      ["system", "I am connecting you with a person."],
      ["system", expect.stringContaining("Alex")],
      ["agent", "Hi Ana, Alex here."],
      ["visitor", "Thanks"],
      ["system", expect.any(String)],
      ["bot", "I am back."],
    ]);
  });

  test("messages typed while the handoff opens reach the agent, each once, in order, and not the bot", async () => {
    world.chatwoot.trouble.slow(150, () => true);
    const { body } = await world.bot.post("/v1/handoffs", asking("c-1"));
    for (let n = 1; n <= 5; n += 1) {
      const sent = await world.bot.post("/v1/conversations/c-1/messages", { id: `typed-${n}`, text: `typed ${n}` });
      expect([sent.status, sent.body.control]).toEqual([201, "human"]);
    }
    await opened(body.handoff.id);
    const texts = () => {
      const [conversation] = world.chatwoot.conversations();
      return world.chatwoot
        .messages(conversation!.id)
        .filter((one) => one.messageType === "incoming")
        .map((one) => one.content);
    };
    await eventually(() => texts().length === 6);
    expect(texts()).toEqual(["1042. I want a person.", "typed 1", "typed 2", "typed 3", "typed 4", "typed 5"]);
  });

  test("fifty calls at once open one conversation", async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => world.bot.post("/v1/handoffs", asking("c-2"))));
    expect(answers.filter((one) => one.status === 201)).toHaveLength(1);
    expect(answers.filter((one) => one.status === 200)).toHaveLength(49);
    expect(new Set(answers.map((one) => one.body.handoff.id)).size).toBe(1);
    await opened(answers[0]!.body.handoff.id);
    expect(world.chatwoot.conversations()).toHaveLength(1);
  });

  test("when the helpdesk says 503 the visitor is told so, and becomes a lead", async () => {
    world.chatwoot.trouble.failNext(10_000, { status: 503 });
    const asked = await world.bot.post("/v1/handoffs", asking("c-3"));
    expect(asked.body.reply).toEqual([{ text: "I am connecting you with a person." }]);
    const missed = await eventually(() => world.callbacks.heard.find((one) => one.type === "handoff.missed"), 25_000);
    expect(missed.data).toMatchObject({ because: "helpdesk_unreachable", control: "bot", handoff: { mode: "lead" } });
    expect(missed.data.reply.length).toBeGreaterThan(0);
    expect(missed.data.form.fields.map((field: { name: string }) => field.name)).toContain("email");
    expect((await world.bot.get("/v1/conversations/c-3")).body.control).toBe("bot");
    world.chatwoot.trouble.reset();
  });

  test("the next destination takes it when the first cannot, and the first keeps nothing open", async () => {
    const agent = await world.agent("Mia");
    const { body: connections } = await world.admin.get("/v1/connections");
    await world.settings({ destinations: [{ id: connections.items[0].id }, "inbox"] });
    world.chatwoot.trouble.failNext(10_000, { status: 401, body: { error: "Invalid Access Token" } });
    const asked = await world.bot.post("/v1/handoffs", asking("c-4"), { Prefer: "wait=10" });
    expect(asked.body).toMatchObject({
      handoff: { mode: "live", opened: true, destination: "inbox" },
      control: "human",
    });
    const accepted = await agent.client.post(`/v1/handoffs/${asked.body.handoff.id}/accept`);
    expect(accepted.body).toMatchObject({ handoff: { status: "acknowledged", agent: "Mia" } });
    world.chatwoot.trouble.reset();
    const shown = (await world.admin.get("/v1/connections")).body.items[0];
    expect(shown.problem).toContain("token");
  });

  test("a repeated webhook is shown once, and a forged one not at all", async () => {
    world.chatwoot.trouble.duplicateWebhooks(true);
    const { body } = await world.bot.post("/v1/handoffs", asking("c-5"));
    await opened(body.handoff.id);
    const [conversation] = world.chatwoot.conversations();
    world.chatwoot.agentReplies(conversation!.id, { agentId: world.chatwoot.agentId, content: "once" });
    await eventually(() => typesHeard().includes("message.created"));
    await world.chatwoot.settled();
    const url = world.chatwoot.webhookUrl()!;
    const forged = await fetch(url, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "X-Chatwoot-Timestamp": String(Math.floor(Date.now() / 1000)),
        "X-Chatwoot-Signature": `sha256=${"0".repeat(64)}`,
      },
      body: JSON.stringify({ event: "message_created", id: 999, content: "forged", message_type: "outgoing" }),
    });
    expect(forged.status).toBe(401);
    const texts = (await world.bot.get("/v1/conversations/c-5/messages")).body.items.map((one: Json) => one.text);
    expect(texts.filter((text: string) => text === "once")).toHaveLength(1);
    expect(texts).not.toContain("forged");
    expect(typesHeard().filter((type) => type === "message.created")).toHaveLength(1);
  });

  test("the second handoff of a conversation times out like the first", async () => {
    await world.settings({ acceptWithinSeconds: 60 });
    for (const round of [1, 2]) {
      const { body } = await world.bot.post("/v1/handoffs", asking("c-6"));
      expect(body.handoff.mode).toBe("live");
      await opened(body.handoff.id);
      world.advance(61_000);
      await eventually(() => typesHeard().filter((type) => type === "handoff.missed").length === round);
      const { body: state } = await world.bot.get(`/v1/handoffs/${body.handoff.id}`);
      expect(state).toMatchObject({ handoff: { status: "pending", mode: "lead" }, control: "bot" });
      const ended = await world.bot.post(`/v1/handoffs/${body.handoff.id}/cancel`);
      expect(ended.body.handoff.status).toBe("cancelled");
    }
  });

  test("a long history arrives from its first page on", async () => {
    const messages = Array.from({ length: 1_500 }, (_, index) => ({
      id: `h${index}`,
      role: index % 2 === 0 ? "visitor" : "bot",
      text: `line number ${index} of a long conversation`,
    }));
    const request = asking("c-7");
    const { body } = await world.bot.post("/v1/handoffs", {
      ...request,
      conversation: { ...request.conversation, messages },
    });
    await opened(body.handoff.id);
    const [conversation] = world.chatwoot.conversations();
    const notes = world.chatwoot
      .messages(conversation!.id)
      .filter((one) => one.private)
      .map((one) => one.content)
      .join("\n");
    const found = [...notes.matchAll(/line number (\d+) of/g)].map(([, n]) => Number(n));
    expect(found).toEqual(Array.from({ length: 1_500 }, (_, index) => index));
  });

  test("an accept time-out turns a live handoff into a lead, also across a restart", async () => {
    await world.settings({ acceptWithinSeconds: 30 });
    const { body } = await world.bot.post("/v1/handoffs", asking("c-8"));
    await opened(body.handoff.id);
    world.advance(31_000);
    await world.restart();
    await eventually(() => typesHeard().includes("handoff.missed"));
    expect((await world.bot.get("/v1/conversations/c-8")).body).toMatchObject({
      control: "bot",
      handoff: { mode: "lead", status: "pending" },
    });
  });

  test("an effect that happened although its answer was lost is not repeated", async () => {
    const { body } = await world.bot.post("/v1/handoffs", asking("c-9"));
    await opened(body.handoff.id);
    const [conversation] = world.chatwoot.conversations();
    world.chatwoot.trouble.timeoutAfterDoingTheWork(1, isMessage, "destroy");
    await world.bot.post("/v1/conversations/c-9/messages", { id: "one", text: "sent once" });
    await world.bot.post("/v1/conversations/c-9/messages", { id: "two", text: "and then this" });
    const incoming = () =>
      world.chatwoot
        .messages(conversation!.id)
        .filter((one) => one.messageType === "incoming")
        .map((one) => one.content);
    await eventually(() => incoming().includes("and then this"));
    expect(incoming()).toEqual(["1042. I want a person.", "sent once", "and then this"]);
  });

  test("what an agent wrote keeps the helpdesk's order, however its webhooks arrive, and when none does", async () => {
    const { body } = await world.bot.post("/v1/handoffs", asking("c-10"));
    await opened(body.handoff.id);
    const [conversation] = world.chatwoot.conversations();
    world.chatwoot.trouble.reorderWebhooks(7);
    for (let n = 1; n <= 8; n += 1)
      world.chatwoot.agentReplies(conversation!.id, { agentId: world.chatwoot.agentId, content: `answer ${n}` });
    const said = () =>
      world.callbacks.heard.filter((one) => one.type === "message.created").map((one) => one.data.message.text);
    await eventually(() => said().length === 8);
    expect(said()).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((n) => `answer ${n}`));

    world.chatwoot.trouble.reorderWebhooks(null);
    world.chatwoot.trouble.dropWebhooks(true);
    world.chatwoot.agentReplies(conversation!.id, { agentId: world.chatwoot.agentId, content: "nobody rang" });
    world.advance(60_000);
    await eventually(() => said().includes("nobody rang"));
  });
});

describe("with Baton's own inbox", () => {
  test("live chat without any helpdesk", async () => {
    const agent = await world.agent("Mia");
    const asked = await world.bot.post("/v1/handoffs", asking("i-1"));
    expect(asked.body).toMatchObject({
      handoff: { mode: "live", opened: true, destination: "inbox" },
      control: "human",
    });
    const id = asked.body.handoff.id;
    const waiting = await agent.client.get("/v1/handoffs?status=pending");
    expect(waiting.body.items.map((one: Json) => one.id)).toEqual([id]);
    const seen = await agent.client.get(`/v1/handoffs/${id}/messages`);
    expect(seen.body.items[0]).toMatchObject({ role: "visitor", text: "Where is my order?" });
    expect((await agent.client.post(`/v1/handoffs/${id}/accept`)).body.handoff.status).toBe("acknowledged");
    expect((await agent.client.post(`/v1/handoffs/${id}/messages`, { text: "Hello" })).status).toBe(201);
    await eventually(() => typesHeard().includes("message.created"));
    const other = await world.agent("Leo");
    expect((await other.client.post(`/v1/handoffs/${id}/messages`, { text: "Me too" })).status).toBe(409);
    expect((await agent.client.post(`/v1/handoffs/${id}/release`)).body.handoff.status).toBe("pending");
    expect((await other.client.post(`/v1/handoffs/${id}/accept`)).body.handoff.agent).toBe("Leo");
    const ended = await other.client.post(`/v1/handoffs/${id}/resolve`);
    expect(ended.body).toMatchObject({ handoff: { status: "resolved" }, control: "bot" });
    await eventually(() => typesHeard().includes("handoff.resolved"));
  });

  test("nobody online: a lead, with what is wrong told all at once and consent on record", async () => {
    const asked = await world.bot.post("/v1/handoffs", asking("l-1"));
    expect(asked.status).toBe(201);
    expect(asked.body).toMatchObject({
      handoff: { mode: "lead", status: "pending", destination: null },
      decision: { outcome: "lead", because: "no_agent_online" },
      control: "bot",
    });
    expect(asked.body.reply).toHaveLength(2);
    const { form, handoff } = asked.body;
    expect(form.terms.url).toContain("/terms");
    expect(form.submitUrl).toContain(`/v1/handoffs/${handoff.id}/lead`);
    const visitor = world.as(asked.body.visitorToken);
    const wrong = await visitor.post(`/v1/handoffs/${handoff.id}/lead`, { fields: { name: "", email: "ana@" } });
    expect(wrong.status).toBe(422);
    expect(wrong.body.faults.map((fault: Json) => fault.path).toSorted()).toEqual([
      "fields.email",
      "fields.name",
      "terms.accepted",
    ]);
    await world.settings({
      messages: { en: { custom: "Meanwhile, see our FAQ." } },
      notify: { email: ["team@example.com"] },
    });
    const left = await visitor.post(`/v1/handoffs/${handoff.id}/lead`, {
      fields: { name: "Ana", email: "ana@example.com", phone: "+40 721 234 567" },
      terms: { accepted: true },
    });
    expect(left.status).toBe(201);
    expect(left.body.lead).toMatchObject({
      contact: { name: "Ana", email: "ana@example.com", phone: "+40721234567" },
      consent: { locale: "en", text: expect.any(String), url: expect.stringContaining("/terms") },
    });
    expect(left.body.reply.at(-1)).toEqual({ text: "Meanwhile, see our FAQ." });
    const terms = await fetch(left.body.lead.consent.url);
    expect([terms.status, await terms.text()]).toEqual([200, expect.stringContaining("My business")]);
    await eventually(() => typesHeard().includes("lead.captured"));
    const held = await world.admin.get("/v1/deliveries?state=held");
    expect(held.body.items).toHaveLength(1);
    expect(held.body.items[0].mail).toMatchObject({
      to: "team@example.com",
      text: expect.stringContaining("ana@example.com"),
    });
  });
});
