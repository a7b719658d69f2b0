/*
 * A slow second opinion on schedules, to hold the fast one against. It asks the clock of the zone what it shows at every
 * minute of a few weeks, looks each slot's ends up in that list, and paints the minutes between them open. No offset is
 * computed and nothing is merged. Only for times since 1972, when every zone's offset is in whole minutes.
 */

import { DAYS_OF_WEEK } from "../../src/domain/schedule.ts";
import type { Schedule } from "../../src/domain/schedule.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export interface Oracle {
  readonly from: number;
  readonly to: number;
  isOpen(instant: number): boolean;
  /** The first minute after the instant at which closed turns to open (or open to closed); null when not in the list. */
  nextTurn(instant: number, toOpen: boolean): number | null;
}

/** Right from `from` + 4 days to `to` - 2 days, for instants on the minute. */
export function oracleFor(schedule: Schedule, from: number, to: number): Oracle {
  const wall = wallClock(schedule.timezone, from, to);
  const open = new Uint8Array(wall.length);
  for (let date = Math.floor(from / DAY) * DAY; date < to; date += DAY) {
    if (!wall.some((shown) => shown >= date && shown < date + DAY)) continue;
    for (const slot of slotsOn(schedule, date)) {
      const start = date + minutesOf(slot.start) * MINUTE;
      const runsOver = minutesOf(slot.end) <= minutesOf(slot.start);
      const end = date + minutesOf(slot.end) * MINUTE + (runsOver ? DAY : 0);
      open.fill(1, minuteShowing(wall, start, "first"), Math.max(0, minuteShowing(wall, end, "last")));
    }
  }
  const minute = (instant: number) => Math.round((instant - from) / MINUTE);
  return {
    from,
    to,
    isOpen: (instant) => open[minute(instant)] === 1,
    nextTurn(instant, toOpen) {
      for (let index = minute(instant) + 1; index < open.length; index += 1) {
        if ((open[index] === 1) === toOpen && (open[index - 1] === 1) !== toOpen) return from + index * MINUTE;
      }
      return null;
    },
  };
}

/** The instants (to the day) before which the zone's clocks changed, in a year. */
export function daysOfChange(zone: string, year: number): number[] {
  const shown = clockOf(zone);
  const days: number[] = [];
  for (let day = Date.UTC(year, 0, 1); day < Date.UTC(year + 1, 0, 1); day += DAY) {
    if (shown(day) - shown(day - DAY) !== DAY) days.push(day);
  }
  return days;
}

function slotsOn(schedule: Schedule, date: number): { start: string; end: string }[] {
  const iso = new Date(date).toISOString().slice(0, 10);
  const override = schedule.overrides.find((candidate) => candidate.date === iso);
  if (override !== undefined) return override.slots;
  const hours = schedule.weekly[DAYS_OF_WEEK[(new Date(date).getUTCDay() + 6) % 7]!];
  return hours?.enabled === true ? hours.slots : [];
}

function minutesOf(time: string): number {
  const [hours, minutes] = time.split(":").map(Number);
  return hours! * 60 + minutes!;
}

function minuteShowing(wall: number[], local: number, which: "first" | "last"): number {
  const found = which === "first" ? wall.indexOf(local) : wall.lastIndexOf(local);
  if (found !== -1) return found;
  // Skipped (or outside the list): go on counting from the last minute before the clock jumped over it.
  const jump = wall.findIndex((shown, index) => shown < local && (wall[index + 1] ?? Infinity) > local);
  return jump + (local - wall[jump]!) / MINUTE;
}

/** What the clock shows at each minute, as if it were UTC. Hours in which it moves by an hour are filled in. */
function wallClock(zone: string, from: number, to: number): number[] {
  const shown = clockOf(zone);
  const wall: number[] = [];
  for (let hour = from; hour < to; hour += HOUR) {
    const steady = shown(hour + HOUR) - shown(hour) === HOUR;
    const atHour = shown(hour);
    for (let passed = 0; passed < HOUR; passed += MINUTE) {
      wall.push(steady ? atHour + passed : shown(hour + passed));
    }
  }
  return wall;
}

function clockOf(timeZone: string): (instant: number) => number {
  const format = new Intl.DateTimeFormat("sv-SE", {
    timeZone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  return (instant) => Date.parse(`${format.format(instant).replace(" ", "T")}Z`);
}
