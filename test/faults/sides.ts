import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import { openGate } from "./gate.ts";
import type { Fate, Passing } from "./gate.ts";
import type { Heard, Json } from "./record.ts";

export type { Heard, Json } from "./record.ts";

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

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
}

export interface Asked {
  readonly method?: string;
  readonly token: string;
  readonly body?: unknown;
  readonly key?: string;
  readonly headers?: Record<string, string>;
}

/** One request; null when no answer came. */
export async function ask(url: string, given: Asked): Promise<Answer | null> {
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
    return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) as Json };
  } catch {
    return null;
  }
}

const AGAIN_AFTER_MS = 60;
const LONGEST_MS = 120_000;

/**
 * Asks until an answer comes that is none of "try again": what a careful bot does, with the same key and the same body.
 *
 * @param unfit is told of answers that say "try again" in a way that nobody could know by (reliability.md P13)
 * @throws Error when none comes in two minutes
 */
export async function insist(url: string, given: Asked, unfit?: (what: string) => void): Promise<Answer> {
  for (const until = performance.now() + LONGEST_MS; performance.now() < until; await pause(AGAIN_AFTER_MS)) {
    const answer = await ask(url, given);
    if (answer === null || answer.status === 429) continue;
    if (answer.status >= 500) {
      const isFit = answer.status === 503 && answer.headers.has("retry-after");
      if (!isFit)
        unfit?.(`no way to fail: ${answer.status} ${JSON.stringify(answer.body)} from ${new URL(url).pathname}`);
      continue;
    }
    // The first one with this key still runs, perhaps in another process.
    if (answer.status === 409 && answer.body["code"] === "idempotency_conflict") continue;
    return answer;
  }
  throw new Error(`no answer within ${LONGEST_MS} ms from ${url}`);
}

/** What a bot's callback address does with the next callbacks. `lose`: it takes them, and its answer never arrives. */
export type ListenerTrouble = "none" | "fail" | "busy" | "hang" | "slow" | "lose";

/** A bot's callback address. Keeps all it takes in order, repeats included. */
export interface Listener {
  readonly url: string;
  readonly heard: readonly Heard[];
  /** Callbacks whose signature did not fit. */
  readonly forged: () => number;
  trouble(which: ListenerTrouble): void;
  stop(): Promise<void>;
}

const SLOW_MS = 600;

/** @param fate see {@link openGate} */
export async function listen(
  secret: () => string,
  fate?: (passing: Passing) => Fate | Promise<Fate>,
): Promise<Listener> {
  const heard: Heard[] = [];
  let forged = 0;
  let trouble: ListenerTrouble = "none";
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (trouble === "hang") return;
      if (trouble === "fail") return void response.writeHead(500).end();
      if (trouble === "busy") return void response.writeHead(503, { "retry-after": "1" }).end();
      const headers = request.headers as Record<string, string>;
      const text = Buffer.concat(chunks).toString("utf8");
      if (!isSigned(secret(), text, headers)) {
        forged += 1;
        response.writeHead(401).end();
        return;
      }
      const { type, data } = JSON.parse(text) as Omit<Heard, "id">;
      heard.push({ id: String(headers["webhook-id"]), type, data });
      if (trouble === "lose") return void response.destroy();
      setTimeout(() => response.writeHead(204).end(), trouble === "slow" ? SLOW_MS : 0);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const own = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const gate = fate === undefined ? null : await openGate({ to: () => own, fate });
  return {
    url: `${gate?.url ?? own}/baton`,
    heard,
    forged: () => forged,
    trouble: (which) => {
      trouble = which;
    },
    async stop() {
      await gate?.stop();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

/** Whether a callback is signed for what it says. When it was signed is not judged: the program's clock goes wrong on purpose. */
function isSigned(secret: string, text: string, headers: Record<string, string>): boolean {
  const at = new Date(Number(headers["webhook-timestamp"]) * 1000);
  const wanted = new Webhook(secret).sign(String(headers["webhook-id"]), at, text);
  return headers["webhook-signature"]?.split(" ").includes(wanted) ?? false;
}
