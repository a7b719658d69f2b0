import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { Webhook } from "standardwebhooks";

/** The same numbers for the same seed (mulberry32), so that a run can be made again. Timing stays the machine's own. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A port that nothing listens on now, for a program that has to come back on the same one. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** JSON of others, read by field as the outside reads it. */
// oxlint-disable-next-line typescript/no-explicit-any -- what is not there shows in the assertion that reads it
export type Json = Record<string, any>;

export interface Answer {
  readonly status: number;
  readonly body: Json;
}

/** One request; null when no answer came. */
export async function ask(
  url: string,
  given: { method?: string; token: string; body?: unknown; key?: string; headers?: Record<string, string> },
): Promise<Answer | null> {
  try {
    const response = await fetch(url, {
      method: given.method ?? "POST",
      headers: {
        Authorization: `Bearer ${given.token}`,
        ...(given.body !== undefined && { "Content-Type": "application/json" }),
        ...(given.key !== undefined && { "Idempotency-Key": given.key }),
        ...given.headers,
      },
      ...(given.body !== undefined && { body: JSON.stringify(given.body) }),
    });
    return { status: response.status, body: JSON.parse(await response.text()) as Json };
  } catch {
    return null;
  }
}

const AGAIN_AFTER_MS = 60;
const LONGEST_MS = 40_000;

/**
 * Asks until an answer comes that is none of "try again": what a careful bot does, with the same key and the same body.
 *
 * @throws Error when none comes in 40 seconds
 */
export async function insist(url: string, given: Parameters<typeof ask>[1]): Promise<Answer> {
  for (const until = performance.now() + LONGEST_MS; performance.now() < until; await pause(AGAIN_AFTER_MS)) {
    const answer = await ask(url, given);
    if (answer !== null && answer.status < 500 && answer.status !== 429) return answer;
  }
  throw new Error(`no answer within ${LONGEST_MS} ms from ${url}`);
}

export interface Heard {
  readonly id: string;
  readonly type: string;
  readonly data: Json;
}

/** A bot's callback address. Keeps all it hears in order, repeats included. */
export interface Listener {
  readonly url: string;
  readonly heard: readonly Heard[];
  /** Callbacks whose signature did not fit. */
  readonly forged: () => number;
  stop(): Promise<void>;
}

export async function listen(secret: () => string): Promise<Listener> {
  const heard: Heard[] = [];
  let forged = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const headers = request.headers as Record<string, string>;
      try {
        const body = new Webhook(secret()).verify(Buffer.concat(chunks).toString("utf8"), headers);
        const { type, data } = body as Omit<Heard, "id">;
        heard.push({ id: String(headers["webhook-id"]), type, data });
        response.writeHead(204).end();
      } catch {
        forged += 1;
        response.writeHead(401).end();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/baton`,
    heard,
    forged: () => forged,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
