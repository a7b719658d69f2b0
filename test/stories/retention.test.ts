import { expect, onTestFinished, test } from "vitest";
import { ask, asking } from "./steps.ts";
import { eventually, startWorld } from "./world.ts";
import type { Client, World } from "./world.ts";

const DAY_MS = 86_400_000;

async function story(): Promise<{ world: World; operator: Client; days: (days: number | null) => Promise<unknown> }> {
  const world = await startWorld({ build: { housekeeping: { soonMs: 20, everyMs: 20, pauseMs: 1 } } });
  onTestFinished(() => world.stop());
  const { tokens } = world.baton;
  const asOperator = { scope: "operator", workspaceId: null, subject: "operator", jti: "tok_op" } as const;
  // Lives as long as the story's clock runs ahead.
  const operator = world.as(tokens.issue({ ...asOperator, ttlSeconds: 300 * 86_400 }));
  const days = async (retentionDays: number | null) => {
    const path = `/v1/workspaces/${world.first.workspaceId}`;
    const { status, body } = await operator.patch(path, { retentionDays });
    expect(status).toBe(200);
    return body.retentionDays;
  };
  return { world, operator, days };
}

test("the operator says how long words are kept, and the workspace shows it", async () => {
  const { world, operator, days } = await story();
  const { workspaceId } = world.first;
  expect((await world.admin.get("/v1/workspaces/current")).body.retentionDays).toBeNull();
  expect(await days(30)).toBe(30);
  expect((await world.admin.get("/v1/workspaces/current")).body.retentionDays).toBe(30);
  expect((await operator.get("/v1/workspaces")).body.items).toMatchObject([{ id: workspaceId, retentionDays: 30 }]);
  const named = await operator.patch(`/v1/workspaces/${workspaceId}`, { name: "Lamps" });
  expect(named.body).toMatchObject({ name: "Lamps", retentionDays: 30 });
  expect(await days(null)).toBeNull();
  for (const wrong of [0, -1, 3_651, 1.5, "30"])
    expect((await operator.patch(`/v1/workspaces/${workspaceId}`, { retentionDays: wrong })).status).toBe(422);
  expect((await operator.patch("/v1/workspaces/ws_none", { retentionDays: 3 })).status).toBe(404);
  expect((await world.admin.patch(`/v1/workspaces/${workspaceId}`, { retentionDays: 3 })).status).toBe(403);
});

test("after their days the words of an ended conversation are gone, its rows tell so, and the lead is still there", async () => {
  const { world, days } = await story();
  const asked = await ask(world, "c-1");
  const { id } = asked.body.handoff;
  const form = { name: "Ana Pop", email: "ana@example.com", termsAccepted: true };
  expect((await world.bot.post(`/v1/handoffs/${id}/lead`, form)).status).toBe(201);
  await world.bot.post(`/v1/handoffs/${id}/resolve`, {});
  await ask(world, "c-open");
  await days(30);
  world.advance(31 * DAY_MS);

  const admin = world.as(world.baton.tokens.issue({ ...adminOf(world), ttlSeconds: 3_600 }));
  const bot = world.as(world.baton.tokens.issue({ ...botOf(world), ttlSeconds: 3_600 }));
  const pruned = await eventually(async () => {
    const { body } = await bot.get("/v1/conversations/c-1");
    return body.prunedAt !== undefined && body;
  });
  expect(pruned).toMatchObject({
    id: "c-1",
    visitor: { name: null, email: null },
    summary: null,
    handoff: { id, pruned: true },
  });
  const lines = (await bot.get("/v1/conversations/c-1/messages")).body.items;
  expect(lines.length).toBeGreaterThan(2);
  expect(lines.map((line: { text: string; pruned: boolean }) => [line.text, line.pruned])).toEqual(
    lines.map(() => ["", true]),
  );
  const shown = (await admin.get(`/v1/handoffs/${id}`)).body;
  expect(shown).toMatchObject({
    handoff: { id, status: "resolved", pruned: true },
    lead: { contact: { name: "Ana Pop" } },
  });
  expect(shown.events.map((event: { data: { pruned: boolean } }) => event.data.pruned)).toEqual(
    shown.events.map(() => true),
  );
  expect((await admin.get("/v1/leads")).body.items).toMatchObject([{ contact: { email: "ana@example.com" } }]);

  const open = (await bot.get("/v1/conversations/c-open/messages")).body.items;
  expect(open.map((line: { text: string }) => line.text)).toContain("Where is my order?");
  // Who comes back is met as somebody new, and what they say then stays.
  const again = await bot.post(
    "/v1/handoffs",
    asking("c-1", { messages: [{ id: "m9", role: "visitor", text: "Me again" }] }),
  );
  expect(again.status).toBe(201);
  const after = (await bot.get("/v1/conversations/c-1/messages")).body.items;
  expect(after.map((line: { text: string }) => line.text)).toContain("Me again");
});

const adminOf = ({ first }: World) =>
  ({ scope: "admin", workspaceId: first.workspaceId, subject: first.workspaceId, jti: "tok_late_admin" }) as const;
const botOf = ({ first }: World) =>
  ({ scope: "bot", workspaceId: first.workspaceId, subject: first.botId, jti: "tok_late_bot" }) as const;
