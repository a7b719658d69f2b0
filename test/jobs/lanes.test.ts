import { describe, expect, test, vi } from "vitest";
import { DeliveryError } from "../../src/domain/delivery.ts";
import type { FailureDetails, FailureKind } from "../../src/domain/delivery.ts";
import { HandoffError } from "../../src/domain/errors.ts";
import { leaseIsHeld } from "../../src/lease-scope.ts";
import { freeTrial } from "../../src/jobs/fair-pool.ts";
import { runLane } from "../../src/jobs/lane-runner.ts";
import { DEFAULT_TIMING } from "../../src/jobs/timing.ts";
import type { Log, Store, Then } from "../../src/ports.ts";
import { createWorld, says, START, WS } from "./world.ts";
import type { World } from "./world.ts";

const fault = (kind: FailureKind, details: FailureDetails = {}) => new DeliveryError(kind, `is ${kind}`, details);
const never = () => new Promise<Then>(() => {});
const HOUR = 3_600_000;

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };

/** The first attempts of a delivery fail like this, one after the other; after them it is done. */
function failing(world: World, word: string, faults: readonly Error[]): void {
  const left = [...faults];
  const before = world.duties.perform;
  world.duties.perform = (delivery, effect) => {
    const thrown = says(delivery) === word ? left.shift() : undefined;
    return thrown === undefined ? before(delivery, effect) : Promise.reject(thrown);
  };
}

const attemptsOf = (world: World, word: string) =>
  world.performed
    .filter((one) => one.says === word)
    .map(({ at, attempt, mayHaveHappened }) => [at, attempt, mayHaveHappened]);

async function begin(settings: Parameters<typeof createWorld>[0] = {}): Promise<World> {
  const world = await createWorld(settings);
  await world.jobs.start();
  return world;
}

describe("an attempt that fails", () => {
  test("is made again after a wait that doubles, whenever the next sweep is", async () => {
    const world = await begin();
    failing(world, "a", [fault("transient"), fault("transient"), fault("transient")]);
    await world.owe("con_a:cnv_1", ["a"]);
    await world.time.advance(10_000);
    // Half of 500, 1000 and 2000 by the chance that the test sets, and a millisecond of the timer's.
    expect(attemptsOf(world, "a")).toEqual([
      [0, 1, false],
      [252, 2, false],
      [754, 3, false],
      [1_756, 4, false],
    ]);
  });

  test("is made again no earlier than the far side asked", async () => {
    const world = await begin();
    failing(world, "a", [fault("transient", { retryAfterSeconds: 90 })]);
    await world.owe("con_a:cnv_1", ["a"]);
    await world.time.advance(89_999);
    expect(world.performed).toHaveLength(1);
    await world.time.advance(1_001);
    expect(world.performed).toHaveLength(2);
  });

  test("is looked for first when it may have happened, once the far side has had its time", async () => {
    const world = await begin();
    world.duties.settleMs = () => 15_000;
    failing(world, "a", [fault("transient", { ambiguous: true }), fault("transient")]);
    await world.owe("con_a:cnv_1", ["a"]);
    await world.time.advance(60_000);
    const attempts = attemptsOf(world, "a");
    expect(attempts.map(([, attempt, happened]) => [attempt, happened])).toEqual([
      [1, false],
      [2, true],
      // It was seen that it could not be looked at: it may still have happened.
      [3, true],
    ]);
    expect(attempts[1]?.[0]).toBeGreaterThanOrEqual(15_000);
  });

  test("for a fault of our own may have happened too, and does not count against the connection", async () => {
    const world = await begin();
    failing(
      world,
      "a",
      Array.from({ length: 8 }, () => new TypeError("secret words")),
    );
    await world.owe("con_a:cnv_1", ["a"]);
    await world.time.advance(0);
    const [delivery] = await world.deliveries();
    expect(delivery?.mayHaveHappened).toBe(true);
    expect(delivery?.lastError).toBe(
      "An unexpected fault in Baton stopped this attempt. The log names it; it is tried again.",
    );
    await world.time.advance(10 * 60_000);
    expect(world.connections).toEqual([expect.stringContaining("up con_a")]);
    expect(await world.states()).toEqual({ a: "done" });
  });

  test("keeps what it reached, and its key, for the next one", async () => {
    const world = await begin();
    const seen: unknown[] = [];
    world.duties.perform = async (_delivery, effect) => {
      seen.push({ ...effect.progress });
      if (effect.progress["contact"] === undefined) {
        await effect.saveProgress({ contact: "41" });
        await effect.saveProgress({ conversation: "7" });
        throw fault("transient");
      }
      return null;
    };
    await world.owe("con_a:cnv_1", ["a"]);
    await world.time.advance(1_000);
    expect(seen).toEqual([{}, { contact: "41", conversation: "7" }]);
    expect(new Set(world.performed.map((one) => one.key)).size).toBe(1);
  });
});

