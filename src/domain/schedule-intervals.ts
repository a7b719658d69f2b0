/*
 * From rules in local time to instants: which slots start on a day, when each opens and closes, and what remains when
 * overlapping and touching ones are merged. Days, instants and local times as in schedule-zone.ts.
 */

import { DAYS_OF_WEEK } from "./schedule-schema.ts";
import type { DayOfWeek, Schedule, Slot } from "./schedule-schema.ts";
import {
  MAX_INSTANT,
  MS_PER_DAY,
  dayExists,
  instantOf,
  localDayAt,
  offsetPeriods,
  zoneNamed,
} from "./schedule-zone.ts";
import type { OffsetPeriod, Zone } from "./schedule-zone.ts";

/** A slot in milliseconds after the midnight at which its day begins; `end` is over 24 hours when it is on the next day. */
interface PlannedSlot {
  readonly start: number;
  readonly end: number;
  readonly slot: Slot;
}

/** What holds on a day: the override for its date, else its weekday's hours (none when missing or switched off). */
export type DayPlan = { readonly slots: readonly PlannedSlot[] } & (
  | { readonly source: "weekly"; readonly day: DayOfWeek }
  | { readonly source: "override"; readonly label: string | null }
);

export interface Plan {
  readonly zone: Zone;
  dayPlan(day: number): DayPlan;
}

/** One slot on one date, in instants. */
export interface Opening {
  readonly start: number;
  readonly end: number;
  readonly slot: Slot;
}

/** Disjoint and in order: the n-th interval opens at `starts[n]` and closes at `ends[n]`. */
export interface Intervals {
  readonly starts: Float64Array;
  readonly ends: Float64Array;
}

/**
 * A slot lasts a day at most, and two when the clocks go back a whole day inside it. One that starts this many days
 * before an instant's own is over.
 */
export const DAYS_BACK = 3;

/** A slot that starts in skipped time opens when the clock shows a later time, on the next day at the latest. */
export const DAYS_AHEAD = 1;

/** 1970-01-01 was a Thursday. */
const WEEKDAY_OF_DAY_0 = DAYS_OF_WEEK.indexOf("thursday");

export function planSchedule(schedule: Schedule): Plan {
  const weekly = DAYS_OF_WEEK.map((day): DayPlan => {
    const hours = schedule.weekly[day];
    return { source: "weekly", day, slots: hours?.enabled === true ? planSlots(hours.slots) : [] };
  });
  const overrides = new Map<number, DayPlan>();
  for (const { date, label, slots } of schedule.overrides) {
    overrides.set(dayOfDate(date), { source: "override", label: label ?? null, slots: planSlots(slots) });
  }
  return {
    zone: zoneNamed(schedule.timezone),
    dayPlan: (day) => overrides.get(day) ?? weekdayOf(weekly, day),
  };
}

/** `values` has one value for each day of the week, Monday first. */
export function weekdayOf<T>(values: readonly T[], day: number): T {
  const index = (((day + WEEKDAY_OF_DAY_0) % 7) + 7) % 7;
  const value = values[index];
  if (value === undefined) throw new RangeError(`No value for day ${index} of the week`);
  return value;
}

/** ISO 8601 calendar date, e.g. "2026-12-25". West of Greenwich the first day is before the earliest `Date`. */
export function dateOfDay(day: number): string {
  return new Date(Math.max(day * MS_PER_DAY, -MAX_INSTANT)).toISOString().replace(/T.*/, "");
}

/**
 * The slots that start on a day, in the order of the settings. None on a day that the zone skipped: else the hours of a
 * Friday that never was would open the Saturday that took its place.
 */
export function openingsOfDay(plan: Plan, periods: readonly OffsetPeriod[], day: number): Opening[] {
  const { slots } = plan.dayPlan(day);
  if (slots.length === 0 || !dayExists(periods, day)) return [];
  const midnight = day * MS_PER_DAY;
  const openings: Opening[] = [];
  for (const { start, end, slot } of slots) {
    const opens = instantOf(periods, midnight + start, "first");
    const closes = instantOf(periods, midnight + end, "last");
    // Nothing is left of a slot from 02:30 to 03:15 where 02:00 to 03:00 is skipped: it would open when it shows 03:30.
    if (opens < closes) openings.push({ start: opens, end: closes, slot });
  }
  return openings;
}

/** Every interval that is open somewhere from `from` to `to`, merged, not clipped. */
export function intervalsBetween(plan: Plan, from: number, to: number): Intervals {
  const margin = (DAYS_BACK + 1) * MS_PER_DAY;
  const periods = offsetPeriods(plan.zone, from - margin, to + margin);
  const lastDay = localDayAt(periods, to) + DAYS_AHEAD;
  const openings: Opening[] = [];
  for (let day = localDayAt(periods, from) - DAYS_BACK; day <= lastDay; day += 1) {
    openings.push(...openingsOfDay(plan, periods, day));
  }
  return merge(openings);
}

function merge(openings: Opening[]): Intervals {
  openings.sort((a, b) => a.start - b.start);
  const starts: number[] = [];
  const ends: number[] = [];
  let end = -Infinity;
  for (const opening of openings) {
    if (opening.start > end) {
      starts.push(opening.start);
      ends.push(opening.end);
      end = opening.end;
    } else if (opening.end > end) {
      ends[ends.length - 1] = opening.end;
      end = opening.end;
    }
  }
  return { starts: Float64Array.from(starts), ends: Float64Array.from(ends) };
}

function planSlots(slots: readonly Slot[]): PlannedSlot[] {
  return slots.map(({ start, end }) => {
    const from = timeOfDay(start);
    const to = timeOfDay(end);
    return { start: from, end: to > from ? to : to + MS_PER_DAY, slot: { start, end } };
  });
}

/** "HH:mm" in milliseconds after midnight. */
function timeOfDay(time: string): number {
  return (Number(time.slice(0, 2)) * 60 + Number(time.slice(3))) * 60_000;
}

function dayOfDate(date: string): number {
  return Date.parse(`${date}T00:00:00Z`) / MS_PER_DAY;
}
