import type { Clock, ConnectorDeps, Log, Outgoing } from "../../src/ports.ts";
import { createAgentDirectory } from "./agents.ts";
import type { AgentDirectory } from "./agents.ts";
import { createClient } from "./client.ts";
import type { Client } from "./client.ts";
import type { FreshchatConfig } from "./config.ts";

/** One connection's FreshChat: what every ability of the connector works with. */
export interface Desk {
  readonly config: FreshchatConfig;
  readonly client: Client;
  readonly outgoing: Outgoing;
  readonly clock: Clock;
  readonly log: Log;
  readonly connectionId: string;
  /** Where Baton is, for FreshChat, without a trailing slash. */
  readonly batonUrl: string;
  readonly agents: AgentDirectory;
}

export function createDesk(config: FreshchatConfig, deps: ConnectorDeps): Desk {
  const client = createClient(config, deps);
  return {
    config,
    client,
    outgoing: deps.outgoing,
    clock: deps.clock,
    log: deps.log,
    connectionId: deps.connectionId,
    batonUrl: deps.baseUrl,
    agents: createAgentDirectory(client, deps.clock),
  };
}
