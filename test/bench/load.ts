import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import autocannon from "autocannon";

/** What a run of requests came to. Latencies in milliseconds. */
export interface Load {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly answered: number;
  /** Of the server, for one answer; NaN where the system has no /proc. Says more than the rate on a machine that is shared. */
  readonly processorMicroseconds: number;
}

export interface LoadOptions {
  readonly url: string;
  /** Of the server's process. */
  readonly pid: number;
  readonly seconds: number;
  readonly token?: string;
  /** Absent: 64. */
  readonly connections?: number;
  /** Added to every body. */
  readonly callbackUrl?: string;
}

export const CONNECTIONS = 64;
/** Not counted: compilers and caches warm up, connections are made. */
const WARM_UP_SECONDS = 1;

/**
 * The same client for everything that is measured: 64 connections, one request at a time on each, every request about a
 * conversation of its own.
 *
 * @throws Error when an answer is not 201
 */
export async function load(options: LoadOptions): Promise<Load> {
  await run({ ...options, seconds: WARM_UP_SECONDS });
  return await run(options);
}

async function run({ url, pid, seconds, token, callbackUrl, connections = CONNECTIONS }: LoadOptions): Promise<Load> {
  const latencies: number[] = [];
  const others = new Map<number, number>();
  const usedBefore = processorSeconds(pid);
  const startedAt = performance.now();
  let lastAt = startedAt;
  const { promise, resolve, reject } = Promise.withResolvers<autocannon.Result>();
  const instance = autocannon(
    {
      url,
      connections,
      duration: seconds,
      method: "POST",
      headers: { "content-type": "application/json", ...(token !== undefined && { authorization: `Bearer ${token}` }) },
      requests: [{ setupRequest: (request) => ({ ...request, body: bodyFor(randomUUID(), callbackUrl) }) }],
    },
    (error: Error | null, result) => (error === null ? resolve(result) : reject(error)),
  );
  instance.on("response", (_client, status, _bytes, milliseconds) => {
    lastAt = performance.now();
    if (status === 201) latencies.push(milliseconds);
    else others.set(status, (others.get(status) ?? 0) + 1);
  });
  const result = await promise;
  if (others.size > 0 || result.errors > 0)
    throw new Error(`${url}: ${result.errors} errors, other answers ${JSON.stringify([...others])}`);
  const [p50 = Number.NaN, p99 = Number.NaN] = percentiles(latencies, [0.5, 0.99]);
  return {
    perSecond: latencies.length / ((lastAt - startedAt) / 1000),
    p50,
    p99,
    answered: latencies.length,
    processorMicroseconds: ((processorSeconds(pid) - usedBefore) * 1_000_000) / latencies.length,
  };
}

/** Time that a process has had on processors; the system counts it in hundredths of a second. */
function processorSeconds(pid: number): number {
  try {
    // The name of the program comes before, in brackets, and may hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return Number.NaN;
  }
}

/** Nearest rank. */
export function percentiles(values: readonly number[], at: readonly number[]): number[] {
  const sorted = Float64Array.from(values).sort();
  return at.map((share) => sorted[Math.max(Math.ceil(share * sorted.length) - 1, 0)] ?? Number.NaN);
}

/** A request for a person as bots make it, about 1 KB. */
export function bodyFor(conversationId: string, callbackUrl?: string): string {
  return JSON.stringify({
    conversation: {
      id: conversationId,
      locale: "en",
      channel: { type: "widget" },
      pageUrl: "https://shop.example/p/7",
      visitor: { id: "v-5", name: "Ana", email: "ana@example.com", phone: null, attributes: { plan: "pro" } },
      messages: [
        { id: "m1", role: "visitor", text: "Where is my order?", at: "2026-11-20T09:00:00Z", attachments: [] },
        { id: "m2", role: "bot", text: "Which number does it have?", at: "2026-11-20T09:00:05Z", attachments: [] },
        {
          id: "m3",
          role: "visitor",
          text: "1042, ordered two weeks ago.",
          at: "2026-11-20T09:00:30Z",
          attachments: [],
        },
        {
          id: "m4",
          role: "bot",
          text: "It left our warehouse on Monday.",
          at: "2026-11-20T09:00:33Z",
          attachments: [],
        },
        { id: "m5", role: "visitor", text: "I want a person.", at: "2026-11-20T09:00:50Z", attachments: [] },
      ],
      products: [{ id: "p7", name: "Desk lamp", url: "https://shop.example/p/7", price: "39.00 EUR" }],
      summary: "Order 1042 has not arrived.",
    },
    trigger: "visitor",
    reason: "asked for a person",
    priority: "high",
    ...(callbackUrl !== undefined && { callbackUrl }),
  });
}
