import { isDeepStrictEqual } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import { channelBench } from "../../../test/contracts/chatwoot-channel-bench.ts";
import type { ChannelBench } from "../../../test/contracts/chatwoot-channel-bench.ts";
import { ledger } from "../../../test/contracts/effects.ts";
import type { ChatwootOptions } from "../../../test/simulators/chatwoot/index.ts";
import type { HelpdeskRef, Lead } from "../../../src/domain/handoff.ts";
import type { CloseRequest, Effect, LeadRequest, OpenRequest } from "../../../src/ports.ts";

let world: ChannelBench;
afterEach(() => world.stop());

const start = async (options: ChatwootOptions = {}, given: Record<string, unknown> = {}) =>
  (world = await channelBench(options, given));

const awkward = "Hi {{ contact.email }} {% raw %} `{{ agent.name }}`";
const destination = { id: "con_contract", team: null, priority: null, labels: [] };
const brief: OpenRequest["brief"] = {
  summary: awkward,
  reason: "asked for a person",
  trigger: "visitor",
  visitor: { id: "v-5", name: "Ana Pop", email: "ana@example.com", phone: null, attributes: {} },
  products: [{ id: "p7", name: "Desk lamp", url: "https://shop.example/p/7", price: "39.00 EUR" }],
  pageUrl: "https://shop.example/p/7",
  messages: [{ role: "visitor", text: "Where is my order?", at: new Date(), authorName: null, attachments: [] }],
};

const opening = (conversationId: string, given: Partial<OpenRequest> = {}, isTaken = false): OpenRequest => ({
  handoffId: "hnd_2",
  conversationId: "cnv_1",
  destination: { ...destination, labels: ["vip"], priority: "high" },
  brief,
  lastWords: null,
  continues: null,
  agentId: null,
  inPlace: { conversationId, isTaken },
  ...given,
});

const sales: OpenRequest["destination"] = { ...destination, labels: ["vip"], priority: "high", team: "sales" };

const at = (id: string) => world.simulator.conversation(Number(id));
const notesIn = (id: string) =>
  world.simulator
    .messages(Number(id))
    .filter((message) => message.private)
    .map(({ content }) => content ?? "");
const refOf = (conversationId: string): HelpdeskRef => ({ conversationId, contactId: null, url: null });

/** Everything that stands in a conversation but its activity lines, as text to be compared. */
const stateOf = (id: string) => {
  const { status, labels, priority, assigneeId, assigneeBotId, customAttributes, teamId } = at(id);
  const messages = world.simulator.messages(Number(id)).filter(({ messageType }) => messageType !== "activity");
  const said = messages.map(({ content, private: isNote, sender }) => ({ content, isNote, by: sender?.type }));
  return { status, labels, priority, assigneeId, assigneeBotId, customAttributes, teamId, said };
};

/** Does it with each of its writes cut off after it was done, and again. Gives what it came to then, where not to the same as undisturbed. */
async function apartAfterCuts(
  act: (effect: Effect, id: string) => Promise<unknown>,
  prepare: (id: string) => void = () => undefined,
): Promise<unknown[]> {
  await start();
  let id = world.visitorAsks();
  prepare(id);
  const before = world.bench.far.writes();
  await act(ledger("dlv_1").attempt(), id);
  const whole = stateOf(id);
  const writes = world.bench.far.writes() - before;
  expect(writes).toBeGreaterThan(0);
  const apart: unknown[] = [];
  for (let cut = 0; cut < writes; cut += 1) {
    await world.stop();
    await start();
    id = world.visitorAsks();
    prepare(id);
    const doing = ledger("dlv_1");
    world.bench.far.cutAfterWrite(cut);
    await expect(act(doing.attempt(), id)).rejects.toMatchObject({ kind: "transient", ambiguous: true });
    await act(doing.attempt({ mayHaveHappened: true }), id);
    const state = stateOf(id);
    if (!isDeepStrictEqual(state, whole)) apart.push({ cut, state });
  }
  return apart;
}

const open = (id: string, given: Partial<OpenRequest> = {}, isTaken = false) =>
  world.connector.open(opening(id, given, isTaken), ledger("dlv_open").attempt());

const closing = (id: string, given: Partial<CloseRequest> = {}): CloseRequest => ({
  handoffId: "hnd_2",
  conversationId: "cnv_1",
  ref: refOf(id),
  progress: {},
  note: "",
  inPlace: "give_back",
  ...given,
});

