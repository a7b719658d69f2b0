import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { mountSmallDisk, startPostgres, startRedis } from "./backing.ts";
import { converse, leaveDetails, tell } from "./bots.ts";
import type { BotSide } from "./bots.ts";
import { chatwootDesk, freshchatDesk } from "./desk.ts";
import { gather } from "./ends.ts";
import { openFleet } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";
import { hasteArguments } from "./haste.ts";
import { whatIsWrong } from "./judge.ts";
import { createSockets, makePeace, makeTrouble, wrongClock } from "./mischief.ts";
import type { Victims } from "./mischief.ts";
import { TROUBLES } from "./plan.ts";
import type { Trouble } from "./plan.ts";
import { firstRunOf } from "./program.ts";
import type { Act, History, Json } from "./record.ts";
import { freePort, insist, listen, seeded } from "./sides.ts";
import { workAtDesk, workAtInbox } from "./team.ts";

export interface RunOptions {
  readonly seed: number;
  readonly processes: 1 | 2;
  readonly database: "sqlite" | "postgres";
  readonly redis: boolean;
  readonly helpdesk: "chatwoot" | "freshchat" | "both" | "inbox";
  /** It acts until so many messages were acknowledged and so many kills were done, or until its time is over. */
  readonly messages: number;
  readonly kills: number;
  readonly withinMs: number;
  /** How long a process is left alone before it is killed, least and most; null: none is. */
  readonly killEveryMs: readonly [number, number] | null;
  /** Between two troubles, least and most; null: none is made. */
  readonly troubleEveryMs: readonly [number, number] | null;
  /** These troubles alone. */
  readonly only?: readonly Trouble[];
  /** False: the program's own waits of 10 to 20 seconds, instead of a tenth of them. */
  readonly hasty: boolean;
  readonly conversations: number;
  readonly tellers: number;
  readonly leads: number;
  /** True: enough for today. What is begun is brought to its end and judged. */
  readonly isEnough?: () => boolean;
  /** Told how it goes, in words. */
  readonly say?: (line: string) => void;
}

export interface Figures {
  readonly seconds: number;
  readonly messages: { toTeam: number; byBots: number; refused: number; byTeam: number; keptOnly: number };
  readonly handoffs: { all: number; opened: number; missed: number; leads: number };
  readonly callbacks: { heard: number; repeats: number };
  readonly processes: Fleet["counts"];
  readonly trouble: Readonly<Record<string, number>>;
  /** From the end of all trouble until nothing was owed. */
  readonly settledAfterMs: number;
  /** What could not be done here, and why. */
  readonly notDone: readonly string[];
}

export interface Outcome {
  readonly wrong: readonly string[];
  readonly figures: Figures;
  readonly history: History;
  /** What the helpdesks were asked, and when each trouble was made: for whoever looks into it. */
  readonly log: readonly unknown[];
}

const HASTY = { settleMs: 1_500, answerMs: 2_500, leaseMs: 3_000 };
const OWN = { settleMs: 17_000, leaseMs: 10_000 };
const SECRET = "Kq7-rT2!vB9#xW4@zN6%hJ8^mL3&pD5*";
const CALM_MS = 180_000;
/** With nothing coming for so long, nothing comes. */
const STUCK_MS = 50_000;
const OPENING_MS = 60_000;
const MOVE_ON_MS = 61_000;

/** One run: real processes, real stores, everybody at work, trouble by the seed; then calm, and what is wrong then. */
export async function run(options: RunOptions): Promise<Outcome> {
  const cleanUp: (() => Promise<unknown> | void)[] = [];
  try {
    return await runWith(options, (end) => void cleanUp.unshift(end));
  } finally {
    for (const end of cleanUp) await end();
  }
}

/** What more time may mend. */
const waits = (fault: string) => /^(?:in Baton, )?(?:lost|left over|never opened|disagrees)/.test(fault);

