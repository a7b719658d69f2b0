import { sql } from "kysely";
import type { RawBuilder } from "kysely";

/** Cursors of lists that are in the order of a time, and of ids where two times are the same. */
export const cursorAt = (at: Date, id: string): string => `${at.getTime()}.${id}`;

/**
 * What comes after the cursor in a list whose newest comes first. As a comparison of rows: that is one stretch of an index, in both
 * databases.
 *
 * @param column the time's, which belongs to us
 * @returns null without a cursor; for one that is none of ours, what no row fulfils
 */
export function beforeCursor(column: string, cursor: string | undefined): RawBuilder<boolean> | null {
  if (cursor === undefined) return null;
  const [, ms, id] = /^(\d{1,15})\.(.{1,200})$/s.exec(cursor) ?? [];
  if (ms === undefined || id === undefined) return sql<boolean>`1 = 0`;
  return sql<boolean>`(${sql.ref(column)}, id) < (${Number(ms)}, ${id})`;
}
