import type { Inbound } from "../../src/ports.ts";

/** Whose webhooks are ours, and who in them is Baton itself. */
export interface Receiver {
  /** The account's `app_id`; null while it is not known. */
  readonly appId: string | null;
  /** The bot's own agent seat; null when it has none. */
  readonly agentId: string | null;
}

/**
 * A webhook of the account, or an event that the Marketplace app forwarded, in our words. Pure.
 *
 * @throws HandoffError `malformed_body` for what is no webhook at all
 */
export function toInbound(_payload: unknown, _receiver: Receiver): Inbound {
  return { dedupeKey: "", events: [] };
}
