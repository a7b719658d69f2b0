import type { Conversation } from "../../domain/conversation.ts";
import { HandoffError } from "../../domain/errors.ts";
import type { Channel } from "../../ports-channel.ts";
import type { Deps } from "../deps.ts";
import { applyHosted } from "./apply.ts";
import { hostedKey } from "./place.ts";

/** A conversation of a channel, by the channel's own name of it. */
export interface HostedPlace {
  readonly workspaceId: string;
  readonly connectionId: string;
  readonly conversationId: string;
}

export interface HostedLooks {
  /** Reads the conversation and applies what is new. Throws DeliveryError. */
  look(place: HostedPlace): Promise<void>;
}

/** One look at a time for each conversation. Whoever asks while one runs shares the one after it, which sees their news. */
export function createHostedLooks(deps: Deps): HostedLooks {
  const running = new Map<string, { promise: Promise<void>; next: Promise<void> | null }>();

  function start(place: HostedPlace, key: string): Promise<void> {
    const promise = lookOnce(deps, place).finally(() => {
      if (running.get(key)?.promise === promise) running.delete(key);
    });
    running.set(key, { promise, next: null });
    return promise;
  }

  return {
    look(place) {
      const key = hostedKey(place.connectionId, place.conversationId);
      const entry = running.get(key);
      if (entry === undefined) return start(place, key);
      entry.next ??= entry.promise.catch(() => undefined).then(() => start(place, key));
      return entry.next;
    },
  };
}

async function lookOnce(deps: Deps, place: HostedPlace): Promise<void> {
  const { workspaceId, connectionId, conversationId } = place;
  const connector = await deps.connectors.get(workspaceId, connectionId);
  if (connector?.channel === undefined) return;
  const botId = await botFor(deps, workspaceId, connector.channel);
  if (botId === null) {
    deps.log.warn("no_bot_for_channel", { workspaceId, connectionId });
    return;
  }
  const known = await conversationOf(deps, place, botId);
  const askedAt = deps.clock();
  const view = await connector.channel.read(conversationId, known?.host?.cursor ?? null);
  await deps.store.write((tx) => applyHosted(tx, deps, { ...place, botId, askedAt }, view));
}

/** The bot that answers in a channel. Null when there is none: it was deleted, or the settings name another workspace's. */
export async function botFor(deps: Pick<Deps, "store">, workspaceId: string, channel: Channel): Promise<string | null> {
  if (channel.botId !== null) return (await deps.store.read.bot(workspaceId, channel.botId))?.id ?? null;
  const bots = await deps.store.read.bots(workspaceId);
  return bots[0]?.id ?? null;
}

/** What Baton knows of a channel's conversation. */
export function conversationOf(
  deps: Pick<Deps, "store">,
  place: HostedPlace,
  botId: string,
): Promise<Conversation | null> {
  const key = hostedKey(place.connectionId, place.conversationId);
  return deps.store.read.conversationByKey(place.workspaceId, botId, key);
}

/** The place of a conversation that Baton hosts. Throws HandoffError `not_found` for one that it does not. */
export function placeOf({ workspaceId, host }: Conversation): HostedPlace {
  if (host === null) throw new HandoffError("not_found");
  return { workspaceId, connectionId: host.connectionId, conversationId: host.conversationId };
}
