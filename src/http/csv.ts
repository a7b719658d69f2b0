/**
 * CSV as spreadsheets read it: UTF-8 with a byte order mark, RFC 4180, every cell in quotes. What a visitor typed stays text there:
 * a cell that a spreadsheet would take for a formula gets an apostrophe in front (the whole text stays behind it), and what turns text round or is
 * invisible and controls the reader is dropped.
 */

export const BYTE_ORDER_MARK = "\ufeff";

/** Formulas begin with these; some spreadsheets read full-width signs as plain ones. */
const FORMULA = /^[=+\-@\uff1d\uff0b\uff0d\uff20\u2212\ufe62\ufe63\ufe66\ufe6b]/;
/** What a reader does not see in front of a sign, and a spreadsheet may not either. */
const UNSEEN = /^[\s\p{Cf}\u2800\u3164\uffa0]+/u;
const STARTS_WITH_CONTROL = /^[\t\r\n]/;
/** Turns text round: embeddings, overrides, isolates. */
const BIDI = /[\u202a-\u202e\u2066-\u2069]/g;
// eslint-disable-next-line no-control-regex -- these are the characters to drop
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;

export type Cell = string | number | Date | null | undefined;

/** One cell, in quotes. Times are ISO 8601 in UTC; nothing is an empty cell. */
export function csvCell(value: Cell): string {
  const text = value instanceof Date ? value.toISOString() : String(value ?? "");
  return `"${inert(text).replaceAll('"', '""')}"`;
}

/** One line with its end. */
export const csvLine = (cells: readonly Cell[]): string => `${cells.map(csvCell).join(",")}\r\n`;

function inert(text: string): string {
  const plain = text.toWellFormed().replaceAll(BIDI, "").replaceAll(CONTROL, "");
  const isFormula = STARTS_WITH_CONTROL.test(plain) || FORMULA.test(plain.replace(UNSEEN, ""));
  return isFormula ? `'${plain}` : plain;
}
