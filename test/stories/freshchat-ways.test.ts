import { afterEach, describe, expect, test } from "vitest";
import type { FreshchatSimulator } from "../simulators/freshchat/index.ts";
import { startFreshchat } from "../simulators/freshchat/index.ts";
import {
  connect,
  incoming,
  inTime,
  isCreation,
  isList,
  isMessage,
  notes,
  nothingOwed,
  ours,
  owed,
  quiet,
  startFreshchatWorld,
} from "./freshchat-steps.ts";
import type { FreshchatWorld } from "./freshchat-steps.ts";
import { ask, askedAndOpened, becomes, heard, historyOf, opened, stateOf, typesHeard, visitorSays } from "./steps.ts";
import { eventually } from "./world.ts";

/** What FreshChat and the way to it do to a handoff, and how it comes out whole. */

let world: FreshchatWorld;
let desk: FreshchatSimulator;
const start = async (options: Parameters<typeof startFreshchatWorld>[0] = {}) => {
  world = await startFreshchatWorld(options);
  desk = world.freshchat;
};
afterEach(async () => {
  await world.stop();
  desk.assertNoViolations();
});
const only = (): string => {
  expect(ours(desk)).toHaveLength(1);
  return ours(desk)[0]!;
};
const newest = (): string => ours(desk).at(-1)!;
const says = (content: string, at = newest()) => desk.agentReplies(at, { agentId: desk.agentId, content });
const fromAgents = async (id: string) =>
  (await historyOf(world, id)).filter(([role]) => role === "agent").map(([, text]) => text);
const numbered = (word: string, count: number) => Array.from({ length: count }, (_, index) => `${word} ${index + 1}`);

describe("a conversation that takes nothing more", () => {
  const refusing = { account: { staleConversations: "refuse" } } as const;

  test("the visitor's words open a new one for the same person, linked, and it goes on there", async () => {
    await start(refusing);
    const id = await askedAndOpened(world, "s-1");
    const first = newest();
    desk.assign(first, desk.agentId);
    await becomes(world, "s-1", { status: "acknowledged" });
    says("One moment, please.");
    await heard(world, "message.created");
    await quiet(world);
    // Said and resolved, and FreshChat's webhooks get lost.
    desk.trouble.dropWebhooks(true);
    says("Was that all?");
    desk.resolve(first, desk.agentId);
    await desk.settled();
    desk.trouble.dropWebhooks(false);
    await visitorSays(world, "s-1", "No, wait!");
    await visitorSays(world, "s-1", "Are you there?");
    await eventually(() => ours(desk).length === 2 && incoming(desk, newest()).length === 2);
    const second = newest();
    expect(incoming(desk, second)).toEqual(["No, wait!", "Are you there?"]);
    expect(desk.conversation(second)).toMatchObject({
      userId: desk.conversation(first).userId,
      groupId: desk.groupId,
      agentId: desk.agentId,
    });
    expect(notes(desk, second)).toContain("Where is my order?");
    expect(notes(desk, second)).toContain(id);
    expect(await fromAgents("s-1")).toEqual(["One moment, please.", "Was that all?"]);
    says("I am here.");
    await eventually(async () => (await fromAgents("s-1")).at(-1) === "I am here.");
    expect(await stateOf(world, "s-1")).toMatchObject({ control: "human", handoff: { id, status: "acknowledged" } });
    desk.resolve(second, desk.agentId);
    await heard(world, "handoff.resolved");
    await nothingOwed(world);
    expect(typesHeard(world).filter((type) => type === "handoff.resolved")).toHaveLength(1);
  });

  test("when the answer to the new one is lost, it is one all the same", async () => {
    await start(refusing);
    await askedAndOpened(world, "s-2");
    await quiet(world);
    desk.trouble.dropWebhooks(true);
    desk.resolve(newest(), desk.agentId);
    await desk.settled();
    desk.trouble.dropWebhooks(false);
    desk.trouble.timeoutAfterDoingTheWork(1, isCreation, "destroy");
    await visitorSays(world, "s-2", "Hello again?");
    await nothingOwed(world);
    expect(ours(desk)).toHaveLength(2);
    expect(incoming(desk, newest())).toEqual(["Hello again?"]);
  });

  test("when the visitor leaves while the new one is being made, nobody is left waiting in it", async () => {
    await start(refusing);
    const id = await askedAndOpened(world, "s-6");
    await quiet(world);
    desk.trouble.dropWebhooks(true);
    desk.resolve(newest(), desk.agentId);
    await desk.settled();
    desk.trouble.timeoutAfterDoingTheWork(1, isCreation, "destroy");
    await visitorSays(world, "s-6", "Hello again?");
    await eventually(() => ours(desk).length === 2);
    expect((await world.bot.post(`/v1/handoffs/${id}/cancel`, {})).status).toBe(200);
    await eventually(async () => (await owed(world)).every(({ state }) => state === "dead"));
    expect(ours(desk).map((one) => desk.conversation(one).status)).toEqual(["resolved", "resolved"]);
  });

  test("two conversations of one visitor do not make each other stale for ever", async () => {
    await start(refusing);
    await askedAndOpened(world, "s-3");
    await askedAndOpened(world, "s-4");
    for (const round of [1, 2, 3]) {
      await visitorSays(world, "s-3", `three ${round}`);
      await visitorSays(world, "s-4", `four ${round}`);
      await nothingOwed(world);
    }
    expect(ours(desk).length).toBeLessThanOrEqual(4);
    const all = ours(desk).flatMap((id) => incoming(desk, id));
    for (const round of [1, 2, 3]) {
      expect(all.filter((text) => text === `three ${round}`)).toHaveLength(1);
      expect(all.filter((text) => text === `four ${round}`)).toHaveLength(1);
    }
  });

  test("what came after the team had ended it is not lost silently", async () => {
    await start(refusing);
    await askedAndOpened(world, "s-5");
    desk.trouble.slow(400, isMessage);
    await visitorSays(world, "s-5", "Too late?");
    desk.resolve(newest(), desk.agentId);
    await becomes(world, "s-5", { status: "resolved" });
    await eventually(async () => (await owed(world)).every(({ state }) => state === "dead"));
    const [dead] = await owed(world);
    const reached = ours(desk).flatMap((id) => incoming(desk, id));
    // It arrived before the end, or it is shown as what could not be delivered, with words.
    expect(reached.includes("Too late?") || dead?.lastError.includes("ended this conversation")).toBe(true);
  });
});

