import { afterEach, describe, expect, test } from "vitest";
import { CONNECTION_ID, chatwootBench } from "../../test/contracts/chatwoot-bench.ts";
import type { ChatwootBench } from "../../test/contracts/chatwoot-bench.ts";
import type { ChatwootOptions } from "../../test/simulators/chatwoot/index.ts";
import type { Connector } from "../../src/ports.ts";

let bench: ChatwootBench;
afterEach(() => bench.stop());

const ours = `https://baton.example/webhooks/chatwoot/${CONNECTION_ID}`;
const start = async (options: ChatwootOptions = {}) => (bench = await chatwootBench({ webhookUrl: ours, ...options }));

const stepsOf = async (connector: Connector) => {
  const { findings } = await connector.check({ lastWebhookAt: null });
  return Object.fromEntries(findings.map(({ step, ok, message, fix }) => [step, ok ? "ok" : `${message} ${fix}`]));
};

/** A proxy that lets no header of ours pass. */
const dropsTheHeader: ChatwootOptions["intercept"] = (request) => {
  delete request.headers["api-access-token"];
  return false;
};

/** What the team changes in the inbox's settings. */
async function changeInbox(settings: Record<string, unknown>): Promise<void> {
  const { simulator } = bench;
  const response = await fetch(`${simulator.url}/api/v1/accounts/${simulator.accountId}/inboxes/${simulator.inboxId}`, {
    method: "PATCH",
    headers: { "content-type": "application/json", "api-access-token": simulator.apiAccessToken },
    body: JSON.stringify(settings),
  });
  expect(response.status).toBe(200);
}

describe("the check of a Chatwoot connection", () => {
  test("finds nothing wrong where all is right, and names the version", async () => {
    await start();
    const report = await bench.connector.check({ lastWebhookAt: null });
    expect(report.findings.filter(({ ok }) => !ok)).toEqual([]);
    expect(report.ok).toBe(true);
    expect(report.about).toEqual({ version: "4.16.2", inbox: "Handoff API" });
    expect(report.findings.map(({ step }) => step)).toEqual([
      "reach",
      "token",
      "inbox",
      "webhook",
      "secret",
      "members",
      "heard",
    ]);
  });

  test.each<[string, Record<string, unknown>, string, RegExp]>([
    ["a wrong token", { apiAccessToken: "wrong" }, "token", /does not know the access token/],
    ["another account", { accountId: 8 }, "token", /not in account 8, but in: 1\./],
    ["another inbox", { inboxId: 99 }, "inbox", /It is not there.*Check the account and the inbox/],
    ["another secret", { webhookSecret: "wrong" }, "secret", /not that of the inbox.*Copy the secret/],
  ])("tells %s", async (_what, settings, step, words) => {
    await start();
    const steps = await stepsOf(bench.connectorWith(settings));
    expect(steps[step]).toMatch(words);
    for (const secret of bench.secrets) expect(JSON.stringify(steps)).not.toContain(secret);
  });

  test("tells that the header is dropped, where it is", async () => {
    await start({ intercept: dropsTheHeader });
    expect((await stepsOf(bench.connector))["token"]).toMatch(/drops the header Api-Access-Token/);
  });

  test.each<[string, string | null, RegExp]>([
    [
      "no webhook address",
      null,
      /no webhook address.*Set the webhook address of the inbox to https:\/\/baton\.example/,
    ],
    ["another connection's", "https://baton.example/webhooks/chatwoot/con_other", /leads elsewhere/],
    ["one that only begins alike", `${ours}x`, /leads elsewhere/],
    [
      "where Baton was before",
      `https://old.example/webhooks/chatwoot/${CONNECTION_ID}`,
      /where Baton was before.*run the install again/,
    ],
    ["another server's", "https://other.example/hooks", /leads elsewhere/],
  ])("tells %s", async (_what, webhookUrl, words) => {
    await start();
    bench.simulator.setWebhookUrl(webhookUrl);
    expect((await stepsOf(bench.connector))["webhook"]).toMatch(words);
  });

  test("tells the HMAC token from the secret", async () => {
    await start();
    const { simulator } = bench;
    const response = await fetch(`${simulator.url}/api/v1/accounts/1/inboxes/${simulator.inboxId}`, {
      headers: { "api-access-token": simulator.apiAccessToken },
    });
    const { hmac_token: hmacToken } = (await response.json()) as { hmac_token: string };
    const steps = await stepsOf(bench.connectorWith({ webhookSecret: hmacToken }));
    expect(steps["secret"]).toMatch(/HMAC token, which is for another purpose/);
  });

  test("asks for the secret in the path where none is set, and where the release does not sign", async () => {
    await start();
    expect((await stepsOf(bench.connectorWith({ webhookSecret: null })))["webhook"]).toMatch(
      /lacks the secret at its end/,
    );
    bench.simulator.setWebhookUrl(`${ours}/b0r5Zt`);
    expect((await stepsOf(bench.connectorWith({ webhookSecret: null })))["webhook"]).toBe("ok");
  });

  test("tells that an older release does not sign", async () => {
    await start({ version: "4.12.1", webhookUrl: `${ours}/b0r5Zt` });
    const steps = await stepsOf(bench.connector);
    expect(steps["webhook"]).toBe("ok");
    expect(steps["secret"]).toMatch(/does not sign, so every webhook is refused.*Leave the webhook secret empty/);
    expect((await bench.connectorWith({ webhookSecret: null }).check({ lastWebhookAt: null })).ok).toBe(true);
  });

  test("tells what the inbox says by itself, and its lock", async () => {
    await start({ lockToSingleConversation: true });
    await changeInbox({
      greeting_enabled: true,
      greeting_message: "Hi",
      working_hours_enabled: true,
      out_of_office_message: "Away",
    });
    const report = await bench.connector.check({ lastWebhookAt: null });
    expect(report.findings.filter(({ ok }) => !ok).map(({ step }) => step)).toEqual(["greeting", "out_of_office"]);
    expect(report.findings.find(({ step }) => step === "lock")?.message).toMatch(/opens the earlier one again/);
  });

  test("works with an agent's token, and says what it cannot see", async () => {
    await start();
    const report = await bench
      .connectorWith({ apiAccessToken: bench.simulator.agentAccessToken })
      .check({ lastWebhookAt: null });
    expect(report.ok).toBe(true);
    expect(report.findings.find(({ step }) => step === "secret")?.message).toMatch(/could not be compared/);
  });

  test("takes a page of HTML for what it is", async () => {
    await start();
    bench.simulator.trouble.htmlAnswer(1);
    expect((await stepsOf(bench.connector))["reach"]).toMatch(/not one of Chatwoot/);
  });
});

