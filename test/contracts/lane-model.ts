import * as fc from "fast-check";
import { expect } from "vitest";
import type { ClaimedLane, Tx } from "../../src/ports-store.ts";
import { at, delivery } from "./store-samples.ts";

/**
 * Lanes as they are meant, in memory: a queue each, whose head is sent by one holder at a time. The store is held against it
 * step by step. Whatever can go wrong in between is among the steps: time passing until a lease is lost, and everything that
 * a process does with a claim that it no longer has.
 */
interface Item {
  readonly id: string;
  readonly n: number;
  state: "waiting" | "sending" | "done" | "dead";
  readyAt: number;
  mayHaveHappened: boolean;
  times: number;
}

interface Lane {
  readonly name: string;
  readonly items: Item[];
  holder: { claim: ClaimedLane; until: number } | null;
  lastLease: number;
}

const LANES = 2;
const LEASE_SECONDS = 30;

const which = fc.nat({ max: LANES - 1 });
/** Mostly the claim that was made last, now and then one that may be long lost. */
const older = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.nat({ max: 5 }) });
export const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("enqueue" as const), lane: which }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("claim" as const), lane: which }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("finish" as const), older, dead: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("postpone" as const), older, seconds: fc.nat({ max: 90 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("renew" as const), older }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("retry" as const), lane: which }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), seconds: fc.nat({ max: 45 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** Plays `steps` on the store and on the model; throws at the first difference. Lanes are named after `run`. */
export async function runHistory(tx: Tx, run: string, steps: readonly Step[]): Promise<void> {
  const lanes: Lane[] = Array.from({ length: LANES }, (_, index) => ({
    name: `${run}-${index}`,
    items: [],
    holder: null,
    lastLease: 0,
  }));
  const claims: ClaimedLane[] = [];
  let now = 0;
  let count = 0;
  // Numbers start where the history before this one ended.
  const probe = (await tx.deliveries("ws_a", { limit: 1 })).items[0]?.n ?? 0;

  const owed = (lane: Lane) => lane.items.filter((one) => one.state === "waiting" || one.state === "sending");
  const held = (lane: Lane) => lane.holder !== null && lane.holder.until > now;
  const ready = (lane: Lane): Item | null => {
    const head = owed(lane)[0];
    return head !== undefined && (head.state === "sending" || head.readyAt <= now) ? head : null;
  };
  const laneOf = (claim: ClaimedLane) => lanes.find((one) => one.name === claim.lane)!;
  const itemOf = (claim: ClaimedLane) => laneOf(claim).items.find((one) => one.n === claim.delivery.n)!;
  /** Whether the claim is the lane's latest and has not been used up; an expired one still counts until someone takes over. */
  const holds = (claim: ClaimedLane) => laneOf(claim).holder?.claim === claim;

  function taken(lane: Lane, head: Item, claim: ClaimedLane | null | undefined): void {
    expect(claim?.delivery).toMatchObject({ n: head.n, payload: { id: head.id } });
    if (!claim) return;
    expect(claim.delivery.mayHaveHappened).toBe(head.mayHaveHappened || head.state === "sending");
    head.mayHaveHappened = claim.delivery.mayHaveHappened;
    head.state = "sending";
    expect(claim.lease).toBeGreaterThan(lane.lastLease);
    lane.lastLease = claim.lease;
    lane.holder = { claim, until: now + LEASE_SECONDS };
    claims.push(claim);
  }

  async function claimNow(lane: Lane): Promise<ClaimedLane | null> {
    const head = held(lane) ? null : ready(lane);
    const claim = await tx.claimLane(lane.name, at(now), LEASE_SECONDS * 1_000);
    if (head === null) {
      expect(claim).toBeNull();
      return null;
    }
    taken(lane, head, claim);
    return claim;
  }

  async function finishNow(claim: ClaimedLane, state: "done" | "dead"): Promise<ClaimedLane | null | undefined> {
    const mine = holds(claim);
    const next = await tx.finishDelivery(claim, { state, error: null }, at(now), LEASE_SECONDS * 1_000);
    if (!mine) {
      expect(next).toBeUndefined();
      return next;
    }
    const lane = laneOf(claim);
    itemOf(claim).state = state;
    if (state === "done") itemOf(claim).times += 1;
    lane.holder = null;
    const head = ready(lane);
    if (head === null) expect(next).toBeNull();
    else taken(lane, head, next);
    return next;
  }

  async function play(one: Step): Promise<void> {
    switch (one.do) {
      case "enqueue": {
        const lane = lanes[one.lane]!;
        count += 1;
        const id = `${run}/${count}`;
        await tx.addDeliveries([delivery("ws_a", lane.name, { payload: { id } })], at(now));
        const n = probe + count;
        lane.items.push({ id, n, state: "waiting", readyAt: now, mayHaveHappened: false, times: 0 });
        return;
      }
      case "claim":
        await claimNow(lanes[one.lane]!);
        return;
      case "finish": {
        const claim = claims.at(-1 - one.older);
        if (claim) await finishNow(claim, one.dead ? "dead" : "done");
        return;
      }
      case "postpone": {
        const claim = claims.at(-1 - one.older);
        if (!claim) return;
        const mine = holds(claim);
        const again = { nextAt: at(now + one.seconds), error: "later", mayHaveHappened: false, countAttempt: true };
        expect(await tx.postponeDelivery(claim, again, at(now))).toBe(mine);
        if (!mine) return;
        Object.assign(itemOf(claim), { state: "waiting", readyAt: now + one.seconds, mayHaveHappened: false });
        laneOf(claim).holder = null;
        return;
      }
      case "renew": {
        const claim = claims.at(-1 - one.older);
        if (!claim) return;
        const { holder } = laneOf(claim);
        expect(await tx.renewLane(claim, at(now), LEASE_SECONDS * 1_000)).toBe(holds(claim));
        if (holder !== null && holds(claim)) holder.until = now + LEASE_SECONDS;
        return;
      }
      case "retry": {
        const dead = lanes[one.lane]!.items.find((item) => item.state === "dead");
        if (dead === undefined) return;
        expect(await tx.retryDelivery("ws_a", dead.n, at(now))).toBe(true);
        Object.assign(dead, { state: "waiting", readyAt: now });
        return;
      }
      case "wait":
        now += one.seconds;
    }
  }

  for (const one of steps) {
    await play(one);
    const due = new Set((await tx.dueLanes(at(now), 1_000, [])).map(({ lane }) => lane));
    for (const lane of lanes) {
      if (held(lane)) expect(due).not.toContain(lane.name);
      else if (ready(lane) !== null) expect(due).toContain(lane.name);
    }
  }

  // In the end everything that was owed is sent, in order; each once, unless it was buried.
  now += 1_000;
  for (const lane of lanes) {
    const order: number[] = [];
    for (let claim = await claimNow(lane); claim;) {
      order.push(claim.delivery.n);
      claim = (await finishNow(claim, "done")) ?? null;
    }
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    for (const item of lane.items) {
      expect((await tx.delivery("ws_a", item.n))?.state).toBe(item.state);
      expect(item.times).toBe(item.state === "dead" ? 0 : 1);
    }
  }
}
