import { HandoffError } from "../domain/errors.ts";
import { anyOpen, gatherInsights } from "../domain/insights.ts";
import type { Insights } from "../domain/insights.ts";
import { dateIn, daysFromTo, spanOfDays } from "../domain/time-buckets.ts";
import type { BucketSize, Span } from "../domain/time-buckets.ts";
import type { BotSetup, Deps } from "./deps.ts";

/** Handoffs of one question: few enough that nobody else waits for it. */
const ABOUT = 2_000;
const LONGEST_DAYS = { day: 366, hour: 31 } as const satisfies Record<BucketSize, number>;
const USUAL_DAYS = 30;
/** What was worked out is told again for so long: a page asks for its picture, and then for each table as a file. */
const KEPT_MS = 30_000;
const MOST_KEPT = 50;

export interface InsightsAsk {
  readonly workspaceId: string;
  /** Days of the zone, "YYYY-MM-DD", both included. Absent: the last 30 days. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** Absent: that of the bots' schedules where they have one in common, else UTC. */
  readonly timeZone?: string | undefined;
  readonly botId?: string | undefined;
  readonly destination?: string | undefined;
  readonly bucket: BucketSize;
}

export interface InsightsTold {
  readonly from: string;
  readonly to: string;
  readonly timeZone: string;
  readonly bucket: BucketSize;
  readonly insights: Insights;
}

export type AskInsights = (ask: InsightsAsk) => Promise<InsightsTold>;

/**
 * Works out what became of a period's handoffs, from each single one of them: so medians are exact and nothing has to be kept up with
 * every request. In steps of a few milliseconds with pauses between, one period at a time, so that nobody else waits for it.
 *
 * @param pause lets others on; resolves a turn later
 */
export function createInsights(
  deps: () => Pick<Deps, "store" | "clock" | "bots">,
  pause: () => Promise<void>,
): AskInsights {
  const kept = new Map<string, { readonly told: Promise<InsightsTold>; readonly until: number }>();
  let before: Promise<unknown> = Promise.resolve();

  async function workOut(ask: InsightsAsk): Promise<InsightsTold> {
    const { store, clock } = deps();
    const { workspaceId, botId, destination, bucket } = ask;
    const now = clock();
    const asked = await setupsOf(deps(), workspaceId, botId);
    const timeZone = ask.timeZone ?? commonZone(asked);
    const { from, to } = period(ask, timeZone, now);
    const span = spanOfDays(timeZone, from, to);
    const openSpan = { start: span.start, end: Math.max(span.start, Math.min(span.end, now.getTime())) };
    const gathering = gatherInsights({ zone: timeZone, span, bucket, open: openIn(asked, openSpan), openSpan });
    const filter = { from: span.start, to: span.end, botId, destination };
    let next: number | null = span.start;
    while (next !== null) {
      const page = await store.read.handoffFacts(workspaceId, { ...filter, from: next }, ABOUT);
      gathering.add(page.facts);
      ({ next } = page);
      await pause();
    }
    if (destination === undefined) gathering.addDeclined(await store.read.declinedCounts(workspaceId, filter));
    return { from, to, timeZone, bucket, insights: await gathering.insights(pause) };
  }

  return async (ask) => {
    const now = deps().clock().getTime();
    for (const [key, { until }] of kept) if (until <= now || kept.size >= MOST_KEPT) kept.delete(key);
    const key = JSON.stringify(ask, Object.keys(ask).toSorted());
    const known = kept.get(key);
    if (known !== undefined) return await known.told;
    const told = before.then(() => workOut(ask));
    before = told.catch(() => undefined);
    kept.set(key, { told, until: now + KEPT_MS });
    told.catch(() => kept.delete(key));
    return await told;
  };
}

async function setupsOf(
  { store, bots }: Pick<Deps, "store" | "bots">,
  workspaceId: string,
  botId: string | undefined,
): Promise<readonly BotSetup[]> {
  const ids = botId === undefined ? (await store.read.bots(workspaceId)).map(({ id }) => id) : [botId];
  return await Promise.all(ids.map((id) => bots.get(store.read, workspaceId, id)));
}

function commonZone(setups: readonly BotSetup[]): string {
  const zones = new Set(setups.flatMap(({ settings }) => settings.schedule?.timezone ?? []));
  const [zone = "UTC"] = zones;
  return zones.size === 1 ? zone : "UTC";
}

/** When at least one of the bots was open, by its schedule as it is now. */
const openIn = (setups: readonly BotSetup[], { start, end }: Span): Span[] =>
  anyOpen(setups.flatMap(({ schedule }) => schedule.openIntervals(new Date(start), new Date(end))));

function period(ask: InsightsAsk, timeZone: string, now: Date): { from: string; to: string } {
  const to = ask.to ?? dateIn(timeZone, now);
  const from = ask.from ?? dateIn(timeZone, spanEnd(timeZone, to), -USUAL_DAYS);
  const days = daysFromTo(from, to);
  if (days < 1) throw refused("to", "must not be before `from`", "wrong_order");
  const most = LONGEST_DAYS[ask.bucket];
  if (days > most) throw refused("from", `at most ${most} days by the ${ask.bucket}, not ${days}`, "too_long");
  return { from, to };
}

const spanEnd = (timeZone: string, day: string): Date => new Date(spanOfDays(timeZone, day, day).end);

const refused = (path: string, message: string, code: string): HandoffError =>
  new HandoffError("malformed_request", undefined, { faults: [{ path: `query.${path}`, message, code }] });
