import { describe, expect, test } from "vitest";
import { readYesOrNo } from "./business-hours.ts";

describe("the answer to whether a group is in its business hours", () => {
  test.each<[string, unknown, boolean | null]>([
    ["a bare yes", true, true],
    ["a bare no", false, false],
    ["yes as text", "true", true],
    ["no as text, in capitals", " FALSE\n", false],
    ["a name that means it", { within_bh: true }, true],
    ["such a name in another spelling", { "within-BH": false }, false],
    ["a longer name", { isWithinBusinessHours: false }, false],
    ["text under such a name", { within_business_hours: "false" }, false],
    ["deeper down", { data: { within_bh: false } }, false],
    ["in a list", [{ group_id: "g-1", within_bh: true }], true],
    ["beside something that says the request went well", { success: true, within_bh: false }, false],
    ["under no known name, but alone", { result: false }, false],
    ["alone beside something that says the request went well", { success: true, result: false }, false],
    ["beside other words of the same meaning", { within_bh: true, is_open: true }, true],
    ["beside others that are no answer", { result: true, within_bh: false, flag: true }, false],
    ["two names that contradict each other", { within_bh: true, is_open: false }, null],
    ["two booleans without a known name", { a: true, b: true }, null],
    ["only that the request went well", { success: true }, null],
    ["the opposite question, of which no guess is made", { outside_business_hours: true }, null],
    ["a closing day", { is_holiday: false }, null],
    ["that business hours are switched on", { enabled: true }, null],
    ["nothing", {}, null],
    ["null", null, null],
    ["a page", undefined, null],
    ["a number", 1, null],
    ["words", { within_bh: "maybe" }, null],
    ["too deep", { a: { b: { c: { within_bh: true } } } }, null],
    ["an empty list", [], null],
  ])("%s", (_what, body, expected) => expect(readYesOrNo(body)).toBe(expected));
});