describe("giving up", () => {
  test("what will never be taken is dead at once, with the reason; the lane goes on", async () => {
    const world = await begin();
    failing(world, "a", [fault("permanent")]);
    await world.owe("con_a:cnv_1", ["a", "b"]);
    await world.time.advance(0);
    expect(await world.states()).toEqual({ a: "dead", b: "done" });
    expect((await world.deliveries())[0]?.lastError).toBe("is permanent");
    expect(world.told).toEqual(["0 abandoned a"]);
  });

  test("otherwise not before it is a day old, however often it was tried", async () => {
    const world = await begin({ timing: { sweepMs: 60_000, circuitFailures: 1_000_000 } });
    world.duties.perform = (delivery) =>
      says(delivery) === "a" ? Promise.reject(fault("transient")) : Promise.resolve(null);
    await world.owe("con_a:cnv_1", ["a", "b"]);
    await world.time.advance(23 * HOUR);
    expect(await world.states()).toEqual({ a: "waiting", b: "waiting" });
    await world.time.advance(HOUR + 6 * 60_000);
    expect(await world.states()).toEqual({ a: "dead", b: "done" });
    expect((await world.deliveries())[0]?.lastError).toMatch(/^is transient \(Given up after \d+ attempts\.\)$/);
  });

  test("nor before it was tried ten times, however old it is", async () => {
    const world = await createWorld({ timing: { sweepMs: 60_000 } });
    await world.owe("con_a:cnv_1", ["a"]);
    await world.time.advance(48 * HOUR);
    failing(
      world,
      "a",
      Array.from({ length: 20 }, () => fault("transient")),
    );
    await world.jobs.start();
    await world.time.advance(2 * HOUR);
    expect(world.performed).toHaveLength(10);
    expect(await world.states()).toEqual({ a: "dead" });
  });

  test("what follows from it is stored with it, before the next of the lane is taken", async () => {
    const world = await begin();
    failing(world, "open", [fault("permanent")]);
    world.duties.abandoned = (delivery) => async (tx) => {
      await tx.dropLane(WS, delivery.lane, "it went elsewhere", world.time.clock());
      const close = { ...delivery, payload: { says: "close" }, state: "waiting" as const };
      await tx.addDeliveries([close], world.time.clock());
    };
    await world.owe("con_a:cnv_1", ["open", "hello"]);
    await world.time.advance(0);
    expect(await world.states()).toEqual({ open: "dead", hello: "dropped", close: "done" });
    expect(world.said()).toEqual(["open", "close"]);
  });

  test("when that cannot be stored nothing is, and it is tried again", async () => {
    const world = await begin();
    failing(world, "a", [fault("permanent")]);
    world.duties.abandoned = () => () => Promise.reject(new Error("a fault of ours"));
    await world.owe("con_a:cnv_1", ["a"]);
    await world.time.advance(0);
    expect(await world.states()).toEqual({ a: "waiting" });
    await world.time.advance(60_000);
    expect(await world.states()).toEqual({ a: "done" });
  });
});

describe("success", () => {
  test("is stored together with what follows from it", async () => {
    const world = await begin();
    world.duties.perform = (delivery) =>
      Promise.resolve(async (tx) => {
        if (says(delivery) === "a")
          await tx.addDeliveries([{ ...delivery, payload: { says: "b" }, state: "waiting" }], world.time.clock());
      });
    await world.owe("con_a:cnv_1", ["a"]);
    await world.time.advance(0);
    expect(await world.states()).toEqual({ a: "done", b: "done" });
  });

  test("that could not be stored is looked for, not repeated", async () => {
    const world = await begin();
    let isBroken = true;
    world.duties.perform = () =>
      Promise.resolve(() => {
        if (isBroken) throw new Error("a fault of ours");
        return Promise.resolve();
      });
    await world.owe("con_a:cnv_1", ["a", "b"]);
    await world.time.advance(0);
    expect(await world.states()).toEqual({ a: "waiting", b: "waiting" });
    isBroken = false;
    await world.time.advance(60_000);
    expect(attemptsOf(world, "a").map(([, , happened]) => happened)).toEqual([false, true]);
    expect(await world.states()).toEqual({ a: "done", b: "done" });
  });
});

