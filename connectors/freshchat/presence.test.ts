import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { deskBench } from "../../test/contracts/freshchat-desk.ts";
import type { DeskBench } from "../../test/contracts/freshchat-desk.ts";
import type { Client } from "./client.ts";
import { createBudget } from "./pages.ts";
import { countAvailable, countOnline } from "./presence.ts";

let bench: DeskBench;
beforeEach(async () => {
  bench = await deskBench();
});
afterEach(() => bench.stop());

const online = (team: string | null, given: Record<string, unknown> = {}) =>
  countOnline(bench.deskWith(given), { team });

describe.each([false, true])("who is online, where FreshChat ignores filters: %s", (ignoresAgentFilters) => {
  beforeEach(() => bench.simulator.set({ ignoresAgentFilters }));

  test("are agents set to available who are neither deactivated nor deleted", async () => {
    const { simulator } = bench;
    simulator.addAgent({ firstName: "Bo", availability: "UNAVAILABLE" });
    simulator.addAgent({ firstName: "Cy", isDeactivated: true });
    const gone = simulator.addAgent({ firstName: "Di" });
    simulator.agentStatus(gone.id, { isDeleted: true });
    expect(await online(null)).toBe(1);
    simulator.addAgent({ firstName: "Eve" });
    expect(await online(null)).toBe(2);
    simulator.agentStatus(simulator.agentId, { availability: "UNAVAILABLE" });
    expect(await online(null)).toBe(1);
  });

  test("are counted in the destination's group, by id or name, else in the connection's", async () => {
    const { simulator } = bench;
    const returns = simulator.addGroup("Returns");
    for (const firstName of ["Bo", "Cy"]) simulator.addAgent({ firstName, groupIds: [returns.id] });
    simulator.addAgent({ firstName: "Di" });
    expect(await online(null)).toBe(4);
    expect(await online("returns")).toBe(2);
    expect(await online(returns.id)).toBe(2);
    expect(await online(null, { groupId: simulator.groupId })).toBe(1);
    expect(await online("Returns", { groupId: simulator.groupId })).toBe(2);
    expect(await online("no such group", { groupId: simulator.groupId })).toBe(1);
    expect(await online("no such group")).toBe(4);
    expect(await online("Sales")).toBe(0);
  });

  test("are those who are logged in, where only those shall count", async () => {
    const { simulator } = bench;
    simulator.addAgent({ firstName: "Bo", isLoggedIn: false });
    simulator.addAgent({ firstName: "Cy", isLoggedIn: null });
    expect(await online(null)).toBe(3);
    expect(await online(null, { loggedInOnly: true })).toBe(2);
  });

  test("are all of them, over many pages", async () => {
    bench.simulator.set({ pageLimit: 7 });
    for (let i = 0; i < 30; i += 1) bench.simulator.addAgent({ firstName: `Agent${i}` });
    expect(await online(null)).toBe(31);
  });
});

describe("outside a group's business hours", () => {
  test("nobody is online, unless the hours shall be ignored or no group is named", async () => {
    const { simulator } = bench;
    simulator.setBusinessHours(false, simulator.groupId);
    expect(await online(null, { groupId: simulator.groupId })).toBe(0);
    expect(await online("Support")).toBe(0);
    expect(await online(null, { groupId: simulator.groupId, businessHours: "ignore" })).toBe(1);
    expect(await online(null)).toBe(1);
    simulator.setBusinessHours(true, simulator.groupId);
    expect(await online(null, { groupId: simulator.groupId })).toBe(1);
  });

  test.each(["within_bh", "is_open", "anything", "bare", "text", "nested"])("told in the form %s", async (form) => {
    const { simulator } = bench;
    simulator.set({ businessHoursAnswer: form });
    expect(await online("Support")).toBe(1);
    simulator.setBusinessHours(false);
    expect(await online("Support")).toBe(0);
  });

  test.each(["nothing", "success", 400, 403, 404] as const)(
    "told as %s, which tells nothing, agents alone count",
    async (form) => {
      const { simulator } = bench;
      simulator.set({ businessHoursAnswer: form });
      simulator.setBusinessHours(false);
      expect(await online("Support")).toBe(1);
    },
  );

  test("and where asking for them breaks, agents alone count", async () => {
    const { simulator } = bench;
    simulator.setBusinessHours(false);
    simulator.trouble.failNext(1, { status: 500, match: (_method, path) => path.includes("business-hours") });
    expect(await online("Support")).toBe(1);
  });
});

describe("when it cannot be told", () => {
  test.each([401, 403, 404] as const)("because FreshChat answers %i, nobody knows", async (status) => {
    bench.simulator.trouble.failNext(1, { status });
    expect(await online(null)).toBeNull();
  });

  test.each([401, 403, 404] as const)("because FreshChat answers %i for the groups, nobody knows", async (status) => {
    bench.simulator.trouble.failNext(1, { status });
    expect(await online("Sales")).toBeNull();
  });

  test("because FreshChat is down or asks to slow down, it fails", async () => {
    bench.simulator.trouble.failNext(1, { status: 503 });
    await expect(online(null)).rejects.toMatchObject({ kind: "transient" });
    bench.simulator.trouble.rateLimitNext(1, { seconds: 20, retryAfter: true });
    await expect(online(null)).rejects.toMatchObject({ kind: "rate_limited", retryAfterSeconds: 20 });
  });

  test("because there are more agents than are read and none of the first is there, nobody knows", async () => {
    const { simulator } = bench;
    simulator.set({ pageLimit: 1, ignoresAgentFilters: true });
    simulator.agentStatus(simulator.agentId, { availability: "UNAVAILABLE" });
    for (let i = 0; i < 10; i += 1) simulator.addAgent({ firstName: `Agent${i}`, availability: "UNAVAILABLE" });
    expect(await online(null)).toBeNull();
  });

  test.each<[string, object, number | null]>([
    ["says nothing of an available agent's groups", {}, null],
    ["has the available agent in another group", { groups: ["g-2"] }, 0],
    ["has the available agent in the group", { groups: ["g-1"] }, 1],
    ["says nothing of the groups of one who is not there", { availability_status: "UNAVAILABLE" }, 0],
  ])("within a group, where FreshChat %s", async (_what, about, expected) => {
    const page = {
      agents: [{ id: "a-1", availability_status: "AVAILABLE", ...about }],
      pagination: { total_pages: 1 },
    };
    const client: Client = {
      async call({ answer }) {
        await Promise.resolve();
        if (answer === null) throw new Error("an answer was expected");
        return answer.parse(page);
      },
      tryCall: () => Promise.reject(new Error("not asked")),
    };
    const { config } = bench.deskWith();
    expect(await countAvailable({ client, config }, "g-1", createBudget(1_000))).toBe(expected);
  });
});
