import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { ask } from "./steps.ts";
import { eventually, startWorld } from "./world.ts";
import type { Json, World } from "./world.ts";

let world: World;
let mia: Awaited<ReturnType<World["agent"]>>;
let miasToken: string;
beforeEach(async () => {
  world = await startWorld();
  mia = await world.agent("Mia");
  miasToken = (await world.admin.post(`/v1/members/${mia.id}/tokens`, {})).body.token;
});
afterEach(() => world.stop());

interface Told {
  readonly id: number;
  readonly type: string;
  readonly changes: readonly Json[];
}

/** Looks on as a console does. */
async function lookOn(token: string, lastEventId?: number) {
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const response = await fetch(`${world.baton.baseUrl()}/v1/events`, {
    headers: {
      Authorization: `Bearer ${token}`,
      ...(lastEventId !== undefined && { "Last-Event-ID": String(lastEventId) }),
    },
    signal: abort.signal,
  });
  const told: Told[] = [];
  const read = async () => {
    let text = "";
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const parts = (text + chunk).split("\n\n");
      text = parts.pop() ?? "";
      for (const part of parts) {
        const fields = Object.fromEntries(part.split("\n").map((line) => line.split(/: (.*)/s, 2)));
        if (fields["data"] === undefined) continue;
        const data = JSON.parse(fields["data"]);
        told.push({ id: Number(fields["id"]), type: String(fields["event"]), changes: data.changes ?? [] });
      }
    }
  };
  const ended = read().catch(() => undefined);
  const changes = () => told.flatMap((one) => one.changes);
  const has = (what: string) => eventually(() => changes().some((one) => one.what === what));
  return { status: response.status, told, changes, has, close: () => abort.abort(), ended };
}

const whats = (changes: readonly Json[]) => changes.map((one) => one.what);

describe("who looks on a workspace", () => {
  test("is told what to look at again, and nobody's words or name", async () => {
    const stream = await lookOn(world.first.adminToken);
    await eventually(() => stream.told.length === 1);
    expect(stream.told[0]).toMatchObject({ type: "resync", changes: [] });
    const { body } = await ask(world, "l-1");
    const { id } = body.handoff;
    await mia.client.post(`/v1/handoffs/${id}/accept`);
    await mia.client.post(`/v1/handoffs/${id}/messages`, { text: "Hello, how can I help?" });
    await mia.client.post(`/v1/handoffs/${id}/resolve`);
    await mia.client.put("/v1/members/me/presence", { status: "away" });
    await stream.has("member.away");
    expect(whats(stream.changes())).toEqual([
      "handoff.requested",
      "handoff.opened",
      "handoff.acknowledged",
      "handoff.resolved",
      "member.away",
    ]);
    const [requested, , accepted, resolved, away] = stream.changes();
    const of = { type: "handoff", id, botId: world.first.botId, mode: "live", destination: "inbox" };
    expect(requested).toMatchObject({ ...of, status: "pending", destination: null });
    expect(accepted).toMatchObject({ ...of, status: "acknowledged" });
    expect(resolved).toMatchObject({ ...of, status: "resolved" });
    expect(away).toMatchObject({ type: "member", id: mia.id, online: false, onlineUntil: null });
    const text = JSON.stringify(stream.told);
    for (const secret of ["Mia", "Ana", "ana@example.com", "1042", "Hello"]) expect(text).not.toContain(secret);
  });

  test("who is there and says so again is no news", async () => {
    const stream = await lookOn(world.first.adminToken);
    await eventually(() => stream.told.length === 1);
    await mia.client.put("/v1/members/me/presence", { status: "online" });
    await mia.client.put("/v1/members/me/presence", { status: "away" });
    await mia.client.put("/v1/members/me/presence", { status: "away" });
    await mia.client.put("/v1/members/me/presence", { status: "online" });
    await stream.has("member.online");
    expect(whats(stream.changes())).toEqual(["member.away", "member.online"]);
  });

  test("goes on where they were, without loss or repeats, also after a restart", async () => {
    const first = await lookOn(world.first.adminToken);
    await eventually(() => first.told.length === 1);
    await ask(world, "l-1");
    await first.has("handoff.opened");
    const { id: last } = first.told.at(-1)!;
    first.close();
    await first.ended;
    await ask(world, "l-2");
    await world.restart();
    const again = await lookOn(world.first.adminToken, last);
    await ask(world, "l-3");
    await eventually(() => again.changes().filter((one) => one.what === "handoff.opened").length === 2);
    expect(again.told.map(({ type }) => type)).not.toContain("resync");
    expect(whats(again.changes())).toEqual([
      "handoff.requested",
      "handoff.opened",
      "handoff.requested",
      "handoff.opened",
    ]);
    const ids = again.told.map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted((one, other) => one - other));
    expect(ids[0]).toBeGreaterThan(last);
  });

  test("who was away for too long is told to load everything", async () => {
    const ahead = await lookOn(world.first.adminToken, 1_000_000_000);
    await eventually(() => ahead.told.length === 1);
    expect(ahead.told[0]?.type).toBe("resync");
    await ask(world, "l-1");
    await ahead.has("handoff.opened");
  });

  test("an agent is told of handoffs, leads and the team, an admin of connections and deliveries too", async () => {
    const connectionId = await world.connectChatwoot();
    const admin = await lookOn(world.first.adminToken);
    const agent = await lookOn(miasToken);
    await eventually(() => admin.told.length === 1 && agent.told.length === 1);
    await world.settings({ neverAvailable: true });
    const { body } = await ask(world, "l-1");
    const form = { name: "Ana", email: "ana@example.com", termsAccepted: true };
    const left = await world.bot.post(`/v1/handoffs/${body.handoff.id}/lead`, form);
    expect(left.status).toBe(201);
    const [lead] = (await mia.client.get("/v1/leads")).body.items;
    const followed = await mia.client.patch(`/v1/leads/${lead.id}`, { state: "followed_up" });
    expect(followed.status).toBe(200);
    await agent.has("lead.followed_up");
    const broken = { config: { apiAccessToken: "wrong" } };
    await world.admin.patch(`/v1/connections/${connectionId}`, broken);
    await world.admin.post(`/v1/connections/${connectionId}/check`);
    await admin.has("connection.problem");
    await mia.client.put("/v1/members/me/presence", { status: "away" });
    await agent.has("member.away");
    expect(new Set(agent.changes().map((one) => one.type))).toEqual(new Set(["handoff", "lead", "member"]));
    expect(agent.changes()).toContainEqual(
      expect.objectContaining({ type: "lead", id: body.handoff.id, what: "lead.captured" }),
    );
    expect(admin.changes()).toContainEqual(
      expect.objectContaining({ type: "connection", id: connectionId, what: "connection.problem", ok: false }),
    );
    expect(JSON.stringify(admin.told)).not.toContain("Ana");
  });
});

