import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  ask,
  askedAndOpened,
  asking,
  becomes,
  heard,
  historyOf,
  incoming,
  notes,
  reply,
  stateOf,
  typesHeard,
  visitorSays,
} from "./steps.ts";
import { eventually, startWorld } from "./world.ts";
import type { World } from "./world.ts";

let world: World;
let desk: World["chatwoot"];
let bea: number;
beforeEach(async () => {
  world = await startWorld();
  desk = world.chatwoot;
  bea = desk.addAgent({ name: "Bea Berg", availableName: "Bea", role: "agent" }).id;
  await world.connectChatwoot();
});
afterEach(async () => {
  desk.assertNoViolations();
  await world.stop();
});

const only = () => {
  expect(desk.conversations()).toHaveLength(1);
  return desk.conversations()[0]!;
};
const nothingOwed = () =>
  eventually(async () => {
    const [waiting, sending] = await Promise.all([
      world.admin.get("/v1/deliveries?state=waiting"),
      world.admin.get("/v1/deliveries?state=sending"),
    ]);
    return waiting.body.items.length + sending.body.items.length === 0;
  });
/** Looks of Baton's own accord until `is` holds: time passes, and no webhook comes. */
const inTime = (is: () => Promise<boolean> | boolean) =>
  eventually(() => {
    world.advance(5_000);
    return is();
  });

const isCreation = (method: string, path: string) => method === "POST" && path.endsWith("/conversations");
const isStatus = (method: string, path: string) => method === "POST" && path.endsWith("/toggle_status");
const isList = (method: string, path: string) => method === "GET" && path.endsWith("/messages");

describe("who has it", () => {
  test("assigned is accepted, and told; another agent is a reassignment", async () => {
    const id = await askedAndOpened(world, "c-1");
    desk.assign(only().id, desk.agentId);
    const accepted = await heard(world, "handoff.acknowledged");
    expect(accepted.data).toMatchObject({ agent: "Alex", reply: [{ text: "Alex has joined the chat." }] });
    expect(await stateOf(world, "c-1")).toMatchObject({ handoff: { status: "acknowledged", acceptBy: null } });
    desk.assign(only().id, bea);
    await eventually(async () => (await stateOf(world, "c-1")).handoff.agent === "Bea");
    const { events } = (await world.bot.get(`/v1/handoffs/${id}`)).body;
    expect(events.map((one: { type: string }) => one.type).slice(-2)).toEqual([
      "handoff.acknowledged",
      "handoff.reassigned",
    ]);
    expect((await historyOf(world, "c-1")).filter(([, text]) => text.includes("joined"))).toHaveLength(1);
  });

  test("unassigned is released: someone must accept again in time, or the visitor is told", async () => {
    await world.settings({ acceptWithinSeconds: 60 });
    await askedAndOpened(world, "c-2");
    desk.assign(only().id, desk.agentId);
    await becomes(world, "c-2", { status: "acknowledged" });
    world.advance(600_000);
    desk.assign(only().id, null);
    await becomes(world, "c-2", { status: "pending", control: "human", mode: "live" });
    world.advance(61_000);
    await becomes(world, "c-2", { status: "pending", control: "bot", mode: "lead" });
    expect((await heard(world, "handoff.missed")).data.because).toBe("not_accepted_in_time");
  });

  test("an agent who writes without being assigned keeps it, however often Baton looks", async () => {
    await askedAndOpened(world, "c-3");
    reply(desk, only().id, "Just a word.");
    await becomes(world, "c-3", { status: "acknowledged" });
    const looks = () => desk.requests().filter((one) => one.method === "GET" && one.path.endsWith("/messages")).length;
    const before = looks();
    await inTime(() => looks() >= before + 3);
    expect(await stateOf(world, "c-3")).toMatchObject({ control: "human", handoff: { status: "acknowledged" } });
    expect(typesHeard(world)).not.toContain("handoff.released");
  });

  test("an assignment made at the opening, of which no webhook tells, is found", async () => {
    await world.stop();
    world = await startWorld({ chatwoot: { olderAutoAssignment: true } });
    desk = world.chatwoot;
    desk.setAvailability(desk.agentId, "online");
    await world.connectChatwoot();
    desk.trouble.dropWebhooks(true);
    // Opened before the clock runs: were it faster than the machine, nobody would have opened it in time.
    await askedAndOpened(world, "c-4");
    await inTime(async () => (await stateOf(world, "c-4")).handoff.status === "acknowledged");
    expect((await stateOf(world, "c-4")).handoff.agent).toBe("Alex");
  });
});

