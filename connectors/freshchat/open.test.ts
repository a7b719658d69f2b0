import { afterEach, describe, expect, test } from "vitest";
import { ledger } from "../../test/contracts/effects.ts";
import { freshchatBench, lineOf } from "../../test/contracts/freshchat-bench.ts";
import type { FreshchatBench } from "../../test/contracts/freshchat-bench.ts";
import { anywhere, handoff, leftDetails, says } from "../../test/contracts/freshchat-samples.ts";
import type { FreshchatOptions } from "../../test/simulators/freshchat/index.ts";
import type { OpenRequest } from "../../src/ports.ts";

const photo = { url: "https://files.example/lamp.png", name: "lamp.png", contentType: "image/png", size: 12 };

let bench: FreshchatBench;
afterEach(() => bench.stop());
const start = async (options: FreshchatOptions = {}) => {
  bench = await freshchatBench(options);
  return bench.simulator;
};

let attempts = 0;
const anew = () => ledger(`dlv_${(attempts += 1)}`);
const open = (given: Partial<OpenRequest> = {}, connector = bench.connector, opening = anew()) =>
  connector.open(handoff(given), opening.attempt());
const linesOf = (id: string) => bench.simulator.messages(id).map(lineOf);
const notesIn = (id: string) => linesOf(id).flatMap(({ by, text }) => (by === "note" ? [text] : []));
const wordsIn = (id: string) => linesOf(id).flatMap(({ by, text }) => (by === "visitor" ? [text] : []));
const isCreation = (method: string, path: string) => method === "POST" && path === "/v2/conversations";
const isMessage = (method: string, path: string) => method === "POST" && path.endsWith("/messages");
const only = () => {
  const all = bench.simulator.conversations();
  expect(all).toHaveLength(1);
  return all[0]!;
};

