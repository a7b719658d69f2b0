import { afterEach, describe, expect, test } from "vitest";
import { INSTALL_CONNECTION, PATH_SECRET, installBench } from "../../test/contracts/chatwoot-install-bench.ts";
import type { InstallBench } from "../../test/contracts/chatwoot-install-bench.ts";
import type { ChatwootOptions } from "../../test/simulators/chatwoot/index.ts";

let bench: InstallBench;
let site: number;
afterEach(() => bench.stop());

/** An installed connection, with the bot in one inbox. */
async function start(options: ChatwootOptions = {}): Promise<void> {
  bench = await installBench(options);
  site = bench.simulator.addWebsiteInbox({ name: "Shop" });
  expect((await bench.provision({ botInboxes: [String(site)] })).ok).toBe(true);
}

const inboxId = () => bench.stored().config.inboxId ?? 0;
const botId = () => bench.stored().config.agentBotId ?? 0;

/** What is wrong, by step. */
async function faults(lastWebhookAt: Date | null = new Date()): Promise<Record<string, string>> {
  const { findings } = await bench.check(lastWebhookAt);
  const said = JSON.stringify(findings);
  const { apiAccessToken, webhookSecret, agentBotToken, agentBotSecret } = bench.stored().config;
  const secrets = [apiAccessToken, webhookSecret, agentBotToken, agentBotSecret, PATH_SECRET].flatMap(
    (one) => one ?? [],
  );
  expect(secrets.filter((secret) => said.includes(secret))).toEqual([]);
  for (const { ok, fix } of findings) expect(ok ? fix === null : Boolean(fix)).toBe(true);
  return Object.fromEntries(
    findings.flatMap(({ step, ok, message, fix }) => (ok ? [] : [[step, `${message} ${fix}`]])),
  );
}

