import { setTimeout as sleep } from "node:timers/promises";
import { HandoffError } from "../domain/errors.ts";
import { noMetrics } from "../ports-metrics.ts";
import type { Metrics } from "../ports-metrics.ts";
import type { Committed, Store, StoreHealth, Tx } from "../ports-store.ts";
import { bound } from "../request-scope.ts";
import { DatabaseError, asStorageError, isBroken, startingError } from "./postgres-errors.ts";
import { prepareDatabase } from "./postgres-migrate.ts";
import type { Prepared } from "./postgres-migrate.ts";
import { createPool, POSTGRES_TIMING } from "./postgres-pool.ts";
import type { PostgresTiming } from "./postgres-pool.ts";
import { createPulse } from "./postgres-pulse.ts";
import { createReader, createUnits } from "./postgres-units.ts";
import type { Session } from "./postgres-units.ts";
import { onNewsOf, readsOn, tell, writesOn } from "./queries.ts";
import type { Executor } from "./statements.ts";

export interface PostgresOptions {
  /**
   * Of the master secrets, the one in force first: a database that was filled under another one is refused. Undefined: not
   * compared.
   */
  readonly fingerprints?: readonly string[];
  readonly timing?: Partial<PostgresTiming>;
  /** Connections for units and for questions: apart, so that a unit that asks something outside of itself cannot wait for its own end. */
  readonly connections?: { readonly units: number; readonly reads: number };
  readonly metrics?: Pick<Metrics, "committed">;
  /** How long a server that does not answer is waited for at the start. */
  readonly startWithinMs?: number;
}

const CONNECTIONS = { units: 10, reads: 5 };
const START_WITHIN_MS = 10_000;
const LOOK_AGAIN_MS = 250;

/**
 * The store for more than one process: PostgreSQL, one transaction a unit.
 *
 * Units run beside each other, at READ COMMITTED: each takes the lock of the row that it is about first (its conversation, its
 * workspace, its lane) and reads after that, so that it sees what the one before it stored. Where there is no row yet, a unique
 * index refuses the second, and its unit is begun anew.
 *
 * @throws DatabaseError saying what to do
 */
export async function openPostgresStore(url: string, options: PostgresOptions = {}): Promise<Store> {
  const timing = { ...POSTGRES_TIMING, ...options.timing };
  const sizes = options.connections ?? CONNECTIONS;
  const { collation } = await prepare(url, timing, options);
  const pools = {
    units: createPool(url, timing, { size: sizes.units, statementMs: timing.statementMs }),
    reads: createPool(url, timing, { size: sizes.reads, statementMs: timing.questionMs }),
  };
  const common = { timing, collation, pulse: createPulse(url, timing) };
  const listeners = new Set<(what: Committed) => void>();
  // Bound here, outside of any request: what hears of a commit is in nobody's name.
  const { metrics = noMetrics } = options;
  const committed = bound((what: Committed, seconds: number) => {
    metrics.committed(1, seconds);
    for (const listener of listeners) tell(listener, what);
  });
  const units = createUnits(pools.units, common, (on) => sessionOn(on, committed));
  const reader = createReader(pools.reads, common);
  let isClosed = false;
  return {
    read: readsOn(reader),
    write(work) {
      return isClosed ? Promise.reject(closed()) : units.run(work);
    },
    onCommitted(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    onNews: (listener, workspaceId) => onNewsOf(listeners, listener, workspaceId),
    scrub: () => scrub(pools.reads),
    backup: () =>
      Promise.reject(
        new DatabaseError(
          "database_unusable",
          "A PostgreSQL database is copied by PostgreSQL's own tools: pg_dump --format=custom, or a base backup. Keep the secret too.",
        ),
      ),
    health: () => healthOf(pools.reads),
    async close() {
      if (isClosed) return;
      isClosed = true;
      // Waits for what runs.
      await Promise.all([pools.units.end(), pools.reads.end()]);
    },
  };
}

/** A server that is just starting, as it may be beside this one, is waited for. */
async function prepare(url: string, timing: PostgresTiming, options: PostgresOptions): Promise<Prepared> {
  const until = performance.now() + (options.startWithinMs ?? START_WITHIN_MS);
  for (;;) {
    try {
      return await prepareDatabase(url, timing, options.fingerprints);
    } catch (error) {
      if (!isBroken(error) || performance.now() + LOOK_AGAIN_MS > until) throw startingError(error);
    }
    await sleep(LOOK_AGAIN_MS);
  }
}

function sessionOn(on: Executor, committed: (what: Committed, seconds: number) => void): Session<Tx> {
  const { tx, owners, touched } = writesOn(on);
  return {
    work: tx,
    reset() {
      owners.clear();
      touched.clear();
    },
    committed: (seconds) => committed(touched.taken(), seconds),
  };
}

const closed = (): HandoffError =>
  new HandoffError("storage_unavailable", "The store is closed", { retryAfterSeconds: 5 });

const WHAT_STAYS = [
  "PostgreSQL keeps the bytes of rows that were deleted or changed in its files until their space is used again, or until VACUUM FULL " +
    "rewrites the tables (which locks each of them meanwhile).",
  "PostgreSQL's write-ahead log and its archive hold what they held until they are recycled, and so do replicas and dumps.",
];

/** Dead rows become free space at once; nobody is kept out by that. What stays is PostgreSQL's to say. */
async function scrub(pool: { query(text: string): Promise<unknown> }): Promise<readonly string[]> {
  try {
    for (const table of TABLES_OF_PEOPLE) await pool.query(`vacuum ${table}`);
    return WHAT_STAYS;
  } catch {
    // Also where it is not ours to vacuum, or takes longer than a question may: PostgreSQL comes to it by itself.
    return ["PostgreSQL has not vacuumed its tables yet, which it does by itself in time.", ...WHAT_STAYS];
  }
}

const TABLES_OF_PEOPLE = [
  "conversations",
  "messages",
  "events",
  "handoffs",
  "leads",
  "consents",
  "deliveries",
  "webhooks",
  "answers",
];

/** Whether it is whole is PostgreSQL's own to know: reading it all through would take the machine's time from everybody. */
async function healthOf(pool: { query(text: string): Promise<{ rows: { size: number }[] }> }): Promise<StoreHealth> {
  try {
    const { rows } = await pool.query("select pg_database_size(current_database()) as size");
    return { damage: "unknown", dataBytes: rows[0]?.size ?? 0, logBytes: 0 };
  } catch (error) {
    throw asStorageError(error);
  }
}
