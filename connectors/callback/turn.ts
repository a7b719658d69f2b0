import { isUtf8 } from "node:buffer";
import { answerFaults, TurnAnswer } from "../../src/domain/bot-turn.ts";
import { DeliveryError } from "../../src/domain/delivery.ts";
import type { FailureDetails, FailureKind } from "../../src/domain/delivery.ts";
import { OutgoingError } from "../../src/ports.ts";
import type { BotAnswer, BotTurns, Clock, Outgoing, OutgoingResponse } from "../../src/ports.ts";
import { isSigned, signatures } from "./signing.ts";
import { waitOf } from "./wait-of.ts";

export interface BotTurnsDeps {
  readonly outgoing: Outgoing;
  readonly clock: Clock;
  /** For the whole answer. Default 10 seconds: a visitor waits. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 10_000;
const LONGEST_ANSWER_BYTES = 1024 * 1024;
const TOLERANCE_MS = 5 * 60 * 1_000;

const HOW_TO_SIGN =
  "Sign the answer per Standard Webhooks with the bot's signing secret: webhook-id as in the request, webhook-timestamp, webhook-signature.";

/**
 * Asks a bot by a signed POST to its message URL (Standard Webhooks, as callbacks are), and takes only an answer that it signed: what
 * the answer says is said to visitors in its name, so that the address alone, which may have been taken over, is no proof.
 *
 * No error repeats anything of what was asked or answered.
 */
export function createBotTurns({ outgoing, clock, timeoutMs = TIMEOUT_MS }: BotTurnsDeps): BotTurns {
  return {
    async ask({ url, secret, id, body }) {
      const content = JSON.stringify(body);
      const at = clock();
      const headers = {
        "Content-Type": "application/json",
        Accept: "application/json",
        "User-Agent": "Baton",
        "webhook-id": id,
        "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
        "webhook-signature": signatures(secret, { id, at, content }),
      };
      const origin = URL.parse(url)?.origin ?? "The bot's message address";
      const maxBytes = LONGEST_ANSWER_BYTES;
      let response: OutgoingResponse;
      try {
        response = await outgoing.request({ method: "POST", url, headers, body: content, timeoutMs, maxBytes });
      } catch (error) {
        if (!(error instanceof OutgoingError)) throw error;
        // The head of an answer came, and for these nothing behind it matters.
        if (error.status !== undefined && error.status !== 200) return judge(error.status, null, origin);
        throw noAnswer(error);
      }
      if (response.status !== 200) return judge(response.status, waitOf(response, clock()), origin);
      return read(response, { origin, secret, id, now: clock() });
    },
  };
}

interface Expected {
  readonly origin: string;
  readonly secret: string;
  readonly id: string;
  readonly now: Date;
}

function read(response: OutgoingResponse, expected: Expected): BotAnswer {
  const { origin } = expected;
  const refuse = (why: string) => new DeliveryError("permanent", `${origin} answered, but ${why}`);
  // The scheme signs text: bytes that are not UTF-8 would be read as something else than what was signed.
  if (!isUtf8(response.bytes)) throw refuse("not in UTF-8. Answer with JSON in UTF-8.");
  const content = response.bytes.toString("utf8");
  const fault = signatureFault(response.headers, content, expected);
  if (fault !== null) throw refuse(fault);
  const answer = TurnAnswer.safeParse(jsonIn(content));
  if (answer.success) return answer.data;
  throw refuse(
    `the answer is not one that Baton reads (${answerFaults(answer.error)}). ` +
      'Answer with {"messages": [{"text": "…"}]}, or with 204 when there is nothing to say.',
  );
}

/** What is wrong with the proof that the bot wrote this; null when it did. */
function signatureFault(
  headers: OutgoingResponse["headers"],
  content: string,
  { secret, id, now }: Expected,
): string | null {
  const { "webhook-id": theirId, "webhook-timestamp": timestamp, "webhook-signature": signature } = headers;
  if (!theirId || !timestamp || !signature) return `the answer is not signed. ${HOW_TO_SIGN}`;
  if (theirId !== id)
    return "its webhook-id is not that of the request. Send the request's own back, and sign with it.";
  if (!/^\d{1,12}$/.test(timestamp))
    return "its webhook-timestamp is no time. Send seconds since 1970, as a whole number.";
  const at = new Date(Number(timestamp) * 1_000);
  if (Math.abs(at.getTime() - now.getTime()) > TOLERANCE_MS)
    return "its webhook-timestamp is more than five minutes off. Check the clocks of both sides, and sign each answer anew.";
  if (!isSigned(secret, signature, { id, at, content }))
    return "its signature does not fit. Sign the bytes that are sent, with the signing secret that Baton shows for this bot.";
  return null;
}

/** Undefined for what is no JSON. */
function jsonIn(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}

/** Every answer but a 200. Says nothing of it but its status: a bot's error page may repeat the conversation. */
function judge(status: number, retryAfter: number | null, origin: string): BotAnswer {
  if (status === 202) return { isLater: true };
  if (status === 204) return { isLater: false, messages: [], handoff: null };
  const fail = (kind: FailureKind, why: string, details: FailureDetails = {}) =>
    new DeliveryError(kind, `${origin} answered ${status}: ${why}`, details);
  if (status === 429) throw fail("rate_limited", "the bot asks to wait.", { retryAfterSeconds: retryAfter });
  // Nobody behind the gateway: the bot is starting.
  if (status === 502 || status === 503)
    throw fail("transient", "the bot is not ready.", { retryAfterSeconds: retryAfter });
  if (status >= 500 || status === 408) throw fail("transient", "the bot failed.", { ambiguous: true });
  if (status >= 200 && status < 300)
    throw fail("permanent", "answer 200 with what the bot says, 202 to answer later, or 204 for nothing.");
  if (status >= 300 && status < 400)
    throw fail("permanent", "it redirects, which is not followed. Set the message URL to where it leads.");
  if (status === 401 || status === 403)
    throw fail("permanent", "the bot refuses to be asked. Check that it holds the signing secret shown here.");
  if (status === 404 || status === 405 || status === 410)
    throw fail("permanent", "the bot is not asked there. Check the path of the message URL.");
  throw fail("permanent", "the bot did not take the question.");
}

function noAnswer(error: OutgoingError): DeliveryError {
  // Its words name the origin only, and for a private address ALLOW_PRIVATE_NETWORK.
  const message = `The bot could not be asked. ${error.message}`;
  switch (error.kind) {
    case "invalid_url":
    case "invalid_header":
    case "refused_address":
    case "too_large":
      return new DeliveryError("permanent", message, { cause: error });
    case "dns":
    case "connect":
    case "tls":
    case "timeout":
    case "reset":
    case "too_many_redirects":
    case "not_json":
      return new DeliveryError("transient", message, { ambiguous: error.ambiguous, cause: error });
  }
}
