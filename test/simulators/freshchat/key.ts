import { createSign, generateKeyPairSync, type KeyObject } from "node:crypto";

export interface SigningKey {
  readonly privateKey: KeyObject;
  /** As the settings page shows it: one line, and a label that does not fit what is in there. */
  readonly asShown: string;
}

export function makeKey(): SigningKey {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const der = publicKey.export({ type: "spki", format: "der" }).toString("base64");
  return { privateKey, asShown: `-----BEGIN RSA PUBLIC KEY----- ${der} -----END RSA PUBLIC KEY-----` };
}

// Making one takes a tenth of a second and more: simulators of one process share theirs unless they ask for their own.
let first: SigningKey | null = null;
let second: SigningKey | null = null;
export const usualKey = (): SigningKey => (first ??= makeKey());
/** A key that belongs to no account. */
export const strangersKey = (): SigningKey => (second ??= makeKey());

/** RSA-SHA256 (PKCS#1 v1.5) over the bytes, in base64 (2). */
export const signatureOf = (key: SigningKey, rawBody: string | Uint8Array): string =>
  createSign("RSA-SHA256").update(rawBody).sign(key.privateKey, "base64");
