import { z } from "zod";
import { HandoffError } from "../../domain/errors.ts";
import type { ConnectorFactory, Reads } from "../../ports.ts";
import type { Connection } from "../../ports-store.ts";
import type { AdminDeps } from "./deps.ts";

/** Which connection an installed app speaks of: one workspace may have the app in several accounts of FreshChat. */

const TYPE = "freshchat";

/** The account, as the app knows it. */
export const FreshchatUrl = z
  .string()
  .max(2_048)
  .meta({ description: "Address of the FreshChat account, in any spelling", examples: ["acme-123.freshchat.com"] });

/** @throws HandoffError `installation_failed` */
export function freshchatFactory({ factories }: Pick<AdminDeps, "factories">): ConnectorFactory {
  const factory = factories.get(TYPE);
  if (factory !== undefined) return factory;
  throw new HandoffError("installation_failed", "This Baton cannot speak to FreshChat: update it, then install again.");
}

const WithBaseUrl = z.looseObject({ baseUrl: z.string() });

const hearsByApp = ({ config }: Connection): boolean => config["eventsVia"] === "app";

/** The account's address as the connector writes it; null for what is none. */
function addressOf(factory: ConnectorFactory, freshchatUrl: string): string | null {
  try {
    // Only the address matters here, and a token is asked for beside it.
    return WithBaseUrl.parse(factory.parseConfig({ baseUrl: freshchatUrl, apiToken: "none" })).baseUrl;
  } catch (error) {
    if (error instanceof z.ZodError) return null;
    throw error;
  }
}

/** Connections of this account in the workspace, however they were made: the one that the app was installed as before others. */
export async function connectionsOf(
  reads: Pick<Reads, "connections">,
  factory: ConnectorFactory,
  of: { readonly workspaceId: string; readonly freshchatUrl: string },
): Promise<readonly Connection[]> {
  const baseUrl = addressOf(factory, of.freshchatUrl);
  if (baseUrl === null) return [];
  const all = await reads.connections(of.workspaceId);
  const ofAccount = all.filter(({ type, config }) => type === TYPE && config["baseUrl"] === baseUrl);
  return [...ofAccount.filter(hearsByApp), ...ofAccount.filter((one) => !hearsByApp(one))];
}

/** The connection that the app was installed as; null when there is none, or an admin has set it to webhooks since. */
export async function installedAs(
  reads: Pick<Reads, "connections">,
  deps: Pick<AdminDeps, "factories">,
  of: { readonly workspaceId: string; readonly freshchatUrl: string },
): Promise<Connection | null> {
  const connections = await connectionsOf(reads, freshchatFactory(deps), of);
  return connections.find(hearsByApp) ?? null;
}
