import { describe, expect, test } from "vitest";
import { z } from "zod";

import { Schedule, copyDay } from "../../src/domain/schedule.ts";

/** Where the faults are, such as "weekly.monday.slots.0.end". */
function faults(settings: unknown): string[] {
  return (Schedule.safeParse(settings).error?.issues ?? []).map(({ path }) => path.join("."));
}

const nineToFive = { start: "09:00", end: "17:00" };
const monday = (...slots: unknown[]) => ({ timezone: "UTC", weekly: { monday: { slots } } });
const dates = (...overrides: unknown[]) => ({ timezone: "UTC", overrides });

function fullDay(count: number): unknown {
  return monday(...Array.from({ length: count }, () => nineToFive));
}

function manyDates(count: number): unknown {
  return dates(
    ...Array.from({ length: count }, (_, index) => ({
      date: new Date(Date.UTC(2026, 0, 1 + index)).toISOString().slice(0, 10),
      slots: [],
    })),
  );
}

function labelled(length: number): unknown {
  return dates({ date: "2026-12-25", label: "x".repeat(length), slots: [] });
}

describe("a schedule", () => {
  test("needs a zone and nothing else", () => {
    expect(Schedule.parse({ timezone: "Europe/Bucharest" })).toEqual({
      timezone: "Europe/Bucharest",
      weekly: {},
      overrides: [],
    });
    expect(faults({})).toEqual(["timezone"]);
  });

  test("has days that are on unless switched off", () => {
    const parsed = Schedule.parse({ timezone: "UTC", weekly: { monday: { slots: [nineToFive] }, friday: {} } });
    expect(parsed.weekly).toEqual({
      monday: { enabled: true, slots: [nineToFive] },
      friday: { enabled: true, slots: [] },
    });
  });

  test.each(["Europe/Bucharest", "UTC", "Asia/Calcutta", "US/Eastern", "Etc/GMT+5", "America/Argentina/Buenos_Aires"])(
    "takes the zone %s",
    (timezone) => expect(Schedule.parse({ timezone }).timezone).toBe(timezone),
  );

  test.each([
    ["+02:00", /offset/],
    ["-0500", /offset/],
    ["\u221202:00", /offset/],
    ["Europe/Atlantis", /Unknown time zone/],
    ["GMT+2", /Unknown time zone/],
    ["", /Unknown time zone/],
    [" UTC", /Unknown time zone/],
    ["Europe/Paris\n", /Unknown time zone/],
    [`Europe/${"a".repeat(100_000)}`, /Unknown time zone/],
  ])("refuses the zone %j and says why", (timezone, message) => {
    const issues = Schedule.safeParse({ timezone }).error?.issues;
    expect(issues).toHaveLength(1);
    expect(issues?.[0]).toMatchObject({ path: ["timezone"], message: expect.stringMatching(message) });
  });

  test.each([
    ["00:00", "24:00"],
    ["23:59", "00:00"],
    ["22:00", "02:00"],
    ["09:00", "09:00"],
  ])("takes the slot %s-%s", (start, end) => expect(faults(monday({ start, end }))).toEqual([]));

  test.each([
    "9:00",
    "24:00",
    "24:01",
    "12:60",
    "12",
    "12:00:00",
    " 12:00",
    "12:00\n",
    "-1:00",
    "noon",
    "",
    "１２:00",
    900,
    null,
  ])("refuses the start %j", (start) =>
    expect(faults(monday({ start, end: "17:00" }))).toEqual(["weekly.monday.slots.0.start"]),
  );

  test.each(["9:00", "24:01", "25:00", "12:60", "12:00:00", "24:00 ", 1440, undefined])("refuses the end %j", (end) =>
    expect(faults(monday({ start: "09:00", end }))).toEqual(["weekly.monday.slots.0.end"]),
  );

  test.each([
    "2026-02-30",
    "2025-02-29",
    "2026-13-01",
    "2026-00-10",
    "2026-1-5",
    "20260105",
    "2026-01-05T00:00:00Z",
    "",
    5,
  ])("refuses the date %j", (date) => expect(faults(dates({ date, slots: [] }))).toEqual(["overrides.0.date"]));

  test("takes a leap day", () => expect(faults(dates({ date: "2028-02-29", slots: [] }))).toEqual([]));

  test("refuses a second override of a date, at the second", () => {
    const [first, other] = [
      { date: "2026-12-25", slots: [] },
      { date: "2026-12-26", slots: [] },
    ];
    expect(faults(dates(first, other, first, first))).toEqual(["overrides.2.date", "overrides.3.date"]);
  });

  test("an override says what its slots are", () =>
    expect(faults(dates({ date: "2026-12-25" }))).toEqual(["overrides.0.slots"]));

  test("has room for 24 slots a day, 1000 overrides and 200 characters, not more", () => {
    expect(faults(fullDay(24))).toEqual([]);
    expect(faults(fullDay(25))).toEqual(["weekly.monday.slots"]);
    expect(faults(manyDates(1000))).toEqual([]);
    expect(faults(manyDates(1001))).toEqual(["overrides"]);
    expect(faults(labelled(200))).toEqual([]);
    expect(faults(labelled(201))).toEqual(["overrides.0.label"]);
  });

  test("tells every fault at once, each with its path", () => {
    const settings = {
      timezone: "Mars/Olympus",
      weekly: { monday: { enabled: "yes", slots: [{ start: "9:00", end: 17 }] }, funday: {} },
      overrides: [
        { date: "2026-02-28", slots: "none" },
        { date: "2026-02-28", slots: [{ start: "10:00", end: "25:00" }], closed: true },
        { date: "2026-02-31", label: 5, slots: [] },
      ],
      holidays: [],
    };
    expect(new Set(faults(settings))).toEqual(
      new Set([
        "", // holidays
        "timezone",
        "weekly", // funday
        "weekly.monday.enabled",
        "weekly.monday.slots.0.start",
        "weekly.monday.slots.0.end",
        "overrides.0.slots",
        "overrides.1", // closed
        "overrides.1.date", // again
        "overrides.1.slots.0.end",
        "overrides.2.date",
        "overrides.2.label",
      ]),
    );
  });

  test.each([
    null,
    [],
    "UTC",
    { timezone: "UTC", weekly: [] },
    { timezone: "UTC", weekly: { monday: [] } },
    { timezone: "UTC", overrides: {} },
    { timezone: "UTC", overrides: [null, null] },
  ])("of another shape is refused, not tripped over: %j", (settings) => expect(faults(settings)).not.toEqual([]));

  test("can be written as JSON Schema for the API document", () => {
    expect(z.toJSONSchema(Schedule, { io: "input" })).toMatchObject({ type: "object", required: ["timezone"] });
  });
});

