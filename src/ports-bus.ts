/** How processes on one store tell each other that there is news. */

/**
 * A hint: it may be lost, come twice or late, and says only where to look. Ids and times, never what somebody wrote
 * (reliability.md P17).
 */
export type Hint =
  /** Something was committed in these conversations. */
  | { readonly kind: "conversations"; readonly ids: readonly string[] }
  /** Something that a workspace's lists show was changed there. */
  | { readonly kind: "news"; readonly ids: readonly string[] }
  | { readonly kind: "tokens_revoked" }
  | { readonly kind: "connection_changed"; readonly connectionId: string }
  /** Its settings were mended: what was known against it is over. */
  | { readonly kind: "connection_mended"; readonly connectionId: string }
  | ({ readonly kind: "circuit"; readonly connectionId: string } & CircuitNews)
  /** Somebody came or went there. */
  | { readonly kind: "presence_changed"; readonly workspaceId: string; readonly connectionId: string }
  /** A webhook held a mark with this SHA-256. */
  | { readonly kind: "mark_heard"; readonly connectionId: string; readonly digest: string }
  /** Its helpdesk refuses to be asked before this (Unix time in milliseconds). */
  | { readonly kind: "quiet"; readonly connectionId: string; readonly until: number };

/** What one process found out about a connection. `until`: not to be called before (Unix time in milliseconds). */
export interface CircuitNews {
  readonly state: "down" | "limited" | "up";
  readonly cause: "transient" | "credentials";
  readonly until: number;
}

export interface Bus {
  /** Tells the other processes, not this one. Never throws; what cannot be told is dropped. */
  tell(hint: Hint): void;
  /** Calls back with what others told. Returns the way to stop. */
  listen(listener: (hint: Hint) => void): () => void;
}

/** Of one process, or of several that have nothing to speak over. */
export const noBus: Bus = { tell() {}, listen: () => () => {} };

/** Answers that processes share for a short while. Null, and dropped, while there is nothing to share them by. */
export interface SharedCache {
  get(key: string): Promise<string | null>;
  set(key: string, value: string, forMs: number): void;
  drop(key: string): void;
}

/** Counts what somebody does, in all processes together where they can count together. */
export interface Limiter {
  /** Counts one. Gives null when it is let through, else how many milliseconds to wait. */
  take(key: string): Promise<number | null>;
  /** Takes one back. */
  giveBack(key: string): Promise<void>;
}

/** @param limit.name tells limiters apart that count the same keys */
export type Limiters = (limit: { readonly name: string; readonly points: number; readonly seconds: number }) => Limiter;

/** Until when a connection's helpdesk refuses to be asked, in all processes. */
export interface Quiet {
  /** Unix time in milliseconds; 0 when nobody knows of any. */
  until(): number;
  tell(until: number): void;
}
