import type { Log, Store } from "../ports.ts";
import type { Bus } from "../ports-bus.ts";
import type { Committed } from "../ports-store.ts";

const EVERY_MS = 1_000;
/** How many conversations one question names. */
const MOST_AT_ONCE = 2_000;

export interface StoreNews {
  /** The same store; who listens for a conversation's commits hears of those of other processes too. */
  readonly store: Store;
  close(): void;
}

interface Watched {
  readonly listeners: Set<(what: Committed) => void>;
  /** Number of its last event when the store was last asked; null before. */
  seen: number | null;
}

/**
 * Lets those who wait for news of a conversation (event streams, `Prefer: wait`) hear what other processes commit.
 *
 * The bus tells at once. As it may lose a hint, and may not be there at all, a store that several processes can share is also
 * asked every second: one question for all conversations that anybody waits for.
 *
 * @param given.isShared whether other processes may write to the store
 */
export function shareNews(given: { store: Store; bus: Bus; log: Log; isShared: boolean; everyMs?: number }): StoreNews {
  const { store, bus, log, isShared } = given;
  const watched = new Map<string, Watched>();
  let isAsking = false;

  function tell(ids: readonly string[]): void {
    for (const id of ids)
      for (const listener of watched.get(id)?.listeners ?? []) listener({ lanes: [], conversations: [id] });
  }

  const stopStore = store.onCommitted(({ conversations }) => {
    if (conversations.length === 0) return;
    tell(conversations);
    bus.tell({ kind: "conversations", ids: conversations });
  });
  const stopBus = bus.listen((hint) => {
    if (hint.kind === "conversations") tell(hint.ids);
  });

  async function ask(): Promise<void> {
    const ids = [...watched.keys()];
    for (let at = 0; at < ids.length; at += MOST_AT_ONCE) {
      const seqs = await store.read.lastEventSeqs(ids.slice(at, at + MOST_AT_ONCE));
      for (const [id, seq] of seqs) {
        const entry = watched.get(id);
        if (entry === undefined || entry.seen === seq) continue;
        entry.seen = seq;
        tell([id]);
      }
    }
  }
  const timer = isShared ? setInterval(askUnlessBusy, given.everyMs ?? EVERY_MS) : null;
  timer?.unref();
  function askUnlessBusy(): void {
    if (isAsking || watched.size === 0) return;
    isAsking = true;
    ask()
      .catch((error: unknown) => log.warn("news_not_read", { error }))
      .finally(() => {
        isAsking = false;
      });
  }

  return {
    store: {
      ...store,
      onCommitted(listener, conversationId) {
        if (conversationId === undefined) return store.onCommitted(listener);
        const entry = watched.get(conversationId) ?? { listeners: new Set(), seen: null };
        watched.set(conversationId, entry);
        entry.listeners.add(listener);
        return () => {
          entry.listeners.delete(listener);
          if (entry.listeners.size === 0 && watched.get(conversationId) === entry) watched.delete(conversationId);
        };
      },
    },
    close() {
      if (timer !== null) clearInterval(timer);
      stopStore();
      stopBus();
    },
  };
}
