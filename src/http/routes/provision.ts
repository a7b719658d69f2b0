import { z } from "zod";
import { HandoffError } from "../../domain/errors.ts";
import { saveProblem } from "../../handoffs/news.ts";
import { leaveAhead, leaveNow } from "../../handoffs/leave.ts";
import type { ProvisionReport, Reads } from "../../ports.ts";
import type { Connection } from "../../ports-store.ts";
import { fieldChanges } from "../../domain/field-changes.ts";
import type { Auditor } from "../audit.ts";
import { connectionChanges } from "../audit-watch.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import { found } from "../shapes.ts";
import { botIdIn, whyNoAnswer } from "./answering-bot.ts";
import { botsSendingTo, takeOutOfBots, useForUndecidedBots } from "./bot-destinations.ts";
import { ConnectionShown, showConnection } from "./connection-view.ts";
import type { AdminDeps } from "./deps.ts";
import type { Installs } from "./provision-run.ts";

const OUTCOMES = ["made", "found", "repaired", "removed", "skipped", "failed"] as const;

const ProvisionShown = z
  .strictObject({
    ok: z.boolean(),
    steps: z.array(
      z.strictObject({
        step: z.string(),
        outcome: z.enum(OUTCOMES),
        message: z.string(),
        fix: z.string().nullable().meta({ description: "What to do; null when nothing is left to do" }),
      }),
    ),
    about: z.record(z.string(), z.string()),
    connection: ConnectionShown,
    bots: z
      .array(z.strictObject({ id: z.string(), name: z.string() }))
      .meta({ description: "Bots that send handoffs there now" }),
  })
  .meta({ id: "Provision", description: "What was done in the helpdesk, step by step, and what to do about the rest" });

const InboxId = z.string().trim().min(1).max(100);
const MOST_INBOXES = 100;

const ProvisionOrder = z
  .strictObject({
    botInboxes: z
      .array(InboxId)
      .max(MOST_INBOXES)
      .optional()
      .meta({
        description:
          "The helpdesk's own inboxes in which a bot is to answer, for which it needs a `messageUrl`; left out: as they are; []: none of them",
        examples: [["3"]],
      }),
    config: z
      .record(z.string().max(100), z.unknown())
      .optional()
      .meta({ description: "Fields that are tried first, such as a new token, and kept once they have proved right" }),
    useForBots: z
      .boolean()
      .default(false)
      .meta({ description: "Bots whose settings name no destinations send handoffs there, once all is well" }),
  })
  .meta({ id: "ProvisionOrder" });

const DeprovisionOrder = z
  .strictObject({
    force: z.boolean().default(false).meta({
      description: "Also while conversations are open there: they go to the next destination, become leads or end",
    }),
    removeFromBots: z.boolean().default(true).meta({
      description: "No bot's settings name the connection any more: what is brought there would not be heard of",
    }),
  })
  .meta({ id: "DeprovisionOrder" });

interface Conclusion {
  readonly now: Date;
  readonly problem: string | null;
  readonly useForBots: boolean;
  readonly audit: Auditor;
  readonly action: string;
}

