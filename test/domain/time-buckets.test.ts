import * as fc from "fast-check";
import { DateTime } from "luxon";
import { describe, expect, test } from "vitest";
import {
  bucketsOf,
  dateIn,
  daysFromTo,
  hourOfWeekIn,
  hourStretches,
  indexAt,
  spanOfDays,
} from "../../src/domain/time-buckets.ts";

const iso = (ms: number) => new Date(ms).toISOString();
const HOUR = 3_600_000;

describe("the days of a zone", () => {
  test.each([
    ["UTC", "2026-11-20", "2026-11-21", "2026-11-20T00:00:00.000Z", "2026-11-22T00:00:00.000Z"],
    ["Europe/Bucharest", "2026-11-20", "2026-11-20", "2026-11-19T22:00:00.000Z", "2026-11-20T22:00:00.000Z"],
    ["Europe/Bucharest", "2026-03-29", "2026-03-29", "2026-03-28T22:00:00.000Z", "2026-03-29T21:00:00.000Z"],
    ["Asia/Kolkata", "2026-11-20", "2026-11-20", "2026-11-19T18:30:00.000Z", "2026-11-20T18:30:00.000Z"],
    // Midnight of the day on which the clocks went forward did not exist in Cairo.
    ["Africa/Cairo", "2024-04-26", "2024-04-26", "2024-04-25T22:00:00.000Z", "2024-04-26T21:00:00.000Z"],
  ])("%s from %s to %s", (zone, from, to, start, end) => {
    const span = spanOfDays(zone, from, to);
    expect([iso(span.start), iso(span.end)]).toEqual([start, end]);
  });

  test("one has 23 hours and one 25", () => {
    const spring = bucketsOf("Europe/Bucharest", spanOfDays("Europe/Bucharest", "2026-03-28", "2026-03-30"), "day");
    expect(spring.map(({ start, end }) => (end - start) / HOUR)).toEqual([24, 23, 24]);
    expect(spring.map(({ label }) => label)).toEqual([
      "2026-03-28T00:00:00+02:00",
      "2026-03-29T00:00:00+02:00",
      "2026-03-30T00:00:00+03:00",
    ]);
    const autumn = bucketsOf("America/New_York", spanOfDays("America/New_York", "2026-11-01", "2026-11-01"), "day");
    expect(autumn.map(({ start, end, label }) => [(end - start) / HOUR, label])).toEqual([
      [25, "2026-11-01T00:00:00-04:00"],
    ]);
  });

  test("one that a zone left out is none", () => {
    const days = bucketsOf("Pacific/Apia", spanOfDays("Pacific/Apia", "2011-12-29", "2011-12-31"), "day");
    expect(days.map(({ label }) => label)).toEqual(["2011-12-29T00:00:00-10:00", "2011-12-31T00:00:00+14:00"]);
  });

  test("today, and days before", () => {
    const at = new Date("2026-11-20T22:30:00Z");
    expect(dateIn("Europe/Bucharest", at)).toBe("2026-11-21");
    expect(dateIn("UTC", at)).toBe("2026-11-20");
    expect(dateIn("UTC", at, -20)).toBe("2026-10-31");
    expect(daysFromTo("2026-02-27", "2026-03-01")).toBe(3);
  });
});

const hours = (zone: string, day: string) =>
  bucketsOf(zone, spanOfDays(zone, day, day), "hour").map(({ label }) => label.slice(11));

describe("the hours of a zone", () => {
  test("the one that is skipped is none, the one that is repeated is two", () => {
    const spring = hours("Europe/Bucharest", "2026-03-29");
    expect(spring).toHaveLength(23);
    expect(spring.slice(2, 4)).toEqual(["02:00:00+02:00", "04:00:00+03:00"]);
    const autumn = hours("Europe/Bucharest", "2026-10-25");
    expect(autumn).toHaveLength(25);
    expect(autumn.slice(3, 5)).toEqual(["03:00:00+03:00", "03:00:00+02:00"]);
  });

  test("also where a zone is half an hour off, and where the clocks change by half an hour", () => {
    expect(hours("Asia/Kolkata", "2026-11-20")).toHaveLength(24);
    // 2026-04-05 02:00 +11:00 becomes 01:30 +10:30.
    expect(hours("Australia/Lord_Howe", "2026-04-05").slice(1, 4)).toEqual([
      "01:00:00+11:00",
      "01:30:00+10:30",
      "02:00:00+10:30",
    ]);
  });
});

// Zones of every kind: none, whole, half and quarter hours, north and south, and a change by half an hour.
const ZONE = fc.constantFrom(
  "UTC",
  "Europe/Bucharest",
  "America/New_York",
  "America/St_Johns",
  "Asia/Kathmandu",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "America/Sao_Paulo",
);

test("every instant lies in the bucket and the hour of the week that a calendar library gives it", () => {
  fc.assert(
    fc.property(
      ZONE,
      fc.integer({ min: Date.parse("2012-01-10T00:00:00Z"), max: Date.parse("2027-01-01T00:00:00Z") }),
      fc.integer({ min: 1, max: 40 }),
      fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1, maxLength: 20 }),
      (zone, begin, days, places) => {
        const from = DateTime.fromMillis(begin, { zone });
        const span = spanOfDays(zone, from.toISODate()!, from.plus({ days }).toISODate()!);
        const byDay = bucketsOf(zone, span, "day");
        const byHour = bucketsOf(zone, span, "hour");
        const hourOfWeek = hourOfWeekIn(zone, span);
        for (const buckets of [byDay, byHour]) {
          expect([buckets[0]!.start, buckets.at(-1)!.end]).toEqual([span.start, span.end]);
          for (const [at, { end }] of buckets.slice(0, -1).entries()) expect(buckets[at + 1]!.start).toBe(end);
        }
        expect(hourStretches(zone, span)).toHaveLength(byHour.length);
        for (const place of places) {
          const at = Math.min(span.end - 1, Math.floor(span.start + place * (span.end - span.start)));
          const local = DateTime.fromMillis(at, { zone });
          expect(byDay[indexAt(byDay, at)]!.label.slice(0, 10)).toBe(local.toISODate());
          const { label } = byHour[indexAt(byHour, at)]!;
          expect([label.slice(0, 13), label.slice(19)]).toEqual([
            local.toFormat("yyyy-MM-dd'T'HH"),
            local.toFormat("ZZ"),
          ]);
          expect(hourOfWeek(at)).toBe((local.weekday - 1) * 24 + local.hour);
        }
      },
    ),
    { numRuns: 200 },
  );
});
