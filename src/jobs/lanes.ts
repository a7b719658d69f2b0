import type { DueLane } from "../ports-store.ts";
import type { Alarms } from "./alarms.ts";
import { createFairPool } from "./fair-pool.ts";
import type { Slot } from "./fair-pool.ts";
import { runLane } from "./lane-runner.ts";
import type { LaneRunnerDeps } from "./lane-runner.ts";

export interface Lanes {
  /** Something may be due in this lane. */
  wake(lane: string): void;
  /** What the store says is due. Gives how many of them were news. */
  found(due: readonly DueLane[]): number;
  pump(): void;
  running(): number;
  waiting(): number;
  /** Connections whose line here is so full that the store need not name more of them. */
  crowded(): string[];
  close(): Promise<void>;
}

/** How many lanes' groups are remembered, so that a wake-up by name alone joins the right line. */
const MOST_REMEMBERED = 20_000;

/** The lines of lanes that wait to be run, and the running of them. */
export function createLanes(
  deps: LaneRunnerDeps & { alarms: Alarms; later?: (lane: string, wait: number) => Promise<boolean> },
): Lanes {
  const { circuits, timing, alarms } = deps;
  const groups = new Map<string, string>();
  const crowded = new Set<string>();
  const pool = createFairPool<null>({
    overall: timing.lanes,
    perGroup: timing.lanesPerGroup,
    waitingPerGroup: timing.waitingPerGroup,
    enter: (group) => circuits.enter(group),
    work: (lane, _item, slot) => work(lane, slot),
  });
  const later = (run: () => void) => deps.scheduler.soon(run);
  let isPumpDue = false;

  function pumpSoon(): void {
    if (isPumpDue) return;
    isPumpDue = true;
    later(() => {
      isPumpDue = false;
      pool.pump();
    });
  }

  function add(lane: string, group: string): boolean {
    if (pool.has(lane)) return pool.add(group, lane, null);
    // What is paused stays in the store: the sweep after the pause finds it.
    if (circuits.waitsUntil(group) !== null) return false;
    if (pool.add(group, lane, null)) return true;
    crowded.add(group);
    return false;
  }

  function remember(lane: string, group: string): void {
    if (groups.size >= MOST_REMEMBERED) groups.delete(groups.keys().next().value ?? "");
    groups.set(lane, group);
  }

  // A lane's name begins with the id of its connection, or the word for what it carries, until its deliveries tell.
  const groupOf = (lane: string) => groups.get(lane) ?? lane.slice(0, Math.max(lane.indexOf(":"), 0));

  async function work(lane: string, slot: Slot): Promise<"done"> {
    const end = await runLane(deps, lane, slot);
    if (end.end === "elsewhere") {
      remember(lane, end.group);
      later(() => wake(lane));
      return "done";
    }
    if (slot.group !== groupOf(lane)) remember(lane, slot.group);
    if (end.end === "waits") await wakeAt(lane, end.until);
    return "done";
  }

  async function wakeAt(lane: string, until: Date): Promise<void> {
    // A millisecond more: clocks and timers may be a little apart.
    const wait = Math.max(0, until.getTime() - deps.clock().getTime()) + 1;
    if ((await deps.later?.(lane, wait)) || deps.isStopping()) return;
    alarms.set(`lane ${lane}`, until, () => wake(lane));
  }

  function wake(lane: string): void {
    if (add(lane, groupOf(lane))) pumpSoon();
  }

  return {
    wake,
    found(due) {
      let fresh = 0;
      for (const { lane, connectionId } of due) {
        if (!pool.has(lane) && add(lane, connectionId ?? groupOf(lane))) fresh += 1;
      }
      pool.pump();
      return fresh;
    },
    pump: () => pool.pump(),
    running: () => pool.running(),
    waiting: () => pool.waiting(),
    crowded() {
      for (const group of crowded) if (pool.waitingIn(group) < timing.waitingPerGroup / 2) crowded.delete(group);
      return [...crowded];
    },
    close: () => pool.close(),
  };
}