const close = (id: string, given: Partial<CloseRequest> = {}, key = "dlv_close") =>
  world.connector.close(closing(id, given), ledger(key).attempt());

const takenBy = (id: string) => {
  world.simulator.reopen(Number(id), world.simulator.agentId);
  world.simulator.assign(Number(id), world.simulator.agentId);
};

const contactOf = (id: string) => world.simulator.contacts().find((one) => one.id === at(id).contactId);

describe("a handoff where the bot spoke", () => {
  test("opens that very conversation, in the way that counts, once everything else stands there", async () => {
    const { simulator, visitorAsks } = await start();
    const team = simulator.addTeam({ name: "sales", memberIds: [simulator.agentId], allowAutoAssign: false });
    const id = visitorAsks();
    at(id).customAttributes = { theirs: "stays" };
    simulator.setLabels(Number(id), ["theirs"]);
    const ref = await open(id, { destination: sales });
    expect(ref).toEqual({
      conversationId: id,
      contactId: String(at(id).contactId),
      url: `${simulator.url}/app/accounts/${simulator.accountId}/conversations/${id}`,
    });
    expect(at(id)).toMatchObject({
      status: "open",
      priority: "high",
      teamId: team.id,
      labels: ["theirs", "vip"],
      customAttributes: { theirs: "stays", baton_handoff_id: "hnd_2", baton_conversation_id: "cnv_1" },
    });
    expect(simulator.botHandoffs()).toMatchObject([{ conversationId: Number(id), botId: world.botId }]);
    expect(simulator.notifications().map(({ because }) => because)).toEqual(["bot_handoff"]);
    expect([simulator.conversations().length, simulator.contacts().length]).toEqual([1, 1]);
    const writes = simulator.requests().filter(({ method }) => method !== "GET");
    expect(writes.at(-1)?.path).toMatch(/toggle_status$/);
  });

  test("is noted with what does not stand in the conversation already", async () => {
    const id = (await start()).visitorAsks();
    await open(id, { destination: sales });
    const [note, unknown, ...others] = notesIn(id);
    expect(unknown).toContain('team "sales"');
    expect(others).toEqual([]);
    for (const told of [awkward, "asked for a person", "Desk lamp", "https://shop.example/p/7", "The visitor asked"])
      expect(note).toContain(told);
    for (const known of ["Where is my order?", "ana@example.com", "no earlier messages"])
      expect(note).not.toContain(known);
    expect(world.simulator.visitorSees(Number(id)).map(({ text }) => text)).toEqual(["Where is my order?"]);
  });

  test("that a person has taken already is theirs, without a note, and open", async () => {
    const { simulator, visitorAsks } = await start();
    simulator.addTeam({ name: "sales", memberIds: [], allowAutoAssign: false });
    const id = visitorAsks();
    simulator.assign(Number(id), simulator.agentId);
    await open(id, { destination: sales }, true);
    expect(at(id)).toMatchObject({ status: "open", assigneeId: simulator.agentId });
    expect(notesIn(id)).toEqual([]);
  });

  test("that a person has taken and ended since stays ended", async () => {
    const { simulator, visitorAsks } = await start();
    const id = visitorAsks();
    simulator.resolve(Number(id), simulator.agentId);
    await open(id, {}, true);
    expect(at(id).status).toBe("resolved");
  });

  test("that is open already stays as it is", async () => {
    const { simulator, visitorAsks } = await start();
    const id = visitorAsks();
    simulator.reopen(Number(id), simulator.agentId);
    await open(id);
    expect([at(id).status, simulator.botHandoffs()]).toEqual(["open", []]);
  });

  test.each(["4.6.0", "4.12.0", "4.14.0", "4.16.2"])("comes to the same with Chatwoot %s", async (version) => {
    const id = (await start({ version })).visitorAsks();
    await open(id);
    expect(at(id)).toMatchObject({ status: "open", labels: ["vip"], assigneeBotId: null });
    expect([notesIn(id).length, world.simulator.botHandoffs().length]).toEqual([1, 1]);
  });

  test("is nobody's yet, also with the token of an agent", async () => {
    const { simulator, visitorAsks } = await start();
    const id = visitorAsks();
    const settings = { botInboxIds: [world.site], agentBotId: world.botId, agentBotToken: world.botToken };
    const connector = world.bench.connectorWith({ ...settings, apiAccessToken: simulator.agentAccessToken });
    await connector.open(opening(id), ledger("dlv_open").attempt());
    expect(at(id)).toMatchObject({ status: "open", assigneeId: null, labels: ["vip"] });
  });

  test("cut off after any of its writes is completed by the next attempt", async () => {
    expect(await apartAfterCuts((effect, id) => world.connector.open(opening(id), effect))).toEqual([]);
  });

  test.each([429, 500, 401] as const)("that Chatwoot answers with %s is done at the next try", async (status) => {
    const { simulator, visitorAsks, connector } = await start();
    const id = visitorAsks();
    const doing = ledger("dlv_open");
    simulator.trouble.failNext(1, { status, match: (_method, path) => path.endsWith("/toggle_status") });
    await expect(connector.open(opening(id), doing.attempt())).rejects.toMatchObject({
      kind: { 429: "rate_limited", 500: "transient", 401: "credentials" }[status],
    });
    await connector.open(opening(id), doing.attempt({ mayHaveHappened: status === 500 }));
    expect([at(id).status, notesIn(id).length]).toEqual(["open", 1]);
  });

  test("in a conversation that was deleted is gone", async () => {
    const id = (await start()).visitorAsks();
    world.simulator.deleteConversation(Number(id));
    await expect(open(id)).rejects.toMatchObject({ kind: "permanent", isGone: true });
  });
});

