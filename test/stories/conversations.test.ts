import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ask, asking, historyOf, stateOf, visitorSays } from "./steps.ts";
import { startWorld } from "./world.ts";
import type { World } from "./world.ts";

let world: World;
let mia: World["bot"];
let round = 0;
beforeAll(async () => {
  world = await startWorld();
  mia = (await world.agent("Mia")).client;
});
afterAll(() => world.stop());
beforeEach(() => {
  round += 1;
});
const key = () => `t-${round}`;
const path = (id = key()) => `/v1/conversations/${encodeURIComponent(id)}`;
const said = async (id = key()) => (await historyOf(world, id)).filter(([role]) => role !== "system");

describe("PUT /v1/conversations/{id}", () => {
  test("tells of a conversation before anybody asks, and what is left out stays", async () => {
    const told = await world.bot.put(path(), {
      locale: "fr",
      pageUrl: "https://shop.example/p/7",
      visitor: { id: "v-1", name: "Ana", attributes: { plan: "pro", seats: 3 } },
      products: [{ id: "p7", name: "Lamp" }],
      messages: [{ id: "m1", role: "visitor", text: "Bonjour" }],
    });
    expect(told.status).toBe(200);
    expect(told.body).toMatchObject({ id: key(), control: "bot", epoch: 1, handoff: null, locale: "fr" });
    const again = await world.bot.put(path(), { visitor: { email: "ana@example.com", attributes: { plan: "max" } } });
    expect(again.body).toMatchObject({
      locale: "fr",
      pageUrl: "https://shop.example/p/7",
      products: [{ id: "p7", name: "Lamp" }],
      visitor: { id: "v-1", name: "Ana", email: "ana@example.com", attributes: { plan: "max", seats: 3 } },
    });
    const visitor = world.as(told.body.visitorToken);
    expect((await visitor.get(path())).body.visitor.name).toBe("Ana");
    expect((await visitorSays(world, key(), "Je cherche une lampe")).status).toBe(201);
    expect(await said()).toEqual([
      ["visitor", "Bonjour"],
      ["visitor", "Je cherche une lampe"],
    ]);
  });

  test.each([["c/with/slashes"], ["with spaces & ü €"], ["..%2F"], ["🛋️"], ["__proto__"], ["a".repeat(200)]])(
    "a bot's own id may be %j",
    async (id) => {
      expect((await world.bot.put(path(id), {})).body.id).toBe(id);
      expect((await world.bot.get(path(id))).body.id).toBe(id);
      const asked = await world.bot.post("/v1/handoffs", asking(id));
      expect([asked.status, asked.body.handoff.conversationId]).toEqual([201, id]);
    },
  );

  test.each([["a".repeat(201)], [""], ["line\nbreak"]])("%j is no id", async (id) => {
    const refused = await world.bot.post("/v1/handoffs", asking(id));
    expect([refused.status, refused.body.faults[0].path]).toEqual([422, "conversation.id"]);
  });
});

test("an unknown conversation is told in words, and nothing is made of it", async () => {
  const answers = await Promise.all([
    world.bot.get(path()),
    world.bot.get(`${path()}/messages`),
    world.bot.get(`${path()}/events`),
    visitorSays(world, key(), "hello"),
  ]);
  expect(answers.map((one) => [one.status, one.body.code])).toEqual(answers.map(() => [404, "not_found"]));
  expect(answers[3].body.detail).toContain("PUT /v1/conversations");
  expect((await world.bot.get(path())).status).toBe(404);
});

const at = (second: number) => new Date(Date.UTC(2026, 10, 20, 9, 0, second)).toISOString();

