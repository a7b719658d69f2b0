import { describe, expect, test } from "vitest";
import {
  matchingStep,
  newRecoveryCodes,
  newTotpSecret,
  otpauthUri,
  recoveryCodeHash,
  totpCode,
  totpStep,
} from "../../src/secrets/totp.ts";

/** "12345678901234567890", the secret of RFC 6238's own vectors (appendix B, SHA-1), in base32. */
const SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const at = (seconds: number) => new Date(seconds * 1000);

describe("an authenticator app's code", () => {
  // Its codes have eight digits; ours are the last six of them.
  test.each([
    [59, "287082"],
    [1_111_111_109, "081804"],
    [1_111_111_111, "050471"],
    [1_234_567_890, "005924"],
    [2_000_000_000, "279037"],
    [20_000_000_000, "353130"],
  ])("at %i s is %s, as RFC 6238 says", (seconds, code) => {
    expect(totpCode(SECRET, totpStep(at(seconds)))).toBe(code);
    expect(matchingStep(SECRET, code, at(seconds))).toBe(Math.floor(seconds / 30));
  });

  test.each([
    ["in its own half minute", 1_111_111_111, 37_037_037],
    ["one step later", 1_111_111_141, 37_037_037],
    ["at the end of that step", 1_111_111_169, 37_037_037],
    ["two steps later", 1_111_111_170, null],
    ["one step before", 1_111_111_080, 37_037_037],
    ["two steps before", 1_111_111_079, null],
  ])("is taken %s or not", (_when, seconds, step) => {
    expect(matchingStep(SECRET, "050471", at(seconds))).toBe(step);
  });

  test.each(["", "05047", "0504711", "50471", "050472", "      ", "٠٥٠٤٧١"])("%j is none", (code) => {
    expect(matchingStep(SECRET, code, at(1_111_111_111))).toBeNull();
  });

  test("is made from a secret of 160 bits, another for each app", () => {
    const [one, two] = [newTotpSecret(), newTotpSecret()];
    expect(one).toMatch(/^[A-Z2-7]{32}$/);
    expect(one).not.toBe(two);
  });

  test("is set up by an address that apps read", () => {
    expect(otpauthUri(SECRET, "ana+x@example.com")).toBe(
      `otpauth://totp/Baton:ana%2Bx%40example.com?secret=${SECRET}&issuer=Baton&algorithm=SHA1&digits=6&period=30`,
    );
    expect(new URL(otpauthUri(SECRET, "?secret=A&x=/")).searchParams.get("secret")).toBe(SECRET);
  });
});

test("there are ten recovery codes, each of 80 bits, known again however they are typed", () => {
  const codes = newRecoveryCodes();
  expect(new Set(codes).size).toBe(10);
  for (const code of codes) expect(code).toMatch(/^[a-z2-7]{4}(?:-[a-z2-7]{4}){3}$/);
  expect(recoveryCodeHash(" K3PD 7xqa-2MNFw4ez ")).toBe(recoveryCodeHash("k3pd-7xqa-2mnf-w4ez"));
  expect(recoveryCodeHash("k3pd-7xqa-2mnf-w4ey")).not.toBe(recoveryCodeHash("k3pd-7xqa-2mnf-w4ez"));
});
