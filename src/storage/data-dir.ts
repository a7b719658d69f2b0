import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { BatonError } from "../domain/errors.ts";

/** The data directory cannot be used; the message says what to do. */
export class DataDirError extends BatonError {
  override readonly name = "DataDirError";
  readonly code: "data_dir_unusable" | "data_dir_in_use";

  constructor(code: DataDirError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Makes the data directory if need be, for its owner alone (0700), and checks that it can be written to.
 *
 * One that other users can enter stops the start in production, since they may have read it; elsewhere it is closed.
 *
 * @throws DataDirError
 */
export function prepareDataDir(path: string, { isProduction }: { readonly isProduction: boolean }): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new DataDirError(
      "data_dir_unusable",
      `The data directory ${path} cannot be made or written to (${codeOf(error)}). Give it to the user that runs Baton, or set ` +
        "DATA_DIR to another one.",
    );
  }
  if (process.platform === "win32" || (statSync(path).mode & 0o077) === 0) return;
  if (isProduction) {
    throw new DataDirError(
      "data_dir_unusable",
      `The data directory ${path} is open to other users of this machine. Close it (chmod 700 ${path}) and start again.`,
    );
  }
  chmodSync(path, 0o700);
}

/**
 * Makes a file that its owner alone can read and write (0600), or closes an existing one. For files that a library opens by
 * itself afterwards, such as SQLite, which would make them readable for everyone; it gives its side files the same mode.
 */
export function ensurePrivateFile(path: string): void {
  closeSync(openSync(path, "a", 0o600));
  if (process.platform !== "win32") chmodSync(path, 0o600);
}

export interface DataDirLock {
  /** Lets another process take the directory. A second call does nothing. */
  release(): void;
}

/**
 * Takes the data directory for this process: two on one directory would send every message twice.
 *
 * The lock is SQLite's on the file `baton.lock`, held by an open transaction: the operating system drops it the moment the
 * process dies, kill -9 included, so no stale lock can keep the next one out and no recycled process id can fool it. Nothing
 * in this process may open and close `baton.lock` while it is held: POSIX then drops all of the process's locks on it.
 * `baton.pid` beside it only tells a person who holds the lock. On network file systems without locks nothing is held off.
 *
 * @param waitMs how long to wait for a process that is just ending
 * @throws DataDirError `data_dir_in_use`
 */
export function lockDataDir(directory: string, { waitMs = 1000 }: { readonly waitMs?: number } = {}): DataDirLock {
  const lockPath = join(directory, "baton.lock");
  const holderPath = join(directory, "baton.pid");
  const isThere = statSync(lockPath, { throwIfNoEntry: false }) !== undefined;
  if (!isThere) ensurePrivateFile(lockPath); // only then: see above, the file may be locked by this very process
  const database = new Database(lockPath, { timeout: waitMs });
  try {
    database.pragma("journal_mode = MEMORY"); // nothing is ever written; no journal file may be left behind
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (codeOf(error) !== "SQLITE_BUSY") throw error;
    throw new DataDirError("data_dir_in_use", inUseText(directory, readHolder(holderPath)));
  }
  writeFileSync(holderPath, JSON.stringify({ pid: process.pid, host: hostname() }), { mode: 0o600 });
  return {
    release() {
      if (!database.open) return;
      rmSync(holderPath, { force: true });
      database.close();
    },
  };
}

function inUseText(directory: string, holder: string): string {
  return `Another Baton (${holder}) runs on the data directory ${directory}. Stop it first, or set DATA_DIR to another directory.`;
}

function readHolder(path: string): string {
  try {
    const { pid, host } = JSON.parse(readFileSync(path, "utf8")) as { pid: unknown; host: unknown };
    return host === hostname() ? `process ${Number(pid)}` : `process ${Number(pid)} on ${String(host)}`;
  } catch {
    return "process unknown"; // it has the lock but has not written its name yet
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown";
}
