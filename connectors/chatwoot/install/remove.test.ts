import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { installBench } from "../../../test/contracts/chatwoot-install-bench.ts";
import type { InstallBench } from "../../../test/contracts/chatwoot-install-bench.ts";
import type { ProvisionReport } from "../../../src/ports.ts";

let bench: InstallBench;
let site: number;
beforeEach(async () => {
  bench = await installBench({ version: "4.12.0" });
  const { simulator } = bench;
  site = simulator.addWebsiteInbox({ name: "Shop" });
  // The team's own, in names as well.
  simulator.addLabel("billing");
  simulator.addDefinition({ key: "lead_email", model: "contact_attribute" });
  simulator.addDashboardApp({ title: "Baton", url: "https://baton-fans.example/apps/chatwoot/con_other" });
  simulator.addBot({ name: "Baton", outgoingUrl: "https://other.example/webhooks/chatwoot/con_other" });
  simulator.addAccountWebhook({ url: "https://crm.example/hooks" });
  simulator.visitorWrites(site, { text: "Hello", visitor: "vera" });
});
afterEach(() => bench.stop());

const outcomes = ({ steps }: ProvisionReport): string[] => steps.map(({ step, outcome }) => `${step} ${outcome}`);
const messageOf = ({ steps }: ProvisionReport, name: string): string =>
  steps.find(({ step }) => step === name)?.message ?? "";

function everything({ simulator }: InstallBench) {
  return {
    inboxes: simulator
      .inboxes()
      .map(({ id, name, webhookUrl, botId, memberIds }) => ({ id, name, webhookUrl, botId, memberIds })),
    bots: simulator.bots(),
    webhooks: simulator.accountWebhooks(),
    apps: simulator.dashboardApps(),
    labels: simulator.labels(),
    definitions: simulator.definitions(),
    conversations: simulator.conversations().map(({ id }) => id),
    contacts: simulator.contacts().map(({ id }) => id),
  };
}

describe("a removal", () => {
  test("takes away what the install made, and nothing else", async () => {
    const before = everything(bench);
    await bench.provision({ botInboxes: [String(site)] });
    const report = await bench.remove();
    expect(outcomes(report)).toEqual([
      "token found",
      "round_trip skipped",
      "dashboard_app removed",
      "attributes removed",
      "labels removed",
      "account_webhook removed",
      "bot_inboxes removed",
      "agent_bot removed",
      "inbox removed",
    ]);
    expect(everything(bench)).toEqual(before);
    expect(bench.stored().made).toEqual({});
    expect(bench.stored().config).toMatchObject({
      inboxId: null,
      agentBotId: null,
      agentBotToken: null,
      agentBotSecret: null,
      webhookSecret: null,
      accountWebhookSecret: null,
      botInboxIds: [],
    });
  });

  test("twice does nothing the second time", async () => {
    await bench.provision({ botInboxes: [String(site)] });
    await bench.remove();
    const after = everything(bench);
    const report = await bench.remove();
    expect(report.ok).toBe(true);
    expect(new Set(report.steps.slice(1).map(({ outcome }) => outcome))).toEqual(new Set(["skipped"]));
    expect(everything(bench)).toEqual(after);
  });

  test("of nothing removes nothing", async () => {
    const before = everything(bench);
    expect((await bench.remove()).ok).toBe(true);
    expect(everything(bench)).toEqual(before);
  });

  test("keeps the inbox that we made once it has conversations, and says what deleting it means", async () => {
    await bench.provision();
    const id = bench.stored().config.inboxId ?? 0;
    bench.simulator.visitorWrites(id, { text: "Hi", visitor: "vic" });
    const report = await bench.remove();
    expect(messageOf(report, "inbox")).toMatch(
      /was kept with its 1 or more conversations.*Deleting it in Chatwoot deletes its conversations too/,
    );
    expect(bench.simulator.inboxes().find((inbox) => inbox.id === id)).toMatchObject({
      name: "Baton",
      webhookUrl: null,
    });
  });

  test.each([
    [true, /was kept with its settings/, 1],
    [false, /was removed; it had no conversations/, 0],
  ])("asked to keep the inbox: %s", async (keepInbox, words, left) => {
    await bench.provision();
    expect(messageOf(await bench.remove({ keepInbox }), "inbox")).toMatch(words);
    expect(bench.simulator.inboxes().filter(({ name }) => name === "Baton")).toHaveLength(left);
  });

  test("takes the conversations along only where that is asked for", async () => {
    await bench.provision();
    bench.simulator.visitorWrites(bench.stored().config.inboxId ?? 0, { text: "Hi", visitor: "vic" });
    expect(messageOf(await bench.remove({ keepInbox: false }), "inbox")).toMatch(
      /was removed, and its conversations with it/,
    );
    expect(bench.simulator.inboxes().filter(({ name }) => name === "Baton")).toEqual([]);
  });

  test("never deletes an inbox that was there before: only its webhook goes", async () => {
    const { simulator } = bench;
    bench.change({ inboxId: simulator.inboxId });
    await bench.provision();
    const report = await bench.remove({ keepInbox: false });
    expect(messageOf(report, "inbox")).toMatch(/was there before the install and stays; its webhook was taken away/);
    expect(simulator.inboxes().find(({ id }) => id === simulator.inboxId)).toMatchObject({
      name: "Handoff API",
      webhookUrl: null,
    });
  });

  test("leaves an inbox alone whose webhook leads elsewhere by now", async () => {
    await bench.provision();
    const id = bench.stored().config.inboxId ?? 0;
    bench.simulator.setInboxWebhookUrl(id, "https://crm.example/hooks");
    await bench.remove({ keepInbox: false });
    expect(bench.simulator.inboxes().find((inbox) => inbox.id === id)?.webhookUrl).toBe("https://crm.example/hooks");
  });

  test("leaves a label alone that the team has made anew", async () => {
    await bench.provision();
    bench.simulator.deleteLabel("lead");
    bench.simulator.addLabel("lead");
    await bench.remove();
    expect(bench.simulator.labels().map(({ title }) => title)).toEqual(["billing", "lead"]);
  });

  test("with a token that may not says so, and is complete once it may", async () => {
    await bench.provision({ botInboxes: [String(site)] });
    bench.change({ apiAccessToken: bench.simulator.agentAccessToken });
    const refused = await bench.remove();
    expect(refused.ok).toBe(false);
    expect(outcomes(refused).slice(0, 2)).toEqual(["token failed", "round_trip skipped"]);
    bench.change({ apiAccessToken: bench.simulator.apiAccessToken });
    expect((await bench.remove()).ok).toBe(true);
    expect(bench.stored().made).toEqual({});
  });
});