describe("copying a day", () => {
  const schedule = Schedule.parse({
    timezone: "UTC",
    weekly: {
      monday: { slots: [nineToFive] },
      tuesday: { slots: [{ start: "10:00", end: "11:00" }] },
      saturday: { enabled: false, slots: [] },
    },
    overrides: [{ date: "2026-12-25", slots: [] }],
  });

  test("writes its hours over those of the others", () => {
    expect(copyDay(schedule, "monday", ["tuesday", "wednesday"])).toEqual({
      ...schedule,
      weekly: {
        monday: { enabled: true, slots: [nineToFive] },
        tuesday: { enabled: true, slots: [nineToFive] },
        wednesday: { enabled: true, slots: [nineToFive] },
        saturday: { enabled: false, slots: [] },
      },
    });
  });

  test("copies the switch, and a missing day as missing", () => {
    expect(copyDay(schedule, "saturday", ["monday"]).weekly.monday).toEqual({ enabled: false, slots: [] });
    expect(Object.keys(copyDay(schedule, "sunday", ["monday", "saturday", "sunday"]).weekly)).toEqual(["tuesday"]);
  });

  test("leaves the given schedule alone and shares nothing with it", () => {
    const before = structuredClone(schedule);
    const copy = copyDay(schedule, "monday", ["monday", "tuesday"]);
    copy.weekly.tuesday!.slots[0]!.end = "23:00";
    copy.overrides[0]!.label = "Changed";
    expect(copy.weekly.monday!.slots[0]!.end).toBe("17:00");
    expect(schedule).toEqual(before);
  });
});
