import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ChatwootSimulator } from "../simulators/chatwoot/index.ts";
import { notes } from "./steps.ts";
import { botInside, startTurnBot } from "./turn-bot.ts";
import type { TurnBot } from "./turn-bot.ts";
import { eventually, startWorld } from "./world.ts";
import type { World } from "./world.ts";

/** Nobody is there: visitors of Chatwoot's own inboxes leave their details, in a form on the website, by questions elsewhere. */

let world: World;
let desk: ChatwootSimulator;
let bot: TurnBot;

beforeEach(async () => {
  world = await startWorld({ chatwoot: { botRetryMs: 50 } });
  desk = world.chatwoot;
  bot = await startTurnBot(
    () => world.first.botSigningSecret,
    () => world.clock(),
  );
  await world.admin.patch(`/v1/bots/${world.first.botId}`, { messageUrl: bot.url });
  bot.answers(() => ({ messages: [], handoff: true }));
  await world.settings({ agentsAvailable: false });
});
afterEach(async () => {
  await bot.stop();
  await world.stop();
  desk.assertNoViolations();
});

const said = (conversationId: number): string[] =>
  desk
    .visitorSees(conversationId)
    .filter((line) => line.by === "bot")
    .map((line) => line.text);
const lastSaid = (conversationId: number, text: string | RegExp) =>
  eventually(() => {
    const last = said(conversationId).at(-1) ?? "";
    return typeof text === "string" ? last.includes(text) : text.test(last);
  });
const leads = async () => (await world.admin.get("/v1/leads")).body.items;

async function settledWords(conversationId: number): Promise<void> {
  await eventually(async () => {
    const { body } = await world.admin.get("/v1/deliveries?limit=100");
    return body.items.every((one: { state: string }) => one.state === "done") && said(conversationId).length > 0;
  });
}

/** Answers each question by the word that it holds, until the terms are asked for. */
async function answerUntilTerms(
  conversationId: number,
  answers: Readonly<Record<string, string | readonly string[]>>,
): Promise<void> {
  const left = Object.entries(answers).map(([word, given]) => ({ word, given: [given].flat() }));
  for (;;) {
    const count = said(conversationId).length;
    const last = said(conversationId).at(-1) ?? "";
    if (last.includes("/terms?")) return;
    const next = left.find(
      ({ word, given }) => given.length > 0 && said(conversationId).slice(-2).join(" ").includes(word),
    );
    if (next === undefined) throw new Error(`nobody expected: ${last}`);
    desk.visitorAnswers(conversationId, next.given.shift() ?? "");
    await eventually(() => said(conversationId).length > count);
    await settledWords(conversationId);
  }
}

describe("on the website", () => {
  test("a form of Chatwoot's own, wrong answers told, the lead with its consent, the contact completed", async () => {
    const inbox = desk.addWebsiteInbox();
    await botInside(world, desk, inbox);
    await world.settings({ form: { name: "required", email: "required", issue: "off", phone: "optional" } });
    const { conversationId, contactId } = desk.visitorWrites(inbox, { text: "A person, please" });
    const form = await eventually(() => desk.visitorSees(conversationId).find((line) => line.interactive === "form"));
    expect(said(conversationId).slice(0, 2)).toEqual([
      "Our team is not available right now.",
      "Leave your details and we will get back to you.",
    ]);
    desk.visitorSubmitsForm(form.messageId, { name: "Ana", email: "ana@example", terms: "yes" });
    await eventually(() => said(conversationId).some((text) => text.includes("valid email address")));
    const again = await eventually(() =>
      desk
        .visitorSees(conversationId)
        .findLast((line) => line.interactive === "form" && line.messageId > form.messageId),
    );
    desk.visitorSubmitsForm(again.messageId, { name: "Ana", email: "ana@example.com", terms: "no" });
    const third = await eventually(() =>
      desk
        .visitorSees(conversationId)
        .findLast((line) => line.interactive === "form" && line.messageId > again.messageId),
    );
    expect(await leads()).toEqual([]);
    desk.visitorSubmitsForm(third.messageId, { name: "Ana", email: "ana@example.com", terms: "yes" });
    await lastSaid(conversationId, "We have received your details");
    expect(await leads()).toMatchObject([
      { contact: { name: "Ana", email: "ana@example.com", phone: null }, consent: { locale: "en" } },
    ]);
    await eventually(() => desk.contacts().find((one) => one.id === contactId)?.email === "ana@example.com");
    await eventually(() => desk.conversation(conversationId).labels.includes("lead"));
    expect(notes(desk, conversationId)).toContain("ana@example.com");
    expect(desk.conversation(conversationId).status).toBe("pending");
    // The bot has the visitor as before.
    bot.answers(() => ({ messages: [{ text: "Anything else?" }] }));
    desk.visitorAnswers(conversationId, "Thanks");
    await lastSaid(conversationId, "Anything else?");
    // Later touches of the form that was sent change nothing.
    desk.touchMessage(third.messageId);
    desk.visitorAnswers(conversationId, "Bye");
    await eventually(() => bot.turns.at(-1)?.says.includes("Bye"));
    expect(await leads()).toHaveLength(1);
  });
});

