import { z } from "zod";
import { DeliveryError } from "../../src/domain/delivery.ts";
import type { FailureDetails, FailureKind } from "../../src/domain/delivery.ts";
import type { OutgoingResponse } from "../../src/ports.ts";
import { jsonOf } from "../answers.ts";
import type { Doing } from "../failures.ts";
import { askedToWaitSeconds, throttleSeconds } from "./pace.ts";

/** FreshChat answered with a refusal. Code here branches on `status`, `vendorCode` and `isStale`, never on words. */
export class Refusal extends DeliveryError {
  readonly status: number;
  /** FreshChat's own word for it, such as `INVALID_VALUE`: capitals and `_`, at most 60; empty when it named none. */
  readonly vendorCode: string;
  /** A 400 because the conversation is not its user's latest: it takes nothing more (sheet 1.3). */
  readonly isStale: boolean;

  constructor(kind: FailureKind, message: string, details: FailureDetails & RefusalBody) {
    super(kind, message, details);
    this.status = details.status;
    this.vendorCode = details.vendorCode;
    this.isStale = details.isStale;
  }
}

interface RefusalBody {
  readonly status: number;
  readonly vendorCode: string;
  readonly isStale: boolean;
}

/** An answer that is no success, as an error that says what to do (sheet 1.3, 1.4). */
export function refusal(response: OutgoingResponse, { doing, isWrite }: Doing, now: Date): Refusal {
  const body = readBody(response);
  const { status } = response;
  const make = (kind: FailureKind, why: string, more: FailureDetails = {}): Refusal =>
    new Refusal(kind, `FreshChat did not ${doing} (${status}). ${why}`, { ...more, ...body });
  if (status === 401) {
    return make(
      "credentials",
      "The API token is wrong or has expired: copy it again from Admin Settings, API Settings, or make a new one there.",
    );
  }
  if (status === 402 || status === 403) {
    return make(
      "credentials",
      "The token has no right to this, or the plan does not include it: use the token of an account admin, and check that the plan has API access.",
    );
  }
  if (status === 404) {
    return make("permanent", "It is not there: check the channel and the group, or it was deleted.", { isGone: true });
  }
  if (status === 409) return make("permanent", "It contradicts what FreshChat has already.");
  if (status === 429) {
    return make("rate_limited", "It asks to slow down.", { retryAfterSeconds: throttleSeconds(response.headers, now) });
  }
  if (status === 408 || status >= 500) {
    return make("transient", "It is down or overloaded; this is tried again.", {
      ambiguous: isWrite,
      retryAfterSeconds: status === 503 ? askedToWaitSeconds(response.headers, now) : null,
    });
  }
  if (status >= 300 && status < 400) {
    return make(
      "credentials",
      "It redirects: set the address to the chat URL shown beside the API token, not to a page of the portal.",
    );
  }
  if (body.isStale)
    return make("permanent", "The conversation is no longer the visitor's latest and takes nothing more.");
  return make("permanent", `It refuses what was sent${body.vendorCode === "" ? "" : `: ${body.vendorCode}`}.`);
}

/** FreshChat would refuse this now, so it was not asked: nothing was sent. */
export const heldBack = (doing: string, seconds: number): DeliveryError =>
  new DeliveryError("rate_limited", `FreshChat was not asked to ${doing}: it asked to slow down.`, {
    retryAfterSeconds: seconds,
  });

/** A 2xx can hold a refusal all the same, in the form of the outbound messages (sheet 1.3). */
export const isRefusedInside = (body: unknown): boolean =>
  z.looseObject({ success: z.literal(false) }).safeParse(body).success;

/** The documented form, and that of outbound messages. What they say may repeat what was sent: never shown. */
const Errors = z.looseObject({
  status: z.string().nullish().catch(null),
  message: z.string().nullish().catch(null),
  error_code: z.union([z.string(), z.number()]).nullish().catch(null),
  error_message: z.string().nullish().catch(null),
});

function readBody(response: OutgoingResponse): RefusalBody {
  const { status: word, message, error_code, error_message } = Errors.safeParse(jsonOf(response)).data ?? {};
  const words = `${message ?? ""} ${error_message ?? ""}`.slice(0, 2_000);
  const vendorCode = [word, error_code].find((name) => typeof name === "string" && /^[A-Z_]{1,60}$/.test(name));
  return {
    status: response.status,
    vendorCode: String(vendorCode ?? ""),
    isStale: response.status === 400 && /not the latest conversation/i.test(words),
  };
}
