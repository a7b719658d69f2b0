import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import { createLogger } from "../../src/logging.ts";
import { ask, askedAndOpened, asking, becomes, heard, reply, visitorSays } from "./steps.ts";
import { eventually, startWorld } from "./world.ts";
import type { Json, World } from "./world.ts";

/** Nothing of these may be left anywhere. */
const CANARY = {
  visitor: { id: "v-canary-77", name: "Canaria Vogel", email: "Canary.Bird@Example.com", phone: "+40 722 999 888" },
  words: "my canary has flown to Tenerife",
  product: "Canary cage",
  page: "https://shop.example/canary-cage",
  key: "c-canary-31",
};
const TRACES = ["anaria", "ogel", "anary", "722999888", "722 999 888", "Tenerife"];

async function story(): Promise<{ world: World; logged: () => string; connectionId: string }> {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const world = await startWorld({ log: createLogger({ level: "debug", destination }) });
  onTestFinished(() => world.stop());
  await world.settings({ notify: { email: ["team@shop.example"] }, contactForm: "always" });
  return { world, logged: () => lines.join(""), connectionId: await world.connectChatwoot() };
}

const about = {
  visitor: CANARY.visitor,
  pageUrl: CANARY.page,
  products: [{ name: CANARY.product }],
  summary: `Says: ${CANARY.words}`,
  channel: { type: "whatsapp", id: "+40722999888" },
  messages: [{ id: "m1", role: "visitor", text: CANARY.words, at: "2026-11-20T09:00:00Z" }],
};
const person = { email: "canary.bird@example.COM" };

/** Everything that a person leaves behind: a handoff, lines both ways, a lead, answers kept under keys. */
async function live(world: World, key = CANARY.key): Promise<string> {
  const id = await askedAndOpened(world, key, about);
  const keyed = { "Idempotency-Key": `${key}-1` };
  const again = { "Idempotency-Key": `${key}-2` };
  await world.bot.post("/v1/handoffs", asking(key, about), keyed);
  const said = { role: "visitor", text: CANARY.words };
  expect((await world.bot.post(`/v1/conversations/${key}/messages`, said, again)).status).toBe(201);
  const { name, email, phone } = CANARY.visitor;
  const form = { name, email, phone, issue: CANARY.words, termsAccepted: true };
  const lead = await world.bot.post(`/v1/handoffs/${id}/lead`, form, { "Idempotency-Key": `${key}-3` });
  expect(lead.status).toBe(201);
  return id;
}

async function quiet(world: World): Promise<void> {
  await eventually(async () => {
    const counts = await world.baton.store.read.deliveryCounts(world.first.workspaceId);
    return (counts.waiting ?? 0) + (counts.sending ?? 0) === 0;
  });
}

