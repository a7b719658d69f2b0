import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { DAYS_OF_WEEK, Schedule, compileSchedule } from "../../src/domain/schedule.ts";
import { daysOfChange, oracleFor } from "./schedule-oracle.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;

const ZONES = [...Intl.supportedValuesOf("timeZone"), "Asia/Calcutta", "US/Eastern"];
const ODD_ZONES = [
  "Australia/Lord_Howe", // half an hour
  "Antarctica/Troll", // two hours
  "America/Santiago", // skips midnight
  "Asia/Beirut", // skips and repeats midnight
  "America/St_Johns", // changed at 00:01
  "Pacific/Chatham", // quarter-hour offset
  "Pacific/Apia", // skipped 2011-12-30
  "Pacific/Kwajalein", // skipped 1993-08-21
  "Pacific/Kiritimati", // skipped 1994-12-31
  "Africa/Casablanca", // four changes a year
  "Asia/Pyongyang",
];

const zone = fc.oneof(fc.constantFrom(...ZONES), fc.constantFrom(...ODD_ZONES));

const time = fc
  .oneof(
    fc.integer({ min: 0, max: 1439 }),
    fc.constantFrom(0, 1, 30, 60, 90, 105, 120, 135, 150, 165, 180, 540, 1020, 1320, 1380, 1410, 1439),
  )
  .map((minutes) => `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`);
const slot = fc.record({ start: time, end: fc.oneof(time, fc.constant("24:00")) });
const slots = fc.oneof(fc.array(slot, { maxLength: 3 }), fc.constant([{ start: "00:00", end: "24:00" }]));
const weekly = fc.record(
  Object.fromEntries(
    DAYS_OF_WEEK.map((day) => [
      day,
      fc.record({ enabled: fc.integer({ min: 0, max: 9 }).map((roll) => roll > 0), slots }),
    ]),
  ),
  { requiredKeys: [] },
);

/** A schedule, and the start of a UTC day near which the zone's clocks change (or not, in zones where they rest). */
const situation = fc
  .record({
    zone,
    year: fc.integer({ min: 1973, max: 2040 }),
    which: fc.nat({ max: 1000 }),
    weekly,
    overrides: fc.uniqueArray(fc.record({ nth: fc.integer({ min: -4, max: 4 }), slots }), {
      selector: ({ nth }) => nth,
      maxLength: 3,
    }),
  })
  .map(({ zone, year: drawn, which, weekly, overrides }) => {
    const skipped =
      which % 3 === 0
        ? new Map([
            ["Pacific/Apia", 2011],
            ["Pacific/Kwajalein", 1993],
          ]).get(zone)
        : null;
    const year = skipped ?? drawn;
    const changes = daysOfChange(zone, year);
    const centre = changes[which % Math.max(1, changes.length)] ?? Date.UTC(year, 0, 1 + (which % 365));
    const schedule = Schedule.parse({
      timezone: zone,
      weekly,
      overrides: overrides.map(({ nth, slots }) => ({ date: isoDate(centre + nth * DAY), slots })),
    });
    return { schedule, centre };
  });

/** Minutes from the centre: three days to either side. */
const moments = fc.array(fc.integer({ min: -3 * 1440, max: 3 * 1440 }), { minLength: 20, maxLength: 20 });

