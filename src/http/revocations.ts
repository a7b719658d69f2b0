import type { Clock, Log, Store } from "../ports.ts";
import type { Tokens } from "./tokens.ts";

const EVERY_MS = 1_000;

export interface RevocationWatch {
  /** Somebody says that there are more of them. */
  look(): void;
  stop(): void;
}

/**
 * Keeps the tokens' list of revoked ids fresh, so that a token revoked by any process dies within a second in this one.
 * Resolves once the list has been read for the first time.
 */
export async function watchRevocations(deps: {
  readonly store: Store;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly log: Log;
}): Promise<RevocationWatch> {
  const { store, tokens, clock, log } = deps;
  let running = false;
  let isMore = false;
  const refresh = async () => tokens.setRevoked(await store.read.revokedTokenIds(clock()));
  await refresh();
  function look(): void {
    isMore = running;
    if (running) return;
    running = true;
    refresh()
      .catch((error: unknown) => log.warn("revocations_not_read", { error }))
      .finally(() => {
        running = false;
        if (isMore) look();
      });
  }
  const timer = setInterval(look, EVERY_MS);
  timer.unref();
  return { look, stop: () => clearInterval(timer) };
}
