import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { FreshchatSimulator } from "../simulators/freshchat/index.ts";
import { incoming, filesIn, inTime, notes, nothingOwed, ours, startFreshchatWorld } from "./freshchat-steps.ts";
import type { FreshchatWorld } from "./freshchat-steps.ts";
import { ask, askedAndOpened, asking, becomes, heard, historyOf, stateOf, typesHeard, visitorSays } from "./steps.ts";
import { eventually } from "./world.ts";

/** The life of a handoff in the team's FreshChat, as visitor, bot and agent see it. */

let world: FreshchatWorld;
let desk: FreshchatSimulator;
const start = async (options: Parameters<typeof startFreshchatWorld>[0] = {}) => {
  world = await startFreshchatWorld(options);
  desk = world.freshchat;
};
beforeEach(() => start());
afterEach(async () => {
  await world.stop();
  desk.assertNoViolations();
});
/** The same with another account or other settings. */
const anew = async (options: Parameters<typeof startFreshchatWorld>[0]) => {
  await world.stop();
  await start(options);
};

const only = (): string => {
  expect(ours(desk)).toHaveLength(1);
  return ours(desk)[0]!;
};
const says = (content: string) => desk.agentReplies(only(), { agentId: desk.agentId, content });
const fromAgents = async (id: string) => (await historyOf(world, id)).filter(([role]) => role === "agent");

describe("a handoff", () => {
  test("goes to the team with everything it needs, both ways, and comes back to the bot", async () => {
    await world.settings({ destinations: [{ id: world.connectionId, priority: "high", labels: ["vip"] }] });
    const id = await askedAndOpened(world, "c-1", {
      summary: "Order 1042 has not arrived.",
      pageUrl: "https://shop.example/p/7",
      products: [{ id: "p7", name: "Desk lamp", url: "https://shop.example/p/7", price: "39.00 EUR" }],
    });
    const conversation = desk.conversation(only());
    expect(conversation).toMatchObject({
      status: "new",
      groupId: desk.groupId,
      channelId: desk.channelId,
      properties: { priority: "High" },
    });
    expect(desk.user(conversation.userId)).toMatchObject({ referenceId: "v-5", email: "ana@example.com" });
    expect(incoming(desk, only())).toEqual(["1042. I want a person."]);
    for (const words of ["Where is my order?", "Which number does it have?", "Order 1042 has not arrived."])
      expect(notes(desk, only())).toContain(words);
    for (const words of ["Desk lamp", "39.00 EUR", "https://shop.example/p/7", "vip", id])
      expect(notes(desk, only())).toContain(words);
    // Markdown would be shown to the agent as it is.
    expect(notes(desk, only())).not.toContain("**");

    await visitorSays(world, "c-1", "It is blue.");
    await visitorSays(world, "c-1", "Hello?");
    await eventually(() => incoming(desk, only()).length === 3);
    expect(incoming(desk, only())).toEqual(["1042. I want a person.", "It is blue.", "Hello?"]);

    desk.assign(only(), desk.agentId);
    const accepted = await heard(world, "handoff.acknowledged");
    expect(accepted.data.reply[0].text).toMatch(/^\S+ .*has joined the chat\.$/);
    desk.agentWritesNote(only(), { agentId: desk.agentId, content: "She is angry." });
    says("Good morning, Ana.");
    says("It is on its way.");
    await heard(world, "message.created", 2);
    expect(await fromAgents("c-1")).toEqual([
      ["agent", "Good morning, Ana."],
      ["agent", "It is on its way."],
    ]);
    const refused = await world.bot.post("/v1/conversations/c-1/messages", { role: "bot", text: "Me again!" });
    expect(refused.body.code).toBe("human_in_control");

    desk.resolve(only(), desk.agentId);
    await becomes(world, "c-1", { control: "bot", status: "resolved" });
    await nothingOwed(world);
    const history = await world.bot.get("/v1/conversations/c-1/messages?limit=500");
    expect(JSON.stringify(history.body)).not.toContain("angry");
    expect(JSON.stringify(world.callbacks.heard)).not.toContain("angry");
  });

  test("the same visitor's next handoff is a new conversation of the same person", async () => {
    await askedAndOpened(world, "c-2");
    const first = only();
    desk.resolve(first, desk.agentId);
    await becomes(world, "c-2", { status: "resolved" });
    await askedAndOpened(world, "c-2", { messages: [{ id: "m9", role: "visitor", text: "One more thing." }] });
    expect(ours(desk)).toHaveLength(2);
    const second = ours(desk)[1]!;
    expect(desk.conversation(second).userId).toBe(desk.conversation(first).userId);
    expect(incoming(desk, second)).toEqual(["One more thing."]);
    expect(desk.users()).toHaveLength(1);
  });

  test("outside opening hours it is a lead: contact, conversation and note, and no promise", async () => {
    await world.settings({ schedule: { timezone: "Europe/Bucharest", weekly: {} } });
    const { body } = await ask(world, "c-3");
    expect(body.decision).toMatchObject({ outcome: "lead", because: "outside_schedule" });
    const kept = await world.bot.post(`/v1/handoffs/${body.handoff.id}/lead`, {
      fields: { name: "Ana Pop", email: "ana.pop@example.com", phone: "+40 712 345 678", issue: "Call me back" },
      terms: { accepted: true },
    });
    expect(kept.status).toBe(201);
    await nothingOwed(world);
    expect(notes(desk, only())).toContain("Call me back");
    expect(notes(desk, only())).toContain("Consent given");
    expect(desk.conversation(only()).groupId).toBe(desk.groupId);
    says("We have found it!");
    await becomes(world, "c-3", { control: "human", mode: "live" });
    expect(await fromAgents("c-3")).toEqual([["agent", "We have found it!"]]);
  });

  test("without a word of the visitor's, also where a conversation may not begin with a note", async () => {
    await anew({ account: { privateFirstMessage: "refuse" } });
    const asked = asking("c-4", { messages: [], summary: "Wants a person." }, { trigger: "bot" });
    await world.bot.post("/v1/handoffs", asked);
    await heard(world, "handoff.opened");
    expect(notes(desk, only())).toContain("Wants a person.");
    expect(incoming(desk, only())).toHaveLength(1);
    await nothingOwed(world);
  });
});

