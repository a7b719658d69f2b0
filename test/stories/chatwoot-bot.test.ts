import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ChatwootSimulator } from "../simulators/chatwoot/index.ts";
import { becomes, historyOf, notes, reply, stateOf } from "./steps.ts";
import { botInside, startTurnBot } from "./turn-bot.ts";
import type { TurnBot } from "./turn-bot.ts";
import { eventually, startWorld } from "./world.ts";
import type { World } from "./world.ts";

/** The bot inside Chatwoot's own inboxes: it answers first, a person takes over in the same conversation, and it comes back. */

let world: World;
let desk: ChatwootSimulator;
let bot: TurnBot;
let connectionId: string;

beforeEach(async () => {
  world = await startWorld({ chatwoot: { botRetryMs: 50 } });
  desk = world.chatwoot;
  desk.setAvailability(desk.agentId, "online");
  bot = await startTurnBot(
    () => world.first.botSigningSecret,
    () => world.clock(),
  );
  await world.admin.patch(`/v1/bots/${world.first.botId}`, { messageUrl: bot.url });
});
afterEach(async () => {
  await bot.stop();
  await world.stop();
  desk.assertNoViolations();
});

async function website(): Promise<number> {
  const inbox = desk.addWebsiteInbox();
  connectionId = await botInside(world, desk, inbox);
  return inbox;
}

const keyOf = (conversationId: number): string => `${connectionId}:${conversationId}`;
const seen = (conversationId: number): string[] =>
  desk.visitorSees(conversationId).map((line) => `${line.by}: ${line.text}`);
const sees = (conversationId: number, text: string) =>
  eventually(() => seen(conversationId).some((line) => line.includes(text)));
const status = (conversationId: number) => desk.conversation(conversationId).status;
const allDone = () =>
  eventually(async () => {
    const { body } = await world.admin.get("/v1/deliveries?limit=100");
    return body.items.every((one: { state: string }) => ["done", "dead"].includes(one.state)) && body.items.length > 0;
  });

describe("while the bot has the conversation", () => {
  test("it is asked what the visitor wrote, and says what it answered, once", async () => {
    const inbox = await website();
    const { conversationId } = desk.visitorWrites(inbox, { text: "Where is my order?", name: "Ana" });
    await sees(conversationId, "bot: You said: Where is my order?");
    desk.visitorAnswers(conversationId, "And my invoice?");
    await sees(conversationId, "You said: And my invoice?");
    await allDone();
    expect(bot.turns.map((turn) => turn.says)).toEqual([["Where is my order?"], ["And my invoice?"]]);
    expect(bot.turns[1]?.history).toEqual(["visitor: Where is my order?", "bot: You said: Where is my order?"]);
    expect(seen(conversationId)).toEqual([
      "visitor: Where is my order?",
      "bot: You said: Where is my order?",
      "visitor: And my invoice?",
      "bot: You said: And my invoice?",
    ]);
    expect(status(conversationId)).toBe("pending");
    expect(await historyOf(world, keyOf(conversationId))).toEqual([
      ["visitor", "Where is my order?"],
      ["bot", "You said: Where is my order?"],
      ["visitor", "And my invoice?"],
      ["bot", "You said: And my invoice?"],
    ]);
  });

  test("it may answer later, by the API", async () => {
    const inbox = await website();
    bot.answers(() => ({ status: 202 }));
    const { conversationId } = desk.visitorWrites(inbox, { text: "Hello" });
    const turn = await eventually(() => bot.turns[0]);
    const said = await world.bot.post(`/v1/conversations/${encodeURIComponent(turn.conversationId)}/messages`, {
      role: "bot",
      text: "Here I am.",
      epoch: turn.epoch,
    });
    expect(said.status).toBe(201);
    await sees(conversationId, "bot: Here I am.");
    world.advance(31_000);
    await allDone();
    expect(status(conversationId)).toBe("pending");
  });
});

