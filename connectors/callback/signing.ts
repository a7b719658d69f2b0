import { timingSafeEqual } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { DeliveryError } from "../../src/domain/delivery.ts";

/** Of which an answer may carry several while its secret is being replaced. */
const MOST_SIGNATURES = 8;
const LONGEST_HEADER = 2_000;

/** What Standard Webhooks signs (standard-webhooks: spec/standard-webhooks.md). */
export interface Signable {
  readonly id: string;
  readonly at: Date;
  readonly content: string;
}

/**
 * Value of the header `webhook-signature`: one signature for each secret.
 *
 * @param secret `whsec_` and base64, or several with spaces between
 * @throws DeliveryError `permanent` when a secret cannot be read
 */
export function signatures(secret: string, { id, at, content }: Signable): string {
  const secrets = secret.split(/\s+/).filter((one) => one !== "");
  try {
    if (secrets.length === 0) throw new RangeError("no secret");
    return secrets.map((one) => new Webhook(one).sign(id, at, content)).join(" ");
  } catch {
    // What the library says may repeat the secret.
    throw new DeliveryError("permanent", "The bot's signing secret cannot be read: replace it, then try again.");
  }
}

/**
 * Whether a header `webhook-signature` holds a signature by one of the secrets. The library's own check looks at the machine's clock,
 * so here the time is for the caller to judge. Throws DeliveryError when a secret cannot be read.
 */
export function isSigned(secret: string, header: string, signed: Signable): boolean {
  if (header.length > LONGEST_HEADER) return false;
  const given = header.split(" ").slice(0, MOST_SIGNATURES);
  return signatures(secret, signed)
    .split(" ")
    .some((ours) => given.some((theirs) => isSame(ours, theirs)));
}

function isSame(ours: string, theirs: string): boolean {
  const [one, other] = [Buffer.from(ours), Buffer.from(theirs)];
  return one.length === other.length && timingSafeEqual(one, other);
}
