import { watch } from "node:fs";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { chatwootDesk, freshchatDesk } from "./desk.ts";
import type { Desk } from "./desk.ts";
import { gather } from "./ends.ts";
import { openFleet } from "./fleet.ts";
import { openGate } from "./gate.ts";
import type { Fate, Gate, Passing } from "./gate.ts";
import { hasteArguments } from "./haste.ts";
import { whatIsWrong } from "./judge.ts";
import { wrongClock } from "./mischief.ts";
import { firstRunOf } from "./program.ts";
import type { Act, Json } from "./record.ts";
import { freePort, insist, listen, seeded } from "./sides.ts";
import type { Listener } from "./sides.ts";
import { CHAPTERS, tellStory } from "./story.ts";

/*
 * The same story again and again, and each time the program is killed one step later: at each request that it sends (before the
 * far side has heard of it, and when that has acted but not answered), at each that it gets (before it hears of it, and when it has
 * answered but nobody was told), and after commits. The steps are counted while they happen, so one that is new is killed
 * at without a word here.
 *
 * Several stories run side by side, each with a helpdesk, bots and gates of its own. Each stops at its step; then all die at once.
 */
export interface SweepOptions {
  readonly seed: number;
  /** Stories side by side, half of them with each helpdesk. */
  readonly slots: number;
  /** How many more rounds end at a commit instead. */
  readonly commits: number;
  readonly say?: (line: string) => void;
}

export interface Swept {
  readonly wrong: readonly string[];
  readonly rounds: number;
  readonly stories: number;
  /** Where it died, without the numbers in it. */
  readonly steps: ReadonlySet<string>;
  readonly commits: number;
}

interface Slot {
  readonly desk: Desk;
  readonly front: Gate;
  readonly bot: Listener;
  readonly leadBot: Listener;
  readonly botToken: string;
  readonly leadToken: string;
  readonly keys: string[];
  readonly stop: Stop;
}

/** Where a story is to stop, and whether it has. */
interface Stop {
  readonly fate: (gate: string) => (passing: Passing) => Fate | Promise<Fate>;
  /** Counts from here on, and holds the `n`th. Resolves with what it is. */
  arm(n: number): Promise<string>;
  /** Whoever is held is cut off: the process that waited for it is dead. */
  release(): void;
}

const HASTE = { settleMs: 300, answerMs: 20_000, leaseMs: 1_500 };
/** Moves every look that is due within ten seconds to now, and no opening beyond its limit. */
const MOVE_ON_MS = 11_000;
const MOVE_ON_EVERY_MS = 800;
const KINDS = (["chatwoot", "freshchat"] as const).flatMap((desk) => CHAPTERS.map((chapter) => ({ desk, chapter })));
const SETTLED_WITHIN_MS = 90_000;

const NOBODY = (): void => undefined;

function createStop(): Stop {
  let left = 0;
  let hold: { reached: (what: string) => void; over: Promise<void> } | null = null;
  let end = NOBODY;
  return {
    fate:
      (gate) =>
      async ({ moment, method, path }) => {
        // What only reads changes nothing: a kill there is a kill at the write before or after it.
        if (hold === null || method === "GET") return "pass";
        left -= 1;
        if (left !== 0) return "pass";
        hold.reached(
          `${gate} ${moment}: ${method} ${path.replace(/\?.*/, "").replaceAll(/[a-z]+_[0-9a-z]{20,}|[0-9a-f-]{30,}|\d+/g, "#")}`,
        );
        await hold.over;
        return "cut";
      },
    arm(n) {
      left = n;
      const { promise: over, resolve } = Promise.withResolvers<void>();
      end = resolve;
      return new Promise((reached) => {
        hold = { reached, over };
      });
    },
    release() {
      hold = null;
      end();
    },
  };
}

export async function sweepSteps(options: SweepOptions): Promise<Swept> {
  const cleanUp: (() => Promise<unknown> | void)[] = [];
  try {
    return await sweepWith(options, (end) => void cleanUp.unshift(end));
  } finally {
    for (const end of cleanUp) await end();
  }
}

