import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createQuiets } from "../../src/bus/quiets.ts";
import { createRedisBus } from "../../src/bus/redis-bus.ts";
import { createRedisCache } from "../../src/bus/redis-cache.ts";
import { createMarks } from "../../src/handoffs/marks.ts";
import { createPresence } from "../../src/handoffs/presence.ts";
import type { Connectors } from "../../src/handoffs/deps.ts";
import { createRateLimits } from "../../src/http/rate-limits.ts";
import { ownLimiters } from "../../src/http/own-limiters.ts";
import { createSignInLock } from "../../src/http/routes/sign-in-lock.ts";
import type { Principal } from "../../src/http/principal.ts";
import { HandoffError } from "../../src/domain/errors.ts";
import type { Connector, Log } from "../../src/ports.ts";
import type { Bus, Hint } from "../../src/ports-bus.ts";
import { checkRedis } from "../../src/redis/check.ts";
import { redisLimiters } from "../../src/redis/limiters.ts";
import { openRedis } from "../../src/redis/link.ts";
import type { RedisLink } from "../../src/redis/link.ts";
import { hasRedis, REDIS_URL, startRedis } from "../redis.ts";
import { isUp, openLink, removeKeys } from "../redis-link.ts";
import { eventually } from "../stories/world.ts";

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };
const MARK = "baton-proof-0123456789abcdef01234567";

