import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { defineRoute } from "../../src/http/route.ts";
import { z } from "zod";
import { startWorld } from "./harness.ts";
import type { World } from "./harness.ts";

/** What a conversation's store and its hints would be: a growing list, and who waits for news. */
let events: { seq: number; type: string; data: unknown }[] = [];
let listeners = new Set<() => void>();
let pagesRead = 0;
/** Called when a page has been read and is not yet on its way. */
let afterRead: (length: number) => void = () => {};
const PAGE = 10;

const add = (text: string) => {
  events.push({ seq: events.length + 1, type: "message.created", data: { text } });
  for (const listener of listeners) listener();
};

const stream = defineRoute({
  method: "GET",
  path: "/v1/test/events",
  summary: "Events",
  tag: "Test",
  scopes: ["bot", "visitor"],
  query: z.strictObject({ after: z.coerce.number().int().default(0) }),
  responses: { 200: { description: "Events", contentType: "text/event-stream" } },
  idempotent: false,
  handler: ({ headers, query }) =>
    Promise.resolve({
      stream: {
        afterSeq: headers.lastEventId ?? query.after,
        replay: (afterSeq: number) => {
          pagesRead += 1;
          const page = events.filter(({ seq }) => seq > afterSeq).slice(0, PAGE);
          afterRead(page.length);
          return Promise.resolve(page);
        },
        subscribe: (listener: () => void) => {
          listeners.add(listener);
          return () => void listeners.delete(listener);
        },
      },
    }),
});

let world: World;
beforeEach(async () => {
  events = [];
  listeners = new Set();
  pagesRead = 0;
  afterRead = () => {};
  world = await startWorld({ extra: () => [stream] });
});
afterEach(() => world.close());

interface Reader {
  readonly status: number;
  readonly response: IncomingMessage;
  text(): string;
  ids(): number[];
  /** Resolves once so many events are there. */
  has(count: number): Promise<void>;
  readonly ended: Promise<void>;
  stop(): void;
}

function read(options: { token: string; headers?: Record<string, string>; path?: string }): Promise<Reader> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${options.token}`, ...options.headers };
    const asked = request(`${world.url}${options.path ?? "/v1/test/events"}`, { headers });
    asked.on("error", reject).on("response", (response) => {
      let text = "";
      let unread = "";
      const ids: number[] = [];
      let waiting: (() => void)[] = [];
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString();
        const lines = `${unread}${chunk.toString()}`.split("\n");
        unread = lines.pop() ?? "";
        for (const line of lines) if (line.startsWith("id: ")) ids.push(Number(line.slice(4)));
        for (const look of waiting) look();
      });
      response.on("error", () => {});
      resolve({
        status: response.statusCode ?? 0,
        response,
        text: () => text,
        ids: () => ids,
        has: (count) =>
          new Promise((done) => {
            const look = () => {
              if (ids.length >= count) done();
            };
            waiting = [...waiting, look];
            look();
          }),
        ended: new Promise((done) => response.on("close", () => done())),
        stop: () => asked.destroy(),
      });
    });
    asked.end();
  });
}

const bot = () => world.token("bot", "ws_1", "bot_1");

describe("a stream of events", () => {
  test("begins with what there is and goes on with what comes, each once, in order", async () => {
    for (let n = 1; n <= 25; n += 1) add(`before ${n}`);
    const reader = await read({ token: bot() });
    expect(reader.response.headers).toMatchObject({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no",
    });
    await reader.has(25);
    add("first\nafter");
    add("second after");
    await reader.has(27);
    expect(reader.ids()).toEqual(Array.from({ length: 27 }, (_, n) => n + 1));
    expect(reader.text()).toContain('id: 26\nevent: message.created\ndata: {"text":"first\\nafter"}\n\n');
    reader.stop();
  });

  test("misses nothing that comes between a look and its end", async () => {
    afterRead = (length) => {
      if (length === 0 && events.length < 3) add("just missed");
    };
    const reader = await read({ token: bot() });
    await reader.has(3);
    expect(reader.ids()).toEqual([1, 2, 3]);
    reader.stop();
  });

  test("resumes after the last event that the reader has", async () => {
    for (let n = 1; n <= 5; n += 1) add(`${n}`);
    const byHeader = await read({ token: bot(), headers: { "last-event-id": "3" } });
    const byQuery = await read({ token: bot(), path: "/v1/test/events?after=4" });
    await Promise.all([byHeader.has(2), byQuery.has(1)]);
    expect([byHeader.ids(), byQuery.ids()]).toEqual([[4, 5], [5]]);
    byHeader.stop();
    byQuery.stop();
  });

  test("loses and repeats nothing over a hundred breaks", async () => {
    const seen: number[] = [];
    for (let round = 0; round < 100; round += 1) {
      add(`during ${round}`);
      const reader = await read({ token: bot(), headers: { "last-event-id": String(seen.at(-1) ?? 0) } });
      await reader.has(1);
      reader.stop();
      await reader.ended;
      seen.push(...reader.ids());
    }
    expect(seen).toEqual(events.map(({ seq }) => seq));
  });

  test("a reader who has gone is forgotten", async () => {
    const reader = await read({ token: bot() });
    expect(world.server.streamCount()).toBe(1);
    reader.stop();
    await expect.poll(() => world.server.streamCount()).toBe(0);
    expect(listeners.size).toBe(0);
  });

  test("a reader who takes nothing costs no memory: the rest waits where it is stored", async () => {
    for (let n = 1; n <= 1_500; n += 1) add("x".repeat(20_000));
    const reader = await read({ token: bot() });
    reader.response.pause();
    // 30 MB are waiting; the sockets' own buffers hold a few.
    const settled = async () => {
      const before = pagesRead;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return pagesRead === before;
    };
    await expect.poll(settled, { timeout: 10_000 }).toBe(true);
    expect(pagesRead).toBeLessThan(100);
    reader.response.resume();
    await reader.has(1_500);
    expect(pagesRead).toBeGreaterThanOrEqual(150);
    reader.stop();
  });

  test("ends with its token: revoked, or over", async () => {
    const [one, other] = [bot(), bot()];
    const [revoked, expiring] = [await read({ token: one }), await read({ token: other })];
    world.tokens.revoke(world.tokens.verify(one).tokenId);
    await revoked.ended;
    expect(revoked.text()).toContain(": token ended");
    world.setClock(new Date(Date.now() + 2 * 3_600_000));
    await expiring.ended;
    expect(world.server.streamCount()).toBe(0);
    world.setClock(null);
  });

  test("a visitor has eight at most", async () => {
    const token = world.token("visitor", "ws_1", "cnv_1");
    const readers = await Promise.all(Array.from({ length: 9 }, () => read({ token })));
    expect(readers.filter(({ status }) => status === 200)).toHaveLength(8);
    expect(readers.filter(({ status }) => status === 429)).toHaveLength(1);
    const neighbour = await read({ token: world.token("visitor", "ws_1", "cnv_2") });
    expect(neighbour.status).toBe(200);
    for (const reader of [...readers, neighbour]) reader.stop();
  });

  test("ends when the server stops, at once", async () => {
    const reader = await read({ token: bot() });
    const started = performance.now();
    await world.server.stop(5_000);
    await reader.ended;
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(reader.text()).toContain(": server stops");
  });
});
