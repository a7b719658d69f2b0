import * as fc from "fast-check";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { keysIn, readPublicKeys } from "./public-key.ts";

const rsa = (modulusLength: number) => generateKeyPairSync("rsa", { modulusLength });
const first = rsa(2_048);
const second = rsa(3_072);
const short = rsa(1_024);
const base64 = (key: KeyObject, type: "spki" | "pkcs1" = "spki") =>
  key.export({ format: "der", type }).toString("base64");
const spki = base64(first.publicKey);
const other = base64(second.publicKey);
const pem = first.publicKey.export({ format: "pem", type: "spki" }).toString();
const truePkcs1 = first.publicKey.export({ format: "pem", type: "pkcs1" }).toString();
const asShown = `-----BEGIN RSA PUBLIC KEY----- ${spki} -----END RSA PUBLIC KEY-----`;
const wrapped = (text: string, width: number, end: string) =>
  text.replace(new RegExp(`(.{${width}})`, "g"), `$1${end}`);

interface Form {
  readonly blank: string;
  readonly label: string;
  readonly width: number;
  readonly quote: string;
}
const written = (key: string, { blank, label, width, quote }: Form) =>
  `${quote}-----BEGIN ${label}-----${blank}${wrapped(key, width, blank)}${blank}-----END ${label}-----${quote}`;