describe.skipIf(!(await hasRedis()))("what processes share over Redis", () => {
  let links: [RedisLink, RedisLink];
  const prefix = `baton-test-${randomUUID()}:`;
  beforeAll(async () => {
    links = [await openLink(REDIS_URL, { prefix }), await openLink(REDIS_URL, { prefix })];
  });
  afterAll(async () => {
    await removeKeys(links[0], prefix);
    await Promise.all(links.map((link) => link.close()));
  });

  /** Two buses that hear each other. */
  async function buses(): Promise<[Bus, Bus]> {
    const made: [Bus, Bus] = [
      createRedisBus({ link: links[0], log: silent }),
      createRedisBus({ link: links[1], log: silent }),
    ];
    for (const [from, to] of [made, made.toReversed()] as [Bus, Bus][]) {
      let isHeard = false;
      const stop = to.listen(() => (isHeard = true));
      await eventually(() => {
        from.tell({ kind: "conversations", ids: ["cnv_hello"] });
        return isHeard;
      });
      stop();
    }
    return made;
  }

  test("a hint reaches the other and not its teller, and those of one turn go together, each once", async () => {
    const [one, two] = await buses();
    const heard: Hint[] = [];
    const own: Hint[] = [];
    // What was told until they heard each other may still come.
    two.listen((hint) => isNews(hint) && heard.push(hint));
    one.listen((hint) => isNews(hint) && own.push(hint));
    for (const id of ["cnv_1", "cnv_2", "cnv_1"]) one.tell({ kind: "conversations", ids: [id] });
    one.tell({ kind: "tokens_revoked" });
    one.tell({ kind: "tokens_revoked" });
    await eventually(() => heard.length >= 2);
    expect(heard).toEqual([{ kind: "tokens_revoked" }, { kind: "conversations", ids: ["cnv_1", "cnv_2"] }]);
    expect(own).toEqual([]);
  });

  test.each([
    ["no JSON", "{"],
    ["a kind of another release", JSON.stringify({ from: "x", hints: [{ kind: "of_tomorrow" }] })],
    ["an id that is none", JSON.stringify({ from: "x", hints: [{ kind: "conversations", ids: [7] }] })],
    ["no list", JSON.stringify({ from: "x", hints: { length: 1e9 } })],
  ])("%s is heard without harm", async (_what, text) => {
    const [one, two] = await buses();
    const heard: Hint[] = [];
    two.listen((hint) => heard.push(hint));
    await links[0].commands.publish(`${prefix}hints`, text);
    one.tell({ kind: "connection_mended", connectionId: "con_1" });
    await eventually(() => heard.some(({ kind }) => kind === "connection_mended"));
    expect(heard.filter(({ kind }) => kind !== "conversations")).toEqual([
      { kind: "connection_mended", connectionId: "con_1" },
    ]);
  });

  test("a mark that came to one is heard by who waits at the other, and nothing else of the webhook goes over", async () => {
    const [one, two] = await buses();
    const marks = [createMarks(one), createMarks(two)] as const;
    const listening = marks[1].listen("con_1");
    const told: Hint[] = [];
    two.listen((hint) => told.push(hint));
    const isHeard = listening.heard(MARK, 8_000);
    marks[0].heard("con_1", `{"content": "${MARK}", "name": "Ana Pop"}`);
    expect(await isHeard).toBe(true);
    expect(JSON.stringify(told)).not.toMatch(/Ana|baton-proof/);
    // Before it was asked for, too.
    const early = marks[1].listen("con_2");
    marks[0].heard("con_2", MARK);
    await eventually(() => told.some((hint) => hint.kind === "mark_heard" && hint.connectionId === "con_2"));
    expect(await early.heard(MARK, 1)).toBe(true);
    expect(await early.heard(MARK.replace("0", "f"), 1)).toBe(false);
  });

  test("who is online is asked by one for both, and anew by both once somebody came or went", async () => {
    const [one, two] = await buses();
    let asked = 0;
    let online = 3;
    const connector = {
      presence: () => {
        asked += 1;
        return Promise.resolve(online);
      },
    } as unknown as Connector;
    const connectors = { get: () => Promise.resolve(connector), isLocal: () => false } as unknown as Connectors;
    const at = (bus: Bus, link: RedisLink) =>
      createPresence({ connectors, clock: () => new Date(), log: silent, bus, cache: createRedisCache(link) });
    const [here, there] = [at(one, links[0]), at(two, links[1])];
    const destination = { id: `con_${randomUUID()}`, team: null, priority: null, labels: [] };
    expect(await here.online("ws_1", destination)).toBe(3);
    await eventually(async () => (await links[0].commands.keys(`${prefix}cache:*${destination.id}*`)).length > 0);
    expect(await there.online("ws_1", destination)).toBe(3);
    expect(asked).toBe(1);
    online = 0;
    here.changed("ws_1", destination.id);
    await eventually(async () => (await there.online("ws_1", destination)) === 0);
    await eventually(async () => (await here.online("ws_1", destination)) === 0);
  });

  test("a helpdesk that asks one for quiet is left alone by the other", async () => {
    const [one, two] = await buses();
    const [here, there] = [createQuiets(one)("con_1"), createQuiets(two)("con_1")];
    const until = Date.now() + 60_000;
    here.tell(until);
    await eventually(() => there.until() === until);
    expect(createQuiets(two)("con_2").until()).toBe(0);
  });

  describe("limits", () => {
    test("are counted over both, by token and by address", async () => {
      const limits = links.map((link) => createRateLimits(1, limitersAt(link)));
      const token = holder(randomUUID(), randomUUID());
      const told = await Promise.all(Array.from({ length: 60 }, (_, n) => isRefused(limits[n % 2]!.request(token))));
      // Twenty a second for a visitor; the second may turn while they are counted.
      expect(told.filter((refused) => !refused).length).toBeLessThanOrEqual(40);
      expect(told.filter((refused) => !refused).length).toBeGreaterThanOrEqual(20);
      const failed = await Promise.all(
        Array.from({ length: 400 }, (_, n) => isRefused(limits[n % 2]!.failure("203.0.113.9"))),
      );
      expect(failed.filter((refused) => !refused).length).toBeLessThanOrEqual(200);
    });

    test("hold for the tokens of a workspace together, and leave another its own", async () => {
      const limits = createRateLimits(0.004, limitersAt(links[0])); // 20 a second for a workspace, 1 for a visitor
      const workspace = randomUUID();
      const told = await Promise.all(
        Array.from({ length: 100 }, () => isRefused(limits.request(holder(randomUUID(), workspace)))),
      );
      expect(told.filter((refused) => !refused).length).toBeLessThanOrEqual(40);
      expect(await isRefused(limits.request(holder(randomUUID(), randomUUID())))).toBe(false);
    });

    test("lock an address out of signing in at both", async () => {
      const locks = links.map((link) => createSignInLock(limitersAt(link)));
      for (let n = 0; n < 20; n += 1) await locks[n % 2]!.attempt("198.51.100.7", wrong).catch(() => null);
      for (const lock of locks)
        expect(await isRefused(lock.attempt("198.51.100.7", () => Promise.resolve(1)))).toBe(true);
      expect(await locks[0]!.attempt("198.51.100.8", () => Promise.resolve("in"))).toBe("in");
    });

    test("name no address in Redis", async () => {
      await createSignInLock(limitersAt(links[0]))
        .attempt("192.0.2.55", () => Promise.reject(new HandoffError("sign_in_refused")))
        .catch(() => null);
      const keys = await links[0].commands.keys(`${prefix}limit:sign-in*`);
      expect(keys.length).toBeGreaterThan(0);
      expect(keys.join(" ")).not.toContain("192.0.2.55");
    });

    test("hold without Redis, each process for itself", async () => {
      const redis = await startRedis();
      onTestFinished(() => redis.stop());
      const link = await openLink(redis.url);
      onTestFinished(() => link.close());
      const lock = createSignInLock(limitersAt(link));
      redis.freeze();
      for (let n = 0; n < 21; n += 1) await lock.attempt("198.51.100.7", wrong).catch(() => null);
      expect(await isRefused(lock.attempt("198.51.100.7", () => Promise.resolve(1)))).toBe(true);
      redis.thaw();
    });
  });

  test("the doctor says how Redis is", async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const link = openRedis({ url: redis.url, prefix, log: silent });
    onTestFinished(() => link.close());
    await isUp(link, true);
    const told = async () =>
      (await checkRedis({ link, database: "postgres" })).map(({ step, state, message }) => [step, state, message]);
    expect(await told()).toEqual([
      ["reach", "ok", expect.stringMatching(/^Redis \d+\.\d+\.\d+ answers\.$/)],
      ["eviction", "ok", expect.any(String)],
    ]);
    await link.commands.config("SET", "maxmemory-policy", "allkeys-lru");
    expect((await told())[1]).toEqual(["eviction", "note", expect.stringContaining("allkeys-lru")]);
    const alone = await checkRedis({ link, database: "sqlite" });
    expect(alone.at(-1)).toMatchObject({ state: "note", fix: expect.stringContaining("DATABASE_URL") as string });
    await redis.kill();
    expect(await told()).toEqual([["reach", "wrong", expect.stringContaining("does not answer")]]);
    expect(JSON.stringify(await checkRedis({ link, database: "postgres" }))).not.toContain("a-test-password");
    expect(await checkRedis({ link: null, database: "sqlite" })).toEqual([]);
  });
});

const isNews = (hint: Hint) => hint.kind !== "conversations" || !hint.ids.includes("cnv_hello");
const limitersAt = (link: RedisLink) => redisLimiters({ link, key: Buffer.alloc(32, 7), own: ownLimiters });
const wrong = () => Promise.reject(new HandoffError("sign_in_refused"));
const holder = (tokenId: string, workspaceId: string): Principal =>
  ({ scope: "visitor", tokenId, workspaceId, subject: "x", expiresAt: new Date() }) as unknown as Principal;
const isRefused = async (work: Promise<unknown>) =>
  work.then(
    () => false,
    (error: unknown) => error instanceof HandoffError && error.code === "too_many_requests",
  );
