import { afterEach, beforeEach, expect, test } from "vitest";
import { conversation, handoff } from "../contracts/store-samples.ts";
import { startChatwoot } from "../simulators/chatwoot/index.ts";
import { ask, askedAndOpened, becomes, heard, historyOf, reply, stateOf, visitorSays } from "./steps.ts";
import { eventually, startWorld } from "./world.ts";
import type { World } from "./world.ts";

/** A connection is removed while people wait there: nobody is left with a person who cannot be reached. */

let world: World;
let connectionId: string;
beforeEach(async () => {
  world = await startWorld();
  connectionId = await world.connectChatwoot();
});
afterEach(() => world.stop());

/** New handoffs go elsewhere first: until then the removal is refused. */
async function remove(): Promise<void> {
  const refused = await world.admin.delete(`/v1/connections/${connectionId}`);
  expect([refused.status, refused.body.code]).toEqual([409, "conflict"]);
  await world.settings({ destinations: ["inbox"] });
  expect((await world.admin.delete(`/v1/connections/${connectionId}`)).status).toBe(204);
}

const eventsOf = async (id: string): Promise<{ type: string; data: Record<string, unknown> }[]> =>
  (await world.bot.get(`/v1/handoffs/${id}`)).body.events;

test("who waits goes to the next destination, with everything said until then", async () => {
  await world.settings({ destinations: [connectionId, "inbox"], presence: "ignore" });
  const id = await askedAndOpened(world, "c-1");
  await visitorSays(world, "c-1", "Are you there?");
  await remove();
  const { handoff: now, control } = await stateOf(world, "c-1");
  expect([now.destination, now.status, now.mode, now.opened, control]).toEqual([
    "inbox",
    "pending",
    "live",
    true,
    "human",
  ]);
  expect((await eventsOf(id)).map((one) => one.type)).toContain("handoff.moved");
  const robin = await world.agent("Robin");
  const seen = (await robin.client.get(`/v1/handoffs/${id}/messages`)).body.items;
  expect(seen.map((one: { text: string }) => one.text)).toContain("Are you there?");
  await robin.client.post(`/v1/handoffs/${id}/messages`, { text: "I am here now." });
  expect((await heard(world, "message.created")).data.message.text).toBe("I am here now.");
});

test("who waits where there is no other destination becomes a lead, is told so, and may leave details", async () => {
  const id = await askedAndOpened(world, "c-1");
  await remove();
  const { handoff: now, control } = await stateOf(world, "c-1");
  expect([now.mode, now.status, now.destination, control]).toEqual(["lead", "pending", null, "bot"]);
  const missed = await heard(world, "handoff.missed");
  expect(missed.data.form.submitUrl).toContain(id);
  const [told] = missed.data.reply;
  expect(await historyOf(world, "c-1")).toContainEqual(["system", told.text]);
  const lead = { fields: { name: "Ana", email: "ana@example.com" }, terms: { accepted: true } };
  expect((await world.bot.post(`/v1/handoffs/${id}/lead`, lead)).status).toBe(201);
});

test("who is just being passed there does not stay behind", async () => {
  await world.chatwoot.trouble.down("503");
  const { body } = await ask(world, "c-1");
  expect(body.handoff.opened).toBe(false);
  await remove();
  expect((await stateOf(world, "c-1")).handoff).toMatchObject({ mode: "lead", destination: null });
  await world.chatwoot.trouble.up();
  const owed = async () => (await world.admin.get(`/v1/deliveries?connectionId=${connectionId}`)).body.items;
  await eventually(async () => (await owed()).every((one: { state: string }) => /^(?:dropped|dead)$/.test(one.state)));
  expect(world.chatwoot.conversations()).toEqual([]);
});

