import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { conversation, handoff, lead } from "../contracts/store-samples.ts";
import { startWorld } from "./harness.ts";
import type { World } from "./harness.ts";

let world: World;
let mine: { id: string; admin: string };
let botId: string;
beforeEach(async () => {
  world = await startWorld();
  world.setClock(new Date("2026-11-20T12:00:00Z"));
  mine = await workspace("mine");
  botId = await bot("Lamps", {
    schedule: { timezone: "Europe/Bucharest", weekly: { friday: { slots: [{ start: "09:00", end: "13:30" }] } } },
  });
});
afterEach(() => world.close());

/** With tokens of the world's own time. */
async function workspace(name: string): Promise<{ id: string; admin: string }> {
  const operator = world.token("operator", null, "operator");
  const { body } = await world.call("POST", "/v1/workspaces", { token: operator, body: { name } });
  return { id: body.workspace.id, admin: body.adminToken };
}

async function bot(name: string, settings: object): Promise<string> {
  return (await world.call("POST", "/v1/bots", { token: mine.admin, body: { name, settings } })).body.id;
}
const get = (path: string) => world.call("GET", path, { token: mine.admin });

let n = 0;
/** A handoff asked for then; `more` as it is now. */
async function asked(at: string, more: Partial<Parameters<typeof handoff>[3]> = {}, hasLeft = false): Promise<void> {
  n += 1;
  const ids = { conversationId: `cnv_${n}`, handoffId: `hnd_${n}` };
  const createdAt = new Date(at);
  await world.store.write(async (tx) => {
    await tx.createConversation(conversation(mine.id, ids.conversationId, { botId }));
    const inbox = { id: "inbox", team: null, priority: null, labels: [] };
    await tx.createHandoff(
      handoff(mine.id, ids.conversationId, ids.handoffId, { botId, createdAt, destination: inbox, ...more }),
    );
    if (hasLeft) await tx.createLead(lead(mine.id, ids, `led_${n}`, { botId, createdAt }));
  });
}

