import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { ask, visitorSays } from "./steps.ts";
import { eventually, startWorld } from "./world.ts";
import type { Json, World } from "./world.ts";

let world: World;
let mia: World["bot"];
beforeEach(async () => {
  world = await startWorld();
  mia = (await world.agent("Mia")).client;
});
afterEach(() => world.stop());

interface Heard {
  readonly id: number;
  readonly type: string;
  readonly data: Json;
}

/** Listens to a conversation as a browser does, by fetch; `heard` grows while it is open. */
async function listen(id: string, token: string, lastEventId?: number) {
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const response = await fetch(`${world.baton.baseUrl()}/v1/conversations/${id}/events`, {
    headers: {
      Authorization: `Bearer ${token}`,
      ...(lastEventId !== undefined && { "Last-Event-ID": String(lastEventId) }),
    },
    signal: abort.signal,
  });
  const heard: Heard[] = [];
  const read = async () => {
    let text = "";
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const parts = (text + chunk).split("\n\n");
      text = parts.pop() ?? "";
      for (const part of parts) {
        const fields = Object.fromEntries(part.split("\n").map((line) => line.split(/: (.*)/s, 2)));
        if (fields["data"] === undefined) continue;
        heard.push({ id: Number(fields["id"]), type: String(fields["event"]), data: JSON.parse(fields["data"]) });
      }
    }
  };
  const ended = read().catch(() => undefined);
  return { status: response.status, heard, close: () => abort.abort(), ended };
}

const texts = (heard: readonly Heard[]) =>
  heard.flatMap(({ data }) => data.data?.message?.text ?? data.message?.text ?? []);

test("a visitor hears the agent, in order, and nothing of another conversation", async () => {
  const { body } = await ask(world, "s-1");
  const other = await ask(world, "s-2");
  const stream = await listen("s-1", body.visitorToken);
  expect(stream.status).toBe(200);
  await mia.post(`/v1/handoffs/${other.body.handoff.id}/messages`, { text: "for somebody else" });
  for (const text of ["Hello", "How can I help?"]) await mia.post(`/v1/handoffs/${body.handoff.id}/messages`, { text });
  await visitorSays(world, "s-1", "With my lamp");
  await eventually(() => texts(stream.heard).length === 3);
  expect(texts(stream.heard)).toEqual(["Hello", "How can I help?", "With my lamp"]);
  expect(stream.heard.map((one) => one.type)).toEqual([
    "handoff.requested",
    "control.changed",
    "handoff.opened",
    "handoff.acknowledged",
    "message.created",
    "message.created",
    "message.created",
  ]);
  expect(stream.heard.map((one) => one.id)).toEqual(stream.heard.map((_, index) => index + 1));
});

test("a stream that broke goes on after the last event heard, without loss or repeats, also over a restart", async () => {
  const { body } = await ask(world, "s-3");
  const all: Heard[] = [];
  let n = 0;
  const say = async () => {
    n += 1;
    await mia.post(`/v1/handoffs/${body.handoff.id}/messages`, { text: `line ${n}` });
  };
  for (let round = 1; round <= 4; round += 1) {
    const stream = await listen("s-3", body.visitorToken, all.at(-1)?.id);
    const before = n;
    await Promise.all([say(), say(), say()]);
    // Closed wherever it is by now: what was said meanwhile is heard in the next round.
    await eventually(() => texts(stream.heard).length > (before === 0 ? 0 : 1));
    stream.close();
    await stream.ended;
    all.push(...stream.heard);
    if (round === 2) await world.restart();
    await say();
  }
  const last = await listen("s-3", body.visitorToken, all.at(-1)?.id);
  await eventually(() => texts([...all, ...last.heard]).length === n);
  all.push(...last.heard);
  expect(all.map((one) => one.id)).toEqual(all.map((_, index) => index + 1));
  expect(new Set(texts(all)).size).toBe(n);
});

test.each([["<script>"], ["-1"], ["1e3"], ["9".repeat(400)]])("a Last-Event-ID like %s does no harm", async (id) => {
  await ask(world, "s-4");
  const response = await fetch(`${world.baton.baseUrl()}/v1/conversations/s-4/events`, {
    headers: { Authorization: `Bearer ${world.first.botToken}`, "Last-Event-ID": id },
  });
  expect([200, 400]).toContain(response.status);
  await response.body?.cancel();
});
