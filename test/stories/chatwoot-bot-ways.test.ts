import type { IncomingMessage } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ChatwootSimulator } from "../simulators/chatwoot/index.ts";
import { startInside } from "./bot-inside.ts";
import type { Inside } from "./bot-inside.ts";
import { historyOf, reply } from "./steps.ts";
import { eventually } from "./world.ts";

/** A person takes a conversation from the bot inside Chatwoot, or gives it back, at moments that nobody chose well. */

let inside: Inside;
let desk: ChatwootSimulator;
/** Happens once, before Chatwoot works on the next request like this. */
let before: { is: RegExp; happens: () => void } | null;
beforeEach(async () => {
  before = null;
  const intercept = ({ method, url }: IncomingMessage): boolean => {
    const due = before;
    if (due?.is.test(`${method} ${url}`)) {
      before = null;
      due.happens();
    }
    return false;
  };
  inside = await startInside({ chatwoot: { intercept } });
  desk = inside.desk;
});
afterEach(async () => {
  await inside.stop();
  desk.assertNoViolations();
});

const hands = { messages: [{ text: "One moment." }], handoff: { reason: "asked for a person" } };
const greets = (text: string) => inside.bot.answers(() => ({ messages: [{ text }] }));
const posts = (method: string, path: string) => method === "POST" && path.endsWith("/messages");

/** A visitor whom Alex has. */
async function withAlex(): Promise<number> {
  inside.bot.answers(() => hands);
  const { conversationId } = desk.visitorWrites(inside.inboxId, { text: "A person, please" });
  await eventually(() => inside.status(conversationId) === "open");
  desk.assign(conversationId, desk.agentId);
  await inside.becomes(conversationId, { status: "acknowledged" });
  reply(desk, conversationId, "Alex here.");
  await inside.calm();
  greets("Welcome back.");
  return conversationId;
}

/** A visitor whom Mara has, who speaks from Baton's own inbox. */
async function withInbox() {
  const mara = await inside.world.agent("Mara");
  await inside.world.settings({ destinations: ["inbox"] });
  inside.bot.answers(() => ({ messages: [], handoff: true }));
  const { conversationId: id } = desk.visitorWrites(inside.inboxId, { text: "A person, please" });
  await inside.becomes(id, { control: "human" });
  await inside.calm();
  const handoff = `/v1/handoffs/${(await inside.state(id)).handoff.id}`;
  await mara.client.post(`${handoff}/accept`);
  const say = (text: string) => mara.client.post(`${handoff}/messages`, { text });
  return { id, say };
}

describe("the visitor writes just as a person ends it", () => {
  test("before Baton has heard of the end: the bot answers", async () => {
    const id = await withAlex();
    desk.resolve(id, desk.agentId);
    desk.visitorAnswers(id, "One more thing");
    await inside.sees(id, "bot: Welcome back.");
    expect(inside.told(id)).toEqual(["A person, please", "One more thing"]);
    await eventually(() => desk.conversation(id).assigneeId === null);
    expect(inside.status(id)).toBe("pending");
  });

  test("between the two halves of Baton's reading: the bot answers", async () => {
    const id = await withAlex();
    before = {
      is: /^GET .*\/messages/,
      happens() {
        desk.trouble.dropWebhooks(true);
        desk.visitorAnswers(id, "One more thing");
      },
    };
    desk.resolve(id, desk.agentId);
    await inside.becomes(id, { control: "bot" });
    await inside.calm();
    desk.trouble.dropWebhooks(false);
    inside.world.advance(46_000);
    await inside.sees(id, "bot: Welcome back.");
    expect(inside.told(id)).toEqual(["A person, please", "One more thing"]);
  });

  test("given back to the queue with the visitor's question unread by Baton: the bot answers", async () => {
    const id = await withAlex();
    desk.visitorAnswers(id, "And my invoice?");
    desk.setStatus(id, "pending");
    await inside.sees(id, "bot: Welcome back.");
    expect(inside.told(id)).toEqual(["A person, please", "And my invoice?"]);
  });
});

describe("while the visitor leaves contact details", () => {
  test.each([
    ["is assigned", (id: number) => desk.assign(id, desk.agentId)],
    ["opens it", (id: number) => desk.reopen(id, desk.agentId)],
    ["writes", (id: number) => void reply(desk, id, "I am here after all.")],
  ])("a person who %s has it", async (_how, takes) => {
    await inside.world.settings({ agentsAvailable: false });
    inside.bot.answers(() => ({ messages: [], handoff: true }));
    const { conversationId: id } = desk.visitorWrites(inside.inboxId, { text: "A person, please" });
    await eventually(() => desk.visitorSees(id).some((line) => line.interactive === "form"));
    await inside.calm();
    takes(id);
    await inside.becomes(id, { control: "human", mode: "live" });
    await eventually(() => inside.status(id) === "open");
    desk.visitorAnswers(id, "Oh, good");
    await inside.calm();
    expect(inside.told(id)).toEqual(["A person, please"]);
    expect((await historyOf(inside.world, inside.keyOf(id))).at(-1)).toEqual(["visitor", "Oh, good"]);
  });
});

describe("the same person again", () => {
  test("who is assigned once more, after the bot had it back, has it", async () => {
    const id = await withAlex();
    desk.resolve(id, desk.agentId);
    await inside.becomes(id, { control: "bot" });
    await eventually(() => desk.conversation(id).assigneeId === null);
    desk.visitorAnswers(id, "Me again");
    await inside.sees(id, "bot: Welcome back.");
    await inside.calm();
    desk.assign(id, desk.agentId);
    await inside.becomes(id, { control: "human", status: "acknowledged" });
    await eventually(() => inside.status(id) === "open");
    expect(desk.conversation(id).assigneeId).toBe(desk.agentId);
  });
});

