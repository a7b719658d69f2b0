import { createHmac } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { HandoffError } from "../../src/domain/errors.ts";
import { secretsIn, verifySignature } from "./signature.ts";

const body = Buffer.from('{"event":"message_created","content":"2 \\u003c 3"}');
const at = new Date("2026-11-20T12:00:00Z");
const seconds = "1795176000";
const hmac = (secret: string, signed: string | Buffer) => createHmac("sha256", secret).update(signed).digest("hex");
const signature = `sha256=${hmac("new-secret", `${seconds}.${body.toString()}`)}`;
const headers = { "x-chatwoot-timestamp": seconds, "x-chatwoot-signature": signature };

function outcome(
  changed: Record<string, string | undefined>,
  secrets = ["new-secret"],
  now = at,
  pathSecret: string | null = null,
) {
  try {
    verifySignature({ headers: { ...headers, ...changed }, body, pathSecret }, secrets, now);
    return "accepted";
  } catch (error) {
    if (error instanceof HandoffError) return error.code;
    throw error;
  }
}

describe("the signature of a Chatwoot webhook", () => {
  test("is over timestamp, dot and body, with the secret as text", () => expect(outcome({})).toBe("accepted"));

  test("is accepted with the old and the new secret while they are changed", () => {
    expect(outcome({}, ["new-secret", "old-secret"])).toBe("accepted");
    expect(outcome({}, ["old-secret", "new-secret"])).toBe("accepted");
    expect(outcome({}, ["old-secret"])).toBe("invalid_signature");
  });

  test.each([
    ["of the body alone", `sha256=${hmac("new-secret", body)}`],
    ["without its prefix", signature.slice(7)],
    ["in upper case", `sha256=${signature.slice(7).toUpperCase()}`],
    ["with another prefix", `sha1=${signature.slice(7)}`],
    ["too short", signature.slice(0, -2)],
    ["too long", `${signature}00`],
    ["twice", `${signature}, ${signature}`],
    ["empty", ""],
    ["with letters that are no hex", `sha256=${"z".repeat(64)}`],
  ])("%s is refused", (_what, given) => {
    expect(outcome({ "x-chatwoot-signature": given })).toBe("invalid_signature");
  });

  test.each([" 1795176000", "1795176000.0", "+1795176000", "0x6b00a1c0", "1.795176e9", "١٧٩٥١٧٦٠٠٠", "", undefined])(
    "a timestamp written %j is refused, also when it was signed so",
    (timestamp) => {
      const signed = `sha256=${hmac("new-secret", `${timestamp}.${body.toString()}`)}`;
      const code = outcome({ "x-chatwoot-timestamp": timestamp, "x-chatwoot-signature": signed });
      expect(code).toBe("invalid_signature");
    },
  );

  test.each([
    [300, "accepted"],
    [301, "stale_webhook"],
    [-300, "accepted"],
    [-301, "stale_webhook"],
  ])("%i seconds after it was made it is %s", (age, expected) => {
    expect(outcome({}, ["new-secret"], new Date(at.getTime() + age * 1000))).toBe(expected);
  });

  test("a forged one of long ago is called forged, not stale", () => {
    const forged = { "x-chatwoot-timestamp": "1000", "x-chatwoot-signature": `sha256=${"0".repeat(64)}` };
    expect(outcome(forged)).toBe("invalid_signature");
  });

  test("with a secret set, the secret in the path is no proof", () => {
    expect(outcome({ "x-chatwoot-signature": undefined }, ["new-secret"], at, "path-secret")).toBe("invalid_signature");
  });

  test("without a secret set, only the secret in the path is", () => {
    expect(outcome({}, [], at, "path-secret")).toBe("accepted");
    expect(outcome({}, [], at, null)).toBe("invalid_signature");
    expect(outcome({}, [], at, "")).toBe("invalid_signature");
  });

  test.each([
    [null, []],
    ["  ", []],
    ["one", ["one"]],
    ["new old", ["new", "old"]],
    ["new,\n old", ["new", "old"]],
  ])("the setting %j holds the secrets %j", (setting, secrets) => expect(secretsIn(setting)).toEqual(secrets));
});

interface Vector {
  readonly secret: string;
  readonly headers: Record<string, string>;
  readonly raw_body_utf8: string;
  readonly must_fail: readonly { case: string; body?: string; signature?: string }[];
}

const vectorFile = new URL("../../../shared/contracts/chatwoot-webhook-samples/signature-vector.json", import.meta.url);
const isThere = existsSync(vectorFile);

describe("the test vector of the contract", () => {
  // Missing on a CI machine they are a fault; elsewhere, as in a user's clone, the next test says that it is skipped.
  if (!isThere && process.env["CI"] === "true") test("is there", () => expect(isThere).toBe(true));

  test.skipIf(!isThere)("is accepted, and what must fail fails", () => {
    const vector = JSON.parse(readFileSync(vectorFile, "utf8")) as Vector;
    const lower = Object.fromEntries(
      Object.entries(vector.headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
    const now = new Date(Number(lower["x-chatwoot-timestamp"]) * 1000 + 2_000);
    const verify = (change: { body?: string; signature?: string }) =>
      verifySignature(
        {
          headers: { ...lower, ...(change.signature ? { "x-chatwoot-signature": change.signature } : {}) },
          body: Buffer.from(change.body ?? vector.raw_body_utf8),
          pathSecret: null,
        },
        [vector.secret],
        now,
      );
    expect(() => verify({})).not.toThrow();
    expect(vector.must_fail.length).toBeGreaterThan(0);
    for (const wrong of vector.must_fail) expect(() => verify(wrong)).toThrow(HandoffError);
  });
});
