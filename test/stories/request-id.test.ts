import { expect, onTestFinished, test } from "vitest";
import { createLogger } from "../../src/logging.ts";
import { eventually, startWorld } from "./world.ts";
import type { Json, World } from "./world.ts";

/** Whose details are in the conversation, and what they said: none of it belongs in a log. */
const PERSON = {
  visitor: { id: "v-5", name: "Ștefania Ionescu", email: "stefania@example.com", phone: "+40 712 345 678" },
  words: "My order of the blue lamp has not arrived",
  reason: "asked for a person, twice",
};

interface Line {
  readonly event: string;
  readonly requestId?: string;
  readonly deliveryId?: string;
  readonly kind?: string;
}

async function story(): Promise<{ world: World; lines: () => Line[]; text: () => string }> {
  let text = "";
  const log = createLogger({ level: "debug", destination: { write: (some: string) => void (text += some) } });
  const world = await startWorld({ log });
  onTestFinished(() => world.stop());
  const lines = () =>
    text
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Line);
  return { world, lines, text: () => text };
}

const request = {
  conversation: { id: "c-1", visitor: PERSON.visitor, messages: [{ id: "m1", role: "visitor", text: PERSON.words }] },
  reason: PERSON.reason,
};

test("the id of the request that asked for a person is in every line about what it caused, and nothing of the person is", async () => {
  const { world, lines, text } = await story();
  await world.connectChatwoot();
  // Noise: requests and deliveries of others, at the same time.
  const others = Array.from({ length: 5 }, (_, n) =>
    world.bot.post("/v1/handoffs", { conversation: { id: `other-${n}` } }),
  );
  world.chatwoot.trouble.failNext(2, { status: 503, match: (method) => method === "POST" });
  const asked = await world.bot.post("/v1/handoffs", request);
  const requestId = asked.headers.get("x-request-id");
  expect(requestId).toMatch(/^req_[\da-f-]{36}$/);
  const { id } = asked.body.handoff;
  await Promise.all(others);
  await eventually(async () => (await world.bot.get(`/v1/handoffs/${id}`)).body.handoff.opened);

  const owed = await eventually(async () => {
    const { items } = (await world.admin.get(`/v1/deliveries?handoffId=${id}`)).body;
    return items.every((one: Json) => one.state === "done") && items.length > 1 && items;
  });
  expect(owed.map((one: Json) => one.requestId)).toEqual(owed.map(() => requestId));
  expect(owed.map((one: Json) => one.kind)).toContain("helpdesk_open");
  // Told because the opening succeeded, long after the request was answered.
  expect(owed.map((one: Json) => one.kind)).toContain("callback");

  const ours = new Set(owed.map((one: Json) => one.id));
  const about = lines().filter((line) => line.deliveryId !== undefined && ours.has(line.deliveryId));
  expect(new Set(about.map((line) => line.requestId))).toEqual(new Set([requestId]));
  expect(about.filter((line) => line.event === "delivery_done")).toHaveLength(owed.length);
  const named = lines().filter((line) => line.requestId === requestId);
  expect(named.map((line) => line.event)).toContain("request_served");
  expect(named.filter((line) => line.deliveryId !== undefined && !ours.has(line.deliveryId))).toEqual([]);

  for (const secret of [...Object.values(PERSON.visitor), PERSON.words, PERSON.reason, "Ștefania", "blue lamp"])
    expect(text()).not.toContain(secret);
});

test("what failed twice was logged twice, in the name of the request", async () => {
  const { world, lines } = await story();
  await world.connectChatwoot();
  world.chatwoot.trouble.failNext(2, { status: 503, match: (method) => method === "POST" });
  const asked = await world.bot.post("/v1/handoffs", request);
  await eventually(async () => (await world.bot.get(`/v1/handoffs/${asked.body.handoff.id}`)).body.handoff.opened);
  const failed = lines().filter((line) => line.event === "delivery_failed");
  const requestId = asked.headers.get("x-request-id");
  expect(failed.map((line) => [line.kind, line.requestId])).toEqual([
    ["helpdesk_open", requestId],
    ["helpdesk_open", requestId],
  ]);
});

test("the bot hears in its callback which request an event came of", async () => {
  const { world } = await story();
  await world.connectChatwoot();
  const asked = await world.bot.post("/v1/handoffs", request);
  const call = await eventually(() => world.callbacks.heard.find(({ type }) => type === "handoff.opened"));
  expect(call.requestId).toBe(asked.headers.get("x-request-id"));
});

test("what a helpdesk's webhook causes carries the webhook's own id", async () => {
  const { world, lines } = await story();
  await world.connectChatwoot();
  const asked = await world.bot.post("/v1/handoffs", request);
  const { id } = asked.body.handoff;
  await eventually(async () => (await world.bot.get(`/v1/handoffs/${id}`)).body.handoff.opened);
  const before = lines().length;
  const [conversation] = world.chatwoot.conversations();
  const { agentId } = world.chatwoot;
  world.chatwoot.agentReplies(conversation!.id, { agentId, content: "It is on its way." });
  await eventually(() => world.callbacks.heard.find(({ type, data }) => type === "message.created" && data.message));

  const arrived = lines()
    .slice(before)
    .filter((line) => line.event === "request_served" && !("scope" in line));
  const owed = (await world.admin.get(`/v1/deliveries?handoffId=${id}`)).body.items;
  const told = owed.find((one: Json) => one.requestId !== asked.headers.get("x-request-id"));
  expect(told).toMatchObject({ kind: "callback" });
  expect(arrived.map((line) => line.requestId)).toContain(told.requestId);
});