describe("a handoff", () => {
  test("tells both ids and the address of its conversation", async () => {
    const simulator = await start();
    const ref = await open();
    const { id, number, userId } = only();
    expect(ref).toMatchObject({ conversationId: id, contactId: userId, otherId: String(number) });
    expect(ref.url).toContain(`${simulator.url}/`);
  });

  test("goes without what the account does not tell", async () => {
    await start({ numberFields: "none", withUrl: false, createAnswer: "slim", messageAnswer: "id_only" });
    expect(await open()).toMatchObject({ conversationId: only().id, url: null, otherId: null });
    expect(linesOf(only().id).map(({ by }) => by)).toEqual(["visitor", "note"]);
  });

  test("begins its note with its id, labels and the conversation that it goes on from, in plain text", async () => {
    await start();
    const continues = { conversationId: "c-old", contactId: null, url: "https://acme.freshchat.com/a/1" };
    const opening = anew();
    opening.progress["contactId"] = (await open()).contactId ?? "";
    const destination = { ...anywhere, labels: ["vip", "billing"] };
    const { conversationId } = await open({ continues, destination }, bench.connector, opening);
    const [note = ""] = notesIn(conversationId);
    expect(note.split("\n").slice(0, 5)).toEqual([
      "Baton handoff hnd_1",
      "Labels: vip, billing",
      "Continues: https://acme.freshchat.com/a/1",
      "",
      "A conversation for a person",
    ]);
  });

  test("writes its notes as the bot, or as its agent seat, and as the bot when that seat is gone", async () => {
    const simulator = await start();
    const actorOf = (id: string) => simulator.messages(id).find(({ messageType }) => messageType === "private")?.actor;
    expect(actorOf((await open()).conversationId)).toEqual({ type: "bot", id: null });
    const seat = bench.connectorWith({ agentId: simulator.agentId });
    expect(actorOf((await open({}, seat)).conversationId)).toEqual({ type: "agent", id: simulator.agentId });
    const gone = bench.connectorWith({ agentId: "11111111-2222-4333-8444-555555555555" });
    expect(actorOf((await open({}, gone)).conversationId)).toEqual({ type: "bot", id: null });
  });

  test("sets priority and custom fields; what a visitor wrote is no placeholder", async () => {
    const simulator = await start();
    simulator.addField({ name: "cf_from" });
    simulator.addField({ name: "cf_vip" });
    const conversationProperties = { cf_from: "{{botName}}: {{reason}} ({{labels}})", cf_vip: true };
    const { brief } = handoff();
    await open(
      {
        destination: { ...anywhere, priority: "urgent", labels: ["vip"] },
        brief: { ...brief, reason: "{{handoffId}}" },
      },
      bench.connectorWith({ conversationProperties }),
    );
    expect(only().properties).toEqual({ priority: "Urgent", cf_from: "Shop bot: {{handoffId}} (vip)", cf_vip: true });
  });

  test("opens without the fields that the account refuses, and the note names them", async () => {
    await start();
    await open({}, bench.connectorWith({ conversationProperties: { cf_unknown: "x" } }));
    expect(only().properties).toEqual({});
    expect(wordsIn(only().id)).toEqual(["A person, please"]);
    expect(notesIn(only().id)[0]).toContain("Not set, since FreshChat refused it: cf_unknown");
  });

  test.each([
    ["by name, whatever its case", "name"],
    ["by id", "id"],
  ])("goes to the destination's team, %s", async (_by, named) => {
    const simulator = await start();
    const returns = simulator.addGroup("Returns");
    await open({ destination: { ...anywhere, team: named === "id" ? returns.id : "RETURNS" } });
    expect(only()).toMatchObject({ groupId: returns.id, status: "new" });
  });

  test("goes to the connection's group when the team is unknown, and the note says so", async () => {
    const simulator = await start();
    await open({ destination: { ...anywhere, team: "Nobody" } });
    expect(only().groupId).toBe(simulator.groupId);
    expect(notesIn(only().id)[0]).toContain('the team "Nobody", which is no group of this account');
  });

  test("waits for anybody when FreshChat refuses the group", async () => {
    await start();
    await open({}, bench.connectorWith({ groupId: "gone" }));
    expect(only().groupId).toBeNull();
    expect(notesIn(only().id).at(-1)).toContain("refused the group");
  });

  test("goes back to the agent who had the conversation before; one who is gone is no failure", async () => {
    const simulator = await start();
    const { conversationId } = await open({ agentId: simulator.agentId });
    expect(simulator.conversation(conversationId)).toMatchObject({ agentId: simulator.agentId, status: "assigned" });
    const other = await open({ agentId: "nobody" });
    expect(simulator.conversation(other.conversationId)).toMatchObject({ agentId: null, status: "new" });
  });

  test("needs a channel, and says where to choose it", async () => {
    await start();
    await expect(open({}, bench.connectorWith({ channelId: null }))).rejects.toMatchObject({
      kind: "credentials",
      message: expect.stringContaining("choose one in the connection's settings") as string,
    });
    expect(bench.simulator.conversations()).toEqual([]);
  });

  test("without words of the visitor begins with the note", async () => {
    await start();
    await open({ lastWords: null });
    expect(linesOf(only().id).map(({ by }) => by)).toEqual(["note"]);
  });

  test("without words, where a note cannot be first, begins with a neutral line", async () => {
    await start({ privateFirstMessage: "refuse" });
    await open({ lastWords: null });
    expect(linesOf(only().id).map(({ by }) => by)).toEqual(["visitor", "note"]);
  });

  test("shows a bot's last words to the team alone", async () => {
    await start();
    await open({ lastWords: says("I am a bot", 1, { role: "bot" }) });
    expect(wordsIn(only().id)).toEqual([]);
  });

  test("passes long words whole, and long conversations in notes that fit", async () => {
    await start({ maxTextLength: 5_000 });
    const text = "wörter ".repeat(1_500);
    const { brief } = handoff();
    const messages = Array.from({ length: 80 }, (_, i) => ({
      role: "bot" as const,
      text: `${i} ${"z".repeat(300)}`,
      attachments: [],
    }));
    await open({ lastWords: says(text), brief: { ...brief, messages } });
    expect(wordsIn(only().id).join("")).toBe(text);
    const notes = notesIn(only().id);
    expect(notes.length).toBeGreaterThan(4);
    for (let i = 0; i < 80; i += 1) expect(notes.join("\n")).toContain(`> ${i} zzz`);
  });
});

