import type { InstallDeps, ProvisionLedger, ProvisionReport, ProvisionWish } from "../../../src/ports.ts";
import type { ChatwootConfig } from "../config.ts";
import type { AgentBot } from "../shapes.ts";
import type { Version } from "../version.ts";
import { ensureAccountWebhook } from "./account-webhook.ts";
import { ensureAgentBot } from "./agent-bot.ts";
import { ensureBotInboxes } from "./bot-inboxes.ts";
import { ensureDashboardApp } from "./dashboard-app.ts";
import { ensureAttributes, ensureLabels } from "./definitions.ts";
import { ensureInbox, ensureInboxSecret } from "./inbox.ts";
import { reach, readAccount } from "./reach.ts";
import type { Account } from "./reach.ts";
import { proveRoundTrip } from "./round-trip.ts";
import { createSite } from "./site.ts";
import type { Site } from "./site.ts";
import { createStepRun } from "./step-run.ts";
import type { StepRun } from "./step-run.ts";

/** A bot that is asked for, or was made before. Without either, nothing of Chatwoot's own inboxes is touched. */
const concernsBots = ({ agentBotId, botInboxIds }: ChatwootConfig, { botInboxes }: ProvisionWish): boolean =>
  botInboxes !== undefined || agentBotId !== null || botInboxIds.length > 0;

/**
 * Makes or repairs everything that a connection needs in a Chatwoot account, step by step. Each step finds its record again by
 * our own address or key, so that repeating it changes nothing, wherever a run before was cut off; what each made is kept before
 * the next begins. Secrets are read from Chatwoot and kept, and stand in no message.
 *
 * What goes wrong is a failed step in words; throws only what `ledger.keep` threw.
 */
export async function provision(
  config: ChatwootConfig,
  deps: InstallDeps,
  wish: ProvisionWish,
  ledger: ProvisionLedger,
): Promise<ProvisionReport> {
  const site = createSite(config, deps, ledger);
  const run = createStepRun(site);
  const version = await run.after({}, "reach", () => reach(site));
  const account = await run.after({ reach: version }, "token", () => readAccount(site));
  const inbox = await run.after({ reach: version, token: account }, "inbox", (of) =>
    ensureInbox(site, { version: of.reach, account: of.token }),
  );
  const secret = await run.after({ reach: version, inbox }, "inbox_secret", (of) =>
    ensureInboxSecret(site, { version: of.reach, inbox: of.inbox }),
  );
  const bot = concernsBots(config, wish) ? await provisionBot(site, run, { version, account }, wish) : null;
  await run.after({ token: account }, "labels", () => ensureLabels(site));
  await run.after({ token: account }, "attributes", () => ensureAttributes(site));
  await run.after({ token: account }, "dashboard_app", () => ensureDashboardApp(site));
  await run.after({ reach: version, inbox, inbox_secret: secret }, "round_trip", (of) =>
    proveRoundTrip(site, { version: of.reach, inbox: of.inbox }),
  );
  return run.report({
    ...(version === null ? {} : { version: version.text }),
    ...(account === null ? {} : { account: `${account.name} (${account.id})` }),
    ...(inbox === null ? {} : { inbox: `${inbox.name ?? ""} (${inbox.id})` }),
    ...(bot === null ? {} : { agentBot: `${bot.name ?? ""} (${bot.id})` }),
  });
}

async function provisionBot(
  site: Site,
  run: StepRun,
  { version, account }: { readonly version: Version | null; readonly account: Account | null },
  wish: ProvisionWish,
): Promise<AgentBot | null> {
  const bot = await run.after({ reach: version, token: account }, "agent_bot", (of) =>
    ensureAgentBot(site, { version: of.reach }),
  );
  const botInboxes = await run.after({ agent_bot: bot }, "bot_inboxes", (of) =>
    ensureBotInboxes(site, { bot: of.agent_bot }, wish),
  );
  await run.after({ reach: version, bot_inboxes: botInboxes }, "account_webhook", (of) =>
    ensureAccountWebhook(site, { version: of.reach, botInboxes: of.bot_inboxes }),
  );
  return bot;
}
