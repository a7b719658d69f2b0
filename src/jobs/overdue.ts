import type { Handoff } from "../domain/handoff.ts";
import type { Clock, Duties, Log } from "../ports.ts";
import { createFairPool, freeTrial } from "./fair-pool.ts";
import { createPatience } from "./patience.ts";
import type { JobsTiming } from "./timing.ts";

export interface Overdue {
  /** Handoffs of which a limit has passed. */
  found(handoffs: readonly Handoff[]): void;
  /** How many of them the store names again and again although nothing can be done now. */
  stuck(): number;
  close(): Promise<void>;
}

const AT_ONCE = 8;

/** Acts on handoffs whose accept, open or idle limit has passed. What fails is tried again after a while that grows. */
export function createOverdue(deps: {
  clock: Clock;
  log: Log;
  duties: Duties;
  timing: JobsTiming;
  random: () => number;
}): Overdue {
  const bounds = { baseMs: deps.timing.retryMs, capMs: deps.timing.retryCapMs };
  const patience = createPatience({ clock: deps.clock, bounds, random: deps.random });
  const pool = createFairPool<Handoff>({
    overall: AT_ONCE,
    perGroup: AT_ONCE,
    waitingPerGroup: deps.timing.waitingPerGroup,
    enter: () => freeTrial,
    async work(id, handoff) {
      try {
        await deps.duties.overdue(handoff);
        patience.succeeded(id);
      } catch (error) {
        patience.failed(id);
        deps.log.error("overdue_not_handled", { workspaceId: handoff.workspaceId, handoffId: id, error });
      }
      return "rest";
    },
  });
  return {
    found(handoffs) {
      for (const handoff of handoffs) {
        if (!patience.isWaiting(handoff.id)) pool.add("all", handoff.id, handoff);
      }
      pool.pump();
    },
    stuck: () => patience.size() + pool.waiting(),
    close: () => pool.close(),
  };
}
