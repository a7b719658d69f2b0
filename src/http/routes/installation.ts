import { z } from "zod";
import { HandoffError } from "../../domain/errors.ts";
import type { CheckReport, Choice, Choices, Connector, ConnectorFactory, Finding } from "../../ports.ts";
import type { Bot, Connection, Tx } from "../../ports-store.ts";
import { saveProblem } from "../../handoffs/news.ts";
import { newId, newSecret } from "../../ids.ts";
import { botsSendingTo, useForUndecidedBots } from "./bot-destinations.ts";
import { connectorWith, helpdeskProblem } from "./connection-check.ts";
import { readConfig, sealSecrets } from "./connection-config.ts";
import type { SplitConfig } from "./connection-config.ts";
import type { AdminDeps } from "./deps.ts";
import { connectionsOf, freshchatFactory } from "./installed.ts";

/**
 * Installing Baton's app in a FreshChat account: what the admin typed there is tried out at FreshChat, and becomes a connection.
 * Every refusal is a sentence that the app's installation page shows to the admin.
 */

/** The app's set-up handler has 10 s (marketplace sheet 4), in which the answer has to travel too. */
const INSTALL_WITHIN_MS = 7_000;
const MOST_NAMED = 10;
/** That events arrive can only be seen once the app is installed. */
const SEEN_LATER: ReadonlySet<string> = new Set(["webhook"]);

export interface InstallationOrder {
  readonly workspaceId: string;
  /** The token that the app holds. */
  readonly tokenId: string;
  readonly freshchatUrl: string;
  readonly apiToken: string | null;
  readonly channel: string;
  readonly group: string | null;
}

interface Place {
  readonly id: string;
  readonly name: string;
}

/** An order that FreshChat itself has found nothing wrong with. */
export interface Probed {
  readonly order: InstallationOrder;
  readonly factory: ConnectorFactory;
  readonly apiToken: string;
  readonly channel: Place;
  readonly group: Place | null;
  readonly appId: string | null;
  readonly findings: readonly Finding[];
}

const refused = (detail: string, cause?: unknown) => new HandoffError("installation_failed", detail, { cause });

/**
 * Tries out what the admin typed, at FreshChat.
 *
 * @throws HandoffError `installation_failed`, saying what is wrong and what to do
 */
export async function probeInstallation(deps: AdminDeps, order: InstallationOrder): Promise<Probed> {
  const factory = freshchatFactory(deps);
  const { apiToken } = order;
  if (apiToken === null)
    throw refused("The FreshChat API token is missing: copy it from FreshChat, Admin Settings, API Settings.");
  const given = { baseUrl: order.freshchatUrl, apiToken, eventsVia: "app", installedWith: order.tokenId };
  const read = (config: Readonly<Record<string, unknown>>) => wholeOf(parse(deps, factory, config));
  const [before] = await connectionsOf(deps.store.read, factory, order);
  const of = { workspaceId: order.workspaceId, connectionId: before?.id ?? newId("connection") };
  const asked = async (): Promise<Probed> => {
    const choices = await connectorWith(deps, factory, { ...of, config: read(given) })
      .choices()
      .catch((error: unknown) => Promise.reject(refused(helpdeskProblem(error).detail, error)));
    const channel = place(choices, { field: "channelId", what: "channel", given: order.channel });
    const group = order.group === null ? null : place(choices, { field: "groupId", what: "group", given: order.group });
    const places = { channelId: channel.id, groupId: group?.id ?? null };
    // Which account it is, the token says: what was kept of an earlier one is not held against it.
    const config = read({ ...before?.config, ...given, ...places, appId: null });
    const report = await check(connectorWith(deps, factory, { ...of, config }), before?.lastWebhookAt ?? null);
    const appId = report.about["appId"] ?? null;
    return { order, factory, apiToken, channel, group, appId, findings: report.findings };
  };
  try {
    return await within(deps.installWithinMs ?? INSTALL_WITHIN_MS, asked());
  } catch (error) {
    throw withoutToken(error, apiToken);
  }
}

/** What is bad about the connection ends the installation, apart from what only a finished one can show. */
async function check(connector: Connector, lastWebhookAt: Date | null): Promise<CheckReport> {
  const report = await connector.check({ lastWebhookAt });
  const findings = report.findings.filter(({ step, ok }) => ok || !SEEN_LATER.has(step));
  const bad = findings.find(({ ok }) => !ok);
  if (bad !== undefined) throw refused(bad.fix === null ? bad.message : `${bad.message} ${bad.fix}`);
  return { ...report, findings };
}

const FIELD_NAMES: Readonly<Record<string, string>> = {
  baseUrl: "The FreshChat address",
  apiToken: "The FreshChat API token",
};

