import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { HandoffError } from "../domain/errors.ts";
import type { Principal, Scope } from "./principal.ts";

/** Requests a second that one token may make. Generous: they are there for loops gone wild, not for pricing. */
const PER_TOKEN: Readonly<Record<Scope, number>> = {
  operator: 2_000,
  admin: 2_000,
  agent: 200,
  // One app delivers everything that happens in a helpdesk's whole account.
  installation: 2_000,
  bot: 2_000,
  visitor: 20,
};

/** Requests a second without a valid token, from one address. */
const FAILURES_PER_ADDRESS = 100;

export interface RateLimits {
  /** Counts a request. Throws HandoffError `too_many_requests`. */
  request(principal: Principal): Promise<void>;
  /** Counts a refused token. Throws HandoffError `too_many_requests`. */
  failure(address: string): Promise<void>;
}

const NO_LIMITS: RateLimits = { request: async () => {}, failure: async () => {} };

/** Limits in this process's memory. @param factor multiplies each of them */
export function createRateLimits(factor: number | "off"): RateLimits {
  if (factor === "off") return NO_LIMITS;
  const limiter = (perSecond: number) =>
    new RateLimiterMemory({ points: Math.max(1, Math.round(perSecond * factor)), duration: 1 });
  const perToken: Readonly<Record<Scope, RateLimiterMemory>> = {
    operator: limiter(PER_TOKEN.operator),
    admin: limiter(PER_TOKEN.admin),
    agent: limiter(PER_TOKEN.agent),
    installation: limiter(PER_TOKEN.installation),
    bot: limiter(PER_TOKEN.bot),
    visitor: limiter(PER_TOKEN.visitor),
  };
  const failures = limiter(FAILURES_PER_ADDRESS);
  return {
    request: (principal) => count(perToken[principal.scope], principal.tokenId),
    failure: (address) => count(failures, address),
  };
}

async function count(limiter: RateLimiterMemory, key: string): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (refused) {
    if (!(refused instanceof RateLimiterRes)) throw refused;
    throw new HandoffError("too_many_requests", undefined, {
      retryAfterSeconds: Math.max(1, Math.ceil(refused.msBeforeNext / 1000)),
    });
  }
}
