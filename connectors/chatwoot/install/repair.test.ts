import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { INSTALL_CONNECTION, installBench } from "../../../test/contracts/chatwoot-install-bench.ts";
import type { InstallBench } from "../../../test/contracts/chatwoot-install-bench.ts";
import type { ProvisionReport } from "../../../src/ports.ts";

let bench: InstallBench;
/** A website inbox with our bot in it. */
let site: number;
beforeEach(async () => {
  bench = await installBench();
  site = bench.simulator.addWebsiteInbox({ name: "Shop" });
  await bench.provision({ botInboxes: [String(site)] });
});
afterEach(() => bench.stop());

const stepOf = ({ steps }: ProvisionReport, name: string): string => {
  const found = steps.find(({ step }) => step === name);
  return `${found?.outcome}: ${found?.message}`;
};
const inboxOf = ({ simulator }: InstallBench) => {
  const ours = simulator.inboxes().filter(({ webhookUrl }) => webhookUrl?.includes(INSTALL_CONNECTION));
  expect(ours).toHaveLength(1);
  return ours[0]!;
};
const botOf = ({ simulator }: InstallBench) => {
  const ours = simulator.bots().filter(({ outgoingUrl }) => outgoingUrl?.includes(INSTALL_CONNECTION));
  expect(ours).toHaveLength(1);
  return ours[0]!;
};
const { inboxId, botId, appId } = {
  inboxId: () => bench.stored().config.inboxId ?? 0,
  botId: () => bench.stored().config.agentBotId ?? 0,
  appId: () => Number(bench.stored().made["dashboard_app"]),
};

describe("what changed since is put right by the next run, and told", () => {
  test.each<[string, () => void, string, RegExp]>([
    [
      "the inbox's webhook led elsewhere",
      () => bench.simulator.setInboxWebhookUrl(inboxId(), "https://crm.example/hooks"),
      "inbox",
      /^repaired: .*where its webhook leads/,
    ],
    [
      "the inbox's webhook was taken away",
      () => bench.simulator.setInboxWebhookUrl(inboxId(), null),
      "inbox",
      /^repaired: .*where its webhook leads/,
    ],
    [
      "the inbox was renamed, which is the team's right",
      () => bench.simulator.renameInbox(inboxId(), "Web chat"),
      "inbox",
      /^found: Inbox \d+, "Web chat", is there/,
    ],
    [
      "the inbox was deleted",
      () => bench.simulator.deleteInbox(inboxId()),
      "inbox",
      /^made: Inbox \d+ is not there any more\. Inbox \d+, "Baton", was made/,
    ],
    [
      "its greeting was switched on",
      () => bench.simulator.changeInboxSettings(inboxId(), { greeting_enabled: true }),
      "inbox",
      /^repaired: .*greeting is off/,
    ],
    [
      "its secret was reset",
      () => void bench.simulator.resetInboxSecret(inboxId()),
      "inbox_secret",
      /^repaired: .*another secret than before/,
    ],
    [
      "the bot's events were sent elsewhere",
      () => bench.simulator.changeBot(botId(), { outgoingUrl: "https://crm.example/bot" }),
      "agent_bot",
      /^repaired: .*where its events are sent/,
    ],
    [
      "the bot was renamed and its events sent elsewhere",
      () => bench.simulator.changeBot(botId(), { name: "Max", outgoingUrl: null }),
      "agent_bot",
      /^repaired: The agent bot \d+, "Max"/,
    ],
    [
      "the bot's secret was reset",
      () => void bench.simulator.resetBotSecret(botId()),
      "agent_bot",
      /^repaired: .*its secret/,
    ],
    [
      "the bot's token is another",
      () => void bench.simulator.expireToken(bench.stored().config.agentBotToken ?? ""),
      "agent_bot",
      /^repaired: .*its token/,
    ],
    ["the bot was deleted", () => bench.simulator.deleteBot(botId()), "agent_bot", /^made/],
    [
      "the bot was detached",
      () => bench.simulator.detachBot(site),
      "bot_inboxes",
      /^made: The bot: attached to inbox \d+ \(Shop\)/,
    ],
    [
      "an inbox of the bot was deleted",
      () => bench.simulator.deleteInbox(site),
      "bot_inboxes",
      /^repaired: .*no longer chosen, since deleted/,
    ],
    ["the tab was deleted", () => bench.simulator.deleteDashboardApp(appId()), "dashboard_app", /^made/],
    ["a label was deleted", () => bench.simulator.deleteLabel("lead"), "labels", /^made/],
    [
      "a definition was deleted",
      () => bench.simulator.deleteDefinition("lead_issue"),
      "attributes",
      /^made: .*lead_issue; 10 were there/,
    ],
  ])("%s", async (_what, change, step, words) => {
    change();
    const report = await bench.provision();
    expect(stepOf(report, step)).toMatch(words);
    expect(report.steps.filter(({ outcome }) => outcome === "failed")).toEqual([]);

    const { config } = bench.stored();
    const [inbox, bot] = [inboxOf(bench), botOf(bench)];
    expect([inbox.id, inbox.secret]).toEqual([config.inboxId, config.webhookSecret]);
    expect([bot.id, bot.secret, bot.token]).toEqual([config.agentBotId, config.agentBotSecret, config.agentBotToken]);
    expect(bot.inboxIds).toEqual(config.botInboxIds);
    expect(bench.simulator.dashboardApps()).toHaveLength(1);
    expect(bench.simulator.labels()).toHaveLength(1);
    expect(bench.simulator.definitions()).toHaveLength(11);
    // And then there is nothing left to put right.
    const again = await bench.provision();
    expect(new Set(again.steps.map(({ outcome }) => outcome))).toEqual(new Set(["found", "skipped"]));
  });

  test("Baton has moved: everything follows, found by the address where it was", async () => {
    const [inbox, bot] = [inboxOf(bench), botOf(bench)];
    bench.move("https://new.baton.example");
    const report = await bench.provision();
    expect(["inbox", "agent_bot", "dashboard_app"].map((step) => stepOf(report, step).split(":")[0])).toEqual([
      "repaired",
      "repaired",
      "repaired",
    ]);
    const address = `https://new.baton.example/webhooks/chatwoot/${INSTALL_CONNECTION}`;
    expect(inboxOf(bench)).toMatchObject({ id: inbox.id, webhookUrl: address });
    expect(botOf(bench)).toMatchObject({ id: bot.id, outgoingUrl: address });
    expect(bench.simulator.dashboardApps()).toMatchObject([
      { content: [{ url: `https://new.baton.example/apps/chatwoot/${INSTALL_CONNECTION}` }] },
    ]);
  });

  test("an expired token fails in words; that of another administrator goes on with the same records", async () => {
    const before = bench.stored();
    bench.simulator.expireToken(bench.simulator.apiAccessToken);
    expect(stepOf(await bench.provision(), "token")).toMatch(/^failed: .*does not know the access token/);
    const other = bench.simulator.addAgent({ name: "Olga Other", role: "administrator" });
    bench.change({ apiAccessToken: other.token });
    const report = await bench.provision();
    expect(report.ok).toBe(true);
    expect(bench.stored()).toEqual({ ...before, config: { ...before.config, apiAccessToken: other.token } });
  });

  test("with the record of it lost, everything is found by our address", async () => {
    const { config } = bench.stored();
    bench.change({ inboxId: null, agentBotId: null, agentBotToken: null, agentBotSecret: null, webhookSecret: null });
    const report = await bench.provision();
    expect(report.ok).toBe(true);
    expect(bench.stored().config).toEqual(config);
    inboxOf(bench);
    botOf(bench);
  });
});