describe("whatever the schedule, the zone and the instant", () => {
  test("the answers are those of a clock looked at minute by minute", { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(situation, moments, ({ schedule, centre }, moments) => {
        const compiled = compileSchedule(schedule);
        const oracle = oracleFor(schedule, centre - 8 * DAY, centre + 10 * DAY);
        const known = centre + 8 * DAY;
        for (const moment of moments) {
          const instant = centre + moment * MINUTE;
          const open = oracle.isOpen(instant);
          const answer = compiled.at(new Date(instant));
          const seen = {
            open: answer.open,
            opensAt: upTo(known, answer.opensAt),
            closesAt: upTo(known, answer.closesAt),
          };
          const expected = {
            open,
            opensAt: upTo(known, asDate(oracle.nextTurn(instant, true))),
            closesAt: open ? upTo(known, asDate(oracle.nextTurn(instant, false))) : null,
          };
          expect({ instant: iso(instant), ...seen }).toEqual({ instant: iso(instant), ...expected });
          expect(compiled.isOpen(new Date(instant))).toBe(open);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("it is open at its own next opening, and closed just before", () => {
    fc.assert(
      fc.property(situation, moments, ({ schedule, centre }, moments) => {
        const compiled = compileSchedule(schedule);
        for (const moment of moments) {
          const from = new Date(centre + moment * MINUTE);
          const opening = compiled.nextOpening(from);
          if (opening === null) continue;
          expect(opening.getTime()).toBeGreaterThan(from.getTime());
          expect(compiled.isOpen(opening)).toBe(true);
          expect(compiled.isOpen(new Date(opening.getTime() - 1))).toBe(false);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("the open intervals of a period are what walking from change to change finds", () => {
    fc.assert(
      fc.property(situation, fc.integer({ min: 0, max: 20 * 1440 }), ({ schedule, centre }, minutes) => {
        const compiled = compileSchedule(schedule);
        const from = new Date(centre - 3 * DAY + (minutes % 977) * MINUTE);
        const to = new Date(from.getTime() + minutes * MINUTE);
        const walked: { start: Date; end: Date }[] = [];
        let at: Date | null = compiled.isOpen(from) ? from : compiled.nextOpening(from);
        while (at !== null && at < to) {
          const { closesAt, opensAt } = compiled.at(at);
          walked.push({ start: at, end: closesAt === null || closesAt > to ? to : closesAt });
          at = opensAt;
        }
        const intervals = compiled.openIntervals(from, to);
        expect(intervals).toEqual(walked);
        const turns = intervals.flatMap(({ start, end }) => [start.getTime(), end.getTime()]);
        expect(turns).toEqual([...new Set(turns)].toSorted((a, b) => a - b));
      }),
      { numRuns: 200 },
    );
  });

  test("the rule in the explanation speaks of an instant of its kind: a slot when open, none when closed", () => {
    fc.assert(
      fc.property(situation, moments, ({ schedule, centre }, moments) => {
        const compiled = compileSchedule(schedule);
        for (const moment of moments) {
          const { open, rule } = compiled.explain(new Date(centre + moment * MINUTE));
          expect("slot" in rule && rule.slot !== null).toBe(open);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("a schedule that went through JSON answers the same", () => {
    fc.assert(
      fc.property(situation, ({ schedule, centre }) => {
        const returned = Schedule.parse(JSON.parse(JSON.stringify(schedule)));
        const period = [new Date(centre - 5 * DAY), new Date(centre + 5 * DAY)] as const;
        expect(compileSchedule(returned).openIntervals(...period)).toEqual(
          compileSchedule(schedule).openIntervals(...period),
        );
      }),
      { numRuns: 50 },
    );
  });

  test("answers do not depend on what was asked before", () => {
    const anyInstant = fc.date({ min: new Date("1975-01-01"), max: new Date("2095-01-01"), noInvalidDate: true });
    fc.assert(
      fc.property(situation, fc.array(anyInstant, { minLength: 5, maxLength: 30 }), ({ schedule }, instants) => {
        const used = compileSchedule(schedule);
        for (const instant of instants) {
          expect(used.at(instant)).toEqual(compileSchedule(schedule).at(instant));
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe("in every zone there is", () => {
  const always = Object.fromEntries(DAYS_OF_WEEK.map((day) => [day, { slots: [{ start: "00:00", end: "24:00" }] }]));
  const [from, to] = [new Date("2008-01-01T00:00:00Z"), new Date("2028-01-01T00:00:00Z")];

  test("round the clock is one interval, through every clock change of twenty years", { timeout: 60_000 }, () => {
    const broken = ZONES.filter((timezone) => {
      const intervals = compileSchedule(Schedule.parse({ timezone, weekly: always })).openIntervals(from, to);
      return JSON.stringify(intervals) !== JSON.stringify([{ start: from, end: to }]);
    });
    expect(broken).toEqual([]);
  });
});

function two(value: number): string {
  return String(value).padStart(2, "0");
}

function iso(instant: number): string {
  return new Date(instant).toISOString();
}

function isoDate(instant: number): string {
  return iso(instant).slice(0, 10);
}

function asDate(instant: number | null): Date | null {
  return instant === null ? null : new Date(instant);
}

function upTo(limit: number, date: Date | null): Date | null {
  return date === null || date.getTime() > limit ? null : date;
}
