import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { converse, leaveDetails, readBack, reply, tell } from "./actors.ts";
import type { Record } from "./actors.ts";
import { chatwootSide, freshchatSide } from "./far-sides.ts";
import type { FarSide } from "./far-sides.ts";
import { faultsOf } from "./history.ts";
import { firstRunOf, startProgram } from "./program.ts";
import { ask, freePort, listen, seeded } from "./sides.ts";
import type { Json } from "./sides.ts";
import { whatIsWrong } from "./verdict.ts";

const SEED = Number(process.env["FAULT_SEED"] ?? 20_261_120);

interface Run {
  readonly far: () => Promise<FarSide>;
  readonly kills: number;
  /** The least and most milliseconds that the program is left alone before each. */
  readonly every: readonly [number, number];
  /** No kill later than this. */
  readonly withinMs: number;
  /** For Node. */
  readonly nodeArguments: readonly string[];
}

const runs: readonly (Run & { readonly helpdesk: string })[] = [
  {
    helpdesk: "Chatwoot",
    far: chatwootSide,
    kills: 5,
    every: [700, 2_200],
    // A call that was cut off is looked for 17 seconds later (Chatwoot may act on it for 15): cut off twice, an opening would
    // rightly miss its 30 seconds, and the visitor would be told so instead.
    withinMs: 15_000,
    nodeArguments: [],
  },
  {
    helpdesk: "FreshChat",
    far: freshchatSide,
    kills: 4,
    every: [200, 1_000],
    withinMs: 20_000,
    nodeArguments: ["--import", new URL("settles-soon.ts", import.meta.url).href],
  },
];
/** The kill that is followed by another at once: the program dies while it takes up what it left behind. */
const TWICE_AT = 3;

const CONVERSATIONS = 20;
const LEADS = 10;
/** So many that nearly every kill meets answers that are just leaving. */
const TELLERS = 12;
const SETTLED_WITHIN_MS = 60_000;

test.each(runs)(
  "killed again and again under load beside $helpdesk, it loses nothing, doubles nothing and keeps the order",
  async (run) => {
    console.log(`FAULT_SEED=${SEED}`);
    const random = seeded(SEED);
    const between = (least: number, most: number) => least + random() * (most - least);
    const dataDir = mkdtempSync(join(tmpdir(), "baton-kill-"));
    const port = await freePort();
    const far = await run.far();
    onTestFinished(() => far.stop());
    const url = `http://127.0.0.1:${port}`;
    const start = () => startProgram({ dataDir, port, env: { BASE_URL: url }, nodeArguments: run.nodeArguments });
    let program = await start();
    const first = await firstRunOf(dataDir);
    let leadSecret = "";
    const botSide = await listen(() => first.botSigningSecret);
    const leadSide = await listen(() => leadSecret);
    onTestFinished(async () => {
      await program.end("SIGKILL");
      await Promise.all([botSide.stop(), leadSide.stop()]);
      rmSync(dataDir, { recursive: true, force: true });
    });

    const admin = async (method: string, path: string, body?: unknown) => {
      const answer = await ask(url + path, { method, token: first.adminToken, body });
      if (answer === null || answer.status > 299) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
      return answer.body;
    };
    const connection = await admin("POST", "/v1/connections", far.connection);
    await far.setWebhookUrl(connection["webhookUrl"]);
    const destinations = [{ id: connection["id"] }];
    await admin("PATCH", `/v1/bots/${first.botId}`, { callbackUrl: botSide.url, settings: { destinations } });
    const leadBot = await admin("POST", "/v1/bots", { name: "Leads", callbackUrl: leadSide.url });
    leadSecret = leadBot["signingSecret"];
    await admin("PATCH", `/v1/bots/${leadBot["id"]}`, { settings: { destinations, neverAvailable: true } });
    const leadToken: string = (await admin("POST", `/v1/bots/${leadBot["id"]}/tokens`, {}))["token"];

    const record: Record = { handoffs: [], toHelpdesk: [], toBot: [], leads: [], kept: [], wrong: [] };
    let isOver = false;
    const until = () => isOver;
    const work = [
      ...Array.from({ length: CONVERSATIONS }, (_, index) =>
        converse({ url, token: first.botToken, index, record, random: seeded(SEED + index), until }),
      ),
      ...Array.from({ length: TELLERS }, (_, index) => tell({ url, token: leadToken, index, record, until })),
      leaveDetails({ url, token: leadToken, record, count: LEADS }),
      reply({ far, record, random: seeded(SEED - 1), until }),
    ];
    const startedAt = performance.now();
    let kills = 0;
    while (kills < run.kills && performance.now() - startedAt < run.withinMs) {
      await pause(between(...run.every));
      kills += 1;
      await program.end("SIGKILL");
      if (kills === TWICE_AT) {
        program = await start();
        await program.end("SIGKILL");
      }
      program = await start();
    }
    await pause(1_000);
    isOver = true;
    await Promise.all(work);

    const history = async () =>
      whatIsWrong({
        record,
        there: await far.conversations(),
        violations: await far.violations(),
        heard: botSide.heard,
        leadsHeard: leadSide.heard,
      });
    const owed = async () => {
      const counts = await Promise.all(
        ["waiting", "sending"].map((state) => admin("GET", `/v1/deliveries?state=${state}`)),
      );
      return counts.flatMap((page) => page["items"]).length;
    };
    const deadline = performance.now() + SETTLED_WITHIN_MS;
    const isWaitedFor = async () => (await owed()) > 0 || (await history()).some((fault) => fault.startsWith("lost"));
    while ((await isWaitedFor()) && performance.now() < deadline) await pause(250);
    // What would come twice comes now.
    await pause(1_500);

    const dead = (await admin("GET", "/v1/deliveries?state=dead"))["items"];
    const kept = (await admin("GET", "/v1/leads?limit=200"))["items"].map((lead: Json) => lead["handoffId"]);
    console.log(
      `${record.handoffs.length} handoffs, ${record.toHelpdesk.length} messages to the helpdesk, ` +
        `${record.toBot.length} to the bots, ${record.leads.length} leads, ${record.kept.length} more messages kept, ${kills} kills`,
    );
    expect(await history()).toEqual([]);
    expect(faultsOf(record.kept, await readBack({ url, token: leadToken }, TELLERS), { mayRepeat: false })).toEqual([]);
    expect(dead).toEqual([]);
    expect(await owed()).toBe(0);
    expect(kept.toSorted()).toEqual(record.leads.map(({ handoffId }) => handoffId).toSorted());
    expect([botSide.forged(), leadSide.forged()]).toEqual([0, 0]);
    // So much has to have happened for the rest to say anything.
    expect(kills).toBeGreaterThanOrEqual(3);
    expect(record.handoffs).toHaveLength(CONVERSATIONS + CONVERSATIONS / 5);
    expect(record.toHelpdesk.length).toBeGreaterThan(CONVERSATIONS * 5);
    expect(record.toBot.length).toBeGreaterThan(CONVERSATIONS);
    expect(record.leads).toHaveLength(LEADS);
  },
  120_000,
);
