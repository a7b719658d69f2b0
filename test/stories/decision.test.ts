import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ask, asking } from "./steps.ts";
import { eventually, startWorld } from "./world.ts";
import type { World } from "./world.ts";

/** Whether a person is asked for at all, and what the visitor is told if not: through the route, with Mia at the inbox. */
let world: World;
let mia: { id: string; client: World["bot"] };
let round = 0;
beforeAll(async () => {
  world = await startWorld();
  mia = await world.agent("Mia");
});
afterAll(() => world.stop());
beforeEach(async () => {
  round += 1;
  const fields = ["enabled", "trigger", "neverAvailable", "agentsAvailable", "schedule", "presence", "destinations"];
  await world.settings(Object.fromEntries(fields.map((field) => [field, null])));
  await mia.client.put("/v1/members/me/presence", { status: "online" });
});

const key = () => `d-${round}`;

test.each([
  ["button", "visitor", "live"],
  ["button", "button", "live"],
  ["button", "bot", "declined"],
  ["auto", "visitor", "live"],
  ["auto", "button", "declined"],
  ["auto", "bot", "live"],
  ["both", "visitor", "live"],
  ["both", "button", "live"],
  ["both", "bot", "live"],
])("trigger %s, asked by %s: %s", async (trigger, asker, outcome) => {
  await world.settings({ trigger });
  const { body } = await world.bot.post("/v1/handoffs", asking(key(), {}, { trigger: asker }));
  expect(body.decision.outcome).toBe(outcome);
  expect(body.decision.because).toBe(outcome === "live" ? "open" : "trigger_off");
});

test("switched off: declined, with no handoff, and the bot carries on", async () => {
  await world.settings({ enabled: false });
  const { status, body } = await ask(world, key());
  expect(status).toBe(200);
  expect(body).toMatchObject({
    handoff: null,
    decision: { outcome: "declined", because: "disabled" },
    control: "bot",
    reply: [],
    form: null,
  });
  expect((await world.bot.post(`/v1/conversations/${key()}/messages`, { role: "bot", text: "Sure" })).status).toBe(201);
});

test("switched off while a person has the conversation: the bot is not told to speak", async () => {
  await ask(world, key());
  await world.settings({ enabled: false });
  const { body } = await ask(world, key());
  expect(body).toMatchObject({ decision: { outcome: "declined" }, control: "human" });
  expect(body.guidance).toContain("Say nothing more");
});

test.each([
  ["neverAvailable", { neverAvailable: true }, "never_available"],
  ["agentsAvailable off", { agentsAvailable: false }, "agents_unavailable"],
])("%s: a lead", async (_what, settings, because) => {
  await world.settings(settings);
  const { status, body } = await ask(world, key());
  expect(status).toBe(201);
  expect(body).toMatchObject({ decision: { outcome: "lead", because }, control: "bot", epoch: 1 });
  expect(body.form.fields.map((field: { name: string }) => field.name)).toEqual(["name", "email", "issue", "phone"]);
});

test("asked again: the open handoff, with nothing new said", async () => {
  const first = await ask(world, key());
  const again = await ask(world, key());
  expect([first.status, again.status]).toEqual([201, 200]);
  expect(again.body).toMatchObject({
    handoff: { id: first.body.handoff.id },
    decision: { outcome: "live", because: "already_open" },
    reply: [],
    epoch: first.body.epoch,
  });
});

test("a lead becomes live when the team is there and someone asks again, with the form's answer still open", async () => {
  await mia.client.put("/v1/members/me/presence", { status: "away" });
  const lead = await ask(world, key());
  expect(lead.body.decision).toMatchObject({ outcome: "lead", because: "no_agent_online" });
  const still = await ask(world, key());
  expect(still.body.decision).toMatchObject({ outcome: "lead", because: "already_open" });
  expect(still.body.form.submitUrl).toBe(lead.body.form.submitUrl);
  await mia.client.put("/v1/members/me/presence", { status: "online" });
  const live = await ask(world, key());
  expect([live.status, live.body.handoff.id]).toEqual([200, lead.body.handoff.id]);
  expect(live.body).toMatchObject({ decision: { outcome: "live", because: "open" }, control: "human", epoch: 2 });
  // The form was on the screen: what is typed into it is not turned away.
  const fields = { name: "Ana", email: "ana@example.com" };
  const left = await world.bot.post(`/v1/handoffs/${lead.body.handoff.id}/lead`, { fields, terms: true });
  expect(left.status).toBe(201);
});

