/** What one process knows of conversations from having written in them. Bounded: what is forgotten is read again. */
export interface Memory {
  /**
   * The id of the newest message of ours, when the one sent just before `seq` was sent by this process: nothing of ours can have
   * come in between. Null otherwise, since another process may have sent what lies between, in the same words.
   */
  newestBefore(conversationId: string, seq: number): string | null;
  /** @param seq of the visitor's message up to which everything has been sent; null when that cannot be said */
  sent(conversationId: string, messageId: string, seq: number | null): void;
  /** The handoff that a conversation was made for by this process. */
  ownerOf(conversationId: string): string | null;
  owns(conversationId: string, handoffId: string): void;
}

const MOST_CONVERSATIONS = 5_000;

export function createMemory(): Memory {
  const newest = bounded<{ readonly messageId: string; readonly seq: number | null }>();
  const owners = bounded<string>();
  return {
    newestBefore(conversationId, seq) {
      const known = newest.get(conversationId);
      return known?.seq === seq - 1 ? known.messageId : null;
    },
    sent: (conversationId, messageId, seq) => newest.set(conversationId, { messageId, seq }),
    ownerOf: (conversationId) => owners.get(conversationId) ?? null,
    owns: (conversationId, handoffId) => owners.set(conversationId, handoffId),
  };
}

/** A map that forgets what was set longest ago. */
function bounded<T>() {
  const kept = new Map<string, T>();
  return {
    get: (key: string): T | undefined => kept.get(key),
    set(key: string, value: T): void {
      kept.delete(key);
      kept.set(key, value);
      if (kept.size <= MOST_CONVERSATIONS) return;
      for (const oldest of kept.keys()) {
        kept.delete(oldest);
        return;
      }
    },
  };
}
