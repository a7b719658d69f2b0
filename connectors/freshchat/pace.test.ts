import { describe, expect, test } from "vitest";
import { askedToWaitSeconds, createPace, throttleSeconds } from "./pace.ts";

/** 1,795,176,000 seconds after 1970. */
const noon = new Date("2026-11-20T12:00:00Z");

describe("how long an answer asks to wait", () => {
  test.each<[string, Record<string, string>, number | null]>([
    ["seconds", { "retry-after": "7" }, 7],
    ["a date", { "retry-after": "Fri, 20 Nov 2026 12:01:30 GMT" }, 90],
    ["no time at all, which would be hammering", { "retry-after": "0" }, 1],
    ["days, which are capped", { "retry-after": "80000" }, 3_600],
    ["both, of which Retry-After counts", { "retry-after": "7", "x-ratelimit-reset": "1795176040" }, 7],
    ["a Unix time in seconds", { "x-ratelimit-reset": "1795176040" }, 40],
    ["a Unix time in seconds and parts of one", { "x-ratelimit-reset": "1795176040.2" }, 41],
    ["a Unix time in milliseconds", { "x-ratelimit-reset": "1795176040500" }, 41],
    ["the seconds left", { "x-ratelimit-reset": "40" }, 40],
    ["a Unix time that has passed", { "x-ratelimit-reset": "1795175999" }, null],
    ["milliseconds that have passed", { "x-ratelimit-reset": "1795175999000" }, null],
    ["no seconds left", { "x-ratelimit-reset": "0" }, null],
    ["a Unix time in the far future, from a clock that is wrong", { "x-ratelimit-reset": "1895176000" }, 3_600],
    ["words", { "x-ratelimit-reset": "soon" }, null],
    ["a negative number", { "x-ratelimit-reset": "-5" }, null],
    ["two values", { "x-ratelimit-reset": "40, 50" }, null],
    ["a number beyond all clocks", { "x-ratelimit-reset": "9".repeat(30) }, null],
    ["nothing", {}, null],
  ])("%s", (_what, headers, expected) => {
    expect(askedToWaitSeconds(headers, noon)).toBe(expected);
    expect(throttleSeconds(headers, noon)).toBe(expected ?? 30);
  });
});

function start() {
  let now = noon.getTime();
  const pace = createPace(() => new Date(now));
  return { pace, pass: (seconds: number) => void (now += seconds * 1_000) };
}
const refused = (seconds: number) => ({ status: 429, headers: { "retry-after": String(seconds) } });

describe("the pace of a connection", () => {
  test("is free at first, and after answers that say nothing of a limit", () => {
    const { pace } = start();
    expect(pace.secondsLeft()).toBe(0);
    pace.heed({ status: 200, headers: {} });
    pace.heed({ status: 200, headers: { "x-ratelimit-remaining": "1", "x-ratelimit-reset": "50" } });
    pace.heed({ status: 503, headers: { "retry-after": "50" } });
    pace.heed({ status: 200, headers: { "x-ratelimit-remaining": "0" } });
    pace.heed({ status: 200, headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795175999" } });
    expect(pace.secondsLeft()).toBe(0);
  });

  test("waits for what was named, rounded up", () => {
    const { pace, pass } = start();
    pace.heed(refused(10));
    expect(pace.secondsLeft()).toBe(10);
    pass(9.1);
    expect(pace.secondsLeft()).toBe(1);
    pass(0.9);
    expect(pace.secondsLeft()).toBe(0);
  });

  test("the longest wait counts, in whatever order answers come", () => {
    const { pace, pass } = start();
    pace.heed(refused(60));
    pace.heed(refused(5));
    pass(10);
    expect(pace.secondsLeft()).toBe(50);
    pace.heed(refused(100));
    expect(pace.secondsLeft()).toBe(100);
  });

  test("is never held up beyond an hour, and not at all once the clock was set back", () => {
    const { pace, pass } = start();
    pace.heed({ status: 429, headers: { "x-ratelimit-reset": "9999999999" } });
    expect(pace.secondsLeft()).toBe(3_600);
    pass(-86_400);
    expect(pace.secondsLeft()).toBe(0);
    pace.heed(refused(5));
    expect(pace.secondsLeft()).toBe(5);
    pass(-86_400);
    pace.heed(refused(7));
    expect(pace.secondsLeft()).toBe(7);
  });
});
