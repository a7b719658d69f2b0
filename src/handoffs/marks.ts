/**
 * Who waits for a word of their own to come back by webhook: the proof that a helpdesk reaches us, signed as it should be.
 *
 * In this process only. Where several serve webhooks, the one that waits must ask the store for what the others heard; until
 * then an install on one of several processes may say that nothing was heard, and do no other harm.
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

export function createMarks(): Marks {
  const listening = new Map<string, Set<Listener>>();
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
    },
  };
}

interface Listener {
  wait(mark: string, withinMs: number): Promise<boolean>;
  take(body: string): void;
  stop(): void;
}

function createListener(): Listener {
  const waiting = new Map<(isHeard: boolean) => void, string>();
  let kept: string[] = [];
  let isStopped = false;
  return {
    wait(mark, withinMs) {
      if (kept.some((body) => body.includes(mark))) return Promise.resolve(true);
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
