import type { Because } from "./decision.ts";
import { createSamples } from "./quantiles.ts";
import type { Samples } from "./quantiles.ts";
import type { HandoffMode, HandoffStatus } from "./states.ts";
import { bucketsOf, hourOfWeekIn, hourStretches, indexAt } from "./time-buckets.ts";
import type { Bucket, BucketSize, HourStretch, Span } from "./time-buckets.ts";

/*
 * What is told of a period's handoffs. A handoff counts where it was asked for; what became of it later counts there too.
 *
 * `live` were asked for while somebody was there, `lead` while nobody was, or nobody could be reached; `declined` never became one.
 * `missed` are live ones that nobody took in time, and that became leads. In mode lead a visitor is asked for contact details.
 * Times are of live ones that a person accepted: a lead that is answered the next morning was not kept waiting.
 */

/** @see HandoffFact of the ports */
interface Fact {
  readonly at: number;
  readonly botId: string;
  readonly destinationId: string | null;
  readonly mode: HandoffMode;
  readonly status: HandoffStatus;
  readonly because: Because;
  readonly acceptedAt: number | null;
  readonly endedAt: number | null;
  readonly agentId: string | null;
  readonly agentName: string | null;
  readonly hasLeft: boolean;
}

/** The team was not there, or could not be reached; a full queue is none of these, since somebody is there. */
export const NOBODY_THERE: ReadonlySet<Because> = new Set<Because>([
  "never_available",
  "agents_unavailable",
  "outside_schedule",
  "no_agent_online",
  "helpdesk_unreachable",
]);

/** In seconds. */
export interface Times {
  readonly count: number;
  readonly medianSeconds: number | null;
  readonly p90Seconds: number | null;
}

export interface Totals {
  readonly asks: number;
  readonly live: number;
  readonly lead: number;
  readonly declined: number;
  readonly missed: number;
  readonly askedForDetails: number;
  readonly leftDetails: number;
  /** From the request to the accept. */
  readonly toAccept: Times;
  /** From the request to its end, of those that a person accepted. */
  readonly toResolve: Times;
}

export interface OverTime {
  readonly start: string;
  readonly live: number;
  readonly lead: number;
  readonly declined: number;
  readonly missed: number;
  readonly because: Readonly<Partial<Record<Because, number>>>;
}

export interface HeatCell {
  /** Of ISO 8601: 1 is Monday. */
  readonly weekday: number;
  readonly hour: number;
  readonly asks: number;
  readonly whileNobodyThere: number;
  /** How much of this hour was open, over all its occurrences; null where the period has none. */
  readonly openFraction: number | null;
}

export interface AgentTotals {
  readonly agentId: string | null;
  readonly name: string | null;
  readonly destinationId: string | null;
  readonly accepted: number;
  readonly resolved: number;
  readonly toAccept: Times;
  readonly toResolve: Times;
}

export interface Insights {
  readonly totals: Totals;
  readonly because: readonly { readonly because: Because; readonly asks: number }[];
  readonly overTime: readonly OverTime[];
  readonly heatMap: readonly HeatCell[];
  readonly bots: readonly (Totals & { readonly botId: string })[];
  readonly destinations: readonly (Totals & { readonly destinationId: string | null })[];
  readonly agents: readonly AgentTotals[];
}

export interface Gathering {
  add(facts: readonly Fact[]): void;
  addDeclined(counts: readonly { at: number; botId: string; because: Because; count: number }[]): void;
  /** @param breathe awaited between steps that take up to a tenth of a second with a million handoffs */
  insights(breathe: () => Promise<void>): Promise<Insights>;
}

interface Tally {
  live: number;
  lead: number;
  declined: number;
  missed: number;
  asked: number;
  left: number;
  readonly toAccept: Samples;
  readonly toResolve: Samples;
}

interface AgentTally {
  readonly agentId: string | null;
  name: string | null;
  readonly destinationId: string | null;
  /** Of the handoff that the name is from. */
  namedAt: number;
  accepted: number;
  resolved: number;
  readonly toAccept: Samples;
  readonly toResolve: Samples;
}

interface BucketTally {
  live: number;
  lead: number;
  declined: number;
  missed: number;
  readonly because: Partial<Record<Because, number>>;
}

