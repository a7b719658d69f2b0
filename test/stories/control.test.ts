import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  ask,
  askedAndOpened,
  asking,
  becomes,
  heard,
  historyOf,
  notes,
  reply,
  stateOf,
  typesHeard,
  visitorSays,
} from "./steps.ts";
import { client, eventually, startWorld } from "./world.ts";
import type { World } from "./world.ts";

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(async () => {
  world.chatwoot.assertNoViolations();
  await world.stop();
});

const botSays = (id: string, text: string, more: Record<string, unknown> = {}) =>
  world.bot.post(`/v1/conversations/${id}/messages`, { role: "bot", text, ...more });

describe("who may speak", () => {
  test("pauseBot on_accept: the bot speaks until a person accepts, and the agent reads its words as a note", async () => {
    await world.connectChatwoot(world.chatwoot, { pauseBot: "on_accept" });
    const { body } = await ask(world, "c-1");
    expect(body).toMatchObject({ control: "bot", epoch: 1, handoff: { mode: "live" } });
    expect(body.guidance).toContain("You may go on helping");
    expect((await botSays("c-1", "Meanwhile: have you checked your spam folder?", { epoch: 1 })).status).toBe(201);
    await visitorSays(world, "c-1", "Yes I have.");
    const [conversation] = await eventually(() => {
      const found = world.chatwoot.conversations();
      return found[0] && notes(world.chatwoot, found[0].id).includes("spam folder") ? found : null;
    });
    await eventually(() => world.chatwoot.messages(conversation!.id).some((one) => one.content === "Yes I have."));
    expect(notes(world.chatwoot, conversation!.id)).not.toContain("Yes I have.");
    world.chatwoot.assign(conversation!.id, world.chatwoot.agentId);
    await becomes(world, "c-1", { control: "human", status: "acknowledged" });
    expect((await botSays("c-1", "Still me!")).body.code).toBe("human_in_control");
  });

  test("a turn begun before a takeover is stale after the return, and one begun after is not", async () => {
    await world.connectChatwoot();
    const id = await askedAndOpened(world, "c-2");
    expect((await botSays("c-2", "late", { epoch: 1 })).body.code).toBe("human_in_control");
    await world.bot.post(`/v1/handoffs/${id}/resolve`);
    const stale = await botSays("c-2", "late", { epoch: 1 });
    expect([stale.status, stale.body.code]).toEqual([409, "stale_turn"]);
    expect((await botSays("c-2", "later", { epoch: 2 })).body.code).toBe("stale_turn");
    expect((await botSays("c-2", "fresh", { epoch: 3 })).status).toBe(201);
    expect((await historyOf(world, "c-2")).filter(([role]) => role === "bot")).toEqual([
      ["bot", "Which number does it have?"],
      ["bot", "fresh"],
    ]);
  });

  test("bot lines in a history sent while a person has control are stored nowhere", async () => {
    await world.connectChatwoot();
    await askedAndOpened(world, "c-3");
    const more = { role: "bot", text: "smuggled", id: "m9" };
    const { messages } = asking("c-3").conversation;
    await ask(world, "c-3", { messages: [...messages, more] });
    await world.bot.put("/v1/conversations/c-3", { messages: [...messages, more] });
    expect((await historyOf(world, "c-3")).map(([, text]) => text)).not.toContain("smuggled");
  });

  test("a visitor's token writes as the visitor, in its own conversation only", async () => {
    await world.agent("Mia");
    const { body } = await ask(world, "c-4");
    await ask(world, "c-5");
    const visitor = world.as(body.visitorToken);
    expect((await visitor.post("/v1/conversations/c-4/messages", { text: "hello" })).status).toBe(201);
    for (const role of ["bot", "agent", "system"]) {
      const refused = await visitor.post("/v1/conversations/c-4/messages", { role, text: "I am not me" });
      expect([403, 422]).toContain(refused.status);
    }
    const foreign = await Promise.all([
      visitor.post("/v1/conversations/c-5/messages", { text: "hello" }),
      visitor.get("/v1/conversations/c-5"),
      visitor.get("/v1/conversations/c-5/messages"),
      visitor.get("/v1/conversations/c-5/events"),
      visitor.get("/v1/conversations/nobody-knows"),
    ]);
    expect(foreign.map((one) => [one.status, one.body.code])).toEqual(foreign.map(() => [404, "not_found"]));
    const other = (await world.bot.get("/v1/conversations/c-5")).body.handoff.id;
    expect((await visitor.get(`/v1/handoffs/${other}`)).status).toBe(404);
    expect((await visitor.post(`/v1/handoffs/${other}/resolve`)).status).toBe(404);
    const denied = await Promise.all([
      visitor.post("/v1/handoffs", asking("c-4")),
      visitor.get("/v1/handoffs"),
      visitor.post(`/v1/handoffs/${body.handoff.id}/accept`),
      visitor.put("/v1/conversations/c-4", {}),
      visitor.get("/v1/leads"),
      visitor.get("/v1/connections"),
    ]);
    expect(denied.map((one) => one.status)).toEqual([403, 403, 403, 403, 403, 403]);
    expect((await client(world.baton.baseUrl(), null).get("/v1/conversations/c-4")).status).toBe(401);
  });

  test("an agent label stands for the agent's name in all that visitor and bot hear", async () => {
    await world.connectChatwoot(world.chatwoot, { agentLabel: "Support team" });
    const id = await askedAndOpened(world, "c-6");
    const [conversation] = world.chatwoot.conversations();
    world.chatwoot.assign(conversation!.id, world.chatwoot.agentId);
    await becomes(world, "c-6", { status: "acknowledged" });
    reply(world.chatwoot, conversation!.id, "Hello");
    await heard(world, "message.created");
    world.chatwoot.resolve(conversation!.id, world.chatwoot.agentId);
    await heard(world, "handoff.resolved");
    const told = JSON.stringify([
      world.callbacks.heard,
      (await world.bot.get(`/v1/handoffs/${id}`)).body.events,
      await historyOf(world, "c-6"),
    ]);
    expect(told).toContain("Support team has joined the chat.");
    expect(told).not.toContain("Alex");
  });
});