/** `/provision` and `/deprovision` of a connection: the helpdesk is set up through its own API, and put back as it was. */
export function provisionRoutes(deps: AdminDeps, installs: Installs): Route[] {
  const { store } = deps;
  const read = async (workspaceId: string, id: string | undefined) =>
    found(await store.read.connection(workspaceId, id ?? ""));

  /** What the install came to in the connection itself: its objects in the helpdesk, and what it was given to try. */
  const madeOf = (before: Connection, after: Connection) => [
    ...connectionChanges(before, after, deps.sealer),
    ...fieldChanges({ installed: before.installed }, { installed: after.installed }),
  ];

  /** Keeps how it ended as the connection's problem, and tells it. */
  async function conclude(
    seen: Connection,
    report: ProvisionReport,
    { now, problem, useForBots, audit, action }: Conclusion,
  ) {
    const { workspaceId, id } = seen;
    const told = await store.write(async (unit) => {
      const tx = audit.tx(unit);
      await tx.lockWorkspace(workspaceId);
      const connection = found(await tx.connection(workspaceId, id));
      const patch = await saveProblem(tx, connection, problem, now);
      const object = { type: "connection", id, name: connection.name };
      await audit.note(tx, { workspaceId, action, object, changes: madeOf(seen, connection) });
      if (useForBots) await useForUndecidedBots(tx, workspaceId, id);
      if (problem === null) await tx.hurryConnection(workspaceId, id, now);
      return { connection: { ...connection, ...patch }, bots: await botsSendingTo(tx, workspaceId, id) };
    });
    deps.connectionChanged(id);
    if (problem === null) deps.connectionMended(id);
    const { ok, steps, about } = report;
    const bots = told.bots.map((bot) => ({ id: bot.id, name: bot.name }));
    return { status: 200, body: { ok, steps, about, connection: showConnection(deps, told.connection), bots } };
  }

  return [
    defineRoute({
      method: "POST",
      path: "/v1/connections/{id}/provision",
      summary: "Set a helpdesk up",
      description:
        "Makes in the helpdesk, through its own API, what the connection needs (inbox, webhook, labels and the like), and tells each " +
        "step. What is there already is found, what was changed is put right, and repeating it changes nothing. Takes up to a " +
        "minute; what is not done by then is told, and found again the next time. What fails is kept as `problem`.",
      tag: "Connections",
      scopes: ["admin"],
      body: ProvisionOrder.prefault({}),
      responses: { 200: { description: "The steps, whether good or bad", schema: ProvisionShown } },
      errors: [409],
      // Repeating it is how it is finished: a kept answer would stand in the way.
      idempotent: false,
      async handler({ principal, params, body, now, audit }) {
        const { botInboxes, config: tried = {}, useForBots } = body;
        const connection = await read(principal.workspaceId, params["id"]);
        if (botInboxes?.length) await refuseWithoutAnswer(store.read, connection, tried);
        const report = await installs.run(
          connection,
          (install, config, given, ledger) => install.provision(config, given, { botInboxes }, ledger),
          { tried },
        );
        return await conclude(connection, report, {
          now,
          problem: report.ok ? null : problemOf(report, "The helpdesk could not be set up"),
          useForBots: report.ok && useForBots,
          audit,
          action: "connection.provisioned",
        });
      },
    }),
    defineRoute({
      method: "POST",
      path: "/v1/connections/{id}/deprovision",
      summary: "Take away what was set up",
      description:
        "Removes from the helpdesk what Baton made there, and nothing that was there before. The connection stays; remove it " +
        "afterwards, or set it up again. Refused while conversations with people are open there, unless `force` is set.",
      tag: "Connections",
      scopes: ["admin"],
      body: DeprovisionOrder.prefault({}),
      responses: { 200: { description: "The steps, whether good or bad", schema: ProvisionShown } },
      errors: [409],
      idempotent: false,
      async handler({ principal, params, body, now, audit }) {
        const { workspaceId } = principal;
        const connection = await read(workspaceId, params["id"]);
        const place = { workspaceId, connectionId: connection.id };
        const letGo = async (): Promise<void> => {
          if (!body.force) await refuseWhileOpen(store.read, place);
          // First, so that no new handoff goes there meanwhile.
          if (body.removeFromBots) await store.write((tx) => takeOutOfBots(audit.tx(tx), workspaceId, connection.id));
          await leaveAhead(deps.handoffs, place);
          await store.write((tx) => leaveNow(tx, deps.handoffs, place));
        };
        const report = await installs.run(
          connection,
          (install, config, given, ledger) => install.remove(config, given, ledger),
          { before: letGo },
        );
        const gone = "What was set up in the helpdesk was taken away: set it up again, or remove the connection.";
        return await conclude(connection, report, {
          now,
          problem: report.ok ? gone : problemOf(report, "Not everything could be taken away"),
          useForBots: false,
          audit,
          action: "connection.deprovisioned",
        });
      },
    }),
  ];
}

/** Visitors would be held back there for a bot that says nothing. */
async function refuseWithoutAnswer(
  reads: Reads,
  { workspaceId, config }: Connection,
  tried: Readonly<Record<string, unknown>>,
): Promise<void> {
  const none = await whyNoAnswer(reads, workspaceId, botIdIn({ ...config, ...tried }));
  if (none !== null) throw new HandoffError("conflict", `${none.message} ${none.fix}`);
}

/** What failed, in words for the admin. */
function problemOf({ steps }: ProvisionReport, otherwise: string): string {
  const bad = steps.filter(({ outcome }) => outcome === "failed");
  const told = bad.map(({ message, fix }) => (fix === null ? message : `${message} ${fix}`));
  return told.length === 0 ? otherwise : told.join("\n");
}

const PAGE = 100;

/** A lead waits for nobody there: it stands in Baton as well. */
async function refuseWhileOpen(
  reads: Reads,
  { workspaceId, connectionId }: { readonly workspaceId: string; readonly connectionId: string },
): Promise<void> {
  let open = 0;
  let cursor: string | undefined;
  do {
    const page = await reads.openHandoffsAt(workspaceId, connectionId, { cursor, limit: PAGE });
    open += page.items.filter(({ mode }) => mode === "live").length;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  if (open === 0) return;
  const many = open === 1 ? "A conversation with a person is" : `${open} conversations with people are`;
  throw new HandoffError(
    "conflict",
    `${many} open there. Let them end, or force it (in the API {"force": true}, in a command --force): then they go to the next ` +
      "destination, become leads or end.",
  );
}
