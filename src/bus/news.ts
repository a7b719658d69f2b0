import type { Log, Store } from "../ports.ts";
import type { Bus } from "../ports-bus.ts";

const EVERY_MS = 1_000;
/** How many conversations, or workspaces, one question names. */
const MOST_AT_ONCE = 2_000;

export interface StoreNews {
  /** The same store; who listens for a conversation's commits, or for news of a workspace, hears of those of other processes too. */
  readonly store: Store;
  close(): void;
}

/**
 * Lets those who wait for news of a conversation (event streams, `Prefer: wait`) or of a workspace hear what other processes commit.
 *
 * The bus tells at once. As it may lose a hint, and may not be there at all, a store that several processes can share is also
 * asked every second: one question for all conversations that anybody waits for, and one for all workspaces.
 *
 * @param given.isShared whether other processes may write to the store
 */
export function shareNews(given: { store: Store; bus: Bus; log: Log; isShared: boolean; everyMs?: number }): StoreNews {
  const { store, bus, log, isShared } = given;
  const conversations = createWatch((ids) => store.read.lastEventSeqs(ids));
  const workspaces = createWatch((ids) => store.read.lastNews(ids));
  let isAsking = false;

  const stopStore = store.onCommitted((what) => {
    if (what.conversations.length > 0) {
      conversations.tell(what.conversations);
      bus.tell({ kind: "conversations", ids: what.conversations });
    }
    if (what.news.length > 0) {
      workspaces.tell(what.news);
      bus.tell({ kind: "news", ids: what.news });
    }
  });
  const stopBus = bus.listen((hint) => {
    if (hint.kind === "conversations") conversations.tell(hint.ids);
    else if (hint.kind === "news") workspaces.tell(hint.ids);
  });

  const timer = isShared ? setInterval(askUnlessBusy, given.everyMs ?? EVERY_MS) : null;
  timer?.unref();
  function askUnlessBusy(): void {
    if (isAsking || (conversations.isIdle() && workspaces.isIdle())) return;
    isAsking = true;
    Promise.all([conversations.ask(), workspaces.ask()])
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
        const told = { lanes: [], conversations: [conversationId], news: [] };
        return conversations.add(conversationId, () => listener(told));
      },
      onNews: (listener, workspaceId) => workspaces.add(workspaceId, listener),
    },
    close() {
      if (timer !== null) clearInterval(timer);
      stopStore();
      stopBus();
    },
  };
}

interface Watched {
  readonly listeners: Set<() => void>;
  /** Where it stood when the store was last asked; null before. */
  seen: number | null;
}

/** Things of one kind that somebody waits for. */
interface Watch {
  add(id: string, listener: () => void): () => void;
  tell(ids: readonly string[]): void;
  /** Asks the store, and tells of those that have moved on. */
  ask(): Promise<void>;
  isIdle(): boolean;
}

function createWatch(lastOf: (ids: readonly string[]) => Promise<ReadonlyMap<string, number>>): Watch {
  const watched = new Map<string, Watched>();

  function tell(ids: readonly string[]): void {
    for (const id of ids) for (const listener of watched.get(id)?.listeners ?? []) listener();
  }

  return {
    tell,
    isIdle: () => watched.size === 0,
    add(id, listener) {
      const entry = watched.get(id) ?? { listeners: new Set(), seen: null };
      watched.set(id, entry);
      // Of its own: one listener may listen twice.
      const own = () => listener();
      entry.listeners.add(own);
      return () => {
        entry.listeners.delete(own);
        if (entry.listeners.size === 0 && watched.get(id) === entry) watched.delete(id);
      };
    },
    async ask() {
      const ids = [...watched.keys()];
      for (let at = 0; at < ids.length; at += MOST_AT_ONCE) {
        const last = await lastOf(ids.slice(at, at + MOST_AT_ONCE));
        for (const [id, seq] of last) {
          const entry = watched.get(id);
          if (entry === undefined || entry.seen === seq) continue;
          entry.seen = seq;
          tell([id]);
        }
      }
    },
  };
}
