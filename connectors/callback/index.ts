import { DeliveryError } from "../../src/domain/delivery.ts";
import type { FailureDetails } from "../../src/domain/delivery.ts";
import { OutgoingError } from "../../src/ports.ts";
import type { Callbacks, Clock, Outgoing, OutgoingResponse } from "../../src/ports.ts";
import { signatures } from "./signing.ts";
import { waitOf } from "./wait-of.ts";

export { createBotTurns } from "./turn.ts";
export type { BotTurnsDeps } from "./turn.ts";

export interface CallbacksDeps {
  readonly outgoing: Outgoing;
  readonly clock: Clock;
}

const TIMEOUT_MS = 10_000;
/** Nothing of the answer is used but its status. */
const LONGEST_ANSWER_BYTES = 64 * 1024;

/**
 * Posts events to bots, signed per Standard Webhooks (standard-webhooks: spec/standard-webhooks.md). Each attempt is signed
 * anew, since receivers refuse a time stamp older than five minutes; `webhook-id` stays the same, so that the bot can tell
 * a repeat. While a secret is being replaced the header carries one signature of each.
 *
 * Every fault that a new version of the bot may mend is `transient`: only an address that says it is gone, or that requests
 * may not go to, is `permanent`.
 */
export function createCallbacks({ outgoing, clock }: CallbacksDeps): Callbacks {
  return {
    async send({ url, secret, id, requestId, body }) {
      const content = JSON.stringify(body);
      const at = clock();
      const headers = {
        "Content-Type": "application/json",
        "User-Agent": "Baton",
        "webhook-id": id,
        "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
        "webhook-signature": signatures(secret, { id, at, content }),
        ...(requestId && { "X-Request-Id": requestId }),
      };
      const origin = URL.parse(url)?.origin ?? "The bot's callback address";
      let response: OutgoingResponse;
      try {
        response = await outgoing.request({
          method: "POST",
          url,
          headers,
          body: content,
          timeoutMs: TIMEOUT_MS,
          maxBytes: LONGEST_ANSWER_BYTES,
        });
      } catch (error) {
        if (!(error instanceof OutgoingError)) throw error;
        // The head of an answer came, and nothing behind it matters.
        if (error.status !== undefined) return judge(error.status, null, origin);
        throw noAnswer(error);
      }
      judge(response.status, waitOf(response, clock()), origin);
    },
  };
}

/** Does nothing for a 2xx. Says nothing of the answer but its status: a bot's error page may repeat the event. */
function judge(status: number, retryAfterSeconds: number | null, origin: string): void {
  if (status >= 200 && status < 300) return;
  const fail = (kind: "transient" | "permanent", why: string, details: FailureDetails = {}): DeliveryError =>
    new DeliveryError(kind, `${origin} answered ${status}: ${why}`, details);
  if (status === 410) throw fail("permanent", "the bot says the address is gone. Set its new callback URL.");
  if (status === 429 || status === 503)
    throw fail("transient", "the bot asks to wait. This is tried again.", { retryAfterSeconds });
  if (status >= 300 && status < 400)
    throw fail("transient", "it redirects, which is not followed. Set the callback URL to where it leads.");
  if (status === 401 || status === 403)
    throw fail("transient", "the bot refuses the callback. Check that it holds the signing secret shown here.");
  if (status === 404 || status === 405)
    throw fail("transient", "the bot takes no callbacks there. Check the path of the callback URL.");
  if (status >= 500) throw fail("transient", "the bot failed. This is tried again.", { ambiguous: true });
  throw fail("transient", "the bot did not take the event. This is tried again.");
}

function noAnswer(error: OutgoingError): DeliveryError {
  // Its words name the origin only, and for a private address ALLOW_PRIVATE_NETWORK.
  const message = `The bot could not be told. ${error.message}`;
  switch (error.kind) {
    case "invalid_url":
    case "invalid_header":
    case "refused_address":
      return new DeliveryError("permanent", message, { cause: error });
    case "dns":
    case "connect":
    case "tls":
    case "timeout":
    case "reset":
    case "too_large":
    case "too_many_redirects":
    case "not_json":
      return new DeliveryError("transient", message, { ambiguous: error.ambiguous, cause: error });
  }
}
