import { HandoffError } from "../domain/errors.ts";
import type { Limiter, Limiters } from "../ports-bus.ts";
import { ownLimiters } from "./own-limiters.ts";
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

/** Requests a second of all tokens of one workspace together: one that has many of them leaves the others their share. */
const PER_WORKSPACE = 5_000;

/** Requests a second without a valid token, from one address. */
const FAILURES_PER_ADDRESS = 100;

export interface RateLimits {
  /** Counts a request. Throws HandoffError `too_many_requests`. */
  request(principal: Principal): Promise<void>;
  /** Counts a refused token. Throws HandoffError `too_many_requests`. */
  failure(address: string): Promise<void>;
}

const NO_LIMITS: RateLimits = { request: async () => {}, failure: async () => {} };

/**
 * @param factor multiplies each of the limits
 * @param limiters how they are counted: in this process's memory, or in all processes together
 */
export function createRateLimits(factor: number | "off", limiters: Limiters = ownLimiters): RateLimits {
  if (factor === "off") return NO_LIMITS;
  const limiter = (name: string, perSecond: number) =>
    limiters({ name, points: Math.max(1, Math.round(perSecond * factor)), seconds: 1 });
  const perToken: Readonly<Record<Scope, Limiter>> = {
    operator: limiter("operator", PER_TOKEN.operator),
    admin: limiter("admin", PER_TOKEN.admin),
    agent: limiter("agent", PER_TOKEN.agent),
    installation: limiter("installation", PER_TOKEN.installation),
    bot: limiter("bot", PER_TOKEN.bot),
    visitor: limiter("visitor", PER_TOKEN.visitor),
  };
  const perWorkspace = limiter("workspace", PER_WORKSPACE);
  const failures = limiter("failures", FAILURES_PER_ADDRESS);
  return {
    async request({ scope, tokenId, workspaceId }) {
      // First its own limit: what one token is refused is not taken from the others of its workspace.
      await count(perToken[scope], tokenId);
      if (workspaceId !== null) await count(perWorkspace, workspaceId);
    },
    failure: (address) => count(failures, address),
  };
}

async function count(limiter: Limiter, key: string): Promise<void> {
  const wait = await limiter.take(key);
  if (wait === null) return;
  throw new HandoffError("too_many_requests", undefined, { retryAfterSeconds: Math.max(1, Math.ceil(wait / 1000)) });
}