describe("who has it", () => {
  test("an agent who answers without being assigned accepts by that, under their own name", async () => {
    await askedAndOpened(world, "w-1");
    const robin = desk.addAgent({ firstName: "Robin", lastName: "Day", groupIds: [desk.groupId] });
    desk.agentReplies(only(), { agentId: robin.id, content: "I am Robin." });
    const accepted = await heard(world, "handoff.acknowledged");
    expect(accepted.data.agent).toBe("Robin Day");
    desk.agentReplies(only(), { agentId: robin.id, content: "How can I help?" });
    await heard(world, "message.created", 2);
    const asked = desk.requests().filter(({ path }) => path.endsWith(`/agents/${robin.id}`));
    expect(asked).toHaveLength(1);
  });

  test("unassigned is released, another group changes nothing, another agent is a reassignment", async () => {
    await askedAndOpened(world, "w-2");
    desk.assign(only(), desk.agentId);
    await becomes(world, "w-2", { status: "acknowledged" });
    desk.assignGroup(only(), desk.addGroup("Returns").id);
    const robin = desk.addAgent({ firstName: "Robin" });
    desk.assign(only(), robin.id);
    await eventually(async () => (await stateOf(world, "w-2")).handoff.agent === "Robin");
    desk.unassign(only());
    await becomes(world, "w-2", { status: "pending", control: "human" });
    expect(typesHeard(world)).not.toContain("handoff.resolved");
  });

  test("the bot ends it: resolved in FreshChat once, with a note, and its own webhook ends nothing twice", async () => {
    const id = await askedAndOpened(world, "w-3");
    says("Hello.");
    await becomes(world, "w-3", { status: "acknowledged" });
    expect((await world.bot.post(`/v1/handoffs/${id}/resolve`, {})).status).toBe(200);
    await nothingOwed(world);
    await desk.settled();
    expect(desk.conversation(only()).status).toBe("resolved");
    expect(notes(desk, only())).toContain("ended this conversation");
    expect(typesHeard(world).filter((type) => type === "handoff.resolved")).toHaveLength(1);
    expect((await world.bot.post(`/v1/handoffs/${id}/resolve`, {})).status).toBe(200);
  });

  test("an agent opens it again: a new handoff, and the next words reach the visitor", async () => {
    const first = await askedAndOpened(world, "w-4");
    says("Solved?");
    await becomes(world, "w-4", { status: "acknowledged" });
    desk.resolve(only(), desk.agentId);
    await becomes(world, "w-4", { control: "bot", status: "resolved" });
    expect((await world.bot.post("/v1/conversations/w-4/messages", { role: "bot", text: "Me." })).status).toBe(201);
    world.advance(60_000);
    desk.reopen(only(), desk.agentId);
    says("One more question.");
    await becomes(world, "w-4", { control: "human" });
    const { handoff } = await stateOf(world, "w-4");
    expect(handoff.id).not.toBe(first);
    await eventually(async () => (await fromAgents("w-4")).at(-1)?.[1] === "One more question.");
    await visitorSays(world, "w-4", "Yes?");
    await eventually(() => incoming(desk, only()).at(-1) === "Yes?");
  });
});

