import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";
import { z } from "zod";

import { DAYS_OF_WEEK, Schedule, alwaysOpen, compileSchedule } from "../../src/domain/schedule.ts";
import type { CompiledSchedule } from "../../src/domain/schedule.ts";

/** Hours as a person writes them: days of the week and dates to slots such as "09:00-12:00". */
function schedule(timezone: string, hours: Record<string, string[]>): CompiledSchedule {
  const weekly: Record<string, unknown> = {};
  const overrides: unknown[] = [];
  for (const [when, ranges] of Object.entries(hours)) {
    const slots = ranges.map((range) => ({ start: range.slice(0, 5), end: range.slice(6) }));
    if (when === "daily") for (const day of DAYS_OF_WEEK) weekly[day] = { slots };
    else if (/^\d/.test(when)) overrides.push({ date: when, slots });
    else weekly[when] = { slots };
  }
  return compileSchedule(Schedule.parse({ timezone, weekly, overrides }));
}

function short(date: Date): string {
  return date.toISOString().replace(/:00\.000Z$/, "Z");
}

function periods(compiled: CompiledSchedule, from: string, to: string): string[] {
  return compiled.openIntervals(new Date(from), new Date(to)).map(({ start, end }) => `${short(start)} ${short(end)}`);
}

/**
 * Two shifts on Monday, an overnight one from Saturday, Christmas off. In winter Bucharest is at UTC+2, so 09:00 there
 * is 07:00Z. 2026-01-05 is a Monday, 2026-12-25 a Friday.
 */
const bucharest = schedule("Europe/Bucharest", {
  monday: ["09:00-12:00", "14:00-18:00"],
  thursday: ["22:00-06:00"],
  friday: ["09:00-17:00"],
  saturday: ["22:00-02:00"],
  "2026-12-25": [],
});

describe("split shifts, nights and dates", () => {
  test.each([
    ["the moment it opens", "2026-01-05T07:00:00Z", true, "2026-01-05T12:00:00.000Z", "2026-01-05T10:00:00.000Z"],
    ["a millisecond earlier", "2026-01-05T06:59:59.999Z", false, "2026-01-05T07:00:00.000Z", null],
    ["the moment it closes", "2026-01-05T10:00:00Z", false, "2026-01-05T12:00:00.000Z", null],
    ["the last millisecond", "2026-01-05T09:59:59.999Z", true, "2026-01-05T12:00:00.000Z", "2026-01-05T10:00:00.000Z"],
    ["Tuesday, not in the week", "2026-01-06T10:00:00Z", false, "2026-01-08T20:00:00.000Z", null],
    [
      "Sunday 01:00, Saturday's night",
      "2026-01-10T23:00:00Z",
      true,
      "2026-01-12T07:00:00.000Z",
      "2026-01-11T00:00:00.000Z",
    ],
    [
      "Christmas 05:00, Thursday's night",
      "2026-12-25T03:00:00Z",
      true,
      "2026-12-26T20:00:00.000Z",
      "2026-12-25T04:00:00.000Z",
    ],
    ["Christmas 10:00", "2026-12-25T08:00:00Z", false, "2026-12-26T20:00:00.000Z", null],
  ])("%s", (_when, at, open, opensAt, closesAt) => {
    const answer = bucharest.at(new Date(at));
    expect(answer).toEqual({ open, opensAt: asDate(opensAt), closesAt: asDate(closesAt) });
    expect(bucharest.isOpen(new Date(at))).toBe(open);
    expect(bucharest.nextOpening(new Date(at))).toEqual(asDate(opensAt));
  });

  test.each([
    ["overlapping slots merge, in any order", ["13:00-17:00", "09:00-14:00"], ["09:00Z 17:00Z"]],
    ["touching slots merge", ["09:00-12:00", "12:00-17:00"], ["09:00Z 17:00Z"]],
    ["a slot inside another changes nothing", ["09:00-17:00", "10:00-11:00"], ["09:00Z 17:00Z"]],
    ["24:00 is the end of the day", ["20:00-24:00"], ["20:00Z 00:00Z"]],
    ["00:00 as an end is the same", ["20:00-00:00"], ["20:00Z 00:00Z"]],
    ["an end that is its start is a day later", ["09:00-09:00"], ["09:00Z 09:00Z"]],
    ["an end before its start is on the next day", ["22:00-02:00", "01:00-03:00"], ["01:00Z 03:00Z", "22:00Z 02:00Z"]],
  ])("%s", (_rule, slots, expected) => {
    const wednesday = schedule("UTC", { wednesday: slots }).openIntervals(
      new Date("2026-03-02T00:00:00Z"),
      new Date("2026-03-08T00:00:00Z"),
    );
    expect(wednesday.map(({ start, end }) => `${short(start).slice(11)} ${short(end).slice(11)}`)).toEqual(expected);
  });

  test("a day switched off is closed, and an override opens it all the same", () => {
    const off = Schedule.parse({
      timezone: "UTC",
      weekly: { monday: { enabled: false, slots: [{ start: "09:00", end: "17:00" }] } },
      overrides: [{ date: "2026-01-12", slots: [{ start: "10:00", end: "11:00" }] }],
    });
    expect(periods(compileSchedule(off), "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z")).toEqual([
      "2026-01-12T10:00Z 2026-01-12T11:00Z",
    ]);
  });

  test("nights that meet the morning after merge across midnight", () => {
    const compiled = schedule("UTC", { monday: ["18:00-24:00"], tuesday: ["00:00-03:00", "05:00-06:00"] });
    expect(periods(compiled, "2026-01-05T00:00:00Z", "2026-01-07T00:00:00Z")).toEqual([
      "2026-01-05T18:00Z 2026-01-06T03:00Z",
      "2026-01-06T05:00Z 2026-01-06T06:00Z",
    ]);
  });

  test("the intervals of a period are cut to it, and an empty period has none", () => {
    const compiled = schedule("UTC", { daily: ["09:00-17:00"] });
    expect(periods(compiled, "2026-01-05T12:00:00Z", "2026-01-06T10:00:00Z")).toEqual([
      "2026-01-05T12:00Z 2026-01-05T17:00Z",
      "2026-01-06T09:00Z 2026-01-06T10:00Z",
    ]);
    expect(periods(compiled, "2026-01-05T12:00:00Z", "2026-01-05T12:00:00Z")).toEqual([]);
    expect(periods(compiled, "2026-01-05T12:00:00Z", "2026-01-04T12:00:00Z")).toEqual([]);
  });
});