describe("an opening that was cut", () => {
  test.each([
    ["with words", handoff({ lastWords: says("one two three") }), {}],
    ["with long words", handoff({ lastWords: says("aaaa ".repeat(2_500)) }), {}],
    ["without words", handoff({ lastWords: null }), {}],
    ["without words, no note first", handoff({ lastWords: null }), { privateFirstMessage: "refuse" }],
    [
      "with slim answers",
      handoff(),
      { createAnswer: "slim", messageAnswer: "id_only", userConversations: "oldest_first" },
    ],
    ["with a welcome message", handoff(), { sendsWelcome: true }],
    ["with a file", handoff({ lastWords: says("See", 1, { attachments: [photo] }) }), {}],
  ] as [string, OpenRequest, FreshchatOptions][])(
    "%s is completed once, whichever write it was",
    async (_how, request, options) => {
      await start(options);
      await bench.connector.open(request, anew().attempt());
      const whole = linesOf(only().id);
      const writes = bench.far.writes();
      expect(writes).toBeGreaterThan(2);
      for (let cut = 0; cut < writes; cut += 1) {
        await bench.stop();
        await start(options);
        bench.far.cutAfterWrite(cut);
        const opening = anew();
        await expect(bench.connector.open(request, opening.attempt())).rejects.toMatchObject({ ambiguous: true });
        // Another process takes it up.
        const ref = await bench.connectorWith().open(request, opening.attempt({ mayHaveHappened: true }));
        expect(linesOf(only().id), `write ${cut + 1} of ${writes}`).toEqual(whole);
        expect(ref.conversationId).toBe(only().id);
      }
    },
  );

  test("is not mistaken for an earlier conversation with the same words, nor for another handoff's", async () => {
    const simulator = await start();
    const earlier = await open();
    simulator.resolve(earlier.conversationId);
    const opening = anew();
    simulator.trouble.timeoutAfterDoingTheWork(1, isCreation, "destroy");
    await expect(open({ handoffId: "hnd_2" }, bench.connector, opening)).rejects.toMatchObject({ ambiguous: true });
    const cut = simulator.conversations().at(-1)!.id;
    const others = await open({ handoffId: "hnd_3" }, bench.connectorWith());
    const ref = await open({ handoffId: "hnd_2" }, bench.connectorWith(), opening);
    expect(ref.conversationId).toBe(cut);
    expect([earlier.conversationId, others.conversationId]).not.toContain(cut);
    expect(notesIn(cut)[0]).toContain("Baton handoff hnd_2");
  });

  test("before anything was stored is made anew", async () => {
    const simulator = await start();
    const opening = anew();
    simulator.trouble.resetBeforeWork(1, isCreation);
    await expect(open({}, bench.connector, opening)).rejects.toMatchObject({ ambiguous: true });
    await open({}, bench.connector, opening);
    expect(linesOf(only().id).map(({ by }) => by)).toEqual(["visitor", "note"]);
  });

  test("400 although it was made is success", async () => {
    const simulator = await start();
    simulator.trouble.failAfterDoingTheWork(1, { status: 400, match: isCreation });
    const ref = await open();
    expect(ref.conversationId).toBe(only().id);
  });
});

describe("a conversation that takes nothing more", () => {
  const stale = { staleConversations: "refuse" } as const;

  test("is gone on from with the same user", async () => {
    const simulator = await start(stale);
    const first = await open();
    simulator.resolve(first.conversationId);
    const sending = anew();
    expect(await bench.connector.send(first, says("Wait!", 2), sending.attempt())).toBe("stale");
    sending.progress["contactId"] = first.contactId ?? "";
    sending.progress["stale"] = first.conversationId;
    const second = await open({ lastWords: says("Wait!", 2), continues: first }, bench.connector, sending);
    expect(second).toMatchObject({ contactId: first.contactId });
    expect(second.conversationId).not.toBe(first.conversationId);
    expect(wordsIn(second.conversationId)).toEqual(["Wait!"]);
    expect(notesIn(second.conversationId)[0]).toContain(`Continues: ${first.url}`);
    expect(await bench.connector.send(second, says("Hello?", 3), anew().attempt())).toBe("sent");
  });

  test("is gone on from with a user of its own where a newer one of the visitor's is open", async () => {
    const simulator = await start(stale);
    const first = await open();
    const others = await open({ handoffId: "hnd_2", conversationId: "cnv_2" });
    expect(await bench.connector.send(first, says("Here", 2), anew().attempt())).toBe("stale");
    const continuing = anew();
    continuing.progress["contactId"] = first.contactId ?? "";
    const second = await open({ lastWords: says("Here", 2), continues: first }, bench.connector, continuing);
    expect(simulator.user(second.contactId ?? "")).toMatchObject({
      referenceId: "baton-cnv_1abc",
      firstName: "Ana",
      email: null,
      phone: null,
    });
    // Neither is in the other's way any more.
    for (const ref of [second, others, second])
      expect(await bench.connector.send(ref, says("more", 3), anew().attempt())).toBe("sent");
  });

  test("is gone on from once, also when the creation was cut", async () => {
    const simulator = await start(stale);
    const first = await open();
    simulator.resolve(first.conversationId);
    const continuing = anew();
    continuing.progress["contactId"] = first.contactId ?? "";
    const request = { lastWords: says("Wait!", 2), continues: first };
    simulator.trouble.timeoutAfterDoingTheWork(1, isCreation, "destroy");
    await expect(open(request, bench.connector, continuing)).rejects.toMatchObject({ ambiguous: true });
    const second = await open(request, bench.connectorWith(), continuing);
    expect(simulator.conversations().map(({ id }) => id)).toEqual([first.conversationId, second.conversationId]);
    expect(second.contactId).toBe(first.contactId);
  });

  test("already while it is being filled is left for another, which tells everything", async () => {
    const simulator = await start(stale);
    let newer = 0;
    simulator.trouble.failNext(1, {
      status: 400,
      match: (method, path) => isMessage(method, path) && (newer += 1) === 1,
      body: { code: 400, status: "BAD_REQUEST", message: "Conversation is not the latest conversation of the user" },
    });
    const ref = await open();
    expect(simulator.conversations()).toHaveLength(2);
    expect(wordsIn(ref.conversationId)).toEqual(["A person, please"]);
    expect(notesIn(ref.conversationId)[0]).toContain("Continues: conversation ");
  });

  test("is opened for a lead that goes live, with the visitor's words", async () => {
    await start();
    const lead = await bench.connector.lead(
      { lead: leftDetails(), brief: handoff().brief, destination: anywhere, ref: null },
      anew().attempt(),
    );
    bench.simulator.resolve(lead.conversationId);
    const opening = anew();
    Object.assign(opening.progress, { conversationId: lead.conversationId, contactId: lead.contactId });
    const ref = await open({}, bench.connector, opening);
    expect(ref.conversationId).toBe(lead.conversationId);
    expect(wordsIn(only().id)).toEqual(["A person, please"]);
    expect(only().status).not.toBe("resolved");
  });

  test("is left for another when a lead in it goes live", async () => {
    const simulator = await start(stale);
    const lead = await bench.connector.lead(
      { lead: leftDetails(), brief: handoff().brief, destination: anywhere, ref: null },
      anew().attempt(),
    );
    simulator.resolve(lead.conversationId);
    const opening = anew();
    Object.assign(opening.progress, { conversationId: lead.conversationId, contactId: lead.contactId });
    const ref = await open({}, bench.connector, opening);
    expect(ref.conversationId).not.toBe(lead.conversationId);
    expect(wordsIn(ref.conversationId)).toEqual(["A person, please"]);
  });
});

