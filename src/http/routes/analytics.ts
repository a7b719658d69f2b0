import { setImmediate } from "node:timers/promises";
import { z } from "zod";
import { isIanaZone } from "../../domain/schedule-zone.ts";
import { INBOX } from "../../domain/settings.ts";
import { BUCKETS } from "../../domain/time-buckets.ts";
import { createInsights } from "../../handoffs/insights.ts";
import { BYTE_ORDER_MARK, csvLine } from "../csv.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import { AnalyticsShown, showAnalytics, TABLES } from "./analytics-views.ts";
import type { Names, TableName } from "./analytics-views.ts";
import type { AdminDeps } from "./deps.ts";

const Day = z.iso.date("Write a day of the calendar as YYYY-MM-DD").optional();
const AnalyticsQuery = z.strictObject({
  from: Day.meta({ description: "The first day; absent: 30 days are told" }),
  to: Day.meta({ description: "The last day, included; absent: today" }),
  timeZone: z
    .string()
    .refine(isIanaZone, "must be an IANA time zone, such as Europe/Bucharest")
    .optional()
    .meta({ description: "IANA name; absent: that of the bots' schedules where they have one in common, else UTC" }),
  botId: z.string().min(1).max(100).optional(),
  destination: z.string().min(1).max(100).optional().meta({
    description: "A connection's id, or `inbox`: where handoffs went at last. Declined requests went nowhere",
  }),
  bucket: z.enum(BUCKETS).default("day").meta({ description: "Days for up to 366 days, hours for up to 31" }),
});

const TAG = "Analytics";
const FILE_TYPE = "text/csv; charset=utf-8";

/** What became of handoffs: as one picture, and each table as a file. */
export function analyticsRoutes(deps: AdminDeps): Route[] {
  const ask = createInsights(() => deps.handoffs, setImmediate);

  async function namesIn(workspaceId: string): Promise<Names> {
    const { read } = deps.store;
    const bots = namesById(await read.bots(workspaceId));
    const connections = namesById(await read.connections(workspaceId));
    return {
      bot: (id) => bots.get(id) ?? null,
      destination: (id) => (id === INBOX ? "Inbox" : (connections.get(id ?? "") ?? null)),
    };
  }

  const picture = defineRoute({
    method: "GET",
    path: "/v1/analytics",
    summary: "What became of handoffs",
    description:
      "Handoffs over time, when people ask beside when the team is open, how long they waited, and who answered. A handoff counts on the " +
      "day it was asked for, with what became of it until now. Worked out from every single one: a year with a million handoffs " +
      "takes some seconds, a month less than one; what was worked out is told again for half a minute.",
    tag: TAG,
    scopes: ["admin"],
    query: AnalyticsQuery,
    responses: { 200: { description: "The period's figures", schema: AnalyticsShown } },
    idempotent: false,
    async handler({ principal: { workspaceId }, query }) {
      const told = await ask({ workspaceId, ...query });
      return { status: 200, body: showAnalytics(told, await namesIn(workspaceId)) };
    },
  });

  const file = (name: TableName) => {
    const { columns, rows } = TABLES[name];
    return defineRoute({
      method: "GET",
      path: `/v1/analytics/${name}.csv`,
      summary: `The table "${name}" of the analytics as a file`,
      description: "For spreadsheets: UTF-8 with a byte order mark, RFC 4180, cells that nobody takes for formulas.",
      tag: TAG,
      scopes: ["admin"],
      query: AnalyticsQuery,
      responses: { 200: { description: columns.join(", "), contentType: FILE_TYPE } },
      idempotent: false,
      async handler({ principal: { workspaceId }, query }) {
        const told = await ask({ workspaceId, ...query });
        const lines = [columns, ...rows(told.insights, await namesIn(workspaceId))].map(csvLine);
        const { from, to } = told;
        return {
          chunks: textOf(BYTE_ORDER_MARK + lines.join("")),
          contentType: FILE_TYPE,
          fileName: `${name}-${from}-${to}.csv`,
        };
      },
    });
  };

  return [picture, ...(Object.keys(TABLES) as TableName[]).map(file)];
}

const namesById = (rows: readonly { readonly id: string; readonly name: string }[]): ReadonlyMap<string, string> =>
  new Map(rows.map(({ id, name }) => [id, name]));

async function* textOf(text: string): AsyncGenerator<string> {
  yield await Promise.resolve(text);
}
