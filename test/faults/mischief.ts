import { writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { Backing, SmallDisk, startRedis } from "./backing.ts";
import type { Desk } from "./desk.ts";
import type { Fleet } from "./fleet.ts";
import type { Fate, Passing } from "./gate.ts";
import { planOf } from "./plan.ts";
import type { Step, Trouble } from "./plan.ts";
import type { Listener } from "./sides.ts";

/** What trouble can be made of. */
export interface Victims {
  readonly fleet: Fleet;
  readonly desks: readonly Desk[];
  readonly bots: readonly Listener[];
  readonly redis: Awaited<ReturnType<typeof startRedis>> | null;
  readonly postgres: Backing | null;
  readonly disk: SmallDisk | null;
  readonly sockets: Sockets;
  readonly clock: WrongClock;
  /** How long a helpdesk may still act on a call that was cut off, and how long a lane's claim holds, in milliseconds. */
  readonly settleMs: number;
  readonly leaseMs: number;
  /** Pauses of half a minute fit into the run. */
  readonly isLong: boolean;
}

/** How wrong the program's clock goes, and how far the world's own has moved on, in milliseconds. */
export interface WrongClock {
  readonly now: () => Date;
  goWrongBy(ms: number): void;
  /** For everybody: the world waits so long, and nobody has to wait for it. */
  moveOn(ms: number): void;
}

export function wrongClock(file: string): WrongClock {
  let world = 0;
  let wrongBy = 0;
  // Clocks count whole milliseconds.
  const tell = () => writeFileSync(file, String(Math.round(world + wrongBy)));
  tell();
  return {
    now: () => new Date(Date.now() + world),
    goWrongBy(ms) {
      wrongBy = ms;
      tell();
    },
    moveOn(ms) {
      world += ms;
      tell();
    },
  };
}

/** What happens to connections between Baton and the helpdesks, whatever is said on them. */
export interface Sockets {
  readonly fate: (passing: Passing) => Fate;
  /** The next `n` answers end in the middle. */
  halve(n: number): void;
}

export function createSockets(): Sockets {
  let halves = 0;
  return {
    fate({ moment }) {
      if (moment === "asked" || halves === 0) return "pass";
      halves -= 1;
      return "half";
    },
    halve: (n) => void (halves = n),
  };
}

const isWrite = (method: string): boolean => method !== "GET";

function canBe({ redis, postgres, disk, desks, isLong }: Victims, trouble: Trouble): boolean {
  if (trouble.startsWith("redis")) return redis !== null;
  if (trouble.startsWith("postgres")) return postgres !== null;
  if (trouble === "disk_full") return disk !== null;
  if (trouble === "busy_without_a_time") return isLong && desks.length > 0;
  return true;
}

/**
 * Makes trouble by the plan of the seed until `until`, one thing after the other, and takes each back.
 *
 * @returns how often each was made
 */
export async function makeTrouble(
  victims: Victims,
  how: {
    seed: number;
    every: readonly [number, number];
    until: () => boolean;
    only: readonly Trouble[];
    tell: (step: Step) => void;
  },
): Promise<Partial<Record<Trouble, number>>> {
  const made: Partial<Record<Trouble, number>> = {};
  const among = how.only.filter((trouble) => canBe(victims, trouble));
  for (const step of planOf(how.seed, among, how.every)) {
    await pause(step.afterMs);
    if (how.until()) break;
    made[step.trouble] = (made[step.trouble] ?? 0) + 1;
    how.tell(step);
    await make(victims, step);
  }
  return made;
}

async function make(victims: Victims, { trouble, size }: Step): Promise<void> {
  const { fleet, desks, bots, redis, postgres, disk, sockets, clock, settleMs, leaseMs } = victims;
  const desk = desks[Math.floor(size * desks.length)]?.trouble;
  const member = Math.floor(size * fleet.size);
  // Five in a row would be an outage, which Baton tells the visitor of: `down` is one.
  const few = 1 + Math.round(size * 2);
  const forBots = async (which: Parameters<Listener["trouble"]>[0]) => {
    for (const bot of bots) bot.trouble(which);
    await pause(600 + size * 1_500);
    for (const bot of bots) bot.trouble("none");
  };
  const forAWhile = async (begin: () => void, end: () => void) => {
    begin();
    await pause(500 + size * 2_000);
    end();
  };
  switch (trouble) {
    case "busy":
      return desk?.failNext(few, { status: 429, headers: { "retry-after": "1" } });
    case "busy_without_a_time":
      return desk?.failNext(1, { status: 429 });
    case "failing":
      return desk?.failNext(few, { status: 500 });
    case "proxy_page":
      return desk?.failNext(few, { status: 502 });
    case "proxy_page_as_200":
      return desk?.htmlAnswer(few);
    case "answer_lost":
      return desk?.timeoutAfterDoingTheWork(few, isWrite, "destroy");
    case "answer_never":
      return desk?.timeoutAfterDoingTheWork(1, isWrite, "hang");
    case "request_lost":
      return desk?.resetBeforeWork(few);
    case "half_an_answer":
      return sockets.halve(few);
    case "late_commit":
      desk?.commitLate(1, settleMs * (0.2 + size * 0.4), isWrite);
      // A clock that jumps over the wait would end it before the far side does.
      return await pause(settleMs);
    case "slow":
      return await forAWhile(
        () => desk?.slow(200 + size * 300),
        () => desk?.slow(0),
      );
    case "down":
      await desk?.down(size < 0.5 ? "503" : "refused");
      await pause(500 + size * 2_000);
      return await desk?.up();
    case "webhooks_lost":
      return await forAWhile(
        () => desk?.dropWebhooks(true),
        () => desk?.dropWebhooks(false),
      );
    case "webhooks_doubled":
      return await forAWhile(
        () => desk?.duplicateWebhooks(true),
        () => desk?.duplicateWebhooks(false),
      );
    case "webhooks_shuffled":
      return await forAWhile(
        () => desk?.reorderWebhooks(Math.floor(size * 1_000)),
        () => desk?.reorderWebhooks(null),
      );
    case "webhooks_late":
      return await forAWhile(
        () => desk?.delayWebhooks(300 + size * 500),
        () => desk?.delayWebhooks(0),
      );
    case "bot_failing":
      return await forBots("fail");
    case "bot_busy":
      return await forBots("busy");
    case "bot_hanging":
      return await forBots("hang");
    case "bot_slow":
      return await forBots("slow");
    case "bot_losing_answers":
      return await forBots("lose");
    case "clock_forward":
      clock.goWrongBy(3_000 + size * 15_000);
      await pause(1_500);
      return clock.goWrongBy(0);
    case "clock_back":
      clock.goWrongBy(-3_000 - size * 60_000);
      await pause(1_500);
      return clock.goWrongBy(0);
    case "stopped":
      return await fleet.restart(member, "SIGTERM");
    case "frozen":
      return await fleet.freeze(member, leaseMs * (1.2 + size * 0.4));
    case "redis_killed":
      return await redis?.crash(300 + size * 2_000);
    case "redis_flushed":
      return await redis?.flush();
    case "postgres_crashed":
      return await postgres?.crash(200 + size * 1_500);
    case "disk_full":
      disk?.fill();
      await pause(800 + size * 1_500);
      return disk?.free();
  }
}

/** Everything that was broken works again. */
export async function makePeace({ desks, bots, sockets, clock, disk }: Victims): Promise<void> {
  for (const { trouble } of desks) {
    trouble.reset();
    await trouble.up();
  }
  for (const bot of bots) bot.trouble("none");
  sockets.halve(0);
  clock.goWrongBy(0);
  disk?.free();
}
