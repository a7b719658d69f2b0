import { busy } from "./postgres-errors.ts";

/** Beyond this many waiting units the store says so at once instead of letting requests pile up (reliability.md P13). */
const MOST_WAITING = 5_000;

export interface Line {
  /** Runs `work` when one of the places is free, in the order of the calls. @throws HandoffError `overloaded` */
  run<Result>(work: () => Promise<Result>): Promise<Result>;
}

/**
 * As many at a time as there are connections. In front of the pool, whose own line cannot be told from a server that is away.
 *
 * @param longestMs how long anybody waits here
 */
export function createLine(places: number, longestMs: number): Line {
  let free = places;
  const waiting = new Set<() => void>();

  function wait(): Promise<void> {
    if (waiting.size >= MOST_WAITING) return Promise.reject(busy());
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        waiting.delete(go);
        reject(busy());
      }, longestMs);
      const go = () => {
        clearTimeout(late);
        resolve();
      };
      waiting.add(go);
    });
  }

  function leave(): void {
    const [next] = waiting;
    if (next === undefined) free += 1;
    else {
      waiting.delete(next);
      next();
    }
  }

  return {
    async run(work) {
      if (free > 0) free -= 1;
      else await wait();
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
