import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FailureKind } from "../../src/domain/delivery.ts";
import { createCircuits } from "../../src/jobs/circuit.ts";
import type { ConnectionCircuits, Trial } from "../../src/jobs/circuit.ts";
import { DEFAULT_TIMING } from "../../src/jobs/timing.ts";

function setUp(random = () => 0) {
  let now = 1_000_000;
  const news: string[] = [];
  const circuits = createCircuits({
    clock: () => new Date(now),
    timing: DEFAULT_TIMING,
    random,
    events: {
      opened: (id, problem) => news.push(`down ${id}: ${problem}`),
      closed: (id) => news.push(`up ${id}`),
    },
  });
  return { circuits, news, pass: (ms: number) => (now += ms), now: () => now };
}

const failure = (kind: FailureKind, retryAfterMs: number | null = null) => ({
  kind,
  message: `is ${kind}`,
  retryAfterMs,
});

function enter(circuits: ConnectionCircuits, id = "con_a"): Trial {
  const trial = circuits.enter(id);
  if (trial === null) throw new Error("no leave to call it");
  return trial;
}

function call(circuits: ConnectionCircuits, kind: FailureKind | "ok", retryAfterMs: number | null = null): void {
  const trial = enter(circuits);
  if (kind === "ok") trial.succeeded();
  else trial.failed(failure(kind, retryAfterMs));
  trial.leave();
}

const fail = (circuits: ConnectionCircuits, times: number) => {
  for (let i = 0; i < times; i += 1) call(circuits, "transient");
};

describe("a connection that does not answer", () => {
  test("is called until it has failed five times in a row", () => {
    const { circuits, news } = setUp();
    fail(circuits, 4);
    expect(circuits.isDown("con_a")).toBe(false);
    call(circuits, "ok");
    fail(circuits, 4);
    expect(circuits.isDown("con_a")).toBe(false);
    fail(circuits, 1);
    expect(circuits.isDown("con_a")).toBe(true);
    expect(circuits.paused()).toEqual(["con_a"]);
    expect(news).toEqual(["up con_a", "down con_a: is transient"]);
  });

  test("leaves other connections alone", () => {
    const { circuits } = setUp();
    fail(circuits, 5);
    expect(circuits.isDown("con_b")).toBe(false);
    expect(circuits.enter("con_b")).not.toBeNull();
  });

  test("is tried by one call after five seconds, then ten, twenty, forty and every sixty", () => {
    const { circuits, pass, news } = setUp();
    fail(circuits, 5);
    for (const wait of [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]) {
      pass(wait - 1);
      expect(circuits.enter("con_a")).toBeNull();
      pass(1);
      const probe = enter(circuits);
      expect(circuits.enter("con_a")).toBeNull();
      probe.failed(failure("transient"));
      probe.leave();
    }
    expect(news).toEqual(["down con_a: is transient"]);
  });

  test("waits up to a quarter shorter, by chance", () => {
    const { circuits, pass } = setUp(() => 0.999_999);
    fail(circuits, 5);
    pass(3_749);
    expect(circuits.enter("con_a")).toBeNull();
    pass(2);
    expect(circuits.enter("con_a")).not.toBeNull();
  });

  test("is let in one call more with each success, once a probe has succeeded", () => {
    const { circuits, pass, news } = setUp();
    fail(circuits, 5);
    pass(5_000);
    const probe = enter(circuits);
    probe.succeeded();
    expect(news).toEqual(["down con_a: is transient", "up con_a"]);
    expect(circuits.isDown("con_a")).toBe(false);
    const second = enter(circuits);
    expect(circuits.enter("con_a")).toBeNull();
    second.succeeded();
    enter(circuits);
    expect(circuits.enter("con_a")).toBeNull();
  });

  test("is not known to be down once a probe is due and there is none: a new handoff may be it", () => {
    const { circuits, pass } = setUp();
    fail(circuits, 5);
    pass(5_000);
    expect(circuits.isDown("con_a")).toBe(false);
    const probe = enter(circuits);
    expect(circuits.isDown("con_a")).toBe(true);
    probe.leave();
    expect(circuits.isDown("con_a")).toBe(false);
  });

  test("is not counted down by calls that had begun before it was", () => {
    const { circuits, pass, news } = setUp();
    const old = [1, 2, 3].map(() => enter(circuits));
    fail(circuits, 5);
    for (const trial of old) {
      trial.failed(failure("transient"));
      trial.leave();
    }
    pass(5_000);
    expect(circuits.enter("con_a")).not.toBeNull();
    expect(news).toHaveLength(1);
  });

  test("is up when such a call succeeds after all", () => {
    const { circuits } = setUp();
    const old = enter(circuits);
    fail(circuits, 5);
    old.succeeded();
    expect(circuits.isDown("con_a")).toBe(false);
    old.leave();
    expect(circuits.enter("con_a")).not.toBeNull();
  });
});

