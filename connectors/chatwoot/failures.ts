import { z } from "zod";
import { DeliveryError } from "../../src/domain/delivery.ts";
import type { FailureDetails, FailureKind } from "../../src/domain/delivery.ts";
import { retryAfterSeconds } from "../../src/domain/retry-after.ts";
import type { OutgoingResponse } from "../../src/ports.ts";
import { jsonOf } from "../answers.ts";
import type { Doing } from "../failures.ts";

/** Chatwoot answered with a refusal. Code here branches on `status`, `attributes` and `isTaken`, never on words. */
export class Refusal extends DeliveryError {
  readonly status: number;
  /** The fields that a 422 names. */
  readonly attributes: readonly string[];
  /** A 422 because another record has that value already. */
  readonly isTaken: boolean;

  constructor(kind: FailureKind, message: string, details: FailureDetails & Omit<RefusalBody, "words">) {
    super(kind, message, details);
    this.status = details.status;
    this.attributes = details.attributes;
    this.isTaken = details.isTaken;
  }
}

interface RefusalBody {
  readonly status: number;
  readonly attributes: readonly string[];
  readonly isTaken: boolean;
  /** What Chatwoot said. May repeat what was sent: for choosing between cases only, never shown. */
  readonly words: string;
}

/** Chatwoot's throttle counts by the minute and names no time (contract sheet 8.5, 8.6). */
const THROTTLE_SECONDS = 30;
const LONGEST_WAIT_SECONDS = 3_600;

/** An answer outside 2xx, as an error that says what to do (chatwoot: app/controllers/concerns/request_exception_handler.rb). */
export function refusal(
  response: OutgoingResponse,
  { doing, isWrite, whose }: Doing & { readonly whose: "user" | "bot" },
  now: Date,
): Refusal {
  const body = readBody(response);
  const { status } = response;
  const asked = retryAfterSeconds(response.headers, now);
  const wait = asked === undefined ? null : Math.min(asked, LONGEST_WAIT_SECONDS);
  const make = (kind: FailureKind, why: string, more: FailureDetails = {}): Refusal =>
    new Refusal(kind, `Chatwoot did not ${doing} (${status}). ${why}`, { ...more, ...body });
  if (status === 401) return make("credentials", unauthorised(body, response, whose));
  if (status === 402) return make("credentials", "A limit of its plan is reached: raise the plan, or free some of it.");
  if (status === 403) {
    return make(
      "credentials",
      "Its plan or a firewall does not allow API access: check the plan, and what stands in front.",
    );
  }
  if (status === 404) {
    const why = "It is not there: check the account and the inbox, or it was deleted.";
    return make("permanent", why, { isGone: true });
  }
  if (status === 429)
    return make("rate_limited", "It asks to slow down.", { retryAfterSeconds: wait ?? THROTTLE_SECONDS });
  if (status === 422 && /too many messages/i.test(body.words)) {
    const why = "The conversation takes no more messages within this minute.";
    return make("rate_limited", why, { retryAfterSeconds: THROTTLE_SECONDS });
  }
  if (status === 408 || status >= 500) {
    return make("transient", "It is down or overloaded; this is tried again.", {
      ambiguous: isWrite,
      retryAfterSeconds: wait,
    });
  }
  if (status >= 300 && status < 400) {
    return make(
      "credentials",
      "It redirects: set the address to where Chatwoot really is, most often the one with https.",
    );
  }
  return make("permanent", `It refuses ${body.attributes.length > 0 ? body.attributes.join(", ") : "what was sent"}.`);
}

const Errors = z.object({
  error: z.string().nullish().catch(null),
  message: z.string().nullish().catch(null),
  errors: z.array(z.unknown()).nullish().catch(null),
  attributes: z.array(z.string()).nullish().catch(null),
});

function readBody(response: OutgoingResponse): RefusalBody {
  const parsed = Errors.safeParse(jsonOf(response));
  const { error, message, attributes } = parsed.data ?? {};
  const words = `${error ?? ""} ${message ?? ""}`.slice(0, 1_000);
  return {
    status: response.status,
    words,
    attributes: (attributes ?? []).filter((name) => /^[a-z_]{1,40}$/.test(name)).slice(0, 10),
    isTaken: response.status === 422 && /already been taken|should be unique/i.test(words),
  };
}

/** Three different faults answer 401, and each is mended elsewhere (contract sheet 8.1, 8.5). */
function unauthorised({ words }: RefusalBody, response: OutgoingResponse, whose: "user" | "bot"): string {
  if (/invalid access token/i.test(words)) {
    if (whose === "bot")
      return "It does not know the token of Baton's agent bot any more: run the install again, which reads the new one.";
    return "It does not know the access token: copy it again from Profile settings, Access token.";
  }
  if (words.trim() === "" && Errors.safeParse(jsonOf(response)).data?.errors) {
    return "The access token did not arrive: a proxy in front of Chatwoot drops the header Api-Access-Token; let it pass.";
  }
  if (whose === "bot") return "Baton's agent bot may not do this there: run the install again, which puts it right.";
  return "The user behind the access token may not do this: use an administrator's, or make that user a member of the account and the inbox.";
}
