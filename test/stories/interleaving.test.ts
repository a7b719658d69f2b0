import { array, assert, asyncProperty, constantFrom } from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "./steps.ts";
import { startWorld } from "./world.ts";
import type { World } from "./world.ts";

/** What happens to a conversation, at the same moment or one after the other, judged by what was stored alone. */
let world: World;
let mia: World["bot"];
let leo: World["bot"];
let runs = 0;
beforeAll(async () => {
  world = await startWorld();
  mia = (await world.agent("Mia")).client;
  leo = (await world.agent("Leo")).client;
});
afterAll(() => world.stop());

const steps = [
  "bot",
  "bot_in_turn",
  "visitor",
  "ask",
  "accept",
  "agent",
  "release",
  "resolve",
  "cancel",
  "history",
] as const;
type Step = (typeof steps)[number];

/** Performs a step on the conversation's last handoff; what is refused is as good as what is not. */
async function perform(step: Step, id: string, n: number): Promise<void> {
  const { body } = await world.bot.get(`/v1/conversations/${id}`);
  const handoff = `/v1/handoffs/${body.handoff?.id ?? "hnd_none"}`;
  const messages = `/v1/conversations/${id}/messages`;
  const answer = await {
    bot: () => world.bot.post(messages, { role: "bot", text: `bot ${n}` }),
    bot_in_turn: () => world.bot.post(messages, { role: "bot", text: `bot ${n}`, epoch: body.epoch }),
    visitor: () => world.bot.post(messages, { text: `visitor ${n}` }),
    ask: () => ask(world, id),
    accept: () => mia.post(`${handoff}/accept`),
    agent: () => (n % 2 === 0 ? mia : leo).post(`${handoff}/messages`, { text: `agent ${n}` }),
    release: () => mia.post(`${handoff}/release`),
    resolve: () => leo.post(`${handoff}/resolve`),
    cancel: () => world.bot.post(`${handoff}/cancel`),
    history: () => ask(world, id, { messages: [{ role: "bot", text: `bot ${n}`, id: `h${n}` }] }),
  }[step]();
  expect(answer.status).toBeLessThan(500);
}

interface Told {
  readonly seq: number;
  readonly type: string;
  readonly data: { readonly control: string; readonly epoch: number; readonly message?: { role: string; seq: number } };
}

async function eventsOf(id: string): Promise<Told[]> {
  const conversation = await world.baton.store.read.conversationByKey(world.first.workspaceId, world.first.botId, id);
  const response = await fetch(`${world.baton.baseUrl()}/v1/conversations/${id}/events`, {
    headers: { Authorization: `Bearer ${world.first.botToken}` },
  });
  let text = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.includes(`id: ${conversation!.lastEventSeq}\n`) && text.endsWith("\n\n")) break;
  }
  return [...text.matchAll(/^data: (.+)$/gm)].map(([, data]) => JSON.parse(data!) as Told);
}

/** Everything in a conversation's events that must not be; the list is read as an outsider reads it. */
function faultsIn(events: readonly Told[]): string[] {
  const faults: string[] = [];
  let control = "bot";
  let epoch = 1;
  for (const [index, { seq, type, data }] of events.entries()) {
    if (seq !== index + 1) faults.push(`event ${index + 1} has number ${seq}`);
    if (type === "control.changed") {
      if (data.control === control) faults.push(`${seq}: a change of control that changes nothing`);
      control = data.control;
      epoch += 1;
    }
    if (data.control !== control || data.epoch !== epoch) faults.push(`${seq}: ${data.control} in epoch ${data.epoch}`);
    if (data.message?.role === "bot" && control !== "bot")
      faults.push(`${seq}: the bot spoke while a person had control`);
    if (data.message?.role === "agent" && control !== "human") faults.push(`${seq}: an agent spoke without control`);
  }
  return faults;
}

test.each([["on_request"], ["on_accept"]])(
  "pauseBot %s: no bot message is stored between the change of control to a person and the change back",
  async (pauseBot) => {
    await world.settings({ pauseBot });
    const groups = array(array(constantFrom(...steps), { minLength: 1, maxLength: 4 }), {
      minLength: 2,
      maxLength: 7,
    });
    await assert(
      asyncProperty(groups, async (given) => {
        runs += 1;
        const id = `p-${runs}`;
        await ask(world, id);
        let n = 0;
        for (const group of given) await Promise.all(group.map((step) => perform(step, id, (n += 1))));
        const events = await eventsOf(id);
        expect(faultsIn(events)).toEqual([]);
        const { control, epoch } = events.at(-1)?.data ?? { control: "bot", epoch: 1 };
        expect((await world.bot.get(`/v1/conversations/${id}`)).body).toMatchObject({ control, epoch });
        const { items } = (await world.bot.get(`/v1/conversations/${id}/messages?limit=500`)).body;
        expect(items.map((one: { seq: number }) => one.seq)).toEqual(
          items.map((_: unknown, index: number) => index + 1),
        );
      }),
      { numRuns: 25 },
    );
  },
);
