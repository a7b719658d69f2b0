import { AsyncLocalStorage } from "node:async_hooks";

/** What a piece of work was begun by: known to everything that happens because of it, without being handed through. */
interface RequestScope {
  readonly requestId: string | null;
}

const scopes = new AsyncLocalStorage<RequestScope>();

/** Runs `work`, and all that it sets going, in the name of this request; null: in nobody's. Gives what `work` gives. */
export function inRequest<Result>(requestId: string | null, work: () => Result): Result {
  return scopes.run({ requestId }, work);
}

/** The request that the running code works for; null where it works for none, as the clockwork does. */
export function currentRequestId(): string | null {
  return scopes.getStore()?.requestId ?? null;
}

/**
 * `work` as it would run if it were called right here, whoever calls it later: for what waits in a line that is drained by
 * somebody else's request.
 */
export function bound<Work extends (...given: never[]) => unknown>(work: Work): Work {
  return AsyncLocalStorage.bind(work);
}
