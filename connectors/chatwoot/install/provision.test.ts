import { afterEach, describe, expect, test } from "vitest";
import { INSTALL_CONNECTION, PATH_SECRET, installBench } from "../../../test/contracts/chatwoot-install-bench.ts";
import type { InstallBench } from "../../../test/contracts/chatwoot-install-bench.ts";
import type { ChatwootOptions } from "../../../test/simulators/chatwoot/index.ts";
import type { ProvisionReport } from "../../../src/ports.ts";

let bench: InstallBench;
afterEach(() => bench.stop());

const start = async (options: ChatwootOptions = {}) => (bench = await installBench(options));
const outcomes = ({ steps }: ProvisionReport): Record<string, string> =>
  Object.fromEntries(steps.map(({ step, outcome }) => [step, outcome]));
const stepOf = ({ steps }: ProvisionReport, name: string): string => {
  const found = steps.find(({ step }) => step === name);
  return `${found?.outcome}: ${found?.message} ${found?.fix ?? ""}`;
};

const ATTRIBUTES = [
  "baton_conversation_id",
  "baton_handoff_id",
  "email_as_given",
  "lead_at",
  "lead_consent_at",
  "lead_email",
  "lead_issue",
  "lead_name",
  "lead_page",
  "lead_phone",
  "phone_as_given",
];

/** A bot of ours in the account, in no inbox yet. */
const withBot = { botInboxes: [] };

test("nobody asked for a bot in Chatwoot's own inboxes: none is made", async () => {
  await start();
  const report = await bench.provision();
  expect(report.ok).toBe(true);
  expect(report.steps.map(({ step }) => step).filter((step) => /bot|account_webhook/.test(step))).toEqual([]);
  expect(bench.simulator.bots().filter(({ name }) => name === "Baton")).toEqual([]);
});

