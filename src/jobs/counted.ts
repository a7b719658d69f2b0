import { DeliveryError } from "../domain/delivery.ts";
import type { Duties } from "../ports.ts";
import type { Metrics, WorkOutcome } from "../ports-metrics.ts";

/** The same duties, with each attempt, look and webhook counted by how it ended. */
export function countDuties(duties: Duties, metrics: Metrics): Duties {
  return {
    ...duties,
    async perform(delivery, effect) {
      const startedAt = performance.now();
      return await counted(
        () => duties.perform(delivery, effect),
        (outcome) => metrics.attemptEnded(delivery.kind, outcome, (performance.now() - startedAt) / 1000),
      );
    },
    look: (workspaceId, handoffId) =>
      counted(
        () => duties.look(workspaceId, handoffId),
        (outcome) => metrics.looked(outcome),
      ),
    webhook: (row) =>
      counted(
        () => duties.webhook(row),
        (outcome) => metrics.webhookWorked(outcome),
      ),
  };
}

async function counted<Result>(work: () => Promise<Result>, ended: (outcome: WorkOutcome) => void): Promise<Result> {
  try {
    const result = await work();
    ended("done");
    return result;
  } catch (error) {
    ended(error instanceof DeliveryError ? error.kind : "fault");
    throw error;
  }
}
