/*
 * What a time zone's clocks showed, worked out from the offsets that the runtime's own time-zone data gives.
 *
 * Instants, local times and offsets are milliseconds. A local time is what the clock shows, written as if it were UTC; a
 * day is the number of days since 1970-01-01 in that local calendar; an offset is local time minus UTC.
 */

export const MS_PER_DAY = 86_400_000;

/** The first and last instant that a `Date` can hold are this far from 1970. */
export const MAX_INSTANT = 8_640_000_000_000_000;

/** A stretch of time, `from` included and `to` not, in which the clocks did not change. */
export interface OffsetPeriod {
  readonly from: number;
  readonly to: number;
  readonly offset: number;
}

interface ClockChange {
  readonly at: number;
  readonly after: number;
}

const BLOCK = 366 * MS_PER_DAY;
const MAX_BLOCKS = 128;

/**
 * Offsets are looked at this far apart. In the time-zone database no two changes of one zone that undo each other are
 * nearer than 4 days (Freetown, 1939), so none hides between two looks.
 */
const STEP = 2 * MS_PER_DAY;

/** No clock was ever further from UTC than 16 hours (Manila before 1845, at -15:56). */
const MAX_OFFSET = 16 * 3_600_000;

const LONGEST_NAME = 64;

/** A zone of the time-zone database, with the clock changes found so far by block of time. */
export interface Zone {
  readonly name: string;
  readonly blocks: Map<number, readonly ClockChange[]>;
}

/** By the runtime's own name for it, so that spellings ("europe/paris") add no entries: bounded by the zones there are. */
const zones = new Map<string, Zone>();

/** Whether the runtime knows the zone by this IANA name, in any case of letters; an alias counts, an offset does not. */
export function isIanaZone(name: string): boolean {
  if (name.length > LONGEST_NAME || !/^[A-Za-z]/.test(name)) return false;
  try {
    offsetFormat(name);
    return true;
  } catch {
    return false;
  }
}

/**
 * The zone of that name; all its spellings and askers share what was found out about it.
 *
 * @throws RangeError when the runtime does not know it.
 */
export function zoneNamed(spelling: string): Zone {
  const name = offsetFormat(spelling).resolvedOptions().timeZone;
  const zone = zones.get(name) ?? { name, blocks: new Map() };
  zones.set(name, zone);
  return zone;
}

/**
 * The periods between clock changes that cover `from` to `to`, oldest first; the outer two reach to infinity, since
 * nothing beyond is asked.
 */
export function offsetPeriods(zone: Zone, from: number, to: number): OffsetPeriod[] {
  const first = Math.floor(Math.max(from, -MAX_INSTANT) / BLOCK);
  const last = Math.floor(Math.min(to, MAX_INSTANT) / BLOCK);
  const periods: OffsetPeriod[] = [];
  let start = -Infinity;
  let offset: number | null = null;
  for (let index = first; index <= last; index += 1) {
    for (const change of changesInBlock(zone, index)) {
      if (offset !== null && change.after !== offset) {
        periods.push({ from: start, to: change.at, offset });
        start = change.at;
      }
      offset = change.after;
    }
  }
  periods.push({ from: start, to: Infinity, offset: offset ?? 0 });
  return periods;
}

/** The day that the clock shows at an instant. */
export function localDayAt(periods: readonly OffsetPeriod[], instant: number): number {
  const period = periods[firstPeriodEndingAfter(periods, instant)];
  return Math.floor((instant + (period?.offset ?? 0)) / MS_PER_DAY);
}

/** Whether the zone had the day at all. Apia had no 2011-12-30: the clocks went from the 29th to the 31st. */
export function dayExists(periods: readonly OffsetPeriod[], day: number): boolean {
  const midnight = day * MS_PER_DAY;
  for (let index = firstPeriodEndingAfter(periods, midnight - MAX_OFFSET); index < periods.length; index += 1) {
    const period = periods[index];
    if (period === undefined || period.from + period.offset >= midnight + MS_PER_DAY) return false;
    if (period.to + period.offset > midnight) return true;
  }
  return false;
}

/**
 * The instant of a local time: its first or last occurrence where the clocks showed it more than once; where they
 * skipped it, read with the offset before the gap.
 */
export function instantOf(periods: readonly OffsetPeriod[], local: number, occurrence: "first" | "last"): number {
  let found: number | null = null;
  let skipped = local;
  for (let index = firstPeriodEndingAfter(periods, local - MAX_OFFSET); index < periods.length; index += 1) {
    const period = periods[index];
    if (period === undefined || period.from + period.offset > local) break;
    const instant = local - period.offset;
    if (instant < period.to) {
      if (occurrence === "first") return instant;
      found = instant;
    } else {
      skipped = instant;
    }
  }
  return found ?? skipped;
}

function firstPeriodEndingAfter(periods: readonly OffsetPeriod[], instant: number): number {
  let low = 0;
  let high = periods.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((periods[middle]?.to ?? Infinity) > instant) high = middle;
    else low = middle + 1;
  }
  return low;
}

function changesInBlock({ name, blocks }: Zone, index: number): readonly ClockChange[] {
  const known = blocks.get(index);
  if (known !== undefined) return known;
  if (blocks.size >= MAX_BLOCKS) blocks.clear();
  const changes = findChanges(name, index * BLOCK, (index + 1) * BLOCK);
  blocks.set(index, changes);
  return changes;
}

/** The offset at `from`, told as a change to it, and every change after it up to and including `to`. */
function findChanges(zone: string, from: number, to: number): ClockChange[] {
  const format = offsetFormat(zone);
  let at = Math.max(from, -MAX_INSTANT);
  const end = Math.min(to, MAX_INSTANT);
  let offset = readOffset(format, at);
  const changes: ClockChange[] = [{ at, after: offset }];
  while (at < end) {
    const next = Math.min(at + STEP, end);
    if (readOffset(format, next) === offset) {
      at = next;
    } else {
      at = firstInstantWithout(format, offset, at, next);
      offset = readOffset(format, at);
      changes.push({ at, after: offset });
    }
  }
  return changes;
}

/** Bisects to the second, which is as fine as clock changes are written; `low` has the offset, `high` has not. */
function firstInstantWithout(format: Intl.DateTimeFormat, offset: number, low: number, high: number): number {
  let before = low / 1000;
  let after = high / 1000;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (readOffset(format, middle * 1000) === offset) before = middle;
    else after = middle;
  }
  return after * 1000;
}

function offsetFormat(zone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" });
}

/** Reads the offset from a text such as "3/30/1919, GMT-00:44:30"; local mean times have seconds. */
function readOffset(format: Intl.DateTimeFormat, instant: number): number {
  const [, sign, hours, minutes, seconds] = /GMT(?:([+-])(\d+):(\d+)(?::(\d+))?)?$/.exec(format.format(instant)) ?? [];
  const size = Number(hours ?? 0) * 3_600_000 + Number(minutes ?? 0) * 60_000 + Number(seconds ?? 0) * 1000;
  return sign === "-" ? -size : size;
}
