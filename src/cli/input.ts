import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** The first lines, without what stands around them. More are not waited for: a person at a terminal ends no input. */
export async function readLines(input: Readable, count: number): Promise<string[]> {
  const lines: string[] = [];
  const reader = createInterface({ input, crlfDelay: Infinity });
  for await (const line of reader) {
    lines.push(line.trim());
    if (lines.length === count) break;
  }
  // An input that stays open would keep the process alive.
  input.destroy();
  return lines;
}