describe("clock changes", () => {
  test.each([
    // New York, 2026-03-08: at 07:00Z the clock goes from 02:00 (UTC-5) to 03:00 (UTC-4). 2026-03-08 is a Sunday.
    [
      "a start in the skipped hour is read before the gap: 02:30 is 07:30Z",
      "America/New_York",
      { sunday: ["02:30-06:00"] },
      "2026-03-08",
      ["2026-03-08T07:30Z 2026-03-08T10:00Z"],
    ],
    [
      "so is an end: 01:00 is 06:00Z, 02:30 is 07:30Z",
      "America/New_York",
      { sunday: ["01:00-02:30"] },
      "2026-03-08",
      ["2026-03-08T06:00Z 2026-03-08T07:30Z"],
    ],
    [
      "a slot within the skipped hour comes after it",
      "America/New_York",
      { sunday: ["02:15-02:45"] },
      "2026-03-08",
      ["2026-03-08T07:15Z 2026-03-08T07:45Z"],
    ],
    [
      "02:30 (07:30Z) to 03:15 (07:15Z) leaves nothing",
      "America/New_York",
      { sunday: ["02:30-03:15"] },
      "2026-03-08",
      [],
    ],
    // 2026-11-01, a Sunday: at 06:00Z from 02:00 (UTC-4) back to 01:00 (UTC-5).
    [
      "a repeated start is its first, a repeated end its last",
      "America/New_York",
      { sunday: ["01:15-01:45"] },
      "2026-11-01",
      ["2026-11-01T05:15Z 2026-11-01T06:45Z"],
    ],
    [
      "the first 01:30 opens a shift, the last ends one",
      "America/New_York",
      { sunday: ["00:00-01:30", "01:30-02:00"] },
      "2026-11-01",
      ["2026-11-01T04:00Z 2026-11-01T07:00Z"],
    ],
    // Lord Howe, 2026-10-04: at 15:30Z on the 3rd from 02:00 (UTC+10:30) to 02:30 (UTC+11). A Sunday.
    [
      "half an hour skipped: 02:15 is 15:45Z, 03:00 is 16:00Z",
      "Australia/Lord_Howe",
      { sunday: ["02:15-03:00"] },
      "2026-10-04",
      ["2026-10-03T15:45Z 2026-10-03T16:00Z"],
    ],
    // 2026-04-05: at 15:00Z on the 4th from 02:00 (UTC+11) back to 01:30 (UTC+10:30).
    [
      "half an hour repeated: first 01:40 is 14:40Z, last 01:50 is 15:20Z",
      "Australia/Lord_Howe",
      { sunday: ["01:40-01:50"] },
      "2026-04-05",
      ["2026-04-04T14:40Z 2026-04-04T15:20Z"],
    ],
    // Santiago, 2025-09-07, a Sunday: at 04:00Z from 00:00 (UTC-4) to 01:00 (UTC-3). Saturday 20:00 is 00:00Z.
    [
      "midnight skipped: evening and night touch",
      "America/Santiago",
      { saturday: ["20:00-24:00"], sunday: ["00:00-02:00"] },
      "2025-09-07",
      ["2025-09-07T00:00Z 2025-09-07T05:00Z"],
    ],
    // Beirut, 2025-10-26, a Sunday: its midnight would be 21:00Z (UTC+3), then the clock goes back to Saturday 23:00
    // (UTC+2), so that Saturday lasts until 22:00Z.
    [
      "the hour before midnight repeated: 23:00 first is 20:00Z",
      "Asia/Beirut",
      { saturday: ["23:00-24:00"] },
      "2025-10-25",
      ["2025-10-25T20:00Z 2025-10-25T22:00Z"],
    ],
  ])("%s", (_rule, timezone, hours, date, expected) => {
    const noon = Date.parse(`${date}T12:00:00Z`);
    const [from, to] = [noon - 48 * 3_600_000, noon + 48 * 3_600_000].map((at) => new Date(at).toISOString());
    expect(periods(schedule(timezone, hours), from!, to!)).toEqual(expected);
  });

  test("round the clock never closes, nor does it open again", () => {
    for (const timezone of ["Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca", "Antarctica/Troll"]) {
      const compiled = schedule(timezone, { daily: ["00:00-24:00"] });
      expect(compiled.at(new Date("2026-03-28T12:00:00Z"))).toEqual({ open: true, opensAt: null, closesAt: null });
    }
  });
});

