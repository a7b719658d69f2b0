import * as fc from "fast-check";
import { DateTime } from "luxon";
import { describe, expect, test } from "vitest";
import { REASONS } from "../../src/domain/decision.ts";
import type { Because } from "../../src/domain/decision.ts";
import { anyOpen, gatherInsights, NOBODY_THERE } from "../../src/domain/insights.ts";
import type { Insights } from "../../src/domain/insights.ts";
import { createSamples } from "../../src/domain/quantiles.ts";
import { compileSchedule, Schedule } from "../../src/domain/schedule.ts";
import { STATUSES } from "../../src/domain/states.ts";
import { spanOfDays } from "../../src/domain/time-buckets.ts";
import type { DeclinedCount, HandoffFact } from "../../src/ports-insights.ts";

const ms = (iso: string) => Date.parse(iso);
const breathe = () => Promise.resolve();
const ZONE = "Europe/Bucharest";

const fact = (at: string, more: Partial<HandoffFact> = {}): HandoffFact => ({
  at: ms(at),
  botId: "bot_a",
  destinationId: "inbox",
  mode: "live",
  status: "resolved",
  because: "open",
  acceptedAt: null,
  endedAt: null,
  agentId: null,
  agentName: null,
  hasLeft: false,
  ...more,
});
const after = (at: string, seconds: number) => ms(at) + seconds * 1_000;

/** Taken from the request on, in seconds. */
const answered = (at: string, accept: number, end: number | null, agent: string, more: Partial<HandoffFact> = {}) =>
  fact(at, {
    acceptedAt: after(at, accept),
    endedAt: end === null ? null : after(at, end),
    status: end === null ? "acknowledged" : "resolved",
    agentId: agent,
    agentName: `Agent ${agent}`,
    ...more,
  });

/** Three days in Bucharest, on the second of which the clocks go back. 2026-10-25 is a Sunday. */
const SPAN = spanOfDays(ZONE, "2026-10-24", "2026-10-26");
const HISTORY: HandoffFact[] = [
  // Saturday 10:15, and the same minute again.
  answered("2026-10-24T07:15:00Z", 10, 100, "1"),
  answered("2026-10-24T07:15:00Z", 20, 300, "1", { destinationId: "con_a" }),
  // Sunday 03:30, before and after the clocks went back.
  fact("2026-10-25T00:30:00Z", {
    because: "outside_schedule",
    mode: "lead",
    status: "pending",
    destinationId: null,
    hasLeft: true,
  }),
  fact("2026-10-25T01:30:00Z", { because: "outside_schedule", mode: "lead", status: "cancelled", destinationId: null }),
  // Monday 09:00: nobody took it in time; later somebody of the team answered the lead, a day late.
  answered("2026-10-26T07:00:00Z", 90_000, 90_100, "2", { mode: "lead", hasLeft: true }),
  // Monday 09:59: taken, and not over yet.
  answered("2026-10-26T07:59:59Z", 40, null, "2", { botId: "bot_b", agentName: "Vlad" }),
  // Monday 23:59, the period's last minute: the queue was full, so somebody was there.
  fact("2026-10-26T21:59:59Z", { because: "queue_full", mode: "lead", status: "pending", destinationId: null }),
];
const DECLINED: DeclinedCount[] = [{ at: ms("2026-10-24T07:15:00Z"), botId: "bot_c", because: "disabled", count: 3 }];

async function told(facts: readonly HandoffFact[], declined: readonly DeclinedCount[] = []): Promise<Insights> {
  const gathering = gatherInsights({ zone: ZONE, span: SPAN, bucket: "day", open: [], openSpan: SPAN });
  gathering.add(facts.slice(0, 3));
  gathering.add(facts.slice(3));
  gathering.addDeclined(declined);
  return gathering.insights(breathe);
}

const none = { count: 0, medianSeconds: null, p90Seconds: null };