test("what a person had accepted ends: the visitor is told, and the bot has control", async () => {
  const id = await askedAndOpened(world, "c-1");
  const [there] = world.chatwoot.conversations();
  reply(world.chatwoot, there!.id, "I am Agnes.");
  await becomes(world, "c-1", { status: "acknowledged" });
  await remove();
  const { handoff: now, control } = await stateOf(world, "c-1");
  expect([now.status, control]).toEqual(["resolved", "bot"]);
  const ended = (await eventsOf(id)).find((one) => one.type === "handoff.resolved");
  expect(ended?.data).toMatchObject({ because: "connection_removed", actor: { kind: "system" } });
  expect((await heard(world, "handoff.resolved")).data.reply).toHaveLength(1);
  const bot = await world.bot.post("/v1/conversations/c-1/messages", { role: "bot", text: "I am back." });
  expect(bot.status).toBe(201);
  // Nothing goes where the credentials are gone: the conversation there is left as it is.
  const { items } = (await world.admin.get("/v1/deliveries?state=dead")).body;
  expect(items).toEqual([]);
});

test("a lead that stands there stays a lead, and its visitor can ask again", async () => {
  await world.settings({ neverAvailable: true, terms: { enabled: false } });
  const { body } = await ask(world, "c-1");
  const fields = { name: "Ana", email: "ana@example.com" };
  expect((await world.bot.post(`/v1/handoffs/${body.handoff.id}/lead`, { fields })).status).toBe(201);
  await eventually(() => world.chatwoot.conversations().length === 1);
  await eventually(async () => (await stateOf(world, "c-1")).handoff.destination === connectionId);
  await remove();
  expect((await stateOf(world, "c-1")).handoff).toMatchObject({ mode: "lead", status: "pending", destination: null });
  expect((await world.admin.get("/v1/leads")).body.items).toHaveLength(1);
  await world.settings({ neverAvailable: false, presence: "ignore" });
  expect((await ask(world, "c-1")).body.handoff).toMatchObject({ mode: "live", destination: "inbox" });
});

test("others stay where they are, in another helpdesk", async () => {
  const other = await startChatwoot({ clock: () => world.clock() });
  const moved = await askedAndOpened(world, "c-1");
  const otherId = await world.connectChatwoot(other);
  const stays = await askedAndOpened(world, "c-2");
  expect((await world.admin.delete(`/v1/connections/${connectionId}`)).status).toBe(204);
  expect((await world.bot.get(`/v1/handoffs/${moved}`)).body.handoff.mode).toBe("lead");
  expect((await world.bot.get(`/v1/handoffs/${stays}`)).body.handoff).toMatchObject({
    mode: "live",
    destination: otherId,
    status: "pending",
  });
  await visitorSays(world, "c-2", "Still there?");
  await eventually(() => JSON.stringify(other.messages(other.conversations()[0]!.id)).includes("Still there?"));
  await other.stop();
});

test("hundreds who wait all leave, and the connection goes last", async () => {
  const { workspaceId, botId } = world.first;
  const destination = { id: connectionId, team: null, priority: null, labels: [] };
  const many = Array.from({ length: 250 }, (_one, n) => String(n).padStart(3, "0"));
  await world.baton.store.write(async (tx) => {
    for (const n of many) {
      const of = { botId, key: `k-${n}`, openHandoffId: `hnd_${n}`, control: "human" as const };
      await tx.createConversation(conversation(workspaceId, `cnv_${n}`, of));
      const ref = { conversationId: `9${n}`, contactId: null, url: null };
      await tx.createHandoff(
        handoff(workspaceId, `cnv_${n}`, `hnd_${n}`, { botId, destination, ref, chain: [], opened: true }),
      );
    }
  });
  await remove();
  const { read } = world.baton.store;
  expect((await read.openHandoffsAt(workspaceId, connectionId, { limit: 1 })).items).toEqual([]);
  const all = await Promise.all(many.map((n) => read.handoff(workspaceId, `hnd_${n}`)));
  expect(new Set(all.map((one) => `${one?.mode} ${one?.status} ${one?.destination?.id}`))).toEqual(
    new Set(["lead pending undefined"]),
  );
  const said = await Promise.all(many.map((n) => read.messages(workspaceId, `cnv_${n}`, { afterSeq: 0, limit: 9 })));
  expect(said.every((lines) => lines.some((one) => one.role === "system"))).toBe(true);
});