describe("webhooks", () => {
  test("that overtake the answers of our own requests bring nothing back to the visitor", async () => {
    await start({ account: { webhookOvertakes: true } });
    await askedAndOpened(world, "h-1");
    for (const text of numbered("typed", 5)) await visitorSays(world, "h-1", text);
    says("Hello.");
    await heard(world, "message.created");
    await nothingOwed(world);
    expect(incoming(desk, only())).toEqual(["1042. I want a person.", ...numbered("typed", 5)]);
    expect(await fromAgents("h-1")).toEqual(["Hello."]);
  });

  test("doubled, shuffled and late: the agent's words once, in the agent's order", async () => {
    await start();
    await askedAndOpened(world, "h-2");
    desk.trouble.duplicateWebhooks(true);
    desk.trouble.reorderWebhooks(7);
    desk.trouble.delayWebhooks(30);
    for (const text of numbered("answer", 20)) says(text);
    await eventually(async () => (await fromAgents("h-2")).length >= 20);
    await desk.settled();
    expect(await fromAgents("h-2")).toEqual(numbered("answer", 20));
  });

  test("lost, every one of them: found within a minute", async () => {
    await start();
    await askedAndOpened(world, "h-3");
    desk.trouble.dropWebhooks(true);
    says("Can you hear me?");
    const before = world.clock().getTime();
    await inTime(world, async () => (await fromAgents("h-3")).length === 1);
    expect(world.clock().getTime() - before).toBeLessThan(65_000);
    desk.resolve(only(), desk.agentId);
    await inTime(world, async () => (await stateOf(world, "h-3")).control === "bot");
  });

  test.each(["current", "bare", "2021", "2018"] as const)(
    "payloads of the form %s are understood",
    async (payloads) => {
      await start({ account: { payloads } });
      await askedAndOpened(world, "h-4");
      desk.assign(only(), desk.agentId);
      await becomes(world, "h-4", { status: "acknowledged" });
      says("Understood.");
      await heard(world, "message.created");
      desk.resolve(only(), desk.agentId);
      await becomes(world, "h-4", { control: "bot", status: "resolved" });
      // None of it came from looking by itself: no time has passed.
      expect(await fromAgents("h-4")).toEqual(["Understood."]);
    },
  );

  test("with their data encoded are understood", async () => {
    await start({ account: { encodedData: "instead" } });
    await askedAndOpened(world, "h-5");
    says("Decoded.");
    await heard(world, "message.created");
    expect(await fromAgents("h-5")).toEqual(["Decoded."]);
  });

  test("signed by nobody, by somebody else or for other bytes are refused and do nothing", async () => {
    await start();
    await askedAndOpened(world, "h-6");
    says("True.");
    await heard(world, "message.created");
    const { body: before } = await world.bot.get("/v1/conversations/h-6");
    const resolution = {
      actor: { actor_type: "agent", actor_id: desk.agentId },
      action: "conversation_resolution",
      action_time: world.clock().toISOString(),
      data: { resolve: { conversation: { conversation_id: only(), app_id: desk.appId, status: "resolved" } } },
    };
    expect(await desk.forge(resolution)).toBe(401);
    expect(await desk.forge(resolution, { trueKey: true, signedBody: "{}" })).toBe(401);
    expect(await desk.forge(resolution, { headers: { "x-freshchat-signature": "" } })).toBe(401);
    const { body: after } = await world.bot.get("/v1/conversations/h-6");
    expect(after.control).toBe(before.control);
    // Weeks later, a true one again: known.
    const sent = desk.webhooksSent().find(({ rawBody }) => rawBody.includes("True."));
    world.advance(20 * 24 * 3_600_000);
    expect(await desk.replay(sent!)).toBe(200);
    await desk.settled();
    expect(await fromAgents("h-6")).toEqual(["True."]);
  });

  test("of strangers' conversations cost no write, and change nothing", async () => {
    await start();
    await askedAndOpened(world, "h-7");
    await nothingOwed(world);
    const { body: before } = await world.bot.get("/v1/conversations/h-7");
    desk.foreignTraffic(40);
    await desk.settled();
    expect((await world.bot.get("/v1/conversations/h-7")).body).toEqual(before);
    expect(desk.webhooksSent().length).toBeGreaterThan(150);
    expect(desk.webhooksSent().every(({ status }) => status === 200)).toBe(true);
    const { body: connection } = await world.admin.get(`/v1/connections/${world.connectionId}`);
    expect(connection.lastWebhookAt).not.toBeNull();
    expect(await world.baton.store.read.waitingWebhooks(new Date(8.64e15), 10)).toEqual([]);
  });

  test("of one account at another connection's address are refused", async () => {
    await start();
    const other = await startFreshchat({ clock: () => world.clock(), accountId: "200000000000002", ownKey: true });
    try {
      await connect(world, other);
      await askedAndOpened(world, "h-8");
      const { body: connection } = await world.admin.get(`/v1/connections/${world.connectionId}`);
      other.setWebhookUrl(connection.webhookUrl);
      const foreign = other.foreignConversation();
      other.resolve(foreign.id);
      await other.settled();
      expect(other.webhooksSent().every(({ status }) => status === 401)).toBe(true);
    } finally {
      await other.stop();
    }
  });
});

