/*
 * Opening hours as settings (`Schedule`) and as something that answers (`CompiledSchedule`). Rules: design.md, section 4.
 */

import { explainAt } from "./schedule-explain.ts";
import type { ScheduleRule } from "./schedule-explain.ts";
import { intervalsBetween, planSchedule } from "./schedule-intervals.ts";
import type { Plan } from "./schedule-intervals.ts";
import type { Schedule } from "./schedule-schema.ts";
import { MAX_INSTANT, MS_PER_DAY } from "./schedule-zone.ts";

export { DAYS_OF_WEEK, Schedule, copyDay } from "./schedule-schema.ts";
export type { DayOfWeek, Slot } from "./schedule-schema.ts";
export type { ScheduleRule } from "./schedule-explain.ts";

/** Nothing is looked for further ahead than this. */
export const HORIZON_DAYS = 400;

export interface OpenState {
  readonly open: boolean;
  /** The next opening strictly after the instant; when open, the one after the coming close. Null: none in 400 days. */
  readonly opensAt: Date | null;
  /** When the open interval ends. Null when closed, and when it does not end within 400 days. */
  readonly closesAt: Date | null;
}

export interface OpenInterval {
  readonly start: Date;
  readonly end: Date;
}

/**
 * A schedule that answers. It never changes: make one for each version of the settings and keep it. Every question
 * throws a RangeError for an invalid `Date`, and nothing otherwise.
 */
export interface CompiledSchedule {
  isOpen(at: Date): boolean;
  at(at: Date): OpenState;
  /** As `at`, and which rule decides; slower, for a person who asks why. */
  explain(at: Date): OpenState & { readonly rule: ScheduleRule };
  /** The next opening strictly after `from`; null when there is none in 400 days. */
  nextOpening(from: Date): Date | null;
  /**
   * When it is open from `from` (included) to `to` (not), in order, merged, and cut to that period; none when `to` is
   * not after `from`. The work grows with the period: whoever lets others choose it sets a limit.
   */
  openIntervals(from: Date, to: Date): OpenInterval[];
}

const HORIZON = HORIZON_DAYS * MS_PER_DAY;

/** Time is cut into chunks of this length, and the intervals of a chunk are worked out when it is first asked about. */
const CHUNK = 366 * MS_PER_DAY;

/** Over this, the oldest chunks are dropped: 16 bytes each, so under a megabyte for a schedule. */
const MAX_KEPT_INTERVALS = 50_000;

/**
 * The answers to every instant from `from` to `to` (not included): the intervals of that time, each as long as it lasts,
 * and the one that follows them. They stand between two sentinels, so that there is always one before and one after.
 */
interface Chunk {
  readonly from: number;
  readonly to: number;
  readonly starts: Float64Array;
  readonly ends: Float64Array;
  /** Where the last answer was found: the next question is mostly about the same interval. */
  last: number;
}

/**
 * Prepares a schedule for quick answers: some million a second for instants of a few years, once a year has been
 * asked about. Takes what `Schedule` has parsed; later changes to that object have no effect.
 *
 * @throws RangeError when the zone is unknown.
 */
export function compileSchedule(schedule: Schedule): CompiledSchedule {
  const plan = planSchedule(schedule);
  const chunkAt = chunkKeeper(plan);

  function at(at: Date): OpenState {
    const instant = at.getTime();
    const chunk = chunkAt(instant);
    const index = intervalAt(chunk, instant);
    const end = chunk.ends[index] ?? -Infinity;
    const open = instant < end;
    const limit = instant + HORIZON;
    return {
      open,
      opensAt: dateUpTo(limit, chunk.starts[index + 1]),
      closesAt: open ? dateUpTo(limit, end) : null,
    };
  }

  return Object.freeze({
    isOpen(at: Date): boolean {
      const instant = at.getTime();
      const chunk = chunkAt(instant);
      return instant < (chunk.ends[intervalAt(chunk, instant)] ?? -Infinity);
    },
    at,
    explain: (instant: Date) => ({ ...at(instant), rule: explainAt(plan, validTime(instant)) }),
    nextOpening: (from: Date) => at(from).opensAt,
    openIntervals(from: Date, to: Date): OpenInterval[] {
      const [first, last] = [validTime(from), validTime(to)];
      const { starts, ends } = intervalsBetween(plan, first, last);
      const clipped: OpenInterval[] = [];
      for (const [index, intervalStart] of starts.entries()) {
        const start = Math.max(first, intervalStart);
        const end = Math.min(last, ends[index] ?? -Infinity);
        if (start < end) clipped.push({ start: new Date(start), end: new Date(end) });
      }
      return clipped;
    },
  });
}