describe("on WhatsApp", () => {
  test("questions one by one, what is known is not asked, the terms as a link with an explicit yes", async () => {
    const inbox = desk.addWhatsAppInbox();
    await botInside(world, desk, inbox);
    await world.settings({ form: { name: "required", email: "required", issue: "optional", phone: "off" } });
    const { conversationId } = desk.visitorWrites(inbox, { text: "A person, please", phone: "+40721234567" });
    await eventually(() => said(conversationId).length >= 3);
    expect(desk.visitorSees(conversationId).some((line) => line.interactive !== null)).toBe(false);
    await answerUntilTerms(conversationId, { email: ["ana at example", "ana@example.com"], help: "-" });
    expect(said(conversationId).at(-1)).toContain(`${world.baton.baseUrl()}/terms?`);
    desk.visitorAnswers(conversationId, "maybe");
    await lastSaid(conversationId, /^Do you agree\?/);
    expect(await leads()).toEqual([]);
    desk.visitorAnswers(conversationId, "Yes");
    await lastSaid(conversationId, "We have received your details");
    expect(await leads()).toMatchObject([
      { contact: { email: "ana@example.com", issue: null }, consent: { url: expect.stringContaining("/terms?") } },
    ]);
    expect(desk.notDelivered()).toEqual([]);
    expect(bot.turns).toHaveLength(1);
  });

  test("where everything is known and no terms are asked for, nothing is asked", async () => {
    const inbox = desk.addWhatsAppInbox();
    await botInside(world, desk, inbox);
    const form = { name: "required", email: "off", issue: "off", phone: "required" };
    await world.settings({ form, terms: { enabled: false } });
    const { conversationId } = desk.visitorWrites(inbox, {
      text: "A person, please",
      name: "Ana",
      phone: "+40721234567",
    });
    await lastSaid(conversationId, "We have received your details");
    expect(await leads()).toMatchObject([{ contact: { name: "Ana", phone: "+40721234567" }, consent: null }]);
  });

  test("who asks something else instead may stop, and has the bot again", async () => {
    const inbox = desk.addWhatsAppInbox();
    await botInside(world, desk, inbox);
    const { conversationId } = desk.visitorWrites(inbox, { text: "A person, please", phone: "+40721234567" });
    await eventually(() => said(conversationId).length >= 3);
    desk.visitorAnswers(conversationId, "stop");
    const before = said(conversationId).length;
    await eventually(() => said(conversationId).length > before);
    bot.answers(() => ({ messages: [{ text: "Of course." }] }));
    desk.visitorAnswers(conversationId, "What are your prices?");
    await lastSaid(conversationId, "Of course.");
    expect(await leads()).toEqual([]);
  });
});
