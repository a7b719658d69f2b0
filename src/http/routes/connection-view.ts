import { z } from "zod";
import type { Connection } from "../../ports-store.ts";
import { Instant, instantOrNull } from "../shapes.ts";
import { tryToOpen } from "./connection-config.ts";
import type { AdminDeps } from "./deps.ts";

/** A connection as admins see it: everything but its secrets. */
export const ConnectionShown = z
  .strictObject({
    id: z.string(),
    type: z.string(),
    name: z.string(),
    config: z.record(z.string(), z.unknown()).meta({ description: "Without secrets" }),
    secrets: z.record(z.string(), z.boolean()).meta({ description: "Which secrets are stored; never what they are" }),
    webhookUrl: z.string().meta({ description: "Where the helpdesk sends its webhooks, when it signs them" }),
    webhookUrlUnsigned: z.string().meta({ description: "The same for a helpdesk too old to sign: keep it secret" }),
    installed: z
      .record(z.string(), z.string())
      .nullable()
      .meta({ description: "What was made in the helpdesk, by step of the install; null when nothing was" }),
    problem: z.string().nullable().meta({ description: "What is wrong, in words; null when it works" }),
    problemSince: Instant.nullable(),
    lastWebhookAt: Instant.nullable(),
    createdAt: Instant,
  })
  .meta({ id: "Connection" });

/** Where the helpdesk sends the webhooks of a connection. */
export const webhookUrlOf = (baseUrl: string, { type, id }: Pick<Connection, "type" | "id">): string =>
  `${baseUrl}/webhooks/${type}/${id}`;

export function showConnection(
  deps: Pick<AdminDeps, "factories" | "sealer" | "baseUrl">,
  connection: Connection,
): z.infer<typeof ConnectionShown> {
  const secretFields = deps.factories.get(connection.type)?.secretFields ?? [];
  const { secrets, problem } = tryToOpen(deps.sealer, connection);
  const webhookUrl = webhookUrlOf(deps.baseUrl(), connection);
  return {
    id: connection.id,
    type: connection.type,
    name: connection.name,
    config: { ...connection.config },
    secrets: Object.fromEntries(secretFields.map((field) => [field, typeof secrets[field] === "string"])),
    webhookUrl,
    webhookUrlUnsigned: `${webhookUrl}/${connection.pathSecret}`,
    installed: connection.installed === null ? null : { ...connection.installed },
    problem: problem ?? connection.problem,
    problemSince: instantOrNull(connection.problemSince),
    lastWebhookAt: instantOrNull(connection.lastWebhookAt),
    createdAt: connection.createdAt.toISOString(),
  };
}
