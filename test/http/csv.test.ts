import { describe, expect, test } from "vitest";
import { csvLine } from "../../src/http/csv.ts";
import { readCsv } from "./csv-reader.ts";

const throughCsv = (text: string) => readCsv(csvLine([text]))[0]?.[0];

describe("a cell of the export", () => {
  test.each([
    ["plain text", "Ana"],
    ["commas and quotes", 'a "lamp", black'],
    ["nothing but quotes", '""'],
    ["line breaks", "one\ntwo\r\nthree"],
    ["every script", "Ștefan 김민준 محمد 👩‍👩‍👧"],
    ["a sign that is not in front", "1+1=2, a@b.example"],
    ["semicolons and a formula behind them", "x;=1+1"],
    ["an apostrophe", "'s"],
  ])("comes back as it was: %s", (_what, text) => {
    expect(throughCsv(text)).toBe(text);
  });

  test.each([
    ["=cmd|' /C calc'!A0"],
    ["+40722123456"],
    ["-2+3"],
    ["@SUM(A1)"],
    ["\t=1"],
    ["\r=1"],
    ["\n=1"],
    ["  =1"],
    ["\u00a0=1"],
    ["\u200b=1"],
    ["\ufeff=1"],
    ["\u200f=1"],
    ["\u2800=1"],
    ["＝1+1"],
    ["＋1"],
    ["－1"],
    ["＠SUM(A1)"],
    ["−1"],
    ["﹢1"],
    ['="a""b"'],
    ['=HYPERLINK("http://evil.example","Ana")'],
    ["=1,=2\r\n=3"],
  ])("that a spreadsheet would calculate is text there, whole: %j", (text) => {
    expect(throughCsv(text)).toBe(`'${text}`);
  });

  test.each([
    ["an override", "photo_\u202egpj.exe", "photo_gpj.exe"],
    ["isolates", "\u2066a\u2069\u2067b\u2069", "ab"],
    ["an embedding in front of a formula", "\u202a=1", "'=1"],
    ["control characters", "a\u0000b\u001b[31mc\u0007\u0085", "ab[31mc"],
    ["half of a pair", "a\ud800", "a\ufffd"],
  ])("loses what turns text round or controls the reader: %s", (_what, text, expected) => {
    expect(throughCsv(text)).toBe(expected);
  });

  test("times are ISO 8601, and nothing is empty", () => {
    expect(csvLine([new Date("2026-11-20T09:00:00Z"), null, undefined, 7])).toBe(
      '"2026-11-20T09:00:00.000Z","","","7"\r\n',
    );
  });
});
