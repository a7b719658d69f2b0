import { z } from "zod";
import { HandoffError } from "../../domain/errors.ts";
import { newId, newSecret } from "../../ids.ts";
import { saveProblem } from "../../handoffs/news.ts";
import { leaveAhead, leaveNow } from "../../handoffs/leave.ts";
import type { ConnectorFactory } from "../../ports.ts";
import type { Connection, Tx } from "../../ports-store.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import { found, mapPage, Name, pageOf, PageQuery, sliceOf } from "../shapes.ts";
import { takeOutOfBots } from "./bot-destinations.ts";
import { showSettings } from "./bot-settings.ts";
import { connectionCheckRoutes } from "./connection-check.ts";
import { checkBotIn, patchedConfig, readConfig, sealSecrets, tryToOpen } from "./connection-config.ts";
import { connectionLike } from "./connection-reuse.ts";
import { connectionTypeRoutes } from "./connection-types.ts";
import { ConnectionShown, showConnection } from "./connection-view.ts";
import type { AdminDeps } from "./deps.ts";
import { provisionRoutes } from "./provision.ts";
import { createInstalls } from "./provision-run.ts";

const Config = z.record(z.string().max(100), z.unknown()).meta({
  description: "As the connection's type asks for it: see GET /v1/connection-types",
  examples: [{ baseUrl: "https://chat.example.com", apiAccessToken: "…" }],
});

