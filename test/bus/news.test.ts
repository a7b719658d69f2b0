import { expect, onTestFinished, test } from "vitest";
import { shareNews } from "../../src/bus/news.ts";
import type { Log, Store } from "../../src/ports.ts";
import type { Bus, Hint } from "../../src/ports-bus.ts";
import type { Committed } from "../../src/ports-store.ts";
import { eventually } from "../stories/world.ts";

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };

/** A store that others write to unseen, and a bus that others speak over. */
function world({ isShared }: { isShared: boolean }) {
  const seqs = new Map<string, number>();
  const positions = new Map<string, number>();
  const asked: string[][] = [];
  const listeners = new Set<(what: Committed) => void>();
  const told: Hint[] = [];
  const ears = new Set<(hint: Hint) => void>();
  const store = {
    read: {
      lastEventSeqs(ids: readonly string[]) {
        asked.push([...ids]);
        return Promise.resolve(new Map(ids.map((id) => [id, seqs.get(id) ?? 0])));
      },
      lastNews: () => Promise.resolve(positions),
    },
    onCommitted(listener: (what: Committed) => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  } as unknown as Store;
  const bus: Bus = {
    tell: (hint) => told.push(hint),
    listen(listener) {
      ears.add(listener);
      return () => void ears.delete(listener);
    },
  };
  const news = shareNews({ store, bus, log: silent, isShared, everyMs: 5 });
  onTestFinished(() => news.close());
  const heard: string[] = [];
  return {
    seqs,
    asked,
    told,
    heard,
    listeners,
    hint: (hint: Hint) => ears.forEach((ear) => ear(hint)),
    commit: (conversations: string[], of: string[] = []) => {
      for (const listener of listeners) listener({ lanes: ["l"], conversations, news: of });
    },
    look: (id: string, told: () => void) => news.store.onNews(told, id),
    positions,
    wait: (id: string) => news.store.onCommitted(({ conversations }) => heard.push(...conversations), id),
    all: (listener: (what: Committed) => void) => news.store.onCommitted(listener),
  };
}

test("who waits for a conversation hears of its commits here, of those elsewhere, and of no others", () => {
  const { wait, commit, hint, heard, told } = world({ isShared: false });
  const stop = wait("cnv_1");
  commit(["cnv_1", "cnv_2"]);
  hint({ kind: "conversations", ids: ["cnv_1", "cnv_3"] });
  expect(heard).toEqual(["cnv_1", "cnv_1"]);
  expect(told).toEqual([{ kind: "conversations", ids: ["cnv_1", "cnv_2"] }]);
  stop();
  commit(["cnv_1"]);
  expect(heard).toHaveLength(2);
});

test("what nobody told is found by asking the store, once for all that are waited for", async () => {
  const { wait, seqs, heard, asked } = world({ isShared: true });
  wait("cnv_1");
  wait("cnv_2");
  await eventually(() => heard.length >= 2);
  heard.length = 0;
  seqs.set("cnv_2", 5);
  await eventually(() => heard.includes("cnv_2"));
  expect(heard).toEqual(["cnv_2"]);
  expect(new Set(asked.map((ids) => ids.toSorted().join(" ")))).toEqual(new Set(["cnv_1 cnv_2"]));
});

test("a store of one process is not asked, nor one that nobody waits for", async () => {
  const alone = world({ isShared: false });
  alone.wait("cnv_1");
  const shared = world({ isShared: true });
  const stop = shared.wait("cnv_1");
  await eventually(() => shared.asked.length > 0);
  stop();
  await new Promise((resolve) => setTimeout(resolve, 30));
  const before = shared.asked.length;
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(shared.asked.length).toBe(before);
  expect(alone.asked).toEqual([]);
});

test("lanes are woken by commits of this process alone", () => {
  const { all, commit, hint } = world({ isShared: false });
  const lanes: string[] = [];
  all((what) => lanes.push(...what.lanes));
  commit(["cnv_1"]);
  hint({ kind: "conversations", ids: ["cnv_1"] });
  expect(lanes).toEqual(["l"]);
});

test("who looks on a workspace hears of its news here, of those elsewhere, and of no others", async () => {
  const { look, commit, hint, told, positions } = world({ isShared: true });
  const heard: string[] = [];
  const stop = look("ws_1", () => heard.push("ws_1"));
  commit(["cnv_1"], ["ws_1", "ws_2"]);
  hint({ kind: "news", ids: ["ws_1", "ws_3"] });
  hint({ kind: "conversations", ids: ["ws_1"] });
  expect(heard).toEqual(["ws_1", "ws_1"]);
  expect(told).toEqual([
    { kind: "conversations", ids: ["cnv_1"] },
    { kind: "news", ids: ["ws_1", "ws_2"] },
  ]);
  // What nobody told is found by asking.
  heard.length = 0;
  positions.set("ws_1", 7);
  positions.set("ws_2", 9);
  await eventually(() => heard.length > 0);
  expect(heard).toEqual(["ws_1"]);
  stop();
  commit([], ["ws_1"]);
  expect(heard).toEqual(["ws_1"]);
});
