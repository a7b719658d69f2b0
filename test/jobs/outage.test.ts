import { expect, test } from "vitest";
import { DeliveryError } from "../../src/domain/delivery.ts";
import { createWorld, says } from "./world.ts";

const LANES = 40;
const EACH = 3;
const CALL_MS = 100;
const AT_ONCE = 8;
const HOUR_MS = 3_600_000;

interface Call {
  readonly lane: string;
  readonly says: string;
  readonly at: number;
  /** Under way when it began, itself included. */
  readonly underWay: number;
  readonly end: "done" | "down" | "limited";
}

/** A helpdesk whose calls take a while, that is down until it is mended, and that may take only so many a second. */
async function helpdesk({ perSecond = Number.POSITIVE_INFINITY } = {}) {
  const world = await createWorld({ timing: { lanesPerGroup: AT_ONCE } });
  const calls: Call[] = [];
  let isDown = true;
  let underWay = 0;
  world.duties.perform = async (delivery) => {
    underWay += 1;
    const at = world.since();
    const taken = calls.filter((call) => call.end === "done" && call.at > at - 1_000).length;
    const end = isDown ? "down" : taken >= perSecond ? "limited" : "done";
    calls.push({ lane: delivery.lane, says: says(delivery), at, underWay, end });
    try {
      await new Promise<void>((resolve) => void world.time.scheduler.after(CALL_MS, resolve));
    } finally {
      underWay -= 1;
    }
    if (end === "down") throw new DeliveryError("transient", "The helpdesk answered 503");
    if (end === "limited") throw new DeliveryError("rate_limited", "Too many requests", { retryAfterSeconds: 1 });
    return null;
  };
  for (let lane = 0; lane < LANES; lane += 1)
    await world.owe(
      `con_a:${lane}`,
      Array.from({ length: EACH }, (_, n) => `${lane}/${n}`),
    );
  await world.jobs.start();
  return {
    world,
    calls,
    mend: () => {
      isDown = false;
    },
    done: () => calls.filter((call) => call.end === "done"),
  };
}

const inOrder = (calls: readonly Call[]): string[] =>
  Array.from({ length: LANES }, (_, lane) => calls.filter((call) => call.lane === `con_a:${lane}`)).flatMap((ofLane) =>
    ofLane.map((call) => call.says),
  );
const wanted = Array.from({ length: LANES }, (_, lane) =>
  Array.from({ length: EACH }, (_n, n) => `${lane}/${n}`),
).flat();

test("an hour without the helpdesk costs it a call a minute, and afterwards all is sent once and in order", async () => {
  const { world, calls, mend, done } = await helpdesk();
  await world.time.advance(HOUR_MS);
  const settled = calls.filter((call) => call.at > 10 * 60_000);
  // Its longest wait is a minute, a quarter less by chance: between 50 and 67 probes in the other fifty minutes.
  expect(settled.length).toBeGreaterThanOrEqual(40);
  expect(settled.length).toBeLessThanOrEqual(70);
  expect(Math.max(...settled.map((call) => call.underWay))).toBe(1);

  mend();
  await world.time.advance(5 * 60_000);
  expect(inOrder(done())).toEqual(wanted);
  expect(new Set(Object.values(await world.states()))).toEqual(new Set(["done"]));
}, 120_000);

test("a helpdesk that comes back is not run over: one call, then two, never more than it is ever given at once", async () => {
  const { world, calls, mend, done } = await helpdesk();
  await world.time.advance(HOUR_MS);
  mend();
  const before = calls.length;
  await world.time.advance(5 * 60_000);
  const after = calls.slice(before);
  expect(done()).toHaveLength(LANES * EACH);
  const first = after[0]!;
  expect([first.underWay, after[1]!.at]).toEqual([1, first.at + CALL_MS]);
  for (const [index, call] of after.entries()) {
    const succeeded = after.slice(0, index).filter((one) => one.at + CALL_MS <= call.at).length;
    expect(call.underWay).toBeLessThanOrEqual(Math.min(AT_ONCE, 1 + succeeded));
  }
  expect(Math.max(...after.map((call) => call.underWay))).toBe(AT_ONCE);
}, 120_000);

test("its own limit is met with a pause, not with more of the same, and nothing is lost or reordered by it", async () => {
  const PER_SECOND = 20;
  const { world, calls, mend, done } = await helpdesk({ perSecond: PER_SECOND });
  await world.time.advance(60_000);
  mend();
  await world.time.advance(5 * 60_000);
  expect(inOrder(done())).toEqual(wanted);
  for (const { at } of done())
    expect(done().filter((call) => call.at > at - 1_000 && call.at <= at).length).toBeLessThanOrEqual(PER_SECOND);
  // Each time it says no, those already under way hear the same, and then nobody asks for a second.
  const refused = calls.filter((call) => call.end === "limited");
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.length).toBeLessThanOrEqual((AT_ONCE * LANES * EACH) / PER_SECOND);
  for (const { at } of refused)
    expect(calls.filter((call) => call.at > at + CALL_MS && call.at < at + CALL_MS + 1_000)).toEqual([]);
}, 120_000);
