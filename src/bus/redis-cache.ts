import type { SharedCache } from "../ports-bus.ts";
import type { RedisLink } from "../redis/link.ts";

/** Answers that processes share over Redis, each for as long as it is said to hold. */
export function createRedisCache(link: RedisLink): SharedCache {
  const keyOf = (key: string) => `${link.prefix}cache:${key}`;
  return {
    get: (key) => link.ask((redis) => redis.get(keyOf(key))).catch(() => null),
    set(key, value, forMs) {
      link.ask((redis) => redis.set(keyOf(key), value, "PX", forMs)).catch(() => null);
    },
    drop(key) {
      link.ask((redis) => redis.del(keyOf(key))).catch(() => null);
    },
  };
}
