import { createHmac } from "node:crypto";
import { RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import type { Limiters } from "../ports-bus.ts";
import type { RedisLink } from "./link.ts";

/**
 * Counts over all processes. While Redis is away each counts for itself, so that nobody is let through unseen nor locked out.
 *
 * @param given.key keeps addresses and ids out of Redis: what is counted under is their HMAC
 * @param given.own counts where Redis cannot
 */
export function redisLimiters(given: { link: RedisLink; key: Uint8Array; own: Limiters }): Limiters {
  const { link } = given;
  return (limit) => {
    const { name, points, seconds } = limit;
    const own = given.own(limit);
    const keyPrefix = `${link.prefix}limit:${name}`;
    const shared = new RateLimiterRedis({ storeClient: link.commands, points, duration: seconds, keyPrefix });
    const nameOf = (key: string) => createHmac("sha256", given.key).update(key).digest("base64url").slice(0, 22);

    async function takeShared(key: string): Promise<number | null> {
      try {
        await shared.consume(nameOf(key));
        return null;
      } catch (refused) {
        if (refused instanceof RateLimiterRes) return refused.msBeforeNext;
        throw refused;
      }
    }

    return {
      take: (key) => link.ask(() => takeShared(key)).catch(() => own.take(key)),
      giveBack: (key) =>
        link
          .ask(async () => {
            await shared.reward(nameOf(key));
          })
          .catch(() => own.giveBack(key)),
    };
  };
}
