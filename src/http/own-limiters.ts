import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import type { Limiters } from "../ports-bus.ts";

/** Counts in this process's memory. */
export const ownLimiters: Limiters = ({ points, seconds }) => {
  const limiter = new RateLimiterMemory({ points, duration: seconds });
  return {
    async take(key) {
      try {
        await limiter.consume(key);
        return null;
      } catch (refused) {
        if (refused instanceof RateLimiterRes) return refused.msBeforeNext;
        throw refused;
      }
    },
    async giveBack(key) {
      await limiter.reward(key);
    },
  };
};