describe("the check of an installed connection", () => {
  test.each(["3.3.0", "4.12.0", "4.13.0", "4.16.2"])(
    "finds nothing wrong right after the install, with %s",
    async (version) => {
      await start({ version });
      expect(await faults()).toEqual({});
    },
  );

  test.each<[string, () => void, string, RegExp]>([
    [
      "the administrator became an agent",
      () => bench.simulator.setRole(bench.simulator.administratorId, "agent"),
      "token",
      /no administrator any more.*Make that user an administrator/,
    ],
    [
      "the token expired",
      () => void bench.simulator.expireToken(bench.simulator.apiAccessToken),
      "token",
      /does not know the access token/,
    ],
    [
      "a proxy drops the header",
      () => bench.simulator.dropHeaders("both"),
      "token",
      /drops the header Api-Access-Token; let it pass/,
    ],
    ["the plan has no API", () => bench.simulator.setPlan("without_api"), "token", /plan/],
    ["the inbox was deleted", () => bench.simulator.deleteInbox(inboxId()), "inbox", /not there/],
    [
      "the inbox's webhook leads elsewhere",
      () => bench.simulator.setInboxWebhookUrl(inboxId(), "https://crm.example/h"),
      "webhook",
      /leads elsewhere.*run the install again/,
    ],
    [
      "Baton has moved",
      () => bench.move("https://new.baton.example"),
      "webhook",
      /where Baton was before.*run the install again/,
    ],
    [
      "the inbox's secret was reset",
      () => void bench.simulator.resetInboxSecret(inboxId()),
      "secret",
      /reset since.*run the install again/,
    ],
    [
      "the bot was deleted",
      () => bench.simulator.deleteBot(botId()),
      "agent_bot",
      /was deleted.*Run the install again/,
    ],
    [
      "the bot's events are sent elsewhere",
      () => bench.simulator.changeBot(botId(), { outgoingUrl: "https://crm.example/b" }),
      "agent_bot",
      /address was changed.*Run the install again/,
    ],
    [
      "the bot's secret was reset",
      () => void bench.simulator.resetBotSecret(botId()),
      "agent_bot",
      /secret was reset since, so its webhooks are refused/,
    ],
    [
      "the bot's token was reset",
      () => void bench.simulator.expireToken(bench.stored().config.agentBotToken ?? ""),
      "agent_bot",
      /access token was reset since/,
    ],
    [
      "the bot's token was reset, which only an administrator is shown",
      () => {
        bench.simulator.expireToken(bench.stored().config.agentBotToken ?? "");
        bench.change({ apiAccessToken: bench.simulator.agentAccessToken });
        bench.simulator.setAgentOfInbox(site, [bench.simulator.agentId]);
      },
      "agent_bot_token",
      /does not know the token of Baton's agent bot any more.*Run the install again/,
    ],
    [
      "the bot's token is missing",
      () => bench.change({ agentBotToken: null }),
      "agent_bot_token",
      /no token of the agent bot.*Run the install again/,
    ],
    [
      "the bot was detached",
      () => bench.simulator.detachBot(site),
      "bot_inboxes",
      /taken out of inbox \d+.*Run the install again/,
    ],
    [
      "another bot took its place",
      () => bench.simulator.setInboxBot(site, bench.simulator.addBot({ name: "Max" }).id),
      "bot_inboxes",
      /has another bot, "Max"/,
    ],
    ["an inbox of the bot was deleted", () => bench.simulator.deleteInbox(site), "bot_inboxes", /not there any more/],
  ])("tells that %s, and the way out", async (_what, change, step, words) => {
    await start();
    change();
    expect((await faults())[step]).toMatch(words);
  });

  test.each<[string, () => void, RegExp]>([
    [
      "was deleted",
      () => bench.simulator.deleteWebhook(bench.simulator.accountWebhooks()[0]?.id ?? 0),
      /no account webhook leads to this connection/,
    ],
    ["is another than the one known", () => bench.change({ accountWebhookSecret: "another" }), /has another secret/],
  ])("before 4.13: tells that the account webhook %s", async (_what, change, words) => {
    await start({ version: "4.12.0" });
    change();
    expect((await faults())["account_webhook"]).toMatch(words);
  });

  test("a connection that was never installed is told to be", async () => {
    bench = await installBench();
    expect(await faults(null)).toEqual({
      token:
        "The connection names no account yet; the token's user is in: 1. Run the install: it finds or makes what is missing.",
    });
    bench.change({ accountId: 1 });
    expect((await faults(null))["inbox"]).toMatch(/no API inbox yet.*Run the install/);
  });
});

describe("clocks", () => {
  test.each<[string, number, string]>([
    ["agree", 0, "nothing"],
    ["a minute apart", 60_000, "nothing"],
    ["three minutes apart", -3 * 60_000, "warned"],
    ["six minutes apart, ours ahead", 6 * 60_000, "wrong"],
    ["an hour apart, ours behind", -60 * 60_000, "wrong"],
  ])("%s", async (_how, shift, expected) => {
    await start();
    bench.shiftClock(shift);
    const finding = (await bench.check(new Date())).findings.find(({ step }) => step === "clock");
    expect(finding ? (finding.ok ? "warned" : "wrong") : "nothing").toBe(expected);
    expect(finding?.message ?? "behind ahead").toMatch(shift > 0 ? /behind/ : /ahead/);
  });
});

const visitorWrites = (): number =>
  bench.simulator.visitorWrites(inboxId(), { text: "Hi", visitor: "vera" }).conversationId;