describe("a rate limit", () => {
  test("makes all lanes of the connection wait, and no other; it does not count as an attempt", async () => {
    const world = await begin();
    failing(world, "a", [fault("rate_limited", { retryAfterSeconds: 20 })]);
    await world.owe("con_a:cnv_1", ["a"]);
    await world.time.advance(0);
    await world.owe("con_a:cnv_2", ["same"]);
    await world.owe("con_b:cnv_3", ["other"]);
    await world.time.advance(19_000);
    expect(world.said()).toEqual(["a", "other"]);
    await world.time.advance(3_000);
    expect(await world.states()).toEqual({ a: "done", same: "done", other: "done" });
    expect(attemptsOf(world, "a").map(([, attempt]) => attempt)).toEqual([1, 1]);
    expect(world.connections.filter((line) => line.includes("down"))).toEqual([]);
  });

  test("of a callback makes that lane wait alone", async () => {
    const world = await begin();
    failing(world, "a", [fault("rate_limited", { retryAfterSeconds: 20 })]);
    await world.owe("callback:cnv_1", ["a"]);
    await world.time.advance(0);
    await world.owe("callback:cnv_2", ["b"]);
    await world.time.advance(19_000);
    expect(world.said()).toEqual(["a", "b"]);
    await world.time.advance(2_000);
    expect(world.said()).toEqual(["a", "b", "a"]);
  });

  test("can last for days without anything dying", async () => {
    const world = await begin({ timing: { sweepMs: 60_000 } });
    world.duties.perform = () => Promise.reject(fault("rate_limited", { retryAfterSeconds: 1_800 }));
    await world.owe("con_a:cnv_1", ["a"]);
    await world.time.advance(48 * HOUR);
    expect(await world.states()).toEqual({ a: "waiting" });
  });
});

describe("a refused token", () => {
  test("of a bot's callback keeps its lane, for days", async () => {
    const world = await begin({ timing: { sweepMs: 60_000 } });
    world.duties.perform = () => Promise.reject(fault("credentials"));
    await world.owe("callback:cnv_1", ["a"]);
    await world.time.advance(48 * HOUR);
    expect(await world.states()).toEqual({ a: "waiting" });
    // It is tried less and less often, at last every five minutes.
    expect(world.performed.length).toBeLessThan(48 * 30);
    expect(world.connections).toEqual([]);
  });

  test("pauses the connection, keeps everything, and is tried by one lane at a time", async () => {
    const world = await begin();
    let isMended = false;
    world.duties.perform = (delivery) =>
      !isMended && delivery.connectionId === "con_a" ? Promise.reject(fault("credentials")) : Promise.resolve(null);
    await world.owe("con_a:cnv_1", ["a", "b"]);
    await world.time.advance(0);
    for (const n of [2, 3, 4]) await world.owe(`con_a:cnv_${n}`, [`c${n}`]);
    await world.owe("con_b:cnv_9", ["other"]);
    await world.time.advance(100_000);
    expect(world.jobs.circuits.isDown("con_a")).toBe(true);
    // At once, and then after about 26, 52 and 78 seconds.
    expect(world.performed.filter((one) => one.lane.startsWith("con_a"))).toHaveLength(4);
    expect(world.connections).toEqual(["0 down con_a: is credentials", "0 up con_b"]);
    isMended = true;
    await world.time.advance(31_000);
    expect(new Set(Object.values(await world.states()))).toEqual(new Set(["done"]));
    expect(world.jobs.circuits.isDown("con_a")).toBe(false);
    expect(world.connections.filter((line) => line.includes("con_a"))).toEqual([
      "0 down con_a: is credentials",
      expect.stringMatching(/ up con_a$/),
    ]);
    expect((await world.deliveries()).every((one) => one.attempts === 1)).toBe(true);
  });
});

