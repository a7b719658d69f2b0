/** Timers, handed in so that a test can move time itself. */
export interface Scheduler {
  /** Runs `run` once, `ms` from now. Gives the way to call it off. */
  after(ms: number, run: () => void): () => void;
  /** Runs `run` in a later turn of the event loop. */
  soon(run: () => void): void;
}

/** The longest delay that Node's timers take; a longer one would fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

export const realScheduler: Scheduler = {
  after(ms, run) {
    const timer = setTimeout(run, Math.min(Math.max(ms, 0), LONGEST_MS));
    return () => clearTimeout(timer);
  },
  soon(run) {
    setImmediate(run);
  },
};
