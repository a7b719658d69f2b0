import type { Clock, ConnectorDeps, Outgoing } from "../../src/ports.ts";
import { createClient } from "./client.ts";
import type { Client } from "./client.ts";
import type { ChatwootConfig } from "./config.ts";

/** One connection's Chatwoot: what every ability of the connector works with. */
export interface Desk {
  readonly config: ChatwootConfig;
  readonly client: Client;
  readonly outgoing: Outgoing;
  readonly clock: Clock;
  readonly connectionId: string;
  /** Where Baton is, for Chatwoot, without a trailing slash. */
  readonly batonUrl: string;
  /** Where an agent finds a conversation. */
  urlOf(conversationId: string): string;
}

export function createDesk(config: ChatwootConfig, deps: ConnectorDeps): Desk {
  return {
    config,
    client: createClient(config, deps),
    outgoing: deps.outgoing,
    clock: deps.clock,
    connectionId: deps.connectionId,
    batonUrl: deps.baseUrl,
    urlOf: (id) => `${config.baseUrl}/app/accounts/${config.accountId}/conversations/${id}`,
  };
}