describe("a conversation given back to the bot", () => {
  test.each<[string, (id: number) => void]>([
    ["open", () => undefined],
    ["resolved", (id) => world.simulator.resolve(id)],
    ["snoozed", (id) => world.simulator.snooze(id, null)],
    ["pending", (id) => world.simulator.setStatus(id, "pending")],
  ])("was %s, and waits for it, held by nobody else", async (_status, happens) => {
    const id = (await start()).visitorAsks();
    takenBy(id);
    happens(Number(id));
    await close(id, { note: "Nobody came" });
    expect(at(id)).toMatchObject({ status: "pending", assigneeId: null, assigneeBotId: world.botId });
    expect(notesIn(id)).toEqual(["Nobody came"]);
    const writes = world.bench.far.writes();
    await close(id, { note: "" });
    expect(world.bench.far.writes()).toBe(writes);
    expect(await world.say({ conversationId: id })).toBe("said");
  });

  test.each(["4.6.0", "4.7.9"])(
    "of Chatwoot %s, which would take the bot's number for a person's, is nobody's",
    async (version) => {
      const id = (await start({ version })).visitorAsks();
      takenBy(id);
      // As it happens, an administrator has the bot's number.
      const settings = { botInboxIds: [world.site], agentBotToken: world.botToken };
      const connector = world.bench.connectorWith({ ...settings, agentBotId: world.simulator.administratorId });
      await connector.close(closing(id), ledger("dlv_close").attempt());
      expect(at(id)).toMatchObject({ status: "pending", assigneeId: null });
    },
  );

  test("of releases to come, in which an assignment changes the status, comes to the same", async () => {
    const id = (await start()).visitorAsks();
    world.simulator.setAssignmentChangesStatus(true);
    takenBy(id);
    await close(id);
    expect(at(id)).toMatchObject({ status: "pending", assigneeId: null, assigneeBotId: world.botId });
    takenBy(id);
    world.simulator.resolve(Number(id));
    await close(id, { inPlace: "let_go" }, "dlv_2");
    expect(at(id)).toMatchObject({ status: "resolved", assigneeId: null });
  });

  test("let go after a person ended it: nobody is assigned, and it stays ended until the visitor comes back", async () => {
    const { simulator, visitorAsks } = await start();
    const id = visitorAsks();
    takenBy(id);
    simulator.resolve(Number(id), simulator.agentId);
    await close(id, { inPlace: "let_go" });
    expect(at(id)).toMatchObject({ status: "resolved", assigneeId: null });
    simulator.visitorAnswers(Number(id), "One more thing");
    expect(await world.say({ conversationId: id })).toBe("said");
  });

  test("let go when the visitor is back already: the bot has it", async () => {
    const { simulator, visitorAsks } = await start();
    const id = visitorAsks();
    takenBy(id);
    simulator.resolve(Number(id), simulator.agentId);
    simulator.visitorAnswers(Number(id), "One more thing");
    expect(at(id)).toMatchObject({ status: "pending", assigneeId: simulator.agentId });
    await close(id, { inPlace: "let_go" });
    expect(at(id)).toMatchObject({ status: "pending", assigneeId: null });
  });

  test.each<[string, (id: number) => void]>([
    ["open", () => undefined],
    ["snoozed", (id) => world.simulator.snooze(id, null)],
  ])("not let go once a person has it %s again", async (_status, happens) => {
    const { simulator, visitorAsks } = await start();
    const id = visitorAsks();
    takenBy(id);
    happens(Number(id));
    const before = stateOf(id);
    await close(id, { inPlace: "let_go" });
    expect(stateOf(id)).toEqual(before);
    expect(simulator.requests().filter(({ method }) => method !== "GET")).toEqual([]);
  });

  test("that a newer handoff has is left alone; an older one's mark is not", async () => {
    const id = (await start()).visitorAsks();
    takenBy(id);
    at(id).customAttributes = { baton_handoff_id: "hnd_3" };
    await close(id);
    expect(at(id).status).toBe("open");
    at(id).customAttributes = { baton_handoff_id: "hnd_1" };
    await close(id);
    expect(at(id).status).toBe("pending");
  });

  test("that was deleted, or never begun, is nothing to do", async () => {
    const id = (await start()).visitorAsks();
    world.simulator.deleteConversation(Number(id));
    await close(id);
    await close(id, { ref: null });
    expect(world.bench.far.writes()).toBe(0);
  });

  test("cut off after any write is completed by the next attempt", async () => {
    expect(
      await apartAfterCuts((effect, id) => world.connector.close(closing(id, { note: "Back" }), effect), takenBy),
    ).toEqual([]);
  });
});

