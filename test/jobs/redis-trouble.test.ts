import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { DeliveryError } from "../../src/domain/delivery.ts";
import { createRedisBus } from "../../src/bus/redis-bus.ts";
import { createBullJobs } from "../../src/jobs/bull.ts";
import type { Duties, Jobs, Log, Store } from "../../src/ports.ts";
import type { Delivery } from "../../src/ports-store.ts";
import { openRedis } from "../../src/redis/link.ts";
import type { RedisLink } from "../../src/redis/link.ts";
import { openSqliteStore } from "../../src/storage/sqlite-store.ts";
import { hasRedis, startRedis } from "../redis.ts";
import type { OwnRedis } from "../redis.ts";
import { isUp } from "../redis-link.ts";
import { conversation, handoff, WS } from "./world.ts";

/** How long a test waits for what must come: far beyond the sweep, since nothing here measures time. */
const SOON_MS = 15_000;

describe.skipIf(!(await hasRedis()))("workers that wake each other over Redis", () => {
  let redis: OwnRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  let house: House;
  beforeEach(() => {
    house = createHouse(redis.url);
  });

  test("a wake-up reaches a worker although its own process takes none", async () => {
    const [other] = await house.start(1);
    const sender = await house.worker({ sweepMs: 60_000 });
    // A process that is starting serves requests, and does not work yet: what it takes on is owed all the same.
    await house.owe("con_a:cnv_1", 1);
    sender.jobs.wakeLane("con_a:cnv_1");
    other?.jobs.wakeLane("con_a:cnv_1");
    await until(() => house.done("con_a:cnv_1").length === 1);
    expect(house.by.get("con_a:cnv_1 0")).toBe(other?.name);
  });

  test("all of it is done once, in the order of its lane, by both of two", async () => {
    const [one, two] = await house.start(2);
    const lanes = Array.from({ length: 40 }, (_, n) => `con_${n % 10}:cnv_${n}`);
    for (const lane of lanes) {
      await house.owe(lane, 5);
      one?.jobs.wakeLane(lane);
    }
    await until(() => lanes.every((lane) => house.done(lane).length >= 5));
    for (const lane of lanes) expect(house.done(lane)).toEqual([0, 1, 2, 3, 4]);
    expect(house.overlaps()).toBe(0);
    expect(new Set(house.by.values())).toEqual(new Set([one?.name, two?.name]));
  });

  test("emptied in the middle, Redis has lost nothing that is owed", async () => {
    const [one] = await house.start(2);
    const lanes = Array.from({ length: 30 }, (_, n) => `con_${n % 5}:cnv_${n}`);
    for (const [n, lane] of lanes.entries()) {
      await house.owe(lane, 3);
      one?.jobs.wakeLane(lane);
      if (n % 5 === 0) await one?.link.commands.flushall();
    }
    await until(() => lanes.every((lane) => house.done(lane).length >= 3));
    for (const lane of lanes) expect(house.done(lane)).toEqual([0, 1, 2]);
  });

  test("killed, it is done without, and used again once it is back", async () => {
    const [one, two] = await house.start(2);
    await redis.kill();
    onTestFinished(async () => {
      if (!one?.link.isUp()) await redis.start();
    });
    await house.owe("con_a:cnv_1", 3);
    one?.jobs.wakeLane("con_a:cnv_1");
    await until(() => house.done("con_a:cnv_1").length === 3);
    expect(one?.link.isUp()).toBe(false);
    await redis.start();
    await isUp(one!.link, true);
    await isUp(two!.link, true);
    // Asleep until it is woken: only a wake-up over Bull can do that.
    const third = await house.worker({ sweepMs: 600_000 });
    await third.jobs.start();
    await Promise.all([one?.jobs.stop(1_000), two?.jobs.stop(1_000)]);
    await house.owe("con_a:cnv_2", 1);
    third.jobs.wakeLane("con_a:cnv_2");
    await until(() => house.done("con_a:cnv_2").length === 1);
  });

  test("frozen, it holds nothing up", async () => {
    // No sweep comes: only a wake-up can do it, and none can be sent.
    const one = await house.worker({ sweepMs: 600_000 });
    await one.jobs.start();
    redis.freeze();
    onTestFinished(() => redis.thaw());
    for (let n = 0; n < 20; n += 1) {
      await house.owe(`con_a:cnv_${n}`, 1);
      one.jobs.wakeLane(`con_a:cnv_${n}`);
    }
    await until(() =>
      Array.from({ length: 20 }, (_, n) => house.done(`con_a:cnv_${n}`)).every((list) => list.length === 1),
    );
    expect(one.link.isUp()).toBe(false);
    redis.thaw();
    await isUp(one.link, true);
  });

  test("not there at the start, it is waited for by nobody", async () => {
    await redis.kill();
    onTestFinished(() => redis.start());
    const one = await house.worker({}, { isThere: false });
    await house.owe("con_a:cnv_1", 1);
    await one.jobs.start();
    await until(() => house.done("con_a:cnv_1").length === 1);
    await house.owe("con_a:cnv_1", 1);
    one.jobs.wakeLane("con_a:cnv_1");
    await until(() => house.done("con_a:cnv_1").length === 2);
    const before = performance.now();
    await one.jobs.stop(5_000);
    expect(performance.now() - before).toBeLessThan(5_000);
  });

  test("what the store names to both, a webhook or a handoff that is due, is asked about by one of them", async () => {
    await house.recordWebhooks(12);
    await house.openHandoffs(6);
    // Each takes several sweeps: all of them are there to be found by the other.
    await house.start(2);
    await until(() => house.told.length >= 18);
    await new Promise((resolve) => setTimeout(resolve, 700));
    const names = [
      ...Array.from({ length: 12 }, (_, n) => `whk_${n}`),
      ...Array.from({ length: 6 }, (_, n) => `hnd_${n}`),
    ];
    expect(house.told.toSorted()).toEqual(names.toSorted());
  });

  test("a connection that is down for one is down for the other, and mended for both", async () => {
    const [one, two] = await house.start(2);
    house.isBroken = true;
    await house.owe("con_b:cnv_1", 1);
    one?.jobs.wakeLane("con_b:cnv_1");
    await until(() => [one, two].every((worker) => worker?.jobs.circuits.isDown("con_b")));
    house.isBroken = false;
    two?.jobs.connectionMended("con_b");
    const isDown = () => [one, two].map((worker) => worker?.jobs.circuits.isDown("con_b"));
    await until(() => !isDown().includes(true));
    expect(isDown()).toEqual([false, false]);
  });

  test("its password is in no line that is logged", async () => {
    const lines: string[] = [];
    const log: Log = {
      debug: (...line) => void lines.push(JSON.stringify(line)),
      info: (...line) => void lines.push(JSON.stringify(line)),
      warn: (...line) => void lines.push(JSON.stringify(line)),
      error: (...line) => void lines.push(JSON.stringify(line)),
      with: () => log,
    };
    const link = openRedis({ url: redis.url.replace("a-test-password", "a-wrong-password"), prefix: "x:", log });
    onTestFinished(() => link.close());
    await link.ask((commands) => commands.ping()).catch((error: unknown) => lines.push(String(error)));
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(link.isUp()).toBe(false);
    expect(lines.join("\n")).not.toContain("a-wrong-password");
  });
});

