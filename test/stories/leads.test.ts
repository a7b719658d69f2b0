import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ask, askedAndOpened, becomes, heard, historyOf, notes, reply, stateOf, visitorSays } from "./steps.ts";
import { eventually, startWorld } from "./world.ts";
import type { World } from "./world.ts";

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(async () => {
  world.chatwoot.assertNoViolations();
  await world.stop();
});

const details = { name: "Ana Pop", email: "ana@example.com", phone: "+40 721 234 567", issue: "Order 1042" };
const form = (fields: Record<string, unknown> = details) => ({ fields, terms: { accepted: true } });
const isCreation = (method: string, path: string) => method === "POST" && path.endsWith("/conversations");
const submit = (handoffId: string, body: unknown) => world.bot.post(`/v1/handoffs/${handoffId}/lead`, body);

describe("a lead with Chatwoot connected", () => {
  beforeEach(async () => {
    await world.connectChatwoot(world.chatwoot, { agentsAvailable: false });
  });

  test("appears there as contact, labelled conversation and note; the agent's answer makes it live", async () => {
    const { body } = await ask(world, "c-1", { visitor: { id: "v-5" } });
    expect(body).toMatchObject({
      decision: { outcome: "lead", because: "agents_unavailable" },
      reply: [
        { text: "Our team is not available right now." },
        { text: "Leave your details and we will get back to you." },
      ],
    });
    expect(world.chatwoot.conversations()).toHaveLength(0);
    await submit(body.handoff.id, form());
    const [conversation] = await eventually(() => {
      const found = world.chatwoot.conversations();
      return found[0]?.labels.includes("lead") ? found : null;
    });
    // Until Baton has stored where it stands, a webhook from there is nobody's, and the first look finds what it told of.
    await eventually(
      async () => (await world.baton.store.read.handoff(world.first.workspaceId, body.handoff.id))?.ref !== null,
    );
    expect(world.chatwoot.contacts()).toHaveLength(1);
    expect(world.chatwoot.contacts()[0]).toMatchObject({
      name: "Ana Pop",
      email: "ana@example.com",
      phoneNumber: "+40721234567",
    });
    const told = notes(world.chatwoot, conversation!.id);
    for (const part of ["Where is my order?", "Which number does it have?", "Order 1042", "terms and conditions"])
      expect(told).toContain(part);
    expect(world.chatwoot.messages(conversation!.id).filter((one) => one.messageType === "incoming")).toEqual([]);
    expect((await stateOf(world, "c-1")).control).toBe("bot");

    await visitorSays(world, "c-1", "It was 1043, sorry.");
    await world.bot.post("/v1/conversations/c-1/messages", { role: "bot", text: "Noted." });
    reply(world.chatwoot, conversation!.id, "Hello Ana, found it.");
    await becomes(world, "c-1", { control: "human", mode: "live", status: "acknowledged" });
    expect((await heard(world, "message.created")).data.message.text).toBe("Hello Ana, found it.");
    const refused = await world.bot.post("/v1/conversations/c-1/messages", { role: "bot", text: "Me too!" });
    expect(refused.body.code).toBe("human_in_control");
    await visitorSays(world, "c-1", "Great!");
    const incoming = () =>
      world.chatwoot
        .messages(conversation!.id)
        .filter((one) => one.messageType === "incoming")
        .map((one) => one.content);
    // What was said between the lead and its answer is shown to the agent as well.
    await eventually(() => incoming().includes("Great!"));
    expect(incoming()).toEqual(["It was 1043, sorry.", "Great!"]);
    expect(notes(world.chatwoot, conversation!.id)).toContain("Bot: Noted.");
    expect(world.chatwoot.conversations()).toHaveLength(1);
  });

  test("an answer to a lead is found although its webhook was lost", async () => {
    const { body } = await ask(world, "c-2");
    await submit(body.handoff.id, form());
    await eventually(() => world.chatwoot.conversations()[0]?.labels.includes("lead"));
    await becomes(world, "c-2", { mode: "lead" });
    await eventually(async () => (await stateOf(world, "c-2")).handoff.destination !== null);
    world.chatwoot.trouble.dropWebhooks(true);
    reply(world.chatwoot, world.chatwoot.conversations()[0]!.id, "Nobody rang.");
    await eventually(async () => {
      world.advance(10_000);
      return (await stateOf(world, "c-2")).control === "human";
    });
    expect((await historyOf(world, "c-2")).at(-1)).toEqual(["agent", "Nobody rang."]);
  });

  test("someone who asks again when the team is there goes on in the lead's own conversation", async () => {
    const { body } = await ask(world, "c-3");
    await submit(body.handoff.id, form());
    await eventually(async () => (await stateOf(world, "c-3")).handoff.destination !== null);
    const again = await ask(world, "c-3");
    expect(again.status).toBe(200);
    expect(again.body).toMatchObject({
      handoff: { id: body.handoff.id, mode: "lead" },
      decision: { outcome: "lead", because: "already_open" },
      form: null,
      reply: [{ text: "Our team is not available right now." }],
    });

    await world.settings({ agentsAvailable: true });
    const live = await ask(world, "c-3");
    expect(live.status).toBe(200);
    expect(live.body).toMatchObject({
      handoff: { id: body.handoff.id, mode: "live", opened: false },
      decision: { outcome: "live", because: "open" },
      control: "human",
    });
    await eventually(async () => (await stateOf(world, "c-3")).handoff.opened);
    expect(world.chatwoot.conversations()).toHaveLength(1);
    const [conversation] = world.chatwoot.conversations();
    expect(conversation!.labels).toEqual(["lead"]);
    reply(world.chatwoot, conversation!.id, "Now I am here.");
    expect((await heard(world, "message.created")).data.message.text).toBe("Now I am here.");
  });

  test("a visitor who leaves after the form does not close the lead for the team", async () => {
    const { body } = await ask(world, "c-4");
    await submit(body.handoff.id, form());
    await eventually(() => world.chatwoot.conversations()[0]?.labels.includes("lead"));
    await eventually(async () => (await stateOf(world, "c-4")).handoff.destination !== null);
    expect((await world.bot.post(`/v1/handoffs/${body.handoff.id}/resolve`)).status).toBe(200);
    await eventually(async () => (await world.admin.get("/v1/deliveries?state=waiting")).body.items.length === 0);
    const [conversation] = world.chatwoot.conversations();
    expect(conversation!.status).toBe("open");
    // That it is open is no reopening; an answer is.
    world.chatwoot.setLabels(conversation!.id, ["lead", "vip"]);
    world.chatwoot.setPriority(conversation!.id, "urgent");
    await world.chatwoot.settled();
    await ask(world, "c-4-beside");
    expect(await stateOf(world, "c-4")).toMatchObject({ control: "bot", handoff: { status: "resolved" } });
    reply(world.chatwoot, conversation!.id, "We found your order.");
    await becomes(world, "c-4", { control: "human", mode: "live", status: "acknowledged" });
    expect((await heard(world, "message.created")).data.message.text).toBe("We found your order.");
  });

  test("a lead's conversation that was deleted in Chatwoot is made anew when it becomes live", async () => {
    const { body } = await ask(world, "c-9");
    await submit(body.handoff.id, form());
    await eventually(async () => (await stateOf(world, "c-9")).handoff.destination !== null);
    await world.chatwoot.settled();
    const [gone] = world.chatwoot.conversations();
    const isGone = (_method: string, path: string) => path.includes(`/conversations/${gone!.id}`);
    const error = { error: "Resource could not be found" };
    world.chatwoot.trouble.failNext(1_000, { status: 404 as 401, match: isGone, body: error });
    await world.settings({ agentsAvailable: true });
    await ask(world, "c-9");
    await eventually(async () => (await stateOf(world, "c-9")).handoff.opened);
    expect(world.chatwoot.conversations()).toHaveLength(2);
    reply(world.chatwoot, world.chatwoot.conversations()[1]!.id, "In the new one.");
    await becomes(world, "c-9", { control: "human", status: "acknowledged" });
  });

  test("a lead after an accept time-out goes into the conversation that is there", async () => {
    await world.settings({ agentsAvailable: true, acceptWithinSeconds: 60 });
    const id = await askedAndOpened(world, "c-5");
    world.advance(61_000);
    const missed = await heard(world, "handoff.missed");
    expect(missed.data.form.submitUrl).toContain(id);
    expect((await submit(id, form())).status).toBe(201);
    await eventually(() => world.chatwoot.conversations()[0]?.labels.includes("lead"));
    expect(world.chatwoot.conversations()).toHaveLength(1);
    expect(notes(world.chatwoot, world.chatwoot.conversations()[0]!.id)).toContain("+40721234567");
    reply(world.chatwoot, world.chatwoot.conversations()[0]!.id, "Late, but here.");
    await becomes(world, "c-5", { control: "human", mode: "live", status: "acknowledged" });
  });

  test("a lead left while the helpdesk is being opened survives its moving on", async () => {
    await world.settings({ agentsAvailable: true, contactForm: "always" });
    await world.chatwoot.trouble.down("503");
    const { body } = await ask(world, "c-6");
    expect(body.form.fields).toHaveLength(4);
    expect((await submit(body.handoff.id, form())).status).toBe(201);
    await heard(world, "handoff.missed");
    await world.chatwoot.trouble.up();
    world.advance(120_000);
    await eventually(() => {
      world.advance(5_000);
      return world.chatwoot.conversations()[0]?.labels.includes("lead");
    });
    expect(world.chatwoot.conversations()).toHaveLength(1);
    expect(world.chatwoot.conversations()[0]!.status).toBe("open");
  });

  test("a lead whose live conversation was begun and given up stands open for the team", async () => {
    await world.settings({ agentsAvailable: true });
    world.chatwoot.trouble.timeoutAfterDoingTheWork(1, isCreation, "destroy");
    // The answer is lost, and from then on nothing works.
    world.chatwoot.trouble.failNext(1_000, { status: 503, match: () => world.chatwoot.conversations().length > 0 });
    const { body } = await ask(world, "c-8");
    await eventually(() => world.chatwoot.conversations().length === 1);
    await heard(world, "handoff.missed");
    await submit(body.handoff.id, form());
    world.chatwoot.trouble.reset();
    await eventually(() => {
      world.advance(5_000);
      return world.chatwoot.conversations().some((one) => one.labels.includes("lead"));
    });
    for (const state of ["waiting", "sending"])
      await eventually(async () => (await world.admin.get(`/v1/deliveries?state=${state}`)).body.items.length === 0);
    const labelled = world.chatwoot.conversations().filter((one) => one.labels.includes("lead"));
    expect(labelled.map((one) => one.status)).toEqual(["open"]);
  });

  test("a lead that is owed survives a restart while the helpdesk is down", async () => {
    await world.chatwoot.trouble.down("refused");
    const { body } = await ask(world, "c-7");
    await submit(body.handoff.id, form());
    await world.restart();
    await world.chatwoot.trouble.up();
    await eventually(() => {
      world.advance(1_000);
      return world.chatwoot.conversations()[0]?.labels.includes("lead");
    });
    expect(world.chatwoot.conversations()).toHaveLength(1);
    expect(world.chatwoot.contacts()).toHaveLength(1);
  });
});