describe("a public key as it is pasted", () => {
  test.each<[string, string]>([
    ["as the settings page shows it: one line, labelled RSA PUBLIC KEY, an SPKI inside", asShown],
    ["without blanks beside the labels", asShown.replaceAll("- ", "-").replaceAll(" -", "-")],
    ["in lines", `-----BEGIN RSA PUBLIC KEY-----\n${wrapped(spki, 64, "\n")}\n-----END RSA PUBLIC KEY-----\n`],
    ["with Windows' line ends", pem.replaceAll("\n", "\r\n")],
    ["with line ends written out", pem.replaceAll("\n", "\\n")],
    ["with Windows' line ends written out", pem.replaceAll("\n", "\\r\\n")],
    ["in quotes", `"${asShown}"`],
    ["in quotes of a letter", `\u201c${asShown}\u201d`],
    ["with the label PUBLIC KEY", pem],
    ["as true PKCS#1", truePkcs1],
    ["as true PKCS#1 in one line", truePkcs1.replaceAll("\n", " ")],
    ["as bare base64", spki],
    ["as bare base64 in lines", wrapped(spki, 76, "\r\n")],
    ["as bare base64 of PKCS#1", base64(first.publicKey, "pkcs1")],
    ["with blanks around", `\n\t ${asShown}  \n`],
    ["twice", `${asShown}\n${pem}`],
    ["with a label in small letters", asShown.toLowerCase().replace(spki.toLowerCase(), spki)],
    ["without its last label", `-----BEGIN RSA PUBLIC KEY-----${spki}`],
  ])("%s", (_how, text) => expect(readPublicKeys(text)).toEqual({ keys: [spki], fault: null }));

  test.each<[string, string]>([
    [
      "as shown, one after the other",
      `${asShown} -----BEGIN RSA PUBLIC KEY----- ${other} -----END RSA PUBLIC KEY-----`,
    ],
    ["without anything between the labels", asShown.trim() + asShown.replace(spki, other)],
    ["with a comma between", `${spki}, ${other}`],
    ["as they are stored", `${spki} ${other}`],
    ["bare, each in lines", `${wrapped(spki, 64, "\n")}\n\n${wrapped(other, 64, "\n")}`],
    ["one with labels, one without", `${pem}\n${other}`],
  ])("two keys during a change, %s", (_how, text) =>
    expect(readPublicKeys(text)).toEqual({ keys: [spki, other], fault: null }),
  );

  test.each(["", "  \n", '""', "-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----"])("%j holds none", (text) =>
    expect(readPublicKeys(text)).toEqual({ keys: [], fault: null }),
  );

  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const ed = generateKeyPairSync("ed25519");
  const der = Buffer.from(spki, "base64");
  test.each<[string, string, string]>([
    ["words", "the key that our colleague found in the settings", "is no public key"],
    ["half a key", asShown.replace(spki, spki.slice(0, 200)), "is no public key"],
    ["a key with something after it", Buffer.concat([der, Buffer.from("more")]).toString("base64"), "is no public key"],
    ["a key with a letter changed at its beginning", `N${spki.slice(1)}`, "is no public key"],
    [
      "a key with a strange letter in it",
      asShown.replace(spki, `${spki.slice(0, 9)}*${spki.slice(10)}`),
      "is no public key",
    ],
    ["one key and half of another", `${asShown} ${asShown.replace(spki, other.slice(0, 100))}`, "is no public key"],
    ["an elliptic curve", ec.publicKey.export({ format: "pem", type: "spki" }).toString(), "is no RSA key"],
    ["Ed25519", ed.publicKey.export({ format: "pem", type: "spki" }).toString(), "is no RSA key"],
    ["a short key", short.publicKey.export({ format: "pem", type: "spki" }).toString(), "(1024 bits)"],
    ["a private key", first.privateKey.export({ format: "pem", type: "pkcs8" }).toString(), "is a private key"],
    ["a private RSA key", first.privateKey.export({ format: "pem", type: "pkcs1" }).toString(), "is a private key"],
    [
      "bare base64 of a private key",
      first.privateKey.export({ format: "der", type: "pkcs8" }).toString("base64"),
      "is a private key",
    ],
    [
      "bare base64 of a private RSA key",
      first.privateKey.export({ format: "der", type: "pkcs1" }).toString("base64"),
      "is a private key",
    ],
    ["a certificate", `-----BEGIN CERTIFICATE-----\n${spki}\n-----END CERTIFICATE-----`, "is a certificate"],
    [
      "the private key of a curve, bare",
      ec.privateKey.export({ format: "der", type: "sec1" }).toString("base64"),
      "is a private key",
    ],
    ["a key for SSH", "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7 ann@example", "another kind of program"],
  ])("%s is refused in words, and not repeated", (_what, text, words) => {
    const { keys, fault } = readPublicKeys(text);
    expect(keys).toBeNull();
    expect(fault).toContain(words);
    expect(fault).not.toContain(text.slice(30, 60));
  });

  test("five keys are too many", () => {
    const keys = Array.from({ length: 5 }, () => base64(rsa(2_048).publicKey));
    expect(readPublicKeys(keys.join(" ")).fault).toContain("more than 4 keys");
  });

  test("however labels, quotes, blanks and line ends fall, the keys come out, and again from what was stored", () => {
    const blank = fc.constantFrom(" ", "\n", "\r\n", "\\n", "\\r\\n", "\t", "  ");
    const label = fc.constantFrom("RSA PUBLIC KEY", "PUBLIC KEY");
    const form = fc.record({
      blank,
      label,
      width: fc.integer({ min: 16, max: 500 }),
      quote: fc.constantFrom("", '"', "'"),
    });
    fc.assert(
      fc.property(fc.subarray([spki, other, base64(first.publicKey)], { minLength: 1 }), form, form, (keys, a, b) => {
        const text = keys.map((key, i) => written(key, i === 0 ? a : b)).join(b.blank);
        const expected = [...new Set(keys)];
        expect(readPublicKeys(text)).toEqual({ keys: expected, fault: null });
        expect(readPublicKeys(expected.join(" "))).toEqual({ keys: expected, fault: null });
      }),
      { numRuns: 100 },
    );
  });

  test("whatever else is pasted gets words or nothing, never an exception", () => {
    const piece = fc.oneof(
      fc.string(),
      fc.base64String(),
      fc.constantFrom(spki, "-----BEGIN PUBLIC KEY-----", "=", "MII"),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 5 }), (pieces) => {
        const { keys, fault } = readPublicKeys(pieces.join(" "));
        expect(keys === null).toBe(fault !== null);
      }),
      { numRuns: 300 },
    );
  });

  test("what was read becomes keys", () => {
    const keys = keysIn(`${spki} ${other}`);
    expect(keys.map((key) => key.asymmetricKeyDetails?.modulusLength)).toEqual([2_048, 3_072]);
    expect(keysIn(null)).toEqual([]);
  });
});

const vectorFile = new URL(
  "../../../shared/contracts/freshchat-webhook-samples/signature-vector.json",
  import.meta.url,
);
const isThere = existsSync(vectorFile);

describe("the key of the contract", () => {
  if (!isThere && process.env["CI"] === "true") test("is there", () => expect(isThere).toBe(true));

  test.skipIf(!isThere)("is read as it is delivered, which OpenSSL alone refuses", () => {
    const vector = JSON.parse(readFileSync(vectorFile, "utf8")) as Record<
      "public_key_as_delivered" | "public_key_der_base64",
      string
    >;
    expect(() => createPublicKey(vector.public_key_as_delivered)).toThrow(/./);
    expect(readPublicKeys(vector.public_key_as_delivered).keys).toEqual([vector.public_key_der_base64]);
  });
});
