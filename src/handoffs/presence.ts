import type { Destination } from "../domain/settings.ts";
import type { Clock, Log } from "../ports.ts";
import { noBus } from "../ports-bus.ts";
import type { Bus, SharedCache } from "../ports-bus.ts";
import type { Connectors } from "./deps.ts";

/** How long an answer is taken as true, and how long an old one may still serve while a new one is asked for. */
const FRESH_MS = 5_000;
const USABLE_MS = 60_000;
/** Longest time a visitor's request waits for a helpdesk that is slow to say who is there. */
const PATIENCE_MS = 800;
const KEPT = 5_000;
/** News that comes in a burst (a shift begins) is one question: the helpdesk limits how often it is asked, messages included. */
const NEWS_MS = 1_000;

export interface Presence {
  /** Agents online for the destination; null when nobody can say in time. Never throws. */
  online(workspaceId: string, destination: Destination): Promise<number | null>;
  /** Somebody came or went there: what is known is out of date. Asks anew in the background, where anybody has wanted to know of late. */
  changed(workspaceId: string, connectionId: string): void;
}

interface Known {
  readonly workspaceId: string;
  readonly destination: Destination;
  count: number | null;
  at: number;
  asking: Promise<number | null> | null;
  /** When somebody last wanted to know, in milliseconds. */
  wantedAt: number;
  /** Asking anew because of news is about to happen. */
  isDue: boolean;
  /** Counts the news: what was asked before the latest is no answer to it. */
  news: number;
}

/** What a helpdesk said, and when, in milliseconds. */
interface Count {
  readonly count: number | null;
  readonly at: number;
}

/**
 * Asks a helpdesk at most every few seconds for each destination, whatever the number of requests; with a cache, whatever the
 * number of processes.
 */
export function createPresence(deps: {
  connectors: Connectors;
  clock: Clock;
  log: Log;
  bus?: Bus;
  cache?: SharedCache | null;
}): Presence {
  const { bus = noBus, cache = null } = deps;
  const known = new Map<string, Known>();
  bus.listen((hint) => {
    if (hint.kind === "presence_changed") outdate(hint.workspaceId, hint.connectionId);
  });

  async function ask(workspaceId: string, destination: Destination): Promise<number | null> {
    const connector = await deps.connectors.get(workspaceId, destination.id);
    return connector === null ? 0 : await connector.presence(destination);
  }

  /** What another process was told a moment ago, else what the helpdesk says. */
  async function countOf(entry: Known): Promise<Count> {
    const { workspaceId, destination, news } = entry;
    const key = cacheKeyOf(entry);
    const now = deps.clock().getTime();
    const shared = cache === null ? null : countIn(await cache.get(key));
    if (shared !== null && shared.at <= now && now - shared.at < FRESH_MS) return shared;
    const count = await ask(workspaceId, destination);
    const at = deps.clock().getTime();
    if (entry.news === news) cache?.set(key, JSON.stringify({ count, at }), FRESH_MS);
    return { count, at };
  }

  function refresh(entry: Known): Promise<number | null> {
    const { workspaceId, destination, news } = entry;
    entry.asking ??= countOf(entry)
      .then(({ count, at }) => {
        entry.count = count;
        if (entry.news === news) entry.at = at;
        return count;
      })
      .catch((error: unknown) => {
        deps.log.warn("presence_unknown", { workspaceId, connectionId: destination.id, error });
        return null;
      })
      .finally(() => {
        entry.asking = null;
      });
    return entry.asking;
  }

  function askSoon(entry: Known): void {
    entry.isDue = true;
    setTimeout(() => {
      entry.isDue = false;
      // What is being asked was asked before the change: its answer may already be out of date.
      void (entry.asking ?? Promise.resolve(null)).then(() => (entry.at < 0 ? refresh(entry) : null));
    }, NEWS_MS).unref();
  }

  function outdate(workspaceId: string, connectionId: string): void {
    for (const entry of known.values()) {
      if (entry.workspaceId !== workspaceId || entry.destination.id !== connectionId) continue;
      entry.at = -USABLE_MS;
      entry.news += 1;
      cache?.drop(cacheKeyOf(entry));
      if (!entry.isDue && deps.clock().getTime() - entry.wantedAt < USABLE_MS) askSoon(entry);
    }
  }

  return {
    async online(workspaceId, destination) {
      // Who is at Baton's own inbox is one indexed count: no need for an answer that is seconds old.
      if (deps.connectors.isLocal(destination.id)) return await ask(workspaceId, destination);
      const key = `${workspaceId} ${destination.id} ${destination.team ?? ""}`;
      const entry = known.get(key) ?? unknown(workspaceId, destination);
      entry.wantedAt = deps.clock().getTime();
      if (known.size >= KEPT) known.clear();
      known.set(key, entry);
      const age = deps.clock().getTime() - entry.at;
      if (age < FRESH_MS) return entry.count;
      const answer = refresh(entry);
      if (age < USABLE_MS) return entry.count;
      return await Promise.race([answer, afterPatience()]);
    },
    changed(workspaceId, connectionId) {
      outdate(workspaceId, connectionId);
      bus.tell({ kind: "presence_changed", workspaceId, connectionId });
    },
  };
}

const cacheKeyOf = ({ workspaceId, destination }: Known): string =>
  `presence:${workspaceId}:${destination.id}:${destination.team ?? ""}`;

function countIn(text: string | null): Count | null {
  const { count, at } = (text === null ? {} : JSON.parse(text)) as { count?: unknown; at?: unknown };
  return typeof at === "number" && (typeof count === "number" || count === null) ? { count, at } : null;
}

const unknown = (workspaceId: string, destination: Destination): Known => ({
  workspaceId,
  destination,
  count: null,
  at: -USABLE_MS,
  asking: null,
  wantedAt: 0,
  isDue: false,
  news: 0,
});

async function afterPatience(): Promise<null> {
  return await new Promise((resolve) => {
    setTimeout(() => resolve(null), PATIENCE_MS).unref();
  });
}
