import { z } from "zod";
import type { Client } from "../client.ts";
import { Id } from "../shapes.ts";

const Bot = z.looseObject({ id: Id.nullish().catch(null), name: z.string().nullish().catch(null) });
/** The bot below `agent_bot`, which is empty where there is none. The published description shows it bare. */
const Holder = Bot.extend({ agent_bot: Bot.nullish().catch(null) })
  .nullish()
  .catch(null);

export interface InboxBot {
  readonly id: number;
  readonly name: string;
}

/** The bot of an inbox; null for none. Throws DeliveryError. */
export async function botOfInbox(client: Client, inboxId: number): Promise<InboxBot | null> {
  const path = `/inboxes/${inboxId}/agent_bot`;
  const holder = await client.call({ method: "GET", path, doing: "show the inbox's bot", answer: Holder });
  const bot = holder?.agent_bot ?? holder;
  return bot?.id ? { id: bot.id, name: bot.name ?? `bot ${bot.id}` } : null;
}

/** Gives an inbox a bot, or none. Throws DeliveryError. */
export async function setBotOfInbox(client: Client, inboxId: number, botId: number | null): Promise<void> {
  const path = `/inboxes/${inboxId}/set_agent_bot`;
  const doing = botId === null ? "take the bot out of the inbox" : "give the inbox the bot";
  await client.call({ method: "POST", path, doing, json: { agent_bot: botId }, answer: null });
}
