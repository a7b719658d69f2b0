import type { Clock, Log, Store } from "../ports.ts";
import type { Tokens } from "./tokens.ts";

const EVERY_MS = 1_000;

/**
 * Keeps the tokens' list of revoked ids fresh, so that a token revoked by any process dies within a second in this one.
 * Resolves once the list has been read for the first time; gives the way to stop.
 */
export async function watchRevocations(deps: {
  readonly store: Store;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly log: Log;
}): Promise<() => void> {
  const { store, tokens, clock, log } = deps;
  let running = false;
  const refresh = async () => tokens.setRevoked(await store.read.revokedTokenIds(clock()));
  await refresh();
  const timer = setInterval(() => {
    if (running) return;
    running = true;
    refresh()
      .catch((error: unknown) => log.warn("revocations_not_read", { error }))
      .finally(() => {
        running = false;
      });
  }, EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
