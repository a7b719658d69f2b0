import { afterEach, describe, expect, test } from "vitest";
import type { Log } from "../../src/ports.ts";
import type { ChatwootSimulator } from "../simulators/chatwoot/index.ts";
import { startInside } from "./bot-inside.ts";
import type { Inside } from "./bot-inside.ts";
import { historyOf, notes, reply } from "./steps.ts";
import { botInside } from "./turn-bot.ts";
import { eventually } from "./world.ts";

/** The bot inside Chatwoot when things go wrong around it: floods, floods of trouble, settings that change underneath. */

let inside: Inside;
let desk: ChatwootSimulator;
const start = async (options: Parameters<typeof startInside>[0] = {}) => {
  inside = await startInside(options);
  desk = inside.desk;
};
afterEach(async () => {
  await inside.stop();
  desk.assertNoViolations();
});

const posts = (method: string, path: string) => method === "POST" && path.endsWith("/messages");
const writes = (text = "Hello") => desk.visitorWrites(inside.inboxId, { text }).conversationId;
const botSays = (id: number) => inside.seen(id).filter((line) => line.startsWith("bot: "));

describe("a flood", () => {
  test("twenty messages in a second, with webhooks doubled and shuffled: each reaches the bot once, in order", async () => {
    await start();
    desk.trouble.duplicateWebhooks(true);
    desk.trouble.reorderWebhooks(7);
    inside.bot.answers(({ says }) => ({ messages: [{ text: says.join(",") }] }));
    const id = writes("0");
    const wanted = ["0"];
    for (let n = 1; n < 20; n += 1) {
      desk.visitorAnswers(id, String(n));
      wanted.push(String(n));
    }
    await eventually(() => inside.told(id).length === 20);
    await inside.calm();
    expect(inside.told(id)).toEqual(wanted);
    expect(
      botSays(id)
        .map((line) => line.slice(5))
        .join(",")
        .split(","),
    ).toEqual(wanted);
  });

  test("many visitors at once: each has the answer to their own words", async () => {
    await start();
    const ids = Array.from({ length: 12 }, (_, n) =>
      desk.visitorWrites(inside.inboxId, { text: `from ${n}`, visitor: `visitor ${n}` }),
    );
    for (const [n, { conversationId }] of ids.entries()) await inside.sees(conversationId, `bot: You said: from ${n}`);
    await inside.calm();
    for (const { conversationId } of ids) expect(botSays(conversationId)).toHaveLength(1);
  });

  test("a file and no words is asked about", async () => {
    await start();
    const attachments = [{ name: "photo.png", type: "image/png", bytes: new Uint8Array([1, 2, 3]) }];
    const { conversationId } = desk.visitorWrites(inside.inboxId, { text: "", attachments });
    await inside.sees(conversationId, "bot: You said: ");
    expect(inside.told(conversationId)).toEqual([""]);
  });
});

describe("Chatwoot in trouble", () => {
  test("answers once, whatever happens to the posting of them", async () => {
    await start();
    desk.trouble.timeoutAfterDoingTheWork(1, posts, "destroy");
    const id = writes();
    await eventually(() => botSays(id).length > 0);
    for (let n = 0; n < 3; n += 1) {
      inside.world.advance(20_000);
      await inside.calm();
    }
    expect(botSays(id)).toEqual(["bot: You said: Hello"]);
  });

  test("down while the visitor writes: what was heard is answered when it is back", async () => {
    await start();
    const id = writes();
    await inside.sees(id, "bot: You said: Hello");
    await inside.calm();
    desk.trouble.failNext(3, { status: 503 });
    desk.visitorAnswers(id, "Still there?");
    await inside.sees(id, "bot: You said: Still there?");
    await inside.calm();
    expect(inside.told(id)).toEqual(["Hello", "Still there?"]);
  });

  test("a deleted conversation holds up nobody else", async () => {
    await start();
    inside.bot.answers(() => ({ messages: [{ text: "One moment." }], handoff: true }));
    const { conversationId: gone } = desk.visitorWrites(inside.inboxId, { text: "A person", visitor: "one" });
    await eventually(() => inside.status(gone) === "open");
    desk.deleteConversation(gone);
    inside.bot.answers(() => ({ messages: [{ text: "Yes?" }] }));
    const { conversationId: other } = desk.visitorWrites(inside.inboxId, { text: "Hi", visitor: "two" });
    await inside.sees(other, "bot: Yes?");
    expect(inside.told(other)).toEqual(["Hi"]);
  });
});

