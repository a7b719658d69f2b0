import type BetterSqlite from "better-sqlite3";
import { HandoffError } from "../domain/errors.ts";
import { bound } from "../request-scope.ts";

/** How many units may share a commit, and for how long a batch may grow: bounds how long the first one waits. */
const MOST_UNITS = 256;
const MOST_MS = 20;
/** Beyond this many waiting units the store says so instead of letting requests pile up (reliability.md P13). */
const MOST_WAITING = 10_000;

interface Unit {
  readonly work: () => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Finished {
  readonly unit: Unit;
  readonly value: unknown;
}

export interface GroupCommit {
  /** Runs `work` between a savepoint and its release; resolves once the commit that holds it is on disk. */
  run<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Runs `work` while nothing is being written: after the units that are under way, before those that wait. */
  between<Result>(work: () => Result): Promise<Result>;
  /** Resolves when everything asked for until now has ended; later work is refused. */
  close(): Promise<void>;
}

/**
 * One writer whose units of work share a commit, so that durability costs one fsync per batch instead of one per request.
 *
 * Units run strictly one after the other, since savepoints nest: undoing the one opened first would also undo a finished one
 * opened after it. None is answered before the commit has returned, and a failed commit fails them all.
 *
 * @param onCommitted called after each commit, before its units are answered, with how many units shared it and how many
 *   seconds it took until it was on disk; must not throw
 */
export function createGroupCommit(
  db: BetterSqlite.Database,
  onCommitted: (units: number, seconds: number) => void,
): GroupCommit {
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  const savepoint = db.prepare("SAVEPOINT unit");
  const release = db.prepare("RELEASE unit");
  const undo = db.prepare("ROLLBACK TO unit");
  let waiting: Unit[] = [];
  const pauses: (() => void)[] = [];
  let running = false;
  let closed = false;
  let idle: (() => void)[] = [];

  async function batch(): Promise<void> {
    const taken: Unit[] = [];
    const finished: Finished[] = [];
    const failed: { unit: Unit; error: unknown }[] = [];
    let seconds: number;
    try {
      begin.run();
      const since = performance.now();
      do {
        const unit = waiting.shift();
        if (unit === undefined) break;
        taken.push(unit);
        savepoint.run();
        try {
          finished.push({ unit, value: await unit.work() });
          release.run();
        } catch (error) {
          undo.run();
          release.run();
          if (finished.at(-1)?.unit === unit) finished.pop();
          failed.push({ unit, error });
        }
      } while (taken.length < MOST_UNITS && performance.now() - since < MOST_MS);
      const commitsAt = performance.now();
      commit.run();
      seconds = (performance.now() - commitsAt) / 1000;
    } catch (error) {
      rollBack();
      for (const unit of taken.length > 0 ? taken : waiting.splice(0)) unit.reject(unavailable(error));
      return;
    }
    onCommitted(taken.length, seconds);
    for (const { unit, value } of finished) unit.resolve(value);
    for (const { unit, error } of failed) unit.reject(asStorageError(error));
  }

  /** Should even this fail, the next BEGIN fails too, comes here again, and its units are told. */
  function rollBack(): void {
    try {
      if (db.inTransaction) db.exec("ROLLBACK");
    } catch {
      // The fault that led here is the one to tell.
    }
  }

  // Here, outside of any request: the units keep the one that asked for them, and what hears of the commit is in nobody's name.
  const drain = bound(async (): Promise<void> => {
    running = true;
    while (waiting.length > 0 || pauses.length > 0) {
      for (const pause of pauses.splice(0)) pause();
      if (waiting.length > 0) await batch();
      // Lets the answers leave and the next requests come in, so that they share the next commit.
      await new Promise((resolve) => setImmediate(resolve));
    }
    running = false;
    for (const resolve of idle) resolve();
    idle = [];
  });

  return {
    run(work) {
      if (closed)
        return Promise.reject(new HandoffError("storage_unavailable", "The store is closed", { retryAfterSeconds: 5 }));
      if (waiting.length >= MOST_WAITING)
        return Promise.reject(new HandoffError("overloaded", "Too much waits to be stored", { retryAfterSeconds: 1 }));
      return new Promise((resolve, reject) => {
        waiting.push({ work: bound(work), resolve: resolve as (value: unknown) => void, reject });
        if (running) return;
        running = true;
        // A turn of the event loop later, so that requests that are being read join in.
        setImmediate(() => void drain());
      });
    },
    between(work) {
      if (closed)
        return Promise.reject(new HandoffError("storage_unavailable", "The store is closed", { retryAfterSeconds: 5 }));
      return new Promise((resolve, reject) => {
        pauses.push(() => {
          try {
            resolve(work());
          } catch (error) {
            reject(error instanceof Error ? error : new Error("what was done between two commits failed"));
          }
        });
        if (running) return;
        running = true;
        setImmediate(() => void drain());
      });
    },
    close() {
      closed = true;
      return running ? new Promise((resolve) => idle.push(resolve)) : Promise.resolve();
    },
  };
}

function unavailable(cause: unknown): HandoffError {
  return new HandoffError("storage_unavailable", "The commit failed; nothing of the request was stored", {
    cause,
    retryAfterSeconds: 2,
  });
}

/** SQLite's own faults inside a unit (disk full, input/output) become an answer that says: try again. */
function asStorageError(error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^SQLITE_(FULL|IOERR|BUSY|READONLY|CANTOPEN|NOMEM|CORRUPT)/.test(code) ? unavailable(error) : error;
}
