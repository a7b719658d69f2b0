import { describe, expect, test } from "vitest";
import { passwordFault } from "../../src/domain/password-rules.ts";

const OWN = ["Irina Popescu", "irina.popescu@lamps.example", "Lamp Shop Cluj"];
const fault = (password: string) => passwordFault(password, OWN);

describe("a password that is taken", () => {
  test.each([
    ["words", "nine lamps over the harbour"],
    ["of a manager", "x7#Qm!pL2v@Zt9"],
    ["twelve characters", "kT3-wale-912"],
    ["another script", "восемь ламп над гаванью"],
    ["with a name among enough else", "Irina likes seven green boats"],
    ["two hundred characters", "correct-battery ".repeat(12).slice(0, 189) + " and a boat"],
    ["characters outside the first plane count as one", "🦊🐻🐼🐨🐯🦁🐮🐷🐸🐵🐔🐧"],
  ])("%s", (_what, password) => {
    expect(fault(password)).toBeNull();
  });
});

describe("a password that is not", () => {
  test.each([
    ["eleven characters", "kT3-wale-91", "at least 12"],
    ["nothing", "", "at least 12"],
    ["more than two hundred", "x7#Qm!pL2v@Z".repeat(17), "at most 200"],
    ["one character", "aaaaaaaaaaaaaaa", "repeats"],
    ["a piece over and over", "abcdabcdabcdabcd", "repeats"],
    ["few characters", "ababbaabbbaabab", "repeats"],
    ["a row", "abcdefghijklmnop", "row"],
    ["digits in a row", "12345678901234", "row"],
    ["a row backwards", "zyxwvutsrqponm", "row"],
    ["the commonest word", "Password1234!", "first"],
    ["spelled otherwise", "P4ssw0rd-2026!", "first"],
    ["two of the commonest", "qwertyuiop-Welcome!2026", "first"],
    ["the famous one", "correct horse battery staple", "first"],
    ["her name", "irinapopescu1999", "your name"],
    ["her name with signs", "Irina-Popescu!", "your name"],
    ["her address", "irina.popescu@lamps", "your name"],
    ["the business", "LampShopCluj2026", "your name"],
  ])("%s", (_what, password, why) => {
    expect(fault(password)).toContain(why);
  });

  test("is told without being repeated", () => {
    for (const password of ["canary", "canarycanarycanary", "aaaacanaryaaaa"])
      expect(fault(password) ?? "").not.toContain("canary");
  });

  test("is found quickly, however hostile", () => {
    expect(fault("a".repeat(1_000))).toContain("at most");
  });
});
