import { z } from "zod";
import { hear } from "../../handoffs/hear.ts";
import { leaveAhead, leaveNow } from "../../handoffs/leave.ts";
import type { Tx } from "../../ports-store.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import { found } from "../shapes.ts";
import { takeOutOfBots } from "./bot-destinations.ts";
import { FindingShown } from "./connection-check.ts";
import type { AdminDeps } from "./deps.ts";
import { probeInstallation, storeInstallation } from "./installation.ts";
import { installationConversationRoutes } from "./installation-conversations.ts";
import { FreshchatUrl, installedAs } from "./installed.ts";
import { IssuedToken, issuedAnswer, LastingTokenOrder, recordToken } from "./tokens.ts";

const TAG = "Installations";
const PATH = "/v1/installations/freshworks";
const SCOPES = ["installation"] as const;
const EVENT_LIMIT = 256 * 1024;

const Named = z.strictObject({ id: z.string(), name: z.string() });
const Place = z.string().trim().max(200);

const InstalledShown = z
  .strictObject({
    connection: Named,
    channel: Named,
    group: Named.nullable(),
    findings: z.array(FindingShown).meta({ description: "What was looked at in FreshChat" }),
    bots: z.array(Named).meta({ description: "Bots that send handoffs there now" }),
  })
  .meta({ id: "FreshworksInstallation" });