describe("what is said", () => {
  test("questions with buttons, links and long texts arrive as words", async () => {
    await askedAndOpened(world, "t-1");
    desk.agentPickQuickReplies(only(), { content: "Which one?", labels: ["The blue one", "The red one"] });
    desk.agentReplies(only(), {
      content: "See **here**:",
      parts: [{ url_button: { label: "Returns", url: "https://shop.example/returns" } }],
    });
    const long = "A very long answer. ".repeat(400).trim();
    desk.agentSendsLongText(only(), { content: long });
    await heard(world, "message.created", 3);
    const [first, second, third] = (await fromAgents("t-1")).map(([, text]) => text);
    expect(first).toMatch(/^Which one\?\n.*The blue one\n.*The red one$/);
    expect(second).toContain("See here:");
    expect(second).toContain("Returns: https://shop.example/returns");
    expect(third).toContain(long);
  });

  test("only people's words reach the visitor: no bots, no system, no welcome, no echo of ours", async () => {
    await anew({ account: { sendsWelcome: true } });
    await askedAndOpened(world, "t-2");
    desk.botSays(only(), { content: "I am Freddy." });
    desk.botSays(only(), { content: "Freddy's note.", isPrivateNote: true });
    desk.systemSays(only(), "Assigned by rule.");
    desk.welcomes(only());
    await visitorSays(world, "t-2", "Hello?");
    says("Hello, I am a person.");
    await heard(world, "message.created");
    await desk.settled();
    await inTime(world, () => desk.requests().filter(({ path }) => path.endsWith("/messages")).length > 4);
    expect(await fromAgents("t-2")).toEqual([["agent", "Hello, I am a person."]]);
    expect((await historyOf(world, "t-2")).filter(([, text]) => text === "Hello?")).toHaveLength(1);
  });

  test("images and files go both ways", async () => {
    await askedAndOpened(world, "t-3");
    await world.bot.post("/v1/conversations/t-3/messages", {
      text: "Look:",
      attachments: [
        { url: "https://cdn.example/photo.png", name: "photo.png", contentType: "image/png" },
        { url: "https://cdn.example/bill.pdf", name: "bill.pdf", contentType: "application/pdf" },
      ],
    });
    await eventually(() => filesIn(desk, only()).length === 2);
    expect(filesIn(desk, only())[0]?.image?.url).toBe("https://cdn.example/photo.png");
    expect(filesIn(desk, only())[1]?.file).toMatchObject({ name: "bill.pdf" });
    const bytes = new TextEncoder().encode("label");
    desk.agentReplies(only(), { content: "Print it.", attachments: [{ name: "label.png", type: "image/png", bytes }] });
    const { data } = await heard(world, "message.created");
    expect(data.message.text).toBe("Print it.");
    expect(await (await fetch(data.message.attachments[0].url)).text()).toBe("label");
  });

  test("a file whose address comes late holds back what follows, and arrives in its place", async () => {
    await askedAndOpened(world, "t-4");
    const bytes = new TextEncoder().encode("late");
    const late = desk.agentReplies(only(), {
      content: "First the file.",
      attachments: [{ name: "late.pdf", type: "application/pdf", bytes }],
      urlDelay: "until_told",
    });
    says("Then a word.");
    await inTime(world, () => desk.requests().filter(({ path }) => path.endsWith("/messages")).length > 3, 1_000);
    expect(await fromAgents("t-4")).toEqual([]);
    desk.showUrls(late.id);
    await inTime(world, async () => (await fromAgents("t-4")).length === 2, 1_000);
    expect((await fromAgents("t-4")).map(([, text]) => text)).toEqual(["First the file.", "Then a word."]);
    const told = () => world.callbacks.heard.find((one) => one.data.message?.text === "First the file.");
    await eventually(() => told() !== undefined);
    expect(told()?.data.message.attachments).toHaveLength(1);
  });

  test("Korean, emoji and what looks like markup arrive as they were written", async () => {
    await askedAndOpened(world, "t-5");
    const awkward = "안녕하세요 👩‍👧 2*3*4 <b> {{x}} snake_case \u202Eabc";
    await visitorSays(world, "t-5", awkward);
    await eventually(() => incoming(desk, only()).at(-1) === awkward);
    const answer = "감사합니다 👍 a_b_c 5 < 6 & 7 > 2";
    says(answer);
    await heard(world, "message.created");
    expect(await fromAgents("t-5")).toEqual([["agent", answer]]);
  });
});

describe("is anybody there", () => {
  test("with presence required, agents of the group who take chats count", async () => {
    await world.settings({ destinations: [{ id: world.connectionId }], presence: "require" });
    expect((await world.bot.get("/v1/availability")).body).toMatchObject({ available: true });
    desk.addAgent({ firstName: "Elsewhere", groupIds: [], availability: "AVAILABLE" });
    desk.agentStatus(desk.agentId, { availability: "UNAVAILABLE" });
    world.advance(120_000);
    expect((await world.bot.get("/v1/availability")).body).toMatchObject({
      available: false,
      because: "no_agent_online",
    });
    desk.agentStatus(desk.agentId, { availability: "AVAILABLE" });
    world.advance(120_000);
    expect((await world.bot.get("/v1/availability")).body).toMatchObject({ available: true });
  });

  test("the group's business hours are a second condition, where the account tells them", async () => {
    await world.settings({ destinations: [{ id: world.connectionId }], presence: "require" });
    desk.setBusinessHours(false, desk.groupId);
    expect((await world.bot.get("/v1/availability")).body.available).toBe(false);
    desk.set({ businessHoursAnswer: 404 });
    world.advance(120_000);
    expect((await world.bot.get("/v1/availability")).body.available).toBe(true);
    const { body } = await world.admin.post(`/v1/connections/${world.connectionId}/check`, {});
    expect(JSON.stringify(body.findings)).toMatch(/business hours/i);
  });
});
