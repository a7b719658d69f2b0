import { describe, expect, test } from "vitest";
import { fieldChanges } from "../../src/domain/field-changes.ts";

describe("what differs between two structures", () => {
  test.each([
    ["nothing", { a: 1, b: { c: [1] } }, { b: { c: [1] }, a: 1 }, []],
    ["a value", { a: 1 }, { a: 2 }, [{ path: "a", before: 1, after: 2 }]],
    ["a value deep down", { a: { b: { c: 1 } } }, { a: { b: { c: 2 } } }, [{ path: "a.b.c", before: 1, after: 2 }]],
    ["what came", {}, { a: { b: 1 } }, [{ path: "a.b", after: 1 }]],
    ["what went", { a: 1 }, {}, [{ path: "a", before: 1 }]],
    ["nothing and null are the same", { a: null }, {}, []],
    [
      "false and zero are something",
      { a: 0, b: false },
      {},
      [
        { path: "a", before: 0 },
        { path: "b", before: false },
      ],
    ],
    ["an entry of a list", { a: ["x", "y"] }, { a: ["x", "z"] }, [{ path: "a[1]", before: "y", after: "z" }]],
    ["a list that grew", { a: ["x"] }, { a: ["w", "x"] }, [{ path: "a", before: ["x"], after: ["w", "x"] }]],
    ["a field that became a list", { a: { b: 1 } }, { a: [1] }, [{ path: "a", before: { b: 1 }, after: [1] }]],
    ["all of it", undefined, { a: 1 }, [{ path: "a", after: 1 }]],
  ])("%s", (_what, before, after, expected) => {
    expect(fieldChanges(before, after)).toEqual(expected);
  });
});
