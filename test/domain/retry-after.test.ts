import { expect, test } from "vitest";
import { retryAfterSeconds } from "../../src/domain/retry-after.ts";

const now = new Date("2026-11-20T09:00:00.400Z");

test.each([
  ["seconds", "120", 120],
  ["no wait", "0", 0],
  ["blanks around", " 7 ", 7],
  ["longer than a day", "999999999999999999999", 86_400],
  ["a date, rounded up", "Fri, 20 Nov 2026 09:00:30 GMT", 30],
  ["a date in the past", "Fri, 20 Nov 2026 08:59:00 GMT", 0],
  ["a date far ahead", "Fri, 20 Nov 2099 09:00:00 GMT", 86_400],
  ["a date in the form of RFC 850", "Friday, 20-Nov-26 09:01:00 GMT", 60],
  ["a date in the form of asctime, which is UTC too", "Fri Nov 20 09:01:00 2026", 60],
  ["a fraction", "1.5", undefined],
  ["a negative number", "-5", undefined],
  ["words", "soon", undefined],
  ["nothing", "", undefined],
])("%s", (_what, value, seconds) => expect(retryAfterSeconds({ "retry-after": value }, now)).toBe(seconds));

test("no header", () => expect(retryAfterSeconds({}, now)).toBeUndefined());
