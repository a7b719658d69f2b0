import { hkdfSync } from "node:crypto";
import type { MasterSecret } from "./master-secret.ts";

export const purposes = ["tokens", "sealing", "webhooks", "idempotency", "sharing", "people"] as const;
export type Purpose = (typeof purposes)[number];

/** A key of 32 bytes for one purpose, with a short name by which a later reader finds it. The name tells nothing of the key. */
export interface Key {
  readonly id: string;
  readonly bytes: Buffer;
}

/** The keys of one purpose: the first is used for everything new, each of them for what exists. */
export type KeyRing = readonly [Key, ...Key[]];

export type Keys = Readonly<Record<Purpose, KeyRing>>;

/**
 * A key ring for each purpose, derived from the master secret by HKDF-SHA-256 (RFC 5869).
 *
 * Keys of different purposes are independent: what leaks or signs in one place opens nothing in another. The same secret
 * always gives the same keys, so changing anything here makes everything stored unreadable; add a version instead.
 */
export function deriveKeys(master: MasterSecret): Keys {
  const ring = (purpose: Purpose): KeyRing => {
    const [first, ...others] = master;
    return [derive(first, purpose), ...others.map((secret) => derive(secret, purpose))];
  };
  return {
    tokens: ring("tokens"),
    sealing: ring("sealing"),
    webhooks: ring("webhooks"),
    idempotency: ring("idempotency"),
    sharing: ring("sharing"),
    people: ring("people"),
  };
}

/**
 * By these a database knows the master secret again, without telling anything of it: for each, in its order. Keyed by HKDF like
 * everything that is made of it.
 */
export const fingerprintsOf = (master: MasterSecret): readonly string[] =>
  master.map((secret) => expand(secret, "fingerprint", 16).toString("base64url"));

function derive(secret: string, purpose: Purpose): Key {
  return {
    id: expand(secret, `${purpose} key id`, 6).toString("base64url"),
    bytes: expand(secret, `${purpose} key`, 32),
  };
}

function expand(secret: string, info: string, length: number): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, "baton v1", info, length));
}
