import { z } from "zod";
import { REASONS } from "../../domain/decision.ts";
import type { Insights, Totals } from "../../domain/insights.ts";
import { BUCKETS } from "../../domain/time-buckets.ts";
import type { InsightsTold } from "../../handoffs/insights.ts";
import type { Cell } from "../csv.ts";

/** Why a request was answered as it was. One handoff is asked for once: asking again while it is open counts nowhere. */
const COUNTED_REASONS = REASONS.filter((because) => because !== "already_open");

const Many = z.int();
const Seconds = z.number().nullable();
const Times = z
  .strictObject({ count: Many, medianSeconds: Seconds, p90Seconds: Seconds })
  .meta({ description: "Exact; between two values it interpolates, as percentile_cont does" });

const totals = {
  asks: Many.meta({ description: "`live`, `lead` and `declined` together" }),
  live: Many.meta({ description: "Somebody was there" }),
  lead: Many.meta({ description: "Nobody was there, or could be reached, or the queue was full" }),
  declined: Many.meta({ description: "Handoffs are off, or whoever asked may not" }),
  missed: Many.meta({ description: "Of the live ones: nobody took them in time" }),
  askedForDetails: Many.meta({ description: "Leads and missed ones" }),
  leftDetails: Many.meta({ description: "Of these, who left theirs" }),
  toAccept: Times.meta({ description: "Of live ones that a person accepted: from the request to the accept" }),
  toResolve: Times.meta({ description: "Of these, from the request to the end, where they were resolved" }),
};
const name = z.string().nullable();

export const AnalyticsShown = z
  .strictObject({
    from: z.iso.date(),
    to: z.iso.date().meta({ description: "Included" }),
    timeZone: z.string(),
    bucket: z.enum(BUCKETS),
    totals: z.strictObject(totals),
    because: z.array(z.strictObject({ because: z.enum(REASONS), asks: Many })),
    overTime: z
      .array(
        z.strictObject({
          start: z.iso.datetime({ offset: true }).meta({ description: "Of the day or hour, by the zone's clock" }),
          live: Many,
          lead: Many,
          declined: Many,
          missed: Many,
          because: z.partialRecord(z.enum(REASONS), Many),
        }),
      )
      .meta({
        description: "By when they were asked for, without gaps. An hour that the clocks repeat is there twice",
      }),
    heatMap: z
      .array(
        z.strictObject({
          weekday: Many.meta({ description: "1 is Monday, 7 Sunday" }),
          hour: Many,
          asks: Many,
          whileNobodyThere: Many.meta({
            description: "Of these, while the team was not there or could not be reached",
          }),
          openFraction: z
            .number()
            .nullable()
            .meta({
              description:
                "How much of this hour at least one of the bots was open, from 0 to 1, by their schedules as they are now; null where the " +
                "period until now has no such hour",
            }),
        }),
      )
      .length(168),
    bots: z.array(z.strictObject({ botId: z.string(), name, ...totals })),
    destinations: z.array(z.strictObject({ destinationId: name, name, ...totals })).meta({
      description: "Where handoffs went at last; `destinationId` null: nowhere. Declined requests are in none",
    }),
    agents: z.array(
      z.strictObject({
        agentId: name.meta({ description: "The helpdesk's, or the member's" }),
        name,
        destinationId: name,
        accepted: Many,
        resolved: Many,
        toAccept: Times,
        toResolve: Times,
      }),
    ),
  })
  .meta({ id: "Analytics" });

/** The workspace's own names of its bots and connections. */
export interface Names {
  bot(id: string): string | null;
  destination(id: string | null): string | null;
}

export const showAnalytics = ({ insights, ...told }: InsightsTold, names: Names): z.infer<typeof AnalyticsShown> => ({
  ...told,
  totals: insights.totals,
  because: [...insights.because],
  overTime: insights.overTime.map((one) => ({ ...one, because: { ...one.because } })),
  heatMap: [...insights.heatMap],
  bots: insights.bots.map((one) => ({ ...one, name: names.bot(one.botId) })),
  destinations: insights.destinations.map((one) => ({ ...one, name: names.destination(one.destinationId) })),
  agents: [...insights.agents],
});

interface Table {
  readonly columns: readonly string[];
  rows(insights: Insights, names: Names): readonly (readonly Cell[])[];
}

const timeColumns = ["acceptCount", "acceptMedianSeconds", "acceptP90Seconds", "resolveCount", "resolveMedianSeconds"];
const TIME_COLUMNS = [...timeColumns, "resolveP90Seconds"];
const TOTAL_COLUMNS = ["asks", "live", "lead", "declined", "missed", "askedForDetails", "leftDetails", ...TIME_COLUMNS];

const timeCells = ({ toAccept, toResolve }: Pick<Totals, "toAccept" | "toResolve">): Cell[] =>
  [toAccept, toResolve].flatMap(({ count, medianSeconds, p90Seconds }) => [count, medianSeconds, p90Seconds]);
const totalCells = (one: Totals): Cell[] => [
  one.asks,
  one.live,
  one.lead,
  one.declined,
  one.missed,
  one.askedForDetails,
  one.leftDetails,
  ...timeCells(one),
];

/** Each as a file of its own. */
export const TABLES = {
  totals: { columns: TOTAL_COLUMNS, rows: ({ totals: all }) => [totalCells(all)] },
  because: { columns: ["because", "asks"], rows: (told) => told.because.map(({ because, asks }) => [because, asks]) },
  "over-time": {
    columns: ["start", "live", "lead", "declined", "missed", ...COUNTED_REASONS],
    rows: (told) =>
      told.overTime.map((one) => [
        one.start,
        one.live,
        one.lead,
        one.declined,
        one.missed,
        ...COUNTED_REASONS.map((because) => one.because[because] ?? 0),
      ]),
  },
  "heat-map": {
    columns: ["weekday", "hour", "asks", "whileNobodyThere", "openFraction"],
    rows: (told) =>
      told.heatMap.map((one) => [one.weekday, one.hour, one.asks, one.whileNobodyThere, one.openFraction]),
  },
  bots: {
    columns: ["botId", "name", ...TOTAL_COLUMNS],
    rows: (told, names) => told.bots.map((one) => [one.botId, names.bot(one.botId), ...totalCells(one)]),
  },
  destinations: {
    columns: ["destinationId", "name", ...TOTAL_COLUMNS],
    rows: (told, names) =>
      told.destinations.map((one) => [one.destinationId, names.destination(one.destinationId), ...totalCells(one)]),
  },
  agents: {
    columns: ["agentId", "name", "destinationId", "accepted", "resolved", ...TIME_COLUMNS],
    rows: (told) =>
      told.agents.map((one) => [
        one.agentId,
        one.name,
        one.destinationId,
        one.accepted,
        one.resolved,
        ...timeCells(one),
      ]),
  },
} as const satisfies Record<string, Table>;
export type TableName = keyof typeof TABLES;
