import { newId } from "../ids.ts";
import type { Clock, Inbound, Log, Store } from "../ports.ts";
import type { Connection } from "../ports-store.ts";

export interface HearDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Something has been recorded. */
  readonly wake: () => void;
}

/** "Last webhook seen" is told to the minute: not every webhook is worth a write to the connection. */
const SEEN_EVERY_MS = 60_000;

/**
 * A helpdesk's webhook (or a product event of its marketplace), verified and read: recorded once where it concerns a handoff, before it is answered.
 *
 * A helpdesk may send what happens in its whole account; a conversation of which no handoff is known costs one read and no
 * write. One that is being opened at this very moment is looked at once it is open, whatever was told before.
 *
 * @returns what became of it
 */
export async function hear(
  deps: HearDeps,
  connection: Connection,
  inbound: Inbound,
  body: string,
): Promise<"recorded" | "repeated" | "ignored"> {
  if (await concernsUs(deps.store, connection, inbound))
    return (await record(deps, connection, inbound.dedupeKey, body)) ? "recorded" : "repeated";
  await noteSeen(deps, connection);
  return "ignored";
}

async function concernsUs(store: Store, { workspaceId, id }: Connection, inbound: Inbound): Promise<boolean> {
  if (inbound.presenceChanged || (inbound.hosted?.length ?? 0) > 0) return true;
  for (const conversationId of new Set(inbound.events.map((event) => event.conversationId)))
    if ((await store.read.handoffByRef(workspaceId, id, conversationId)) !== null) return true;
  return false;
}

async function record(deps: HearDeps, connection: Connection, dedupeKey: string, body: string): Promise<boolean> {
  const now = deps.clock();
  const { workspaceId, id: connectionId } = connection;
  const isNew = await deps.store.write(async (tx) => {
    if (isLongSeen(connection, now)) await tx.updateConnection(workspaceId, connectionId, { lastWebhookAt: now });
    const row = { id: newId("webhook"), workspaceId, connectionId, receivedAt: now, attempts: 0 };
    return await tx.recordWebhook({ ...row, body, dedupeKey });
  });
  if (isNew) deps.wake();
  else deps.log.debug("webhook_repeated", { workspaceId, connectionId });
  return isNew;
}

async function noteSeen(deps: HearDeps, connection: Connection): Promise<void> {
  const now = deps.clock();
  if (!isLongSeen(connection, now)) return;
  await deps.store.write((tx) => tx.updateConnection(connection.workspaceId, connection.id, { lastWebhookAt: now }));
}

const isLongSeen = (connection: Connection, now: Date): boolean =>
  connection.lastWebhookAt === null || now.getTime() - connection.lastWebhookAt.getTime() > SEEN_EVERY_MS;
