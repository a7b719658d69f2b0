import { z } from "zod";
import { connectionHistory, downSeconds } from "../../domain/connection-history.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import { found, Instant, instantOrNull } from "../shapes.ts";
import type { AdminDeps } from "./deps.ts";

const DAY_MS = 86_400_000;
const DAYS = 30;

const UpOrDown = z.enum(["up", "down"]).meta({ description: "`up`: nothing is known to be wrong" });
const Problem = z.string().nullable().meta({ description: "What is wrong, in words" });

const HealthShown = z
  .strictObject({
    connectionId: z.string(),
    state: UpOrDown,
    problem: Problem,
    since: Instant.meta({
      description: "Since when it is up, or down for whatever reason; at the earliest, when the history begins",
    }),
    lastWebhookAt: Instant.nullable().meta({
      description: "When its helpdesk was last heard of, give or take a minute",
    }),
    downSeconds: z.int().meta({ description: "In the time of the history" }),
    history: z
      .array(
        z.strictObject({
          state: UpOrDown,
          problem: Problem,
          from: Instant,
          to: Instant.nullable().meta({ description: "Null: until now" }),
        }),
      )
      .meta({ description: `Oldest first, of the last ${DAYS} days, or since it was connected` }),
  })
  .meta({ id: "ConnectionHealth" });

const stateOf = (problem: string | null): "up" | "down" => (problem === null ? "up" : "down");

/** How a connection has been. */
export function connectionHealthRoutes({ store }: Pick<AdminDeps, "store">): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/connections/{id}/health",
      summary: "How a connection has been",
      description: `When it stopped working and worked again, and why, over the last ${DAYS} days.`,
      tag: "Connections",
      scopes: ["admin"],
      responses: { 200: { description: "Its state and its history", schema: HealthShown } },
      idempotent: false,
      async handler({ principal, params, now }) {
        const connection = found(await store.read.connection(principal.workspaceId, params["id"] ?? ""));
        const { workspaceId, id, problem, createdAt } = connection;
        const since = new Date(Math.max(now.getTime() - DAYS * DAY_MS, createdAt.getTime()));
        const spans = connectionHistory(connection, await store.read.connectionStates(workspaceId, id, since), since);
        const state = stateOf(problem);
        const changed = spans.findLastIndex((one) => stateOf(one.problem) !== state);
        return {
          status: 200,
          body: {
            connectionId: id,
            state,
            problem,
            since: (spans[changed + 1]?.from ?? since).toISOString(),
            lastWebhookAt: instantOrNull(connection.lastWebhookAt),
            downSeconds: downSeconds(spans, now),
            history: spans.map((one) => ({
              state: stateOf(one.problem),
              problem: one.problem,
              from: one.from.toISOString(),
              to: instantOrNull(one.to),
            })),
          },
        };
      },
    }),
  ];
}