describe("a history that is sent again", () => {
  const words = ["Hello", "ok", "ok", "What now?", "ok"];
  const kinds: [string, (text: string, index: number) => Record<string, unknown>][] = [
    ["ids", (text, index) => ({ id: `m${index}`, role: index % 2 === 0 ? "visitor" : "bot", text })],
    ["times", (text, index) => ({ role: index % 2 === 0 ? "visitor" : "bot", text, at: at(index) })],
    ["neither", (text, index) => ({ role: index % 2 === 0 ? "visitor" : "bot", text })],
  ];

  test.each(kinds)("with %s adds nothing twice and loses nothing", async (_what, line) => {
    await world.settings({ pauseBot: "on_accept" });
    const lines = words.map(line);
    for (const count of [2, 2, 4, 5, 5]) await world.bot.put(path(), { messages: lines.slice(0, count) });
    await ask(world, key(), { messages: lines });
    await Promise.all([1, 2, 3].map(() => ask(world, key(), { messages: lines })));
    expect((await said()).map(([, text]) => text)).toEqual(words);
    await world.settings({ pauseBot: null });
  });

  test.each(kinds.slice(1))("with %s, by a bot that also tells single messages", async (_what, line) => {
    const first = line("Hello", 0);
    await ask(world, key(), { messages: [first] });
    await visitorSays(world, key(), "ok");
    await visitorSays(world, key(), "ok");
    const now = Date.now();
    const rest = ["ok", "ok", "and this is new"].map((text, index) => {
      const { at: timed } = line(text, 0);
      return { role: "visitor", text, ...(timed !== undefined && { at: new Date(now + index * 1_000).toISOString() }) };
    });
    for (const _again of [1, 2]) await ask(world, key(), { messages: [first, ...rest] });
    expect(await said()).toEqual([
      ["visitor", "Hello"],
      ["visitor", "ok"],
      ["visitor", "ok"],
      ["visitor", "and this is new"],
    ]);
  });

  test("with the agent's words and Baton's own, by a bot that kept all it heard", async () => {
    const { body } = await ask(world, key(), { messages: [{ id: "m1", role: "visitor", text: "A person, please" }] });
    await mia.post(`/v1/handoffs/${body.handoff.id}/messages`, { text: "Hi Ana" });
    await mia.post(`/v1/handoffs/${body.handoff.id}/resolve`);
    const before = (await world.bot.get(`${path()}/messages`)).body.items;
    // By Baton's own ids.
    await world.bot.put(path(), {
      messages: before.map(({ id, role, text, at: when }: Record<string, unknown>) => ({ id, role, text, at: when })),
    });
    // And as a bot that keeps no ids, and holds Baton's replies for its own words.
    await world.bot.put(path(), {
      messages: before
        .map(({ role, text }: Record<string, unknown>) => ({ role: role === "system" ? "bot" : role, text }))
        .slice(1),
    });
    const after = (await world.bot.get(`${path()}/messages`)).body.items;
    expect(after).toEqual(before);
  });
});

const long = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ id: `h${index}`, role: "visitor", text: `line ${index}` }));

describe("a long history", () => {
  test("of 10,000 messages is kept whole, and in order", async () => {
    expect((await ask(world, key(), { messages: long(10_000) })).status).toBe(201);
    const again = await ask(world, key(), { messages: long(10_000) });
    expect(again.status).toBe(200);
    const texts: string[] = [];
    for (let cursor: string | null = "0"; cursor !== null;) {
      const page: { items: { role: string; text: string }[]; nextCursor: string | null } = (
        await world.bot.get(`${path()}/messages?limit=500&cursor=${cursor}`)
      ).body;
      texts.push(...page.items.filter((one) => one.role === "visitor").map((one) => one.text));
      cursor = page.nextCursor;
    }
    expect(texts).toEqual(long(10_000).map((one) => one.text));
  });

  test("of 100,000 messages is refused in words, and nothing of it is written", async () => {
    const refused = await world.bot.post("/v1/handoffs", asking(key(), { messages: long(100_000) }));
    expect([refused.status, refused.body.code]).toEqual([422, "validation_failed"]);
    expect(refused.body.faults).toEqual([
      expect.objectContaining({ path: "conversation.messages", message: expect.stringContaining("at most 10000") }),
    ]);
    expect((await world.bot.get(path())).status).toBe(404);
  });

  test("one bad line is told by its place, and nothing of the rest is written", async () => {
    const messages = [...long(500), { id: "bad", role: "president", text: "" }, ...long(3)];
    const refused = await world.bot.post("/v1/handoffs", asking(key(), { messages }));
    expect(refused.status).toBe(422);
    expect(refused.body.faults.map((one: { path: string }) => one.path)).toContain("conversation.messages[500].role");
    expect((await world.bot.get(path())).status).toBe(404);
    await ask(world, key());
    expect((await stateOf(world, key())).epoch).toBe(2);
  });
});
