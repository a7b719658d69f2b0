import { DeliveryError } from "../domain/delivery.ts";
import type { Handoff } from "../domain/handoff.ts";
import type { Clock, Duties, Log, Store } from "../ports.ts";
import type { Alarms } from "./alarms.ts";
import type { ConnectionCircuits } from "./circuit.ts";
import { createFairPool } from "./fair-pool.ts";
import type { Slot } from "./fair-pool.ts";
import { createPatience } from "./patience.ts";
import type { JobsTiming } from "./timing.ts";
import type { Turns } from "./turns.ts";
import { retryAfterMs } from "./verdict.ts";

export interface LooksDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly duties: Duties;
  readonly timing: JobsTiming;
  readonly random: () => number;
  readonly circuits: ConnectionCircuits;
  readonly alarms: Alarms;
  readonly turns: Turns;
}

/** How soon a look that was asked for is tried again while another process looks: that one may have begun before the news. */
const ELSEWHERE_MS = 250;

export interface Looks {
  /** There may be news. Resolves when it is in line; never rejects. */
  wake(workspaceId: string, handoffId: string): Promise<void>;
  /** Handoffs that are due for a look. */
  found(handoffs: readonly Handoff[]): void;
  pump(): void;
  running(): number;
  waiting(): number;
  close(): Promise<void>;
}

interface Wanted {
  readonly workspaceId: string;
  /** There is news; else it is only due. */
  readonly isAskedFor: boolean;
}

/**
 * Looks at helpdesks' conversations: one at a time for each handoff, however often it is asked for, and again when it was
 * asked for meanwhile. A look that fails is made again after a while that grows; the handoff's own time for the next look
 * is moved there too, so that those which fail do not crowd out the others.
 */
export function createLooks(deps: LooksDeps): Looks {
  const { store, log, duties, timing, circuits } = deps;
  const bounds = { baseMs: timing.retryMs, capMs: timing.retryCapMs };
  const patience = createPatience({ clock: deps.clock, bounds, random: deps.random });
  const pool = createFairPool<Wanted>({
    overall: timing.looks,
    perGroup: timing.looksPerGroup,
    waitingPerGroup: timing.waitingPerGroup,
    enter: (group) => circuits.enter(group, { decides: false }),
    work: (handoffId, wanted, slot) => inTurn(handoffId, wanted, slot),
  });

  async function inTurn(handoffId: string, wanted: Wanted, slot: Slot): Promise<"rest" | "done"> {
    const { workspaceId } = wanted;
    if (!(await deps.turns.take(`look:${handoffId}`))) {
      // What is only due stays due until it was looked at: the next sweep finds it.
      if (wanted.isAskedFor) lookLater(workspaceId, handoffId, new Date(deps.clock().getTime() + ELSEWHERE_MS));
      return "rest";
    }
    try {
      return await look(workspaceId, handoffId, slot);
    } finally {
      deps.turns.end(`look:${handoffId}`, true);
    }
  }

  const lookLater = (workspaceId: string, handoffId: string, at: Date) =>
    deps.alarms.set(`look ${handoffId}`, at, () => void wake(workspaceId, handoffId));

  async function look(workspaceId: string, handoffId: string, slot: Slot): Promise<"rest" | "done"> {
    try {
      await duties.look(workspaceId, handoffId);
      slot.trial.succeeded();
      patience.succeeded(handoffId);
      return "done";
    } catch (error) {
      log.warn("look_failed", { workspaceId, handoffId, connectionId: slot.group, error });
      const asked = error instanceof DeliveryError ? retryAfterMs(error, timing) : null;
      if (error instanceof DeliveryError)
        slot.trial.failed({ kind: error.kind, message: error.message, retryAfterMs: asked });
      const again = patience.failed(handoffId, asked ?? 0);
      lookLater(workspaceId, handoffId, again);
      await putOff(workspaceId, handoffId, again);
      return "rest";
    }
  }

  async function putOff(workspaceId: string, handoffId: string, at: Date): Promise<void> {
    try {
      await store.write(async (tx) => {
        const handoff = await tx.handoff(workspaceId, handoffId);
        if (handoff !== null && handoff.endedAt === null) await tx.scheduleLook(workspaceId, handoffId, at);
      });
    } catch (error) {
      log.warn("look_not_put_off", { workspaceId, handoffId, error });
    }
  }

  function add(wanted: Wanted, handoffId: string, destinationId: string | undefined): void {
    if (destinationId === undefined || patience.isWaiting(handoffId)) return;
    pool.add(destinationId, handoffId, wanted);
  }

  async function wake(workspaceId: string, handoffId: string): Promise<void> {
    try {
      const handoff = await store.read.handoff(workspaceId, handoffId);
      add({ workspaceId, isAskedFor: true }, handoffId, handoff?.destination?.id);
      pool.pump();
    } catch (error) {
      log.error("look_not_begun", { workspaceId, handoffId, error });
    }
  }

  return {
    wake,
    found(handoffs) {
      for (const handoff of handoffs) {
        // One that runs has been due for as long as it runs: that is no reason to look twice.
        if (!pool.has(handoff.id))
          add({ workspaceId: handoff.workspaceId, isAskedFor: false }, handoff.id, handoff.destination?.id);
      }
      pool.pump();
    },
    pump: () => pool.pump(),
    running: () => pool.running(),
    waiting: () => pool.waiting(),
    close: () => pool.close(),
  };
}