describe("days that a zone skipped", () => {
  // Apia went from Thursday 2011-12-29 (UTC-10) to Saturday 2011-12-31 (UTC+14) at 10:00Z on the 30th.
  const week = ["2011-12-26T10:00:00Z", "2012-01-02T10:00:00Z"] as const;

  test("hours of the missing Friday open nothing: the next Friday is the first", () => {
    // Friday 2012-01-06 09:00 at UTC+14 is 19:00Z on the 5th.
    const compiled = schedule("Pacific/Apia", { friday: ["09:00-17:00"], "2011-12-30": ["10:00-12:00"] });
    expect(periods(compiled, ...week)).toEqual([]);
    expect(compiled.nextOpening(new Date("2011-12-29T00:00:00Z"))).toEqual(new Date("2012-01-05T19:00:00Z"));
  });

  test("the date that took its place keeps its own hours, or none", () => {
    // Every day but the 31st: the 29th until midnight, which is the change, then again from Sunday 00:00, 10:00Z.
    const compiled = schedule("Pacific/Apia", { daily: ["00:00-24:00"], "2011-12-31": [] });
    expect(periods(compiled, ...week)).toEqual([
      "2011-12-26T10:00Z 2011-12-30T10:00Z",
      "2011-12-31T10:00Z 2012-01-02T10:00Z",
    ]);
  });

  test("round the clock runs over the gap, also when the missing date is marked closed", () => {
    const compiled = schedule("Pacific/Apia", { daily: ["00:00-24:00"], "2011-12-30": [] });
    expect(periods(compiled, ...week)).toEqual(["2011-12-26T10:00Z 2012-01-02T10:00Z"]);
  });

  test("the night before it lasts as long as any night", () => {
    // Thursday 20:00 at UTC-10 is 06:00Z on the 30th; Friday 06:00 is skipped, so read at UTC-10 too: 16:00Z.
    const compiled = schedule("Pacific/Apia", { thursday: ["20:00-06:00"] });
    expect(periods(compiled, ...week)).toEqual(["2011-12-30T06:00Z 2011-12-30T16:00Z"]);
  });

  test("Kwajalein had no Saturday 1993-08-21", () => {
    // From UTC-12 to UTC+12. Friday the 20th 09:00 is 21:00Z; Saturday the 28th 09:00 is 21:00Z on the 27th.
    const compiled = schedule("Pacific/Kwajalein", { friday: ["09:00-10:00"], saturday: ["09:00-10:00"] });
    expect(periods(compiled, "1993-08-20T12:00:00Z", "1993-08-28T00:00:00Z")).toEqual([
      "1993-08-20T21:00Z 1993-08-20T22:00Z",
      "1993-08-26T21:00Z 1993-08-26T22:00Z",
      "1993-08-27T21:00Z 1993-08-27T22:00Z",
    ]);
  });
});