describe("its status", () => {
  test("snoozed changes nothing; what the visitor says then still arrives", async () => {
    await askedAndOpened(world, "s-1");
    reply(desk, only().id, "One moment.");
    await becomes(world, "s-1", { status: "acknowledged" });
    desk.snooze(only().id, new Date(world.clock().getTime() + 3_600_000), desk.agentId);
    await desk.settled();
    await visitorSays(world, "s-1", "I wait.");
    await eventually(() => incoming(desk, only().id).includes("I wait."));
    expect(await stateOf(world, "s-1")).toMatchObject({ control: "human", handoff: { status: "acknowledged" } });
    expect(only().status).toBe("open");
  });

  test("set to pending: the conversation is the bot's again, and stays so in Chatwoot", async () => {
    await askedAndOpened(world, "s-2");
    reply(desk, only().id, "Back to the bot with you.");
    await becomes(world, "s-2", { status: "acknowledged" });
    desk.setStatus(only().id, "pending");
    expect((await heard(world, "handoff.resolved")).data.because).toBe("returned_to_bot");
    await becomes(world, "s-2", { control: "bot", status: "resolved" });
    await nothingOwed();
    expect(only().status).toBe("pending");
  });

  test("resolved and reopened: a new handoff, and the agent's next words reach the visitor", async () => {
    const first = await askedAndOpened(world, "s-3");
    reply(desk, only().id, "Solved?");
    await becomes(world, "s-3", { status: "acknowledged" });
    desk.resolve(only().id, desk.agentId);
    await becomes(world, "s-3", { control: "bot", status: "resolved" });
    expect((await world.bot.post("/v1/conversations/s-3/messages", { role: "bot", text: "Me." })).status).toBe(201);
    desk.reopen(only().id, desk.agentId);
    await becomes(world, "s-3", { control: "human", mode: "live" });
    const { handoff } = await stateOf(world, "s-3");
    expect(handoff.id).not.toBe(first);
    reply(desk, only().id, "One more thing.");
    await heard(world, "message.created", 2);
    expect((await historyOf(world, "s-3")).filter(([role]) => role === "agent").map(([, text]) => text)).toEqual([
      "Solved?",
      "One more thing.",
    ]);
    await visitorSays(world, "s-3", "Which?");
    await eventually(() => incoming(desk, only().id).includes("Which?"));
    desk.resolve(only().id, desk.agentId);
    await becomes(world, "s-3", { control: "bot", status: "resolved" });
  });

  test("reopened by nobody who stays: the limit for accepting holds again", async () => {
    await world.settings({ acceptWithinSeconds: 60 });
    await askedAndOpened(world, "s-4");
    desk.resolve(only().id);
    await becomes(world, "s-4", { control: "bot" });
    desk.reopen(only().id);
    await becomes(world, "s-4", { control: "human", status: "pending" });
    world.advance(61_000);
    await becomes(world, "s-4", { control: "bot", mode: "lead" });
    expect((await heard(world, "handoff.missed")).data.because).toBe("not_accepted_in_time");
  });

  test("the bot ends it: Chatwoot's conversation is closed once, and that is no reopening", async () => {
    const id = await askedAndOpened(world, "s-5");
    const ends = await Promise.all([1, 2, 3].map(() => world.bot.post(`/v1/handoffs/${id}/resolve`)));
    expect(ends.map((one) => one.status)).toEqual([200, 200, 200]);
    await eventually(() => only().status === "resolved");
    await nothingOwed();
    await desk.settled();
    await inTime(() => true);
    expect(await stateOf(world, "s-5")).toMatchObject({ control: "bot", handoff: { id, status: "resolved" } });
    expect(notes(desk, only().id).match(/ended this conversation/g)).toHaveLength(1);
    const other = await world.bot.post(`/v1/handoffs/${id}/cancel`);
    expect([other.status, other.body.code]).toEqual([409, "wrong_state"]);
  });

  test('ended while Chatwoot is down: "open" there is old news until our closing has arrived, also over a restart', async () => {
    const id = await askedAndOpened(world, "s-6");
    reply(desk, only().id, "Hello");
    await becomes(world, "s-6", { status: "acknowledged" });
    desk.trouble.failNext(3, { status: 503, match: isStatus });
    await world.bot.post(`/v1/handoffs/${id}/resolve`);
    // Chatwoot tells of a conversation that is open still.
    desk.setLabels(only().id, ["vip"]);
    desk.setPriority(only().id, "urgent");
    await desk.settled();
    await world.restart();
    desk.setPriority(only().id, "low");
    await inTime(() => only().status === "resolved");
    await nothingOwed();
    expect(await stateOf(world, "s-6")).toMatchObject({ control: "bot", handoff: { id, status: "resolved" } });
  });

  test("a look that began before our closing does not take it for a reopening", async () => {
    const id = await askedAndOpened(world, "s-7");
    await desk.settled();
    const isListing = () => desk.requests().some((one) => isList(one.method, one.path) && one.status === null);
    desk.trouble.slow(700, isList);
    desk.setPriority(only().id, "urgent");
    await eventually(isListing);
    // The look has read "open" and waits for its list, while the handoff ends and is closed there.
    await world.bot.post(`/v1/handoffs/${id}/resolve`);
    await eventually(() => only().status === "resolved");
    expect(isListing()).toBe(true);
    desk.trouble.reset();
    await eventually(() => !isListing());
    await nothingOwed();
    await desk.settled();
    await inTime(() => true);
    expect(await stateOf(world, "s-7")).toMatchObject({ control: "bot", handoff: { id, status: "resolved" } });
  });
});

