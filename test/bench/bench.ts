import { statSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { startChild } from "./children.ts";
import { measureFleet } from "./fleet.ts";
import { install } from "./installation.ts";
import type { Installation } from "./installation.ts";
import { CONNECTIONS, load } from "./load.ts";
import type { Load } from "./load.ts";
import { measureOutage } from "./outage.ts";
import { measureRelay } from "./relay.ts";
import { atLeast, atMost, Report, shown } from "./report.ts";
import { chatwoot, freshchat } from "./sides.ts";
import type { Side } from "./sides.ts";
import { measureDecisions } from "./schedule.ts";
import { seedConversations } from "./seed.ts";
import { measureStreams } from "./streams.ts";

/*
 * npm run bench [-- --quick] [-- --json] [-- --only streams]
 * npm run bench -- --postgres postgres://root@127.0.0.1/postgres --redis redis://127.0.0.1:6379/9
 *
 * Measures the real program, in a process of its own, beside a bare Express 5 that echoes the same bodies to the same client
 * in the same run: machines differ, the ratio says more. Every handoff counted was answered after its commit was on disk.
 * The full run takes about ten minutes, 6 GB in the temporary directory and 10,000 open files in each of two processes (`ulimit
 * -n`); the quick one about two minutes.
 */
const { values: flags } = parseArgs({
  options: {
    quick: { type: "boolean" },
    json: { type: "boolean" },
    only: { type: "string" },
    postgres: { type: "string" },
    redis: { type: "string" },
  },
});
const isQuick = flags.quick === true;
const SECONDS = isQuick ? 3 : 8;
const ECHO_SECONDS = isQuick ? 2 : 4;
const SIZES = isQuick ? [1_000, 50_000] : [1_000, 100_000, 1_000_000];
const RELAY_ROUNDS = isQuick ? 50 : 200;
/** What a busy FreshChat account sends of conversations that are not ours. */
const STRANGERS_PER_SECOND = 200;
const OUTAGE = isQuick
  ? { conversations: 500, each: 10, limit: 1_000, steadySeconds: 5 }
  : { conversations: 5_000, each: 20, limit: 1_000, steadySeconds: 10 };
const STREAMS = isQuick ? 1_000 : 10_000;
const DECISIONS = isQuick ? 1_000_000 : 3_000_000;
const SETTLE_MS = 1_000;
/** No opening hours at all: every request becomes a lead, told by the compiled schedule. */
const CLOSED = { timezone: "Europe/Bucharest", weekly: {}, overrides: [] };

const report = new Report();
const echo = await startChild("echo.ts");
const echoUrl = `http://127.0.0.1:${echo.said}/echo`;
try {
  const parts = { handoffs, growth, streams, outage, fleet, decisions };
  if (flags.only !== undefined && !(flags.only in parts))
    throw new Error(`--only is one of ${Object.keys(parts).join(", ")}`);
  for (const [name, measure] of Object.entries(parts)) if ((flags.only ?? name) === name) await measure();
} finally {
  await echo.stop();
}
console.log(flags.json === true ? report.json() : report.table());

/** Rates against the echo, then the relay, then what the process takes. */
async function handoffs(): Promise<void> {
  const installation = await install();
  try {
    report.add("start to first answer, ms", installation.program().startedInMs, atMost(5_000), shown.whole);
    await pause(SETTLE_MS);
    report.add("resident memory when idle, MB", megabytes(installation), null, shown.whole);
    await installation.bringAgentOnline();
    const before = await measureEcho();
    const live = await measureHandoffs(installation);
    await installation.settings({ schedule: CLOSED });
    const lead = await measureHandoffs(installation);
    await installation.settings({ schedule: null });
    const after = await measureEcho();
    const bare = mean(before, after);
    report.add(`echo at ${CONNECTIONS} connections, per second`, bare.perSecond, null, shown.whole);
    report.add("echo p99, ms", bare.p99, null, shown.tenths);
    report.add("echo, processor time for one, µs", bare.processorMicroseconds, null, shown.whole);
    compare("live handoffs", live, bare);
    compare("leads", lead, bare);
    report.add("resident memory after the load, MB", megabytes(installation), null, shown.whole);
    await relay(installation, chatwoot, 0);
    await relay(installation, freshchat, 0);
    await relay(installation, freshchat, STRANGERS_PER_SECOND);
  } finally {
    await installation.remove();
  }
}

/** Readers on one process, each with a conversation of its own. */
async function streams(): Promise<void> {
  const installation = await install();
  try {
    const measured = await measureStreams(installation, { count: STREAMS, rounds: RELAY_ROUNDS });
    const name = `${STREAMS.toLocaleString("en")} event streams`;
    report.add(`${name}: opened, per second`, measured.openedPerSecond, null, shown.whole);
    report.add(`${name}: memory for one, KB`, measured.bytesEach / 1_024, atMost(64), shown.tenths);
    report.add(`${name}: a message to one p50, ms`, measured.toOne.p50, null, shown.tenths);
    report.add(`${name}: a message to one p99, ms`, measured.toOne.p99, atMost(1_000), shown.tenths);
    report.add(`${name}: a message to each, per second`, measured.toAll.perSecond, null, shown.whole);
    report.add(`${name}: a message to each p50, ms`, measured.toAll.p50, null, shown.tenths);
    report.add(`${name}: a message to each p99, ms`, measured.toAll.p99, atMost(1_000), shown.tenths);
  } finally {
    await installation.remove();
  }
}

/** A helpdesk comes back, to which an hour's messages are owed. */
async function outage(): Promise<void> {
  const installation = await install();
  try {
    const measured = await measureOutage(installation, OUTAGE);
    const owed = (OUTAGE.conversations * OUTAGE.each).toLocaleString("en");
    const name = `${owed} owed over ${OUTAGE.conversations.toLocaleString("en")} conversations`;
    report.add(`${name}: return noticed, s`, measured.noticedInSeconds, atMost(61), shown.tenths);
    report.add(`${name}: sent in, s`, measured.seconds, null, shown.whole);
    report.add(`${name}: sent, per second`, measured.perSecond, null, shown.whole);
    report.add(`${name}: out of order`, measured.outOfOrder, atMost(0), shown.whole);
    report.add(`${name}: calls at once`, measured.mostAtOnce, atMost(8), shown.whole);
    report.add(`${name}: most in a second`, measured.mostInASecond, atMost(OUTAGE.limit), shown.whole);
    report.add(`${name}: refused by the helpdesk's limit`, measured.refused, null, shown.whole);
    report.add(`${name}: resident memory, MB`, measured.residentBytes / 1_048_576, atMost(1_024), shown.whole);
    for (const [when, latency] of [
      ["before", measured.before],
      ["while down", measured.down],
      ["while catching up", measured.catchingUp],
    ] as const) {
      report.add(`50 handoffs a second ${when} p50, ms`, latency.p50, null, shown.tenths);
      report.add(`50 handoffs a second ${when} p99, ms`, latency.p99, atMost(1_000), shown.tenths);
    }
  } finally {
    await installation.remove();
  }
}

/** The same load on PostgreSQL, by one process and by two; where a server for it is named. */
async function fleet(): Promise<void> {
  const { postgres: postgresUrl, redis: redisUrl = null } = flags;
  if (postgresUrl === undefined) return;
  const bare = await measureEcho();
  const sizes = [
    { name: "PostgreSQL, one process", processes: 1, redisUrl: null },
    ...(redisUrl === null
      ? []
      : [
          { name: "PostgreSQL and Redis, one process", processes: 1, redisUrl },
          { name: "PostgreSQL and Redis, two processes", processes: 2, redisUrl },
        ]),
  ];
  for (const { name, ...size } of sizes) {
    const measured = await measureFleet({ ...size, postgresUrl, seconds: SECONDS });
    report.add(`${name}: live handoffs, per second`, measured.perSecond, null, shown.whole);
    report.add(`${name}: against echo, rate`, measured.perSecond / bare.perSecond, null, shown.ratio);
    report.add(`${name}: p50, ms`, measured.p50, null, shown.tenths);
    report.add(`${name}: p99, ms`, measured.p99, null, shown.tenths);
    report.add(`${name}: processor time for one, µs`, measured.processorMicroseconds, null, shown.whole);
  }
}

function decisions(): void {
  report.add("decisions by schedule, per second", measureDecisions(DECISIONS), atLeast(1_000_000), shown.whole);
}

async function relay(installation: Installation, side: Side, strangersPerSecond: number): Promise<void> {
  const measured = await measureRelay(installation, side, { rounds: RELAY_ROUNDS, strangersPerSecond });
  const name = strangersPerSecond === 0 ? side.name : `${side.name} beside strangers`;
  if (strangersPerSecond > 0)
    report.add("strangers' webhooks taken, per second", measured.strangersPerSecond, null, shown.whole);
  report.add(`${name}: agent's reply to the bot's callback p50, ms`, measured.toBot.p50, null, shown.tenths);
  report.add(`${name}: agent's reply to the bot's callback p99, ms`, measured.toBot.p99, atMost(1_000), shown.tenths);
  report.add(`${name}: visitor's message to the helpdesk p50, ms`, measured.toHelpdesk.p50, null, shown.tenths);
  report.add(
    `${name}: visitor's message to the helpdesk p99, ms`,
    measured.toHelpdesk.p99,
    atMost(1_000),
    shown.tenths,
  );
}

function compare(name: string, measured: Load, bare: Bare): void {
  report.add(`${name} on disk, per second`, measured.perSecond, null, shown.whole);
  report.add(`${name} against echo, rate`, measured.perSecond / bare.perSecond, atLeast(0.5), shown.ratio);
  report.add(`${name} p50, ms`, measured.p50, null, shown.tenths);
  report.add(`${name} p99, ms`, measured.p99, null, shown.tenths);
  report.add(`${name} against echo, p99`, measured.p99 / bare.p99, atMost(3), shown.ratio);
  report.add(`${name}, processor time for one, µs`, measured.processorMicroseconds, null, shown.whole);
}

type Bare = Pick<Load, "perSecond" | "p99" | "processorMicroseconds">;

/** The echo is measured before and after: others may use the machine. */
function mean(before: Bare, after: Bare): Bare {
  const of = (name: keyof Bare) => (before[name] + after[name]) / 2;
  return { perSecond: of("perSecond"), p99: of("p99"), processorMicroseconds: of("processorMicroseconds") };
}

/**
 * The same with more and more behind it. Each size is held against an echo of its own, and the better of two runs counts:
 * others on the machine slow a run down, and nothing speeds one up.
 */
async function growth(): Promise<void> {
  const installation = await install();
  let first: number | null = null;
  let made = 0;
  try {
    await installation.bringAgentOnline();
    for (const size of SIZES) {
      await installation.stop();
      seedConversations(installation.file, installation.first, { from: made, upTo: size });
      made = size;
      const [bytesBefore, handoffsBefore] = [statSync(installation.file).size, installation.countHandoffs()];
      await installation.start();
      const name = `with ${size.toLocaleString("en")} conversations`;
      report.add(`${name}: start, ms`, installation.program().startedInMs, atMost(5_000), shown.whole);
      const before = await measureEcho();
      const runs = [await measureHandoffs(installation), await measureHandoffs(installation)] as const;
      const live = runs[0].perSecond > runs[1].perSecond ? runs[0] : runs[1];
      const bare = mean(before, await measureEcho());
      const ratio = live.perSecond / bare.perSecond;
      report.add(`${name}: live handoffs, per second`, live.perSecond, null, shown.whole);
      report.add(`${name}: live handoffs p99, ms`, live.p99, null, shown.tenths);
      report.add(`${name}: against echo, rate`, ratio, null, shown.ratio);
      report.add(`${name}: processor time for one, µs`, live.processorMicroseconds, null, shown.whole);
      await installation.stop();
      const bytes = statSync(installation.file).size - bytesBefore;
      const stored = installation.countHandoffs() - handoffsBefore;
      report.add(`${name}: bytes on disk for one handoff`, bytes / stored, null, shown.whole);
      if (first !== null) report.add(`${name}: against the first`, ratio / first, atLeast(0.85), shown.ratio);
      first ??= ratio;
    }
  } finally {
    await installation.remove();
  }
}

async function measureHandoffs(installation: Installation): Promise<Load> {
  const before = installation.countHandoffs();
  const { url, pid } = installation.program();
  const { botToken } = installation.first;
  const measured = await load({ url: `${url}/v1/handoffs`, pid, token: botToken, seconds: SECONDS });
  const stored = installation.countHandoffs() - before;
  if (stored < measured.answered) throw new Error(`${measured.answered} handoffs were answered, ${stored} are stored`);
  return measured;
}

function measureEcho(): Promise<Load> {
  return load({ url: echoUrl, pid: echo.pid, seconds: ECHO_SECONDS });
}

function megabytes(installation: Installation): number {
  return installation.program().residentBytes() / 1_048_576;
}
