import { join } from "node:path";
import type { Config } from "./config.ts";
import type { Store } from "./ports.ts";
import type { Metrics } from "./ports-metrics.ts";
import { deriveKeys, fingerprintsOf } from "./secrets/keys.ts";
import type { Keys } from "./secrets/keys.ts";
import { loadMasterSecret } from "./secrets/master-secret.ts";
import { ensurePrivateFile, lockDataDir, prepareDataDir } from "./storage/data-dir.ts";
import type { PostgresTiming } from "./storage/postgres-pool.ts";
import { openPostgresStore } from "./storage/postgres-store.ts";
import { openSqliteStore } from "./storage/sqlite-store.ts";

export interface OpenedStore {
  readonly store: Store;
  readonly keys: Keys;
  /** Gives the data directory back, once the store is closed. */
  readonly release: () => void;
}

/**
 * The data directory, the keys and the store that the settings ask for.
 *
 * SQLite serves one process, which has the data directory to itself. On PostgreSQL several may share one, or have one each: what
 * they must share is the master secret, and the database tells whether they do.
 *
 * @throws BatonError saying what to do
 */
export async function openStore(
  config: Config,
  metrics: Pick<Metrics, "committed">,
  timing: Partial<PostgresTiming> = {},
): Promise<OpenedStore> {
  const { dataDir, database } = config;
  prepareDataDir(dataDir, { isProduction: config.isProduction });
  const lock = database.kind === "sqlite" ? lockDataDir(dataDir) : null;
  const release = () => lock?.release();
  try {
    const master = loadMasterSecret(config);
    const keys = deriveKeys(master);
    if (database.kind === "postgres") {
      const store = await openPostgresStore(database.url, { metrics, timing, fingerprints: fingerprintsOf(master) });
      return { store, keys, release };
    }
    const file = join(dataDir, "baton.db");
    ensurePrivateFile(file);
    return { store: await openSqliteStore(file, { metrics }), keys, release };
  } catch (error) {
    release();
    throw error;
  }
}
