import { setTimeout as pause } from "node:timers/promises";
import { startChild } from "./children.ts";
import type { HelpdeskStats } from "./helpdesk.ts";
import type { Installation } from "./installation.ts";
import { bodyFor, percentiles } from "./load.ts";
import { seedOwed } from "./seed-owed.ts";

/** What a helpdesk's return after an outage comes to. */
export interface Outage {
  /** From its return until the first message arrived: until it was asked again. */
  readonly noticedInSeconds: number;
  /** From then until all that was owed had arrived. */
  readonly seconds: number;
  readonly perSecond: number;
  readonly outOfOrder: number;
  /** Of the helpdesk's calls: those it refused for its own limit, the most in one second and at once. */
  readonly refused: number;
  readonly mostInASecond: number;
  readonly mostAtOnce: number;
  readonly residentBytes: number;
  /** New handoffs at a steady rate, elsewhere: before anything is owed, while the helpdesk is down, while it catches up. */
  readonly before: Latency;
  readonly down: Latency;
  readonly catchingUp: Latency;
}

export interface Latency {
  readonly p50: number;
  readonly p99: number;
}

export interface OutageSize {
  readonly conversations: number;
  readonly each: number;
  /** Calls a second that the helpdesk takes. */
  readonly limit: number;
  readonly steadySeconds: number;
}

const HANDOFFS_PER_SECOND = 50;
const HOUR_MS = 3_600_000;
const LOOK_EVERY_MS = 250;
const LATEST_MS = 30 * 60_000;

/** An hour of outage in short: what it leaves behind is put into the store, and the helpdesk comes back. */
export async function measureOutage(installation: Installation, size: OutageSize): Promise<Outage> {
  const helpdesk = await startChild("helpdesk.ts", { HELPDESK_LIMIT: String(size.limit) });
  const url = `http://127.0.0.1:${helpdesk.said}`;
  const stats = async () => (await (await fetch(`${url}/stats`)).json()) as HelpdeskStats;
  try {
    await installation.bringAgentOnline();
    const { id } = await installation.call("POST", "/v1/connections", {
      name: "Support",
      type: "chatwoot",
      config: {
        baseUrl: url,
        accountId: 1,
        inboxId: 1,
        apiAccessToken: "bench",
        webhookSecret: "bench-secret-bench-secret",
      },
    });
    const before = await steadily(installation, () => pause(size.steadySeconds * 1_000));
    await installation.stop();
    const { workspaceId, botId } = installation.first;
    const from = new Date(Date.now() - HOUR_MS);
    seedOwed(installation.file, { workspaceId, botId, connectionId: String(id), from, ...size });
    await fetch(`${url}/down`, { method: "POST" });
    await installation.start();
    const down = await steadily(installation, () => pause(size.steadySeconds * 1_000));

    await fetch(`${url}/up`, { method: "POST" });
    const mendedAt = performance.now();
    let startedAt: number | null = null;
    const owed = size.conversations * size.each;
    let residentBytes = 0;
    const catchingUp = await steadily(installation, async () => {
      for (let { taken } = await stats(); taken < owed; { taken } = await stats()) {
        if (performance.now() - mendedAt > LATEST_MS) throw new Error(`only ${taken} of ${owed} have arrived`);
        if (taken > 0) startedAt ??= performance.now();
        residentBytes = Math.max(residentBytes, installation.program().residentBytes());
        await pause(LOOK_EVERY_MS);
      }
    });
    const endedAt = performance.now();
    const seconds = (endedAt - (startedAt ?? mendedAt)) / 1_000;
    const { taken, outOfOrder, refused, mostInASecond, mostUnderWay } = await stats();
    if (taken !== owed) throw new Error(`${owed} messages were owed, ${taken} have arrived`);
    return {
      noticedInSeconds: (endedAt - mendedAt) / 1_000 - seconds,
      seconds,
      perSecond: owed / seconds,
      outOfOrder,
      refused,
      mostInASecond,
      mostAtOnce: mostUnderWay,
      residentBytes,
      before,
      down,
      catchingUp,
    };
  } finally {
    await helpdesk.stop();
  }
}

/** New handoffs at a steady rate while `during` lasts: begun on time whether or not the ones before were answered. */
async function steadily(installation: Installation, during: () => Promise<unknown>): Promise<Latency> {
  const latencies: number[] = [];
  const asked: Promise<void>[] = [];
  const over = new AbortController();
  const one = async () => {
    const from = performance.now();
    const body: unknown = JSON.parse(bodyFor(crypto.randomUUID()));
    await installation.call("POST", "/v1/handoffs", body, installation.first.botToken);
    latencies.push(performance.now() - from);
  };
  const asking = (async () => {
    const begun = performance.now();
    for (let number = 0; !over.signal.aborted; number += 1) {
      asked.push(one());
      await pause(Math.max(0, begun + ((number + 1) * 1_000) / HANDOFFS_PER_SECOND - performance.now()));
    }
  })();
  try {
    await during();
  } finally {
    over.abort();
    await asking;
  }
  await Promise.all(asked);
  const [p50 = Number.NaN, p99 = Number.NaN] = percentiles(latencies, [0.5, 0.99]);
  return { p50, p99 };
}
