import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createFairPool, freeTrial } from "../../src/jobs/fair-pool.ts";
import type { FairPoolSettings } from "../../src/jobs/fair-pool.ts";

function setUp(more: Partial<FairPoolSettings<null>> = {}) {
  const begun: string[] = [];
  const ends = new Map<string, (how: "rest" | "done") => void>();
  const pool = createFairPool<null>({
    overall: 4,
    perGroup: 2,
    waitingPerGroup: 100,
    enter: () => freeTrial,
    work(key) {
      begun.push(key);
      return new Promise((resolve) => ends.set(key, resolve));
    },
    ...more,
  });
  const end = async (key: string, how: "rest" | "done" = "done") => {
    ends.get(key)?.(how);
    ends.delete(key);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { pool, begun, end };
}

test("groups take turns", async () => {
  const { pool, begun, end } = setUp({ overall: 1, perGroup: 1 });
  for (const key of ["a1", "a2", "a3", "b1", "b2"]) pool.add(key.charAt(0), key, null);
  pool.pump();
  // One slot for all, but no group waits for another's: each has begun its first.
  expect(begun).toEqual(["a1", "b1"]);
  await end("b1");
  await end("a1");
  await end("b2");
  await end("a2");
  expect(begun).toEqual(["a1", "b1", "b2", "a2", "a3"]);
});

test("a group has its share and no more, however much waits there", () => {
  const { pool, begun } = setUp({ overall: 4, perGroup: 2 });
  for (const key of ["a1", "a2", "a3", "a4", "b1"]) pool.add(key.charAt(0), key, null);
  pool.pump();
  expect(begun).toEqual(["a1", "b1", "a2"]);
});

test("what is added while it runs is run once more; what rests is not", async () => {
  const { pool, begun, end } = setUp();
  pool.add("a", "again", null);
  pool.add("a", "rests", null);
  pool.pump();
  for (let i = 0; i < 3; i += 1) {
    pool.add("a", "again", null);
    pool.add("a", "rests", null);
  }
  await end("again", "done");
  await end("rests", "rest");
  expect(begun).toEqual(["again", "rests", "again"]);
});

test("what waits is in one line only", async () => {
  const { pool, begun, end } = setUp({ overall: 1, perGroup: 1 });
  pool.add("a", "first", null);
  pool.pump();
  for (const group of ["a", "b", "a"]) pool.add(group, "waits", null);
  pool.pump();
  expect(pool.waiting()).toBe(1);
  await end("first");
  await end("waits");
  expect(begun).toEqual(["first", "waits"]);
});

test("work that throws frees its place", async () => {
  const { pool } = setUp({ work: () => Promise.reject(new Error("no")), overall: 1, perGroup: 1 });
  for (const key of ["x", "y", "z"]) pool.add("a", key, null);
  pool.pump();
  await new Promise((resolve) => setImmediate(resolve));
  expect(["x", "y", "z"].filter((key) => pool.has(key))).toEqual([]);
});

test("a full line takes no more, and says so", () => {
  const { pool } = setUp({ waitingPerGroup: 2 });
  expect(["x", "y", "z"].map((key) => pool.add("a", key, null))).toEqual([true, true, false]);
});

test("closing waits for what runs, and starts nothing more", async () => {
  const { pool, begun, end } = setUp({ perGroup: 1 });
  pool.add("a", "runs", null);
  pool.add("a", "waits", null);
  pool.pump();
  let isClosed = false;
  const closed = pool.close().then(() => (isClosed = true));
  await end("other");
  expect(isClosed).toBe(false);
  await end("runs");
  await closed;
  expect(begun).toEqual(["runs"]);
  expect(pool.add("a", "late", null)).toBe(false);
});

test("whatever is added and ends, each key runs at most once at a time, within the bounds, and all of it runs", async () => {
  const step = fc.oneof(
    fc.record({ add: fc.tuple(fc.constantFrom("a", "b", "c"), fc.nat(8)) }),
    fc.record({ end: fc.nat(20) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
      const running = new Map<string, (how: "done") => void>();
      const added = new Set<string>();
      const ran = new Set<string>();
      const { pool } = setUp({
        work(key) {
          expect(running.has(key)).toBe(false);
          ran.add(key);
          return new Promise((resolve) => running.set(key, resolve));
        },
      });
      const endOne = async (which: number) => {
        const key = [...running.keys()][which % Math.max(running.size, 1)] ?? "";
        running.get(key)?.("done");
        running.delete(key);
        await new Promise((resolve) => setImmediate(resolve));
      };
      for (const one of steps) {
        if ("add" in one) {
          const [group, n] = one.add;
          pool.add(group, `${group}${n}`, null);
          added.add(`${group}${n}`);
          pool.pump();
        } else await endOne(one.end);
        const busy = [...running.keys()].map((key) => key.charAt(0));
        expect(
          Math.max(0, ...["a", "b", "c"].map((group) => busy.filter((each) => each === group).length)),
        ).toBeLessThan(3);
        expect(busy.length).toBeLessThanOrEqual(6);
      }
      while (running.size > 0) await endOne(0);
      expect(ran).toEqual(added);
      expect(pool.waiting()).toBe(0);
    }),
    { numRuns: 100 },
  );
});
