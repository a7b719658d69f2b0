import { createDecipheriv } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { deriveKeys } from "../../src/secrets/keys.ts";
import { createSealer, SealingError } from "../../src/secrets/sealing.ts";
import type { SealingFault } from "../../src/secrets/sealing.ts";

const old = "the former secret, long enough to be one: 1";
const present = "the present secret, long enough to be one: 2";
const sealer = createSealer(deriveKeys([present]).sealing);
const context = "wsp_1/con_1";

function faultOf(open: () => string): SealingFault | "opened" {
  try {
    open();
    return "opened";
  } catch (error) {
    if (error instanceof SealingError) return error.fault;
    throw error;
  }
}

test("what was sealed opens again, whatever it was", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.string(), (plaintext, where) => {
      expect(sealer.open(sealer.seal(plaintext, where), where)).toBe(plaintext);
    }),
  );
});

test("the sealed form holds nothing of the text, and is another one each time", () => {
  const sealed = sealer.seal("api-token-123", context);
  expect(sealed).toMatch(/^v1\.[\w-]{8}\.[\w-]{16}\.[\w-]+\.[\w-]{22}$/);
  expect(Buffer.from(sealed.split(".")[3] ?? "", "base64url").toString("latin1")).not.toContain("api-token");
  expect(sealer.seal("api-token-123", context)).not.toBe(sealed);
});

test("it is plain AES-256-GCM, bound to version, key and context: another program can open it", () => {
  const keys = deriveKeys([present]).sealing;
  const [, id, iv, ciphertext, tag] = createSealer(keys).seal("api-token-123", context).split(".");
  const decipher = createDecipheriv("aes-256-gcm", keys[0].bytes, Buffer.from(iv ?? "", "base64url"));
  decipher.setAAD(Buffer.from(`v1.${id}\nwsp_1/con_1`));
  decipher.setAuthTag(Buffer.from(tag ?? "", "base64url"));
  expect(decipher.update(ciphertext ?? "", "base64url", "utf8") + decipher.final("utf8")).toBe("api-token-123");
});

test.each([
  ["another workspace", "wsp_2/con_1"],
  ["another connection", "wsp_1/con_2"],
  ["no context", ""],
])("a value moved to another row stays shut: %s", (_what, elsewhere) => {
  expect(faultOf(() => sealer.open(sealer.seal("api-token-123", context), elsewhere))).toBe("damaged");
});

test("no changed character goes unnoticed", () => {
  const sealed = sealer.seal("api-token-123", context);
  const outcomes = Array.from(sealed, (character, at) => {
    const changed = sealed.slice(0, at) + (character === "A" ? "B" : "A") + sealed.slice(at + 1);
    return faultOf(() => sealer.open(changed, context));
  });
  expect(outcomes).toHaveLength(3 + 9 + 17 + 19 + 22);
  expect(outcomes.filter((outcome) => outcome === "opened")).toEqual([]);
});

test.each([
  "",
  "v1",
  "v1....",
  "api-token-123",
  "v2.AAAAAAAA.AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA",
  "v1.a.b.c.d",
])("%j was never sealed", (text) => expect(faultOf(() => sealer.open(text, context))).toBe("damaged"));

test("a cut tag is refused: a short one could be guessed", () => {
  const sealed = sealer.seal("api-token-123", context);
  expect(faultOf(() => sealer.open(sealed.slice(0, -16), context))).toBe("damaged");
});

describe("rotation", () => {
  const before = createSealer(deriveKeys([old]).sealing);
  const during = createSealer(deriveKeys([present, old]).sealing);
  const after = createSealer(deriveKeys([present]).sealing);

  test("with both secrets, what the old one sealed opens and is marked as outdated", () => {
    const sealed = before.seal("api-token-123", context);
    expect(during.open(sealed, context)).toBe("api-token-123");
    expect([during.isOutdated(sealed), before.isOutdated(sealed)]).toEqual([true, false]);
  });

  test("what is sealed anew needs the new one alone", () => {
    const sealed = during.seal("api-token-123", context);
    expect(after.open(sealed, context)).toBe("api-token-123");
    expect(during.isOutdated(sealed)).toBe(false);
  });

  test("with the wrong secret the error says what to do, and tells no secret", () => {
    const sealed = before.seal("api-token-123", context);
    expect(faultOf(() => after.open(sealed, context))).toBe("unknown_key");
    expect(() => after.open(sealed, context)).toThrow(/another BATON_SECRET.*Set the former one again/);
  });
});
