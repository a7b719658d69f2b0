import { hash, timingSafeEqual } from "node:crypto";
import { Router } from "express";
import type { IncomingMessage } from "node:http";
import { HandoffError } from "../src/domain/errors.ts";
import type { Connectors } from "../src/handoffs/deps.ts";
import { newId } from "../src/ids.ts";
import type { Clock, Log, Store } from "../src/ports.ts";
import type { Connection } from "../src/ports-store.ts";

export interface WebhookDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly connectors: Connectors;
  /** The body's bytes as they came. Throws HandoffError `body_too_large`. */
  readonly readBytes: (request: IncomingMessage, limit: number) => Promise<Buffer>;
  /** Strict UTF-8, limited depth, cleaned. Throws HandoffError `malformed_body`. */
  readonly parseJson: (bytes: Buffer) => unknown;
  /** Something has been recorded. */
  readonly wake: () => void;
}

const BODY_LIMIT = 1024 * 1024;
/** "Last webhook seen" is told to the minute: not every webhook is worth a write to the connection. */
const SEEN_EVERY_MS = 60_000;

/**
 * The helpdesks' door: `/webhooks/<type>/<connectionId>`, with a secret behind it for helpdesks too old to sign. Verified on
 * the bytes as they came, recorded once, answered, then worked on (style.md section 5).
 */
export function helpdeskWebhooks(deps: WebhookDeps): Router {
  const router = Router();
  router.post("/:type/:connectionId{/:secret}", async (request, response) => {
    const { type, connectionId, secret } = request.params;
    const bytes = await deps.readBytes(request, BODY_LIMIT);
    const connection = await deps.store.read.connectionById(connectionId);
    if (connection === null || connection.type !== type) throw new HandoffError("not_found");
    const connector = await deps.connectors.get(connection.workspaceId, connection.id);
    if (connector === null) throw new HandoffError("not_found");
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : value]),
    );
    const pathSecret = secret !== undefined && isSame(secret, connection.pathSecret) ? secret : null;
    connector.verify({ headers, body: bytes, pathSecret }, deps.clock());
    const { events, dedupeKey } = connector.toInbound(deps.parseJson(bytes));
    if (events.length > 0) await record(deps, connection, { body: bytes.toString("utf8"), dedupeKey });
    else await noteSeen(deps, connection);
    response.status(200).json({ received: true });
  });
  return router;
}

async function record(
  deps: WebhookDeps,
  connection: Connection,
  told: { body: string; dedupeKey: string },
): Promise<void> {
  const now = deps.clock();
  const { workspaceId, id: connectionId } = connection;
  const isNew = await deps.store.write(async (tx) => {
    if (isLongSeen(connection, now)) await tx.updateConnection(workspaceId, connectionId, { lastWebhookAt: now });
    const row = { id: newId("webhook"), workspaceId, connectionId, receivedAt: now, attempts: 0 };
    return await tx.recordWebhook({ ...row, body: told.body, dedupeKey: told.dedupeKey });
  });
  if (isNew) deps.wake();
  else deps.log.debug("webhook_repeated", { workspaceId, connectionId });
}

async function noteSeen(deps: WebhookDeps, connection: Connection): Promise<void> {
  const now = deps.clock();
  if (!isLongSeen(connection, now)) return;
  await deps.store.write((tx) => tx.updateConnection(connection.workspaceId, connection.id, { lastWebhookAt: now }));
}

const isLongSeen = (connection: Connection, now: Date): boolean =>
  connection.lastWebhookAt === null || now.getTime() - connection.lastWebhookAt.getTime() > SEEN_EVERY_MS;

/** Compares digests, so that neither the length nor the time taken tells anything. */
function isSame(given: string, wanted: string): boolean {
  return timingSafeEqual(hash("sha256", given, "buffer"), hash("sha256", wanted, "buffer"));
}
