import { afterEach, describe, expect, test } from "vitest";
import { installBench } from "../../../test/contracts/chatwoot-install-bench.ts";
import type { InstallBench } from "../../../test/contracts/chatwoot-install-bench.ts";

let bench: InstallBench | null = null;
afterEach(async () => {
  await bench?.stop();
  bench = null;
});

/** Later than Chatwoot may still be at work on what was cut off. */
const SETTLED_MS = 30_000;
const LEDGER = [
  "agent_bot",
  "attribute_contact_email_as_given",
  "attribute_contact_lead_at",
  "attribute_contact_lead_consent_at",
  "attribute_contact_lead_email",
  "attribute_contact_lead_issue",
  "attribute_contact_lead_name",
  "attribute_contact_lead_page",
  "attribute_contact_lead_phone",
  "attribute_contact_phone_as_given",
  "attribute_conversation_baton_conversation_id",
  "attribute_conversation_baton_handoff_id",
  "dashboard_app",
  "inbox",
  "inbox_identifier",
  "inbox_member",
  "label_lead",
];

/** A Chatwoot before 4.13, so that the account webhook takes part, with an inbox for the bot. */
async function start(): Promise<{ bench: InstallBench; site: number }> {
  bench = await installBench({ version: "4.12.0" });
  return { bench, site: bench.simulator.addWebsiteInbox({ name: "Shop" }) };
}

/** What there is, without the ids, which differ from run to run. */
function everything({ simulator }: InstallBench) {
  return {
    inboxes: simulator.inboxes().map(({ name }) => name),
    bots: simulator.bots().map(({ name, inboxIds }) => `${name} in ${inboxIds.length}`),
    webhooks: simulator.accountWebhooks().length,
    apps: simulator.dashboardApps().length,
    labels: simulator.labels().map(({ title }) => title),
    definitions: simulator.definitions().length,
    conversations: simulator.conversations().length,
    contacts: simulator.contacts().length,
  };
}

/** A process that is gone tells nobody what it came to. Resolves with how far it got. */
async function die(one: InstallBench, run: Promise<unknown>): Promise<number> {
  await run.catch((error: unknown) => {
    if (!(error instanceof Error) || error.message !== "killed") throw error;
  });
  return one.acts();
}

/** What the next run finds and leaves. */
async function nextInstall(of: InstallBench, site: number) {
  of.shiftClock(SETTLED_MS);
  const report = await of.provision({ botInboxes: [String(site)] });
  const { made } = of.stored();
  return {
    failed: report.steps.filter(({ outcome }) => outcome === "failed"),
    ...everything(of),
    ledger: Object.keys(made).toSorted(),
    unsure: Object.values(made).filter((id) => id.startsWith("begun")),
  };
}

const installedOnce = (site: number) => ({
  failed: [],
  inboxes: ["Handoff API", "Shop", "Baton"],
  bots: ["Handoff Bot in 0", "Baton in 1"],
  webhooks: 1,
  apps: 1,
  labels: ["lead"],
  definitions: 11,
  conversations: 0,
  contacts: 0,
  ledger: ["account_webhook", ...LEDGER, `bot_inbox_${site}`].toSorted(),
  unsure: [],
});

const leftAlone = {
  inboxes: ["Handoff API", "Shop"],
  bots: ["Handoff Bot in 0"],
  webhooks: 0,
  apps: 0,
  labels: [],
  definitions: 0,
  conversations: 0,
  contacts: 0,
};

/** What a run does when it is left to: requests and writes. */
async function actsOf(run: (one: InstallBench, site: number) => Promise<unknown>): Promise<number> {
  const { bench: whole, site } = await start();
  await run(whole, site);
  const acts = whole.acts();
  await whole.stop();
  bench = null;
  return acts;
}

const isInbox = (method: string, path: string): boolean => method === "POST" && path.endsWith("/inboxes");

describe("killed before any request and any write of its record, an install", () => {
  test(
    "is completed by the next run, with nothing made twice, and all of it known as ours",
    { timeout: 240_000 },
    async () => {
      const acts = await actsOf((one, site) => one.provision({ botInboxes: [String(site)] }));
      expect(acts).toBeGreaterThan(60);
      for (let at = 1; at <= acts; at += 1) {
        const { bench: one, site } = await start();
        expect(await die(one, one.provision({ botInboxes: [String(site)] }, at))).toBeGreaterThanOrEqual(at);
        expect({ at, ...(await nextInstall(one, site)) }).toEqual({ at, ...installedOnce(site) });
        await one.stop();
        bench = null;
      }
    },
  );

  test("again and again, a little further each time, ends the same", async () => {
    const { bench: one, site } = await start();
    for (let at = 3; at < 60; at += 7) {
      await die(one, one.provision({ botInboxes: [String(site)] }, at));
      one.shiftClock(SETTLED_MS);
    }
    expect(await nextInstall(one, site)).toEqual(installedOnce(site));
  });

  test("waits for what Chatwoot may still be making, instead of making it twice", async () => {
    const { bench: one, site } = await start();
    // The inbox comes up after Baton has given up on it.
    one.simulator.trouble.commitLate(1, 5_000, isInbox);
    const first = await one.provision({ botInboxes: [String(site)] });
    expect(first.steps.find(({ step }) => step === "inbox")?.outcome).toBe("failed");
    const second = await one.provision({ botInboxes: [String(site)] });
    expect(second.steps.find(({ step }) => step === "inbox")?.outcome).toBe("made");
    expect(one.simulator.inboxes().filter(({ name }) => name === "Baton")).toHaveLength(1);
    expect(one.simulator.requests().filter(({ method, path }) => isInbox(method, path))).toHaveLength(1);
  });
});

describe("killed anywhere, a removal", () => {
  test("is completed by the next one, and leaves everything else", { timeout: 240_000 }, async () => {
    const acts = await actsOf(async (one, site) => {
      await one.provision({ botInboxes: [String(site)] });
      await one.remove();
    });
    for (let at = 1; at <= acts; at += 1) {
      const { bench: one, site } = await start();
      await one.provision({ botInboxes: [String(site)] });
      await die(one, one.remove({}, at));
      const { steps } = await one.remove();
      const failed = steps.filter(({ outcome }) => outcome === "failed");
      expect({ at, failed, ...everything(one), made: one.stored().made }).toEqual({
        at,
        failed: [],
        ...leftAlone,
        made: {},
      });
      await one.stop();
      bench = null;
    }
  });
});
