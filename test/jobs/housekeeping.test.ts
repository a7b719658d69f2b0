import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, onTestFinished, test } from "vitest";
import { createHousekeeping } from "../../src/jobs/housekeeping.ts";
import type { HousekeepingTiming } from "../../src/jobs/housekeeping.ts";
import type { Log, Store } from "../../src/ports.ts";
import { openSqliteStore } from "../../src/storage/sqlite-store.ts";
import {
  at,
  connectionState,
  conversation,
  handoff,
  message,
  newsItem,
  webhook,
  workspace,
} from "../contracts/store-samples.ts";

const DAY = 86_400;
const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };
/** Waits for nothing, and lets others come in between. */
const scheduler = {
  after(_ms: number, run: () => void) {
    const timer = setImmediate(run);
    return () => clearImmediate(timer);
  },
  soon: (run: () => void) => void setImmediate(run),
};

interface World {
  readonly store: Store;
  readonly file: string;
  readonly setClock: (seconds: number) => void;
  readonly keeper: (timing?: Partial<HousekeepingTiming>) => ReturnType<typeof createHousekeeping>;
  /** An ended conversation with this many lines, touched last at `seconds`. */
  readonly said: (workspaceId: string, id: string, lines: number, seconds: number) => Promise<void>;
  readonly texts: (workspaceId: string, id: string) => Promise<string[]>;
}

async function world(): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), "baton-keeping-"));
  const file = join(directory, "baton.db");
  const store = await openSqliteStore(file);
  onTestFinished(async () => {
    await store.close();
    rmSync(directory, { recursive: true });
  });
  let now = at(0);
  await store.write(async (tx) => {
    for (const id of ["ws_a", "ws_b", "ws_c"]) await tx.createWorkspace(workspace(id));
    await tx.updateWorkspace("ws_a", { retentionDays: 30 });
    await tx.updateWorkspace("ws_b", { retentionDays: 90 });
  });
  return {
    store,
    file,
    setClock: (seconds) => (now = at(seconds)),
    keeper: (timing = {}) => createHousekeeping({ store, clock: () => now, log: silent, scheduler, timing }),
    async said(workspaceId, id, lines, seconds) {
      await store.write(async (tx) => {
        const one = conversation(workspaceId, id, { createdAt: at(seconds), lastMessageSeq: lines });
        await tx.createConversation(one);
        await tx.addMessages(
          workspaceId,
          Array.from({ length: lines }, (_, n) => message(id, n + 1)),
        );
      });
    },
    texts: async (workspaceId, id) =>
      (await store.read.messages(workspaceId, id, { afterSeq: 0, limit: 10_000 })).map(({ text }) => text),
  };
}

const nothing = (lines: number) => Array.from({ length: lines }, () => "");

test("each workspace's words go by its own days, and those of one that keeps all stay", async () => {
  const { setClock, keeper, said, texts } = await world();
  for (const [n, ws] of ["ws_a", "ws_b", "ws_c"].entries()) await said(ws, `cnv_${n}`, 2, 1);
  await said("ws_a", "cnv_young", 1, 10 * DAY);
  setClock(31 * DAY);
  await keeper().round();
  expect(await texts("ws_a", "cnv_0")).toEqual(nothing(2));
  expect(await texts("ws_a", "cnv_young")).toEqual(["line 1"]);
  expect(await texts("ws_b", "cnv_1")).toEqual(["line 1", "line 2"]);
  setClock(91 * DAY);
  await keeper().round();
  expect(await texts("ws_a", "cnv_young")).toEqual(nothing(1));
  expect(await texts("ws_b", "cnv_1")).toEqual(nothing(2));
  expect(await texts("ws_c", "cnv_2")).toEqual(["line 1", "line 2"]);
});

test("a long transcript goes in many small units, and others come in between", async () => {
  const { store, setClock, keeper, said, texts } = await world();
  await said("ws_a", "cnv_long", 1_000, 1);
  setClock(40 * DAY);
  let units = 0;
  const stop = store.onCommitted(() => void (units += 1));
  let isOver = false;
  const round = keeper({ rows: 50 })
    .round()
    .then(() => (isOver = true));
  const others: boolean[] = [];
  for (let n = 0; n < 10; n += 1) {
    await store.write((tx) => tx.workspace("ws_a"));
    others.push(isOver);
  }
  await round;
  stop();
  expect(others).toEqual(others.map(() => false));
  expect(units).toBeGreaterThan(20);
  expect(await texts("ws_a", "cnv_long")).toEqual(nothing(1_000));
});

test("of several processes one does it, and the next round waits for its time", async () => {
  const { store, setClock, keeper, said, texts } = await world();
  await said("ws_a", "cnv_1", 1, 1);
  setClock(40 * DAY);
  let pruned = 0;
  const counting: Store = {
    ...store,
    write: (work) =>
      store.write((tx) =>
        work({
          ...tx,
          pruneConversation(...given) {
            pruned += 1;
            return tx.pruneConversation(...given);
          },
        }),
      ),
  };
  const clock = () => at(40 * DAY);
  const processes = Array.from({ length: 5 }, () =>
    createHousekeeping({ store: counting, clock, log: silent, scheduler }),
  );
  await Promise.all(processes.map((one) => one.round()));
  expect(pruned).toBe(1);
  await said("ws_a", "cnv_2", 1, 1);
  await keeper().round();
  expect(await texts("ws_a", "cnv_2")).toEqual(["line 1"]);
  setClock(40 * DAY + 301);
  await keeper().round();
  expect(await texts("ws_a", "cnv_2")).toEqual(nothing(1));
});

