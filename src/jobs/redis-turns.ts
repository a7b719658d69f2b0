import { randomUUID } from "node:crypto";
import type { RedisLink } from "../redis/link.ts";
import type { Turns } from "./turns.ts";

/** Nobody else has it: it is ours, also when it was ours before. */
const TAKE = `
local has = redis.call("get", KEYS[1])
if has and has ~= ARGV[1] then return 0 end
redis.call("set", KEYS[1], ARGV[1], "PX", ARGV[2])
return 1`;
/** Prolonged or shortened only by who has it: it may have gone to another process while this one was frozen. */
const KEEP =
  'if redis.call("get", KEYS[1]) == ARGV[1] then return redis.call("pexpire", KEYS[1], ARGV[2]) end return 0';

/** For those who read the store just before the end. */
const AFTER_MS = 500;

/**
 * Turns by a key with an expiry that is prolonged while the work goes on. Chosen over a claim in the store, which would cost
 * one more commit for each webhook and each look; without Redis everybody takes every turn, which costs a helpdesk a second
 * question and nobody anything else.
 *
 * @param given.holdMs how long a turn outlives the process that has it
 */
export function createRedisTurns(given: { link: RedisLink; holdMs: number }): Turns & { close(): void } {
  const { link, holdMs } = given;
  const me = randomUUID();
  const held = new Set<string>();
  const keyOf = (what: string) => `${link.prefix}turn:${what}`;
  const keep = (what: string, ms: number) =>
    void link.ask((redis) => redis.eval(KEEP, 1, keyOf(what), me, ms)).catch(() => null);
  const keeping = setInterval(() => {
    for (const what of held) keep(what, holdMs);
  }, holdMs / 3);
  keeping.unref();

  return {
    async take(what) {
      try {
        const taken = await link.ask((redis) => redis.eval(TAKE, 1, keyOf(what), me, holdMs));
        if (taken === 0) return false;
        held.add(what);
      } catch {
        // Away: it is better done twice than not at all.
      }
      return true;
    },
    end(what, again) {
      if (held.delete(what)) keep(what, again ? AFTER_MS : holdMs);
    },
    close: () => clearInterval(keeping),
  };
}
