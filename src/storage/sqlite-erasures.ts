import { existsSync } from "node:fs";
import BetterSqlite from "better-sqlite3";

/** Records of erasures as the API tells them, with the workspace that each belongs to. */
export interface KeptErasure {
  readonly workspaceId: string;
  readonly erasure: Readonly<Record<string, unknown>>;
}

interface Row {
  readonly id: string;
  readonly workspace_id: string;
  readonly started_at: number;
  readonly finished_at: number | null;
  readonly actor: string;
  readonly identifiers: string;
  readonly counts: string;
  readonly copies: string;
  readonly mails: string;
}

/**
 * Who was erased by the store that is about to be replaced: a backup from before does not know it.
 *
 * @returns none where there is no store, or one that cannot be read any more
 */
export function erasuresIn(file: string): readonly KeptErasure[] {
  if (!existsSync(file)) return [];
  try {
    const db = new BetterSqlite(file, { fileMustExist: true });
    try {
      return db.prepare<[], Row>("SELECT * FROM erasures ORDER BY id").all().map(keptOf);
    } finally {
      db.close();
    }
  } catch {
    return [];
  }
}

const iso = (ms: number): string => new Date(ms).toISOString();

const keptOf = (row: Row): KeptErasure => ({
  workspaceId: row.workspace_id,
  erasure: {
    id: row.id,
    startedAt: iso(row.started_at),
    finishedAt: row.finished_at === null ? null : iso(row.finished_at),
    actor: JSON.parse(row.actor) as unknown,
    identifiers: JSON.parse(row.identifiers) as unknown,
    counts: JSON.parse(row.counts) as unknown,
    copies: JSON.parse(row.copies) as unknown,
    mails: JSON.parse(row.mails) as unknown,
  },
});
