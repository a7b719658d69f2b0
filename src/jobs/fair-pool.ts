import type { Trial } from "./circuit.ts";

/** The place of one running job. */
export interface Slot {
  readonly group: string;
  readonly trial: Trial;
  /** Goes on in another group, when its work turns out to belong there. False when there is no room: end the work. */
  moveTo(group: string): boolean;
}

export interface FairPool<Item> {
  /**
   * Puts a job in line. One that waits already stays where it is; one that runs is run once more afterwards. False when the
   * group's line is full: the store still knows it.
   */
  add(group: string, key: string, item: Item): boolean;
  has(key: string): boolean;
  /** Starts what may start. */
  pump(): void;
  running(): number;
  waiting(): number;
  waitingIn(group: string): number;
  /** Drops what waits and takes nothing more. Resolves when what runs has ended. */
  close(): Promise<void>;
}

export interface FairPoolSettings<Item> {
  /** Jobs at once, over all groups. A group with none running may start one all the same: no group waits for others. */
  readonly overall: number;
  readonly perGroup: number;
  readonly waitingPerGroup: number;
  /** Leave to start in this group; null: not now. */
  enter(group: string): Trial | null;
  /** Must not reject. "rest": do not run it again although it was asked for meanwhile. */
  work(key: string, item: Item, slot: Slot): Promise<"rest" | "done">;
}

/**
 * Runs jobs by key, each at most once at a time, taking turns between groups, so that a slow group keeps nobody else
 * waiting (reliability.md P12).
 */
export function createFairPool<Item>(settings: FairPoolSettings<Item>): FairPool<Item> {
  const lines = new Map<string, Map<string, Item>>();
  const groupOfWaiting = new Map<string, string>();
  const running = new Map<string, { again: { group: string; item: Item } | null }>();
  const busy = new Map<string, number>();
  let isClosed = false;
  let whenIdle: (() => void)[] = [];

  const busyIn = (group: string) => busy.get(group) ?? 0;
  const count = (group: string, by: 1 | -1) => {
    const sum = busyIn(group) + by;
    if (sum === 0) busy.delete(group);
    else busy.set(group, sum);
  };
  const hasRoom = (group: string, others: number) =>
    busyIn(group) === 0 || (others < settings.overall && busyIn(group) < settings.perGroup);

  function occupy(group: string): { slot: Slot; leave(): void } | null {
    if (!hasRoom(group, running.size)) return null;
    const first = settings.enter(group);
    if (first === null) return null;
    let at = { group, trial: first };
    count(group, 1);
    const leave = () => {
      at.trial.leave();
      count(at.group, -1);
    };
    const slot: Slot = {
      get group() {
        return at.group;
      },
      get trial() {
        return at.trial;
      },
      moveTo(to) {
        if (to === at.group) return true;
        const trial = hasRoom(to, running.size - 1) ? settings.enter(to) : null;
        if (trial === null) return false;
        leave();
        at = { group: to, trial };
        count(to, 1);
        return true;
      },
    };
    return { slot, leave };
  }

  function start(key: string, item: Item, place: { slot: Slot; leave(): void }): void {
    const state: { again: { group: string; item: Item } | null } = { again: null };
    running.set(key, state);
    const ended = (how: "rest" | "done") => {
      place.leave();
      running.delete(key);
      if (how === "done" && state.again !== null) add(state.again.group, key, state.again.item);
      pump();
      if (running.size > 0) return;
      for (const resolve of whenIdle) resolve();
      whenIdle = [];
    };
    void settings.work(key, item, place.slot).then(ended, () => ended("done"));
  }

  /** Starts the first of a group's line, if it may start now. */
  function startFirst(group: string): void {
    const line = lines.get(group);
    const [first] = line ?? [];
    if (line === undefined || first === undefined) return;
    const place = occupy(group);
    if (place === null) return;
    const [key, item] = first;
    line.delete(key);
    groupOfWaiting.delete(key);
    lines.delete(group);
    if (line.size > 0) lines.set(group, line);
    start(key, item, place);
  }

  function pump(): void {
    if (isClosed) return;
    // A group that starts one goes to the end and is met again there, until none can start another.
    for (const group of lines.keys()) startFirst(group);
  }

  function add(group: string, key: string, item: Item): boolean {
    if (isClosed) return false;
    const now = running.get(key);
    if (now !== undefined) {
      now.again = { group, item };
      return true;
    }
    if (groupOfWaiting.has(key)) return true;
    const line = lines.get(group) ?? new Map<string, Item>();
    if (line.size >= settings.waitingPerGroup) return false;
    line.set(key, item);
    lines.set(group, line);
    groupOfWaiting.set(key, group);
    return true;
  }

  return {
    add,
    has: (key) => running.has(key) || groupOfWaiting.has(key),
    pump,
    running: () => running.size,
    waiting: () => groupOfWaiting.size,
    waitingIn: (group) => lines.get(group)?.size ?? 0,
    close() {
      isClosed = true;
      lines.clear();
      groupOfWaiting.clear();
      return running.size === 0 ? Promise.resolve() : new Promise((resolve) => whenIdle.push(resolve));
    },
  };
}

/** Leave that is always given and tells nobody anything. */
export const freeTrial: Trial = { succeeded() {}, failed() {}, leave() {} };