const bots = () => Object.fromEntries(bench.simulator.inboxes().map(({ id, botId }) => [id, botId]));

describe("the inboxes of the bot", () => {
  test("are those that were wished for last, and no others", async () => {
    const [other, third] = [bench.simulator.addWhatsAppInbox(), bench.simulator.addEmailInbox()];
    const report = await bench.provision({ botInboxes: [String(other), String(third)] });
    expect(stepOf(report, "bot_inboxes")).toMatch(/attached to .*taken out of inbox \d+ \(Shop\)/);
    expect(bots()).toMatchObject({ [site]: null, [other]: botId(), [third]: botId() });
    expect(bench.stored().config.botInboxIds).toEqual([other, third]);
    await bench.provision({ botInboxes: [] });
    expect(bots()).toMatchObject({ [site]: null, [other]: null, [third]: null });
    expect(Object.keys(bench.stored().made).filter((key) => key.startsWith("bot_inbox_"))).toEqual([]);
  });

  test("are never taken from another bot, which is told by name", async () => {
    const theirs = bench.simulator.addBot({ name: "Their helper" });
    const taken = bench.simulator.addWebsiteInbox({ name: "Blog", botId: theirs.id });
    const report = await bench.provision({ botInboxes: [String(site), String(taken)] });
    expect(report.ok).toBe(false);
    expect(stepOf(report, "bot_inboxes")).toMatch(
      /^failed: .*inbox \d+ \(Blog\) has the bot "Their helper" already, and keeps it/,
    );
    expect(bots()).toMatchObject({ [site]: botId(), [taken]: theirs.id });
    // Once the team has taken it out, the next run goes on.
    bench.simulator.detachBot(taken);
    expect((await bench.provision()).ok).toBe(true);
    expect(bots()).toMatchObject({ [site]: botId(), [taken]: botId() });
  });

  test.each<[string, () => string, RegExp]>([
    ["an inbox that is not there", () => "99999", /there is no inbox 99999 in this account/],
    ["something that is no number", () => "shop", /there is no inbox shop in this account/],
    [
      "the inbox that Baton brings visitors into",
      () => String(inboxId()),
      /is the one that Baton brings visitors into/,
    ],
  ])("cannot be %s", async (_what, wish, words) => {
    const report = await bench.provision({ botInboxes: [wish()] });
    expect(stepOf(report, "bot_inboxes")).toMatch(words);
    expect(report.ok).toBe(false);
  });

  test("are offered as choices, without those that have somebody else's bot", async () => {
    const theirs = bench.simulator.addBot({ name: "Their helper" });
    const taken = bench.simulator.addWebsiteInbox({ name: "Blog", botId: theirs.id });
    const free = bench.simulator.addEmailInbox({ name: "Mail" });
    const { inboxId: forHandoffs, botInboxIds } = await bench.choices();
    expect(botInboxIds).toEqual([
      { value: String(bench.simulator.inboxId), label: "Handoff API", usable: true },
      { value: String(site), label: "Shop", usable: true },
      { value: String(taken), label: 'Blog (has the bot "Their helper")', usable: false },
      { value: String(free), label: "Mail", usable: true },
    ]);
    expect(forHandoffs?.filter(({ usable }) => usable).map(({ label }) => label)).toEqual(["Handoff API", "Baton"]);
  });

  test("before an account is known, the accounts are offered", async () => {
    bench.simulator.addAccount({ id: 7, name: "Other", role: "agent" });
    bench.change({ accountId: null });
    expect(await bench.choices()).toEqual({
      accountId: [
        { value: "7", label: "Other", usable: false },
        { value: "1", label: "Acme Support", usable: true },
      ],
    });
  });
});
