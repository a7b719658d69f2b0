import { createQuiets } from "./bus/quiets.ts";
import { createRedisBus } from "./bus/redis-bus.ts";
import { createRedisCache } from "./bus/redis-cache.ts";
import { ownLimiters } from "./http/own-limiters.ts";
import type { Log } from "./ports.ts";
import { noBus } from "./ports-bus.ts";
import type { Bus, Limiters, Quiet, SharedCache } from "./ports-bus.ts";
import { redisLimiters } from "./redis/limiters.ts";
import { openRedis } from "./redis/link.ts";
import type { RedisLink } from "./redis/link.ts";
import type { Key } from "./secrets/keys.ts";

/** What the processes of one installation have in common besides the store. All of it may be lost at any moment. */
export interface Sharing {
  /** Null without REDIS_URL: then all of it is this process's own. */
  readonly link: RedisLink | null;
  readonly bus: Bus;
  readonly cache: SharedCache | null;
  readonly limiters: Limiters;
  readonly quietOf: (connectionId: string) => Quiet;
  close(): Promise<void>;
}

/**
 * Begins to connect to Redis where one is given, and waits for nothing.
 *
 * @param given.key its name keeps installations apart that share one Redis; it itself hides addresses and ids there
 */
export function openSharing(given: { redisUrl: string | undefined; key: Key; log: Log }): Sharing {
  const { redisUrl, key, log } = given;
  if (redisUrl === undefined)
    return {
      link: null,
      bus: noBus,
      cache: null,
      limiters: ownLimiters,
      quietOf: createQuiets(noBus),
      close: () => Promise.resolve(),
    };
  const link = openRedis({ url: redisUrl, prefix: `baton:${key.id}:`, log });
  const bus = createRedisBus({ link, log });
  return {
    link,
    bus,
    cache: createRedisCache(link),
    limiters: redisLimiters({ link, key: key.bytes, own: ownLimiters }),
    quietOf: createQuiets(bus),
    close: () => link.close(),
  };
}
