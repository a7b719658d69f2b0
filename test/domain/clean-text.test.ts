import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cleanText, clipText, hasControlCharacters, oneLine, splitText } from "../../src/domain/clean-text.ts";

const family = "👨‍👩‍👧‍👦"; // 11 UTF-16 units, one grapheme cluster

describe("clean text", () => {
  test.each([
    ["a null character", "a\u0000b", "ab"],
    ["a high surrogate alone", "a\ud83db", "a\ufffdb"],
    ["a low surrogate alone", "\ude00", "\ufffd"],
    ["a pair cut by a null character", "\ud83d\u0000\ude00", "😀"],
    ["line ends, tabs, escapes and bidi marks", "a\r\n\tb\u001b\u202e\u200d", "a\r\n\tb\u001b\u202e\u200d"],
    ["accents kept apart as they came", "e\u0301 é", "e\u0301 é"],
    ["an emoji", family, family],
  ])("%s", (_what, text, expected) => expect(cleanText(text)).toBe(expected));
});

describe("control characters", () => {
  test.each([
    ["none", "Zoë 😀 عربى\u200c", "", false],
    ["a line feed", "a\nb", "", true],
    ["an allowed line feed", "a\nb", "\n\t", false],
    ["a carriage return, line feeds allowed", "a\r\n", "\n\t", true],
    ["a null character", "\u0000", "\n", true],
    ["delete", "\u007f", "", true],
    ["a C1 control", "\u0085", "", true],
  ])("%s", (_what, text, allowed, expected) => expect(hasControlCharacters(text, allowed)).toBe(expected));
});

describe("one line", () => {
  test.each([
    ["header injection", "Hi\r\nBcc: all@example.com", "Hi Bcc: all@example.com"],
    ["Unicode line ends", "a\u2028b\u2029c\u0085d\u000be", "a b c d e"],
    ["controls and direction overrides", "a\u0000b\u001bc\u202ed\u2066e", "abcde"],
    ["space around and within", "  Ana \t  Pop\n", "Ana Pop"],
    ["joiners that names need", "می\u200cخواهم", "می\u200cخواهم"],
  ])("%s", (_what, text, expected) => expect(oneLine(text)).toBe(expected));
});

describe("clipping", () => {
  test.each([
    ["short enough", "abcde", 5, "abcde"],
    ["cut with an ellipsis", "abcdef", 5, "abcd…"],
    ["never within a cluster", `ab${family}cd`, 8, "ab…"],
  ])("%s", (_what, text, length, expected) => expect(clipText(text, length)).toBe(expected));
});

describe("splitting", () => {
  test.each([
    ["nothing", "", 10, []],
    ["what fits", "0123456789", 10, ["0123456789"]],
    ["a long word", "0123456789abc", 10, ["0123456789", "abc"]],
    ["after a space", "one two three", 10, ["one two ", "three"]],
    ["after a line end rather than a later space", "one two\nand three", 13, ["one two\n", "and three"]],
    ["not after a space in the first half", "a bcdefghijklm", 10, ["a bcdefghi", "jklm"]],
    ["between clusters", `12345${family}`, 12, ["12345", family]],
    ["not between CR and LF", "123456789\r\n0", 10, ["123456789", "\r\n0"]],
    ["not before a mark on a space", "12345678 \u0301abc", 10, ["12345678 \u0301", "abc"]],
    ["a pile of marks longer than a part", "a\u0301\u0301\u0301\u0301", 2, ["a\u0301", "\u0301\u0301", "\u0301"]],
    ["a cluster longer than a part, but never a code point", "👍🏿👍🏿", 3, ["👍", "🏿", "👍", "🏿"]],
    ["flags, in pairs", "🇷🇴🇩🇪🇫🇷", 6, ["🇷🇴", "🇩🇪", "🇫🇷"]],
  ])("%s", (_what, text, length, expected) => expect(splitText(text, length)).toEqual(expected));

  test.each([0, 1, -5, 2.5, Number.NaN])("a limit of %s is refused", (length) =>
    expect(() => splitText("abc", length)).toThrow(RangeError),
  );

  const anyText = fc.array(
    fc.constantFrom("a", " ", "\n", "\r\n", "e\u0301", "🇷🇴", family, "नी", "한", "\u0301", "\ud83d", "word"),
  );

  test("parts join to the original, fit, and never cut a cluster that fits", () => {
    const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
    fc.assert(
      fc.property(anyText, fc.integer({ min: 2, max: 40 }), (pieces, length) => {
        const text = pieces.join("");
        const parts = splitText(text, length);
        expect(parts.join("")).toBe(text);
        expect(parts.every((part) => part.length > 0 && part.length <= length)).toBe(true);
        const clusters = [...segmenter.segment(text)];
        const inLongCluster = (at: number) =>
          clusters.some(({ index, segment }) => index < at && at < index + segment.length && segment.length > length);
        const isBoundary = (at: number) => clusters.some(({ index }) => index === at);
        let at = 0;
        for (const part of parts.slice(0, -1)) {
          at += part.length;
          expect(isBoundary(at) || inLongCluster(at)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ["a word without end", "a"],
    ["marks without end", "\u0301"],
    ["spaces under marks", " \u0301"],
    ["flags", "🇷🇴"],
    ["line ends", "\r\n"],
  ])("100 KB of %s take milliseconds", (_what, unit) => {
    const text = unit.repeat(100_000 / unit.length);
    const before = performance.now();
    const parts = splitText(text, 100);
    expect(performance.now() - before).toBeLessThan(500);
    expect(parts.join("")).toBe(text);
  });
});