describe("a connection whose settings were mended", () => {
  test("is tried at once, with everything that waited for it, in order", async () => {
    const world = await begin();
    let isMended = false;
    world.duties.perform = () => (isMended ? Promise.resolve(null) : Promise.reject(fault("credentials")));
    await world.owe("con_a:cnv_1", ["a", "b"]);
    await world.owe("con_a:cnv_2", ["c"]);
    await world.time.advance(1_000);
    expect(world.jobs.circuits.isDown("con_a")).toBe(true);
    isMended = true;
    await world.store.write((tx) => tx.hurryConnection(WS, "con_a", world.time.clock()));
    world.jobs.connectionMended("con_a");
    expect(world.jobs.circuits.isDown("con_a")).toBe(false);
    await world.time.advance(1_000);
    expect(new Set(Object.values(await world.states()))).toEqual(new Set(["done"]));
    expect(
      world
        .said()
        .filter((word) => word !== "c")
        .slice(-2),
    ).toEqual(["a", "b"]);
  });

  test("that were not mended after all: it is down again after one more try", async () => {
    const world = await begin();
    world.duties.perform = () => Promise.reject(fault("credentials"));
    await world.owe("con_a:cnv_1", ["a"]);
    await world.time.advance(1_000);
    const before = world.performed.length;
    await world.store.write((tx) => tx.hurryConnection(WS, "con_a", world.time.clock()));
    world.jobs.connectionMended("con_a");
    await world.time.advance(1_000);
    expect(world.performed.length).toBe(before + 1);
    expect(world.jobs.circuits.isDown("con_a")).toBe(true);
  });
});

describe("a connection that is down", () => {
  test("is left alone after five failures, told once, and works again after the first success", async () => {
    const world = await begin();
    let isDown = true;
    world.duties.perform = (delivery) =>
      isDown && delivery.connectionId === "con_a" ? Promise.reject(fault("transient")) : Promise.resolve(null);
    for (let n = 0; n < 40; n += 1) await world.owe(`con_a:cnv_${n}`, [`a${n}`, `b${n}`]);
    await world.time.advance(0);
    expect(world.jobs.circuits.isDown("con_a")).toBe(true);
    const atFirst = world.performed.length;
    expect(atFirst).toBeLessThanOrEqual(8); // those that ran at once when it opened
    await world.time.advance(60_000);
    expect(world.performed.length - atFirst).toBeLessThanOrEqual(5); // one probe after 5, 10, 20 and 40 seconds
    await world.owe("con_b:cnv_1", ["other"]);
    await world.time.advance(0);
    expect((await world.states())["other"]).toBe("done");
    isDown = false;
    await world.time.advance(70_000);
    expect(new Set(Object.values(await world.states()))).toEqual(new Set(["done"]));
    const news = world.connections.filter((line) => line.includes("con_a")).map((line) => line.replace(/^\d+ /, ""));
    expect(news).toEqual(["down con_a: is transient", "up con_a"]);
    for (let n = 0; n < 40; n += 1)
      expect(world.said().findLast((word) => word === `a${n}` || word === `b${n}`)).toBe(`b${n}`);
  });

  test("is met by one call first and then by a few more, not by all at once", async () => {
    const world = await begin();
    const most = { running: 0, seen: [] as number[] };
    let isDown = true;
    world.duties.perform = async () => {
      if (isDown) throw fault("transient");
      most.running += 1;
      most.seen.push(most.running);
      await new Promise<void>((resolve) => world.time.scheduler.after(100, resolve));
      most.running -= 1;
      return null;
    };
    for (let n = 0; n < 60; n += 1) await world.owe(`con_a:cnv_${n}`, [`a${n}`]);
    await world.time.advance(0);
    isDown = false;
    await world.time.advance(70_000);
    expect(most.seen).toHaveLength(60);
    expect(most.seen[0]).toBe(1);
    expect(most.seen.slice(1, 4).every((running) => running <= 2)).toBe(true);
    expect(Math.max(...most.seen)).toBe(8);
  });

  test("is told up only when its going down has been taken in", async () => {
    const world = await begin();
    const gate = Promise.withResolvers<void>();
    world.duties.connectionDown = () => gate.promise;
    failing(world, "a", [fault("credentials")]);
    await world.owe("con_a:cnv_1", ["a"]);
    await world.time.advance(60_000);
    expect(await world.states()).toEqual({ a: "done" });
    expect(world.connections).toEqual(["0 down con_a: is credentials"]);
    gate.resolve();
    await world.time.settle();
    expect(world.connections).toEqual(["0 down con_a: is credentials", "60000 up con_a"]);
  });

  test("has all its lanes going again right after the first success, not at the next sweep", async () => {
    const world = await begin({ timing: { sweepMs: 3_600_000 } });
    failing(world, "a", [fault("credentials")]);
    await world.owe("con_a:cnv_1", ["a"]);
    await world.time.advance(0);
    await world.owe("con_a:cnv_2", ["b"]);
    await world.owe("con_a:cnv_3", ["c"]);
    await world.time.advance(31_000);
    expect(await world.states()).toEqual({ a: "done", b: "done", c: "done" });
  });

  test("that was down before a restart is told to be up by its first success", async () => {
    const world = await begin();
    await world.owe("con_a:cnv_1", ["a"]);
    await world.owe("con_a:cnv_2", ["b"]);
    await world.time.advance(5_000);
    expect(world.connections).toEqual(["0 up con_a"]);
  });

  test("does not take the worker along when telling of it fails", async () => {
    const world = await begin();
    world.duties.connectionDown = () => Promise.reject(new Error("no"));
    world.duties.connectionUp = () => {
      throw new Error("no");
    };
    failing(world, "a", [fault("credentials")]);
    await world.owe("con_a:cnv_1", ["a"]);
    await world.time.advance(60_000);
    expect(await world.states()).toEqual({ a: "done" });
    expect(world.logged).toEqual(expect.arrayContaining(["connection_down_not_told", "connection_up_not_told"]));
  });
});