test("one that is closed in between leaves the rest to the next round", async () => {
  const { store, setClock, keeper, said, texts } = await world();
  await said("ws_a", "cnv_1", 400, 1);
  await said("ws_a", "cnv_2", 400, 1);
  setClock(40 * DAY);
  const first = keeper({ rows: 50 });
  let units = 0;
  const stop = store.onCommitted(() => {
    units += 1;
    if (units === 5) void first.close();
  });
  await first.round();
  stop();
  expect((await texts("ws_a", "cnv_1")).includes("line 400")).toBe(true);
  setClock(40 * DAY + 301);
  await keeper().round();
  expect(await texts("ws_a", "cnv_1")).toEqual(nothing(400));
  expect(await texts("ws_a", "cnv_2")).toEqual(nothing(400));
});

test("news are kept for a day, states of connections for thirty, and declined requests for over two years", async () => {
  const { store, setClock, keeper } = await world();
  await store.write(async (tx) => {
    for (let n = 0; n < 5; n += 1) {
      await tx.addNews("ws_c", [newsItem(`hnd_${n}`, { at: at(n) })]);
      await tx.addConnectionState(
        connectionState("ws_c", "con_1", { at: at(n), problem: n % 2 === 0 ? "down" : null }),
      );
    }
    await tx.addNews("ws_c", [newsItem("hnd_late", { at: at(DAY) })]);
    await tx.countDeclined("ws_c", "bot_1", "disabled", at(0));
  });
  const kept = async () => {
    const news = await store.read.news("ws_c", { after: 5, kinds: ["handoff"], limit: 10 });
    const first = await store.read.news("ws_c", { after: 0, kinds: ["handoff"], limit: 10 });
    const states = await store.read.connectionStates("ws_c", "con_1", at(0));
    const declined = await store.read.declinedCounts("ws_c", { from: 0, to: at(9).getTime() });
    return [news.items.length, first.isIncomplete, states.length, declined.length];
  };
  await keeper({ rows: 2 }).round();
  expect(await kept()).toEqual([1, false, 5, 1]);
  setClock(DAY + 100);
  await keeper({ rows: 2 }).round();
  expect(await kept()).toEqual([1, true, 5, 1]);
  setClock(31 * DAY);
  await keeper({ rows: 2 }).round();
  expect((await kept()).slice(2)).toEqual([1, 1]);
  setClock(801 * DAY);
  await keeper({ rows: 2 }).round();
  expect((await kept()).slice(2)).toEqual([1, 0]);
});

test("a part that fails keeps no other from its turn", async () => {
  const { store, setClock, said, texts } = await world();
  await said("ws_a", "cnv_1", 1, 1);
  await store.write((tx) => tx.storeAnswer("bot:x", "k", { requestHash: "", status: 200, body: "{}" }, at(1)));
  setClock(40 * DAY);
  const failing: Store = {
    ...store,
    write: (work) => store.write((tx) => work({ ...tx, pruneConversation: () => Promise.reject(new Error("broken")) })),
  };
  await createHousekeeping({ store: failing, clock: () => at(40 * DAY), log: silent, scheduler }).round();
  expect(await texts("ws_a", "cnv_1")).toEqual(["line 1"]);
  expect(await store.read.storedAnswer("bot:x", "k")).toBeNull();
});

test("what was taken out is not in the file any more, once the log has been moved into it", async () => {
  const { store, file, setClock, keeper } = await world();
  const canary = "canary-7f3a";
  const said = (what: string) => `${canary} ${what}`;
  await store.write(async (tx) => {
    const visitor = {
      id: null,
      name: said("name"),
      email: said("mail"),
      phone: null,
      attributes: { k: said("attribute") },
    };
    const one = conversation("ws_a", "cnv_1", {
      visitor,
      summary: said("summary"),
      lastMessageSeq: 300,
      createdAt: at(1),
    });
    await tx.createConversation(one);
    await tx.addMessages(
      "ws_a",
      Array.from({ length: 300 }, (_, n) => message("cnv_1", n + 1, { text: said("text") })),
    );
    const ended = { status: "resolved", endedAt: at(2), reason: said("reason") } as const;
    await tx.createHandoff(handoff("ws_a", "cnv_1", "hnd_1", ended));
    await tx.recordWebhook(webhook("whk_1", "k", { body: said("body"), receivedAt: at(1) }));
    await tx.finishWebhook("whk_1", "failed", null, at(1));
  });
  const bytes = () => {
    const db = new Database(file);
    db.pragma("wal_checkpoint(TRUNCATE)");
    db.close();
    return readFileSync(file, "latin1");
  };
  expect(bytes()).toContain(canary);
  setClock(40 * DAY);
  await keeper().round();
  expect(bytes()).not.toContain(canary);
});