describe("cancelled early", () => {
  test("an opening that was done although its answer was lost leaves nothing open", async () => {
    desk.trouble.timeoutAfterDoingTheWork(1, isCreation, "destroy");
    const { body } = await ask(world, "x-1");
    await eventually(() => desk.conversations().length === 1);
    await world.bot.post(`/v1/handoffs/${body.handoff.id}/cancel`);
    await inTime(() => only().status === "resolved");
    await nothingOwed();
    expect(only().status).toBe("resolved");
  });

  test("cancelled while it is being opened, and the program dies: nothing stays open", async () => {
    desk.trouble.slow(150, () => true);
    const { body } = await ask(world, "x-3");
    await eventually(() => desk.conversations().length === 1);
    await world.bot.post(`/v1/handoffs/${body.handoff.id}/cancel`);
    await world.restart();
    desk.trouble.reset();
    await inTime(() => only().status === "resolved");
    await nothingOwed();
    expect(only().status).toBe("resolved");
  });

  test("what an earlier handoff still owes is not lost with it", async () => {
    const id = await askedAndOpened(world, "x-4");
    reply(desk, only().id, "Hello");
    await becomes(world, "x-4", { status: "acknowledged" });
    await desk.trouble.down("503");
    await visitorSays(world, "x-4", "said while Chatwoot was down");
    await world.bot.post(`/v1/handoffs/${id}/resolve`);
    const second = await world.bot.post("/v1/handoffs", asking("x-4"));
    await world.bot.post(`/v1/handoffs/${second.body.handoff.id}/cancel`);
    await desk.trouble.up();
    await inTime(() => desk.conversations()[0]!.status === "resolved");
    await inTime(async () => (await world.admin.get("/v1/deliveries?state=waiting")).body.items.length === 0);
    expect(incoming(desk, only().id)).toEqual(["1042. I want a person.", "said while Chatwoot was down"]);
    expect(only().status).toBe("resolved");
  });
});
