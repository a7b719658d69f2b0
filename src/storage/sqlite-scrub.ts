import { closeSync, fdatasyncSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type BetterSqlite from "better-sqlite3";
import type { GroupCommit } from "./group-commit.ts";

/**
 * Makes the bytes of deleted rows go from an SQLite file that is in use.
 *
 * `secure_delete` overwrites a row where it was deleted. But when SQLite splits a full page, the rows that move to the new page
 * stay behind in the unused middle of the old one, and nothing overwrites them there: a row that is deleted later leaves that copy of
 * itself. (Shown by test/storage/sqlite-scrub.test.ts.) VACUUM would rewrite the whole file and keep every writer out meanwhile; here
 * the unused middles are filled with zeros, a few pages at a time, between two commits.
 *
 * The file is written beside SQLite, which is sound for this reason: in that moment the log is empty (a checkpoint just moved all of
 * it), this process is the only one with the data directory and its one writer stands still, and what is overwritten belongs to no row by
 * the file format (https://www.sqlite.org/fileformat2.html, 1.6). What the connections hold of these pages in memory is dropped.
 */
export interface Scrubber {
  /** Gives what stays behind, in words; empty when nothing does. */
  scrub(): Promise<readonly string[]>;
  /** After the connections are closed. */
  close(): void;
}

const PAGES_AT_ONCE = 512;
/** A second time, since pages that were still to come may have changed places with pages that were done. */
const PASSES = 2;
const LOG_TRIES = 40;
const LOG_AGAIN_MS = 250;
/** From here on a page that holds no table could look like one: its number's first byte is that of a kind of page. */
const MOST_PAGES = 2 ** 25;

const LOG_STAYS =
  "A backup or another long read keeps SQLite's log (baton.db-wal) from being emptied: erase the person again once it is over.";
const TOO_LARGE =
  "The database is too large to be overwritten while it is in use: stop Baton and run VACUUM on baton.db.";

export function createScrubber(
  file: string,
  given: {
    readonly writer: BetterSqlite.Database;
    readonly reader: BetterSqlite.Database;
    readonly commits: Pick<GroupCommit, "between">;
  },
): Scrubber {
  const { writer, reader, commits } = given;
  // Kept open: closing any handle of a file drops the locks that SQLite holds on it in this process (POSIX).
  let handle: number | undefined;
  let running: Promise<readonly string[]> | undefined;

  /** Without waiting for who reads: everybody here would wait along. */
  const isLogEmptied = (): boolean => {
    const patience: unknown = writer.pragma("busy_timeout", { simple: true });
    writer.pragma("busy_timeout = 0");
    try {
      const [result] = writer.pragma("wal_checkpoint(TRUNCATE)") as { busy: number }[];
      return result?.busy === 0;
    } finally {
      writer.pragma(`busy_timeout = ${Number(patience)}`);
    }
  };

  /** @returns the page to go on with; null at the end of the file, "busy" when the log could not be emptied */
  function slice(from: number): number | null | "busy" {
    if (!isLogEmptied()) return "busy";
    handle ??= openSync(file, "r+");
    if (overwrite(handle, from)) {
      fdatasyncSync(handle);
      for (const db of [writer, reader]) db.pragma("shrink_memory");
    }
    const next = from + PAGES_AT_ONCE;
    return next < pagesOf(handle).count ? next : null;
  }

  async function pass(): Promise<readonly string[]> {
    let tries = LOG_TRIES;
    for (let page: number | null = 0; page !== null;) {
      const from: number = page;
      const next = await commits.between(() => slice(from));
      if (next !== "busy") page = next;
      else if ((tries -= 1) === 0) return [LOG_STAYS];
      else await sleep(LOG_AGAIN_MS);
    }
    return [];
  }

  async function scrub(): Promise<readonly string[]> {
    if ((writer.pragma("page_count", { simple: true }) as number) >= MOST_PAGES) return [TOO_LARGE];
    for (let done = 0; done < PASSES; done += 1) {
      const left = await pass();
      if (left.length > 0) return left;
    }
    return [];
  }

  return {
    // One after the other: the second of two may have come to ask for rows that the first had passed already.
    scrub() {
      running = (running ?? Promise.resolve([])).then(scrub, scrub);
      return running;
    },
    close() {
      if (handle !== undefined) closeSync(handle);
    },
  };
}

function pagesOf(handle: number): { readonly size: number; readonly count: number; readonly usable: number } {
  const header = Buffer.alloc(100);
  readSync(handle, header, 0, 100, 0);
  const told = header.readUInt16BE(16);
  const size = told === 1 ? 65_536 : told;
  return { size, count: Math.ceil(fstatSync(handle).size / size), usable: size - header.readUInt8(20) };
}

/** Fills the unused middles of the next pages with zeros. True when there was anything in one. */
function overwrite(handle: number, from: number): boolean {
  const { size, count, usable } = pagesOf(handle);
  const pages = Math.min(PAGES_AT_ONCE, count - from);
  if (pages <= 0) return false;
  const bytes = Buffer.alloc(pages * size);
  const got = readSync(handle, bytes, 0, bytes.length, from * size);
  const zeros = Buffer.alloc(size);
  let isChanged = false;
  for (let page = 0; (page + 1) * size <= got; page += 1) {
    const [start, end] = unusedIn(bytes.subarray(page * size, (page + 1) * size), from + page === 0, usable);
    const at = page * size;
    if (start >= end || bytes.compare(zeros, 0, end - start, at + start, at + end) === 0) continue;
    writeSync(handle, zeros, 0, end - start, from * size + at + start);
    isChanged = true;
  }
  return isChanged;
}

/** Lengths of the headers of pages of trees, by their kind: of inner ones (index, table) and of leaves (index, table). */
const HEADER: Readonly<Record<number, number>> = { 2: 12, 5: 12, 10: 8, 13: 8 };

/** Where nothing is: behind the list of where the cells are, and before the cells. Empty for pages of other kinds. */
function unusedIn(page: Buffer, isFirst: boolean, usable: number): readonly [start: number, end: number] {
  const at = isFirst ? 100 : 0;
  const header = HEADER[page.readUInt8(at)];
  if (header === undefined) return [0, 0];
  const start = at + header + 2 * page.readUInt16BE(at + 3);
  const told = page.readUInt16BE(at + 5);
  const end = told === 0 ? 65_536 : told;
  return end > usable ? [0, 0] : [start, end];
}
