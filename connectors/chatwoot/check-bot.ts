import { z } from "zod";
import type { Finding } from "../../src/ports.ts";
import { isOurWebhook, webhookAddress } from "./addresses.ts";
import type { Desk } from "./desk.ts";
import { Refusal } from "./failures.ts";
import { fine, wrong } from "../findings.ts";
import { botOfInbox } from "./install/inbox-bot.ts";
import { AccountWebhook, AgentBot, wrapped } from "./shapes.ts";
import { secretsIn } from "./signature.ts";
import type { Version } from "./version.ts";

const TIMEOUT_MS = 8_000;
const AGAIN = "Run the install again: it puts this right.";

interface Circumstances {
  readonly version: Version;
  /** Only administrators see tokens, secrets and webhooks. */
  readonly isAdministrator: boolean;
}

/** The agent bot, its inboxes and what tells of them; nothing for a connection that has none. */
export async function botFindings(desk: Desk, circumstances: Circumstances): Promise<Finding[]> {
  const { config } = desk;
  if (config.agentBotId === null && config.botInboxIds.length === 0) return [];
  const bots = await desk.client.call({
    method: "GET",
    path: "/agent_bots",
    doing: "list the agent bots",
    answer: z.array(AgentBot),
    timeoutMs: TIMEOUT_MS,
  });
  const bot = bots.find(({ id }) => id === config.agentBotId) ?? null;
  return [
    botFinding(desk, bot, circumstances),
    ...(await tokenFindings(desk, circumstances)),
    ...(bot === null ? [] : await inboxesFindings(desk, bot)),
    ...(await accountWebhookFindings(desk, circumstances)),
  ];
}

function botFinding(desk: Desk, bot: AgentBot | null, { version, isAdministrator }: Circumstances): Finding {
  const step = "agent_bot";
  const { config } = desk;
  if (bot === null) return wrong(step, "Baton's agent bot is not in the account any more: it was deleted.", AGAIN);
  if (!leadsHere(desk, bot.outgoing_url, version.signsInboxes)) {
    return wrong(
      step,
      "What happens in the bot's inboxes is sent elsewhere: the bot's webhook address was changed.",
      AGAIN,
    );
  }
  if (isAdministrator && bot.access_token && bot.access_token !== config.agentBotToken) {
    return wrong(step, "The bot's access token was reset since, so the bot cannot answer.", AGAIN);
  }
  const isOther = Boolean(bot.secret) && !secretsIn(config.agentBotSecret).includes(bot.secret ?? "");
  if (isAdministrator && version.signsInboxes && isOther) {
    return wrong(step, "The bot's secret was reset since, so its webhooks are refused.", AGAIN);
  }
  if (isAdministrator && version.signsInboxes && !bot.secret) {
    const fix = `Reset the bot's secret under Settings, Bots. ${AGAIN}`;
    return wrong(
      step,
      `Chatwoot ${version.text} signs webhooks, but the bot has no secret: its webhooks are refused.`,
      fix,
    );
  }
  return fine(step, `The agent bot ${bot.id} leads to this connection.`);
}

/** Only newer releases let a bot read anything: there, what is asked for need not exist. */
async function tokenFindings({ bot, config }: Desk, { version }: Circumstances): Promise<Finding[]> {
  const step = "agent_bot_token";
  if (config.botInboxIds.length === 0) return [];
  if (bot === null)
    return [wrong(step, "The connection has no token of the agent bot, so the bot answers nobody.", AGAIN)];
  if (!version.letsBotsRead) return [];
  const call = { method: "GET", path: "/conversations/0", doing: "take the agent bot's token" } as const;
  try {
    await bot.tryCall({ ...call, answer: z.unknown(), timeoutMs: TIMEOUT_MS }, [404]);
    return [fine(step, "The agent bot's token works.")];
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) return [wrong(step, error.message, AGAIN)];
    throw error;
  }
}

/** Where a release does not sign, an address without the secret at its end is refused. */
function leadsHere(desk: Desk, url: string | null | undefined, isSigned: boolean): boolean {
  const ours = webhookAddress(desk);
  return (
    isOurWebhook(url, desk) &&
    (isSigned ? url === ours : true) &&
    Boolean(url?.startsWith(isSigned ? ours : `${ours}/`))
  );
}

async function inboxesFindings(desk: Desk, bot: AgentBot): Promise<Finding[]> {
  const { botInboxIds } = desk.config;
  if (botInboxIds.length === 0) return [];
  const faults: string[] = [];
  for (const id of botInboxIds) {
    const holder = await tried(() => botOfInbox(desk.client, id));
    if (holder === "unknown") faults.push(`inbox ${id} is not there any more, or not seen with this token`);
    else if (holder === null) faults.push(`the bot was taken out of inbox ${id}, so nobody answers there but the team`);
    else if (holder.id !== bot.id) faults.push(`inbox ${id} has another bot, "${holder.name}"`);
  }
  if (faults.length === 0) return [fine("bot_inboxes", `The bot is in inboxes ${botInboxIds.join(", ")}.`)];
  const message = `${faults.join("; ")}.`;
  return [
    wrong(
      "bot_inboxes",
      message.charAt(0).toUpperCase() + message.slice(1),
      `${AGAIN} Or choose other inboxes for the bot.`,
    ),
  ];
}

async function tried<T>(act: () => Promise<T>): Promise<T | "unknown"> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof Refusal && [401, 403, 404].includes(error.status)) return "unknown";
    throw error;
  }
}

/** Only where bots are not told of status changes, and only administrators see it. */
async function accountWebhookFindings(desk: Desk, { version, isAdministrator }: Circumstances): Promise<Finding[]> {
  const step = "account_webhook";
  if (version.tellsBotsStatus || !isAdministrator || desk.config.botInboxIds.length === 0) return [];
  const { payload } = await desk.client.call({
    method: "GET",
    path: "/webhooks",
    doing: "list the webhooks",
    answer: wrapped(z.looseObject({ webhooks: z.array(AccountWebhook) })),
    timeoutMs: TIMEOUT_MS,
  });
  const signs = version.signsAccountWebhooks;
  const webhook = payload.webhooks.find(({ url }) => leadsHere(desk, url, signs));
  if (!webhook) {
    const message =
      "This Chatwoot does not tell bots of status changes, and no account webhook leads to this connection: it was deleted or changed.";
    return [wrong(step, message, AGAIN)];
  }
  const isOther =
    Boolean(webhook.secret) && !secretsIn(desk.config.accountWebhookSecret).includes(webhook.secret ?? "");
  if (signs && isOther) return [wrong(step, "The account webhook has another secret than the one known here.", AGAIN)];
  return [fine(step, "An account webhook tells of status changes.")];
}
