import { randomBytes } from "node:crypto";
import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import BetterSqlite from "better-sqlite3";
import { BatonError } from "../domain/errors.ts";
import { ensurePrivateFile } from "./data-dir.ts";

/** Nothing was made. `damaged` and `unlike` are told of the copy, in SQLite's words. */
export class CopyError extends BatonError {
  override readonly name = "CopyError";
  readonly code: "copy_exists" | "copy_damaged" | "copy_unlike" | "copy_stopped";

  constructor(code: CopyError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

export interface CopyOptions {
  /** Told of in pages, several times a second at most while pages are copied. */
  readonly onProgress?: (done: { readonly copied: number; readonly pages: number }) => void;
  /** Ends the copying; the checks at its end are not interrupted. */
  readonly signal?: AbortSignal;
  /** Changes the finished copy before it is checked. */
  readonly prepare?: (copy: BetterSqlite.Database) => void;
}

export interface Copied {
  readonly bytes: number;
  /** Rows of each table. */
  readonly rows: Readonly<Record<string, number>>;
}

/** Pages copied in one go, 16 MB of them: the event loop is held for milliseconds. */
const PAGES_AT_ONCE = 4_000;

/**
 * Copies a SQLite store as it is at this moment into a new file, for its owner alone (0600), while another process may be
 * writing to it: SQLite's own online copy, from one read that stays open, so that what is committed meanwhile is left out.
 *
 * The file appears whole or not at all. Before it does, all of it is read through (`integrity_check`), and the rows of every
 * table are counted and held against those of the store at the same moment. It is one file: it needs no log beside it.
 *
 * @param to must not exist
 * @throws CopyError; SQLite's and the system's own errors, with a `code`
 */
export async function copySqlite(from: string, to: string, options: CopyOptions = {}): Promise<Copied> {
  if (existsSync(to)) throw exists(to);
  const draft = `${to}.${randomBytes(6).toString("hex")}.draft`;
  try {
    const wanted = await copyInto(from, draft, options);
    const copied = finish(draft, wanted, options);
    syncFile(draft);
    putInPlace(draft, to);
    syncFile(dirname(to));
    return copied;
  } finally {
    for (const suffix of ["", "-journal", "-wal", "-shm"]) rmSync(draft + suffix, { force: true });
  }
}

async function copyInto(from: string, draft: string, { onProgress, signal }: CopyOptions): Promise<Copied["rows"]> {
  const source = new BetterSqlite(from, { readonly: true, fileMustExist: true });
  try {
    source.pragma("busy_timeout = 5000");
    // A read that stays open: a copy whose source changes in between would begin again, and under load never end.
    source.exec("BEGIN");
    const rows = rowsOf(source);
    ensurePrivateFile(draft);
    await source.backup(draft, {
      progress({ totalPages, remainingPages }) {
        if (signal?.aborted === true) throw new CopyError("copy_stopped", "Stopped; nothing was made.");
        onProgress?.({ copied: totalPages - remainingPages, pages: totalPages });
        return PAGES_AT_ONCE;
      },
    });
    return rows;
  } finally {
    source.close();
  }
}

function finish(draft: string, wanted: Copied["rows"], { prepare }: CopyOptions): Copied {
  const copy = new BetterSqlite(draft, { fileMustExist: true });
  try {
    // The store's mode came along, in which even reading needs two more files beside it.
    copy.pragma("journal_mode = DELETE");
    copy.pragma("synchronous = FULL");
    prepare?.(copy);
    const found = copy.prepare("PRAGMA integrity_check(3)").pluck().all().join("; ");
    if (found !== "ok") throw new CopyError("copy_damaged", `It is damaged: ${found}.`);
    const rows = rowsOf(copy);
    const unlike = Object.keys(wanted).filter((table) => rows[table] !== wanted[table]);
    if (unlike.length > 0)
      throw new CopyError("copy_unlike", `The copy has other numbers of rows than the store: ${unlike.join(", ")}.`);
    return { bytes: statSync(draft).size, rows };
  } finally {
    copy.close();
  }
}

function rowsOf(db: BetterSqlite.Database): Record<string, number> {
  const tables = db
    .prepare<[], { name: string }>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE 'kysely\\_%' ESCAPE '\\'",
    )
    .all();
  return Object.fromEntries(
    tables.map(({ name }) => [name, Number(db.prepare(`SELECT count(*) FROM "${name}"`).pluck().get())]),
  );
}

/** A link fails where the name is taken, which a rename would not; where there are no links the look before has to do. */
function putInPlace(draft: string, to: string): void {
  try {
    linkSync(draft, to);
  } catch (error) {
    if (codeOf(error) === "EEXIST") throw exists(to);
    renameSync(draft, to);
  }
}

function syncFile(path: string): void {
  if (process.platform === "win32") return; // directories cannot be opened there, nor files that are read only be synced
  const handle = openSync(path, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

const exists = (path: string) => new CopyError("copy_exists", `${path} exists already: name a new file.`);

const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : undefined);
