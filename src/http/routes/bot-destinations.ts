import { INBOX } from "../../domain/settings.ts";
import type { Destination } from "../../domain/settings.ts";
import type { Bot, Tx } from "../../ports-store.ts";
import { patched, rawOf, showSettings } from "./bot-settings.ts";

/**
 * What connecting and disconnecting a helpdesk does to the bots of its workspace. Under the workspace's lock, like every change of
 * settings: two that read the same ones would both store the same version of them, and one would be lost.
 */

const namesDestinations = (bot: Bot): boolean => rawOf(bot.settings)["destinations"] !== undefined;
const namesIt = (bot: Bot, connectionId: string): boolean =>
  showSettings(bot).destinations.some(({ id }) => id === connectionId);

/** Bots whose settings send handoffs to the connection. */
export async function botsSendingTo(tx: Tx, workspaceId: string, connectionId: string): Promise<readonly Bot[]> {
  return (await tx.bots(workspaceId)).filter((bot) => namesIt(bot, connectionId));
}

/** Bots that say nothing about where handoffs go send them here, and to the inbox when that fails. The others' choice stands. */
export async function useForUndecidedBots(tx: Tx, workspaceId: string, connectionId: string): Promise<void> {
  await tx.lockWorkspace(workspaceId);
  for (const bot of await tx.bots(workspaceId))
    if (!namesDestinations(bot)) await setDestinations(tx, bot, [connectionId, INBOX]);
}

/** No bot names the connection any more. Where nothing but the inbox is left, the bot is one that says nothing again. */
export async function takeOutOfBots(tx: Tx, workspaceId: string, connectionId: string): Promise<void> {
  await tx.lockWorkspace(workspaceId);
  for (const bot of await botsSendingTo(tx, workspaceId, connectionId)) {
    const left = showSettings(bot).destinations.filter(({ id }) => id !== connectionId);
    await setDestinations(tx, bot, left.every(isPlainInbox) ? null : left);
  }
}

const isPlainInbox = ({ id, team, priority, labels }: Destination): boolean =>
  id === INBOX && team === null && priority === null && labels.length === 0;

/** @param destinations null: the default, which is the inbox */
async function setDestinations(tx: Tx, bot: Bot, destinations: readonly unknown[] | null): Promise<void> {
  await tx.updateBot(bot.workspaceId, bot.id, {
    settings: patched(bot.settings, { destinations }),
    settingsVersion: bot.settingsVersion + 1,
  });
}
