import { hash } from "node:crypto";
import { noBus } from "../ports-bus.ts";
import type { Bus } from "../ports-bus.ts";

/**
 * Who waits for a word of their own to come back by webhook: the proof that a helpdesk reaches us, signed as it should be.
 *
 * Another process may be the one that is reached: it tells the digests of the marks that it heard, and nothing else of what
 * came. Where processes cannot speak to each other, an install may say that nothing was heard, and does no other harm.
 */
export interface Marks {
  /** Listens to a connection from now on, until `stop`. */
  listen(connectionId: string): Listening;
  /** A webhook of the connection has come in, and was verified. */
  heard(connectionId: string, body: string): void;
}

export interface Listening {
  /** True as soon as a webhook since `listen` has held the mark; false after `withinMs`, or once `stop` was called. */
  heard(mark: string, withinMs: number): Promise<boolean>;
  stop(): void;
}

/** What came before anybody asked for it: the answer to a request and the webhook that it causes overtake each other. */
const MOST_KEPT = 50;
const MOST_KEPT_CHARACTERS = 1_000_000;

/** How marks look: nothing else of a webhook is told to other processes. */
const MARK = /\bbaton-proof-[0-9a-f]{24}\b/g;
const MOST_TOLD = 5;

const digestOf = (mark: string): string => hash("sha256", mark, "base64url");

export function createMarks(bus: Bus = noBus): Marks {
  const listening = new Map<string, Set<Listener>>();
  bus.listen((hint) => {
    if (hint.kind !== "mark_heard") return;
    for (const listener of listening.get(hint.connectionId) ?? []) listener.takeDigest(hint.digest);
  });
  return {
    listen(connectionId) {
      const listener = createListener();
      const others = listening.get(connectionId) ?? new Set();
      listening.set(connectionId, others.add(listener));
      return {
        heard: (mark, withinMs) => listener.wait(mark, withinMs),
        stop() {
          others.delete(listener);
          if (others.size === 0 && listening.get(connectionId) === others) listening.delete(connectionId);
          listener.stop();
        },
      };
    },
    heard(connectionId, body) {
      for (const listener of listening.get(connectionId) ?? []) listener.take(body);
      for (const mark of [...new Set(body.match(MARK))].slice(0, MOST_TOLD))
        bus.tell({ kind: "mark_heard", connectionId, digest: digestOf(mark) });
    },
  };
}

interface Listener {
  wait(mark: string, withinMs: number): Promise<boolean>;
  take(body: string): void;
  /** Another process has heard a mark of this digest. */
  takeDigest(digest: string): void;
  stop(): void;
}

function createListener(): Listener {
  const waiting = new Map<(isHeard: boolean) => void, string>();
  let kept: string[] = [];
  let digests: string[] = [];
  let isStopped = false;
  return {
    wait(mark, withinMs) {
      if (kept.some((body) => body.includes(mark)) || digests.includes(digestOf(mark))) return Promise.resolve(true);
      if (isStopped) return Promise.resolve(false);
      return new Promise((resolve) => {
        const timer = setTimeout(() => answer(false), withinMs);
        const answer = (isHeard: boolean): void => {
          clearTimeout(timer);
          waiting.delete(answer);
          resolve(isHeard);
        };
        waiting.set(answer, mark);
      });
    },
    take(body) {
      for (const [answer, mark] of waiting) if (body.includes(mark)) answer(true);
      kept = newest([...kept, body]);
    },
    takeDigest(digest) {
      for (const [answer, mark] of waiting) if (digestOf(mark) === digest) answer(true);
      digests = [...digests, digest].slice(-MOST_KEPT);
    },
    stop() {
      isStopped = true;
      kept = [];
      for (const answer of waiting.keys()) answer(false);
    },
  };
}

/** The newest bodies that may be kept. A busy account tells us of everything that happens in it. */
function newest(bodies: readonly string[]): string[] {
  let left = MOST_KEPT_CHARACTERS;
  const from = bodies.findLastIndex((body) => (left -= body.length) < 0) + 1;
  return bodies.slice(Math.max(from, bodies.length - MOST_KEPT));
}