describe("a small history, worked out by hand", () => {
  test("all in all", async () => {
    expect((await told(HISTORY, DECLINED)).totals).toEqual({
      asks: 10,
      live: 4,
      lead: 3,
      declined: 3,
      missed: 1,
      askedForDetails: 4,
      leftDetails: 2,
      // 10, 20 and 40; the one that was missed is none of them. Nine tenths between them: 20 + 0.8 × 20.
      toAccept: { count: 3, medianSeconds: 20, p90Seconds: 36 },
      // 100 and 300: 100 + 0.9 × 200.
      toResolve: { count: 2, medianSeconds: 200, p90Seconds: 280 },
    });
  });

  test("by day and why", async () => {
    const { overTime, because } = await told(HISTORY, DECLINED);
    expect(overTime).toEqual([
      {
        start: "2026-10-24T00:00:00+03:00",
        live: 2,
        lead: 0,
        declined: 3,
        missed: 0,
        because: { open: 2, disabled: 3 },
      },
      {
        start: "2026-10-25T00:00:00+03:00",
        live: 0,
        lead: 2,
        declined: 0,
        missed: 0,
        because: { outside_schedule: 2 },
      },
      {
        start: "2026-10-26T00:00:00+02:00",
        live: 2,
        lead: 1,
        declined: 0,
        missed: 1,
        because: { open: 2, queue_full: 1 },
      },
    ]);
    expect(because).toEqual([
      { because: "open", asks: 4 },
      { because: "disabled", asks: 3 },
      { because: "outside_schedule", asks: 2 },
      { because: "queue_full", asks: 1 },
    ]);
  });

  test("by weekday and hour: both times the clock showed three", async () => {
    const { heatMap } = await told(HISTORY, DECLINED);
    expect(heatMap).toHaveLength(168);
    const asked = heatMap
      .filter(({ asks }) => asks > 0)
      .map((one) => [one.weekday, one.hour, one.asks, one.whileNobodyThere]);
    expect(asked).toEqual([
      [1, 9, 2, 0],
      [1, 23, 1, 0],
      [6, 10, 5, 0],
      [7, 3, 2, 2],
    ]);
  });

  test("by bot, destination and agent", async () => {
    const { bots, destinations, agents } = await told(HISTORY, DECLINED);
    expect(
      bots.map(({ botId, asks, live, lead, declined, missed, leftDetails }) => [
        botId,
        asks,
        live,
        lead,
        declined,
        missed,
        leftDetails,
      ]),
    ).toEqual([
      ["bot_a", 6, 3, 3, 0, 1, 2],
      ["bot_c", 3, 0, 0, 3, 0, 0],
      ["bot_b", 1, 1, 0, 0, 0, 0],
    ]);
    expect(
      destinations.map(({ destinationId, asks, live, missed, toAccept }) => [
        destinationId,
        asks,
        live,
        missed,
        toAccept.count,
      ]),
    ).toEqual([
      ["inbox", 3, 3, 1, 2],
      [null, 3, 0, 0, 0],
      ["con_a", 1, 1, 0, 1],
    ]);
    // Agent 1 of the inbox and agent 1 of the helpdesk are two people; of several names the latest counts.
    expect(
      agents.map(({ agentId, name, destinationId, accepted, resolved }) => [
        agentId,
        name,
        destinationId,
        accepted,
        resolved,
      ]),
    ).toEqual([
      ["2", "Vlad", "inbox", 2, 1],
      ["1", "Agent 1", "inbox", 1, 1],
      ["1", "Agent 1", "con_a", 1, 1],
    ]);
    expect(agents[0]?.toResolve).toEqual(none);
    expect(agents[2]?.toResolve).toEqual({ count: 1, medianSeconds: 300, p90Seconds: 300 });
  });

  test("nothing happened", async () => {
    const { totals, overTime, bots } = await told([]);
    expect([totals.asks, totals.toAccept, overTime.length, bots]).toEqual([0, none, 3, []]);
  });
});

const schedule = (given: object) => compileSchedule(Schedule.parse({ timezone: ZONE, weekly: {}, ...given }));
const weekdays = (slots: object[]) => ({ monday: { slots }, sunday: { slots } });
const fractions = async (open: ReturnType<typeof anyOpen>, to = SPAN.end) => {
  const openSpan = { start: SPAN.start, end: to };
  const gathering = gatherInsights({ zone: ZONE, span: SPAN, bucket: "day", open, openSpan });
  const { heatMap } = await gathering.insights(breathe);
  return (weekday: number, hour: number) => heatMap[(weekday - 1) * 24 + hour]?.openFraction;
};
const intervals = (given: object) => schedule(given).openIntervals(new Date(SPAN.start), new Date(SPAN.end));

describe("beside the opening hours", () => {
  test("an hour is open in part, and the repeated one counts twice", async () => {
    const at = await fractions(anyOpen(intervals({ weekly: weekdays([{ start: "03:30", end: "09:15" }]) })));
    // From the first 03:30 on through the second 03:00 to 04:00: an hour and a half of two.
    expect(at(7, 3)).toBe(0.75);
    expect(at(1, 3)).toBe(0.5);
    expect([at(7, 2), at(7, 4), at(7, 9), at(7, 10)]).toEqual([0, 1, 0.25, 0]);
    expect([at(6, 4), at(2, 4)]).toEqual([0, null]);
  });

  test("of several bots one is enough, and what is still to come is not counted", async () => {
    const one = intervals({ weekly: weekdays([{ start: "09:00", end: "09:30" }]) });
    const other = intervals({ weekly: weekdays([{ start: "09:15", end: "09:45" }]) });
    const at = await fractions(anyOpen([...one, ...other]), ms("2026-10-25T12:00:00Z"));
    expect([at(7, 9), at(7, 13), at(7, 14), at(1, 9)]).toEqual([0.75, 0, null, null]);
  });
});