interface Worker {
  readonly name: string;
  readonly jobs: Jobs;
  readonly link: RedisLink;
}

interface House {
  /** Who performed what, by `lane number`. */
  readonly by: Map<string, string>;
  readonly told: string[];
  isBroken: boolean;
  worker(timing?: { sweepMs?: number }, given?: { isThere: boolean }): Promise<Worker>;
  start(count: number): Promise<Worker[]>;
  owe(lane: string, count: number): Promise<void>;
  done(lane: string): number[];
  overlaps(): number;
  recordWebhooks(count: number): Promise<void>;
  /** Each is due for a look. */
  openHandoffs(count: number): Promise<void>;
}

/** One store, several workers with connections of their own, as processes have them. */
function createHouse(url: string): House {
  const directory = mkdtempSync(join(tmpdir(), "baton-redis-jobs-"));
  const prefix = `baton-test-${randomUUID()}:`;
  let store: Promise<Store> | null = null;
  const workers: Worker[] = [];
  const numbers = new Map<string, number>();
  const done = new Map<string, number[]>();
  const running = new Set<string>();
  let overlaps = 0;
  const opened = () => (store ??= openSqliteStore(join(directory, "baton.db")));
  onTestFinished(async () => {
    await Promise.all(workers.map(({ jobs }) => jobs.stop(1_000)));
    await Promise.all(workers.map(({ link }) => link.close()));
    await (await opened()).close();
    rmSync(directory, { recursive: true });
  });

  const house: House = {
    by: new Map(),
    told: [],
    isBroken: false,
    async worker(timing = {}, { isThere } = { isThere: true }) {
      const name = `worker ${workers.length}`;
      const link = openRedis({ url, prefix, log: silent });
      if (isThere) await isUp(link, true);
      const duties: Duties = {
        ...idle,
        async perform(delivery: Delivery) {
          if (house.isBroken) throw new DeliveryError("credentials", "The token is refused");
          overlaps += running.has(delivery.lane) ? 1 : 0;
          running.add(delivery.lane);
          await new Promise((resolve) => setTimeout(resolve, 2));
          running.delete(delivery.lane);
          const n = Number(delivery.payload["n"]);
          done.set(delivery.lane, [...(done.get(delivery.lane) ?? []), n]);
          house.by.set(`${delivery.lane} ${n}`, name);
          return null;
        },
        async webhook(row) {
          await new Promise((resolve) => setTimeout(resolve, 350));
          house.told.push(row.id);
        },
        async look(workspaceId, handoffId) {
          await new Promise((resolve) => setTimeout(resolve, 350));
          house.told.push(handoffId);
          await (await opened()).write((tx) => tx.scheduleLook(workspaceId, handoffId, null));
        },
      };
      const settings = { store: await opened(), clock: () => new Date(), log: silent, duties };
      const bus = createRedisBus({ link, log: silent });
      const jobs = createBullJobs({ ...settings, bus, link, timing: { sweepMs: 100, ...timing } });
      const worker = { name, jobs, link };
      workers.push(worker);
      return worker;
    },
    async start(count) {
      const made: Worker[] = [];
      for (let n = 0; n < count; n += 1) made.push(await house.worker());
      await Promise.all(made.map(({ jobs }) => jobs.start()));
      return made;
    },
    async owe(lane, count) {
      const first = numbers.get(lane) ?? 0;
      numbers.set(lane, first + count);
      const deliveries = Array.from({ length: count }, (_, n) => ({
        workspaceId: WS,
        lane,
        kind: "helpdesk_message" as const,
        connectionId: lane.split(":")[0] ?? null,
        conversationId: "cnv_1",
        handoffId: null,
        payload: { n: first + n },
      }));
      await (await opened()).write((tx) => tx.addDeliveries(deliveries, new Date()));
    },
    done: (lane) => done.get(lane) ?? [],
    overlaps: () => overlaps,
    async recordWebhooks(count) {
      await (
        await opened()
      ).write(async (tx) => {
        for (let n = 0; n < count; n += 1) {
          const row = { id: `whk_${n}`, workspaceId: WS, connectionId: `con_${n % 6}`, body: "{}" };
          await tx.recordWebhook({ ...row, receivedAt: new Date(), attempts: 0, dedupeKey: row.id });
        }
      });
    },
    async openHandoffs(count) {
      await (
        await opened()
      ).write(async (tx) => {
        for (let n = 0; n < count; n += 1) {
          const conversationId = `cnv_look_${n}`;
          const destination = { id: `con_${n}`, team: null, priority: null, labels: [] };
          await tx.createConversation({ ...conversation, id: conversationId, key: conversationId });
          await tx.createHandoff({ ...handoff, id: `hnd_${n}`, conversationId, destination });
          await tx.scheduleLook(WS, `hnd_${n}`, new Date());
        }
      });
    },
  };
  return house;
}

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };
const idle: Duties = {
  perform: () => Promise.resolve(null),
  abandoned: () => null,
  settleMs: () => 100,
  look: () => Promise.resolve(),
  webhook: () => Promise.resolve(),
  waiting: () => Promise.resolve(),
  overdue: () => Promise.resolve(),
  connectionDown: () => Promise.resolve(),
  connectionUp: () => Promise.resolve(),
};

async function until(isSo: () => boolean): Promise<void> {
  const end = performance.now() + SOON_MS;
  while (!isSo()) {
    if (performance.now() > end) throw new Error("it did not come");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
