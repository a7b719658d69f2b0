import type { Connection } from "../../ports-store.ts";
import type { Deps } from "../deps.ts";
import { botFor, conversationOf } from "./look.ts";
import type { HostedLooks } from "./look.ts";
import { hostedId } from "./place.ts";

/**
 * Asks every channel which conversations wait for a bot, and looks at those with words of which no webhook has told: a lost one
 * costs a minute, not a message (reliability.md P10). A channel that fails is asked again the next time; nothing is thrown.
 */
export async function lookAtWaiting(deps: Deps, looks: HostedLooks): Promise<void> {
  const connections = await deps.store.read.connectionsOfTypes(deps.connectors.types());
  for (const connection of connections) {
    if (deps.circuits.isDown(connection.id)) continue;
    try {
      await lookAt(deps, looks, connection);
    } catch (error) {
      const { id: connectionId, workspaceId } = connection;
      deps.log.warn("waiting_not_listed", { workspaceId, connectionId, error });
    }
  }
}

async function lookAt(deps: Deps, looks: HostedLooks, { workspaceId, id: connectionId }: Connection): Promise<void> {
  const connector = await deps.connectors.get(workspaceId, connectionId);
  const channel = connector?.channel;
  const botId = channel === undefined ? null : await botFor(deps, workspaceId, channel);
  if (channel === undefined || botId === null) return;
  for (const { conversationId, newestExternalId } of await channel.waiting()) {
    const place = { workspaceId, connectionId, conversationId };
    const conversation = await conversationOf(deps, place, botId);
    const newest = newestExternalId === null ? null : hostedId({ connectionId }, newestExternalId);
    const isKnown =
      conversation !== null &&
      (conversation.host?.unheard ?? null) === null &&
      newest !== null &&
      (await deps.store.read.messageByExternalId(workspaceId, conversation.id, newest)) !== null;
    if (!isKnown) await looks.look(place);
  }
}
