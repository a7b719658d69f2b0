import * as fc from "fast-check";
import { expect, test } from "vitest";
import { backoffMs, longestBackoffMs } from "../../src/jobs/backoff.ts";
import { createPatience } from "../../src/jobs/patience.ts";
import { retryAfterMs } from "../../src/jobs/verdict.ts";
import { DEFAULT_TIMING } from "../../src/jobs/timing.ts";
import { DeliveryError } from "../../src/domain/delivery.ts";

const bounds = { baseMs: 500, capMs: 300_000 };
const almostOne = 1 - 2 ** -53;

test.each([
  [1, 1, 500],
  [2, 1, 1_000],
  [3, 1, 2_000],
  [9, 1, 128_000],
  [10, 1, 256_000],
  [11, 1, 300_000],
  [1_000, 1, 300_000],
])("after attempt %i it waits from %i to %i ms", (attempt, least, most) => {
  expect(backoffMs(attempt, bounds, () => 0)).toBe(least);
  expect(backoffMs(attempt, bounds, () => almostOne)).toBe(most);
  expect(longestBackoffMs(attempt, bounds)).toBe(most);
});

test("whatever the attempt, it waits at least a millisecond, at most the cap, and whole milliseconds", () => {
  fc.assert(
    fc.property(fc.nat(100_000), fc.double({ min: 0, max: almostOne, noNaN: true }), (attempt, random) => {
      const wait = backoffMs(attempt, bounds, () => random);
      expect(Number.isInteger(wait)).toBe(true);
      expect(wait).toBeGreaterThanOrEqual(1);
      expect(wait).toBeLessThanOrEqual(300_000);
    }),
  );
});

test.each([
  [null, null],
  [0, 0],
  [7, 7_000],
  [3_600, 3_600_000],
  [86_400, 3_600_000],
  [-1, null],
  [Number.NaN, null],
])("a far side that asks to wait %s seconds is given %s ms", (retryAfterSeconds, ms) => {
  expect(retryAfterMs(new DeliveryError("transient", "x", { retryAfterSeconds }), DEFAULT_TIMING)).toBe(ms);
});

test("what fails again waits longer, up to the cap; a success forgets it", () => {
  let now = 0;
  const patience = createPatience({
    clock: () => new Date(now),
    bounds: { baseMs: 1_000, capMs: 8_000 },
    random: () => 0,
  });
  const waits = [1, 2, 3, 4, 5, 6].map(() => patience.failed("a").getTime() - now);
  expect(waits).toEqual([500, 1_000, 2_000, 4_000, 4_000, 4_000]);
  expect(patience.isWaiting("a")).toBe(true);
  expect(patience.isWaiting("b")).toBe(false);
  now += 4_000;
  expect(patience.isWaiting("a")).toBe(false);
  patience.succeeded("a");
  expect(patience.failed("a").getTime() - now).toBe(500);
  expect(patience.failed("b", 60_000).getTime() - now).toBe(60_000);
});

test("what nobody asks about any more is forgotten", () => {
  let now = 0;
  const patience = createPatience({ clock: () => new Date(now), bounds, random: () => 0 });
  patience.failed("gone");
  expect(patience.size()).toBe(1);
  now += 11 * 60_000;
  expect(patience.size()).toBe(0);
});
