import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { deriveKeys, purposes } from "../../src/secrets/keys.ts";

const secret = "a secret long enough to be one, 40 bytes";
const other = "another secret, long enough just as well";

/** HKDF-SHA-256 by its definition (RFC 5869), for up to 32 bytes. */
function hkdf(input: string, salt: string, info: string, length: number): string {
  const prk = createHmac("sha256", salt).update(input).digest();
  return createHmac("sha256", prk)
    .update(info)
    .update(Buffer.from([1]))
    .digest()
    .subarray(0, length)
    .toString("hex");
}

test("keys are those of RFC 5869, so they stay the same for as long as the secret does", () => {
  const { sealing, tokens } = deriveKeys([secret]);
  expect(sealing[0].bytes.toString("hex")).toBe(hkdf(secret, "baton v1", "sealing key", 32));
  expect(tokens[0].bytes.toString("hex")).toBe(hkdf(secret, "baton v1", "tokens key", 32));
});

test("every purpose and every secret has a key and a name of its own", () => {
  const keys = deriveKeys([secret, other]);
  const all = purposes.flatMap((purpose) => keys[purpose]);
  expect(all).toHaveLength(2 * 6);
  expect(new Set(all.map(({ bytes }) => bytes.toString("hex"))).size).toBe(12);
  expect(new Set(all.map(({ id }) => id)).size).toBe(12);
  expect(all.every(({ bytes }) => bytes.length === 32)).toBe(true);
});

test("the first secret is the current one, and moving it back changes no key", () => {
  const before = deriveKeys([other]).webhooks;
  const after = deriveKeys([secret, other]).webhooks;
  expect(after[1]).toEqual(before[0]);
  expect(after[0]).toEqual(deriveKeys([secret]).webhooks[0]);
});