describe("Chatwoot refuses to have it opened", () => {
  test("for a person who wrote: it is theirs all the same, and the bot's once they end it", async () => {
    const { conversationId: id } = desk.visitorWrites(inside.inboxId, { text: "Hello" });
    await inside.sees(id, "bot: You said: Hello");
    await inside.calm();
    desk.trouble.failNext(1, { status: 422, match: (method, path) => method === "POST" && /custom_attr/.test(path) });
    reply(desk, id, "Alex here.");
    await inside.becomes(id, { control: "human", status: "acknowledged" });
    await inside.calm();
    expect(inside.status(id)).toBe("pending");
    desk.resolve(id, desk.agentId);
    await inside.becomes(id, { control: "bot" });
    desk.visitorAnswers(id, "Me again");
    await inside.sees(id, "bot: You said: Me again");
  });
});

describe("words of the bot that come too late", () => {
  test("are not said any more once a person has spoken, not even after the bot has it again", async () => {
    desk.trouble.failNext(1, { status: 429, match: posts, headers: { "retry-after": "20" } });
    const { conversationId: id } = desk.visitorWrites(inside.inboxId, { text: "Hello" });
    await eventually(() => desk.requests().some((one) => one.status === 429));
    reply(desk, id, "Hello, Alex here.");
    await inside.becomes(id, { control: "human", status: "acknowledged" });
    const { handoff } = await inside.state(id);
    expect((await inside.world.bot.post(`/v1/handoffs/${handoff.id}/resolve`)).status).toBe(200);
    inside.world.advance(21_000);
    await inside.calm();
    expect(inside.status(id)).toBe("pending");
    expect(inside.seen(id).join("\n")).not.toContain("You said: Hello");
    desk.visitorAnswers(id, "Still there?");
    await inside.sees(id, "bot: You said: Still there?");
  });
});

describe("the team is in Baton's own inbox", () => {
  test.each([
    ["writes", (id: number) => void reply(desk, id, "I'll take this.")],
    ["is assigned", (id: number) => desk.assign(id, desk.agentId)],
  ])("a person in Chatwoot who %s has it there", async (_how, takes) => {
    const { id, say } = await withInbox();
    await say("Mara here.");
    await inside.sees(id, "Mara here.");
    takes(id);
    await eventually(async () => (await inside.state(id)).handoff?.destination === inside.connectionId);
    await inside.becomes(id, { control: "human", status: "acknowledged" });
    await eventually(() => inside.status(id) === "open");
    expect((await say("Me too")).status).toBe(409);
    desk.resolve(id, desk.agentId);
    await inside.becomes(id, { control: "bot" });
    greets("Welcome back.");
    desk.visitorAnswers(id, "Me again");
    await inside.sees(id, "bot: Welcome back.");
  });

  test("opened in Chatwoot and taken by nobody there, it stays with who has it", async () => {
    const { id, say } = await withInbox();
    desk.reopen(id);
    await eventually(() => inside.status(id) === "pending");
    await inside.calm();
    await say("Mara here.");
    await inside.sees(id, "Mara here.");
    expect((await inside.state(id)).handoff).toMatchObject({ destination: "inbox", status: "acknowledged" });
  });
});

describe("met for the first time", () => {
  test("a person had answered in the bot's queue before Baton looked: it is theirs", async () => {
    desk.trouble.dropWebhooks(true);
    const { conversationId: id } = desk.visitorWrites(inside.inboxId, { text: "Hello" });
    reply(desk, id, "Hello, Alex here.");
    await desk.settled();
    desk.trouble.dropWebhooks(false);
    desk.visitorAnswers(id, "Great, my order is late");
    await inside.becomes(id, { control: "human" });
    await eventually(() => inside.status(id) === "open");
    await inside.calm();
    expect(inside.told(id)).toEqual([]);
  });

  test("what another bot had answered is not asked again", async () => {
    const other = desk.addBot({ name: "The bot before" });
    desk.trouble.dropWebhooks(true);
    const { conversationId: id } = desk.visitorWrites(inside.inboxId, { text: "Old question" });
    await fetch(`${desk.url}/api/v1/accounts/${desk.accountId}/conversations/${id}/messages`, {
      method: "POST",
      headers: { "Api-Access-Token": other.token, "Content-Type": "application/json" },
      body: JSON.stringify({ content: "Old answer", message_type: "outgoing" }),
    });
    await desk.settled();
    desk.trouble.dropWebhooks(false);
    desk.visitorAnswers(id, "New question");
    await inside.sees(id, "bot: You said: New question");
    expect(inside.told(id)).toEqual(["New question"]);
  });

  test("hundreds of old messages: the newest reach the bot", async () => {
    desk.trouble.dropWebhooks(true);
    const { conversationId: id } = desk.visitorWrites(inside.inboxId, { text: "line 0" });
    for (let n = 1; n < 640; n += 1) {
      if (n % 150 === 0) inside.world.advance(61_000);
      desk.visitorAnswers(id, `line ${n}`);
    }
    await desk.settled();
    desk.trouble.dropWebhooks(false);
    desk.visitorAnswers(id, "the last line");
    await inside.sees(id, "bot: You said: the last line");
    expect(inside.bot.turns).toHaveLength(1);
  });
});
