import { DeliveryError } from "../../src/domain/delivery.ts";
import type { ChatwootConfig } from "./config.ts";

/** The account that the connection works in. Throws DeliveryError `credentials` until one is known. */
export function accountOf({ accountId }: Pick<ChatwootConfig, "accountId">): number {
  if (accountId !== null) return accountId;
  throw new DeliveryError(
    "credentials",
    "The connection names no account of Chatwoot yet: run the install, or set the account's number in its settings.",
  );
}

/** The API inbox that handoffs go into. Throws DeliveryError `credentials` until one is known. */
export function inboxOf({ inboxId }: Pick<ChatwootConfig, "inboxId">): number {
  if (inboxId !== null) return inboxId;
  throw new DeliveryError(
    "credentials",
    "The connection has no API inbox in Chatwoot yet: run the install, or set the inbox's number in its settings.",
  );
}
