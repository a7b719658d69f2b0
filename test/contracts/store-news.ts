import { beforeEach, describe, expect, test } from "vitest";
import { NEWS_KINDS } from "../../src/ports-news.ts";
import type { NewsKind, NewsPage } from "../../src/ports-news.ts";
import type { Store } from "../../src/ports-store.ts";
import { addShop, at, connectionState, newsItem, workspace } from "./store-samples.ts";

const ALL: { readonly kinds: readonly NewsKind[]; readonly limit: number } = { kinds: NEWS_KINDS, limit: 100 };
const idsOf = ({ items }: NewsPage) => items.map(({ id }) => id);

/** What has changed, for those who look on. */
export function storeNews(current: () => Store): void {
  const tell = (...ids: string[]) =>
    current().write((tx) =>
      tx.addNews(
        "ws_a",
        ids.map((id) => newsItem(id)),
      ),
    );
  const after = (position: number | null, more: Partial<typeof ALL> = {}) =>
    current().read.news("ws_a", { after: position, ...ALL, ...more });
  const states = async (since: number, connectionId = "con_1") =>
    (await current().read.connectionStates("ws_a", connectionId, at(since))).map(({ problem }) => problem);

  describe("news", () => {
    beforeEach(() => current().write((tx) => tx.createWorkspace(workspace("ws_a"))));

    test("are told once each, in order, to who goes on where they are", async () => {
      const { position: start, items, isIncomplete } = await after(null);
      expect([items, isIncomplete]).toEqual([[], false]);
      await tell("hnd_1", "hnd_2");
      await tell("hnd_3");
      const page = await after(start);
      expect(idsOf(page)).toEqual(["hnd_1", "hnd_2", "hnd_3"]);
      expect(page.items[0]).toMatchObject(newsItem("hnd_1"));
      expect([page.isIncomplete, page.hasMore]).toEqual([false, false]);
      expect(idsOf(await after(page.position))).toEqual([]);
      await tell("hnd_4");
      expect(idsOf(await after(page.position))).toEqual(["hnd_4"]);
    });

    test("can be of some kinds only", async () => {
      const { position } = await after(null);
      await current().write((tx) =>
        tx.addNews("ws_a", [
          newsItem("hnd_1"),
          newsItem("mem_1", { kind: "member" }),
          newsItem("dlv_1", { kind: "delivery" }),
        ]),
      );
      const page = await after(position, { kinds: ["handoff", "member"] });
      expect(idsOf(page)).toEqual(["hnd_1", "mem_1"]);
      // What was not for this reader is behind them all the same.
      expect(idsOf(await after(page.position))).toEqual([]);
    });

    test("come page by page", async () => {
      let { position } = await after(null);
      for (const id of ["hnd_1", "hnd_2", "hnd_3", "hnd_4", "hnd_5"]) await tell(id);
      const seen: string[] = [];
      for (let page = await after(position, { limit: 3 }); ; page = await after(position, { limit: 3 })) {
        seen.push(...idsOf(page));
        ({ position } = page);
        if (!page.hasMore) break;
      }
      expect(seen).toEqual(["hnd_1", "hnd_2", "hnd_3", "hnd_4", "hnd_5"]);
    });

    test("of another position than there ever was are incomplete", async () => {
      const { position } = await after(null);
      const ahead = await after(position + 1_000_000_000);
      expect([ahead.items, ahead.isIncomplete, ahead.position]).toEqual([[], true, expect.any(Number)]);
    });

    test("that were forgotten are not passed over in silence", async () => {
      const { position: start } = await after(null);
      await current().write((tx) => tx.addNews("ws_a", [newsItem("hnd_1"), newsItem("hnd_2", { at: at(5) })]));
      const { position } = await after(start);
      await current().write((tx) => tx.addNews("ws_a", [newsItem("hnd_3", { at: at(20) })]));
      expect(await current().write((tx) => tx.forgetNews(at(10), 100))).toBe(true);
      expect((await after(start)).isIncomplete).toBe(true);
      const rest = await after(position);
      expect([idsOf(rest), rest.isIncomplete]).toEqual([["hnd_3"], false]);
      // Once more, and when all of it is old.
      expect(await current().write((tx) => tx.forgetNews(at(10), 100))).toBe(true);
      expect(await current().write((tx) => tx.forgetNews(at(99), 100))).toBe(true);
      expect((await after(position)).isIncomplete).toBe(true);
      expect((await after((await after(null)).position)).isIncomplete).toBe(false);
    });

    test("are forgotten a few at a time", async () => {
      await tell("hnd_1", "hnd_2", "hnd_3");
      expect(await current().write((tx) => tx.forgetNews(at(10), 2))).toBe(false);
      let rounds = 0;
      while (!(await current().write((tx) => tx.forgetNews(at(10), 2))) && rounds < 5) rounds += 1;
      expect(rounds).toBeLessThan(5);
      expect((await after(0)).isIncomplete).toBe(true);
    });

    test("each commit tells whose news it holds, and others' listeners nothing", async () => {
      const heard: string[] = [];
      const stop = current().onNews(() => heard.push("a"), "ws_a");
      current().onNews(() => heard.push("b"), "ws_b");
      await tell("hnd_1");
      expect(heard).toEqual(["a"]);
      expect(await current().read.lastNews(["ws_a", "ws_b"])).toEqual(new Map([["ws_a", expect.any(Number)]]));
      stop();
      await tell("hnd_2");
      expect(heard).toEqual(["a"]);
    });

    test("what is given up, and tried again, is told", async () => {
      await current().write((tx) => addShop(tx, "b"));
      const { position } = await current().read.news("ws_b", { after: null, ...ALL });
      const lane = "con_b:cnv_b";
      const claim = await current().write((tx) => tx.claimLane(lane, at(1), 60_000));
      await current().write((tx) => tx.finishDelivery(claim!, { state: "dead", error: "no" }, at(2), 60_000));
      await current().write((tx) => tx.retryDelivery("ws_b", claim!.delivery.n, at(3)));
      const { items } = await current().read.news("ws_b", { after: position, ...ALL });
      const id = `dlv_${claim!.delivery.n}`;
      const data = { kind: "helpdesk_message", connectionId: "con_b", handoffId: "hnd_b" };
      expect(items.map(({ position: _position, ...one }) => one)).toEqual([
        { kind: "delivery", id, what: "dead", at: at(2), data },
        { kind: "delivery", id, what: "retried", at: at(3), data },
      ]);
    });
  });

  describe("states of connections", () => {
    beforeEach(() =>
      current().write(async (tx) => {
        await tx.createWorkspace(workspace("ws_a"));
        for (const [seconds, problem] of [
          [1, "one"],
          [2, null],
          [3, "three"],
          [3, null],
          [9, "nine"],
        ] as const)
          await tx.addConnectionState(connectionState("ws_a", "con_1", { at: at(seconds), problem }));
        await tx.addConnectionState(connectionState("ws_a", "con_2", { at: at(2), problem: "other" }));
        await tx.addConnectionState(connectionState("ws_b", "con_1", { at: at(5), problem: "foreign" }));
      }),
    );

    test("are given since an instant, with the one before it", async () => {
      expect(await states(0)).toEqual(["one", null, "three", null, "nine"]);
      expect(await states(3)).toEqual([null, "three", null, "nine"]);
      expect(await states(4)).toEqual([null, "nine"]);
      expect(await states(99)).toEqual(["nine"]);
      expect(await states(0, "con_3")).toEqual([]);
    });

    test("are forgotten but for the last one before", async () => {
      while (!(await current().write((tx) => tx.forgetConnectionStates(at(4), 2))));
      expect(await states(0)).toEqual([null, "nine"]);
      expect(await states(0, "con_2")).toEqual(["other"]);
    });

    test("go with their connection", async () => {
      await current().write((tx) => tx.deleteConnection("ws_a", "con_1"));
      expect(await states(0)).toEqual([]);
      expect(await current().read.connectionStates("ws_b", "con_1", at(0))).toHaveLength(1);
    });
  });
}