const HOURS_OF_WEEK = 7 * 24;

/**
 * @param given.open when the team was open, in order and without overlaps; the part of it that lies in `openSpan` counts
 * @param given.openSpan the part of the period that has been: hours that are still to come are not counted as open or closed
 */
export function gatherInsights(given: {
  readonly zone: string;
  readonly span: Span;
  readonly bucket: BucketSize;
  readonly open: readonly Span[];
  readonly openSpan: Span;
}): Gathering {
  const { zone, span } = given;
  const buckets = bucketsOf(zone, span, given.bucket);
  const perBucket = buckets.map((): BucketTally => ({ live: 0, lead: 0, declined: 0, missed: 0, because: {} }));
  const hourOfWeek = hourOfWeekIn(zone, span);
  const asks = new Uint32Array(HOURS_OF_WEEK);
  const alone = new Uint32Array(HOURS_OF_WEEK);
  const all = tally();
  const because = new Map<Because, number>();
  const bots = new Map<string, Tally>();
  const destinations = new Map<string | null, Tally>();
  const agents = new Map<string, AgentTally>();

  function ask(at: number, why: Because, count: number): BucketTally | undefined {
    const cell = hourOfWeek(at);
    asks[cell] = (asks[cell] ?? 0) + count;
    if (NOBODY_THERE.has(why)) alone[cell] = (alone[cell] ?? 0) + count;
    because.set(why, (because.get(why) ?? 0) + count);
    const bucket = perBucket[indexAt(buckets, at)];
    if (bucket !== undefined) bucket.because[why] = (bucket.because[why] ?? 0) + count;
    return bucket;
  }

  function addAgent(fact: Fact): void {
    const { agentId, agentName, destinationId } = fact;
    if (agentId === null && agentName === null) return;
    // Two helpdesks have the same small numbers.
    const key = JSON.stringify([destinationId, agentId, agentId === null ? agentName : null]);
    const agent = known(agents, key, () => ({
      agentId,
      name: agentName,
      destinationId,
      namedAt: fact.at,
      accepted: 0,
      resolved: 0,
      toAccept: createSamples(),
      toResolve: createSamples(),
    }));
    if (agentName !== null && fact.at >= agent.namedAt) Object.assign(agent, { name: agentName, namedAt: fact.at });
    if (fact.acceptedAt !== null) agent.accepted += 1;
    if (fact.status === "resolved") agent.resolved += 1;
    time(agent, fact);
  }

  return {
    add(facts) {
      for (const fact of facts) {
        const bucket = ask(fact.at, fact.because, 1);
        if (bucket !== undefined) {
          bucket[outcomeOf(fact)] += 1;
          if (isMissed(fact)) bucket.missed += 1;
        }
        count(all, fact);
        count(known(bots, fact.botId, tally), fact);
        count(known(destinations, fact.destinationId, tally), fact);
        addAgent(fact);
      }
    },
    addDeclined(counts) {
      for (const { at, botId, because: why, count: times } of counts) {
        const bucket = ask(at, why, times);
        if (bucket !== undefined) bucket.declined += times;
        all.declined += times;
        known(bots, botId, tally).declined += times;
      }
    },
    async insights(breathe) {
      const rows = async <Key, Row>(map: ReadonlyMap<Key, Tally>, row: (key: Key, totals: Totals) => Row) => {
        const made: Row[] = [];
        for (const [key, one] of map) {
          await breathe();
          made.push(row(key, totalsOf(one)));
        }
        return made;
      };
      const agentRows: AgentTotals[] = [];
      for (const { namedAt: _namedAt, ...agent } of agents.values()) {
        await breathe();
        agentRows.push({ ...agent, toAccept: timesOf(agent.toAccept), toResolve: timesOf(agent.toResolve) });
      }
      return {
        totals: totalsOf(all),
        because: [...because].map(([why, many]) => ({ because: why, asks: many })).toSorted(mostFirst),
        overTime: buckets.map(({ label }: Bucket, index) => ({ start: label, ...perBucket[index] }) as OverTime),
        heatMap: heatMap(asks, alone, openFractions(hourStretches(zone, given.openSpan), given.open)),
        bots: (await rows(bots, (botId, totals) => ({ botId, ...totals }))).toSorted(mostFirst),
        destinations: (await rows(destinations, (destinationId, totals) => ({ destinationId, ...totals }))).toSorted(
          mostFirst,
        ),
        agents: agentRows.toSorted((one, other) => other.accepted - one.accepted),
      };
    },
  };
}