describe("contactForm always, with a live agent", () => {
  test("the form comes with the connection, its custom response follows, and the agent sees the details", async () => {
    await world.connectChatwoot(world.chatwoot, {
      contactForm: "always",
      messages: { en: { custom: "Meanwhile, see our FAQ." } },
    });
    const { body } = await ask(world, "a-1", { visitor: { id: "v-5" } });
    expect(body).toMatchObject({
      decision: { outcome: "live" },
      reply: [
        { text: "I am connecting you with a person." },
        { text: "Leave your details and we will get back to you." },
      ],
    });
    const left = await submit(body.handoff.id, form());
    expect(left.body.reply).toEqual([
      { text: "Thank you. We have received your details and will get back to you." },
      { text: "Meanwhile, see our FAQ." },
    ]);
    expect(left.body.guidance).toContain("Say nothing more");
    expect((await stateOf(world, "a-1")).handoff.mode).toBe("live");
    await eventually(() => {
      const [conversation] = world.chatwoot.conversations();
      return conversation && notes(world.chatwoot, conversation.id).includes("+40721234567");
    });
    expect(world.chatwoot.conversations()).toHaveLength(1);
    const again = await ask(world, "a-1");
    expect(again.body).toMatchObject({ decision: { because: "already_open" }, form: null, reply: [] });
  });
});
