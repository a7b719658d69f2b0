import { describe, expect, test } from "vitest";
import { DeliveryError } from "../../src/domain/delivery.ts";
import { createWorld, START, WS } from "./world.ts";
import type { World } from "./world.ts";

const transient = () => new DeliveryError("transient", "It does not answer");
const destination = (id: string) => ({ id, team: null, priority: null, labels: [] });
const lookAt = (world: World, id: string, at: Date | null) => world.store.write((tx) => tx.scheduleLook(WS, id, at));

async function begin(): Promise<World> {
  const world = await createWorld();
  await world.jobs.start();
  return world;
}

describe("looks", () => {
  test("are made when they are due, also right after a start", async () => {
    const world = await createWorld();
    await world.openHandoff("hnd_1");
    await lookAt(world, "hnd_1", START);
    world.duties.look = (workspaceId, id) =>
      world.store.write((tx) => tx.scheduleLook(workspaceId, id, new Date(world.time.clock().getTime() + 4_000)));
    await world.jobs.start();
    await world.time.advance(9_000);
    expect(world.told).toEqual(["0 look hnd_1", "4000 look hnd_1", "8000 look hnd_1"]);
  });

  test("that fail are made again after a wait that grows, without being asked", async () => {
    const world = await begin();
    await world.openHandoff("hnd_1");
    let left = 3;
    world.duties.look = () => (left-- > 0 ? Promise.reject(transient()) : lookAt(world, "hnd_1", null));
    world.jobs.wakeLook(WS, "hnd_1");
    await world.time.advance(60_000);
    const times = world.told.map((line) => Number(line.split(" ")[0]));
    // 750, 1500 and 3000 ms, with a millisecond of the timer's.
    expect(times).toEqual([0, 751, 2_252, 5_253]);
  });

  test("that fail are not made more often for many doorbells", async () => {
    const world = await begin();
    await world.openHandoff("hnd_1");
    world.duties.look = () => Promise.reject(new Error("no"));
    for (let i = 0; i < 50; i += 1) {
      world.jobs.wakeLook(WS, "hnd_1");
      await world.time.advance(100);
    }
    expect(world.told.length).toBeLessThanOrEqual(4);
  });

  test("that fail do not crowd out those that are due after them", async () => {
    const world = await createWorld({ timing: { sweepRows: 5 } });
    for (let n = 0; n < 20; n += 1) {
      await world.openHandoff(`hnd_bad${n}`);
      await lookAt(world, `hnd_bad${n}`, START);
    }
    await world.openHandoff("hnd_good");
    await lookAt(world, "hnd_good", new Date(START.getTime() + 1));
    world.duties.look = (_workspaceId, id) =>
      id === "hnd_good" ? lookAt(world, id, null) : Promise.reject(new Error("no"));
    await world.jobs.start();
    await world.time.advance(10_000);
    expect(world.told.filter((line) => line.endsWith("hnd_good"))).toHaveLength(1);
  });

  test("of a handoff that has ended are not asked for again by a failure", async () => {
    const world = await begin();
    await world.openHandoff("hnd_1", { endedAt: START, status: "resolved" });
    world.duties.look = () => Promise.reject(transient());
    world.jobs.wakeLook(WS, "hnd_1");
    await world.time.advance(0);
    expect(await world.store.read.handoffsToLook(new Date("2030-01-01"), 10)).toEqual([]);
  });

  test("of an unknown or foreign handoff are not made", async () => {
    const world = await begin();
    await world.openHandoff("hnd_1");
    world.jobs.wakeLook("ws_2", "hnd_1");
    world.jobs.wakeLook(WS, "hnd_2");
    await world.time.advance(5_000);
    expect(world.told).toEqual([]);
  });

  test("at a slow helpdesk keep no other waiting", async () => {
    const world = await begin();
    for (let n = 0; n < 30; n += 1) await world.openHandoff(`hnd_s${n}`, { destination: destination("con_slow") });
    await world.openHandoff("hnd_q", { destination: destination("con_quick") });
    world.duties.look = (_workspaceId, id) => (id === "hnd_q" ? Promise.resolve() : new Promise(() => {}));
    for (let n = 0; n < 30; n += 1) world.jobs.wakeLook(WS, `hnd_s${n}`);
    world.jobs.wakeLook(WS, "hnd_q");
    await world.time.advance(0);
    expect(world.told.filter((line) => line.includes("hnd_s"))).toHaveLength(4);
    expect(world.told).toContain("0 look hnd_q");
  });

  test("that fail tell that a helpdesk is down, and those that succeed that it is up again", async () => {
    const world = await begin();
    for (let n = 0; n < 5; n += 1) await world.openHandoff(`hnd_${n}`);
    let isDown = true;
    world.duties.look = () => (isDown ? Promise.reject(transient()) : Promise.resolve());
    for (let n = 0; n < 5; n += 1) world.jobs.wakeLook(WS, `hnd_${n}`);
    await world.time.advance(1_000);
    expect(world.jobs.circuits.isDown("con_a")).toBe(true);
    isDown = false;
    await world.time.advance(60_000);
    expect(world.jobs.circuits.isDown("con_a")).toBe(false);
    expect(world.connections.map((line) => line.replace(/^\d+ /, ""))).toEqual([
      "down con_a: It does not answer",
      "up con_a",
    ]);
  });

  test("that may not read say nothing of whether we may write", async () => {
    const world = await begin();
    await world.openHandoff("hnd_1");
    world.duties.look = () => Promise.reject(new DeliveryError("credentials", "no right to read"));
    world.jobs.wakeLook(WS, "hnd_1");
    await world.time.advance(60_000);
    expect(world.jobs.circuits.isDown("con_a")).toBe(false);
    expect(world.connections).toEqual([]);
  });

  test("that are told to slow down make the whole connection wait", async () => {
    const world = await begin();
    await world.openHandoff("hnd_1");
    world.duties.look = () => Promise.reject(new DeliveryError("rate_limited", "slow down", { retryAfterSeconds: 30 }));
    world.jobs.wakeLook(WS, "hnd_1");
    await world.time.advance(0);
    await world.owe("con_a:cnv_1", ["a"]);
    await world.time.advance(29_000);
    expect(world.said()).toEqual([]);
    await world.time.advance(3_000);
    expect(world.said()).toEqual(["a"]);
  });
});

describe("limits that have passed", () => {
  test("are acted on again after a failure, and keep no others waiting", async () => {
    const world = await begin();
    await world.openHandoff("hnd_bad", { acceptBy: START });
    await world.openHandoff("hnd_good", { acceptBy: START });
    let left = 2;
    world.duties.overdue = async (handoff) => {
      if (handoff.id === "hnd_bad" && left-- > 0) throw new Error("a fault of ours");
      await world.store.write((tx) => tx.saveHandoff({ ...handoff, acceptBy: null }, "pending"));
    };
    await world.time.advance(20_000);
    expect(world.told.filter((line) => line.endsWith("hnd_bad"))).toHaveLength(3);
    expect(world.told.filter((line) => line.endsWith("hnd_good"))).toHaveLength(1);
    expect(await world.store.read.overdueHandoffs(world.time.clock(), 10)).toEqual([]);
  });
});