describe("how far it looks", () => {
  // 400 days after 2026-01-01 is 2027-02-05: 365 to the new year, 31 for January, 4 more.
  const once = schedule("UTC", { "2027-02-05": ["00:00-01:00"] });

  test.each([
    ["400 days ahead is seen", "2026-01-01T00:00:00.000Z", "2027-02-05T00:00:00.000Z"],
    ["a millisecond more is not", "2025-12-31T23:59:59.999Z", null],
  ])("%s", (_case, from, expected) => {
    expect(once.nextOpening(new Date(from))).toEqual(asDate(expected));
  });

  test("without hours it never opens", () => {
    const never = compileSchedule(Schedule.parse({ timezone: "UTC" }));
    expect(never.at(new Date("2026-01-01T00:00:00Z"))).toEqual({ open: false, opensAt: null, closesAt: null });
  });

  test("the first and last instants there are have answers", () => {
    for (const timezone of ["Pacific/Honolulu", "Pacific/Kiritimati"]) {
      const compiled = schedule(timezone, { daily: ["00:00-24:00"] });
      for (const instant of [new Date(-8.64e15), new Date(8.64e15)]) {
        expect(compiled.explain(instant)).toMatchObject({ open: true, opensAt: null, closesAt: null });
      }
    }
  });

  test("an instant that is no date is refused", () => {
    const nothing = new Date(Number.NaN);
    for (const compiled of [once, alwaysOpen]) {
      expect(() => compiled.isOpen(nothing)).toThrow(RangeError);
      expect(() => compiled.at(nothing)).toThrow(RangeError);
      expect(() => compiled.explain(nothing)).toThrow(RangeError);
      expect(() => compiled.openIntervals(nothing, new Date(0))).toThrow(RangeError);
    }
  });
});

describe("the rule that decides", () => {
  const explained = compileSchedule(
    Schedule.parse({
      timezone: "Europe/Bucharest",
      weekly: {
        monday: {
          slots: [
            { start: "09:00", end: "12:00" },
            { start: "11:00", end: "18:00" },
          ],
        },
        tuesday: { enabled: false, slots: [{ start: "09:00", end: "12:00" }] },
        saturday: { slots: [{ start: "22:00", end: "02:00" }] },
      },
      overrides: [
        { date: "2026-01-11", label: "Stocktaking", slots: [] },
        { date: "2026-01-14", slots: [{ start: "10:00", end: "11:00" }] },
      ],
    }),
  );
  const nine = { start: "09:00", end: "12:00" };
  const eleven = { start: "11:00", end: "18:00" };
  const ten = { start: "10:00", end: "11:00" };
  const stocktaking = {
    kind: "override",
    date: "2026-01-11",
    day: "sunday",
    label: "Stocktaking",
    slot: null,
    slots: [],
  };

  // Local time is UTC+2.
  test.each([
    ["Monday 09:00", "2026-01-05T07:00:00Z", { kind: "weekly", date: "2026-01-05", day: "monday", slot: nine }],
    [
      "Monday 11:30, in two slots: the first",
      "2026-01-05T09:30:00Z",
      { kind: "weekly", date: "2026-01-05", day: "monday", slot: nine },
    ],
    ["Monday 12:00", "2026-01-05T10:00:00Z", { kind: "weekly", date: "2026-01-05", day: "monday", slot: eleven }],
    [
      "Monday 18:00",
      "2026-01-05T16:00:00Z",
      { kind: "outside_slots", date: "2026-01-05", day: "monday", slots: [nine, eleven] },
    ],
    ["Tuesday, switched off", "2026-01-06T08:00:00Z", { kind: "closed_day", date: "2026-01-06", day: "tuesday" }],
    ["Wednesday, missing", "2026-01-07T08:00:00Z", { kind: "closed_day", date: "2026-01-07", day: "wednesday" }],
    [
      "Sunday 01:59, the night before",
      "2026-01-10T23:59:00Z",
      { kind: "weekly", date: "2026-01-10", day: "saturday", slot: { start: "22:00", end: "02:00" } },
    ],
    ["Sunday 02:00, a closed date", "2026-01-11T00:00:00Z", stocktaking],
    [
      "in an override's slot",
      "2026-01-14T08:30:00Z",
      { kind: "override", date: "2026-01-14", day: "wednesday", label: null, slot: ten, slots: [ten] },
    ],
    [
      "after an override's slot",
      "2026-01-14T09:00:00Z",
      { kind: "override", date: "2026-01-14", day: "wednesday", label: null, slot: null, slots: [ten] },
    ],
  ])("%s", (_when, at, rule) => {
    const { rule: seen, ...state } = explained.explain(new Date(at));
    expect(seen).toEqual(rule);
    expect(state).toEqual(explained.at(new Date(at)));
  });
});

