import * as fc from "fast-check";
import { expect, test } from "vitest";
import { csvLine, csvText } from "../../src/domain/csv.ts";

test("a file begins with the mark by which Excel knows UTF-8, and has a line of names", () => {
  const rows = [
    ["Ștefan", 3, true, null],
    ['says "hi", twice', -1.5, false, "a\nb"],
  ];
  expect(csvText(["name", "n", "is", "more"], rows)).toBe(
    '\uFEFF"name","n","is","more"\r\n"Ștefan",3,true,\r\n"says ""hi"", twice",-1.5,false,"a\nb"\r\n',
  );
});

test.each([
  ["=HYPERLINK(1)", `"'=HYPERLINK(1)"`],
  ["+40 722", `"'+40 722"`],
  ["-1", `"'-1"`],
  ["@SUM(A1)", `"'@SUM(A1)"`],
  [" \t=1", `" \t'=1"`],
  ["＝1", `"'＝1"`],
  ["\u200B=1", `"'\u200B=1"`],
  ['"=1', `"'""=1"`],
  ["x;=1", `"x;'=1"`],
  ["x\r\n=1", `"x\r\n'=1"`],
  ["x\t@y", `"x\t'@y"`],
  ["a=b", `"a=b"`],
  ["a-b; c", `"a-b; c"`],
  ["ana@example.com", `"ana@example.com"`],
])("no spreadsheet takes %j for a formula", (given, line) => {
  expect(csvLine([given])).toBe(`${line}\r\n`);
});

test("whatever is in a cell, it stays one cell and begins with nothing that acts", () => {
  const dangerous = fc.string({ unit: fc.constantFrom("=", "+", "-", "@", '"', ",", ";", "\n", "\t", " ", "a", "＝") });
  fc.assert(
    fc.property(fc.array(dangerous, { minLength: 1, maxLength: 4 }), (cells) => {
      const line = csvLine(cells);
      const read = Array.from(line.matchAll(/"((?:[^"]|"")*)"(?:,|\r\n$)/g), ([, cell]) => cell!.replaceAll('""', '"'));
      expect(read).toHaveLength(cells.length);
      // By a comma or by a semicolon, as the reader's country has it.
      for (const cell of read) for (const part of cell.split(/[;\n\t]/)) expect(part).not.toMatch(/^["\s]*[=+@＝-]/);
    }),
  );
});
