import type { Effect } from "../../src/ports.ts";

/** The record of one effect over several attempts, as the store keeps it. */
export function ledger(key: string) {
  const progress: Record<string, string> = {};
  return {
    progress,
    /** One attempt. `mayHaveHappened` as the worker tells it after a time-out or a crash. */
    attempt: ({ mayHaveHappened = false } = {}): Effect => ({
      key,
      mayHaveHappened,
      progress: { ...progress },
      saveProgress: (patch) => {
        Object.assign(progress, patch);
        return Promise.resolve();
      },
    }),
  };
}
