import { z } from "zod";
import type { InstallDeps, ProvisionLedger, ProvisionReport } from "../../../src/ports.ts";
import { isOurWebhook } from "../addresses.ts";
import type { ChatwootConfig } from "../config.ts";
import type { Inbox } from "../shapes.ts";
import { Conversation, wrapped } from "../shapes.ts";
import { removeAccountWebhook } from "./account-webhook.ts";
import { AGENT_BOT, listBots, ourBot } from "./agent-bot.ts";
import { botInboxIn, botInboxKey } from "./bot-inboxes.ts";
import { DASHBOARD_APP, listApps, ourApp } from "./dashboard-app.ts";
import { botOfInbox, setBotOfInbox } from "./inbox-bot.ts";
import { INBOX, listInboxes } from "./inbox.ts";
import { readAccount } from "./reach.ts";
import { removeAttributes, removeLabels } from "./remove-definitions.ts";
import { removeProof } from "./round-trip.ts";
import { createSite } from "./site.ts";
import type { Site } from "./site.ts";
import { createStepRun } from "./step-run.ts";
import type { Done } from "./step-run.ts";

export interface RemoveWish {
  /**
   * What becomes of the inbox that we made, whose conversations go with it. True keeps it and only takes its webhook away, false
   * deletes it; absent: it is kept when it has conversations.
   */
  readonly keepInbox?: boolean;
}

/**
 * Takes away what the install made, and what leads here by our own address, in the reverse order; nothing else. What was there
 * before stays. Safe to repeat. What goes wrong is a failed step; throws only what `ledger.keep` threw.
 */
export async function remove(
  config: ChatwootConfig,
  deps: InstallDeps,
  ledger: ProvisionLedger,
  wish: RemoveWish = {},
): Promise<ProvisionReport> {
  const site = createSite(config, deps, ledger);
  const run = createStepRun(site);
  const token = await run.after({}, "token", () => readAccount(site));
  const after = (step: string, act: () => Promise<Done<true>>): Promise<true | null> => run.after({ token }, step, act);
  await after("round_trip", () => removeTest(site));
  await after("dashboard_app", () => removeApp(site));
  await after("attributes", () => removeAttributes(site));
  await after("labels", () => removeLabels(site));
  await after("account_webhook", () => removeWebhook(site));
  await after("bot_inboxes", () => detachBot(site));
  await after("agent_bot", () => removeBot(site));
  await after("inbox", () => removeInbox(site, wish));
  return run.report(token === null ? {} : { account: `${token.name} (${token.id})` });
}

const removed = (message: string): Done<true> => ({ outcome: "removed", message, value: true });
const skipped = (message: string): Done<true> => ({ outcome: "skipped", message, value: true });

async function removeTest(site: Site): Promise<Done<true>> {
  if (await removeProof(site)) return removed("A test conversation that was left over was removed.");
  return skipped("No test conversation was left over.");
}

/** Deletes a record; one that is gone already is as good. */
async function drop(site: Site, path: string, doing: string): Promise<void> {
  await site.client().tryCall({ method: "DELETE", path, doing, answer: null }, [404]);
}

async function removeApp(site: Site): Promise<Done<true>> {
  const app = ourApp(site, await listApps(site));
  if (app) await drop(site, `/dashboard_apps/${app.id}`, "remove the tab");
  await site.keep({ made: { [DASHBOARD_APP]: null } });
  return app
    ? removed(`The tab "${app.title ?? ""}" was removed from the conversation view.`)
    : skipped("There was no tab in the conversation view.");
}

async function removeWebhook(site: Site): Promise<Done<true>> {
  const isRemoved = await removeAccountWebhook(site);
  return isRemoved ? removed("The account webhook was removed.") : skipped("There was no account webhook.");
}

/** Takes our bot out of its inboxes one by one, so that each says so; deleting the bot would do it too. */
async function detachBot(site: Site): Promise<Done<true>> {
  const bot = ourBot(site, await listBots(site));
  const names: string[] = [];
  if (bot) {
    for (const inbox of await listInboxes(site)) {
      if ((await botOfInbox(site.client(), inbox.id))?.id !== bot.id) continue;
      await setBotOfInbox(site.client(), inbox.id, null);
      names.push(`${inbox.id} (${inbox.name ?? ""})`);
    }
  }
  const keys = site.book.keys().flatMap((key) => botInboxIn(key) ?? []);
  const made = Object.fromEntries(keys.map((id) => [botInboxKey(id), null]));
  await site.keep({ made, config: { botInboxIds: [] } });
  if (names.length === 0) return skipped("The bot was in no inbox.");
  return removed(`The bot was taken out of ${names.join(", ")}; visitors there go straight to the team.`);
}

async function removeBot(site: Site): Promise<Done<true>> {
  const bot = ourBot(site, await listBots(site));
  if (bot) await drop(site, `/agent_bots/${bot.id}`, "remove the agent bot");
  await site.keep({
    made: { [AGENT_BOT]: null },
    config: { agentBotId: null, agentBotToken: null, agentBotSecret: null },
  });
  return bot ? removed(`The agent bot "${bot.name ?? ""}" was removed.`) : skipped("There was no agent bot.");
}

const BELONGING = ["inbox", "inbox_identifier", "inbox_member"] as const;
const forgotten = Object.fromEntries(BELONGING.map((key) => [key, null]));

async function removeInbox(site: Site, { keepInbox }: RemoveWish): Promise<Done<true>> {
  const { book, place } = site;
  const inboxes = await listInboxes(site);
  const ours = inboxes.filter(({ webhook_url: url }) => isOurWebhook(url, place));
  const isBegun = book.begunAt(INBOX) !== null;
  const made = ours.find(({ id }) => book.made(INBOX) === String(id)) ?? (isBegun ? ours[0] : undefined);
  const lines: string[] = [];
  for (const inbox of ours) {
    const name = `Inbox ${inbox.id}, "${inbox.name ?? ""}"`;
    const count = inbox === made ? await conversationsIn(site, inbox) : 0;
    if (inbox !== made) {
      await silence(site, inbox);
      lines.push(`${name}, was there before the install and stays; its webhook was taken away.`);
    } else if (keepInbox ?? count > 0) {
      await silence(site, inbox);
      const conversations = count > 0 ? `its ${count} or more conversations` : "its settings";
      lines.push(
        `${name}, was kept with ${conversations}, and its webhook taken away. Deleting it in Chatwoot deletes its conversations too.`,
      );
    } else {
      await drop(site, `/inboxes/${inbox.id}`, "remove the inbox");
      await site.keep({ made: forgotten, config: { inboxId: null, webhookSecret: null } });
      lines.push(`${name}, was removed${count > 0 ? ", and its conversations with it" : "; it had no conversations"}.`);
    }
  }
  await site.keep({ made: forgotten });
  return lines.length > 0 ? removed(lines.join(" ")) : skipped("There was no inbox whose webhook leads here.");
}

/** How many a first page shows. */
async function conversationsIn(site: Site, { id }: Inbox): Promise<number> {
  const query = new URLSearchParams({ status: "all", inbox_id: String(id) });
  const { data } = await site.client().call({
    method: "GET",
    path: `/conversations?${query.toString()}`,
    doing: "look for conversations in the inbox",
    answer: z.looseObject({ data: wrapped(z.array(Conversation)) }),
  });
  return data.payload.length;
}

async function silence(site: Site, { id }: Inbox): Promise<void> {
  const path = `/inboxes/${id}`;
  const json = { channel: { webhook_url: "" } };
  await site.client().call({ method: "PATCH", path, doing: "take the webhook away", json, answer: null });
}
