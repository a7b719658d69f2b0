import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Pool, PoolClient, QueryConfig, QueryResult } from "pg";
import { asStorageError, codeOf, isBroken, isConflict, outcomeOpen } from "./postgres-errors.ts";
import { createLine } from "./postgres-line.ts";
import { executorOn } from "./postgres-pool.ts";
import type { PostgresTiming } from "./postgres-pool.ts";
import type { Pulse } from "./postgres-pulse.ts";
import type { Executor } from "./statements.ts";

/** One connection as units see it; they run on it one after the other. */
export interface Session<Work> {
  readonly work: Work;
  /** Called before each unit, and before each further attempt at one: what the last one left in memory is not stored. */
  reset(): void;
  /** Called after the commit, before the unit is answered; must not throw. `seconds` is how long the commit took. */
  committed(seconds: number): void;
}

export interface Units<Work> {
  /**
   * Runs `unit` in a transaction of its own and resolves once that is on disk. It is run again, from its beginning, when
   * another one was faster or the connection broke: what it does outside the transaction must be harmless.
   */
  run<Result>(unit: (work: Work) => Promise<Result>): Promise<Result>;
}

interface Own<Work> extends Session<Work> {
  /** Names the connection in `unit_marks`. */
  readonly id: string;
  /** Counts the units that wrote something. */
  unit: number;
  hasWritten: boolean;
}

/** A unit that loses this often against others gives up. Each time somebody else got on. */
const MOST_CONFLICTS = 12;
const LONGEST_PAUSE_MS = 60;
/** What became of a commit is asked for at least so long, however long the unit took. */
const LEAST_ASKING_MS = 400;

const commitWithin = ({ commitMs }: PostgresTiming) => ({ text: "commit", query_timeout: commitMs });

/** A statement in a transaction of which another one has failed. */
const ABORTED = "25P02";
const wentOn = (cause?: unknown): Error =>
  new Error("a unit of work went on after a statement of it had failed", { cause });

/** What units and questions have in common. */
interface Common {
  readonly timing: PostgresTiming;
  readonly collation: string | null;
  readonly pulse: Pulse;
}