describe("GET /v1/analytics", () => {
  test("tells of the last thirty days, by the clock of the bots' schedule", async () => {
    // 23:30 on the 20th of October in UTC is the 21st in Bucharest, the last day but thirty.
    await asked("2026-10-21T21:30:00Z");
    await asked("2026-10-21T20:30:00Z");
    await asked("2026-11-20T08:00:00Z", {
      status: "resolved",
      acceptedAt: new Date("2026-11-20T08:00:30Z"),
      endedAt: new Date("2026-11-20T08:05:00Z"),
      agent: { id: "mem_1", name: "=cmd" },
    });
    await asked("2026-11-20T01:00:00Z", { because: "outside_schedule", mode: "lead", destination: null }, true);
    await world.store.write((tx) => tx.countDeclined(mine.id, botId, "disabled", new Date("2026-11-19T10:10:00Z")));
    const { status, body } = await get("/v1/analytics");
    expect(status).toBe(200);
    expect([body.from, body.to, body.timeZone, body.bucket]).toEqual([
      "2026-10-22",
      "2026-11-20",
      "Europe/Bucharest",
      "day",
    ]);
    expect(body.overTime).toHaveLength(30);
    expect(body.totals).toMatchObject({
      asks: 4,
      live: 2,
      lead: 1,
      declined: 1,
      askedForDetails: 1,
      leftDetails: 1,
      toAccept: { count: 1, medianSeconds: 30, p90Seconds: 30 },
      toResolve: { count: 1, medianSeconds: 300, p90Seconds: 300 },
    });
    expect(body.bots).toMatchObject([{ botId, name: "Lamps", asks: 4 }]);
    expect(body.destinations.map((one: { name: string }) => one.name)).toEqual(["Inbox", null]);
    const cell = (weekday: number, hour: number) => body.heatMap[(weekday - 1) * 24 + hour];
    // Five Fridays of the thirty days were open from nine to half past one; the last of them has come to two o'clock.
    expect(cell(5, 10)).toMatchObject({ asks: 1, whileNobodyThere: 0, openFraction: 1 });
    expect(cell(5, 3)).toMatchObject({ asks: 1, whileNobodyThere: 1, openFraction: 0 });
    expect(cell(5, 13).openFraction).toBe(0.5);
    expect(cell(1, 10).openFraction).toBe(0);
  });

  test("a bot without a schedule is always open", async () => {
    await bot("Chairs", {});
    const { body } = await get("/v1/analytics?from=2026-11-16&to=2026-11-16&timeZone=UTC");
    expect(body.heatMap[0].openFraction).toBe(1);
    const own = await get(`/v1/analytics?from=2026-11-16&to=2026-11-16&timeZone=UTC&botId=${botId}`);
    expect(own.body.heatMap[0].openFraction).toBe(0);
  });

  test("by hour, by bot and by destination", async () => {
    await asked("2026-11-20T08:00:00Z");
    await asked("2026-11-20T09:00:00Z", { destination: { id: "con_1", team: null, priority: null, labels: [] } });
    const day = "from=2026-11-20&to=2026-11-20&timeZone=UTC";
    const hours = await get(`/v1/analytics?${day}&bucket=hour&destination=con_1`);
    expect(hours.body.overTime).toHaveLength(24);
    expect(hours.body.overTime[9]).toMatchObject({ start: "2026-11-20T09:00:00+00:00", live: 1 });
    expect(hours.body.totals.asks).toBe(1);
    const other = await bot("Chairs", {});
    expect((await get(`/v1/analytics?${day}&botId=${other}`)).body.totals.asks).toBe(0);
  });

  test("what was worked out is told again for half a minute, and to nobody else", async () => {
    const day = "/v1/analytics?from=2026-11-20&to=2026-11-20&timeZone=UTC";
    expect((await get(day)).body.totals.asks).toBe(0);
    await asked("2026-11-20T08:00:00Z");
    expect((await get(day)).body.totals.asks).toBe(0);
    world.setClock(new Date("2026-11-20T12:00:31Z"));
    expect((await get(day)).body.totals.asks).toBe(1);
    const theirs = await workspace("theirs");
    expect((await world.call("GET", day, { token: theirs.admin })).body.totals.asks).toBe(0);
  });

  test.each([
    ["from=2026-11-21&to=2026-11-20", "to"],
    ["from=2025-11-01&to=2026-11-20", "from"],
    ["from=2026-10-01&to=2026-11-20&bucket=hour", "from"],
  ])("refuses %s", async (query, path) => {
    const { status, body } = await get(`/v1/analytics?${query}`);
    expect([status, body.faults?.[0]?.path]).toEqual([400, `query.${path}`]);
  });

  test.each(["from=2026-02-30", "timeZone=Mars/Olympus", "bucket=week", "bot=x"])(
    "does not understand %s",
    async (query) => {
      expect((await get(`/v1/analytics?${query}`)).status).toBe(400);
    },
  );

  test("another workspace's bot is none", async () => {
    const theirs = await workspace("theirs");
    const answer = await world.call("GET", `/v1/analytics?botId=${botId}`, { token: theirs.admin });
    expect(answer.status).toBe(404);
  });

  test("each table is a file that a spreadsheet reads as text", async () => {
    await asked("2026-11-20T08:00:00Z", {
      status: "resolved",
      acceptedAt: new Date("2026-11-20T08:00:30Z"),
      endedAt: new Date("2026-11-20T08:05:00Z"),
      agent: { id: "mem_1", name: '=HYPERLINK("x")' },
    });
    const day = "from=2026-11-20&to=2026-11-20&timeZone=UTC";
    const agents = await get(`/v1/analytics/agents.csv?${day}`);
    expect(agents.headers.get("content-type")).toBe("text/csv; charset=utf-8");
    expect(agents.headers.get("content-disposition")).toContain('filename="agents-2026-11-20-2026-11-20.csv"');
    const [head, row] = agents.text.replace("\uFEFF", "").split("\r\n");
    expect(head).toBe(
      '"agentId","name","destinationId","accepted","resolved","acceptCount","acceptMedianSeconds","acceptP90Seconds","resolveCount","resolveMedianSeconds","resolveP90Seconds"',
    );
    expect(row).toBe(`"mem_1","'=HYPERLINK(""x"")","inbox","1","1","1","30","30","1","300","300"`);
    const lines = async (table: string) => (await get(`/v1/analytics/${table}.csv?${day}`)).text.trim().split("\r\n");
    expect(await lines("heat-map")).toHaveLength(169);
    expect((await lines("over-time"))[1]).toBe(
      '"2026-11-20T00:00:00+00:00","1","0","0","0","0","0","0","0","0","0","0","0","1"',
    );
    expect((await lines("because"))[1]).toBe('"open","1"');
    expect((await lines("totals"))[1]).toBe('"1","1","0","0","0","0","0","1","30","30","1","300","300"');
    expect((await lines("bots"))[1]).toContain(`"${botId}","Lamps","1"`);
    expect((await lines("destinations"))[1]).toContain('"inbox","Inbox","1"');
  });
});