describe("a slow far side", () => {
  test("keeps only its own connection's lanes waiting", async () => {
    const world = await begin();
    world.duties.perform = (delivery) => (delivery.connectionId === "con_slow" ? never() : Promise.resolve(null));
    for (let n = 0; n < 300; n += 1) await world.owe(`con_slow:cnv_${n}`, [`slow${n}`]);
    await world.time.advance(0);
    for (let n = 0; n < 20; n += 1) await world.owe(`con_quick:cnv_${n}`, [`quick${n}`]);
    await world.time.advance(0);
    expect(world.said().filter((word) => word.startsWith("slow"))).toHaveLength(8);
    expect(world.said().filter((word) => word.startsWith("quick"))).toHaveLength(20);
  });

  test("keeps nobody waiting even when there are many of them", async () => {
    const world = await begin();
    world.duties.perform = (delivery) => (delivery.connectionId === "con_quick" ? Promise.resolve(null) : never());
    for (let n = 0; n < 400; n += 1) await world.owe(`con_slow${n % 20}:cnv_${n}`, ["slow"]);
    await world.time.advance(0);
    await world.owe("con_quick:cnv_1", ["quick"]);
    await world.time.advance(0);
    expect(world.said().at(-1)).toBe("quick");
  });

  test("keeps other workspaces' callbacks going, although their lanes look alike", async () => {
    const world = await begin();
    world.duties.perform = (delivery) => (delivery.workspaceId === "ws_slow" ? never() : Promise.resolve(null));
    for (let n = 0; n < 50; n += 1) await world.owe(`callback:cnv_s${n}`, ["slow"], { workspaceId: "ws_slow" });
    await world.time.advance(0);
    for (let n = 0; n < 20; n += 1) await world.owe(`callback:cnv_q${n}`, [`quick${n}`]);
    await world.time.advance(0);
    expect(world.said().filter((word) => word.startsWith("quick"))).toHaveLength(20);
    expect(world.said().filter((word) => word === "slow")).toHaveLength(8);
  });

  test("that answers at last has the rest done at once", async () => {
    const world = await begin({ timing: { sweepMs: 3_600_000 } });
    const gate = Promise.withResolvers<null>();
    world.duties.perform = () => gate.promise;
    for (let n = 0; n < 50; n += 1) await world.owe(`callback:cnv_${n}`, ["slow"]);
    await world.time.advance(0);
    expect(world.performed).toHaveLength(8);
    gate.resolve(null);
    await world.time.advance(0);
    expect(world.performed).toHaveLength(50);
  });

  test("that never answers is given up by the watchdog, as one that may have done it", async () => {
    const world = await begin();
    const before = world.duties.perform;
    let first: (() => Promise<void>) | null = null;
    world.duties.perform = (_delivery, effect) => {
      if (first !== null) return before(_delivery, effect);
      first = () => effect.saveProgress({ late: "1" });
      return never();
    };
    await world.owe("con_a:cnv_1", ["a"]);
    await world.time.advance(119_999);
    expect(await world.states()).toEqual({ a: "sending" });
    await world.time.advance(20_000);
    expect(attemptsOf(world, "a")).toEqual([
      [0, 1, false],
      [expect.any(Number) as number, 2, true],
    ]);
    expect(world.performed[1]?.at).toBeGreaterThanOrEqual(135_000);
    expect(await world.states()).toEqual({ a: "done" });
    await expect(first!()).rejects.toThrow("This attempt is over.");
  });
});