/** @param sessionOn what units get to work with, made once for each connection */
export function createUnits<Work>(
  pool: Pool,
  { timing, collation, pulse }: Common,
  sessionOn: (on: Executor) => Session<Work>,
): Units<Work> {
  const sessions = new WeakMap<PoolClient, Own<Work>>();
  function sessionOf(client: PoolClient): Own<Work> {
    const known = sessions.get(client);
    if (known !== undefined) return known;
    const on = executorOn(
      (query) => pulse.whileAlive(client.query(query)),
      collation,
      () => {
        own.hasWritten = true;
      },
    );
    const own: Own<Work> = { ...sessionOn(on), id: randomUUID(), unit: 0, hasWritten: false };
    sessions.set(client, own);
    return own;
  }

  async function attempt<Result>(unit: (work: Work) => Promise<Result>, until: number): Promise<Result> {
    const client = await pool.connect();
    const session = sessionOf(client);
    let result: Result;
    try {
      session.reset();
      session.hasWritten = false;
      await pulse.whileAlive(client.query("begin isolation level read committed"));
      result = await unit(session.work);
      if (session.hasWritten) await pulse.whileAlive(mark(client, session));
    } catch (error) {
      await undo(client, error);
      throw codeOf(error) === ABORTED ? wentOn(error) : error;
    }
    const commitsAt = performance.now();
    await commit(client, session, until);
    session.committed((performance.now() - commitsAt) / 1000);
    return result;
  }

  async function commit(client: PoolClient, session: Own<Work>, until: number): Promise<void> {
    let command: string;
    try {
      ({ command } = await client.query(commitWithin(timing)));
    } catch (error) {
      // Before anybody is asked: the question needs a connection too.
      client.release(true);
      // What the server refuses it has undone, and a unit that wrote nothing has no outcome.
      if (!isBroken(error) || !session.hasWritten) throw error;
      if (await wasCommitted(session, Math.max(until, performance.now() + LEAST_ASKING_MS), error)) return;
      throw error;
    }
    client.release();
    // PostgreSQL answers a COMMIT of a unit in which a statement failed by undoing it, without an error.
    if (command !== "COMMIT") throw wentOn();
  }

  /**
   * What became of a commit whose answer never came: the mark that the unit left tells. Should the old connection still be at
   * work on it: it holds the mark's row until it is through, and this waits for that.
   */
  async function wasCommitted(session: Own<Work>, until: number, cause: unknown): Promise<boolean> {
    const late = sleep(until - performance.now(), "late" as const, { ref: false });
    for (let pause = 10; ; pause *= 2) {
      const asked = pool.query<{ unit: number }>(MARK_OF, [session.id]).then(
        ({ rows }) => (rows[0]?.unit === session.unit ? ("stored" as const) : ("undone" as const)),
        () => "nobody" as const,
      );
      const told = await Promise.race([asked, late]);
      if (told === "stored" || told === "undone") return told === "stored";
      if (told === "late" || performance.now() + pause > until) throw outcomeOpen(cause);
      await sleep(pause);
    }
  }

  const line = createLine(pool.options.max, timing.lineMs);
  return {
    run: (unit) => line.run(() => begun(unit)),
  };

  async function begun<Result>(unit: (work: Work) => Promise<Result>): Promise<Result> {
    const began = performance.now();
    const patience = began + timing.patienceMs;
    for (let conflicts = 0, pause = 5; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        return await attempt(unit, began + timing.pulseAfterMs + timing.pulseWithinMs);
      } catch (error) {
        const isLost = isBroken(error) && performance.now() < patience;
        if (isConflict(error)) conflicts += 1;
        else if (!isLost) throw asStorageError(error);
        if (conflicts > MOST_CONFLICTS) throw asStorageError(error);
      }
      await sleep(pause * (0.5 + Math.random()));
    }
  }
}

/**
 * Kept in the same commit, one row a connection, which is written over each time: whoever loses the connection in the moment
 * of the commit finds out by it. A transaction's own number would not do: after a crash numbers are given out again.
 */
async function mark(client: PoolClient, session: { id: string; unit: number }): Promise<void> {
  session.unit += 1;
  await client.query({ name: "mark", text: MARK, values: [session.id, session.unit, Date.now()] });
}

const MARK =
  "insert into unit_marks (session, unit, at) values ($1, $2, $3) " +
  "on conflict (session) do update set unit = excluded.unit, at = excluded.at";
const MARK_OF = "select unit from unit_marks where session = $1 for update";

/** A connection on which something failed is used again only when it could undo that. */
async function undo(client: PoolClient, fault: unknown): Promise<void> {
  const isUndone =
    !isBroken(fault) &&
    (await client.query("rollback").then(
      () => true,
      () => false,
    ));
  client.release(!isUndone);
}

/** A question outside of any unit. Asked once more when its connection broke: it changes nothing. */
export function createReader(pool: Pool, { timing, collation, pulse }: Common): Executor {
  const line = createLine(pool.options.max, timing.lineMs);
  const askOn = async (client: PoolClient, query: QueryConfig): Promise<QueryResult> => {
    let isBad = true;
    try {
      const result = await pulse.whileAlive(client.query(query));
      isBad = false;
      return result;
    } catch (error) {
      isBad = isBroken(error);
      throw error;
    } finally {
      client.release(isBad);
    }
  };
  const ask = async (query: QueryConfig): Promise<QueryResult> => {
    const patience = performance.now() + timing.patienceMs;
    for (let pause = 5; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        return await askOn(await pool.connect(), query);
      } catch (error) {
        if (!isBroken(error) || performance.now() > patience) throw asStorageError(error);
      }
      await sleep(pause);
    }
  };
  return executorOn((query) => line.run(() => ask(query)), collation);
}
