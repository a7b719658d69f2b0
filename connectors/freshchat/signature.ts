import { constants, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { HandoffError } from "../../src/domain/errors.ts";
import type { InboundRequest } from "../../src/ports.ts";

const HEADER = "x-freshchat-signature";
const where =
  "In FreshChat under Admin Settings, Marketplace and Integrations, Conversation Webhooks, copy the public key into the connection's settings.";

/**
 * Refuses a webhook that does not come from FreshChat.
 *
 * `X-Freshchat-Signature` is the RSA-SHA256 signature (PKCS#1 v1.5) of the raw body, in base64 (sheet 2, Signature). It covers no
 * time: only what is remembered of earlier webhooks stops a repeat. The signature must be written as its one canonical
 * spelling, so that nobody can make another of it.
 *
 * @param keys set for the connection, RSA only; several while FreshChat's key is being changed
 * @throws HandoffError `invalid_signature`
 */
export function verifySignature(request: InboundRequest, keys: readonly KeyObject[]): void {
  if (keys.length === 0) throw refused(`No public key is set, so no webhook can be proven. ${where}`);
  const given = request.headers[HEADER];
  if (!given)
    throw refused("The webhook carries no signature of FreshChat's: the header X-Freshchat-Signature is missing.");
  const signature = bytesOf(given);
  if (signature === null) throw refused("The header X-Freshchat-Signature does not hold one signature in base64.");
  const isTrue = keys.some((key) => lengthOf(key) === signature.length && isSignedBy(key, request.body, signature));
  if (!isTrue) {
    throw refused(
      `The webhook was signed with another key than the connection's, or changed on the way. Is the key still the one shown? ${where}`,
    );
  }
}

/** Null for what is not the canonical spelling of some bytes: blanks, URL alphabet, missing or surplus padding, two values. */
function bytesOf(base64: string): Buffer | null {
  const bytes = Buffer.from(base64, "base64");
  return bytes.toString("base64") === base64 ? bytes : null;
}

const lengthOf = (key: KeyObject): number => Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8);

const isSignedBy = (key: KeyObject, body: Buffer, signature: Buffer): boolean =>
  verify("RSA-SHA256", body, { key, padding: constants.RSA_PKCS1_PADDING }, signature);

const refused = (detail: string): HandoffError => new HandoffError("invalid_signature", detail);