describe("no schedule", () => {
  test("is always open", () => {
    const at = new Date("2026-01-05T07:00:00Z");
    expect(alwaysOpen.isOpen(at)).toBe(true);
    expect(alwaysOpen.explain(at)).toEqual({
      open: true,
      opensAt: null,
      closesAt: null,
      rule: { kind: "always_open" },
    });
    expect(alwaysOpen.nextOpening(at)).toBeNull();
    expect(periods(alwaysOpen, "2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z")).toEqual([
      "2026-01-05T00:00Z 2026-01-06T00:00Z",
    ]);
    expect(periods(alwaysOpen, "2026-01-06T00:00:00Z", "2026-01-05T00:00:00Z")).toEqual([]);
  });
});

test("a compiled schedule does not follow later changes to the settings", () => {
  const settings = Schedule.parse({
    timezone: "UTC",
    weekly: { monday: { slots: [{ start: "09:00", end: "17:00" }] } },
  });
  const compiled = compileSchedule(settings);
  settings.weekly.monday!.slots[0]!.end = "10:00";
  settings.weekly.monday!.enabled = false;
  expect(compiled.explain(new Date("2026-01-05T12:00:00Z")).rule).toMatchObject({ slot: { end: "17:00" } });
});

describe("cases worked out from the time-zone database", () => {
  const Answer = z.object({ open: z.boolean(), nextChange: z.string().nullable() });
  const Case = Answer.extend({
    id: z.string(),
    schedule: Schedule,
    at: z.iso.datetime(),
    source: z.string(),
    acceptable: z.array(Answer.extend({ reading: z.string() })).optional(),
  });
  const file = new URL("../fixtures/schedule-cases.json", import.meta.url);
  const cases = z.array(Case).parse(JSON.parse(readFileSync(file, "utf8")));

  /**
   * Cases in which readings differ, by which of them is design.md's: a start in the skipped hour is the instant with the
   * offset before it ("rfc5545-instants"), an end in the repeated hour its last occurrence ("wall-clock").
   */
  const ourReading = new Map([
    ["S066", "rfc5545-instants"],
    ["S088", "wall-clock"],
    ["S093", "rfc5545-instants"],
    ["S094", "rfc5545-instants"],
    ["S138", "wall-clock"],
    ["S140", "rfc5545-instants"],
  ]);

  test("are all there, and every choice between readings is made", () => {
    expect(cases).toHaveLength(60);
    expect(cases.filter(({ acceptable }) => acceptable).map(({ id }) => id)).toEqual([...ourReading.keys()]);
  });

  test.each(cases.map((each) => [each.id, each.source, each] as const))("%s: %s", (id, _source, each) => {
    const expected = each.acceptable?.find(({ reading }) => reading === ourReading.get(id)) ?? each;
    const { open, opensAt, closesAt } = compileSchedule(each.schedule).at(new Date(each.at));
    expect({ open, nextChange: open ? closesAt : opensAt }).toEqual({
      open: expected.open,
      nextChange: asDate(expected.nextChange),
    });
  });
});

function asDate(instant: string | null): Date | null {
  return instant === null ? null : new Date(instant);
}
