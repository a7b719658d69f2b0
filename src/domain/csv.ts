/** Tables as comma-separated values (RFC 4180) that a spreadsheet opens without running anything in them. */

export type Cell = string | number | boolean | null;

/** So that Excel reads UTF-8. */
const BYTE_ORDER_MARK = "\uFEFF";

/** What a spreadsheet takes for a formula: one of these, or their full-width forms, first behind whatever is not seen there. */
const FORMULA = /^[\s\p{Cf}\p{Cc}"]*[=+\-@\uFF0B\uFF0D\uFF1D\uFF20]/u;

/** Where a semicolon or a tab is what separates, a spreadsheet takes what follows one for a cell of its own, quoted or not. */
const SEPARATORS = /([;\t\r\n])/;

/** The file: a line of names, then the rows. */
export function csvText(names: readonly string[], rows: Iterable<readonly Cell[]>): string {
  let text = BYTE_ORDER_MARK + csvLine(names);
  for (const row of rows) text += csvLine(row);
  return text;
}

/** One line with its end. Texts are quoted and cannot act as formulas; numbers stay numbers. */
export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(cellText).join(",")}\r\n`;
}

function cellText(cell: Cell): string {
  if (cell === null) return "";
  if (typeof cell !== "string") return String(cell);
  const inert = cell.split(SEPARATORS).map((part) => (FORMULA.test(part) ? `'${part}` : part));
  return `"${inert.join("").replaceAll('"', '""')}"`;
}
