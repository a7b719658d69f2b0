import { createHmac, timingSafeEqual } from "node:crypto";
import { HandoffError } from "../../src/domain/errors.ts";
import type { InboundRequest } from "../../src/ports.ts";

/** Oldest and newest webhook taken, in seconds. Chatwoot names no window; this one was discussed in its PR 13573. */
const WINDOW_SECONDS = 300;

/**
 * Refuses a webhook that does not come from Chatwoot.
 *
 * Chatwoot 4.13 and later signs what API inboxes send: `X-Chatwoot-Signature` is `sha256=` and the HMAC-SHA256, in lower-case
 * hex, of the timestamp's text, a dot and the raw body, keyed with the inbox's secret as text (chatwoot: lib/webhooks/trigger.rb).
 * With a secret set, an unsigned webhook is refused. Without one, the secret in the path is the only proof: the
 * caller has compared it, and hands it on as `pathSecret`; a webhook without it is refused.
 *
 * @param secrets set for the connection; several while they are being changed
 * @throws HandoffError `invalid_signature`, or `stale_webhook` for a true signature made too long ago or ahead of time
 */
export function verifySignature(request: InboundRequest, secrets: readonly string[], now: Date): void {
  if (secrets.length === 0) {
    if (!request.pathSecret) throw refused("The webhook is not signed, and its address does not hold the secret.");
    return;
  }
  const signature = /^sha256=([0-9a-f]{64})$/.exec(request.headers["x-chatwoot-signature"] ?? "")?.[1];
  const timestamp = /^\d{1,12}$/.exec(request.headers["x-chatwoot-timestamp"] ?? "")?.[0];
  if (!signature || !timestamp) {
    throw refused(
      "The webhook carries no Chatwoot signature. Chatwoot signs since 4.13; for an older one leave the webhook secret empty.",
    );
  }
  const given = Buffer.from(signature, "hex");
  // Every secret is tried, so that the time taken does not tell which one fits.
  const fitting = secrets.filter((secret) => isEqual(given, digest(secret, timestamp, request.body)));
  if (fitting.length === 0) throw refused();
  if (Math.abs(now.getTime() / 1000 - Number(timestamp)) > WINDOW_SECONDS) throw new HandoffError("stale_webhook");
}

/** The secrets in a setting that may hold several; Chatwoot's own never hold a space or a comma. */
export const secretsIn = (setting: string | null): string[] =>
  (setting ?? "").split(/[\s,]+/).filter((part) => part !== "");

const digest = (secret: string, timestamp: string, body: Buffer): Buffer =>
  createHmac("sha256", secret).update(`${timestamp}.`).update(body).digest();

const isEqual = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b);

const refused = (detail?: string): HandoffError =>
  new HandoffError("invalid_signature", detail ?? "The webhook was signed with another secret than the connection's.");
