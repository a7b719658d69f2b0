import type { Health } from "./http/routes/health.ts";

/** Something that must work before requests can be taken on. */
export interface Part {
  readonly name: string;
  /** `ok`, or what is wrong in a word. Rejecting counts as `unavailable`, taking long as `slow`. */
  state(): Promise<string> | string;
  /** Its being away is told, and does not make Baton unready: what Baton can do without. */
  readonly isOptional?: boolean;
}

/** An answer that comes later than this helps no load balancer (reliability.md P13). */
const WITHIN_MS = 1_500;

/** Asks every part at once. Never rejects. */
export async function askParts(parts: readonly Part[]): Promise<Health> {
  const asked = await Promise.all(
    parts.map(async (part) => ({ part, state: await within(part).catch(() => "unavailable") })),
  );
  return {
    ready: asked.every(({ part, state }) => state === "ok" || part.isOptional === true),
    parts: Object.fromEntries(asked.map(({ part, state }) => [part.name, state])),
  };
}

async function within(part: Part): Promise<string> {
  const { promise: late, resolve } = Promise.withResolvers<string>();
  const timer = setTimeout(() => resolve("slow"), WITHIN_MS);
  try {
    return await Promise.race([Promise.resolve().then(() => part.state()), late]);
  } finally {
    clearTimeout(timer);
  }
}
