import type { Row } from "./api.ts";

/** How a command tells its result: to people as lines, to scripts as JSON. */
export interface Output {
  readonly json: boolean;
  readonly out: (text: string) => void;
}

/** @param lines for people; with --json the value alone is printed */
export function tell({ json, out }: Output, value: unknown, lines: readonly string[]): void {
  if (json) out(JSON.stringify(value, null, 2));
  else for (const line of lines) out(line);
}

/** A table with a heading; `empty` in place of one without rows. */
export function table(rows: readonly Row[], columns: readonly string[], empty: string): string[] {
  if (rows.length === 0) return [empty];
  const cells = [
    columns.map((name) => name.toUpperCase()),
    ...rows.map((row) => columns.map((name) => shown(row[name]))),
  ];
  const widths = columns.map((_name, at) => Math.max(...cells.map((row) => (row[at] ?? "").length)));
  return cells.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** On one line, and nothing in it that a terminal would act upon. */
export function shown(value: unknown): string {
  if (value === null || value === undefined || value === "") return "-";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
}
