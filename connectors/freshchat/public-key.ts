import { createPrivateKey, createPublicKey } from "node:crypto";
import type { KeyObject } from "node:crypto";

type Read =
  { readonly keys: readonly string[]; readonly fault: null } | { readonly keys: null; readonly fault: string };

const MIN_BITS = 2_048;
/** More than a change ever needs: each signature is tried against all of them. */
const MOST_KEYS = 4;
const where = "copy the public key that FreshChat shows beside the webhook's address";
const privateFault = `is a private key, which must stay secret and is of no use here: ${where}`;

/**
 * The public keys in what an admin pasted, in any form: as the settings page shows it (one line, labelled `RSA PUBLIC KEY`
 * although an SPKI is inside; sheet 2, Signature), in lines, as true PKCS#1, with the label `PUBLIC KEY`, as bare base64, with `\n`
 * written out, in quotes, and several one after another.
 *
 * @returns each key once, as base64 of its SPKI DER; none for blank text; or what is wrong, in words. Never throws.
 */
export function readPublicKeys(text: string): Read {
  const plain = text.replace(/\\r|\\n/g, " ").replace(/["'`\u201c\u201d\u2018\u2019\ufeff\u200b]/g, " ");
  if (/PRIVATE KEY/i.test(plain)) return faulty(privateFault);
  if (/BEGIN [A-Z ]*CERTIFICATE/i.test(plain)) return faulty(`is a certificate, not a public key: ${where}`);
  if (/BEGIN (?:OPENSSH|SSH2|PGP)|ssh-(?:rsa|ed25519)\s/i.test(plain))
    return faulty(`is a key of another kind of program: ${where}`);
  const found = new Set<string>();
  for (const block of blocksIn(plain)) {
    const read = readBlock(block);
    if (read.key === null) return faulty(read.fault);
    found.add(read.key);
  }
  if (found.size > MOST_KEYS) return faulty(`holds more than ${MOST_KEYS} keys: keep the new and the old one`);
  return { keys: [...found], fault: null };
}

/** The keys of a setting that `readPublicKeys` has read. @throws Error for anything else. */
export const keysIn = (setting: string | null): readonly KeyObject[] =>
  (setting ?? "")
    .split(" ")
    .filter((part) => part !== "")
    .map((part) => createPublicKey({ key: Buffer.from(part, "base64"), format: "der", type: "spki" }));

/** Base64 texts, each one key. Between labels line ends and blanks mean nothing; without labels they part keys, or lines of one. */
function blocksIn(text: string): readonly string[] {
  const labels = /-----\s*(?:BEGIN|END)\s+(?:RSA\s+)?PUBLIC\s+KEY\s*-----/gi;
  return text.split(labels).flatMap((part) => {
    const words = part.split(/[\s,;]+/).filter((word) => word !== "");
    const joined = words.join("");
    if (words.length < 2 || keyOf(joined) !== null) return joined === "" ? [] : [joined];
    return splitKeys(words);
  });
}

/** Bare base64 of several keys, each perhaps broken into lines: a key ends where what was gathered is one. */
function splitKeys(words: readonly string[]): readonly string[] {
  const keys: string[] = [];
  let gathered = "";
  for (const word of words) {
    gathered += word;
    if (keyOf(gathered) === null) continue;
    keys.push(gathered);
    gathered = "";
  }
  return gathered === "" ? keys : [...keys, gathered];
}

function readBlock(
  base64: string,
): { readonly key: string; readonly fault: null } | { readonly key: null; readonly fault: string } {
  const key = keyOf(base64);
  if (key === null && isPrivate(base64)) return { key: null, fault: privateFault };
  if (key === null) return { key: null, fault: `is no public key: ${where}, from its beginning to its end` };
  if (key.asymmetricKeyType !== "rsa")
    return { key: null, fault: `is no RSA key, and FreshChat signs with RSA: ${where}` };
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < MIN_BITS) return { key: null, fault: `is too short to be safe (${bits} bits): ${where}` };
  return { key: key.export({ format: "der", type: "spki" }).toString("base64"), fault: null };
}

/** Strict base64 of a DER that holds a public key and nothing after it. */
function keyOf(base64: string): KeyObject | null {
  const der = derIn(base64);
  if (der === null) return null;
  for (const type of ["spki", "pkcs1"] as const) {
    const key = tryTo(() => createPublicKey({ key: der, format: "der", type }));
    // OpenSSL overlooks what follows the key, and takes private keys for public ones. An SPKI ends with the PKCS#1 that is in it.
    if (key?.export({ format: "der", type: "spki" }).subarray(-der.length).equals(der)) return key;
  }
  return null;
}

function isPrivate(base64: string): boolean {
  const der = derIn(base64);
  const types = ["pkcs8", "pkcs1", "sec1"] as const;
  return (
    der !== null && types.some((type) => tryTo(() => createPrivateKey({ key: der, format: "der", type })) !== null)
  );
}

/** Null for what is no base64, or base64 in another than its one spelling. Padding is often lost in pasting. */
function derIn(base64: string): Buffer | null {
  const unpadded = base64.replace(/=+$/, "");
  const der = Buffer.from(unpadded, "base64");
  return der.toString("base64").replace(/=+$/, "") === unpadded ? der : null;
}

function tryTo<T>(act: () => T): T | null {
  try {
    return act();
  } catch {
    return null;
  }
}

const faulty = (fault: string): Read => ({ keys: null, fault });
