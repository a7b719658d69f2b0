import type { Reads } from "../ports.ts";
import type { StoreFigures } from "../ports-metrics.ts";

const FRESH_MS = 5_000;

/**
 * The store's figures, read at most every five seconds however many ask, since they are counted row by row.
 *
 * @returns null when the store does not answer; never rejects
 */
export function createStoreFigures(read: Pick<Reads, "figures">): () => Promise<StoreFigures | null> {
  let readAt = Number.NEGATIVE_INFINITY;
  let last: Promise<StoreFigures | null> = Promise.resolve(null);
  return () => {
    const now = performance.now();
    if (now - readAt >= FRESH_MS) {
      readAt = now;
      last = read.figures().catch(() => null);
    }
    return last;
  };
}
