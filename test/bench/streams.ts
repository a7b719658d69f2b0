import { Agent, request } from "node:http";
import type { ClientRequest } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import type { Installation } from "./installation.ts";
import { percentiles } from "./load.ts";

/** Event streams on one process. Times from the moment a message is posted to its arrival at the reader, in milliseconds. */
export interface Streams {
  readonly openedPerSecond: number;
  /** Resident memory of the process, for one. */
  readonly bytesEach: number;
  /** One message now and then, while nothing else happens. */
  readonly toOne: { readonly p50: number; readonly p99: number };
  /** A message for each of them, as fast as 64 connections post them. */
  readonly toAll: { readonly p50: number; readonly p99: number; readonly perSecond: number };
}

const AT_ONCE = 64;
const SETTLE_MS = 3_000;
const LATEST_MS = 30_000;

interface Reader {
  readonly key: string;
  readonly token: string;
  readonly asked: ClientRequest;
}

/** As many conversations as streams, each read by its own visitor's token, all of them from this process. */
export async function measureStreams(
  installation: Installation,
  { count, rounds }: { count: number; rounds: number },
): Promise<Streams> {
  const arrivals = createArrivals();
  const conversations = await inTurns(count, (index) => tellOf(installation, `stream-${count}-${index}`));
  await pause(SETTLE_MS);
  const before = installation.program().residentBytes();
  const startedAt = performance.now();
  const readers = await inTurns(count, (index) => {
    const conversation = conversations[index];
    if (conversation === undefined) throw new Error("no conversation was made");
    return open(installation, conversation, arrivals);
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  try {
    await pause(SETTLE_MS);
    const bytesEach = (installation.program().residentBytes() - before) / count;
    const one: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      one.push(
        await post(
          installation,
          { readers, index: Math.floor((round * count) / rounds), word: `one ${round}` },
          arrivals,
        ),
      );
    }
    const allAt = performance.now();
    const all = await inTurns(count, (index) => post(installation, { readers, index, word: `all ${index}` }, arrivals));
    const perSecond = count / ((performance.now() - allAt) / 1_000);
    return { openedPerSecond: count / seconds, bytesEach, toOne: spread(one), toAll: { ...spread(all), perSecond } };
  } finally {
    for (const { asked } of readers) asked.destroy();
  }
}

/** What came in, by the words of the message. */
function createArrivals() {
  const waiting = new Map<string, () => void>();
  return {
    heard(text: string): void {
      for (const [, word = ""] of text.matchAll(/"text":"((?:one|all) \d+)"/g)) waiting.get(word)?.();
    },
    async of(word: string, act: () => Promise<unknown>): Promise<number> {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      const from = performance.now();
      const late = setTimeout(() => reject(new Error(`"${word}" did not arrive`)), LATEST_MS);
      waiting.set(word, () => resolve(performance.now() - from));
      try {
        await act();
        return await promise;
      } finally {
        clearTimeout(late);
        waiting.delete(word);
      }
    },
  };
}

async function tellOf(installation: Installation, key: string): Promise<{ key: string; token: string }> {
  const { botToken } = installation.first;
  const told = await installation.call("PUT", `/v1/conversations/${key}`, { locale: "en" }, botToken);
  return { key, token: String(told["visitorToken"]) };
}

/** Every one on a connection of its own, as browsers have them. */
const streamAgent = new Agent({ maxSockets: Infinity, keepAlive: false });

function open(
  installation: Installation,
  { key, token }: { key: string; token: string },
  arrivals: ReturnType<typeof createArrivals>,
): Promise<Reader> {
  return new Promise((resolve, reject) => {
    const asked = request(`${installation.program().url}/v1/conversations/${key}/events`, {
      agent: streamAgent,
      headers: { authorization: `Bearer ${token}` },
    });
    asked.on("error", reject).on("response", (response) => {
      if (response.statusCode !== 200) {
        reject(new Error(`a stream was answered ${response.statusCode}`));
        return;
      }
      response
        .setEncoding("utf8")
        .on("data", (text: string) => arrivals.heard(text))
        .on("error", () => {});
      resolve({ key, token, asked });
    });
    asked.end();
  });
}

function post(
  installation: Installation,
  { readers, index, word }: { readers: readonly Reader[]; index: number; word: string },
  arrivals: ReturnType<typeof createArrivals>,
): Promise<number> {
  const reader = readers[index];
  if (reader === undefined) throw new Error("no such stream");
  const path = `/v1/conversations/${reader.key}/messages`;
  return arrivals.of(word, () => installation.call("POST", path, { role: "visitor", text: word }, reader.token));
}

async function inTurns<Made>(count: number, make: (index: number) => Promise<Made>): Promise<Made[]> {
  const made: Made[] = [];
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < count; index = next++) made[index] = await make(index);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return made;
}

function spread(values: readonly number[]): { p50: number; p99: number } {
  const [p50 = Number.NaN, p99 = Number.NaN] = percentiles(values, [0.5, 0.99]);
  return { p50, p99 };
}