/** Baton's app in the Freshworks Marketplace: what it may do with a workspace's key, and how an admin makes such a key. */
export function installationRoutes(deps: AdminDeps): Route[] {
  const { store, tokens } = deps;

  return [
    defineRoute({
      method: "POST",
      path: "/v1/installations/keys",
      summary: "Issue a workspace key",
      description:
        "For an app that is installed in a helpdesk's marketplace: it may register and remove its own connection, deliver its " +
        "events, and show and give back the handoffs that stand there, and nothing else. Lasts ten years unless said otherwise, " +
        "since an installed app cannot ask for another.",
      tag: TAG,
      scopes: ["admin"],
      body: LastingTokenOrder,
      responses: { 201: { description: "A token of scope `installation`", schema: IssuedToken } },
      idempotent: true,
      async handler({ principal, body, now, unit }) {
        const { workspaceId } = principal;
        const order = { scope: "installation", workspaceId, subject: workspaceId, name: body.name ?? null } as const;
        const made = await unit(async (tx) => ({
          status: 201,
          body: await recordToken(tx, { ...order, expiresInSeconds: body.expiresInSeconds, now }),
        }));
        return issuedAnswer(tokens, made);
      },
    }),
    defineRoute({
      method: "POST",
      path: PATH,
      summary: "Register a FreshChat account",
      description:
        "Called by Baton's Freshworks app when it is installed. FreshChat is asked at once whether all is well; if not, the answer " +
        "is 422 `installation_failed` with a sentence for the admin. Installing again changes the connection that is there.",
      tag: TAG,
      scopes: SCOPES,
      secretHeader: { name: "X-Freshchat-Token", description: "An API token of the FreshChat account" },
      body: z
        .strictObject({
          freshchatUrl: FreshchatUrl,
          channel: Place.meta({ description: "Id or name of the channel (topic) for conversations with people" }),
          group: Place.nullish().meta({ description: "Id or name of the group that gets them; null for none" }),
          useForBots: z
            .boolean()
            .default(true)
            .meta({ description: "Bots whose settings name no destinations send handoffs there" }),
        })
        .meta({ id: "FreshworksInstallationOrder" }),
      responses: {
        200: { description: "The account's connection, changed", schema: InstalledShown },
        201: { description: "A new connection", schema: InstalledShown },
      },
      // Repeating it does the same once more, with the token that comes along then: a kept answer could not.
      idempotent: false,
      async handler({ principal, headers, body, now, unit }) {
        const { workspaceId, tokenId } = principal;
        const { freshchatUrl, channel } = body;
        const group = body.group || null;
        const order = { workspaceId, tokenId, freshchatUrl, apiToken: headers.secret, channel, group };
        const probed = await probeInstallation(deps, order);
        const { status, body: made } = await unit(async (tx) => {
          const installed = await storeInstallation(tx, deps, probed, { useForBots: body.useForBots, now });
          return { status: installed.isNew ? 201 : 200, body: installed };
        });
        deps.connectionChanged(made.connection.id);
        deps.connectionMended(made.connection.id);
        const { findings } = probed;
        const connection = { id: made.connection.id, name: made.connection.name };
        const bots = made.bots.map(({ id, name }) => ({ id, name }));
        return { status, body: { connection, channel: probed.channel, group: probed.group, findings, bots } };
      },
    }),
    defineRoute({
      method: "POST",
      path: `${PATH}/events`,
      summary: "Deliver an event of a FreshChat account",
      description:
        "As the app got it from FreshChat. Recorded before it is answered; an event that is delivered twice acts once. At most 256 kB.",
      tag: TAG,
      scopes: SCOPES,
      body: z.strictObject({
        freshchatUrl: FreshchatUrl,
        event: z.looseObject({ event: z.string().max(200) }).meta({ description: "The product event" }),
      }),
      bodyLimit: EVENT_LIMIT,
      responses: { 202: { description: "Recorded", schema: z.strictObject({ received: z.literal(true) }) } },
      errors: [404],
      idempotent: false,
      async handler({ principal, body }) {
        const { workspaceId } = principal;
        const connection = found(await installedAs(store.read, deps, { workspaceId, freshchatUrl: body.freshchatUrl }));
        const connector = found(await deps.handoffs.connectors.get(workspaceId, connection.id));
        // The app's settings hold its credentials; an app that passes them along must not have them kept here.
        const { iparams: _settings, ...event } = body.event;
        const heard = { store, clock: deps.clock, log: deps.log, wake: deps.wakeWebhooks };
        await hear(heard, connection, connector.toInbound(event), JSON.stringify(event));
        return { status: 202, body: { received: true } };
      },
    }),
    ...installationConversationRoutes(deps),
    defineRoute({
      method: "POST",
      path: `${PATH}/uninstall`,
      summary: "Remove a FreshChat account",
      description:
        "Called by Baton's Freshworks app when it is uninstalled. The connection and its credentials are gone, bots send handoffs " +
        "elsewhere, nobody is left waiting for a person there, and the key used is refused from now on, unless another account was " +
        "registered with it.",
      tag: TAG,
      scopes: SCOPES,
      body: z.strictObject({ freshchatUrl: FreshchatUrl }),
      responses: {
        200: { description: "Removed, now or before", schema: z.strictObject({ removed: z.literal(true) }) },
      },
      idempotent: false,
      async handler({ principal, body, now, unit, audit }) {
        const { workspaceId, tokenId } = principal;
        const of = { workspaceId, freshchatUrl: body.freshchatUrl };
        const seen = await installedAs(store.read, deps, of);
        if (seen !== null) {
          const place = { workspaceId, connectionId: seen.id };
          // First, so that no new handoff goes there meanwhile.
          await leaveAhead(deps.handoffs, place, (tx) => takeOutOfBots(audit.tx(tx), workspaceId, seen.id));
        }
        const { body: gone } = await unit(async (tx) => {
          await tx.lockWorkspace(workspaceId);
          const connection = await installedAs(tx, deps, of);
          if (connection !== null) {
            const place = { workspaceId, connectionId: connection.id };
            await takeOutOfBots(tx, workspaceId, connection.id);
            await leaveNow(tx, deps.handoffs, place);
            await tx.deleteConnection(workspaceId, connection.id);
          }
          const isRevoked = await revokeUnlessNeeded(tx, workspaceId, tokenId, now);
          return { status: 200, body: { connectionId: connection?.id ?? null, isRevoked } };
        });
        if (gone.isRevoked) tokens.revoke(tokenId);
        if (gone.connectionId !== null) deps.connectionChanged(gone.connectionId);
        return { status: 200, body: { removed: true } };
      },
    }),
  ];
}

/** A key that another account's installation still needs goes on working. True when it was revoked. */
async function revokeUnlessNeeded(tx: Tx, workspaceId: string, tokenId: string, now: Date): Promise<boolean> {
  const connections = await tx.connections(workspaceId);
  if (connections.some(({ config }) => config["installedWith"] === tokenId)) return false;
  await tx.revokeToken(workspaceId, tokenId, now);
  return true;
}
