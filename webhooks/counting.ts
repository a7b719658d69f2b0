import { HandoffError } from "../src/domain/errors.ts";
import type { Metrics, WebhookOutcome } from "../src/ports-metrics.ts";

/** What is known of a webhook while it is being received. */
export interface Receiving {
  /** Null until it is known that there is such a door: a stranger's word is no label. */
  connector: string | null;
}

/** Receives a webhook and counts what became of it, which it gives. Rejects with what `work` rejects with. */
export async function counted(
  metrics: Pick<Metrics, "webhookReceived">,
  work: (receiving: Receiving) => Promise<WebhookOutcome>,
): Promise<WebhookOutcome> {
  const receiving: Receiving = { connector: null };
  let outcome: WebhookOutcome = "failed";
  try {
    outcome = await work(receiving);
    return outcome;
  } catch (error) {
    if (error instanceof HandoffError && error.status < 500) outcome = "refused";
    throw error;
  } finally {
    metrics.webhookReceived(receiving.connector, outcome);
  }
}