/** Everything that lies in the data directory, or in the database where that is elsewhere. */
async function everyByte(world: World): Promise<string> {
  const files = readdirSync(world.dataDir, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  const bytes = files.map((one) => readFileSync(join(one.parentPath, one.name)).toString("latin1"));
  const isElsewhere = !files.some(({ name }) => name === "baton.db");
  return bytes.join("") + (isElsewhere ? await world.stored() : "");
}
const tracesIn = (text: string) => TRACES.filter((trace) => text.includes(trace));
const onSqlite = process.env["BATON_TEST_DATABASE"] !== "postgres";

test("a person is found, told everything, erased to the last byte, and named to whoever has a copy", async () => {
  const { world, logged, connectionId } = await story();
  const id = await live(world);
  await ask(world, "c-ana");
  const [there] = world.chatwoot.conversations();
  reply(world.chatwoot, there!.id, "Good morning");
  await heard(world, "message.created");
  await quiet(world);

  const found = await world.admin.post("/v1/people/search", { phone: "0040 (722) 999-888" });
  expect(found.body).toMatchObject({
    conversations: [
      { conversationId: CANARY.key, visitor: { name: CANARY.visitor.name }, handoffs: 1, openHandoffs: 1 },
    ],
    others: 0,
    erasures: [],
  });
  const { body: told } = await world.admin.post("/v1/people/export", { visitorId: "v-canary-77" });
  expect(told).toMatchObject({ format: "baton.person.1", workspaceId: world.first.workspaceId });
  expect(told.conversations).toHaveLength(1);
  const [all] = told.conversations;
  expect(all.messages.map((one: Json) => one.text)).toEqual(expect.arrayContaining([CANARY.words, "Good morning"]));
  expect(all.handoffs[0]).toMatchObject({ id, lead: { contact: { name: CANARY.visitor.name } } });
  expect(all.handoffs[0].lead.consents).toHaveLength(1);
  expect(all.events.length).toBeGreaterThan(3);
  expect(all.deliveries.length).toBeGreaterThan(3);
  expect(told.keptAnswers.length).toBe(3);
  // The lead's number, which has no spaces, takes the visitor's place.
  const standing = TRACES.filter((trace) => onSqlite || trace !== "722 999 888");
  expect(tracesIn(await everyByte(world))).toEqual(standing);

  const refused = await world.admin.post("/v1/people/erase", person);
  expect([refused.status, refused.body.code]).toEqual([409, "conflict"]);
  expect(refused.body.detail).toContain(id);
  await world.bot.post(`/v1/handoffs/${id}/resolve`, {});
  await quiet(world);

  const erased = await world.admin.post("/v1/people/erase", person);
  expect(erased.status).toBe(200);
  expect(erased.body).toMatchObject({
    erasure: {
      actor: { kind: "token", name: "first start" },
      counts: { conversations: 1, handoffs: 1, leads: 1, consents: 1, answers: 3 },
      identifiers: [{ kind: "email" }],
    },
    copies: [{ connectionId, type: "chatwoot", name: "Support", conversationId: String(there!.id) }],
  });
  expect(erased.body.copies).toHaveLength(1);
  expect(erased.body.copies[0].url).toContain(`/conversations/${there!.id}`);
  expect(erased.body.erasure.counts.messages).toBe(all.messages.length + 1);
  expect(tracesIn(await everyByte(world))).toEqual([]);
  expect(tracesIn(logged())).toEqual([]);
  expect(tracesIn(JSON.stringify((await world.admin.get("/v1/audit")).body))).toEqual([]);
  expect((await world.admin.get("/v1/audit?action=person.erased")).body.items).toHaveLength(1);
  expect((await world.baton.store.health(10_000)).damage).toBe(onSqlite ? null : "unknown");

  const again = await world.admin.post("/v1/people/erase", person);
  expect(again.body.erasure).toEqual(erased.body.erasure);
  expect((await world.admin.get("/v1/erasures")).body.items).toEqual([erased.body.erasure]);
  expect((await world.admin.post("/v1/people/search", person)).body).toMatchObject({
    conversations: [],
    erasures: [{ id: erased.body.erasure.id }],
  });
  // The other visitor's conversation is as it was, and the bot may begin anew with the same id.
  expect((await world.bot.get("/v1/conversations/c-ana")).body.visitor.name).toBe("Ana");
  expect((await world.bot.get(`/v1/conversations/${CANARY.key}`)).status).toBe(404);
  expect((await ask(world, CANARY.key)).status).toBe(201);
});

test("by force, what is open is ended first: in the helpdesk as well", async () => {
  const { world } = await story();
  await live(world);
  const [there] = world.chatwoot.conversations();
  await quiet(world);
  const erased = await world.admin.post("/v1/people/erase", { ...person, force: true });
  expect(erased.status).toBe(200);
  await eventually(() => world.chatwoot.conversations()[0]?.status === "resolved");
  await quiet(world);
  expect(there?.id).toBe(Number(erased.body.copies[0].conversationId));
  expect((await world.admin.get("/v1/deliveries?state=dead")).body.items).toEqual([]);
  await world.baton.store.scrub();
  expect(tracesIn(await everyByte(world))).toEqual([]);
  // An agent who writes there still reaches nobody, and brings nothing back.
  reply(world.chatwoot, there!.id, "Hello Canaria Vogel?");
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect((await world.admin.post("/v1/people/search", person)).body.conversations).toEqual([]);
});

test("nobody of that name is no fault, and leaves no record", async () => {
  const { world } = await story();
  const erased = await world.admin.post("/v1/people/erase", { email: "nobody@example.com" });
  expect([erased.status, erased.body]).toEqual([200, { erasure: null, copies: [], mails: [], stays: [] }]);
  expect((await world.admin.get("/v1/erasures")).body.items).toEqual([]);
  for (const wrong of [{}, { email: "" }, { phone: "12" }, { botId: "bot_x" }, { name: "Ana" }])
    expect((await world.admin.post("/v1/people/erase", wrong)).status).toBe(422);
});

test("an erasure that is cut off is gone on with by the next one, and counts all of it", async () => {
  const { world } = await story();
  const id = await live(world);
  await world.bot.post(`/v1/handoffs/${id}/cancel`, {});
  await visitorSays(world, CANARY.key, "one more line");
  await quiet(world);
  const { store } = world.baton;
  const { workspaceId } = world.first;
  const all = (await world.admin.post("/v1/people/export", person)).body.conversations[0];
  // As a process leaves it that dies half-way: the record is there, and some lines are gone.
  const write = store.write.bind(store);
  let units = 0;
  Object.assign(store, {
    write: (work: Parameters<typeof write>[0]) => {
      units += 1;
      return units > 4 ? Promise.reject(new Error("killed")) : write(work);
    },
  });
  expect((await world.admin.post("/v1/people/erase", person)).status).toBe(500);
  Object.assign(store, { write });
  expect((await store.read.erasures(workspaceId, { limit: 9 })).items).toMatchObject([{ finishedAt: null }]);
  const { erasure } = (await world.admin.post("/v1/people/erase", person)).body;
  expect((await world.admin.get("/v1/erasures")).body.items).toEqual([erasure]);
  expect(erasure.counts).toMatchObject({ messages: all.messages.length, events: all.events.length, leads: 1 });
  expect(tracesIn(await everyByte(world))).toEqual([]);
});

test("who is back after a restore is erased again, by the records alone; who came later stays", async () => {
  const { world } = await story();
  const id = await live(world);
  await world.bot.post(`/v1/handoffs/${id}/resolve`, {});
  await becomes(world, CANARY.key, { status: "resolved" });
  await quiet(world);
  await world.admin.post("/v1/people/erase", person);
  const { items: erasures } = (await world.admin.get("/v1/erasures")).body;
  // As a backup brings them back: the same person with an older conversation, and one who came after the erasure.
  const { workspaceId } = world.first;
  await world.baton.store.write(async (tx) => {
    const before = await tx.conversation(workspaceId, (await tx.handoff(workspaceId, id))?.conversationId ?? "");
    const back = { ...before!, visitor: { ...CANARY.visitor, attributes: {} }, host: null };
    const old = { id: "cnv_back", key: "c-back", createdAt: new Date(Date.parse(erasures[0].startedAt) - 1) };
    await tx.createConversation({ ...back, ...old });
    await tx.createConversation({ ...back, id: "cnv_later", key: "c-later", createdAt: new Date(Date.now() + 60_000) });
  });
  const again = await world.admin.post("/v1/erasures/reapply", { erasures });
  expect([again.status, again.body.counts.conversations]).toEqual([200, 1]);
  const found = (await world.admin.post("/v1/people/search", person)).body.conversations;
  expect(found.map((one: Json) => one.conversationId)).toEqual(["c-later"]);
  expect((await world.admin.get("/v1/erasures")).body.items).toEqual(erasures);
});
