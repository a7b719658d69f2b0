import * as fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { ClaimedLane, NewDelivery, Store, Tx } from "../../src/ports-store.ts";
import { runHistory, step } from "./lane-model.ts";
import { at, delivery } from "./store-samples.ts";
import { inRequest } from "../../src/request-scope.ts";

/** Seconds of a lease in these tests. */
const LEASE = 30;
const LEASE_MS = LEASE * 1_000;

export function storeLanes(current: () => Store): void {
  const owe = (lane: string, more: Partial<NewDelivery> = {}, seconds = 0) =>
    current().write((tx) => tx.addDeliveries([delivery("ws_a", lane, more)], at(seconds)));
  const claim = (lane: string, seconds: number) => current().write((tx) => tx.claimLane(lane, at(seconds), LEASE_MS));
  const mustClaim = async (lane: string, seconds: number): Promise<ClaimedLane> => {
    const claimed = await claim(lane, seconds);
    if (claimed === null) throw new Error(`${lane} could not be claimed`);
    return claimed;
  };
  const finish = (claimed: ClaimedLane, seconds: number, state: "done" | "dead" | "dropped" = "done") =>
    current().write((tx) =>
      tx.finishDelivery(claimed, { state, error: state === "done" ? null : "refused" }, at(seconds), LEASE_MS),
    );
  const postpone = (claimed: ClaimedLane, seconds: number, until: number, more: object = {}) =>
    current().write((tx) => {
      const again = { nextAt: at(until), error: "slow down", mayHaveHappened: false, countAttempt: true, ...more };
      return tx.postponeDelivery(claimed, again, at(seconds));
    });
  const stored = (n: number) => current().read.delivery("ws_a", n);
  const due = async (seconds: number, paused: readonly string[] = []) =>
    (await current().read.dueLanes(at(seconds), 100, paused)).map((one) => one.lane);

  /** All that can be seen of the two deliveries of a lane. */
  const portrait = async () => [await stored(1), await stored(2), await due(99), await due(100_000)];

  describe("lanes", () => {
    test("a new delivery waits, numbered, with what it is for", async () => {
      await owe(
        "lane",
        { conversationId: "cnv_1", handoffId: "hnd_1", payload: { text: "salut ✋", parts: [1, 2] } },
        7,
      );
      expect(await stored(1)).toEqual({
        n: 1,
        workspaceId: "ws_a",
        lane: "lane",
        kind: "helpdesk_message",
        connectionId: "con_a",
        conversationId: "cnv_1",
        handoffId: "hnd_1",
        payload: { text: "salut ✋", parts: [1, 2] },
        progress: {},
        state: "waiting",
        attempts: 0,
        mayHaveHappened: false,
        lastError: null,
        createdAt: at(7),
        startedAt: null,
        nextAt: null,
        doneAt: null,
        requestId: null,
      });
      expect(await due(6)).toEqual([]);
      expect(await due(7)).toEqual(["lane"]);
    });

    test("it keeps the request that it is owed because of, also when many are stored at once", async () => {
      const requests = Array.from({ length: 20 }, (_, number) => `req_${number}`);
      await Promise.all(requests.map((id) => inRequest(id, () => owe(`lane of ${id}`))));
      await owe("lane of nobody");
      const told = await current().read.deliveries("ws_a", { limit: 30 });
      const pairs = told.items.map(({ lane, requestId }): [string, string | null] => [lane, requestId]);
      expect(Object.fromEntries(pairs)).toEqual({
        ...Object.fromEntries(requests.map((id) => [`lane of ${id}`, id])),
        "lane of nobody": null,
      });
    });

    test("claimed, its head is being sent, and nobody else has the lane", async () => {
      await owe("lane");
      const claimed = await mustClaim("lane", 10);
      expect(claimed.lane).toBe("lane");
      expect(claimed.delivery).toMatchObject({ n: 1, state: "sending", attempts: 1, mayHaveHappened: false });
      expect(await stored(1)).toMatchObject({ state: "sending", attempts: 1, startedAt: at(10) });
      expect(await claim("lane", 10)).toBeNull();
      expect(await claim("lane", 10 + LEASE - 1)).toBeNull();
      expect(await due(10 + LEASE - 1)).toEqual([]);
    });

    test("a lane that is unknown, empty or not due yet is not claimed", async () => {
      await owe("later", {}, 100);
      expect(await claim("unknown", 0)).toBeNull();
      expect(await claim("later", 99)).toBeNull();
      const claimed = await mustClaim("later", 100);
      expect(await finish(claimed, 101)).toBeNull();
      expect(await claim("later", 200)).toBeNull();
      expect(await due(200)).toEqual([]);
    });

    test("a lane is sent in order, the next one as soon as one is done", async () => {
      for (let count = 0; count < 3; count += 1) await owe("lane");
      const first = await mustClaim("lane", 1);
      const second = await finish(first, 2);
      expect(second).toMatchObject({ lane: "lane", delivery: { n: 2, state: "sending", attempts: 1 } });
      expect(await stored(1)).toMatchObject({ state: "done", doneAt: at(2), lastError: null });
      const third = await finish(second!, 3);
      expect(third?.delivery.n).toBe(3);
      expect(await finish(third!, 4)).toBeNull();
    });

    test("what the next one needs is not late by the first one's lease: each finish prolongs it", async () => {
      await owe("lane");
      await owe("lane");
      const second = await finish(await mustClaim("lane", 0), 20);
      expect(second?.delivery.n).toBe(2);
      expect(await claim("lane", 20 + LEASE - 1)).toBeNull();
    });

    test("a dead one keeps its reason and lets the next pass", async () => {
      await owe("lane");
      await owe("lane");
      const next = await finish(await mustClaim("lane", 1), 2, "dead");
      expect(next?.delivery.n).toBe(2);
      expect(await stored(1)).toMatchObject({ state: "dead", lastError: "refused", doneAt: at(2) });
    });

    test("other lanes are not held up", async () => {
      await owe("slow");
      await owe("quick");
      await mustClaim("slow", 1);
      expect((await mustClaim("quick", 1)).delivery.n).toBe(2);
    });

    test("postponed, it comes again at its time, with its count and its reason", async () => {
      await owe("lane");
      expect(await postpone(await mustClaim("lane", 1), 2, 60)).toBe(true);
      expect(await stored(1)).toMatchObject({ state: "waiting", nextAt: at(60), lastError: "slow down", attempts: 1 });
      expect(await due(59)).toEqual([]);
      expect(await claim("lane", 59)).toBeNull();
      expect(await due(60)).toEqual(["lane"]);
      const again = await mustClaim("lane", 60);
      expect(again.delivery).toMatchObject({ n: 1, attempts: 2, startedAt: at(1) });
    });

    test("an attempt that does not count is not counted", async () => {
      await owe("lane");
      await postpone(await mustClaim("lane", 1), 2, 60, { countAttempt: false });
      expect((await mustClaim("lane", 60)).delivery.attempts).toBe(1);
    });

    test("postponed after an ambiguous failure, it says that it may have happened", async () => {
      await owe("lane");
      await postpone(await mustClaim("lane", 1), 2, 60, { mayHaveHappened: true });
      expect((await mustClaim("lane", 60)).delivery.mayHaveHappened).toBe(true);
    });

    test("what is new neither wakes a lane before its head's time nor passes the head", async () => {
      await owe("lane");
      await postpone(await mustClaim("lane", 1), 2, 60);
      await owe("lane", {}, 3);
      expect(await due(59)).toEqual([]);
      expect(await claim("lane", 59)).toBeNull();
      expect((await mustClaim("lane", 60)).delivery.n).toBe(1);
    });

    test("what is new while one is being sent follows it", async () => {
      await owe("lane");
      const first = await mustClaim("lane", 1);
      await owe("lane", {}, 2);
      expect(await claim("lane", 3)).toBeNull();
      expect((await finish(first, 4))?.delivery.n).toBe(2);
    });

    test("progress is kept for the next attempt", async () => {
      await owe("lane");
      const claimed = await mustClaim("lane", 1);
      expect(await current().write((tx) => tx.saveProgress(claimed, { contact: "5" }))).toBe(true);
      await postpone(claimed, 2, 60);
      expect((await mustClaim("lane", 60)).delivery.progress).toEqual({ contact: "5" });
    });
  });

  describe("leases", () => {
    test("a delivery whose sender died comes back: it may have happened, and since when", async () => {
      await owe("lane");
      const dead = await mustClaim("lane", 10);
      expect(await due(10 + LEASE)).toEqual(["lane"]);
      const heir = await mustClaim("lane", 10 + LEASE);
      expect(heir.delivery).toMatchObject({ n: 1, mayHaveHappened: true, startedAt: at(10), attempts: 2 });
      expect(heir.lease).toBeGreaterThan(dead.lease);
      expect((await stored(1))?.startedAt).toEqual(at(10 + LEASE));
    });

    test("a renewed lease keeps the others out for longer", async () => {
      await owe("lane");
      const claimed = await mustClaim("lane", 0);
      expect(await current().write((tx) => tx.renewLane(claimed, at(20), LEASE_MS))).toBe(true);
      expect(await claim("lane", 20 + LEASE - 1)).toBeNull();
      expect((await mustClaim("lane", 20 + LEASE)).delivery.mayHaveHappened).toBe(true);
    });

    test("lease numbers of a lane only grow", async () => {
      await owe("lane");
      const numbers: number[] = [];
      for (let round = 0; round < 5; round += 1) {
        const claimed = await mustClaim("lane", round * 100);
        numbers.push(claimed.lease);
        if (round % 2 === 0) await postpone(claimed, round * 100 + 1, round * 100 + 2);
      }
      expect(numbers.every((number, index) => index === 0 || number > numbers[index - 1]!)).toBe(true);
    });

    const lateActs: Record<string, [act: (tx: Tx, claimed: ClaimedLane) => Promise<unknown>, refused: unknown]> = {
      renewLane: [(tx, claimed) => tx.renewLane(claimed, at(500), LEASE_MS), false],
      saveProgress: [(tx, claimed) => tx.saveProgress(claimed, { contact: "late" }), false],
      finishDelivery: [
        (tx, claimed) => tx.finishDelivery(claimed, { state: "done", error: null }, at(500), LEASE_MS),
        undefined,
      ],
      postponeDelivery: [
        (tx, claimed) => {
          const again = { nextAt: at(900), error: "late", mayHaveHappened: false, countAttempt: true };
          return tx.postponeDelivery(claimed, again, at(500));
        },
        false,
      ],
    };
    const ways: Record<string, (claimed: ClaimedLane) => Promise<unknown>> = {
      "lost to another process": () => mustClaim("lane", 100),
      "lost, and the other one has finished": async () => finish(await mustClaim("lane", 100), 101),
      "given back": (claimed) => postpone(claimed, 2, 60),
      "given back, and taken again": async (claimed) => {
        await postpone(claimed, 2, 60);
        await mustClaim("lane", 60);
      },
      "ended with its lane": async (claimed) => finish((await finish(claimed, 2))!, 3),
    };
    const cases = Object.keys(ways).flatMap((way) => Object.keys(lateActs).map((act) => ({ way, act })));
    test.each(cases)("a claim that was $way changes nothing by $act", async ({ way, act }) => {
      await owe("lane");
      await owe("lane");
      const late = await mustClaim("lane", 1);
      await ways[way]!(late);
      const before = await portrait();
      const [call, refused] = lateActs[act]!;
      expect(await current().write((tx) => call(tx, late))).toBe(refused);
      expect(await portrait()).toEqual(before);
    });

    test.each(Object.keys(lateActs))(
      "by a claim whose delivery has ended, %s changes nothing of the next",
      async (act) => {
        await owe("lane");
        await owe("lane");
        const first = await mustClaim("lane", 1);
        const second = await finish(first, 2);
        const before = await portrait();
        const [call, refused] = lateActs[act]!;
        expect(await current().write((tx) => call(tx, first))).toBe(refused);
        expect(await portrait()).toEqual(before);
        expect((await stored(2))?.state).toBe("sending");
        expect(await finish(second!, 3)).toBeNull();
        expect((await stored(2))?.state).toBe("done");
      },
    );

    test("a claim does not come to life again when its delivery is sent once more", async () => {
      await owe("lane");
      await owe("lane");
      const old = await mustClaim("lane", 1);
      const second = await finish(old, 2, "dead");
      await current().write((tx) => tx.retryDelivery("ws_a", 1, at(3)));
      const again = await finish(second!, 4);
      expect(again?.delivery.n).toBe(1);
      expect(await finish(old, 5)).toBeUndefined();
      expect(await finish(again!, 6)).toBeNull();
    });
  });

  describe("lanes by hand", () => {
    test("dropped: all that waits, not what is being sent, and not other lanes", async () => {
      for (const lane of ["lane", "lane", "lane", "other"]) await owe(lane);
      const sending = await mustClaim("lane", 1);
      await current().write((tx) => tx.dropLane("ws_a", "lane", "The handoff went elsewhere.", at(2)));
      expect(await stored(1)).toMatchObject({ state: "sending" });
      expect(await stored(2)).toMatchObject({
        state: "dropped",
        lastError: "The handoff went elsewhere.",
        doneAt: at(2),
      });
      expect(await stored(3)).toMatchObject({ state: "dropped" });
      expect(await stored(4)).toMatchObject({ state: "waiting" });
      expect(await finish(sending, 3)).toBeNull();
      expect(await due(4)).toEqual(["other"]);
    });

    test("what is owed after a drop does not wait for the time of the head that was dropped", async () => {
      await owe("lane");
      await postpone(await mustClaim("lane", 1), 2, 3_600);
      await current().write(async (tx) => {
        await tx.dropLane("ws_a", "lane", "The handoff ended.", at(3));
        await tx.addDeliveries([delivery("ws_a", "lane", { kind: "helpdesk_close" })], at(3));
      });
      expect(await due(3)).toEqual(["lane"]);
      expect((await mustClaim("lane", 3)).delivery).toMatchObject({ n: 2, kind: "helpdesk_close" });
    });

    test("a dead one is owed again when asked, and remembers what happened", async () => {
      await owe("lane");
      await postpone(await mustClaim("lane", 1), 2, 10, { mayHaveHappened: true });
      await finish(await mustClaim("lane", 10), 11, "dead");
      expect(await due(12)).toEqual([]);
      expect(await current().write((tx) => tx.retryDelivery("ws_a", 1, at(12)))).toBe(true);
      expect(await stored(1)).toMatchObject({ state: "waiting", doneAt: null, nextAt: null });
      expect((await mustClaim("lane", 12)).delivery).toMatchObject({ n: 1, mayHaveHappened: true, startedAt: at(10) });
    });

    test("what waits for a connection that was mended is due now, and nothing else is", async () => {
      await owe("lane");
      await owe("lane");
      await owe("other", { connectionId: "con_b" });
      await owe("taken");
      await postpone(await mustClaim("lane", 1), 2, 3_600, { mayHaveHappened: true });
      await postpone(await mustClaim("other", 1), 2, 3_600);
      await mustClaim("taken", 2);
      await current().write((tx) => tx.hurryConnection("ws_b", "con_a", at(3)));
      expect(await due(3)).toEqual([]);
      await current().write((tx) => tx.hurryConnection("ws_a", "con_a", at(3)));
      expect(await due(3)).toEqual(["lane"]);
      expect(await stored(1)).toMatchObject({ nextAt: null, mayHaveHappened: true });
      expect(await stored(3)).toMatchObject({ nextAt: at(3_600) });
      expect((await mustClaim("lane", 3)).delivery.n).toBe(1);
    });

    test("only a dead or held one can be sent again", async () => {
      for (const lane of ["done", "dropped", "sending", "waiting"]) await owe(lane);
      await finish(await mustClaim("done", 1), 2);
      await current().write((tx) => tx.dropLane("ws_a", "dropped", "gone", at(2)));
      await mustClaim("sending", 1);
      const answers = await current().write(async (tx) => {
        const all: boolean[] = [];
        for (const n of [1, 2, 3, 4, 99]) all.push(await tx.retryDelivery("ws_a", n, at(3)));
        return all;
      });
      expect(answers).toEqual([false, false, false, false, false]);
      expect(await Promise.all([1, 2, 3, 4].map(async (n) => (await stored(n))?.state))).toEqual([
        "done",
        "dropped",
        "sending",
        "waiting",
      ]);
    });

    test("one that is sent again does not wait for a younger one's time, nor does it shorten that", async () => {
      await owe("lane");
      await owe("lane");
      const second = await finish(await mustClaim("lane", 1), 2, "dead");
      await postpone(second!, 3, 3_600);
      await current().write((tx) => tx.retryDelivery("ws_a", 1, at(4)));
      expect(await due(4)).toEqual(["lane"]);
      const retried = await mustClaim("lane", 4);
      expect(retried.delivery.n).toBe(1);
      expect(await finish(retried, 5)).toBeNull();
      expect(await due(3_599)).toEqual([]);
      expect((await mustClaim("lane", 3_600)).delivery.n).toBe(2);
    });

    test("one that is sent again while a younger one is being sent goes before that one's next attempt", async () => {
      await owe("lane");
      await owe("lane");
      const second = await finish(await mustClaim("lane", 1), 2, "dead");
      await current().write((tx) => tx.retryDelivery("ws_a", 1, at(3)));
      await postpone(second!, 4, 3_600);
      expect((await mustClaim("lane", 4)).delivery.n).toBe(1);
    });

    test("a held one is not owed, and holds nothing up, until it is released", async () => {
      await owe("mail", { state: "held", kind: "email", connectionId: null });
      await owe("mail", { kind: "email", connectionId: null });
      await owe("post", { state: "held", kind: "email", connectionId: null });
      expect(await due(1)).toEqual(["mail"]);
      expect((await mustClaim("mail", 1)).delivery.n).toBe(2);
      expect(await current().write((tx) => tx.releaseHeld(at(2)))).toBe(2);
      expect(await current().write((tx) => tx.releaseHeld(at(2)))).toBe(0);
      expect(await due(2)).toEqual(["post"]);
      expect(await stored(1)).toMatchObject({ state: "waiting" });
    });
  });

  describe("due lanes", () => {
    beforeEach(async () => {
      await owe("third", { connectionId: "con_b" }, 3);
      await owe("first", { connectionId: "con_a" }, 1);
      await owe("second", { connectionId: null, kind: "callback" }, 2);
    });

    test("the longest waiting come first, as many as are asked for", async () => {
      expect(await due(10)).toEqual(["first", "second", "third"]);
      expect(await current().read.dueLanes(at(10), 2, [])).toEqual([
        { lane: "first", connectionId: "con_a" },
        { lane: "second", connectionId: null },
      ]);
    });

    test("those of paused connections are left out, callbacks and mail never", async () => {
      expect(await due(10, ["con_a"])).toEqual(["second", "third"]);
      expect(await due(10, ["con_a", "con_b"])).toEqual(["second"]);
    });

    test("a running lease hides its lane until it ends", async () => {
      await mustClaim("first", 10);
      expect(await due(10)).toEqual(["second", "third"]);
      expect(await due(10 + LEASE)).toEqual(["first", "second", "third"]);
    });
  });

  test("any history of lanes keeps the order, loses nothing and does nothing twice", { timeout: 60_000 }, async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 80, size: "max" }), async (steps) => {
        runs += 1;
        // One unit of work for the whole history: what one step wrote, the next one sees.
        await current().write((tx) => runHistory(tx, `run-${runs}`, steps));
      }),
      { numRuns: 150 },
    );
    expect(runs).toBeGreaterThanOrEqual(150);
  });
}