describe("an install with nothing but address and token", () => {
  test("makes everything, proves it, and tells each step", async () => {
    await start();
    const report = await bench.provision(withBot);
    expect(report.steps.filter(({ outcome }) => outcome === "failed")).toEqual([]);
    expect(report.ok).toBe(true);
    expect(report.steps.map(({ step, outcome }) => `${step} ${outcome}`)).toEqual([
      "reach found",
      "token found",
      "inbox made",
      "inbox_secret made",
      "agent_bot made",
      "bot_inboxes skipped",
      "account_webhook skipped",
      "labels made",
      "attributes made",
      "dashboard_app made",
      "round_trip found",
    ]);

    const { simulator, batonUrl } = bench;
    const address = `${batonUrl}/webhooks/chatwoot/${INSTALL_CONNECTION}`;
    const inbox = simulator.inboxes().find(({ name }) => name === "Baton");
    expect(inbox).toMatchObject({ channelType: "Channel::Api", webhookUrl: address });
    expect(inbox?.memberIds).toEqual([simulator.administratorId]);
    const bot = simulator.bots().find(({ name }) => name === "Baton");
    expect(bot).toMatchObject({ outgoingUrl: address, isSystemBot: false, inboxIds: [] });
    expect(simulator.dashboardApps()).toMatchObject([
      { title: "Baton", content: [{ type: "frame", url: `${batonUrl}/apps/chatwoot/${INSTALL_CONNECTION}` }] },
    ]);
    expect(simulator.labels().map(({ title }) => title)).toEqual(["lead"]);
    expect(
      simulator
        .definitions()
        .map(({ key }) => key)
        .toSorted(),
    ).toEqual(ATTRIBUTES);
    expect(simulator.accountWebhooks()).toEqual([]);
    expect(bench.stored().config).toMatchObject({
      accountId: simulator.accountId,
      inboxId: inbox?.id,
      webhookSecret: inbox?.secret,
      agentBotId: bot?.id,
      agentBotToken: bot?.token,
      agentBotSecret: bot?.secret,
      botInboxIds: [],
      accountWebhookSecret: null,
    });
    expect(report.about).toMatchObject({
      version: "4.16.2",
      account: "Acme Support (1)",
      inbox: `Baton (${inbox?.id})`,
    });
  });

  test("leaves nothing of its test behind, and notifies nobody", async () => {
    await start();
    await bench.provision(withBot);
    expect(bench.simulator.conversations()).toEqual([]);
    expect(bench.simulator.contacts()).toEqual([]);
    expect(bench.simulator.notifications()).toEqual([]);
  });

  test("says no secret, neither in words nor in the ledger", async () => {
    await start();
    const report = await bench.provision(withBot);
    const { config, made } = bench.stored();
    const said = JSON.stringify([report, made]);
    for (const secret of [
      config.apiAccessToken,
      config.webhookSecret,
      config.agentBotToken,
      config.agentBotSecret,
      PATH_SECRET,
    ]) {
      expect(secret).toBeTruthy();
      expect(said).not.toContain(secret);
    }
  });

  test("is repeated without changing anything", async () => {
    await start();
    await bench.provision(withBot);
    const before = bench.stored();
    const asked = bench.simulator.requests().length;
    const report = await bench.provision(withBot);
    expect(report.ok).toBe(true);
    expect(new Set(Object.values(outcomes(report)))).toEqual(new Set(["found", "skipped"]));
    expect(bench.stored()).toEqual(before);
    const writes = bench.simulator
      .requests()
      .slice(asked)
      .filter(({ method, path }) => method !== "GET" && !/contacts|conversations/.test(path));
    expect(writes.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
  });

  test("finds what was there before, and does not count it as its own", async () => {
    await start();
    const { simulator } = bench;
    simulator.addLabel("lead");
    simulator.addDefinition({ key: "lead_email", model: "contact_attribute" });
    const report = await bench.provision(withBot);
    expect(report.ok).toBe(true);
    expect(stepOf(report, "labels")).toMatch(/^found: .*there before/);
    expect(stepOf(report, "attributes")).toMatch(/^made: .*1 were there before/);
    expect(Object.keys(bench.stored().made)).not.toContain("label_lead");
    expect(Object.keys(bench.stored().made)).not.toContain("attribute_contact_lead_email");
    expect(Object.keys(bench.stored().made)).toContain("attribute_contact_lead_phone");
  });

  test("takes the inbox that an admin has named, and turns off what it says by itself", async () => {
    await start();
    const { simulator } = bench;
    simulator.changeInboxSettings(simulator.inboxId, {
      greeting_enabled: true,
      working_hours_enabled: true,
      out_of_office_message: "Away",
    });
    bench.change({ inboxId: simulator.inboxId });
    const report = await bench.provision(withBot);
    expect(report.ok).toBe(true);
    expect(stepOf(report, "inbox")).toMatch(/^repaired: .*greeting is off, its out-of-office message is off/);
    expect(simulator.inboxes()).toHaveLength(1);
    expect(bench.stored().made["inbox"]).toBeUndefined();
    expect(simulator.inboxes()[0]?.settings).toMatchObject({
      greeting_enabled: false,
      working_hours_enabled: false,
      out_of_office_message: "Away",
    });
  });
});

describe("an install that cannot go on says why, and leaves out what needs it", () => {
  const skipped = ["inbox", "agent_bot", "labels", "attributes", "dashboard_app", "round_trip"];

  test.each<[string, (of: InstallBench) => void, string, RegExp]>([
    ["a wrong token", (of) => of.change({ apiAccessToken: "wrong" }), "token", /does not know the access token/],
    [
      "a header dropped by a proxy",
      (of) => of.simulator.dropHeaders("both"),
      "token",
      /proxy in front of Chatwoot drops the header/,
    ],
    [
      "an agent's token",
      (of) => of.change({ apiAccessToken: of.simulator.agentAccessToken }),
      "token",
      /Only an administrator.*access token of an administrator/,
    ],
    ["another account", (of) => of.change({ accountId: 8 }), "token", /not in account 8, but in: 1 \(Acme Support\)/],
    [
      "several accounts",
      (of) => of.simulator.addAccount({ id: 7, name: "Other" }),
      "token",
      /several accounts: .*7 \(Other\).*Set the account/,
    ],
    ["a plan without the API", (of) => of.simulator.setPlan("without_api"), "token", /plan/i],
    ["a page instead of Chatwoot", (of) => of.simulator.trouble.htmlAnswer(1), "reach", /not one of Chatwoot/],
  ])("%s", async (_what, arrange, failing, words) => {
    await start();
    arrange(bench);
    const report = await bench.provision(withBot);
    expect(report.ok).toBe(false);
    expect(stepOf(report, failing)).toMatch(words);
    expect(stepOf(report, failing)).toMatch(/^failed/);
    for (const step of skipped) expect(stepOf(report, step)).toMatch(/^skipped: Not done, since the step/);
    expect(bench.simulator.inboxes()).toHaveLength(1);
  });

  test("one of several accounts, once it is set", async () => {
    await start();
    bench.simulator.addAccount({ id: 7, name: "Other" });
    bench.change({ accountId: bench.simulator.accountId });
    expect((await bench.provision(withBot)).ok).toBe(true);
  });

  test.each<[string, (of: InstallBench) => void, RegExp]>([
    [
      "an inbox of another kind",
      (of) => of.change({ inboxId: of.simulator.addWebsiteInbox({ name: "Shop" }) }),
      /not of the kind "API"/,
    ],
    [
      "an inbox whose webhook belongs to another program",
      (of) => {
        of.simulator.setWebhookUrl("https://crm.example/hooks");
        of.change({ inboxId: of.simulator.inboxId });
      },
      /leads elsewhere.*empty its webhook address/,
    ],
  ])("%s is not taken over; what does not need the inbox is done all the same", async (_what, arrange, words) => {
    await start();
    arrange(bench);
    const report = await bench.provision(withBot);
    expect(stepOf(report, "inbox")).toMatch(words);
    expect(outcomes(report)).toMatchObject({
      inbox: "failed",
      inbox_secret: "skipped",
      round_trip: "skipped",
      agent_bot: "made",
      dashboard_app: "made",
    });
  });

  test("a failure in the middle is mended by the next run", async () => {
    await start();
    bench.simulator.trouble.failNext(1, {
      status: 500,
      match: (method, path) => method === "POST" && path.endsWith("/agent_bots"),
    });
    const first = await bench.provision(withBot);
    expect(outcomes(first)).toMatchObject({
      inbox: "made",
      agent_bot: "failed",
      bot_inboxes: "skipped",
      labels: "made",
    });
    bench.shiftClock(60_000);
    const second = await bench.provision(withBot);
    expect(outcomes(second)).toMatchObject({ inbox: "found", agent_bot: "made", labels: "found" });
    expect(second.ok).toBe(true);
  });
});

describe("releases", () => {
  test.each<[string, { path: boolean; signs: boolean; webhook: string; lost: RegExp }]>([
    ["3.3.0", { path: true, signs: false, webhook: "unsigned", lost: /does not sign webhooks yet/ }],
    ["4.7.0", { path: true, signs: false, webhook: "unsigned", lost: /does not sign webhooks yet/ }],
    [
      "4.12.1",
      { path: true, signs: false, webhook: "signed", lost: /does not sign the webhooks of inboxes and bots yet/ },
    ],
    ["4.13.0", { path: false, signs: true, webhook: "none", lost: /at http:\/\/127[^ ]+\.$/ }],
    ["4.16.2", { path: false, signs: true, webhook: "none", lost: /at http:\/\/127[^ ]+\.$/ }],
    ["4.17.1", { path: false, signs: true, webhook: "none", lost: /at http:\/\/127[^ ]+\.$/ }],
    ["5.0.0", { path: false, signs: true, webhook: "none", lost: /at http:\/\/127[^ ]+\.$/ }],
  ])("%s: what it has is used, what it lacks is told", async (version, { path, signs, webhook, lost }) => {
    await start({ version });
    const { simulator, batonUrl } = bench;
    const site = simulator.addWebsiteInbox({ name: "Shop" });
    const report = await bench.provision({ botInboxes: [String(site)] });
    expect(report.steps.filter(({ outcome }) => outcome === "failed")).toEqual([]);
    expect(stepOf(report, "reach").trim()).toMatch(lost);
    const plain = `${batonUrl}/webhooks/chatwoot/${INSTALL_CONNECTION}`;
    const address = path ? `${plain}/${PATH_SECRET}` : plain;
    expect(simulator.inboxes().find(({ name }) => name === "Baton")?.webhookUrl).toBe(address);
    expect(simulator.bots().find(({ name }) => name === "Baton")?.outgoingUrl).toBe(address);
    const { config } = bench.stored();
    expect([config.webhookSecret !== null, config.agentBotSecret !== null]).toEqual([signs, signs]);
    const urls = simulator.accountWebhooks().map(({ url }) => url);
    expect(urls).toEqual(webhook === "none" ? [] : [webhook === "signed" ? plain : address]);
    expect(config.accountWebhookSecret !== null).toBe(webhook === "signed");
    expect(simulator.accountWebhooks().flatMap(({ subscriptions }) => subscriptions)).toEqual(
      webhook === "none" ? [] : ["conversation_status_changed"],
    );
  });

  test("an upgrade is used by the next run: signatures instead of the address, no account webhook any more", async () => {
    await start({ version: "4.11.0" });
    const { simulator, batonUrl } = bench;
    const site = simulator.addWebsiteInbox();
    await bench.provision({ botInboxes: [String(site)] });
    simulator.setVersion("4.16.2");
    const report = await bench.provision(withBot);
    expect(report.ok).toBe(true);
    expect(outcomes(report)).toMatchObject({ inbox: "repaired", agent_bot: "repaired", account_webhook: "removed" });
    expect(simulator.inboxes().find(({ name }) => name === "Baton")?.webhookUrl).toBe(
      `${batonUrl}/webhooks/chatwoot/${INSTALL_CONNECTION}`,
    );
    expect(simulator.accountWebhooks()).toEqual([]);
    expect(bench.stored().config.webhookSecret).not.toBeNull();
  });
});