describe("outside the schedule", () => {
  // A closed week but for one hour, far enough from now whenever this runs: tomorrow is closed by an override.
  const at = new Date(Date.now() + 3 * 24 * 3_600_000);
  const date = at.toISOString().slice(0, 10);
  const schedule = {
    timezone: "UTC",
    weekly: {},
    overrides: [{ date, label: "Open day", slots: [{ start: "09:05", end: "10:00" }] }],
  };

  test.each([
    ["en", /^Our team is away right now and will be back \w+day.*9:05/],
    ["de", /9:05/],
    ["fr", /9:05|9 h 05/],
    ["ro", /9:05/],
    ["ar", /.+/],
    ["tlh", /9:05/],
  ])("the reply in %s says when the team is back", async (locale, pattern) => {
    await world.settings({ schedule });
    const { body } = await ask(world, `${key()}-${locale}`, { locale });
    expect(body.decision).toEqual({
      outcome: "lead",
      because: "outside_schedule",
      opensAt: `${date}T09:05:00.000Z`,
      closesAt: null,
    });
    expect(body.reply[0].text).toMatch(pattern);
    expect(body.reply[0].text).not.toContain("{{");
    expect(body.reply).toHaveLength(2);
  });

  test("the same opening is told when asked again, and at GET /v1/availability", async () => {
    await world.settings({ schedule });
    const first = await ask(world, key());
    const again = await ask(world, key());
    expect(again.body.reply).toEqual(first.body.reply);
    expect(again.body.decision).toMatchObject({ because: "already_open", opensAt: `${date}T09:05:00.000Z` });
    const now = await world.bot.get("/v1/availability");
    expect(now.body).toMatchObject({ available: false, because: "outside_schedule", opensAt: `${date}T09:05:00.000Z` });
    const then = await world.bot.get(`/v1/availability?at=${date}T09:30:00Z`);
    expect(then.body).toMatchObject({ available: true, because: "open", closesAt: `${date}T10:00:00.000Z` });
  });
});

describe("presence in Chatwoot", () => {
  test("required: a lead while nobody is online, live when somebody is", async () => {
    await world.connectChatwoot(world.chatwoot, { presence: "require" });
    const nobody = await ask(world, `${key()}-a`);
    expect(nobody.body.decision).toMatchObject({ outcome: "lead", because: "no_agent_online" });
    world.chatwoot.setAvailability(world.chatwoot.agentId, "busy");
    world.advance(61_000);
    expect((await ask(world, `${key()}-b`)).body.decision.outcome).toBe("lead");
    world.chatwoot.setAvailability(world.chatwoot.agentId, "online");
    world.advance(61_000);
    expect((await ask(world, `${key()}-c`)).body.decision.outcome).toBe("live");
  });

  test("unknown, since Chatwoot is slow: nobody waits longer than about a second, and the request is live", async () => {
    await world.connectChatwoot(world.chatwoot, { presence: "require" });
    world.chatwoot.setAvailability(world.chatwoot.agentId, "offline");
    world.advance(61_000);
    world.chatwoot.trouble.slow(3_000, (_method, path) => path.includes("inbox_members"));
    const begun = performance.now();
    const { body } = await ask(world, key());
    expect(performance.now() - begun).toBeLessThan(1_500);
    expect(body.decision).toMatchObject({ outcome: "live", because: "open" });
    world.chatwoot.trouble.reset();
    await eventually(() => world.chatwoot.requests().some((one) => one.path.includes("inbox_members")));
  });
});