describe("a person takes over", () => {
  const hands = {
    messages: [{ text: "One moment." }],
    handoff: { reason: "asked for a person", summary: "Order 1042" },
  };

  test("the conversation is opened in the way that counts, after the visitor was told; the bot hears nothing more", async () => {
    const inbox = await website();
    bot.answers(() => hands);
    const { conversationId } = desk.visitorWrites(inbox, { text: "A person, please" });
    await eventually(() => status(conversationId) === "open");
    expect(seen(conversationId)).toEqual([
      "visitor: A person, please",
      "bot: One moment.",
      "bot: I am connecting you with a person.",
    ]);
    expect(desk.botHandoffs()).toMatchObject([{ conversationId }]);
    expect(desk.notifications()).toMatchObject([{ because: "bot_handoff", conversationId }]);
    expect(notes(desk, conversationId)).toContain("Order 1042");
    desk.visitorAnswers(conversationId, "Are you there?");
    reply(desk, conversationId, "Hello, Alex here.");
    await becomes(world, keyOf(conversationId), { control: "human", status: "acknowledged" });
    await eventually(async () => (await historyOf(world, keyOf(conversationId))).at(-1)?.[1] === "Hello, Alex here.");
    await allDone();
    expect(bot.turns).toHaveLength(1);
    const refused = await world.bot.post(`/v1/conversations/${encodeURIComponent(keyOf(conversationId))}/messages`, {
      role: "bot",
      text: "Me too!",
    });
    expect(refused.status).toBe(409);
    // The agent's words stand once in Chatwoot.
    expect(seen(conversationId).filter((line) => line.includes("Alex here"))).toHaveLength(1);
  });

  test("resolved by the agent, it is the bot's again when the visitor comes back, and nobody's", async () => {
    const inbox = await website();
    bot.answers(() => hands);
    const { conversationId } = desk.visitorWrites(inbox, { text: "A person, please" });
    await eventually(() => status(conversationId) === "open");
    desk.assign(conversationId, desk.agentId);
    await becomes(world, keyOf(conversationId), { status: "acknowledged" });
    desk.resolve(conversationId, desk.agentId);
    await becomes(world, keyOf(conversationId), { control: "bot" });
    await eventually(() => desk.conversation(conversationId).assigneeId === null);
    bot.answers(() => ({ messages: [{ text: "Welcome back." }] }));
    desk.visitorAnswers(conversationId, "One more thing");
    await sees(conversationId, "bot: Welcome back.");
    expect(status(conversationId)).toBe("pending");
    expect((await stateOf(world, keyOf(conversationId))).handoff?.status ?? null).not.toBe("pending");
  });

  test("a person who simply writes has it, and it is opened for them", async () => {
    const inbox = await website();
    const { conversationId } = desk.visitorWrites(inbox, { text: "Hello" });
    await sees(conversationId, "You said: Hello");
    reply(desk, conversationId, "I'll take this one.");
    await becomes(world, keyOf(conversationId), { control: "human", status: "acknowledged" });
    await eventually(() => status(conversationId) === "open");
    desk.visitorAnswers(conversationId, "Great");
    await eventually(async () => (await historyOf(world, keyOf(conversationId))).at(-1)?.[1] === "Great");
    await allDone();
    expect(bot.turns).toHaveLength(1);
  });

  test("given back to the bot's queue: it speaks again", async () => {
    const inbox = await website();
    bot.answers(() => hands);
    const { conversationId } = desk.visitorWrites(inbox, { text: "A person, please" });
    await eventually(() => status(conversationId) === "open");
    desk.assign(conversationId, desk.agentId);
    await becomes(world, keyOf(conversationId), { status: "acknowledged" });
    desk.setStatus(conversationId, "pending");
    await becomes(world, keyOf(conversationId), { control: "bot" });
    await sees(conversationId, "The chat with our team has ended.");
    expect(desk.conversation(conversationId).assigneeId).toBeNull();
    bot.answers(() => ({ messages: [{ text: "Back again." }] }));
    desk.visitorAnswers(conversationId, "ok");
    await sees(conversationId, "bot: Back again.");
  });

  test("nobody accepts in time: the visitor is told, and the bot goes on", async () => {
    const inbox = await website();
    bot.answers(() => hands);
    const { conversationId } = desk.visitorWrites(inbox, { text: "A person, please" });
    await eventually(() => status(conversationId) === "open");
    await becomes(world, keyOf(conversationId), { control: "human" });
    world.advance(301_000);
    await sees(conversationId, "nobody from our team could take over just now");
    expect(status(conversationId)).toBe("pending");
    await becomes(world, keyOf(conversationId), { control: "bot", mode: "lead" });
  });
});

describe("the team is elsewhere", () => {
  test("an agent at Baton's own inbox speaks with the visitor in Chatwoot", async () => {
    const inbox = await website();
    const agent = await world.agent("Mara");
    await world.settings({ destinations: ["inbox"] });
    bot.answers(() => ({ messages: [], handoff: true }));
    const { conversationId } = desk.visitorWrites(inbox, { text: "A person, please" });
    const key = encodeURIComponent(keyOf(conversationId));
    await becomes(world, keyOf(conversationId), { control: "human" });
    const { body } = await world.bot.get(`/v1/conversations/${key}`);
    const handoff = `/v1/handoffs/${body.handoff.id}`;
    await agent.client.post(`${handoff}/accept`);
    await agent.client.post(`${handoff}/messages`, { text: "Hello, Mara here." });
    await sees(conversationId, "Hello, Mara here.");
    desk.visitorAnswers(conversationId, "Hi Mara");
    await eventually(async () => (await historyOf(world, keyOf(conversationId))).at(-1)?.[1] === "Hi Mara");
    await agent.client.post(`${handoff}/resolve`);
    await sees(conversationId, "The chat with our team has ended.");
    expect(seen(conversationId).filter((line) => line.includes("Mara here"))).toHaveLength(1);
    expect(bot.turns).toHaveLength(1);
    expect(status(conversationId)).toBe("pending");
  });
});