describe("whether webhooks come in", () => {
  const MINUTE = 60_000;
  test("is told when they do", async () => {
    await start();
    const heard = (await bench.check(new Date(Date.now() - 7 * MINUTE))).findings.find(({ step }) => step === "heard");
    expect(heard).toMatchObject({ ok: true, message: "A webhook came in 7 minutes ago." });
  });

  test("is no fault before anything went on", async () => {
    await start();
    expect(await faults(null)).toEqual({});
  });

  test.each<[string, () => void, RegExp]>([
    ["Baton refuses what is signed", () => bench.answerWebhooks(401), /refused the webhook.*reads the secret anew/],
    [
      "Chatwoot refuses a private address",
      () => bench.simulator.setAllowPrivateNetwork(false),
      /private address.*SAFE_FETCH_ALLOW_PRIVATE_NETWORK/,
    ],
    ["a proxy has nothing behind it", () => bench.answerWebhooks(503), /answered 503/],
    [
      "Baton answers too late",
      () => (bench.simulator.setWebhookTimeout(50), bench.answerWebhooks(200, 300)),
      /waited 5 seconds/,
    ],
  ])("is read from what Chatwoot notes at its messages: %s", async (_why, arrange, words) => {
    await start();
    const before = new Date(Date.now() - 10_000);
    arrange();
    visitorWrites();
    await bench.simulator.settled();
    const { heard } = await faults(before);
    expect(heard).toMatch(/shown in red there as not sent, that its webhook failed/);
    expect(heard).toMatch(words);
    // What came in since proves that it is over.
    bench.answerWebhooks(null);
    expect(await faults(new Date(Date.now() + MINUTE))).toEqual({});
  });

  test("is missed when conversations went on and nothing came", async () => {
    await start();
    bench.simulator.trouble.dropWebhooks(20);
    const id = visitorWrites();
    await bench.simulator.settled();
    bench.shiftClock(12 * MINUTE);
    const last = new Date(Date.now() - 20 * MINUTE);
    expect((await faults(last))["heard"]).toMatch(
      /last webhook came in 32 minutes ago, though a conversation in the inbox went on since/,
    );
    // Before the first webhook, only what Baton brought in counts.
    expect((await faults(null))["heard"]).toBeUndefined();
    bench.simulator.conversation(id).customAttributes["baton_handoff_id"] = "hnd_1";
    expect((await faults(null))["heard"]).toMatch(/^No webhook has ever come in/);
  });
});

describe("an address of Baton's that looks private", () => {
  test.each<[string, string, Date | null, boolean]>([
    ["before 4.14", "4.13.0", null, false],
    ["with nothing heard yet", "4.14.0", null, true],
    ["where webhooks come in all the same", "4.16.2", new Date(), false],
  ])("is told %s: %s", async (_when, version, lastWebhookAt, isTold) => {
    await start({ version });
    const network = (await bench.check(lastWebhookAt)).findings.find(({ step }) => step === "network");
    expect(network?.message ?? "").toMatch(isTold ? /SAFE_FETCH_ALLOW_PRIVATE_NETWORK=true/ : /^$/);
  });
});

const address = () => `${bench.batonUrl}/webhooks/chatwoot/${INSTALL_CONNECTION}`;

const received = (to: "agent_bot" | "api_inbox" | "account"): (number | null)[] =>
  bench.simulator
    .webhooksSent()
    .filter((sent) => sent.url.startsWith(address()) && sent.to === to)
    .map(({ status }) => status);

describe("the webhooks of an installed connection", () => {
  test.each(["4.11.0", "4.12.0", "4.13.0", "4.16.2"])(
    "of inbox, bot and account are all taken, each with its own proof: %s",
    async (version) => {
      await start({ version });
      bench.simulator.visitorWrites(site, { text: "Hi", visitor: "vera" });
      bench.simulator.visitorWrites(inboxId(), { text: "Hi", visitor: "vic" });
      bench.simulator.resolve(bench.simulator.conversations()[0]?.id ?? 0, bench.simulator.agentId);
      await bench.simulator.settled();
      const statuses = bench.simulator
        .webhooksSent()
        .filter(({ url }) => url.startsWith(address()))
        .map(({ status }) => status);
      expect(new Set(statuses)).toEqual(new Set([200]));
      expect(received("agent_bot").length).toBeGreaterThan(0);
      expect(received("api_inbox").length).toBeGreaterThan(0);
      expect(received("account").length > 0).toBe(version === "4.11.0" || version === "4.12.0");
    },
  );
});
