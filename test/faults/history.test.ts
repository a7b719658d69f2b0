import { describe, expect, test } from "vitest";
import { faultsOf } from "./history.ts";
import type { Got } from "./history.ts";

const line = (text: string, stream = "c1"): { stream: string; text: string } => ({ stream, text });
const called = (text: string, id: string): Got => ({ stream: "c1", text, id });
const sent = [line("one"), line("one", "c2"), line("two"), line("three"), line("two", "c2")];

describe("where each line must be there once", () => {
  test("what came in the order in which it was sent breaks nothing, whatever other streams do", () => {
    const got = [line("one", "c2"), line("one"), line("two"), line("two", "c2"), line("three")];
    expect(faultsOf(sent, got, { mayRepeat: false })).toEqual([]);
  });

  test.each([
    ["lost", [line("one"), line("three")], ['lost: c1 "two"']],
    ["doubled", [line("one"), line("two"), line("three"), line("two")], ['doubled: c1 "two"']],
    ["invented", [line("one"), line("two"), line("three"), line("four")], ['invented: c1 "four"']],
    ["out of order", [line("one"), line("three"), line("two")], ['out of order: c1 "two" came after "three"']],
  ])("what is %s is told", (_fault, got, told) => {
    const own = sent.filter(({ stream }) => stream === "c1");
    expect(faultsOf(own, got, { mayRepeat: false })).toEqual(told);
  });

  test("a line without an answer may be missing", () => {
    expect(faultsOf([line("one")], [], { mayRepeat: false, maySkip: new Set(["one"]) })).toEqual([]);
  });
});

describe("where a line may come again", () => {
  const own = [line("one"), line("two")];

  test("at once and under its own id, it breaks nothing", () => {
    const got = [called("one", "e1"), called("one", "e1"), called("two", "e2")];
    expect(faultsOf(own, got, { mayRepeat: true })).toEqual([]);
  });

  test.each([
    [
      "under another id",
      [called("one", "e1"), called("one", "e9"), called("two", "e2")],
      /^repeated under another id: c1 "one"$/,
    ],
    ["after a later line", [called("one", "e1"), called("two", "e2"), called("one", "e1")], /^repeated late: c1 "one"/],
    ["under another line's id", [called("one", "e1"), called("two", "e1")], /^one id for two lines: c1 "two"$/],
  ])("%s, it is told", (_fault, got, told) => {
    const faults = faultsOf(own, got, { mayRepeat: true });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(told);
  });
});