describe("somebody else changes things", () => {
  test("the connection is made anew: the bot goes on where it was, and hears nothing twice", async () => {
    await start();
    const id = writes();
    await inside.sees(id, "bot: You said: Hello");
    await inside.calm();
    await inside.world.settings({ destinations: ["inbox"] });
    expect((await inside.world.admin.delete(`/v1/connections/${inside.connectionId}`)).status).toBeLessThan(300);
    // As taking the connection down does: a bot that nobody answers for has its conversations opened by Chatwoot.
    for (const { id: botId, inboxIds } of desk.bots()) if (inboxIds.includes(inside.inboxId)) desk.deleteBot(botId);
    await botInside(inside.world, desk, inside.inboxId);
    desk.visitorAnswers(id, "And now?");
    await inside.sees(id, "bot: You said: And now?");
    await inside.calm();
    expect(inside.bot.turns.flatMap((turn) => turn.says)).toEqual(["Hello", "And now?"]);
    expect(inside.bot.turns.at(-1)?.history).toEqual(["visitor: Hello", "bot: You said: Hello"]);
  });

  test("the message URL is cleared: a person is called", async () => {
    await start();
    await inside.world.admin.patch(`/v1/bots/${inside.world.first.botId}`, { messageUrl: null });
    const id = writes();
    await eventually(() => inside.status(id) === "open");
    expect(inside.bot.turns).toEqual([]);
    expect(inside.seen(id).at(-1)).toBe("bot: I am connecting you with a person.");
  });

  test("the schedule closes while the bot thinks: no person is promised, details are asked for", async () => {
    await start();
    let answer: (() => void) | null = null;
    inside.bot.answers(
      () => new Promise((resolve) => (answer = () => resolve({ messages: [{ text: "One moment." }], handoff: true }))),
    );
    const id = writes("A person, please");
    await eventually(() => answer);
    await inside.world.settings({ agentsAvailable: false });
    answer!();
    await eventually(() => desk.visitorSees(id).some((line) => line.interactive === "form"));
    expect(inside.seen(id).join("\n")).not.toContain("connecting you");
    expect(inside.status(id)).toBe("pending");
  });

  test("handoffs are switched off while the bot thinks: it asks for nobody, and goes on", async () => {
    await start();
    await inside.world.settings({ enabled: false });
    inside.bot.answers(() => ({ messages: [{ text: "Let me see." }], handoff: true }));
    const id = writes("A person, please");
    await inside.sees(id, "Let me see.");
    await inside.calm();
    expect(inside.status(id)).toBe("pending");
    inside.bot.answers(() => ({ messages: [{ text: "Here I am." }] }));
    desk.visitorAnswers(id, "Hello?");
    await inside.sees(id, "Here I am.");
  });

  test("contact details are asked for before every chat: no prompt without its form", async () => {
    await start();
    await inside.world.settings({ contactForm: "always" });
    inside.bot.answers(() => ({ messages: [], handoff: true }));
    const id = writes("A person, please");
    await eventually(() => inside.status(id) === "open");
    await inside.calm();
    const prompts = inside.seen(id).filter((line) => line.includes("Leave your details")).length;
    const forms = desk.visitorSees(id).filter((line) => line.interactive === "form").length;
    expect([prompts > 0, forms]).toEqual([true, 1]);
    const form = desk.visitorSees(id).find((line) => line.interactive === "form")!;
    desk.visitorSubmitsForm(form.messageId, { name: "Ana", email: "ana@example.com", terms: "yes" });
    await eventually(async () => (await inside.world.admin.get("/v1/leads")).body.items.length === 1);
    await inside.calm();
    expect(inside.status(id)).toBe("open");
    expect(await inside.state(id)).toMatchObject({ control: "human", handoff: { mode: "live" } });
    expect(notes(desk, id)).toContain("ana@example.com");
  });
});

describe("the bot asks for a person in two ways", () => {
  test("by its answer and by the API at once: one handoff, opened once, told once", async () => {
    await start();
    inside.bot.answers(async ({ conversationId }) => {
      await inside.world.bot.post("/v1/handoffs", { conversation: { id: conversationId } });
      return { messages: [{ text: "One moment." }], handoff: true };
    });
    const id = writes("A person, please");
    await eventually(() => inside.status(id) === "open");
    await inside.calm();
    expect(desk.botHandoffs()).toHaveLength(1);
    expect(botSays(id)).toEqual(["bot: I am connecting you with a person."]);
    reply(desk, id, "Alex here.");
    await inside.becomes(id, { status: "acknowledged" });
    expect((await historyOf(inside.world, inside.keyOf(id))).filter(([role]) => role === "bot")).toEqual([]);
  });
});

describe("logs", () => {
  test("hold nothing of what was said, by whom and with which key", async () => {
    const lines: string[] = [];
    const keep = (...told: unknown[]) => void lines.push(JSON.stringify(told));
    const log: Log = { debug: keep, info: keep, warn: keep, error: keep, with: () => log };
    await start({ log });
    inside.bot.answers(() => ({ messages: [{ text: "bot-canary" }], handoff: { reason: "reason-canary" } }));
    const { conversationId: id } = desk.visitorWrites(inside.inboxId, {
      text: "words-canary",
      name: "Name-Canary",
      email: "canary@example.com",
    });
    await eventually(() => inside.status(id) === "open");
    reply(desk, id, "agent-canary");
    await inside.becomes(id, { status: "acknowledged" });
    inside.bot.answers(() => ({ nonsense: true as const }));
    desk.resolve(id, desk.agentId);
    desk.visitorAnswers(id, "words-canary again");
    await eventually(() => inside.status(id) === "open");
    await inside.calm();
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join("\n")).not.toMatch(/canary/i);
  });
});