/** The configuration with its secrets apart. Throws HandoffError `installation_failed`. */
function parse(
  deps: Pick<AdminDeps, "outgoing">,
  factory: ConnectorFactory,
  config: Readonly<Record<string, unknown>>,
): SplitConfig {
  try {
    return readConfig(factory, config, deps.outgoing);
  } catch (error) {
    if (!(error instanceof HandoffError) || error.faults === undefined) throw error;
    const told = error.faults.map(({ path, message }) => {
      const field = path.replace(/^config\./, "");
      return `${FIELD_NAMES[field] ?? `The field ${field}`} ${message}`;
    });
    throw refused(`${told.join(". ")}.`, error);
  }
}

const wholeOf = ({ config, secrets }: SplitConfig) => ({ ...config, ...secrets });

/** The channel or group that is meant: by id, else by name, of which several may exist while one is in use. */
function place(
  choices: Choices,
  { field, what, given }: { readonly field: string; readonly what: string; readonly given: string },
): Place {
  const all = choices[field] ?? [];
  const usable = all.filter((one) => one.usable);
  const exact = all.filter((one) => one.value === given || one.label === given);
  const found = all.find((one) => one.value === given) ?? only(usable, exact, given);
  const offered = usable
    .slice(0, MOST_NAMED)
    .map(({ label }) => `"${label}"`)
    .join(", ");
  const choose = usable.length === 0 ? `FreshChat has no ${what} in use: make one first.` : `There is: ${offered}.`;
  if (given === "") throw refused(`Name the ${what} for conversations with people. ${choose}`);
  if (found === "several")
    throw refused(`FreshChat has several ${what}s of the name "${given}": give the ${what}'s id instead.`);
  if (found === null && exact.length === 0) throw refused(`FreshChat has no ${what} "${given}". ${choose}`);
  if (found === null || !found.usable)
    throw refused(`The ${what} "${given}" is switched off in FreshChat: switch it on, or name another. ${choose}`);
  return { id: found.value, name: found.label };
}

const folded = (name: string): string => name.trim().normalize("NFC").toLowerCase();

/** The only usable choice of this name, spelled just so; else the only one in any case. */
function only(usable: readonly Choice[], exact: readonly Choice[], given: string): Choice | "several" | null {
  const precise = exact.filter((one) => one.usable);
  const named = precise.length > 0 ? precise : usable.filter((one) => folded(one.label) === folded(given));
  return named.length > 1 ? "several" : (named[0] ?? null);
}

async function within<Result>(milliseconds: number, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const detail = "FreshChat took too long to answer: check its address, then install again in a minute.";
    timer = setTimeout(() => reject(refused(detail)), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** No word of ours holds it; a helpdesk's own words could. */
function withoutToken(error: unknown, token: string): unknown {
  if (!(error instanceof HandoffError) || !error.detail.includes(token)) return error;
  return new HandoffError(error.code, error.detail.replaceAll(token, "…"));
}

/** What a registration came to, to be told to the app. */
export interface Installed {
  readonly isNew: boolean;
  readonly connection: Connection;
  readonly bots: readonly Bot[];
}

/**
 * Stores what was tried out: as a new connection, or over the one that the workspace has for this account, whose other settings
 * stay. Under the workspace's lock, so that two installations at once, also in two processes, make one connection.
 */
export async function storeInstallation(
  tx: Tx,
  deps: AdminDeps,
  probed: Probed,
  given: { readonly useForBots: boolean; readonly now: Date },
): Promise<Installed> {
  const { order, factory, channel, group } = probed;
  const { workspaceId } = order;
  await tx.lockWorkspace(workspaceId);
  const [before] = await connectionsOf(tx, factory, order);
  const { config, secrets } = parse(deps, factory, {
    ...before?.config,
    baseUrl: order.freshchatUrl,
    apiToken: probed.apiToken,
    channelId: channel.id,
    groupId: group?.id ?? null,
    eventsVia: "app",
    appId: probed.appId ?? before?.config["appId"] ?? null,
    installedWith: order.tokenId,
  });
  const id = before?.id ?? newId("connection");
  const sealedSecrets = sealSecrets(deps.sealer, { workspaceId, id }, secrets);
  const told = { config, sealedSecrets, problem: null, problemSince: null, version: (before?.version ?? 0) + 1 };
  const connection: Connection = before
    ? { ...before, ...told }
    : {
        id,
        workspaceId,
        type: factory.type,
        name: `${factory.title} (${hostOf(config)})`,
        pathSecret: newSecret(),
        lastWebhookAt: null,
        installed: null,
        createdAt: given.now,
        ...told,
      };
  if (before) {
    await saveProblem(tx, before, null, given.now, told);
    await tx.hurryConnection(workspaceId, id, given.now);
  } else await tx.createConnection(connection);
  if (given.useForBots) await useForUndecidedBots(tx, workspaceId, id);
  return { isNew: before === undefined, connection, bots: await botsSendingTo(tx, workspaceId, id) };
}

/** Tells two accounts apart in lists. */
const hostOf = (config: Readonly<Record<string, unknown>>): string =>
  new URL(z.string().parse(config["baseUrl"])).hostname;