describe("a connection whose token is refused", () => {
  test("is down at once, and tried every thirty seconds", () => {
    const { circuits, pass, news } = setUp();
    call(circuits, "credentials");
    expect(circuits.isDown("con_a")).toBe(true);
    for (let i = 0; i < 3; i += 1) {
      pass(29_999);
      expect(circuits.enter("con_a")).toBeNull();
      pass(1);
      call(circuits, "credentials");
    }
    pass(30_000);
    call(circuits, "ok");
    expect(news).toEqual(["down con_a: is credentials", "up con_a"]);
  });

  test("is told anew when it was down for another reason before", () => {
    const { circuits, pass, news } = setUp();
    fail(circuits, 5);
    pass(5_000);
    call(circuits, "credentials");
    expect(news).toEqual(["down con_a: is transient", "down con_a: is credentials"]);
  });

  test("is not taken to be mended because reading works, and goes on being read", () => {
    const { circuits, pass } = setUp();
    call(circuits, "credentials");
    pass(30_000);
    const look = circuits.enter("con_a", { decides: false });
    look?.succeeded();
    look?.leave();
    expect(circuits.paused()).toEqual([]);
    const probe = enter(circuits);
    expect(circuits.isDown("con_a")).toBe(true);
    probe.leave();
  });

  test("is not taken to be refused because reading is", () => {
    const { circuits } = setUp();
    const look = circuits.enter("con_a", { decides: false });
    look?.failed(failure("credentials"));
    expect(circuits.isDown("con_a")).toBe(false);
  });
});

describe("a connection that limits our rate", () => {
  test("is left alone for as long as it asks, and is not down", () => {
    const { circuits, pass, news } = setUp();
    call(circuits, "rate_limited", 7_000);
    expect(circuits.isDown("con_a")).toBe(false);
    expect(circuits.paused()).toEqual(["con_a"]);
    pass(6_999);
    expect(circuits.enter("con_a")).toBeNull();
    pass(1);
    enter(circuits);
    expect(circuits.enter("con_a")).toBeNull();
    expect(news).toEqual([]);
  });

  test("is left alone for ten seconds, then twenty and so on, when it does not say how long", () => {
    const { circuits, pass, now } = setUp();
    const waits = [1, 2, 3, 4, 5, 6, 7].map(() => {
      call(circuits, "rate_limited");
      const wait = (circuits.waitsUntil("con_a")?.getTime() ?? 0) - now();
      pass(wait);
      return wait;
    });
    expect(waits).toEqual([10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
    call(circuits, "ok");
    call(circuits, "rate_limited");
    expect((circuits.waitsUntil("con_a")?.getTime() ?? 0) - now()).toBe(10_000);
  });
});

test("what fails for good says nothing of the connection", () => {
  const { circuits, news } = setUp();
  for (let i = 0; i < 20; i += 1) call(circuits, "permanent");
  expect(circuits.isDown("con_a")).toBe(false);
  expect(news).toEqual([]);
});

test("whatever happens: one probe at a time, news in turns, and it always comes back", () => {
  const event = fc.oneof(
    fc.record({ do: fc.constant("enter" as const) }),
    fc.record({ do: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 70_000 }) }),
    fc.record({
      do: fc.constant("end" as const),
      which: fc.nat(20),
      as: fc.constantFrom<FailureKind | "ok" | "nothing">(
        "transient",
        "credentials",
        "rate_limited",
        "permanent",
        "ok",
        "nothing",
      ),
    }),
  );
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 200 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (events, random) => {
        const { circuits, news, pass } = setUp(() => random);
        const open: { trial: Trial; probeOf: number | null }[] = [];
        let mostProbes = 0;
        let whilePaused = 0;
        for (const one of events) {
          if (one.do === "pass") pass(one.ms);
          if (one.do === "enter") {
            const isPaused = circuits.paused().includes("con_a");
            const trial = circuits.enter("con_a");
            if (isPaused && trial !== null) whilePaused += 1;
            if (trial !== null) open.push({ trial, probeOf: circuits.isDown("con_a") ? news.length : null });
          }
          if (one.do === "end") {
            const [ended] = open.splice(one.which % Math.max(open.length, 1), 1);
            if (one.as === "ok") ended?.trial.succeeded();
            else if (one.as !== "nothing") ended?.trial.failed(failure(one.as));
            ended?.trial.leave();
          }
          mostProbes = Math.max(mostProbes, open.filter(({ probeOf }) => probeOf === news.length).length);
        }
        expect(whilePaused).toBe(0);
        expect(mostProbes).toBeLessThanOrEqual(1);
        const ups = news.map((line) => line.startsWith("up"));
        expect(ups.some((isUp, i) => isUp && ups[i + 1] === true)).toBe(false);
        // It answers again from here on: calls get through within one longest pause.
        for (const { trial } of open) trial.leave();
        pass(300_000);
        for (let i = 0; i < 20; i += 1) call(circuits, "ok");
        expect(circuits.isDown("con_a")).toBe(false);
        expect(news.at(-1) ?? "up con_a").toBe("up con_a");
        expect(Array.from({ length: 8 }, () => circuits.enter("con_a")).every((trial) => trial !== null)).toBe(true);
      },
    ),
    { numRuns: 500 },
  );
});
