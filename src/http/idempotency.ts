import { createHash } from "node:crypto";
import { HandoffError } from "../domain/errors.ts";
import type { Clock, Store, Tx } from "../ports.ts";
import type { Answer, UnitAnswer } from "./route.ts";

const LONGEST_WAIT_MS = 10_000;
const RETRY_SECONDS = 1;

/** A request that carries an Idempotency-Key. */
export interface KeyedRequest {
  /** Whose key it is: two callers may choose the same. */
  readonly scope: string;
  readonly key: string;
  /** Of method, path and the bytes of the body. */
  readonly hash: string;
}

/**
 * The request's Idempotency-Key; null when it has none.
 *
 * @throws HandoffError `malformed_request`
 */
export function idempotencyKeyOf(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  if (typeof header === "string" && /^[\x20-\x7e]{1,255}$/.test(header)) return header;
  throw new HandoffError("malformed_request", "Idempotency-Key must be 1 to 255 printable ASCII characters");
}

export function hashRequest(method: string, url: string, body: Buffer): string {
  return createHash("sha256").update(`${method} ${url}\n`).update(body).digest("base64");
}

export interface Idempotency {
  /**
   * Does `work` once for each key and stores its answer in the same commit; a repeated request gets that answer.
   *
   * @throws HandoffError `idempotency_mismatch` when the key was used for another request, `idempotency_conflict` when the first
   * one is still running after 10 seconds, and whatever `work` throws, of which nothing is kept
   */
  run<Body>(request: KeyedRequest, work: (tx: Tx) => Promise<Answer<Body>>): Promise<UnitAnswer<Body>>;
}

export function createIdempotency({ store, clock }: { store: Store; clock: Clock }): Idempotency {
  // The store alone would do: this only spares a database with concurrent writers the collision.
  const running = new Map<string, Promise<unknown>>();

  return {
    async run<Body>(request: KeyedRequest, work: (tx: Tx) => Promise<Answer<Body>>): Promise<UnitAnswer<Body>> {
      const slot = `${request.scope}\n${request.key}`;
      const deadline = Date.now() + LONGEST_WAIT_MS;
      for (let first = running.get(slot); first !== undefined; first = running.get(slot)) {
        await settledWithin(first, deadline - Date.now());
      }
      const result = once(request, work);
      running.set(slot, result);
      try {
        return await result;
      } finally {
        running.delete(slot);
      }
    },
  };

  function once<Body>(request: KeyedRequest, work: (tx: Tx) => Promise<Answer<Body>>): Promise<UnitAnswer<Body>> {
    return store.write(async (tx) => {
      const stored = await tx.storedAnswer(request.scope, request.key);
      if (stored !== null) {
        if (stored.requestHash !== request.hash) throw new HandoffError("idempotency_mismatch");
        // Our own JSON, of the same route: the hash covers method and path.
        return { status: stored.status, body: JSON.parse(stored.body) as Body, replayed: true };
      }
      const { status, body } = await work(tx);
      const text = JSON.stringify(body ?? null);
      await tx.storeAnswer(request.scope, request.key, { requestHash: request.hash, status, body: text }, clock());
      return { status, body: body as Body, replayed: false };
    });
  }
}

async function settledWithin(first: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), Math.max(ms, 0));
  });
  const settled = first.then(
    () => "settled" as const,
    () => "settled" as const,
  );
  const outcome = await Promise.race([settled, late]);
  clearTimeout(timer);
  if (outcome === "late")
    throw new HandoffError("idempotency_conflict", undefined, { retryAfterSeconds: RETRY_SECONDS });
}