const keep = (given = {}, keeping = anew()) =>
  bench.connector.lead(
    { lead: leftDetails(), brief: handoff().brief, destination: anywhere, ref: null, ...given },
    keeping.attempt(),
  );

describe("a lead", () => {
  test("is the form's person, and never overwrites what the team has", async () => {
    const simulator = await start();
    const { conversationId, contactId } = await keep({
      lead: leftDetails({ name: "Ana P", email: "home@example.com", phone: "+40799999999" }),
    });
    expect(simulator.user(contactId ?? "")).toMatchObject({ email: "home@example.com", phone: "+40799999999" });
    expect(notesIn(conversationId)[0]).toContain("Call me about order 1042");
    expect(notesIn(conversationId)[0]).toContain("Labels: lead");
    await keep({ lead: leftDetails({ email: "other@example.com" }) });
    expect(simulator.user(contactId ?? "")).toMatchObject({ email: "home@example.com", firstName: "Ana" });
  });

  test("goes into the conversation that was live, which is opened again", async () => {
    const simulator = await start();
    const live = await open();
    simulator.resolve(live.conversationId);
    const ref = await keep({ ref: live });
    expect(ref.conversationId).toBe(live.conversationId);
    expect(only()).toMatchObject({ status: "new", groupId: simulator.groupId });
    expect(notesIn(live.conversationId)).toHaveLength(2);
  });

  test("goes into a new one where the live one stays resolved", async () => {
    const simulator = await start();
    const live = await open();
    simulator.resolve(live.conversationId);
    const match = (method: string, path: string) => method === "PUT" && path.endsWith(live.conversationId);
    simulator.trouble.failNext(2, { status: 400, match });
    const ref = await keep({ ref: live });
    expect(simulator.conversation(ref.conversationId)).toMatchObject({ status: "new", userId: live.contactId });
    expect(notesIn(ref.conversationId)[0]).toContain(`Continues: conversation ${live.conversationId}`);
  });

  test("goes into a new one where the live one takes nothing more, or is gone", async () => {
    const simulator = await start({ staleConversations: "refuse" });
    const live = await open();
    simulator.resolve(live.conversationId);
    const ref = await keep({ ref: live });
    expect(ref.conversationId).not.toBe(live.conversationId);
    expect(notesIn(ref.conversationId)).toHaveLength(1);
    const other = await keep({ ref: { ...live, conversationId: "deleted", otherId: null } });
    expect(notesIn(other.conversationId)).toHaveLength(1);
  });

  test.each(["accept", "refuse"] as const)(
    "that was cut is completed once (%s a note as the first message)",
    async (privateFirstMessage) => {
      await start({ privateFirstMessage });
      await keep();
      const whole = linesOf(only().id);
      const writes = bench.far.writes();
      for (let cut = 0; cut < writes; cut += 1) {
        await bench.stop();
        await start({ privateFirstMessage });
        bench.far.cutAfterWrite(cut);
        const keeping = anew();
        await keep({}, keeping).catch(() => null);
        await keep({}, keeping);
        expect(linesOf(only().id), `write ${cut + 1} of ${writes}`).toEqual(whole);
      }
    },
  );
});