async function runWith(options: RunOptions, later: (end: () => Promise<unknown> | void) => void): Promise<Outcome> {
  const startedAt = performance.now();
  const { seed, say = () => undefined } = options;
  const random = seeded(seed);
  const notDone: string[] = [];
  const root = mkdtempSync(join(tmpdir(), "baton-faults-"));
  later(() => rmSync(root, { recursive: true, force: true }));
  const clock = wrongClock(join(root, "clock"));
  const sockets = createSockets();

  const redis = options.redis ? await startRedis() : null;
  if (redis !== null) later(() => redis.stop());
  const postgres = options.database === "postgres" ? await startPostgres(`${root}-postgres`) : null;
  if (postgres !== null) later(() => postgres.stop());
  const disk = options.database === "sqlite" ? await mountSmallDisk(join(root, "disk")) : null;
  if (disk !== null) later(() => disk.release());
  else if (options.database === "sqlite") notDone.push("disk full: this user may not mount a file system of its own");

  const desks = await Promise.all([
    ...(["chatwoot", "both"].includes(options.helpdesk) ? [chatwootDesk((one) => sockets.fate(one), clock.now)] : []),
    ...(["freshchat", "both"].includes(options.helpdesk) ? [freshchatDesk((one) => sockets.fate(one), clock.now)] : []),
  ]);
  for (const desk of desks) later(() => desk.stop());

  const members: { dataDir: string; port: number }[] = [];
  for (let index = 0; index < options.processes; index += 1) {
    const dataDir = join(disk?.path ?? root, `data-${index}`);
    mkdirSync(dataDir, { recursive: true });
    members.push({ dataDir, port: await freePort() });
  }
  const haste = options.hasty ? HASTY : { settleMs: null, answerMs: null, leaseMs: null };
  const fleet = await openFleet({
    members,
    port: await freePort(),
    random: seeded(seed + 1),
    nodeArguments: hasteArguments({ clockFile: join(root, "clock"), ...haste }),
    env: {
      BATON_SECRET: SECRET,
      ...(postgres !== null && { DATABASE_URL: postgres.url }),
      ...(redis !== null && { REDIS_URL: redis.url }),
    },
  });
  later(() => fleet.stop());
  await fleet.start();
  const { url } = fleet;
  const first = await firstRunOf(members[0]!.dataDir);

  const acts: Act[] = [];
  const keys = new Map<string, string>();
  const keep = (act: Act): void => {
    acts.push(act);
    if (act.did === "asked" || act.did === "said") if (act.handoffId !== null) keys.set(act.handoffId, act.key);
  };
  const admin = async (method: string, path: string, body?: unknown): Promise<Json> => {
    const answer = await insist(url + path, { method, token: first.adminToken, body });
    if (answer.status > 299) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };

  let leadSecret = "";
  const bot = await listen(() => first.botSigningSecret);
  later(() => bot.stop());
  const leadBot = await listen(() => leadSecret);
  later(() => leadBot.stop());
  const destinations: { id: string }[] = [];
  for (const desk of desks) {
    const connection = await admin("POST", "/v1/connections", desk.connection);
    desk.setWebhookUrl(connection["webhookUrl"]);
    destinations.push({ id: connection["id"] });
  }
  if (desks.length === 0) destinations.push({ id: "inbox" });
  const settings = { destinations, acceptWithinSeconds: 0, presence: "ignore" };
  await admin("PATCH", `/v1/bots/${first.botId}`, { callbackUrl: bot.url, settings });
  const other = await admin("POST", "/v1/bots", { name: "Leads", callbackUrl: leadBot.url });
  leadSecret = other["signingSecret"];
  await admin("PATCH", `/v1/bots/${other["id"]}`, { settings: { ...settings, neverAvailable: true } });
  const leadToken: string = (await admin("POST", `/v1/bots/${other["id"]}/tokens`, {}))["token"];

  let isOver = false;
  const until = () => isOver;
  const side = (index: number, token: string, every: BotSide["every"]): BotSide => ({
    url,
    token,
    keep,
    until,
    random: seeded(seed + 100 + index),
    every,
  });
  const talks = Array.from({ length: options.conversations }, (_, index) => `${index % 5 === 0 ? "e" : "c"}-${index}`);
  const told = Array.from({ length: options.tellers }, (_, index) => `told-${index}`);
  const teamSide = { keep, until, keyOf: (id: string) => keys.get(id), every: [20, 90] as const };
  const work: Promise<void>[] = [
    ...talks.map((key, index) => converse({ ...side(index, first.botToken, [40, 320]), key })),
    ...told.map((key, index) => tell({ ...side(1_000 + index, leadToken, [20, 80]), key })),
    leaveDetails({ ...side(2_000, leadToken, [100, 300]), count: options.leads }),
    ...desks.map((desk, index) => workAtDesk({ ...teamSide, random: seeded(seed + 3_000 + index), desk })),
  ];
  if (desks.length === 0) {
    const member = await admin("POST", "/v1/members", { name: "Ina Inbox", role: "agent" });
    const { token } = await admin("POST", `/v1/members/${member["id"]}/tokens`, {});
    work.push(workAtInbox({ ...teamSide, random: seeded(seed + 3_000), url, token }));
  }

  const victims: Victims = {
    fleet,
    desks,
    bots: [bot, leadBot],
    redis,
    postgres,
    disk,
    sockets,
    clock,
    settleMs: haste.settleMs ?? OWN.settleMs,
    leaseMs: haste.leaseMs ?? OWN.leaseMs,
    isLong: options.messages > 10_000,
  };
  const messages = () => acts.filter(({ did }) => did === "said" || did === "wrote" || did === "bot_said").length;
  const killing = async () => {
    if (options.killEveryMs === null) return;
    const [least, most] = options.killEveryMs;
    for (let number = 1; !until(); number += 1) {
      await pause(least + random() * (most - least));
      if (isOver) return;
      const index = Math.floor(random() * fleet.size);
      await fleet.restart(index, "SIGKILL");
      // Every seventh is followed by another at once: it dies while it takes up what it left behind.
      if (number % 7 === 0) await fleet.restart(index, "SIGKILL");
    }
  };
  const troubles: object[] = [];
  const trouble =
    options.troubleEveryMs === null
      ? Promise.resolve({})
      : makeTrouble(victims, {
          seed,
          every: options.troubleEveryMs,
          until,
          only: options.only ?? TROUBLES,
          tell: (step) => void troubles.push({ ...step, at: new Date() }),
        });
  const kills = killing();
  const actsSince = performance.now();
  for (let last = actsSince; ;) {
    await pause(100);
    const now = performance.now();
    if (now - last > 10_000) {
      last = now;
      say(`${messages()} messages, ${fleet.counts.kills} kills`);
    }
    if (now - actsSince > options.withinMs || options.isEnough?.() === true) break;
    if (messages() >= options.messages && fleet.counts.kills >= options.kills) break;
  }
  isOver = true;
  const made = await trouble;
  await kills;
  await makePeace(victims);
  await Promise.all(work);

  const calmSince = performance.now();
  const sources = {
    url,
    adminToken: first.adminToken,
    bots: [
      { token: first.botToken, keys: talks, listener: bot },
      {
        token: leadToken,
        keys: [...told, ...Array.from({ length: options.leads }, (_, index) => `lead-${index}`)],
        listener: leadBot,
      },
    ],
    desks,
  };
  const judged = async (): Promise<History> => ({ acts, ends: await gather(sources) });
  let history = await judged();
  let wrong = whatIsWrong(history);
  let changedAt = performance.now();
  const isStuck = () => performance.now() - changedAt > STUCK_MS;
  for (let movedAt = performance.now(); performance.now() - calmSince < CALM_MS && !isStuck() && wrong.some(waits);) {
    await pause(1_000);
    const isOpening = wrong.some((fault) => fault.startsWith("never opened"));
    // Whatever waits for its time gets it, except that an opening would then have taken too long.
    if (performance.now() - movedAt > 3_000 && (!isOpening || performance.now() - calmSince > OPENING_MS)) {
      clock.moveOn(MOVE_ON_MS);
      movedAt = performance.now();
    }
    history = await judged();
    const before = wrong.join();
    wrong = whatIsWrong(history);
    if (wrong.join() !== before) changedAt = performance.now();
    say(
      `calm for ${Math.round((performance.now() - calmSince) / 1000)} s: ${wrong.length} still to come: ${wrong[0] ?? "nothing"}`,
    );
  }
  const settledAfterMs = Math.round(performance.now() - calmSince);
  // What would come twice comes now.
  clock.moveOn(MOVE_ON_MS);
  await pause(1_500);
  history = await judged();
  wrong = [...whatIsWrong(history), ...fleet.wrong];
  const figures = figuresOf(history, { startedAt, fleet, made, settledAfterMs, notDone });
  return {
    wrong,
    history,
    figures,
    log: [...troubles, ...fleet.logged(), ...desks.flatMap((desk) => desk.requests())],
  };
}