test("the list of those who wait, and how many there are", async () => {
  const waiting = async (query = "") => (await mia.client.get(`/v1/handoffs?sort=waiting${query}`)).body;
  const { body: first } = await ask(world, "l-1");
  world.advance(60_000);
  const { body: second } = await ask(world, "l-2", { visitor: { name: "Ștefan" } });
  world.advance(30_000);
  const { items } = await waiting();
  expect(items.map((one: Json) => one.id)).toEqual([first.handoff.id, second.handoff.id]);
  expect(items[0].waitingSeconds).toBeGreaterThanOrEqual(90);
  expect(items[1].waitingSeconds).toBeGreaterThanOrEqual(30);
  expect(items[1]).toMatchObject({ visitorName: "Ștefan", destination: "inbox" });
  expect((await waiting("&text=ștefan&destination=inbox")).items).toHaveLength(1);
  expect((await waiting("&destination=con_other")).items).toEqual([]);
  // Taken: it waits no more, and how long it did stays.
  await mia.client.post(`/v1/handoffs/${first.handoff.id}/accept`);
  world.advance(3_600_000);
  expect((await waiting()).items).toHaveLength(1);
  const { body: taken } = await mia.client.get("/v1/handoffs?status=acknowledged");
  expect(taken.items[0].waitingSeconds).toBeLessThan(3_600);
  const { body: counts } = await mia.client.get("/v1/handoffs/counts");
  expect([counts.pending.count, counts.acknowledged.count, counts.resolved.count]).toEqual([1, 1, 0]);
  const refused = await mia.client.get("/v1/handoffs?sort=waiting&status=resolved");
  expect([refused.status, refused.body.faults[0].path]).toEqual([400, "query.status"]);
});

test("a request that is declined is counted, though there is no handoff", async () => {
  await world.settings({ enabled: false });
  for (const id of ["d-1", "d-1", "d-2"]) expect((await ask(world, id)).body.decision.outcome).toBe("declined");
  await world.settings({ enabled: true });
  await ask(world, "d-3");
  const { body } = await world.admin.get("/v1/analytics");
  expect(body.totals).toMatchObject({ asks: 4, live: 1, declined: 3 });
  expect(body.because).toEqual([
    { because: "disabled", asks: 3 },
    { because: "open", asks: 1 },
  ]);
});

test("how a connection has been: down with its reason, up again, and since when", async () => {
  const id = await world.connectChatwoot();
  const health = async () => (await world.admin.get(`/v1/connections/${id}/health`)).body;
  expect(await health()).toMatchObject({ state: "up", problem: null, downSeconds: 0 });
  expect((await health()).history).toHaveLength(1);
  world.advance(60_000);
  await world.admin.patch(`/v1/connections/${id}`, { config: { apiAccessToken: "wrong" } });
  await world.admin.post(`/v1/connections/${id}/check`);
  world.advance(3_600_000);
  const down = await health();
  expect(down.state).toBe("down");
  expect(down.problem).toBe((await world.admin.get(`/v1/connections/${id}`)).body.problem);
  expect(down.downSeconds).toBeGreaterThanOrEqual(3_600);
  expect(down.downSeconds).toBeLessThan(3_660);
  await world.admin.patch(`/v1/connections/${id}`, {
    config: { apiAccessToken: world.chatwoot.apiAccessToken },
  });
  const up = await health();
  expect(up.history.map((one: Json) => one.state)).toEqual(["up", "down", "up"]);
  expect(up.history[1]).toMatchObject({ problem: down.problem, from: down.since });
  expect(up.since).toBe(up.history[1].to);
  // A month later none of it is told any more.
  world.advance(40 * 86_400_000);
  expect((await health()).history).toHaveLength(1);
});
