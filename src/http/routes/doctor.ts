import { z } from "zod";
import type { Connection, Workspace } from "../../ports-store.ts";
import type { Diagnosis } from "../../ports-doctor.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import { found } from "../shapes.ts";
import type { AdminDeps } from "./deps.ts";
import { diagnoseConnection } from "./doctor-connection.ts";
import { diagnoseDeliveries, diagnoseTokens } from "./doctor-workspace.ts";

const Finding = z.strictObject({
  area: z.string().meta({ examples: ["connection"] }),
  step: z.string(),
  state: z.enum(["ok", "note", "wrong"]).meta({
    description: "`note`: it works, and somebody should know; `wrong`: it does not work, or will not for long",
  }),
  message: z.string(),
  fix: z.string().nullable().meta({ description: "What to do" }),
  workspace: z.strictObject({ id: z.string(), name: z.string() }).nullable(),
  connection: z.strictObject({ id: z.string(), name: z.string() }).nullable(),
});

const DoctorShown = z
  .strictObject({ ok: z.boolean().meta({ description: "Nothing is wrong" }), findings: z.array(Finding) })
  .meta({ id: "Doctor", description: "Everything an operator asks about, with what to do" });

type Placed = z.infer<typeof Finding>;

/** Helpdesks that are asked at once. */
const AT_ONCE = 4;

/** One report over this server, its data and every helpdesk that is connected. */
export function doctorRoutes(deps: AdminDeps): Route[] {
  const { store, clock } = deps;

  async function ofWorkspace(workspace: Workspace): Promise<Placed[]> {
    const now = clock();
    const own = await Promise.all([diagnoseDeliveries(deps, workspace, now), diagnoseTokens(deps, workspace.id, now)]);
    return placed(own.flat(), named(workspace), null);
  }

  async function ofConnection(workspace: Workspace, connection: Connection): Promise<Placed[]> {
    const findings = await diagnoseConnection(deps, connection);
    return placed(findings, named(workspace), named(connection));
  }

  return [
    defineRoute({
      method: "GET",
      path: "/v1/doctor",
      summary: "Ask whether all is well",
      description:
        "Settings, disk, store, what is owed or given up, tokens that end, clocks, and the check of every connection, which asks the " +
        "helpdesks themselves: it takes as long as the slowest of them. Changes nothing.",
      tag: "System",
      scopes: ["operator"],
      query: z.strictObject({
        workspaceId: z
          .string()
          .min(1)
          .max(200)
          .optional()
          .meta({ description: "Only this workspace; else all of them" }),
      }),
      responses: { 200: { description: "What was found, good or bad", schema: DoctorShown } },
      errors: [404],
      idempotent: false,
      async handler({ query }) {
        const { workspaceId } = query;
        const workspaces =
          workspaceId === undefined ? await store.read.workspaces() : [found(await store.read.workspace(workspaceId))];
        const connections = await Promise.all(
          workspaces.map(async (workspace) =>
            (await store.read.connections(workspace.id)).map((connection) => ({ workspace, connection })),
          ),
        );
        const [server, operators, own, asked] = await Promise.all([
          deps.checkServer(),
          diagnoseTokens(deps, null, clock()),
          Promise.all(workspaces.map(ofWorkspace)),
          inTurns(connections.flat(), ({ workspace, connection }) => ofConnection(workspace, connection)),
        ]);
        const findings = [...placed([...server, ...operators], null, null), ...own.flat(), ...asked.flat()];
        return { status: 200, body: { ok: findings.every(({ state }) => state !== "wrong"), findings } };
      },
    }),
  ];
}

const named = ({ id, name }: { readonly id: string; readonly name: string }) => ({ id, name });

const placed = (
  findings: readonly Diagnosis[],
  workspace: Placed["workspace"],
  connection: Placed["connection"],
): Placed[] => findings.map((finding) => ({ ...finding, workspace, connection }));

/** A few at a time, in their order. */
async function inTurns<Item, Result>(
  items: readonly Item[],
  act: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE)
    results.push(...(await Promise.all(items.slice(at, at + AT_ONCE).map(act))));
  return results;
}
