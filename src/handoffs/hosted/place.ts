import type { Conversation, Host } from "../../domain/conversation.ts";
import type { Handoff, HelpdeskRef } from "../../domain/handoff.ts";
import type { Destination } from "../../domain/settings.ts";

/** Conversations that Baton hosts: the visitor is in a channel of a connection, and the bot is asked by Baton. */

/** Baton's key of a channel's conversation: what the bot names it by. */
export const hostedKey = (connectionId: string, conversationId: string): string => `${connectionId}:${conversationId}`;

/** What Baton knows a channel's message by. */
export const hostedId = (host: Pick<Host, "connectionId">, externalId: string): string =>
  `${host.connectionId}:${externalId}`;

/** Whether the helpdesk's agents answer in the very conversation in which the bot spoke. */
export const isInPlace = (
  conversation: Pick<Conversation, "host">,
  destination: Pick<Destination, "id"> | null,
): boolean => conversation.host !== null && conversation.host.connectionId === destination?.id;

/** The handoff's conversation when it takes place where the visitor is. */
export const refOf = (host: Host): HelpdeskRef => ({
  conversationId: host.conversationId,
  contactId: host.contactId,
  url: host.url,
});

/** The team has the conversation there, or is being given it: what Baton has to say would be talked over them. */
export const isTeams = (conversation: Pick<Conversation, "host">, handoff: Handoff | null): boolean =>
  handoff !== null &&
  handoff.mode === "live" &&
  handoff.endedAt === null &&
  isInPlace(conversation, handoff.destination) &&
  (handoff.opened || handoff.status === "acknowledged");
