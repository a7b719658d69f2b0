import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import BetterSqlite from "better-sqlite3";
import { BatonError } from "../domain/errors.ts";
import { migrationsFor } from "./migrations.ts";

/** A file that cannot be taken for a store; the message says why. */
export class RestoreError extends BatonError {
  override readonly name = "RestoreError";
  readonly code = "not_restorable";
}

/** A bot's secret, by which is seen whether a master secret is the right one. */
export interface Sealed {
  readonly workspaceId: string;
  readonly botId: string;
  readonly text: string;
}

/**
 * Makes a copy fit to be gone on with: what it still owes may have been sent since it was made, so each is looked for at the
 * far side before it is sent (reliability.md P11), and no process has a lane.
 *
 * @throws RestoreError when it is no store of Baton's, or that of a newer one
 */
export function takeForRestored(copy: BetterSqlite.Database): void {
  const tables = copy.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all();
  if (!["kysely_migration", "workspaces", "deliveries", "lanes"].every((name) => tables.includes(name)))
    throw new RestoreError("The file is no backup of Baton.");
  const known = Object.keys(migrationsFor("sqlite"));
  const newer = copy
    .prepare("SELECT name FROM kysely_migration")
    .pluck()
    .all()
    .map(String)
    .filter((name) => !known.includes(name));
  if (newer.length > 0)
    throw new RestoreError(
      `The backup was made by a newer Baton (it has ${newer.join(", ")}): install that one first.`,
    );
  copy.exec(`UPDATE deliveries SET may_have_happened = 1 WHERE state IN ('waiting', 'sending');
    UPDATE lanes SET lease_until = NULL WHERE lease_until IS NOT NULL`);
}

export function readCopy(file: string): { readonly sealed: readonly Sealed[] } {
  const copy = new BetterSqlite(file, { readonly: true });
  try {
    return {
      sealed: copy
        .prepare<[], Sealed>('SELECT workspace_id AS "workspaceId", id AS "botId", sealed_secret AS "text" FROM bots')
        .all(),
    };
  } finally {
    copy.close();
  }
}

const STORE_FILES = ["baton.db", "baton.db-wal", "baton.db-shm"];

/**
 * Puts a checked copy in the place of the store in a data directory that this process has locked. At every moment `baton.db`
 * is whole: the old one or the new one.
 *
 * @param given.secret to be written to the file `secret`; null leaves what is there
 * @returns where the former files are kept; null when there were none
 */
export function putBack(
  dataDir: string,
  given: { readonly draft: string; readonly secret: string | null; readonly at: Date },
): string | null {
  const file = join(dataDir, "baton.db");
  foldLog(file);
  const former = [
    ...STORE_FILES,
    ...(given.secret === null ? [] : ["secret"]),
    ...(isOfOthers(dataDir, given.draft) ? ["first-run.json"] : []),
  ].filter((name) => existsSync(join(dataDir, name)));
  const aside = join(dataDir, `before-restore-${given.at.toISOString().replaceAll(/[:.]/g, "-")}`);
  if (former.length > 0) {
    mkdirSync(aside, { mode: 0o700 });
    for (const name of former) linkSync(join(dataDir, name), join(aside, name));
    sync(aside);
  }
  // A log that could not be folded in belongs to the old file alone: read with the new one it would destroy it.
  for (const name of former) if (name !== "baton.db" && name !== "secret") rmSync(join(dataDir, name));
  if (given.secret !== null) {
    writeFileSync(join(dataDir, "secret.restored"), given.secret, { mode: 0o600, flush: true });
    renameSync(join(dataDir, "secret.restored"), join(dataDir, "secret"));
  }
  renameSync(given.draft, file);
  sync(dataDir);
  return former.length > 0 ? aside : null;
}

/** Moves what stands in the log into the file, so that the file alone is the store. A damaged one stays as it is. */
function foldLog(file: string): void {
  if (!existsSync(file)) return;
  try {
    const db = new BetterSqlite(file, { fileMustExist: true });
    try {
      db.pragma("wal_checkpoint(TRUNCATE)");
    } finally {
      db.close();
    }
  } catch {
    // Kept aside with its log, as it is: it is for this that a backup is restored.
  }
}

/** Whether the tokens written down at the first start are of a workspace that the copy does not have. */
function isOfOthers(dataDir: string, draft: string): boolean {
  try {
    const { workspaceId } = JSON.parse(readFileSync(join(dataDir, "first-run.json"), "utf8")) as {
      workspaceId: unknown;
    };
    const copy = new BetterSqlite(draft, { readonly: true });
    try {
      return copy.prepare("SELECT 1 FROM workspaces WHERE id = ?").get(String(workspaceId)) === undefined;
    } finally {
      copy.close();
    }
  } catch {
    return false;
  }
}

function sync(directory: string): void {
  if (process.platform === "win32") return; // directories cannot be opened there
  const handle = openSync(directory, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