describe("limits", () => {
  test("idle too long: resolved, the bot resumes, and Chatwoot's conversation is closed", async () => {
    await world.connectChatwoot(world.chatwoot, { idleMinutes: 10 });
    await askedAndOpened(world, "i-1");
    const [conversation] = world.chatwoot.conversations();
    reply(world.chatwoot, conversation!.id, "Hi");
    await becomes(world, "i-1", { status: "acknowledged" });
    world.advance(9 * 60_000);
    await visitorSays(world, "i-1", "still here");
    world.advance(9 * 60_000);
    await eventually(() => world.chatwoot.messages(conversation!.id).some((one) => one.content === "still here"));
    expect((await stateOf(world, "i-1")).control).toBe("human");
    world.advance(2 * 60_000);
    expect((await heard(world, "handoff.resolved")).data.because).toBe("idle");
    await becomes(world, "i-1", { control: "bot", status: "resolved" });
    await eventually(() => world.chatwoot.conversation(conversation!.id).status === "resolved");
    expect((await botSays("i-1", "Back to me.")).status).toBe(201);
  });

  test("queueLimit: with that many waiting a new one is a lead, and none when one was taken", async () => {
    const agent = await world.agent("Mia");
    await world.settings({ queueLimit: 2 });
    const first = await ask(world, "q-1");
    await ask(world, "q-2");
    const third = await ask(world, "q-3");
    expect(third.body.decision).toMatchObject({ outcome: "lead", because: "queue_full" });
    expect((await ask(world, "q-1")).body.decision).toMatchObject({ outcome: "live", because: "already_open" });
    await agent.client.post(`/v1/handoffs/${first.body.handoff.id}/accept`);
    const again = await ask(world, "q-3");
    expect([again.status, again.body.decision.outcome, again.body.handoff.id]).toEqual([
      200,
      "live",
      third.body.handoff.id,
    ]);
  });

  test("an accepted handoff given back must be accepted again within the limit", async () => {
    const agent = await world.agent("Mia");
    await world.settings({ acceptWithinSeconds: 60 });
    const { body } = await ask(world, "r-1");
    await agent.client.post(`/v1/handoffs/${body.handoff.id}/accept`);
    world.advance(120_000);
    await agent.client.post(`/v1/handoffs/${body.handoff.id}/release`);
    expect(await stateOf(world, "r-1")).toMatchObject({
      control: "human",
      handoff: { status: "pending", mode: "live" },
    });
    world.advance(59_000);
    await ask(world, "r-2");
    expect(await stateOf(world, "r-1")).toMatchObject({ handoff: { mode: "live" } });
    world.advance(2_000);
    await becomes(world, "r-1", { control: "bot", mode: "lead" });
  });
});

describe("callbacks", () => {
  test("come in order although the bot fails, each under its own id, and nothing is told twice", async () => {
    const agent = await world.agent("Mia");
    world.callbacks.failNext(3, 500);
    const { body } = await ask(world, "k-1");
    const { id } = body.handoff;
    await agent.client.post(`/v1/handoffs/${id}/accept`);
    for (let n = 1; n <= 5; n += 1) await agent.client.post(`/v1/handoffs/${id}/messages`, { text: `answer ${n}` });
    await agent.client.post(`/v1/handoffs/${id}/resolve`);
    await eventually(() => {
      world.advance(1_000);
      return typesHeard(world).includes("handoff.resolved");
    });
    expect(typesHeard(world)).toEqual([
      "control.changed",
      "handoff.opened",
      "handoff.acknowledged",
      ...Array.from({ length: 5 }, () => "message.created"),
      "control.changed",
      "handoff.resolved",
    ]);
    const said = world.callbacks.heard.filter((one) => one.type === "message.created");
    expect(said.map((one) => one.data.message.text)).toEqual([1, 2, 3, 4, 5].map((n) => `answer ${n}`));
    expect(new Set(world.callbacks.heard.map((one) => one.id)).size).toBe(10);
    const seen = (await world.bot.get(`/v1/handoffs/${id}`)).body.events.map((one: { id: string }) => one.id);
    for (const { id: eventId } of world.callbacks.heard) expect(seen).toContain(eventId);
  });

  test("go on after a restart where they stopped", async () => {
    const agent = await world.agent("Mia");
    world.callbacks.failNext(1_000, 503);
    const { body } = await ask(world, "k-2");
    await agent.client.post(`/v1/handoffs/${body.handoff.id}/messages`, { text: "one" });
    await world.restart();
    await agent.client.post(`/v1/handoffs/${body.handoff.id}/messages`, { text: "two" });
    world.callbacks.failNext(0, 503);
    await eventually(() => {
      world.advance(5_000);
      return typesHeard(world).filter((type) => type === "message.created").length === 2;
    });
    expect(typesHeard(world)).toEqual([
      "control.changed",
      "handoff.opened",
      "handoff.acknowledged",
      "message.created",
      "message.created",
    ]);
  });
});
