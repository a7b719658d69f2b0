import { DeliveryError } from "../src/domain/delivery.ts";
import type { Effect } from "../src/ports.ts";

/** The steps of one effect: each is done once over all attempts, and kept before the next begins. */
export interface Steps {
  /** True when an attempt before may have done steps that were not kept. */
  readonly mayHaveHappened: boolean;
  /** What a step reached in this or an earlier attempt. */
  reached(name: string): string | null;
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
  const reached = new Map(Object.entries(effect.progress));
  return {
    mayHaveHappened: effect.mayHaveHappened,
    reached: (name) => reached.get(name) ?? null,
    async once(name, act) {
      const before = reached.get(name);
      if (before !== undefined) return before;
      const value = await act();
      reached.set(name, value);
      await effect.saveProgress({ [name]: value });
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
