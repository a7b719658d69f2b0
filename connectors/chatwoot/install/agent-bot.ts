import { z } from "zod";
import { isOurWebhook } from "../addresses.ts";
import type { ChatwootConfig } from "../config.ts";
import { AgentBot } from "../shapes.ts";
import type { Version } from "../version.ts";
import { wantedAddress } from "./inbox.ts";
import { makeOnce } from "./make-once.ts";
import { objects } from "./objects.ts";
import { keepConfig } from "./site.ts";
import type { Site } from "./site.ts";
import { StepFailure } from "./step-run.ts";
import type { Done } from "./step-run.ts";

export const AGENT_BOT = "agent_bot";

/** Bots of the account itself: those of the installation are nobody's to change. */
export async function listBots(site: Site): Promise<AgentBot[]> {
  const answer = z.array(AgentBot);
  const bots = await site.client().call({ method: "GET", path: "/agent_bots", doing: "list the agent bots", answer });
  return bots.filter((bot) => bot.system_bot !== true);
}

/** Our agent bot: its events come here, its token and its secret are kept. */
export async function ensureAgentBot(site: Site, { version }: { readonly version: Version }): Promise<Done<AgentBot>> {
  const address = wantedAddress(site, version.signsInboxes);
  const { record, isNew } = await makeOnce(site, {
    key: AGENT_BOT,
    find: async () => ourBot(site, await listBots(site)),
    make: () => make(site, address),
    also: ({ id }) => ({ config: { agentBotId: id } }),
  });
  const bot = record.outgoing_url === address ? record : await lead(site, record.id, address);
  const before = site.config();
  const after = await keysOf(site, version, { ...record, ...bot });
  await keepConfig(site, { ...after, agentBotId: bot.id });
  const name = `The agent bot ${bot.id}, "${bot.name ?? ""}"`;
  if (isNew) return { outcome: "made", message: `${name}, was made; its token was read.`, value: bot };
  const repairs = [
    ...(record.outgoing_url === address ? [] : ["where its events are sent"]),
    ...(before.agentBotId !== null && after.agentBotToken !== before.agentBotToken ? ["its token"] : []),
    ...(before.agentBotSecret !== null && after.agentBotSecret !== before.agentBotSecret ? ["its secret"] : []),
  ];
  if (repairs.length === 0) return { outcome: "found", message: `${name}, is there.`, value: bot };
  return { outcome: "repaired", message: `${name}, is there. Put right: ${repairs.join(", ")}.`, value: bot };
}

/** By its address; where somebody changed that, by the token that only it has; or one of our making with our name. */
export function ourBot(site: Site, bots: readonly AgentBot[]): AgentBot | null {
  const made = site.book.made(AGENT_BOT);
  const token = site.config().agentBotToken;
  const ours = bots.filter((bot) => isOurWebhook(bot.outgoing_url, site.place));
  return (
    ours.find((bot) => String(bot.id) === made) ??
    ours[0] ??
    bots.find((bot) => token !== null && bot.access_token === token) ??
    bots.find((bot) => String(bot.id) === made && bot.name === objects.agentBot.name) ??
    null
  );
}

function make(site: Site, address: string): Promise<AgentBot> {
  return site.client().call({
    method: "POST",
    path: "/agent_bots",
    doing: "make the agent bot",
    json: { ...objects.agentBot, outgoing_url: address, bot_type: 0 },
    answer: AgentBot,
  });
}

function lead(site: Site, id: number, address: string): Promise<AgentBot> {
  return site.client().call({
    method: "PATCH",
    path: `/agent_bots/${id}`,
    doing: "set up the agent bot",
    json: { outgoing_url: address },
    answer: AgentBot,
  });
}

type Keys = Pick<ChatwootConfig, "agentBotToken" | "agentBotSecret">;

async function keysOf(site: Site, version: Version, bot: AgentBot): Promise<Keys> {
  const has = (one: AgentBot): boolean => Boolean(one.access_token && (one.secret || !version.signsInboxes));
  const shown = has(bot) ? bot : await show(site, bot.id);
  const token = shown.access_token ?? site.config().agentBotToken;
  if (!token) {
    throw new StepFailure(
      `Chatwoot does not show the access token of the agent bot ${bot.id}.`,
      "Delete that bot under Settings, Bots, then run the install again: the token of a new one is shown.",
    );
  }
  if (!version.signsInboxes) return { agentBotToken: token, agentBotSecret: null };
  if (!shown.secret) {
    throw new StepFailure(
      `Chatwoot signs what its bots are told, and does not show the secret of the agent bot ${bot.id}.`,
      "Reset the bot's secret under Settings, Bots, then run the install again.",
    );
  }
  return { agentBotToken: token, agentBotSecret: shown.secret };
}

function show(site: Site, id: number): Promise<AgentBot> {
  return site
    .client()
    .call({ method: "GET", path: `/agent_bots/${id}`, doing: "show the agent bot", answer: AgentBot });
}
