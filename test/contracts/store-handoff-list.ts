import { beforeEach, describe, expect, test } from "vitest";
import type { HandoffFilter } from "../../src/ports-handoff-list.ts";
import type { Store } from "../../src/ports-store.ts";
import { at, conversation, handoff, workspace } from "./store-samples.ts";

const idOf = (n: number): string => `hnd_${String(n).padStart(5, "0")}`;

const ids = (...numbers: number[]): string[] => numbers.map(idOf);

/** Lists of handoffs as people look at them. */
export function storeHandoffList(current: () => Store): void {
  const add = (from: number, to: number, more: (n: number) => Parameters<typeof handoff>[3] = () => ({})) =>
    current().write(async (tx) => {
      for (let n = from; n < to; n += 1) {
        const id = `cnv_${n}`;
        const visitor = {
          id: null,
          name: n === 7 ? "Ștefan cel Mare" : "Ana",
          email: null,
          phone: null,
          attributes: {},
        };
        await tx.createConversation(conversation("ws_a", id, { visitor }));
        await tx.createHandoff(handoff("ws_a", id, idOf(n), { createdAt: at(n), ...more(n) }));
      }
    });
  /** Page by page to the end. */
  async function listed(filter: Partial<HandoffFilter>, limit = 3): Promise<string[]> {
    const told: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await current().read.handoffs("ws_a", { limit, ...filter, cursor });
      told.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined && told.length < 10_000);
    return told;
  }

  describe("lists of handoffs", () => {
    beforeEach(() => current().write((tx) => tx.createWorkspace(workspace("ws_a"))));

    test("newest or oldest first, and by destination, bot and mode", async () => {
      const inbox = { id: "inbox", team: null, priority: null, labels: [] };
      await add(1, 7, (n) => ({
        botId: n % 2 === 0 ? "bot_a" : "bot_b",
        destination: n < 3 ? inbox : n < 5 ? null : { ...inbox, id: "con_1" },
        mode: n < 6 ? "live" : "lead",
        status: n === 1 ? "resolved" : "pending",
      }));
      expect(await listed({})).toEqual(ids(6, 5, 4, 3, 2, 1));
      expect(await listed({ sort: "oldest", status: "pending" })).toEqual(ids(2, 3, 4, 5, 6));
      expect(await listed({ destination: "inbox" })).toEqual(ids(2, 1));
      expect(await listed({ destination: "con_1", mode: "lead" })).toEqual(ids(6));
      expect(await listed({ botId: "bot_b", sort: "oldest" })).toEqual(ids(1, 3, 5));
      expect(await listed({ destination: "con_2" })).toEqual([]);
      const { read } = current();
      const none = { count: 0, isCapped: false };
      expect(await read.handoffCounts("ws_a", {})).toEqual({
        pending: { count: 5, isCapped: false },
        acknowledged: none,
        resolved: { count: 1, isCapped: false },
        cancelled: none,
      });
      expect(await read.handoffCounts("ws_a", { botId: "bot_b", mode: "live", destination: "inbox" })).toMatchObject({
        pending: none,
        resolved: { count: 1 },
      });
    });

    test.each([undefined, "oldest"] as const)("a cursor holds while handoffs come and change: %s", async (sort) => {
      await add(10, 20);
      const first = await current().read.handoffs("ws_a", { limit: 4, status: "pending", sort });
      // One that was shown is taken, and so is one that was not; others come at both ends.
      await current().write(async (tx) => {
        for (const n of [11, 18]) {
          const accepted = handoff("ws_a", `cnv_${n}`, idOf(n), { status: "acknowledged", createdAt: at(n) });
          await tx.saveHandoff(accepted, "pending");
        }
      });
      await add(5, 7);
      await add(30, 32);
      const cursor = first.nextCursor!;
      const rest = await current().read.handoffs("ws_a", { limit: 50, status: "pending", sort, cursor });
      const told = [...first.items, ...rest.items].map(({ id }) => id);
      expect(new Set(told).size).toBe(told.length);
      const expected =
        sort === "oldest"
          ? [10, 11, 12, 13, 14, 15, 16, 17, 19, 18, 30, 31]
          : [19, 18, 17, 16, 15, 14, 13, 12, 10, 6, 5];
      expect(told).toEqual(expected.filter((n) => sort !== "oldest" || n !== 18).map(idOf));
    });

    test("what is rare is found among very many, in the same order", async () => {
      await add(0, 2_300, (n) => ({ status: "cancelled", botId: n === 3 || n === 2_200 ? "bot_rare" : "bot_a" }));
      expect(await listed({ text: "ȘTEFAN" })).toEqual([idOf(7)]);
      expect(await listed({ botId: "bot_rare" })).toEqual([idOf(2_200), idOf(3)]);
      expect(await listed({ botId: "bot_rare", sort: "oldest" }, 1)).toEqual([idOf(3), idOf(2_200)]);
      expect(await listed({ text: "nobody" })).toEqual([]);
      expect(await listed({ botId: "bot_a", status: "cancelled" }, 999)).toHaveLength(2_298);
    }, 60_000);

    test("more than a few thousand are not counted to the end", async () => {
      await add(0, 5_001, (n) => ({ status: "resolved", mode: n < 4 ? "lead" : "live" }));
      const { read } = current();
      expect((await read.handoffCounts("ws_a", {})).resolved).toEqual({ count: 5_000, isCapped: true });
      // Of the newest five thousand.
      expect((await read.handoffCounts("ws_a", { mode: "lead" })).resolved).toEqual({ count: 3, isCapped: true });
    }, 120_000);

    test("conversations by their ids, of one workspace", async () => {
      await add(1, 4);
      const { read } = current();
      const found = await read.conversationsByIds("ws_a", ["cnv_1", "cnv_3", "cnv_9"]);
      expect([...found.keys()].toSorted((one, other) => (one < other ? -1 : 1))).toEqual(["cnv_1", "cnv_3"]);
      expect(found.get("cnv_3")?.key).toBe("key-of-cnv_3");
      expect(await read.conversationsByIds("ws_b", ["cnv_1"])).toEqual(new Map());
      expect(await read.conversationsByIds("ws_a", [])).toEqual(new Map());
    });
  });
}
