import ipaddr from "ipaddr.js";
import { HandoffError } from "../../domain/errors.ts";
import type { ErrorCode } from "../../domain/errors.ts";
import type { Limiter, Limiters } from "../../ports-bus.ts";
import { ownLimiters } from "../own-limiters.ts";

/** More than anybody pastes by mistake, also where a whole office shares one address. */
const WRONG_CODES = 20;
const LOCKED_SECONDS = 15 * 60;

/**
 * Wrong passwords and codes for one account, from wherever they come. Each wider one is there for who waits out the one before: the
 * more of them there were, the longer the lock. A sign-in link still opens for who is locked out by others.
 */
const PER_ACCOUNT = [
  { name: "account-minute", points: 5, seconds: 60 },
  { name: "account-quarter", points: 15, seconds: 15 * 60 },
  { name: "account-day", points: 50, seconds: 24 * 3_600 },
] as const;

/** What counts as a wrong guess. */
const GUESSES: ReadonlySet<ErrorCode> = new Set(["sign_in_refused", "credentials_refused"]);

export interface SignInLock {
  /**
   * Runs `attempt`, and counts it against the address when what it was given is refused. An address with too many of those is locked
   * out, with what is right too. Whatever RATE_LIMIT says: it is no limit on traffic.
   *
   * @param account counted as well, where one is tried: an email address or a member's id
   * @throws HandoffError `too_many_requests`, and whatever `attempt` throws
   */
  attempt<Result>(address: string, attempt: () => Promise<Result>, account?: string): Promise<Result>;
}

/** @param limiters how wrong codes are counted: in this process's memory, or in all processes together */
export function createSignInLock(limiters: Limiters = ownLimiters): SignInLock {
  const network = limiters({ name: "sign-in", points: WRONG_CODES, seconds: LOCKED_SECONDS });
  const accounts = PER_ACCOUNT.map((limit) => limiters(limit));
  return {
    async attempt(address, attempt, account) {
      // Counted before it is known to be wrong: guesses sent all at once must not all be let through.
      const taken: [Limiter, string][] = [];
      const giveBack = () => Promise.all(taken.map(([limiter, key]) => limiter.giveBack(key)));
      const take = async (limiter: Limiter, key: string, whose: string) => {
        const wait = await limiter.take(key);
        taken.push([limiter, key]);
        if (wait === null) return;
        await giveBack();
        throw lockedOut(whose, wait);
      };
      await take(network, networkOf(address), "came from your network");
      if (account !== undefined)
        for (const limiter of accounts) await take(limiter, account, "were given for this account");
      try {
        const result = await attempt();
        await giveBack();
        return result;
      } catch (error) {
        if (!(error instanceof HandoffError && GUESSES.has(error.code))) await giveBack();
        throw error;
      }
    },
  };
}

function lockedOut(whose: string, waitMs: number): HandoffError {
  const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000));
  const minutes = Math.ceil(retryAfterSeconds / 60);
  return new HandoffError(
    "too_many_requests",
    `Too many wrong sign-in codes or passwords ${whose}. Try again in ${minutes} ${minutes === 1 ? "minute" : "minutes"}.`,
    { retryAfterSeconds },
  );
}

/** Whoever has one address of IPv6 has all of its /64. */
function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed.kind() === "ipv6" ? parsed.toByteArray().slice(0, 8).join(".") : parsed.toString();
}
