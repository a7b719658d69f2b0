import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DeliveryError } from "../../src/domain/delivery.ts";
import type { Then } from "../../src/ports.ts";
import { createWorld, says } from "../jobs/world.ts";
import type { WorldSettings } from "../jobs/world.ts";

/**
 * What every implementation of Jobs does, whatever carries its wake-ups.
 *
 * @param made builds the implementation; its clock and timers are those of the test
 */
export function jobsContract(
  name: string,
  made: Required<Pick<WorldSettings, "create">> & Pick<WorldSettings, "elsewhere">,
): void {
  describe(`jobs: ${name}`, () => {
    test("what is owed is done at once, in the order in which it was owed", async () => {
      const world = await createWorld(made);
      await world.jobs.start();
      await world.owe("con_a:cnv_1", ["first", "second", "third"]);
      await world.time.advance(0);
      expect(world.said()).toEqual(["first", "second", "third"]);
      expect(await world.states()).toEqual({ first: "done", second: "done", third: "done" });
    });

    test("nothing is done before the start, and then what was owed before it", async () => {
      const world = await createWorld(made);
      await world.owe("con_a:cnv_1", ["early"]);
      world.jobs.wakeLane("con_a:cnv_1");
      await world.time.advance(60_000);
      expect(world.said()).toEqual([]);
      await world.jobs.start();
      await world.time.advance(0);
      expect(world.said()).toEqual(["early"]);
    });

    test("starting twice does nothing twice", async () => {
      const world = await createWorld(made);
      await world.owe("con_a:cnv_1", ["once"]);
      await Promise.all([world.jobs.start(), world.jobs.start()]);
      await world.time.advance(5_000);
      expect(world.said()).toEqual(["once"]);
    });

    test("a wake-up that was lost costs one sweep", async () => {
      const world = await createWorld({ ...made, wakes: false });
      await world.jobs.start();
      await world.owe("con_a:cnv_1", ["unheard"]);
      await world.time.advance(999);
      expect(world.said()).toEqual([]);
      await world.time.advance(1);
      await world.time.advance(0);
      expect(world.said()).toEqual(["unheard"]);
    });

    test("many wake-ups for one lane do not send twice", async () => {
      const world = await createWorld(made);
      await world.jobs.start();
      await world.owe("con_a:cnv_1", ["once"]);
      for (let i = 0; i < 100; i += 1) world.jobs.wakeLane("con_a:cnv_1");
      await world.time.advance(3_000);
      expect(world.said()).toEqual(["once"]);
    });

    test("a lane without anything owed is left alone", async () => {
      const world = await createWorld(made);
      await world.jobs.start();
      world.jobs.wakeLane("con_a:unknown");
      await world.time.advance(3_000);
      expect(world.said()).toEqual([]);
    });

    test("a failing head holds its lane and no other", async () => {
      const world = await createWorld(made);
      let isBroken = true;
      world.duties.perform = (delivery) =>
        isBroken && says(delivery) === "stuck" ? Promise.reject(transient()) : Promise.resolve(null);
      await world.jobs.start();
      await world.owe("con_a:cnv_1", ["stuck", "behind"]);
      await world.owe("con_a:cnv_2", ["other"]);
      await world.time.advance(0);
      expect(await world.states()).toEqual({ stuck: "waiting", behind: "waiting", other: "done" });
      isBroken = false;
      await world.time.advance(2_000);
      expect(await world.states()).toEqual({ stuck: "done", behind: "done", other: "done" });
      expect(world.said().slice(-2)).toEqual(["stuck", "behind"]);
    });

    test("what is owed while its lane runs is done in the same go", async () => {
      const world = await createWorld(made);
      world.duties.perform = async (delivery) => {
        if (says(delivery) === "first") await world.owe("con_a:cnv_1", ["second"]);
        return null;
      };
      await world.jobs.start();
      await world.owe("con_a:cnv_1", ["first"]);
      await world.time.advance(0);
      expect(world.said()).toEqual(["first", "second"]);
    });

    test("whatever fails, each is done once, in order, one at a time", async () => {
      const script = fc.record({
        lanes: fc.integer({ min: 1, max: 4 }),
        each: fc.integer({ min: 1, max: 6 }),
        fails: fc.array(fc.constantFrom("transient", "ambiguous", "limited", "bug", null), {
          minLength: 1,
          maxLength: 30,
        }),
      });
      await fc.assert(
        fc.asyncProperty(script, async ({ lanes, each, fails }) => {
          const world = await createWorld({ ...made, timing: { sweepMs: 5_000 } });
          const arrived = new Map<string, string[]>();
          const running = new Set<string>();
          let overlaps = 0;
          let calls = 0;
          world.duties.perform = async (delivery): Promise<Then> => {
            overlaps += running.has(delivery.lane) ? 1 : 0;
            running.add(delivery.lane);
            await new Promise<void>((resolve) => world.time.scheduler.soon(resolve));
            const fault = fails[calls];
            calls += 1;
            const list = arrived.get(delivery.lane) ?? [];
            // The far side knows what it took by a failure that came too late, as a helpdesk can be asked.
            const isKnown = delivery.mayHaveHappened && list.includes(says(delivery));
            if (!isKnown && (fault === null || fault === undefined || fault === "ambiguous"))
              arrived.set(delivery.lane, [...list, says(delivery)]);
            running.delete(delivery.lane);
            if (fault === "transient") throw transient();
            if (fault === "ambiguous") throw new DeliveryError("transient", "Timed out", { ambiguous: true });
            if (fault === "limited") throw new DeliveryError("rate_limited", "Slow down", { retryAfterSeconds: 2 });
            if (fault === "bug") throw new TypeError("x is not a function");
            return null;
          };
          await world.jobs.start();
          const names = Array.from({ length: lanes }, (_, i) => `con_a:cnv_${i}`);
          const words = (lane: string) => Array.from({ length: each }, (_, i) => `${lane}/${i}`);
          for (const lane of names) await world.owe(lane, words(lane));
          await world.time.advance(15 * 60_000);
          expect(Object.fromEntries(arrived)).toEqual(Object.fromEntries(names.map((lane) => [lane, words(lane)])));
          expect(new Set(Object.values(await world.states()))).toEqual(new Set(["done"]));
          expect(overlaps).toBe(0);
          await world.jobs.stop(0);
        }),
        { numRuns: 12 },
      );
    });

    test("after the stop nothing begins, and what runs may end", async () => {
      const world = await createWorld(made);
      const gate = Promise.withResolvers<null>();
      world.duties.perform = () => gate.promise;
      await world.jobs.start();
      await world.owe("con_a:cnv_1", ["running", "next"]);
      await world.time.advance(0);
      let hasStopped = false;
      const stopped = world.jobs.stop(10_000).then(() => (hasStopped = true));
      await world.owe("con_a:cnv_2", ["late"]);
      world.jobs.wakeLane("con_a:cnv_2");
      await world.time.advance(5_000);
      expect(hasStopped).toBe(false);
      gate.resolve(null);
      await world.time.advance(0);
      await stopped;
      expect(world.said()).toEqual(["running"]);
      expect(await world.states()).toEqual({ running: "done", next: "waiting", late: "waiting" });
    });

    test("a stop does not wait longer than it was told", async () => {
      const world = await createWorld(made);
      world.duties.perform = () => new Promise<Then>(() => {});
      await world.jobs.start();
      await world.owe("con_a:cnv_1", ["endless"]);
      await world.time.advance(0);
      const stopped = world.jobs.stop(1_000);
      await world.time.advance(1_000);
      await stopped;
      // So little time is that of a crash: the lease runs out.
      expect(await world.states()).toEqual({ endless: "sending" });
    });

    test("what a stop cuts off is left to the next process, which waits for the far side alone and looks before it repeats", async () => {
      const world = await createWorld(made);
      const never = new Promise<Then>(() => {});
      world.duties.perform = () => never;
      world.duties.settleMs = (delivery) => (delivery.connectionId === null ? 0 : 15_000);
      await world.jobs.start();
      await world.owe("con_a:cnv_1", ["long", "next"]);
      await world.owe("callback:cnv_1", ["call"]);
      await world.time.advance(0);
      const stopped = world.jobs.stop(9_000);
      await world.time.advance(8_000);
      await stopped;
      expect(await world.states()).toEqual({ long: "waiting", next: "waiting", call: "waiting" });

      world.duties.perform = () => Promise.resolve(null);
      const performedBefore = world.performed.length;
      await world.another().start();
      await world.time.advance(30_000);
      const after = world.performed.slice(performedBefore);
      expect(after.map(({ says, attempt, mayHaveHappened }) => [says, attempt, mayHaveHappened])).toEqual([
        ["call", 1, true],
        ["long", 1, true],
        ["next", 1, false],
      ]);
      // Cut off after 8 seconds; the far side may act for 15 more.
      expect(after.find(({ says }) => says === "long")?.at).toBeGreaterThanOrEqual(23_000);
      expect(after.find(({ says }) => says === "long")?.at).toBeLessThan(24_000);
    });

    test("a look is made for each handoff, once for many wake-ups, and again for one that came meanwhile", async () => {
      const world = await createWorld(made);
      await world.openHandoff("hnd_1");
      const gate = Promise.withResolvers<void>();
      world.duties.look = () => gate.promise;
      await world.jobs.start();
      for (let i = 0; i < 5; i += 1) world.jobs.wakeLook("ws_1", "hnd_1");
      await world.time.advance(0);
      expect(world.told).toEqual(["0 look hnd_1"]);
      for (let i = 0; i < 5; i += 1) world.jobs.wakeLook("ws_1", "hnd_1");
      await world.time.advance(0);
      expect(world.told).toEqual(["0 look hnd_1"]);
      gate.resolve();
      await world.time.advance(0);
      expect(world.told).toEqual(["0 look hnd_1", "0 look hnd_1"]);
    });

    test("recorded webhooks are worked on in the order in which they came, each once", async () => {
      const world = await createWorld(made);
      await world.jobs.start();
      for (const id of ["whk_1", "whk_2", "whk_3"]) await world.recordWebhook(id);
      world.jobs.wakeWebhooks();
      await world.time.advance(5_000);
      expect(world.told).toEqual(["0 webhook whk_1", "0 webhook whk_2", "0 webhook whk_3"]);
      expect(await world.store.read.waitingWebhooks(world.time.clock(), 10)).toEqual([]);
    });

    test("limits that have passed are acted on by the sweep", async () => {
      const world = await createWorld(made);
      await world.openHandoff("hnd_1", { acceptBy: new Date("2026-11-20T09:00:03Z") });
      world.duties.overdue = async (handoff) => {
        await world.store.write((tx) => tx.saveHandoff({ ...handoff, acceptBy: null }, "pending"));
      };
      await world.jobs.start();
      await world.time.advance(10_000);
      expect(world.told).toEqual(["3000 overdue hnd_1"]);
    });
  });
}

const transient = () => new DeliveryError("transient", "It does not answer");