describe("a lead where the bot goes on speaking", () => {
  const lead: Lead = {
    id: "led_1",
    workspaceId: "ws_1",
    botId: "bot_1",
    conversationId: "cnv_1",
    handoffId: "hnd_2",
    contact: { name: "Ana Pop", email: "ana@example.com", phone: "+40712345678", issue: "Call me" },
    consent: null,
    pageUrl: null,
    locale: "en",
    transcriptSeq: 1,
    createdAt: new Date("2026-11-20T12:00:00Z"),
  };
  const request = (id: string, given: Partial<LeadRequest> = {}): LeadRequest => ({
    lead,
    brief: { ...brief, visitor: null },
    destination: { ...destination, labels: ["vip"] },
    ref: refOf(id),
    inPlace: true,
    ...given,
  });
  const keep = (id: string) => world.connector.lead(request(id), ledger("dlv_lead").attempt());

  test("is noted and labelled there, its contact completed, and nothing is opened or made", async () => {
    const { simulator, site } = await start();
    const id = String(simulator.visitorWrites(site, { text: "Hi", visitor: "stranger" }).conversationId);
    expect(await keep(id)).toMatchObject({ conversationId: id, contactId: String(at(id).contactId) });
    expect(at(id)).toMatchObject({ status: "pending", labels: ["lead", "vip"], assigneeId: null });
    expect(notesIn(id)).toEqual([expect.stringContaining("Call me")]);
    expect(notesIn(id)[0]).not.toContain("Where is my order?");
    expect(contactOf(id)).toMatchObject({
      name: "Ana Pop",
      email: "ana@example.com",
      phoneNumber: "+40712345678",
      customAttributes: expect.objectContaining({ lead_issue: "Call me", lead_email: "ana@example.com" }),
    });
    expect([simulator.conversations().length, simulator.contacts().length]).toEqual([1, 1]);
    expect(simulator.contactInboxes()).toHaveLength(1);
    expect(await world.say({ conversationId: id })).toBe("said");
  });

  test("keeps the name and the address that the team knows, and notes what was given", async () => {
    const { simulator, mail } = await start();
    const words = { text: "Hi", name: "Mrs Pop", email: "pop@shop.example" };
    const id = String(simulator.visitorWrites(mail, words).conversationId);
    await keep(id);
    expect(contactOf(id)).toMatchObject({ name: "Mrs Pop", email: "pop@shop.example", phoneNumber: "+40712345678" });
    expect(contactOf(id)?.customAttributes).toMatchObject({ lead_name: "Ana Pop", lead_email: "ana@example.com" });
  });

  test("with an address that is somebody else's is kept all the same", async () => {
    const { simulator, mail, site } = await start();
    simulator.visitorWrites(mail, { text: "Hi", visitor: "other", email: "ana@example.com" });
    const id = String(simulator.visitorWrites(site, { text: "Hi", visitor: "stranger" }).conversationId);
    await keep(id);
    expect(contactOf(id)?.customAttributes).toMatchObject({ email_as_given: "ana@example.com" });
  });

  test("cut off after any write is completed by the next attempt", async () => {
    expect(await apartAfterCuts((effect, id) => world.connector.lead(request(id), effect))).toEqual([]);
  });
});
