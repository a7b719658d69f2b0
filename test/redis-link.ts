import { randomUUID } from "node:crypto";
import type { Log } from "../src/ports.ts";
import { openRedis } from "../src/redis/link.ts";
import type { RedisLink } from "../src/redis/link.ts";

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };

/** A link that is up, with keys of its own. */
export async function openLink(
  url: string,
  { log = silent, prefix = `baton-test-${randomUUID()}:` } = {},
): Promise<RedisLink> {
  const link = openRedis({ url, prefix, log });
  await isUp(link, true);
  return link;
}

/** Resolves when the link is up, or down. */
export async function isUp(link: RedisLink, wanted: boolean): Promise<void> {
  while (link.isUp() !== wanted) await new Promise((resolve) => setTimeout(resolve, 10));
}

export async function removeKeys(link: RedisLink, prefix: string): Promise<void> {
  const keys = await link.commands.keys(`${prefix}*`);
  if (keys.length > 0) await link.commands.del(...keys);
}