describe("a lease", () => {
  test("is kept while a long attempt runs", async () => {
    const world = await begin();
    const gate = Promise.withResolvers<null>();
    world.duties.perform = () => gate.promise;
    await world.owe("con_a:cnv_1", ["a"]);
    await world.time.advance(60_000);
    const other = world.another();
    await other.start();
    await world.time.advance(30_000);
    expect(world.performed).toHaveLength(1);
    gate.resolve(null);
    await world.time.advance(0);
    expect(await world.states()).toEqual({ a: "done" });
  });

  test("that was lost leaves no write: the process was frozen, and another has taken the lane", async () => {
    const world = await begin();
    const frozen = Promise.withResolvers<Then>();
    let late: unknown = null;
    world.duties.perform = (delivery, effect) => {
      if (world.performed.length > 1) return Promise.resolve(null);
      return frozen.promise.then(async () => {
        late = await effect.saveProgress({ late: "yes" }).catch((error: unknown) => error);
        return (tx) =>
          tx.addDeliveries([{ ...delivery, state: "waiting", payload: { says: "late" } }], world.time.clock());
      });
    };
    await world.owe("con_a:cnv_1", ["a"]);
    await world.time.settle();
    world.time.jump(60_000);
    const other = world.another();
    await other.start();
    await world.time.settle();
    expect(attemptsOf(world, "a")).toEqual([
      [0, 1, false],
      [60_000, 2, true],
    ]);
    frozen.resolve(null);
    await world.time.advance(30_000);
    expect(await world.states()).toEqual({ a: "done" });
    expect((await world.deliveries())[0]?.progress).toEqual({});
    expect(late).toBeInstanceOf(DeliveryError);
    expect(world.performed).toHaveLength(2);
  });

  test("of a process that died holds its lane up no longer than itself and the far side's time", async () => {
    const world = await createWorld();
    await world.owe("con_a:cnv_1", ["a"]);
    // A process that took the lane and was killed at once.
    await world.store.write((tx) => tx.claimLane("con_a:cnv_1", world.time.clock(), 10_000));
    await world.jobs.start();
    await world.time.advance(14_999);
    expect(world.performed).toEqual([]);
    await world.time.advance(60_000);
    expect(attemptsOf(world, "a").map(([at, , happened]) => [at, happened])).toEqual([[15_000, true]]);
    expect(await world.states()).toEqual({ a: "done" });
  });

  test("that was lost without notice leaves no write either", async () => {
    const world = await begin();
    const frozen = Promise.withResolvers<Then>();
    world.duties.perform = () => (world.performed.length > 1 ? Promise.resolve(null) : frozen.promise);
    await world.owe("con_a:cnv_1", ["a"]);
    await world.time.settle();
    const [delivery] = await world.deliveries();
    // Another process, after the clock has run on.
    const later = new Date(world.time.clock().getTime() + 60_000);
    const taken = await world.store.write((tx) => tx.claimLane("con_a:cnv_1", later, 10_000));
    frozen.resolve((tx) => tx.addDeliveries([{ ...delivery!, state: "waiting", payload: { says: "late" } }], later));
    await world.time.settle();
    expect(taken?.delivery.mayHaveHappened).toBe(true);
    expect(await world.states()).toEqual({ a: "sending" });
  });

  test("of a process that died is waited out also when the connection has to wait for less", async () => {
    const world = await createWorld();
    await world.owe("con_a:cnv_1", ["a"]);
    const claimed = await world.store.write((tx) => tx.claimLane("con_a:cnv_1", START, 1_000));
    world.time.jump(2_000);
    const now = world.time.clock();
    const until = new Date(now.getTime() + 3_000);
    const end = await runLane(
      {
        ...world,
        clock: world.time.clock,
        scheduler: world.time.scheduler,
        log: silent,
        timing: DEFAULT_TIMING,
        random: () => 0.5,
        isStopping: () => false,
        isOver: () => false,
        onCutOff: () => () => {},
        circuits: {
          isDown: () => false,
          enter: () => freeTrial,
          waitsUntil: () => until,
          paused: () => [],
          openCount: () => 0,
          hear: () => {},
          forget: () => {},
        },
      },
      "con_a:cnv_1",
      { group: "con_a", trial: freeTrial, moveTo: () => true },
    );
    expect(claimed).not.toBeNull();
    expect(end).toEqual({ end: "waits", until: new Date(START.getTime() + 15_000) });
  });

  test("that cannot be renewed does not stop what runs", async () => {
    const trouble = { isOn: false };
    const world = await begin({ wrap: (store) => failingWrites(store, trouble) });
    const gate = Promise.withResolvers<null>();
    world.duties.perform = () => gate.promise;
    await world.owe("con_a:cnv_1", ["a"]);
    await world.time.settle();
    trouble.isOn = true;
    await world.time.advance(5_000);
    trouble.isOn = false;
    gate.resolve(null);
    await world.time.advance(0);
    expect(await world.states()).toEqual({ a: "done" });
    expect(world.logged).toContain("lease_not_renewed");
  });
});

