import type { Clock, ConnectorDeps, Outgoing } from "../../src/ports.ts";
import { DeliveryError } from "../../src/domain/delivery.ts";
import { createBotClient, createClient } from "./client.ts";
import type { Client } from "./client.ts";
import type { ChatwootConfig } from "./config.ts";

/** One connection's Chatwoot: what every ability of the connector works with. */
export interface Desk {
  readonly config: ChatwootConfig;
  readonly client: Client;
  /** With the token of Baton's agent bot; null while none is known. */
  readonly bot: Client | null;
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
    bot: createBotClient(config, deps),
    outgoing: deps.outgoing,
    clock: deps.clock,
    connectionId: deps.connectionId,
    batonUrl: deps.baseUrl,
    urlOf: (id) => `${config.baseUrl}/app/accounts/${config.accountId}/conversations/${id}`,
  };
}

/** The agent bot's client. Throws DeliveryError `credentials` while its token is not known. */
export function botOf({ bot }: Pick<Desk, "bot">): Client {
  if (bot !== null) return bot;
  throw new DeliveryError(
    "credentials",
    "The connection has no token of an agent bot in Chatwoot: run the install with the inboxes that the bot is to answer in.",
  );
}
