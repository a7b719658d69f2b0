import { describe, expect, test } from "vitest";
import { DeliveryError } from "../../src/domain/delivery.ts";
import type { WebhookRow } from "../../src/ports-store.ts";
import { createWorld } from "./world.ts";
import type { World } from "./world.ts";

async function begin(): Promise<World> {
  const world = await createWorld();
  await world.jobs.start();
  return world;
}

/** All that will ever be worked on again. */
const waiting = async (world: World): Promise<readonly WebhookRow[]> =>
  await world.store.read.waitingWebhooks(new Date("2030-01-01"), 5_000);

describe("webhooks", () => {
  test("that were recorded before a crash are worked on after the start", async () => {
    const world = await createWorld();
    await world.recordWebhook("whk_1");
    await world.jobs.start();
    await world.time.advance(0);
    expect(world.told).toEqual(["0 webhook whk_1"]);
  });

  test("that fail are tried again after a wait that grows, ten times, and then kept for a person", async () => {
    const world = await begin();
    world.duties.webhook = () => Promise.reject(new DeliveryError("transient", "It does not answer"));
    await world.recordWebhook("whk_1");
    world.jobs.wakeWebhooks();
    await world.time.advance(30 * 60_000);
    expect(world.told).toHaveLength(10);
    expect(world.logged.filter((line) => line === "webhook_failed")).toHaveLength(1);
    expect(await waiting(world)).toEqual([]);
  });

  test("that can never be worked on are not tried again", async () => {
    const world = await begin();
    world.duties.webhook = () => Promise.reject(new DeliveryError("permanent", "It is no webhook"));
    await world.recordWebhook("whk_1");
    world.jobs.wakeWebhooks();
    await world.time.advance(60_000);
    expect(world.told).toEqual(["0 webhook whk_1"]);
    expect(await waiting(world)).toEqual([]);
  });

  test("that fail hold no others up", async () => {
    const world = await begin();
    world.duties.webhook = (row) => (row.id === "whk_1" ? Promise.reject(new Error("no")) : Promise.resolve());
    for (const id of ["whk_1", "whk_2", "whk_3"]) await world.recordWebhook(id);
    world.jobs.wakeWebhooks();
    await world.time.advance(0);
    expect((await waiting(world)).map((row) => row.id)).toEqual(["whk_1"]);
  });

  test("of a helpdesk that hangs keep no other waiting, also when thousands of them came first", async () => {
    const world = await begin();
    world.duties.webhook = (row) => (row.connectionId === "con_slow" ? new Promise(() => {}) : Promise.resolve());
    for (let n = 0; n < 700; n += 1) await world.recordWebhook(`whk_s${n}`, "con_slow");
    await world.time.advance(1);
    await world.recordWebhook("whk_q", "con_quick");
    world.jobs.wakeWebhooks();
    await world.time.advance(1_000);
    await world.time.advance(0);
    expect(world.told.filter((line) => line.includes("whk_s"))).toHaveLength(4);
    expect(world.told.filter((line) => line.includes("whk_q"))).toHaveLength(1);
  });

  test("come to an end however many there are", async () => {
    const world = await begin();
    for (let n = 0; n < 900; n += 1) await world.recordWebhook(`whk_${n}`, n % 2 === 0 ? "con_a" : "con_b");
    world.jobs.wakeWebhooks();
    await world.time.advance(0);
    expect(world.told).toHaveLength(900);
    expect(await waiting(world)).toEqual([]);
  });
});