describe("a store that fails", () => {
  test("costs nothing but time", async () => {
    const trouble = { isOn: false };
    const world = await begin({ wrap: (store) => failingWrites(store, trouble) });
    await world.owe("con_a:cnv_1", ["a", "b"]);
    trouble.isOn = true;
    await world.time.advance(5_000);
    trouble.isOn = false;
    await world.time.advance(30_000);
    expect(await world.states()).toEqual({ a: "done", b: "done" });
  });

  test("right after an effect makes the next attempt look for it", async () => {
    const trouble = { isOn: false };
    const world = await begin({ wrap: (store) => failingWrites(store, trouble) });
    world.duties.perform = () => {
      trouble.isOn = world.performed.length === 1;
      return Promise.resolve(null);
    };
    await world.owe("con_a:cnv_1", ["a"]);
    await world.time.advance(1_000);
    trouble.isOn = false;
    await world.time.advance(60_000);
    expect(attemptsOf(world, "a").map(([, , happened]) => happened)).toEqual([false, true]);
    expect(await world.states()).toEqual({ a: "done" });
  });
});

test.each([
  ["by not asking for a connection with a full line", "con_slow", { deepestRead: 10 }],
  ["by reading deeper, where they belong to no connection", "callback", {}],
])("the sweep reaches what stands behind many lanes that cannot go, %s", async (_how, slow, timing) => {
  const world = await createWorld({ wakes: false, timing: { sweepRows: 10, waitingPerGroup: 5, ...timing } });
  world.duties.perform = (delivery) => (says(delivery) === "slow" ? never() : Promise.resolve(null));
  for (let n = 0; n < 200; n += 1) await world.owe(`${slow}:cnv_${n}`, ["slow"]);
  await world.time.advance(1);
  await world.owe("con_quick:cnv_1", ["quick"]);
  await world.jobs.start();
  await world.time.advance(5_000);
  expect(world.said()).toContain("quick");
});

function failingWrites(store: Store, trouble: { isOn: boolean }): Store {
  return {
    ...store,
    write: (work) =>
      trouble.isOn ? Promise.reject(new HandoffError("storage_unavailable", "The disk is full")) : store.write(work),
  };
}

describe("a process that stood still", () => {
  test("asks for nothing more in the name of an attempt whose lease has run out", async () => {
    const world = await begin();
    const held: boolean[] = [];
    const clock = vi.spyOn(performance, "now");
    world.duties.perform = () => {
      held.push(leaseIsHeld());
      clock.mockReturnValue(performance.now() + DEFAULT_TIMING.leaseMs + 1);
      held.push(leaseIsHeld());
      clock.mockRestore();
      return Promise.resolve(null);
    };
    await world.owe("con_a:cnv_1", ["a"]);
    await world.time.advance(1_000);
    expect(held).toEqual([true, false]);
  });
});