const isToTeam = (act: Act) => (act.did === "said" || act.did === "asked") && act.mode === "live";

function figuresOf(
  { acts, ends }: History,
  more: { startedAt: number; fleet: Fleet; made: object; settledAfterMs: number; notDone: string[] },
): Figures {
  const count = (isOne: (act: Act) => boolean) => acts.filter(isOne).length;
  const has = (type: string) =>
    ends.handoffs.filter(({ events }) => events.some((event) => event.type === type)).length;
  return {
    seconds: Math.round((performance.now() - more.startedAt) / 1000),
    messages: {
      toTeam: count(isToTeam),
      byBots: count(({ did }) => did === "bot_said"),
      refused: count(({ did }) => did === "bot_refused"),
      byTeam: count(({ did }) => did === "wrote"),
      keptOnly: count((act) => (act.did === "said" || act.did === "asked") && act.mode !== "live"),
    },
    handoffs: {
      all: ends.handoffs.length,
      opened: has("handoff.opened"),
      missed: has("handoff.missed"),
      leads: ends.leads.length,
    },
    callbacks: { heard: ends.heard.length, repeats: ends.heard.length - new Set(ends.heard.map(({ id }) => id)).size },
    processes: { ...more.fleet.counts, slowestStartMs: Math.round(more.fleet.counts.slowestStartMs) },
    trouble: { ...more.made },
    settledAfterMs: more.settledAfterMs,
    notDone: more.notDone,
  };
}
