import { AsyncLocalStorage } from "node:async_hooks";

/** Whether the running code may still act: what it works on is its own for a limited time only. */
const scopes = new AsyncLocalStorage<() => boolean>();

/** Runs `work`, and all that it sets going, for as long as `isHeld` says so. Gives what `work` gives. */
export function underLease<Result>(isHeld: () => boolean, work: () => Result): Result {
  return scopes.run(isHeld, work);
}

/** False when the running code has stood still for longer than it may: somebody else may have taken its work on. */
export const leaseIsHeld = (): boolean => scopes.getStore()?.() ?? true;
