import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { BatonError } from "../domain/errors.ts";
import type { Key, KeyRing } from "./keys.ts";

export type SealingFault = "unknown_key" | "damaged";

/** Something sealed that cannot be opened. `unknown_key`: under another secret; `damaged`: altered, or moved elsewhere. */
export class SealingError extends BatonError {
  override readonly name = "SealingError";
  readonly code: `sealed_${SealingFault}`;
  readonly fault: SealingFault;

  constructor(fault: SealingFault) {
    super(remedies[fault]);
    this.fault = fault;
    this.code = `sealed_${fault}`;
  }
}

const remedies: Record<SealingFault, string> = {
  unknown_key:
    "The stored credentials were sealed under another BATON_SECRET. Set the former one again, or put it behind the present " +
    "one, comma-separated; without it, enter the credentials anew.",
  damaged: "The stored credentials are damaged or belong to another record. Enter them anew, or restore a backup.",
};

export interface Sealer {
  /**
   * Seals a text. `context` names where it will be kept, such as workspace and connection id: only the same context opens it,
   * so that a sealed value copied into another row is worth nothing.
   */
  seal(plaintext: string, context: string): string;
  /** The text again. Throws SealingError. */
  open(sealed: string, context: string): string;
  /** Whether an older key sealed it: open it, seal it again, and the older key can be dropped one day. */
  isOutdated(sealed: string): boolean;
}

const version = "v1";
const format = /^v1\.([\w-]{8})\.([\w-]{16})\.([\w-]*)\.([\w-]{22})$/;

/**
 * Seals credentials at rest with AES-256-GCM, as `v1.<key id>.<iv>.<ciphertext>.<tag>` in base64url.
 *
 * The iv is random (96 bits): good for 2^32 values under one key (NIST SP 800-38D, 8.3), far beyond what is sealed here.
 */
export function createSealer(keys: KeyRing): Sealer {
  const [current] = keys;
  return {
    seal(plaintext, context) {
      const iv = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", current.bytes, iv, { authTagLength: 16 });
      cipher.setAAD(boundTo(current, context));
      const ciphertext = Buffer.concat([cipher.update(plaintext, "utf8"), cipher.final()]);
      const parts = [iv, ciphertext, cipher.getAuthTag()].map((part) => part.toString("base64url"));
      return [version, current.id, ...parts].join(".");
    },
    open(sealed, context) {
      const [, id, iv = "", ciphertext = "", tag = ""] = format.exec(sealed) ?? [];
      if (id === undefined) throw new SealingError("damaged");
      const key = keys.find((candidate) => candidate.id === id);
      if (!key) throw new SealingError("unknown_key");
      try {
        const decipher = createDecipheriv("aes-256-gcm", key.bytes, decode(iv), { authTagLength: 16 });
        decipher.setAAD(boundTo(key, context));
        decipher.setAuthTag(decode(tag));
        return Buffer.concat([decipher.update(decode(ciphertext)), decipher.final()]).toString("utf8");
      } catch {
        throw new SealingError("damaged"); // Node's error says no more than that the tag does not match
      }
    },
    isOutdated: (sealed) => !sealed.startsWith(`${version}.${current.id}.`),
  };
}

function boundTo(key: Key, context: string): Buffer {
  return Buffer.from(`${version}.${key.id}\n${context}`);
}

// Node skips what it cannot read; taken strictly, one value has one spelling.
function decode(text: string): Buffer {
  const bytes = Buffer.from(text, "base64url");
  if (bytes.toString("base64url") !== text) throw new RangeError("not base64url");
  return bytes;
}