describe("who is online", () => {
  const destination = { id: CONNECTION_ID, team: null, priority: null, labels: [] };

  test("counts members of the inbox who are online, not those who are busy", async () => {
    await start();
    expect(await bench.connector.presence(destination)).toBe(0);
    bench.simulator.setAvailability(bench.simulator.agentId, "online");
    bench.simulator.addAgent({ name: "Bo", availability: "busy" });
    bench.simulator.addAgent({ name: "Cy", availability: "online", inboxMember: false });
    bench.simulator.addAgent({ name: "Di", availability: "online", autoOffline: true, connected: false });
    expect(await bench.connector.presence(destination)).toBe(1);
  });

  test("counts within the team, and in the whole inbox when there is no such team", async () => {
    await start();
    bench.simulator.setAvailability(bench.simulator.agentId, "online");
    const { id } = bench.simulator.addAgent({ name: "Bo", availability: "online" });
    const team = bench.simulator.addTeam({ name: "sales", memberIds: [id] });
    expect(await bench.connector.presence({ ...destination, team: "Sales" })).toBe(1);
    expect(await bench.connector.presence({ ...destination, team: String(team.id) })).toBe(1);
    expect(await bench.connector.presence({ ...destination, team: "returns" })).toBe(2);
  });

  test("is unknown where the token may not see it, and fails where Chatwoot is down", async () => {
    await start();
    const stranger = bench.simulator.addAgent({ name: "Stranger", inboxMember: false });
    expect(await bench.connectorWith({ apiAccessToken: stranger.token }).presence(destination)).toBeNull();
    bench.simulator.trouble.failNext(1, { status: 503 });
    await expect(bench.connector.presence(destination)).rejects.toMatchObject({ kind: "transient" });
  });
});