describe("failures on the way", () => {
  test("400 although the message was delivered: once", async () => {
    await start();
    await askedAndOpened(world, "f-1");
    desk.trouble.refuseButDeliver(1, isMessage);
    await visitorSays(world, "f-1", "Did you get this?");
    await visitorSays(world, "f-1", "And this?");
    await nothingOwed(world);
    expect(incoming(desk, only())).toEqual(["1042. I want a person.", "Did you get this?", "And this?"]);
  });

  test("answers lost after the work was done: conversation and messages are there once", async () => {
    await start();
    desk.trouble.timeoutAfterDoingTheWork(1, isCreation, "destroy");
    await askedAndOpened(world, "f-2");
    expect(ours(desk)).toHaveLength(1);
    for (const text of ["ok", "ok", "ok"]) {
      desk.trouble.timeoutAfterDoingTheWork(1, isMessage, "destroy");
      await visitorSays(world, "f-2", text);
    }
    await nothingOwed(world);
    expect(incoming(desk, only())).toEqual(["1042. I want a person.", "ok", "ok", "ok"]);
  });

  test("the program is dropped in the middle of an opening: one conversation, everything in it", async () => {
    await start();
    desk.trouble.slow(150, (method) => method !== "GET");
    const { body } = await ask(world, "f-3");
    await eventually(() => ours(desk).length === 1);
    await world.restart(0);
    desk.trouble.slow(0);
    await visitorSays(world, "f-3", "Hello?");
    // The lease of what was dropped runs out.
    await inTime(world, async () => (await world.bot.get(`/v1/handoffs/${body.handoff.id}`)).body.handoff.opened, 500);
    await inTime(world, async () => (await owed(world)).length === 0, 500);
    expect(ours(desk)).toHaveLength(1);
    expect(incoming(desk, only())).toEqual(["1042. I want a person.", "Hello?"]);
    expect(notes(desk, only()).match(/Which number does it have\?/g)).toHaveLength(1);
  });

  test("too many requests: the whole connection waits as long as it is told, and everything arrives", async () => {
    await start();
    await askedAndOpened(world, "f-4");
    await nothingOwed(world);
    desk.trouble.rateLimitNext(1, { match: isMessage, seconds: 20 });
    for (const text of numbered("typed", 3)) await visitorSays(world, "f-4", text);
    await eventually(async () => (await owed(world)).some(({ lastError }) => lastError?.includes("slow down")));
    const asked = desk.requests().length;
    world.advance(10_000);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(desk.requests().length).toBe(asked);
    await inTime(world, async () => (await owed(world)).length === 0, 2_000);
    expect(incoming(desk, only())).toEqual(["1042. I want a person.", ...numbered("typed", 3)]);
  });

  test("an expired token: messages wait, the admin reads why, and a new token sends them", async () => {
    await start();
    await askedAndOpened(world, "f-5");
    desk.expireToken();
    await visitorSays(world, "f-5", "Are you there?");
    await eventually(async () => {
      const { body } = await world.admin.get(`/v1/connections/${world.connectionId}`);
      return body.problem?.includes("token");
    });
    const apiToken = desk.renewToken();
    const changed = await world.admin.patch(`/v1/connections/${world.connectionId}`, { config: { apiToken } });
    expect(changed.status).toBe(200);
    await inTime(world, async () => (await owed(world)).length === 0);
    expect(incoming(desk, only()).at(-1)).toBe("Are you there?");
    expect((await world.admin.get(`/v1/connections/${world.connectionId}`)).body.problem).toBeNull();
  });

  test("reads that only take the number of a conversation", async () => {
    await start({ account: { idsInPaths: "number" } });
    await askedAndOpened(world, "f-6");
    says("By number.");
    await heard(world, "message.created");
    expect(await fromAgents("f-6")).toEqual(["By number."]);
    desk.resolve(only(), desk.agentId);
    await becomes(world, "f-6", { control: "bot" });
  });

  test("where the list cannot be read, the signed webhook's own words are used", async () => {
    await start();
    await askedAndOpened(world, "f-7");
    desk.trouble.failNext(1_000, { status: 403, match: isList });
    says("From the webhook.");
    await inTime(world, async () => (await fromAgents("f-7")).length === 1, 1_000);
    expect(await fromAgents("f-7")).toEqual(["From the webhook."]);
  });

  test("down for good: the next destination takes it, and nobody is promised anything", async () => {
    await start();
    await world.agent("Bea");
    await world.settings({ destinations: [{ id: world.connectionId }, "inbox"] });
    await desk.trouble.down();
    const { body } = await ask(world, "f-8");
    await inTime(world, async () => (await stateOf(world, "f-8")).handoff.destination === "inbox", 2_000);
    expect((await opened(world, body.handoff.id)).handoff.destination).toBe("inbox");
    await desk.trouble.up();
  });
});
