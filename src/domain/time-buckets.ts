/*
 * A period of a calendar cut into its days or hours, as the clocks of a zone showed them: a day may have 23 or 25 hours, an hour
 * that is repeated is two, and one that is skipped is none.
 */

import { dayExists, instantOf, localDayAt, MS_PER_DAY, offsetPeriods, zoneNamed } from "./schedule-zone.ts";
import type { OffsetPeriod } from "./schedule-zone.ts";

export const BUCKETS = ["day", "hour"] as const;
export type BucketSize = (typeof BUCKETS)[number];

const MS_PER_HOUR = 3_600_000;

/** From `start` (included) to `end` (not), in milliseconds since 1970. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Bucket extends Span {
  /** The local time at which it starts, with its offset: "2026-11-20T00:00:00+02:00". */
  readonly label: string;
}

/** What the clock shows for a while: one hour, or the part of it that lies before or behind a change. */
export interface HourStretch extends Span {
  /** Of ISO 8601: 1 is Monday. */
  readonly weekday: number;
  readonly hour: number;
}

/** The days `from` to `to` ("YYYY-MM-DD", both included) of a zone as instants. */
export function spanOfDays(zone: string, from: string, to: string): Span {
  const [first, last] = [dayOf(from), dayOf(to) + 1];
  const periods = periodsAround(zone, first * MS_PER_DAY, last * MS_PER_DAY);
  return {
    start: instantOf(periods, first * MS_PER_DAY, "first"),
    end: instantOf(periods, last * MS_PER_DAY, "first"),
  };
}

/** "YYYY-MM-DD" of the day that the zone's clock shows, and of one that is `days` later or (negative) earlier. */
export function dateIn(zone: string, at: Date, days = 0): string {
  const periods = periodsAround(zone, at.getTime(), at.getTime());
  return dateText(localDayAt(periods, at.getTime()) + days);
}

/** How many days of the calendar it is from one date to another, both counted. */
export const daysFromTo = (from: string, to: string): number => dayOf(to) - dayOf(from) + 1;

/** The days or hours of a span, in order and without gaps. */
export function bucketsOf(zone: string, span: Span, size: BucketSize): Bucket[] {
  const periods = periodsAround(zone, span.start, span.end);
  const starts = size === "day" ? dayStarts(periods, span) : hourStretches(zone, span).map(({ start }) => start);
  return starts.map((start, index) => ({ start, end: starts[index + 1] ?? span.end, label: labelOf(periods, start) }));
}

function dayStarts(periods: readonly OffsetPeriod[], { start, end }: Span): number[] {
  const starts: number[] = [];
  for (let day = localDayAt(periods, start); ; day += 1) {
    if (!dayExists(periods, day)) continue;
    const at = Math.max(start, instantOf(periods, day * MS_PER_DAY, "first"));
    if (at >= end) return starts;
    starts.push(at);
  }
}

/** Every hour that the clock showed in the span, in order and without gaps. */
export function hourStretches(zone: string, span: Span): HourStretch[] {
  const stretches: HourStretch[] = [];
  for (const period of periodsAround(zone, span.start, span.end)) {
    const end = Math.min(span.end, period.to);
    for (let start = Math.max(span.start, period.from); start < end;) {
      const local = start + period.offset;
      const hours = Math.floor(local / MS_PER_HOUR);
      const next = Math.min(end, (hours + 1) * MS_PER_HOUR - period.offset);
      stretches.push({ start, end: next, weekday: weekdayOf(Math.floor(hours / 24)), hour: modulo(hours, 24) });
      start = next;
    }
  }
  return stretches;
}

/** Tells quickly which hour of the week, from 0 (Monday, midnight) to 167, the clock shows at an instant of the span. */
export function hourOfWeekIn(zone: string, span: Span): (instant: number) => number {
  const periods = periodsAround(zone, span.start, span.end);
  let current = periods[0];
  return (instant) => {
    if (current === undefined || instant < current.from || instant >= current.to)
      current = periods.find(({ from, to }) => instant >= from && instant < to);
    const hours = Math.floor((instant + (current?.offset ?? 0)) / MS_PER_HOUR);
    return (weekdayOf(Math.floor(hours / 24)) - 1) * 24 + modulo(hours, 24);
  };
}

/** The last of the spans, which are in order and without gaps, that begins at the instant or before it; -1 for none. */
export function indexAt(spans: readonly Span[], instant: number): number {
  let low = -1;
  let high = spans.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((spans[middle]?.start ?? Infinity) <= instant) low = middle;
    else high = middle;
  }
  return low;
}

/** No clock is further from UTC than this, so that the periods around a local time hold its instant. */
const MARGIN = 2 * MS_PER_DAY;

const periodsAround = (zone: string, from: number, to: number): OffsetPeriod[] =>
  offsetPeriods(zoneNamed(zone), from - MARGIN, to + MARGIN);

const dayOf = (date: string): number => Date.parse(`${date}T00:00:00Z`) / MS_PER_DAY;
const dateText = (day: number): string => new Date(day * MS_PER_DAY).toISOString().slice(0, 10);
const modulo = (value: number, by: number): number => ((value % by) + by) % by;
/** The day 0, 1970-01-01, was a Thursday. */
const weekdayOf = (day: number): number => modulo(day + 3, 7) + 1;

const two = (value: number): string => String(value).padStart(2, "0");

function labelOf(periods: readonly OffsetPeriod[], instant: number): string {
  const offset = periods.find(({ from, to }) => instant >= from && instant < to)?.offset ?? 0;
  const minutes = Math.round(Math.abs(offset) / 60_000);
  const sign = offset < 0 ? "-" : "+";
  const local = new Date(instant + offset).toISOString().slice(0, 19);
  return `${local}${sign}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
