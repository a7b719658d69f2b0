import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { normalizePhone } from "../../src/handoffs/phone.ts";

describe("phone numbers become E.164", () => {
  test.each([
    ["international, with spaces", "+40 721 234 567", null, "+40721234567"],
    ["with punctuation", "+44 (20) 7946-0018", null, "+442079460018"],
    ["with 00 for the plus", "0040 721 234 567", null, "+40721234567"],
    ["with 00, in a country that dials so", "0049 30 901820", "RO", "+4930901820"],
    ["with 00, in a country that does not", "0040 721 234 567", "US", "+40721234567"],
    ["national, with its country", "0721 234 567", "RO", "+40721234567"],
    ["national, country in small letters", "0721 234 567", "ro", "+40721234567"],
    ["the country does not bind an international number", "+1 213 373 4253", "RO", "+12133734253"],
    ["Arabic digits", "+٤٠ ٧٢١ ٢٣٤ ٥٦٧", null, "+40721234567"],
    ["an extension is left out", "+1 213 373 4253 ext. 12", null, "+12133734253"],
    ["national without a country", "0721 234 567", null, null],
    ["national with an unknown country", "0721 234 567", "XX", null],
    ["national in the wrong country", "0721 234 567", "US", null],
    ["too short", "+40 72", null, null],
    ["too long", "+40 721 234 567 890 123", null, null],
    ["no such country code", "+999 123 456 789", null, null],
    ["words around it", "call me at +40 721 234 567 please", null, null],
    ["letters", "phone", "US", null],
    ["nothing", "", "RO", null],
    ["a key of Object.prototype as country", "0721 234 567", "constructor", null],
  ])("%s", (_what, raw, country, expected) => expect(normalizePhone(raw, country)).toBe(expected));

  test("whatever comes, the answer is E.164 or null", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[+0-9 ()./-]{0,40}$/)),
        fc.constantFrom(null, "RO", "US", "DE", "??"),
        (raw, country) => {
          expect(normalizePhone(raw, country) ?? "+1").toMatch(/^\+[1-9]\d{0,14}$/);
        },
      ),
    );
  });

  test("100 KB of digits take no time", () => {
    const before = performance.now();
    expect(normalizePhone("+4".repeat(50_000), "RO")).toBeNull();
    expect(performance.now() - before).toBeLessThan(50);
  });
});
