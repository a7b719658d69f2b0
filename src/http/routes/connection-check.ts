import { z } from "zod";
import { DeliveryError } from "../../domain/delivery.ts";
import { HandoffError } from "../../domain/errors.ts";
import { saveProblem } from "../../handoffs/news.ts";
import type { CheckReport, Connector, ConnectorFactory, Finding } from "../../ports.ts";
import type { Connection } from "../../ports-store.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import { found } from "../shapes.ts";
import { whyNoAnswer } from "./answering-bot.ts";
import { configFaults, tryToOpen } from "./connection-config.ts";
import type { AdminDeps } from "./deps.ts";

export const FindingShown = z.strictObject({
  step: z.string(),
  ok: z.boolean(),
  message: z.string(),
  fix: z.string().nullable(),
});

const CheckShown = z
  .strictObject({ ok: z.boolean(), findings: z.array(FindingShown), about: z.record(z.string(), z.string()) })
  .meta({ id: "ConnectionCheck", description: "What was looked at, step by step, and what to do about it" });

const ChoicesShown = z
  .strictObject({
    choices: z.record(
      z.string(),
      z.array(
        z.strictObject({
          value: z.string().meta({ description: "What to put into the field" }),
          label: z.string().meta({ description: "As people in the helpdesk know it" }),
          usable: z.boolean().meta({ description: "False for one that exists and cannot serve" }),
        }),
      ),
    ),
  })
  .meta({ id: "ConnectionChoices", description: "What can be chosen, by field of `config`" });

/** A connector of this configuration, beside those that work: for asking the helpdesk before or without using it. */
export function connectorWith(
  deps: AdminDeps,
  factory: ConnectorFactory,
  of: { readonly workspaceId: string; readonly connectionId: string; readonly config: unknown },
): Connector {
  const { workspaceId, connectionId } = of;
  return factory.create(factory.parseConfig(of.config), {
    connectionId,
    workspaceId,
    baseUrl: deps.baseUrl(),
    outgoing: deps.outgoing,
    clock: deps.clock,
    log: deps.log.with({ connectionId, workspaceId }),
  });
}

/** A helpdesk's failure as an answer of ours. Its message speaks to the admin already. */
export function helpdeskProblem(error: unknown): HandoffError {
  if (!(error instanceof DeliveryError)) throw error;
  const { kind, message, retryAfterSeconds } = error;
  const mayPass = kind === "transient" || kind === "rate_limited";
  if (!mayPass) return new HandoffError("helpdesk_refused", message, { cause: error });
  const retry = retryAfterSeconds === null ? {} : { retryAfterSeconds };
  return new HandoffError("helpdesk_unavailable", message, { cause: error, ...retry });
}

/** What keeps a stored connection from being used, and the step of a check that says so. */
type Unusable = { readonly step: "credentials" | "configuration"; readonly message: string };

/** The stored connection's connector, made anew; or why there is none. */
function connectorOf(deps: AdminDeps, connection: Connection): Connector | Unusable {
  const factory = deps.factories.get(connection.type);
  if (factory === undefined)
    return { step: "configuration", message: `This server knows no connections of type ${connection.type}.` };
  const opened = tryToOpen(deps.sealer, connection);
  if (opened.problem !== null) return { step: "credentials", message: opened.problem };
  const config = { ...connection.config, ...opened.secrets };
  const faults = configFaults(factory, config);
  if (faults !== null) return { step: "configuration", message: faults };
  return connectorWith(deps, factory, { ...connection, connectionId: connection.id, config });
}

/** Whether the bot that answers in the helpdesk's own inboxes can be asked: only Baton knows. */
async function answerFinding(deps: AdminDeps, { workspaceId }: Connection, botId: string | null): Promise<Finding> {
  const none = await whyNoAnswer(deps.store.read, workspaceId, botId);
  if (none !== null) return { step: "bot_answers", ok: false, ...none };
  return { step: "bot_answers", ok: true, message: "The bot that answers there has a message URL.", fix: null };
}

const withAnswer = (report: CheckReport, finding: Finding): CheckReport => ({
  ...report,
  ok: report.ok && finding.ok,
  findings: [...report.findings, finding],
});

/** Never throws for what is wrong with the connection: that is the report. */
export async function checkStored(deps: AdminDeps, connection: Connection): Promise<CheckReport> {
  const connector = connectorOf(deps, connection);
  if (!("message" in connector)) {
    const report = await connector.check({ lastWebhookAt: connection.lastWebhookAt });
    const { channel } = connector;
    return channel === undefined ? report : withAnswer(report, await answerFinding(deps, connection, channel.botId));
  }
  return { ok: false, findings: [{ ...connector, ok: false, fix: null }], about: {} };
}

/** `/check` and `/choices` of a connection: what the helpdesk itself says. */
export function connectionCheckRoutes(deps: AdminDeps): Route[] {
  const { store } = deps;

  return [
    defineRoute({
      method: "POST",
      path: "/v1/connections/{id}/check",
      summary: "Check a connection",
      description:
        "Asks the helpdesk itself: address, token, rights, inbox, webhook. What is wrong is kept as `problem`.",
      tag: "Connections",
      scopes: ["admin"],
      responses: { 200: { description: "The findings, whether good or bad", schema: CheckShown } },
      idempotent: true,
      async handler({ principal, params, now, unit }) {
        const connection = found(await store.read.connection(principal.workspaceId, params["id"] ?? ""));
        const report = await checkStored(deps, connection);
        const made = await unit(async (tx) => {
          const current = found(await tx.connection(connection.workspaceId, connection.id));
          const { problem } = await saveProblem(tx, current, problemIn(report), now);
          // Mended at the far side: a token that was given its rights back, a helpdesk that answers again.
          if (problem === null) await tx.hurryConnection(connection.workspaceId, connection.id, now);
          return { status: 200, body: report };
        });
        deps.connectionChanged(connection.id);
        if (made.body.ok) deps.connectionMended(connection.id);
        return made;
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/connections/{id}/choices",
      summary: "List what a connection's fields can be set to",
      description: "Asks the helpdesk for its channels, groups, inboxes and the like, with the names people know.",
      tag: "Connections",
      scopes: ["admin"],
      responses: { 200: { description: "Values and their names, by field", schema: ChoicesShown } },
      errors: [409, 502],
      idempotent: false,
      async handler({ principal, params }) {
        const connection = found(await store.read.connection(principal.workspaceId, params["id"] ?? ""));
        const connector = connectorOf(deps, connection);
        if ("message" in connector) throw new HandoffError("conflict", connector.message);
        const choices = await connector.choices().catch((error: unknown) => Promise.reject(helpdeskProblem(error)));
        return { status: 200, body: { choices } };
      },
    }),
  ];
}

/** A bad report in words for the admin; null for a good one. */
function problemIn(report: CheckReport): string | null {
  const bad = report.findings.filter((finding) => !finding.ok);
  if (report.ok) return null;
  const told = bad.map(({ message, fix }) => (fix === null ? message : `${message} ${fix}`));
  return told.length === 0 ? "The check failed" : told.join("\n");
}
