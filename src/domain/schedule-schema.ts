import { z } from "zod";

import { isIanaZone } from "./schedule-zone.ts";

/** In the order of ISO 8601, Monday first. */
export const DAYS_OF_WEEK = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] as const;
export type DayOfWeek = (typeof DAYS_OF_WEEK)[number];

const MAX_SLOTS_PER_DAY = 24;
const MAX_OVERRIDES = 1000;

const START = /^(?:[01]\d|2[0-3]):[0-5]\d$/;
const END = /^(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$/;

const Slot = z
  .strictObject({
    start: z.string().regex(START, 'Write the time as HH:mm, from "00:00" to "23:59"').meta({ example: "09:00" }),
    end: z.string().regex(END, 'Write the time as HH:mm, from "00:00" to "24:00"').meta({ example: "17:30" }),
  })
  .meta({ description: "Half-open: open at `start`, closed at `end`. An end not after its start is on the next day" });
export type Slot = z.infer<typeof Slot>;

const Slots = z.array(Slot).max(MAX_SLOTS_PER_DAY, `At most ${MAX_SLOTS_PER_DAY} slots a day`);

const DayHours = z.strictObject({
  enabled: z.boolean().default(true).meta({ description: "Off: closed, the slots are kept for later" }),
  slots: Slots.default([]),
});

const Weekly = z.strictObject({
  monday: DayHours.optional(),
  tuesday: DayHours.optional(),
  wednesday: DayHours.optional(),
  thursday: DayHours.optional(),
  friday: DayHours.optional(),
  saturday: DayHours.optional(),
  sunday: DayHours.optional(),
} satisfies Record<DayOfWeek, unknown>);

const Override = z.strictObject({
  date: z.iso.date("Write a date of the calendar as YYYY-MM-DD").meta({ example: "2026-12-25" }),
  label: z.string().max(200, "At most 200 characters").optional().meta({ description: "Why: a holiday's name" }),
  slots: Slots.meta({ description: "Replace every slot that starts on this date; empty: closed" }),
});

const Overrides = z
  .array(Override)
  .max(MAX_OVERRIDES, `At most ${MAX_OVERRIDES} overrides`)
  // `when`: told also where another fault is told, so that one answer lists all.
  .superRefine(refuseRepeatedDates, { when: ({ value }) => Array.isArray(value) });

function refuseRepeatedDates(overrides: readonly unknown[], context: z.core.$RefinementCtx): void {
  const seen = new Set<unknown>();
  for (const [index, override] of overrides.entries()) {
    const date = typeof override === "object" && override !== null && "date" in override ? override.date : undefined;
    if (typeof date === "string" && seen.has(date)) {
      context.addIssue({ code: "custom", path: [index, "date"], message: "This date has an override already" });
    }
    seen.add(date);
  }
}

const TimeZoneName = z.string().superRefine((name, context) => {
  if (/^[+\-\u2212]/u.test(name)) {
    const message = 'An offset does not follow the clock changes: use an IANA name such as "Europe/Bucharest"';
    context.addIssue({ code: "custom", message });
  } else if (!isIanaZone(name)) {
    context.addIssue({ code: "custom", message: 'Unknown time zone: use an IANA name such as "Europe/Bucharest"' });
  }
});

/**
 * When the team is there, in the form of the settings (design.md, section 4).
 *
 * `timezone` is any IANA name that the runtime knows, aliases included; offsets ("+02:00") are refused. Slots may
 * overlap, and those of one day may come in any order. Every fault is reported, each with its path.
 */
export const Schedule = z
  .strictObject({
    timezone: TimeZoneName.meta({ description: "IANA name", example: "Europe/Bucharest" }),
    weekly: Weekly.default({}).meta({ description: "A missing day is closed" }),
    overrides: Overrides.default([]),
  })
  .meta({ description: "Opening hours in local time" });
export type Schedule = z.infer<typeof Schedule>;

/**
 * The schedule with the hours of `from` written over those of each day in `to`: slots and switch alike. A day that is
 * missing is copied as missing. The schedule handed in is left as it is, and the copies share nothing with it.
 */
export function copyDay(schedule: Schedule, from: DayOfWeek, to: readonly DayOfWeek[]): Schedule {
  const copy = structuredClone(schedule);
  const hours = schedule.weekly[from];
  for (const day of to) {
    if (hours === undefined) delete copy.weekly[day];
    else copy.weekly[day] = structuredClone(hours);
  }
  return copy;
}
