import ipaddr from "ipaddr.js";
import { HandoffError } from "../../domain/errors.ts";
import type { Limiter, Limiters } from "../../ports-bus.ts";
import { ownLimiters } from "../own-limiters.ts";

/** More than anybody pastes by mistake, also where a whole office shares one address. */
const WRONG_CODES = 20;
const LOCKED_SECONDS = 15 * 60;

export interface SignInLock {
  /**
   * Runs `attempt`, and counts it against the address when its code is refused. An address with too many of those is locked out,
   * right codes included. Whatever RATE_LIMIT says: it is no limit on traffic.
   *
   * @throws HandoffError `too_many_requests`, and whatever `attempt` throws
   */
  attempt<Result>(address: string, attempt: () => Promise<Result>): Promise<Result>;
}

/** @param limiters how wrong codes are counted: in this process's memory, or in all processes together */
export function createSignInLock(limiters: Limiters = ownLimiters): SignInLock {
  const wrong = limiters({ name: "sign-in", points: WRONG_CODES, seconds: LOCKED_SECONDS });
  return {
    async attempt(address, attempt) {
      const key = networkOf(address);
      // Counted before it is known to be wrong: guesses sent all at once must not all be let through.
      await count(wrong, key);
      try {
        const result = await attempt();
        await wrong.giveBack(key);
        return result;
      } catch (error) {
        if (!(error instanceof HandoffError && error.code === "sign_in_refused")) await wrong.giveBack(key);
        throw error;
      }
    },
  };
}

async function count(limiter: Limiter, key: string): Promise<void> {
  const wait = await limiter.take(key);
  if (wait === null) return;
  const retryAfterSeconds = Math.max(1, Math.ceil(wait / 1000));
  const minutes = Math.ceil(retryAfterSeconds / 60);
  throw new HandoffError(
    "too_many_requests",
    `Too many wrong sign-in codes came from your network. Try again in ${minutes} ${minutes === 1 ? "minute" : "minutes"}.`,
    { retryAfterSeconds },
  );
}

/** Whoever has one address of IPv6 has all of its /64. */
function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed.kind() === "ipv6" ? parsed.toByteArray().slice(0, 8).join(".") : parsed.toString();
}
