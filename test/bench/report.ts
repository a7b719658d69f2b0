export interface Goal {
  readonly text: string;
  holds(value: number): boolean;
}

export const atLeast = (limit: number): Goal => ({
  text: `≥ ${limit.toLocaleString("en")}`,
  holds: (value) => value >= limit,
});
export const atMost = (limit: number): Goal => ({
  text: `≤ ${limit.toLocaleString("en")}`,
  holds: (value) => value <= limit,
});

/** How a number is shown to a person. */
export const shown = {
  whole: (value: number) => Math.round(value).toLocaleString("en"),
  tenths: (value: number) => value.toFixed(1),
  ratio: (value: number) => value.toFixed(2),
} as const;

interface Line {
  readonly name: string;
  readonly value: number;
  readonly goal: Goal | null;
  readonly text: string;
}

/** What was measured, beside what was wanted. */
export class Report {
  readonly #lines: Line[] = [];

  /** @param goal null: shown for information */
  add(name: string, value: number, goal: Goal | null, show: (value: number) => string): void {
    this.#lines.push({ name, value, goal, text: show(value) });
  }

  table(): string {
    const rows = [
      ["", "measured", "goal", ""],
      ...this.#lines.map(({ name, value, goal, text }) => [
        name,
        text,
        goal?.text ?? "",
        goal === null ? "" : goal.holds(value) ? "held" : "MISSED",
      ]),
    ];
    const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
    return rows
      .map(([name = "", measured = "", goal = "", verdict = ""]) => {
        const [first = 0, second = 0, third = 0] = widths;
        return `${name.padEnd(first)}  ${measured.padStart(second)}  ${goal.padStart(third)}  ${verdict}`.trimEnd();
      })
      .join("\n");
  }

  /** One JSON object: `lines` of `{name, measured, goal, held}`; goal and held are null where nothing is wanted. */
  json(): string {
    const lines = this.#lines.map(({ name, value, goal }) => ({
      name,
      measured: value,
      goal: goal?.text ?? null,
      held: goal?.holds(value) ?? null,
    }));
    return JSON.stringify({ lines }, null, 2);
  }
}