export function connectionRoutes(deps: AdminDeps): Route[] {
  const { store, sealer, factories, outgoing } = deps;

  const installs = createInstalls(deps);
  const show = (connection: Connection) => showConnection(deps, connection);

  function factoryOf(type: string): ConnectorFactory {
    const factory = factories.get(type);
    if (factory !== undefined) return factory;
    throw new HandoffError("validation_failed", undefined, {
      faults: [{ path: "type", message: `must be one of: ${[...factories.keys()].join(", ")}`, code: "unknown_type" }],
    });
  }

  const read = async (workspaceId: string, id: string | undefined) =>
    found(await store.read.connection(workspaceId, id ?? ""));

  return [
    ...connectionTypeRoutes(deps),
    defineRoute({
      method: "POST",
      path: "/v1/connections",
      summary: "Connect a helpdesk",
      description:
        "Credentials are sealed and never shown again. Nothing is called here: check the connection afterwards, or have the helpdesk " +
        "set up, for which its address and a token are enough.",
      tag: "Connections",
      scopes: ["admin"],
      body: z.strictObject({
        type: z
          .string()
          .min(1)
          .max(50)
          .meta({ examples: ["chatwoot"] }),
        name: Name.optional(),
        config: Config,
        reuse: z.boolean().default(false).meta({
          description: "Answers with the connection that leads there already, as it is, in the place of a second one",
        }),
      }),
      responses: {
        200: { description: "The connection that was there", schema: ConnectionShown },
        201: { description: "The connection", schema: ConnectionShown },
      },
      errors: [409],
      idempotent: true,
      async handler({ principal, body, now, unit }) {
        const { workspaceId } = principal;
        const factory = factoryOf(body.type);
        const { config, secrets } = readConfig(factory, body.config, outgoing);
        return unit(async (tx) => {
          await tx.lockWorkspace(workspaceId);
          await checkBotIn(tx, workspaceId, config);
          const before = body.reuse ? await connectionLike(tx, factory, { workspaceId, config }) : null;
          if (before !== null) return { status: 200, body: show(before) };
          const id = newId("connection");
          const connection: Connection = {
            id,
            workspaceId,
            type: factory.type,
            name: body.name ?? factory.title,
            config,
            sealedSecrets: sealSecrets(sealer, { workspaceId, id }, secrets),
            pathSecret: newSecret(),
            problem: null,
            problemSince: null,
            lastWebhookAt: null,
            installed: null,
            version: 1,
            createdAt: now,
          };
          await tx.createConnection(connection);
          return { status: 201, body: show(connection) };
        });
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/connections",
      summary: "List connections",
      tag: "Connections",
      scopes: ["admin"],
      query: PageQuery,
      responses: { 200: { description: "The workspace's connections", schema: pageOf(ConnectionShown) } },
      idempotent: false,
      async handler({ principal, query }) {
        const connections = await store.read.connections(principal.workspaceId);
        return { status: 200, body: mapPage(sliceOf(connections, query), show) };
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/connections/{id}",
      summary: "Read a connection",
      tag: "Connections",
      scopes: ["admin"],
      responses: { 200: { description: "The connection, without its secrets", schema: ConnectionShown } },
      idempotent: false,
      async handler({ principal, params }) {
        return { status: 200, body: show(await read(principal.workspaceId, params["id"])) };
      },
    }),
    defineRoute({
      method: "PATCH",
      path: "/v1/connections/{id}",
      summary: "Change a connection",
      description:
        "`config` is merged field by field; `null` takes a field away. When the address changes, the stored credentials are " +
        "dropped and must be sent along: they never go to a host that they were not given for.",
      tag: "Connections",
      scopes: ["admin"],
      body: z.strictObject({ name: Name.optional(), config: Config.optional() }),
      responses: { 200: { description: "The connection as it is now", schema: ConnectionShown } },
      idempotent: true,
      async handler({ principal, params, body, now, unit }) {
        const { workspaceId } = principal;
        const made = await unit(async (tx) => {
          await tx.lockWorkspace(workspaceId);
          const connection = found(await tx.connection(workspaceId, params["id"] ?? ""));
          const split =
            body.config === undefined
              ? null
              : patchedConfig(
                  factoryOf(connection.type),
                  { config: connection.config, secrets: tryToOpen(sealer, connection).secrets },
                  body.config,
                  outgoing,
                );
          if (split !== null) await checkBotIn(tx, workspaceId, split.config);
          const named = { ...(body.name !== undefined && { name: body.name }), version: connection.version + 1 };
          if (split === null) {
            await tx.updateConnection(workspaceId, connection.id, named);
            return { status: 200, body: show({ ...connection, ...named }) };
          }
          const sealedSecrets = sealSecrets(sealer, connection, split.secrets);
          const patch = { ...named, config: split.config, sealedSecrets };
          // What was wrong was said of the former configuration; the next call finds out about this one.
          const told = await saveProblem(tx, connection, null, now, patch);
          await tx.hurryConnection(workspaceId, connection.id, now);
          return { status: 200, body: show({ ...connection, ...patch, ...told }) };
        });
        deps.connectionChanged(made.body.id);
        if (body.config !== undefined) deps.connectionMended(made.body.id);
        return made;
      },
    }),
    defineRoute({
      method: "DELETE",
      path: "/v1/connections/{id}",
      summary: "Remove a connection",
      description:
        "Refused while a bot's settings name it as a destination, unless they are to forget it. Nothing is done in the helpdesk: see " +
        "/deprovision. Its credentials are gone at once. Nobody is left waiting for " +
        "a person there: what nobody had accepted goes on to the next destination or becomes a lead, the rest ends.",
      tag: "Connections",
      scopes: ["admin"],
      query: z.strictObject({
        removeFromBots: z.enum(["true", "false"]).default("false").meta({
          description: "`true`: no bot's settings name it any more; `false`: refused while one does",
        }),
      }),
      responses: { 204: { description: "Removed" } },
      errors: [409],
      idempotent: false,
      async handler({ principal, params, query, unit, audit }) {
        const { workspaceId } = principal;
        const id = params["id"] ?? "";
        const place = { workspaceId, connectionId: id };
        found(await store.read.connection(workspaceId, id));
        installs.refuseWhileRunning(id);
        const unname = query.removeFromBots === "true" ? takeOutOfBots : refuseWhileNamed;
        await leaveAhead(deps.handoffs, place, (tx) => unname(audit.tx(tx), workspaceId, id));
        const { status } = await unit(async (tx) => {
          await tx.lockWorkspace(workspaceId);
          found(await tx.connection(workspaceId, id));
          await unname(tx, workspaceId, id);
          await leaveNow(tx, deps.handoffs, place);
          await tx.deleteConnection(workspaceId, id);
          return { status: 204 };
        });
        deps.connectionChanged(id);
        return { status };
      },
    }),
    ...connectionCheckRoutes(deps),
    ...provisionRoutes(deps, installs),
  ];
}

async function refuseWhileNamed(tx: Tx, workspaceId: string, connectionId: string): Promise<void> {
  const bots = await tx.bots(workspaceId);
  const naming = bots.filter((bot) => showSettings(bot).destinations.some(({ id }) => id === connectionId));
  if (naming.length === 0) return;
  const names = naming.map(({ name, id }) => `${name} (${id})`).join(", ");
  throw new HandoffError(
    "conflict",
    `These bots name the connection as a destination: ${names}. Change their settings first`,
  );
}
