import { DeliveryError } from "../src/domain/delivery.ts";
import type { Effect } from "../src/ports.ts";

/** The steps of one effect: each is done once over all attempts, and kept before the next begins. */
export interface Steps {
  /** True when an attempt before may have done steps that were not kept. */
  readonly mayHaveHappened: boolean;
  /** What a step reached in this or an earlier attempt; null when it was not done, or was taken back. */
  reached(name: string): string | null;
  /** Keeps what several steps reached, all or none of it. An empty text takes a step back. */
  keep(reached: Readonly<Record<string, string>>): Promise<void>;
  /** Does the step unless it was done, and keeps what it reached. */
  once(name: string, act: () => Promise<string>): Promise<string>;
  /** Our key for a record that a step makes. */
  keyOf(name: string): string;
  /**
   * Looks whether a step was done. When that fails after an attempt that may have done it, the error says so: the next attempt
   * has to look again.
   */
  lookBack<T>(look: () => Promise<T>): Promise<T>;
}

export function stepsOf(effect: Effect): Steps {
  const all = new Map(Object.entries(effect.progress));
  const reached = (name: string): string | null => all.get(name) || null;
  async function keep(patch: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, value] of Object.entries(patch)) all.set(name, value);
    await effect.saveProgress(patch);
  }
  return {
    mayHaveHappened: effect.mayHaveHappened,
    reached,
    keep,
    async once(name, act) {
      const before = reached(name);
      if (before !== null) return before;
      const value = await act();
      await keep({ [name]: value });
      return value;
    },
    keyOf: (name) => `${effect.key}/${name}`,
    async lookBack(look) {
      try {
        return await look();
      } catch (error) {
        if (!effect.mayHaveHappened || !(error instanceof DeliveryError) || error.ambiguous) throw error;
        const { kind, message, retryAfterSeconds } = error;
        throw new DeliveryError(kind, message, { ambiguous: true, retryAfterSeconds, cause: error });
      }
    },
  };
}