describe("medians", () => {
  test.each([
    [[], null, null],
    [[7], 7, 7],
    [[1, 2], 1.5, 1.9],
    [[5, 5, 5, 1, 9], 5, 7.4],
    [[3, 1, 2], 2, 2.8],
    [[10, 10, 10, 10], 10, 10],
    [Array.from({ length: 101 }, (_, at) => 100 - at), 50, 90],
  ])("of %j", (values, median, p90) => {
    const samples = createSamples();
    for (const one of values) samples.add(one);
    const spread = samples.spread();
    const rounded = spread.p90 === null ? null : Math.round(spread.p90 * 1e9) / 1e9;
    expect([spread.count, spread.median, rounded]).toEqual([values.length, median, p90]);
  });
});

const FACT: fc.Arbitrary<HandoffFact> = fc
  .record({
    at: fc.integer({ min: SPAN.start, max: SPAN.end - 1 }),
    botId: fc.constantFrom("bot_a", "bot_b"),
    destinationId: fc.constantFrom("inbox", "con_a", null),
    mode: fc.constantFrom("live", "lead"),
    status: fc.constantFrom(...STATUSES),
    because: fc.constantFrom<Because>(...REASONS),
    accept: fc.option(fc.integer({ min: 0, max: 5 })),
    end: fc.option(fc.integer({ min: 0, max: 5 })),
    agentId: fc.constantFrom(null, "1", "2"),
    hasLeft: fc.boolean(),
  })
  .map(({ accept, end, ...one }) => ({
    ...one,
    agentName: one.agentId === null ? null : "N",
    acceptedAt: accept === null ? null : one.at + accept * 1_000,
    endedAt: end === null ? null : one.at + end * 1_000,
  }));

const local = (at: number) => DateTime.fromMillis(at, { zone: ZONE });
const middle = (values: number[]) => {
  const sorted = values.toSorted((one, other) => one - other);
  const half = sorted.length / 2;
  if (sorted.length === 0) return null;
  return sorted.length % 2 === 1 ? sorted[Math.floor(half)]! : (sorted[half - 1]! + sorted[half]!) / 2;
};
const accepts = (some: readonly HandoffFact[]) =>
  some.flatMap((one) => (one.mode === "live" && one.acceptedAt !== null ? [(one.acceptedAt - one.at) / 1_000] : []));

const counts = (some: readonly HandoffFact[]) => ({
  asks: some.length,
  live: some.filter(({ because }) => because === "open").length,
  lead: some.filter(({ because }) => because !== "open").length,
  missed: some.filter(({ because, mode }) => because === "open" && mode === "lead").length,
  askedForDetails: some.filter(({ mode }) => mode === "lead").length,
  leftDetails: some.filter(({ mode, hasLeft }) => mode === "lead" && hasLeft).length,
  accepted: accepts(some).length,
  median: middle(accepts(some)),
});

/** Straight from the words of the documentation, slowly. */
function naive(facts: readonly HandoffFact[]) {
  return {
    all: counts(facts),
    days: ["2026-10-24", "2026-10-25", "2026-10-26"].map((day) => {
      const { live, lead, missed } = counts(facts.filter(({ at }) => local(at).toISODate() === day));
      return { live, lead, missed };
    }),
    cells: Array.from({ length: 168 }, (_, cell) => {
      const here = facts.filter(({ at }) => (local(at).weekday - 1) * 24 + local(at).hour === cell);
      return [here.length, here.filter(({ because }) => NOBODY_THERE.has(because)).length];
    }),
    inbox: counts(facts.filter(({ destinationId }) => destinationId === "inbox")),
    resolvedByTwo: facts.filter(
      (one) => one.agentId === "2" && one.destinationId === "con_a" && one.status === "resolved",
    ).length,
  };
}

const shape = (one: Insights["totals"]) => ({
  asks: one.asks,
  live: one.live,
  lead: one.lead,
  missed: one.missed,
  askedForDetails: one.askedForDetails,
  leftDetails: one.leftDetails,
  accepted: one.toAccept.count,
  median: one.toAccept.medianSeconds,
});

test("any history is counted as one would count it by hand", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(FACT, { maxLength: 60 }), async (facts) => {
      const counted = await told(facts);
      const expected = naive(facts);
      expect(shape(counted.totals)).toEqual(expected.all);
      expect(counted.overTime.map(({ live, lead, missed }) => ({ live, lead, missed }))).toEqual(expected.days);
      expect(counted.heatMap.map(({ asks, whileNobodyThere }) => [asks, whileNobodyThere])).toEqual(expected.cells);
      const inbox = counted.destinations.find(({ destinationId }) => destinationId === "inbox");
      expect(inbox === undefined ? 0 : shape(inbox)).toEqual(expected.inbox.asks === 0 ? 0 : expected.inbox);
      const two = counted.agents.find(({ agentId, destinationId }) => agentId === "2" && destinationId === "con_a");
      expect(two?.resolved ?? 0).toBe(expected.resolvedByTwo);
    }),
    { numRuns: 150 },
  );
});