/** What holds where no schedule is set. */
export const alwaysOpen: CompiledSchedule = Object.freeze({
  isOpen: (at: Date) => validTime(at) < Infinity,
  at(at: Date): OpenState {
    validTime(at);
    return { open: true, opensAt: null, closesAt: null };
  },
  explain(at: Date) {
    return { ...alwaysOpen.at(at), rule: { kind: "always_open" as const } };
  },
  nextOpening: (from: Date) => alwaysOpen.at(from).opensAt,
  openIntervals: (from: Date, to: Date) =>
    validTime(from) < validTime(to) ? [{ start: new Date(from), end: new Date(to) }] : [],
});

function chunkKeeper(plan: Plan): (instant: number) => Chunk {
  const chunks = new Map<number, Chunk>();
  let kept = 0;
  let latest: Chunk = { from: 0, to: 0, starts: new Float64Array(), ends: new Float64Array(), last: 0 };

  function find(instant: number): Chunk {
    if (Number.isNaN(instant)) throw new RangeError("The instant is not a valid date");
    const index = Math.floor(instant / CHUNK);
    let chunk = chunks.get(index);
    if (chunk === undefined) {
      chunk = buildChunk(plan, index);
      chunks.set(index, chunk);
      kept += chunk.starts.length;
      for (const [oldest, { starts }] of chunks) {
        if (kept <= MAX_KEPT_INTERVALS || oldest === index) break;
        chunks.delete(oldest);
        kept -= starts.length;
      }
    }
    latest = chunk;
    return chunk;
  }

  return (instant) => (instant >= latest.from && instant < latest.to ? latest : find(instant));
}

function buildChunk(plan: Plan, index: number): Chunk {
  const from = index * CHUNK;
  const to = from + CHUNK;
  const { starts, ends } = intervalsBetween(plan, from, to + HORIZON);
  const following = starts.findIndex((start) => start >= to);
  const count = following === -1 ? starts.length : following + 1;
  return {
    from,
    to,
    starts: withSentinels(starts.subarray(0, count)),
    ends: withSentinels(ends.subarray(0, count)),
    last: 0,
  };
}

function withSentinels(values: Float64Array): Float64Array {
  const all = new Float64Array(values.length + 2);
  all[0] = -Infinity;
  all.set(values, 1);
  all[values.length + 1] = Infinity;
  return all;
}

/** The last interval that starts at the instant or before it. */
function intervalAt(chunk: Chunk, instant: number): number {
  const { starts, last } = chunk;
  if (instant >= (starts[last] ?? Infinity) && instant < (starts[last + 1] ?? -Infinity)) return last;
  let low = 0;
  let high = starts.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((starts[middle] ?? Infinity) <= instant) low = middle;
    else high = middle;
  }
  chunk.last = low;
  return low;
}

function dateUpTo(limit: number, instant: number | undefined): Date | null {
  return instant === undefined || instant > limit || instant > MAX_INSTANT ? null : new Date(instant);
}

function validTime(date: Date): number {
  const instant = date.getTime();
  if (Number.isNaN(instant)) throw new RangeError("The instant is not a valid date");
  return instant;
}
