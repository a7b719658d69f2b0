import { createInboxConnector } from "../connectors/inbox/index.ts";
import { INBOX } from "./domain/settings.ts";
import type { Connectors } from "./handoffs/deps.ts";
import { wholeConfig } from "./http/routes/connection-config.ts";
import type { Clock, Connector, ConnectorFactory, Log, Outgoing, Store } from "./ports.ts";
import type { Quiet } from "./ports-bus.ts";
import type { Sealer } from "./secrets/sealing.ts";

/** Longest any helpdesk may still act after a time-out, for a connection that was not used since the start. */
const LONGEST_SETTLE_MS = 20_000;

export interface Registry extends Connectors {
  /** Drops what is kept of a connection that was changed or deleted. */
  forget(connectionId: string): void;
}

/** Makes each connection's connector when it is first needed, and keeps it until the connection changes. */
export function createRegistry(deps: {
  readonly store: Store;
  readonly factories: ReadonlyMap<string, ConnectorFactory>;
  readonly sealer: Sealer;
  readonly outgoing: Outgoing;
  readonly clock: Clock;
  readonly log: Log;
  readonly baseUrl: () => string;
  readonly quietOf?: (connectionId: string) => Quiet;
  /** Instead of the connector's own: for tests that cannot wait for the real one. */
  readonly settleMs?: number | undefined;
}): Registry {
  const { store, factories, sealer, outgoing, clock, log } = deps;
  const known = new Map<string, { version: number; connector: Connector }>();
  const inboxes = new Map<string, Connector>();

  function inboxOf(workspaceId: string): Connector {
    const made =
      inboxes.get(workspaceId) ??
      createInboxConnector({ onlineMembers: () => store.read.onlineMembers(workspaceId, clock()) });
    inboxes.set(workspaceId, made);
    return made;
  }

  return {
    async get(workspaceId, destinationId) {
      if (destinationId === INBOX) return inboxOf(workspaceId);
      const connection = await store.read.connection(workspaceId, destinationId);
      const factory = factories.get(connection?.type ?? "");
      if (connection === null || factory === undefined) return null;
      const kept = known.get(connection.id);
      if (kept?.version === connection.version) return kept.connector;
      const connector = factory.create(factory.parseConfig(wholeConfig(sealer, connection)), {
        connectionId: connection.id,
        workspaceId,
        baseUrl: deps.baseUrl(),
        outgoing,
        clock,
        log,
        quiet: deps.quietOf?.(connection.id),
      });
      known.set(connection.id, { version: connection.version, connector });
      return connector;
    },
    types: () => [...factories.keys()],
    isLocal: (destinationId) => destinationId === INBOX,
    settleMs: (connectionId) => deps.settleMs ?? known.get(connectionId)?.connector.settleMs ?? LONGEST_SETTLE_MS,
    forget: (connectionId) => void known.delete(connectionId),
  };
}
