import * as fc from "fast-check";
import { constants, createSign, generateKeyPairSync, sign } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { HandoffError } from "../../src/domain/errors.ts";
import { keysIn, readPublicKeys } from "./public-key.ts";
import { verifySignature } from "./signature.ts";

const ours = generateKeyPairSync("rsa", { modulusLength: 2_048 });
const next = generateKeyPairSync("rsa", { modulusLength: 3_072 });
const stranger = generateKeyPairSync("rsa", { modulusLength: 2_048 });

const body = Buffer.from('{"action":"message_create","data":{"message":{"text":"2 \\u003c 3, né à Łódź \u{1f600}"}}}');
const signed = (key = ours.privateKey, bytes = body) => sign("RSA-SHA256", bytes, key).toString("base64");

function outcome(
  signature: string | undefined,
  { keys = [ours.publicKey], bytes = body, pathSecret = null as string | null } = {},
) {
  try {
    verifySignature({ headers: { "x-freshchat-signature": signature }, body: bytes, pathSecret }, keys);
    return "accepted";
  } catch (error) {
    if (error instanceof HandoffError) return error.code;
    throw error;
  }
}

const refusalOf = (act: () => void): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof HandoffError) return error.message;
    throw error;
  }
  return "accepted";
};

const words = (signature?: string) =>
  refusalOf(() =>
    verifySignature({ headers: { "x-freshchat-signature": signature }, body, pathSecret: null }, [ours.publicKey]),
  );

describe("the signature of a FreshChat webhook", () => {
  test("is over the bytes of the body", () => expect(outcome(signed())).toBe("accepted"));

  test("is accepted with the old and the new key while FreshChat's is changed", () => {
    const keys = [next.publicKey, ours.publicKey];
    expect(outcome(signed(), { keys })).toBe("accepted");
    expect(outcome(signed(next.privateKey), { keys })).toBe("accepted");
    expect(outcome(signed(stranger.privateKey), { keys })).toBe("invalid_signature");
    expect(outcome(signed(), { keys: [next.publicKey] })).toBe("invalid_signature");
  });

  const good = signed();
  const raw = Buffer.from(good, "base64");
  test.each<[string, string | undefined]>([
    ["missing", undefined],
    ["empty", ""],
    ["of a stranger", signed(stranger.privateKey)],
    ["of another body", signed(ours.privateKey, Buffer.from("{}"))],
    ["twice", `${good}, ${good}`],
    ["with another before it", `${signed(stranger.privateKey)}, ${good}`],
    ["with a blank before it", ` ${good}`],
    ["with a line end after it", `${good}\n`],
    ["without its padding", good.replace(/=+$/, "")],
    ["with surplus padding", `${good}=`],
    ["in the alphabet of URLs", good.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")],
    ["in hex", raw.toString("hex")],
    ["with a byte more", Buffer.concat([raw, Buffer.alloc(1)]).toString("base64")],
    ["with a byte less", raw.subarray(0, -1).toString("base64")],
    ["with a zero byte before it", Buffer.concat([Buffer.alloc(1), raw]).toString("base64")],
    ["all zeroes", Buffer.alloc(256).toString("base64")],
    ["with a name before it", `sha256=${good}`],
    ["made with SHA-1", createSign("RSA-SHA1").update(body).sign(ours.privateKey, "base64")],
    ["made with SHA-512", createSign("RSA-SHA512").update(body).sign(ours.privateKey, "base64")],
    [
      "made with PSS",
      sign("sha256", body, { key: ours.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING }).toString("base64"),
    ],
  ])("%s is refused", (_what, signature) => expect(outcome(signature)).toBe("invalid_signature"));

  test("of a body written anew is refused, and so is one changed byte", () => {
    const rewritten = Buffer.from(JSON.stringify(JSON.parse(body.toString())));
    expect(outcome(good, { bytes: rewritten })).toBe("invalid_signature");
    fc.assert(
      fc.property(fc.nat(body.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Buffer.from(body);
        changed[at] = (changed[at] ?? 0) ^ flip;
        expect(outcome(good, { bytes: changed })).toBe("invalid_signature");
      }),
      { numRuns: 100 },
    );
  });

  test("with one changed byte, or one letter spelled otherwise, is refused", () => {
    fc.assert(
      fc.property(fc.nat(raw.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Buffer.from(raw);
        changed[at] = (changed[at] ?? 0) ^ flip;
        expect(outcome(changed.toString("base64"))).toBe("invalid_signature");
      }),
      { numRuns: 100 },
    );
    // The bits of the last letter that stand for nothing: the bytes stay the same, the text does not.
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const at = good.indexOf("=") - 1;
    const respelled = `${good.slice(0, at)}${alphabet[alphabet.indexOf(good[at] ?? "") + 1]}${good.slice(at + 1)}`;
    expect(Buffer.from(respelled, "base64")).toEqual(raw);
    expect(outcome(respelled)).toBe("invalid_signature");
  });

  test("without a key nothing is proven, not even with the secret of the path, and the words say where the key is", () => {
    expect(outcome(good, { keys: [], pathSecret: "path-secret" })).toBe("invalid_signature");
    expect(outcome(undefined, { pathSecret: "path-secret" })).toBe("invalid_signature");
    const told = refusalOf(() => verifySignature({ headers: {}, body, pathSecret: null }, []));
    expect(told).toMatch(/No public key is set.*Conversation Webhooks, copy the public key/);
  });

  test("the words tell a missing one from a garbled one from a wrong one, and repeat nothing of it", () => {
    expect(words()).toContain("X-Freshchat-Signature is missing");
    expect(words("%%%")).toContain("does not hold one signature");
    const forged = signed(stranger.privateKey);
    expect(words(forged)).toContain("another key than the connection's");
    expect(words(forged)).not.toContain(forged.slice(0, 10));
  });
});

interface Vector {
  readonly header: string;
  readonly public_key_as_delivered: string;
  readonly body: string;
  readonly valid_signature: string;
  readonly invalid_signature: string;
}

const vectorFile = new URL(
  "../../../shared/contracts/freshchat-webhook-samples/signature-vector.json",
  import.meta.url,
);
const isThere = existsSync(vectorFile);

describe("the test vector of the contract", () => {
  // Missing on a CI machine it is a fault; elsewhere, as in a user's clone, the next test says that it is skipped.
  if (!isThere && process.env["CI"] === "true") test("is there", () => expect(isThere).toBe(true));

  test.skipIf(!isThere)("is accepted with the key as it is delivered, and its wrong signature is not", () => {
    const vector = JSON.parse(readFileSync(vectorFile, "utf8")) as Vector;
    const keys = [...keysIn(readPublicKeys(vector.public_key_as_delivered).keys?.join(" ") ?? null)];
    expect(keys.length).toBe(1);
    expect(vector.header.toLowerCase()).toBe("x-freshchat-signature");
    const bytes = Buffer.from(vector.body);
    expect(outcome(vector.valid_signature, { keys, bytes })).toBe("accepted");
    expect(outcome(vector.invalid_signature, { keys, bytes })).toBe("invalid_signature");
    expect(outcome(vector.valid_signature, { keys, bytes: Buffer.from(`${vector.body} `) })).toBe("invalid_signature");
    expect(outcome(vector.valid_signature, { keys: [stranger.publicKey], bytes })).toBe("invalid_signature");
  });
});