async function sweepWith(options: SweepOptions, later: (end: () => Promise<unknown> | void) => void): Promise<Swept> {
  const { say = () => undefined } = options;
  const random = seeded(options.seed);
  const root = mkdtempSync(join(tmpdir(), "baton-steps-"));
  later(() => rmSync(root, { recursive: true, force: true }));
  const clock = wrongClock(join(root, "clock"));
  const member = { dataDir: join(root, "data"), port: await freePort() };
  const fleet = await openFleet({
    members: [member],
    port: await freePort(),
    random,
    env: {},
    nodeArguments: hasteArguments({ clockFile: join(root, "clock"), ...HASTE }),
  });
  later(() => fleet.stop());
  await fleet.start();
  const { adminToken } = await firstRunOf(member.dataDir);
  const admin = async (method: string, path: string, body?: unknown): Promise<Json> => {
    const answer = await insist(fleet.url + path, { method, token: adminToken, body });
    if (answer.status > 299) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };

  async function openSlot(index: number): Promise<Slot> {
    const stop = createStop();
    const plain = await (index % 2 === 0 ? chatwootDesk : freshchatDesk)(stop.fate("out to the helpdesk"), clock.now);
    const name = `${plain.name}-${index}`;
    const desk = { ...plain, label: name, standing: () => plain.standing().map((one) => ({ ...one, desk: name })) };
    const front = await openGate({ to: () => fleet.url, fate: stop.fate("in") });
    const connection = await admin("POST", "/v1/connections", desk.connection);
    const webhookUrl = new URL(connection["webhookUrl"]);
    desk.setWebhookUrl(front.url + webhookUrl.pathname);
    const settings = { destinations: [{ id: connection["id"] }], acceptWithinSeconds: 0 };
    const open = async (more: object) => {
      let secret = "";
      const listener = await listen(() => secret, stop.fate("out to the bot"));
      const bot = await admin("POST", "/v1/bots", { name: `Bot ${index}`, callbackUrl: listener.url });
      secret = bot["signingSecret"];
      await admin("PATCH", `/v1/bots/${bot["id"]}`, { settings: { ...settings, ...more } });
      const { token } = await admin("POST", `/v1/bots/${bot["id"]}/tokens`, {});
      later(() => listener.stop());
      return { listener, token: String(token) };
    };
    const bot = await open({});
    const leadBot = await open({ neverAvailable: true });
    later(() => desk.stop());
    later(() => front.stop());
    return {
      desk,
      front,
      bot: bot.listener,
      leadBot: leadBot.listener,
      botToken: bot.token,
      leadToken: leadBot.token,
      keys: [],
      stop,
    };
  }

  const slots: Slot[] = [];
  for (let index = 0; index < options.slots; index += 1) slots.push(await openSlot(index));
  const acts: Act[] = [];
  const wrong: string[] = [];
  const steps = new Set<string>();
  /** Of each chapter beside each helpdesk, the step to be killed at next; null when there are no more. */
  const next = new Map<string, number | null>(KINDS.map((kind) => [`${kind.desk} ${kind.chapter}`, 1]));
  const nextFor = (desk: Desk["name"]) => {
    // Most of the steps are the team's.
    const left = [...CHAPTERS, "team" as const].filter((chapter) => next.get(`${desk} ${chapter}`) !== null);
    const chapter = left[Math.floor(random() * left.length)];
    if (chapter === undefined) return null;
    const name = `${desk} ${chapter}`;
    const target = next.get(name) ?? 1;
    next.set(name, target + 1);
    return { name, chapter, target };
  };
  let rounds = 0;
  let told = 0;
  let commits = 0;

  async function round(atCommit: boolean): Promise<void> {
    rounds += 1;
    const began = performance.now();
    let opening = 0;
    const stories = slots.flatMap((slot, index) => {
      const { name: desk } = slot.desk;
      const chapter = CHAPTERS[index % CHAPTERS.length] ?? "team";
      const wanted = atCommit ? { name: desk, chapter, target: Number.POSITIVE_INFINITY } : nextFor(desk);
      if (wanted === null) return [];
      const key = `s${rounds}-${index}`;
      slot.keys.push(key);
      told += 1;
      const reached = slot.stop.arm(wanted.target);
      const side = {
        ...slot,
        url: slot.front.url,
        key,
        keep: (act: Act) => void acts.push(act),
        opening: (more: number) => void (opening += more),
      };
      return [{ ...wanted, reached, story: tellStory(side, wanted.chapter) }];
    });
    if (atCommit) await nthChange(join(member.dataDir, "baton.db-wal"), 1 + Math.floor(random() * 20 * slots.length));
    else
      await Promise.all(
        stories.map(async ({ name, reached, story }) => {
          const end = await Promise.race([reached, story.then(() => null)]);
          if (end !== null) steps.add(`${name}, ${end}`);
          // It was told to its end without so many steps: there are no more.
          else next.set(name, null);
        }),
      );
    const reachedAt = performance.now();
    await fleet.killAll();
    for (const { stop } of slots) stop.release();
    await fleet.start();
    const startedAt = performance.now();
    let isTold = false;
    const all = Promise.all(stories.map(({ story }) => story)).finally(() => (isTold = true));
    const hurry = async () => {
      for (const isRunning = () => !isTold; isRunning();) {
        await Promise.race([pause(MOVE_ON_EVERY_MS), all]);
        // An opening may only take so long.
        if (!isTold && opening === 0) clock.moveOn(MOVE_ON_MS);
      }
    };
    await Promise.all([all, hurry()]);
    const seconds = [reachedAt - began, startedAt - reachedAt, performance.now() - startedAt].map((ms) =>
      (ms / 1000).toFixed(1),
    );
    say(
      `round ${rounds}: ${stories.length} stories, ${steps.size} steps; ${seconds.join(" + ")} s to reach, start, end`,
    );
  }

  while ([...next.values()].some((one) => one !== null)) await round(false);
  for (; commits < options.commits; commits += 1) await round(true);

  const judged = async () => {
    const bots = slots.flatMap(({ keys, bot, leadBot, botToken, leadToken }) => [
      { token: botToken, keys, listener: bot },
      { token: leadToken, keys: keys.map((key) => `lead-${key}`), listener: leadBot },
    ]);
    return whatIsWrong({
      acts,
      ends: await gather({ url: fleet.url, adminToken, bots, desks: slots.map(({ desk }) => desk) }),
    });
  };
  let found = await judged();
  for (const until = performance.now() + SETTLED_WITHIN_MS; found.length > 0 && performance.now() < until;) {
    await pause(1_000);
    clock.moveOn(MOVE_ON_MS);
    found = await judged();
  }
  wrong.push(...found, ...fleet.wrong);
  return { wrong, rounds, stories: told, steps, commits };
}

/** Resolves when the file has changed so often, or when it has not changed for a while. */
function nthChange(file: string, n: number): Promise<void> {
  return new Promise((resolve) => {
    let left = n;
    const finish = () => {
      clearTimeout(quiet);
      watcher.close();
      resolve();
    };
    let quiet = setTimeout(finish, 3_000);
    const watcher = watch(file, () => {
      left -= 1;
      clearTimeout(quiet);
      quiet = setTimeout(finish, 1_500);
      if (left <= 0) finish();
    });
  });
}