describe("who has it in Chatwoot", () => {
  test("a person who is assigned while the bot has it takes it over", async () => {
    const inbox = await website();
    const { conversationId } = desk.visitorWrites(inbox, { text: "Hello" });
    await sees(conversationId, "You said: Hello");
    desk.assign(conversationId, desk.agentId);
    await becomes(world, keyOf(conversationId), { control: "human", status: "acknowledged" });
    await eventually(() => status(conversationId) === "open");
    expect(desk.conversation(conversationId).assigneeId).toBe(desk.agentId);
  });

  test("a conversation that the team has already is left alone until it comes back", async () => {
    const inbox = desk.addWebsiteInbox();
    const { conversationId } = desk.visitorWrites(inbox, { text: "From before the bot" });
    connectionId = await botInside(world, desk, inbox);
    reply(desk, conversationId, "I have this.");
    desk.visitorAnswers(conversationId, "Good");
    await desk.settled();
    desk.resolve(conversationId, desk.agentId);
    await desk.settled();
    expect(bot.turns).toEqual([]);
    desk.visitorAnswers(conversationId, "Me again");
    await sees(conversationId, "You said: Me again");
    expect(bot.turns.map((turn) => turn.says)).toEqual([["Good", "Me again"]]);
    expect(bot.turns[0]?.history).toContain("agent: I have this.");
  });
});

describe("other inboxes", () => {
  test.each(["whatsapp", "email"] as const)(
    "on %s nothing of ours looks as if it came from the channel",
    async (kind) => {
      const inbox = kind === "whatsapp" ? desk.addWhatsAppInbox() : desk.addEmailInbox();
      connectionId = await botInside(world, desk, inbox);
      const { conversationId } = desk.visitorWrites(inbox, {
        text: "Hello",
        phone: "+40721234567",
        email: "ana@example.com",
      });
      await sees(conversationId, "You said: Hello");
      expect(desk.notDelivered()).toEqual([]);
      const { body } = await world.bot.get(`/v1/conversations/${encodeURIComponent(keyOf(conversationId))}`);
      expect(body.channel).toEqual({ type: kind, id: null });
    },
  );
});

describe("a bot that fails", () => {
  test.each([
    ["is down", () => ({ status: 500 })],
    ["answers nonsense", () => ({ nonsense: true as const })],
    ["hangs up", () => "drop" as const],
  ])("one that %s leads to a person", async (_how, answer) => {
    const inbox = await website();
    bot.answers(answer);
    const { conversationId } = desk.visitorWrites(inbox, { text: "Hello?" });
    await eventually(() => status(conversationId) === "open");
    await sees(conversationId, "I am connecting you with a person.");
    expect(notes(desk, conversationId)).toContain("The bot did not answer");
    expect(bot.turns.length).toBeLessThanOrEqual(2);
  });

  test("an answer that somebody else signed is not said", async () => {
    const inbox = await website();
    bot.signsWith("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    const { conversationId } = desk.visitorWrites(inbox, { text: "Hello?" });
    await eventually(() => status(conversationId) === "open");
    expect(seen(conversationId).join("\n")).not.toContain("You said");
  });
});

describe("news that gets lost", () => {
  test("a webhook that never came costs a minute, not an answer", async () => {
    const inbox = await website();
    desk.trouble.dropWebhooks(true);
    const { conversationId } = desk.visitorWrites(inbox, { text: "Anybody there?" });
    await desk.settled();
    desk.trouble.dropWebhooks(false);
    expect(bot.turns).toEqual([]);
    world.advance(46_000);
    await sees(conversationId, "You said: Anybody there?");
    world.advance(46_000);
    world.advance(46_000);
    await allDone();
    expect(bot.turns).toHaveLength(1);
  });

  test("the program stops between question and answer: the answer comes once", async () => {
    const inbox = await website();
    let release: (() => void) | null = null;
    bot.answers(
      () =>
        new Promise((resolve) => {
          release = () => resolve({ messages: [{ text: "Late, but here." }] });
        }),
    );
    const { conversationId } = desk.visitorWrites(inbox, { text: "Hello" });
    await eventually(() => release);
    await world.restart(0);
    bot.answers(() => ({ messages: [{ text: "Late, but here." }] }));
    world.advance(15_000);
    await sees(conversationId, "Late, but here.");
    await allDone();
    expect(seen(conversationId)).toEqual(["visitor: Hello", "bot: Late, but here."]);
    expect(new Set(bot.turns.map((turn) => turn.id)).size).toBe(1);
  });
});

describe("Chatwoot's five seconds", () => {
  test("a bot that never answers flips nothing: each webhook is answered at once, and a person is called", async () => {
    const inbox = await website();
    bot.answers(() => "never");
    const { conversationId } = desk.visitorWrites(inbox, { text: "Hello?" });
    await eventually(() => bot.turns[0]);
    await desk.settled();
    expect(desk.webhooksSent().map((sent) => sent.status)).toEqual(desk.webhooksSent().map(() => 200));
    expect(status(conversationId)).toBe("pending");
    await eventually(() => status(conversationId) === "open", 30_000);
    expect(desk.botHandoffs()).toMatchObject([{ conversationId }]);
    expect(notes(desk, conversationId)).toContain("The bot did not answer");
  }, 40_000);
});
