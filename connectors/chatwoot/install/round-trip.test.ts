import { afterEach, describe, expect, test } from "vitest";
import { INSTALL_CONNECTION, PATH_SECRET, installBench } from "../../../test/contracts/chatwoot-install-bench.ts";
import type { InstallBench } from "../../../test/contracts/chatwoot-install-bench.ts";
import type { ChatwootOptions } from "../../../test/simulators/chatwoot/index.ts";

let bench: InstallBench;
afterEach(() => bench.stop());
const start = async (options: ChatwootOptions = {}) => (bench = await installBench(options));

async function roundTrip(): Promise<string> {
  const { steps } = await bench.provision();
  const found = steps.find(({ step }) => step === "round_trip");
  return `${found?.outcome}: ${found?.message} ${found?.fix ?? ""}`;
}

const isRemoval = (method: string): boolean => method === "DELETE";

describe("the round trip", () => {
  test.each(["3.3.0", "4.12.0", "4.13.0", "4.16.2"])("comes back with %s", async (version) => {
    await start({ version });
    expect(await roundTrip()).toMatch(/^found: A test conversation was made, its webhook came back/);
  });

  test.each<[string, () => void, RegExp]>([
    [
      "Chatwoot refuses private addresses",
      () => bench.simulator.setAllowPrivateNetwork(false),
      /sends no webhook to a private address.*SAFE_FETCH_ALLOW_PRIVATE_NETWORK=true/,
    ],
    ["Baton refuses the signature", () => bench.answerWebhooks(401), /refused the webhook.*reads the secret anew/],
    ["the address leads to another server", () => bench.answerWebhooks(404), /leads to another server.*BASE_URL/],
    ["the address redirects", () => bench.answerWebhooks(301), /redirects.*https/],
    ["a proxy has no Baton behind it", () => bench.answerWebhooks(502), /answered 502.*log/],
    [
      "nothing listens at Baton's address",
      () => bench.move("http://127.0.0.1:9"),
      /did not reach http:\/\/127\.0\.0\.1:9.*BASE_URL/,
    ],
    [
      "Chatwoot's worker sends nothing",
      () => bench.simulator.trouble.dropWebhooks(10),
      /private address|worker \(Sidekiq\)/,
    ],
  ])("that fails since %s says so, and what to do", async (_why, arrange, words) => {
    await start();
    arrange();
    const said = await roundTrip();
    expect(said).toMatch(
      /^failed: The webhook of a test conversation did not come back within 8 seconds\. Most likely/,
    );
    expect(said).toMatch(words);
    expect(said).not.toContain(PATH_SECRET);
  });

  test("that times out says how it shows", async () => {
    await start({ webhookTimeoutMs: 50 });
    bench.answerWebhooks(200, 200);
    expect(await roundTrip()).toMatch(/waited 5 seconds.*never tries again.*WEBHOOK_TIMEOUT/);
  });

  test("leaves nothing behind, also when it fails", async () => {
    await start();
    bench.answerWebhooks(500);
    expect(await roundTrip()).toMatch(/^failed/);
    expect([bench.simulator.conversations(), bench.simulator.contacts()]).toEqual([[], []]);
    expect(Object.keys(bench.stored().made)).not.toContain("proof_contact");
  });

  test("removes what an earlier one could not", async () => {
    await start();
    bench.simulator.trouble.failNext(2, { status: 500, match: isRemoval });
    expect(await roundTrip()).toMatch(/^found/);
    expect(bench.simulator.contacts().map(({ identifier }) => identifier)).toEqual([
      `baton-proof:${INSTALL_CONNECTION}`,
    ]);
    expect(bench.stored().made["proof_contact"]).toMatch(/^\d+$/);
    expect(await roundTrip()).toMatch(/^found/);
    expect([bench.simulator.conversations(), bench.simulator.contacts()]).toEqual([[], []]);
    expect(bench.stored().made["proof_contact"]).toBeUndefined();
  });

  test("is seen by nobody: a private note in a conversation that never was open", async () => {
    await start();
    await bench.provision();
    const sent = bench.simulator.webhooksSent();
    expect(sent.map(({ event }) => event)).toContain("message_created");
    const notes = sent.filter(({ event }) => event === "message_created");
    expect(notes.map(({ payload }) => payload["private"])).toEqual([true]);
    expect(sent.map(({ payload }) => payload["status"]).filter((status) => status === "open")).toEqual([]);
  });
});