const mostFirst = (one: { readonly asks: number }, other: { readonly asks: number }): number => other.asks - one.asks;

function tally(): Tally {
  const times = { toAccept: createSamples(), toResolve: createSamples() };
  return { live: 0, lead: 0, declined: 0, missed: 0, asked: 0, left: 0, ...times };
}

function known<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

const outcomeOf = ({ because }: Fact): "live" | "lead" => (because === "open" ? "live" : "lead");
const isMissed = (fact: Fact): boolean => outcomeOf(fact) === "live" && fact.mode === "lead";

function count(to: Tally, fact: Fact): void {
  to[outcomeOf(fact)] += 1;
  if (isMissed(fact)) to.missed += 1;
  if (fact.mode === "lead") to.asked += 1;
  if (fact.mode === "lead" && fact.hasLeft) to.left += 1;
  time(to, fact);
}

function time(to: { readonly toAccept: Samples; readonly toResolve: Samples }, fact: Fact): void {
  const { at, acceptedAt, endedAt } = fact;
  if (fact.mode !== "live" || acceptedAt === null) return;
  to.toAccept.add(acceptedAt - at);
  if (fact.status === "resolved" && endedAt !== null) to.toResolve.add(endedAt - at);
}

function totalsOf(one: Tally): Totals {
  return {
    asks: one.live + one.lead + one.declined,
    live: one.live,
    lead: one.lead,
    declined: one.declined,
    missed: one.missed,
    askedForDetails: one.asked,
    leftDetails: one.left,
    toAccept: timesOf(one.toAccept),
    toResolve: timesOf(one.toResolve),
  };
}

function timesOf(samples: Samples): Times {
  const { count: many, median, p90 } = samples.spread();
  return { count: many, medianSeconds: seconds(median), p90Seconds: seconds(p90) };
}

const seconds = (milliseconds: number | null): number | null =>
  milliseconds === null ? null : Math.round(milliseconds) / 1000;

function heatMap(asks: Uint32Array, alone: Uint32Array, open: readonly (number | null)[]): HeatCell[] {
  return Array.from(asks, (many, index) => ({
    weekday: Math.floor(index / 24) + 1,
    hour: index % 24,
    asks: many,
    whileNobodyThere: alone[index] ?? 0,
    openFraction: open[index] ?? null,
  }));
}

/** Of each hour of the week, how much was open: both lists are in order. */
function openFractions(stretches: readonly HourStretch[], open: readonly Span[]): (number | null)[] {
  const all = new Float64Array(HOURS_OF_WEEK);
  const opened = new Float64Array(HOURS_OF_WEEK);
  let first = 0;
  for (const { start, end, weekday, hour } of stretches) {
    const cell = (weekday - 1) * 24 + hour;
    all[cell] = (all[cell] ?? 0) + end - start;
    while ((open[first]?.end ?? Infinity) <= start) first += 1;
    for (let index = first; (open[index]?.start ?? Infinity) < end; index += 1) {
      const one = open[index];
      if (one !== undefined) opened[cell] = (opened[cell] ?? 0) + Math.min(end, one.end) - Math.max(start, one.start);
    }
  }
  return Array.from(all, (whole, cell) => (whole === 0 ? null : (opened[cell] ?? 0) / whole));
}

/** When at least one of several was open: in order, overlaps merged. */
export function anyOpen(intervals: readonly { readonly start: Date; readonly end: Date }[]): Span[] {
  const sorted = intervals
    .map(({ start, end }) => ({ start: start.getTime(), end: end.getTime() }))
    .toSorted((one, other) => one.start - other.start);
  const merged: { start: number; end: number }[] = [];
  for (const one of sorted) {
    const last = merged.at(-1);
    if (last === undefined || one.start > last.end) merged.push({ ...one });
    else last.end = Math.max(last.end, one.end);
  }
  return merged;
}
