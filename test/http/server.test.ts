import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { HandoffError } from "../../src/domain/errors.ts";
import { defineRoute } from "../../src/http/route.ts";
import type { Route } from "../../src/http/route.ts";
import { startWorld } from "./harness.ts";
import type { World } from "./harness.ts";

let world: World | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});

/** Writes these bytes on a bare connection; gives what came back until the other side closed. */
function raw(port: number, ...parts: string[]): Promise<{ text: string; ms: number }> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => parts.forEach((part) => socket.write(part)));
    let text = "";
    socket.on("data", (chunk) => (text += chunk.toString()));
    socket.on("error", reject);
    socket.on("close", () => resolve({ text, ms: performance.now() - started }));
  });
}

function routeThat(path: `/${string}`, work: () => Promise<unknown>): Route {
  return defineRoute({
    method: "POST",
    path,
    summary: "Test",
    tag: "Test",
    scopes: ["admin"],
    body: z.strictObject({}).prefault({}),
    responses: { 200: { description: "Done", schema: z.strictObject({ done: z.literal(true) }) } },
    idempotent: false,
    handler: async () => ({ status: 200, body: await work() }),
  });
}

describe("slow and broken senders", () => {
  const timeouts = { headersMs: 300, requestMs: 600, checkEveryMs: 50 };

  test("headers that do not end are cut off, others are served meanwhile", async () => {
    world = await startWorld({ server: { timeouts } });
    const slow = Array.from({ length: 50 }, () => raw(world!.port, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "));
    expect((await world.call("GET", "/healthz")).status).toBe(200);
    for (const { text, ms } of await Promise.all(slow)) {
      expect(text).toContain("HTTP/1.1 408 request_timeout");
      expect(text).toContain('"code":"request_timeout"');
      expect(ms).toBeLessThan(3_000);
    }
  });

  test("a connection that says nothing is cut off", async () => {
    world = await startWorld({ server: { timeouts } });
    expect((await raw(world.port)).ms).toBeLessThan(3_000);
  });

  test("a body that does not end is cut off, and nothing is stored", async () => {
    world = await startWorld({ server: { timeouts } });
    const { admin } = await world.workspace("slow");
    const head = `POST /v1/bots HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${admin}\r\n`;
    const { text } = await raw(
      world.port,
      `${head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n`,
      '{"name":',
    );
    expect(text).toContain("HTTP/1.1 408 ");
    expect((await world.call("GET", "/v1/bots", { token: admin })).body.items).toEqual([]);
  });

  test.each([
    ["no HTTP", "HELLO\r\n\r\n", "400 malformed_request"],
    ["an unknown method", "BREW /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "400 malformed_request"],
    ["no host", "GET /healthz HTTP/1.1\r\n\r\n", "400 Bad Request"],
    [
      "two lengths",
      "POST /v1/bots HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      "400 malformed_request",
    ],
    [
      "a length and chunks",
      "POST /v1/bots HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "400 malformed_request",
    ],
    ["17 kB of headers", `GET / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(17_000)}\r\n\r\n`, "431 headers_too_large"],
  ])("%s", async (_what, bytes, status) => {
    world = await startWorld();
    expect((await raw(world.port, bytes)).text).toContain(`HTTP/1.1 ${status}`);
  });
});

describe("faults of ours", () => {
  test("something unforeseen is a bare 500; what it says stays inside", async () => {
    const routes = [
      routeThat("/v1/test/throws", () => Promise.reject(new Error("canary: select * from secrets"))),
      routeThat("/v1/test/differs", () => Promise.resolve({ done: "canary" })),
    ];
    world = await startWorld({ extra: () => routes });
    const { admin } = await world.workspace("w");
    for (const { path } of routes) {
      const answer = await world.call("POST", path, { token: admin });
      expect([answer.status, answer.body.code]).toEqual([500, "internal"]);
      expect(answer.text).not.toContain("canary");
    }
    expect(world.logged.filter(({ event }) => event === "request_failed")).toHaveLength(2);
  });

  test.each(["SQLITE_FULL", "SQLITE_BUSY", "SQLITE_IOERR_WRITE", "SQLITE_READONLY"])(
    "%s is told as 503, to be tried again",
    async (code) => {
      const route = routeThat("/v1/test/full", () => Promise.reject(Object.assign(new Error("disk"), { code })));
      world = await startWorld({ extra: () => [route] });
      const { admin } = await world.workspace("w");
      const answer = await world.call("POST", route.path, { token: admin });
      expect([answer.status, answer.body.code, answer.headers.get("retry-after")]).toEqual([
        503,
        "storage_unavailable",
        "5",
      ]);
    },
  );

  test("a foreseen fault carries its words, its remedy and when to come back", async () => {
    const fault = new HandoffError("helpdesk_unavailable", "Chatwoot answered 429", { retryAfterSeconds: 7.2 });
    const route = routeThat("/v1/test/fault", () => Promise.reject(fault));
    world = await startWorld({ extra: () => [route] });
    const { admin } = await world.workspace("w");
    const answer = await world.call("POST", route.path, { token: admin });
    expect(answer.headers.get("retry-after")).toBe("8");
    const requestId = answer.headers.get("x-request-id");
    expect(answer.body).toEqual({
      type: `${world.url}/docs#problem-helpdesk_unavailable`,
      title: "The helpdesk did not answer",
      status: 503,
      detail: "Chatwoot answered 429",
      instance: `urn:baton:request:${requestId}`,
      code: "helpdesk_unavailable",
      requestId,
      retryAfterSeconds: 7.2,
    });
  });
});

describe("limits", () => {
  test("one token is slowed down, its neighbour is not", async () => {
    world = await startWorld({ server: { config: { trustProxy: false, rateLimit: 0.005 } } });
    const { admin, id } = await world.workspace("busy");
    const other = world.token("admin", id, id);
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => world!.call("GET", "/v1/workspaces/current", { token: admin })),
    );
    const refused = answers.filter(({ status }) => status === 429);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10);
    expect(refused).toHaveLength(20);
    expect(refused[0]?.headers.get("retry-after")).toBe("1");
    expect(refused[0]?.body.code).toBe("too_many_requests");
    expect((await world.call("GET", "/v1/workspaces/current", { token: other })).status).toBe(200);
  });

  test("guessing is slowed down by address, which nobody can forge", async () => {
    world = await startWorld({ server: { config: { trustProxy: false, rateLimit: 0.05 } } });
    const guess = (n: number) => {
      const headers = { "x-forwarded-for": `203.0.113.${n}` };
      return world!.call("GET", "/v1/bots", { token: `a.b.${n}`, headers });
    };
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => guess(n)));
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(5);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(15);
    const { status } = await world.call("GET", "/v1/workspaces", { token: world.operator });
    expect(status).toBe(200);
  });

  const EDGE_ID = "5f1c0a9e-7d1b-4c55-9a52-0d6d2f6a1f01";

  test("behind a trusted proxy, the addresses and the request id are the proxy's", async () => {
    world = await startWorld({ server: { config: { trustProxy: ["127.0.0.1"], rateLimit: 0.01 } } });
    const guess = (address: string) =>
      world!.call("GET", "/v1/bots", {
        token: "a.b.c",
        headers: { "x-forwarded-for": address, "x-request-id": EDGE_ID },
      });
    expect((await guess("203.0.113.1")).status).toBe(401);
    expect((await guess("203.0.113.1")).status).toBe(429);
    const other = await guess("203.0.113.2");
    expect(other.status).toBe(401);
    expect(other.headers.get("x-request-id")).toBe(EDGE_ID);
  });

  const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
  test.each<[string, Record<string, string>, string | RegExp]>([
    ["the trace's, where the proxy names no id", { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` }, TRACE],
    [
      "the id's, where it names both",
      { "x-request-id": EDGE_ID, traceparent: `00-${TRACE}-00f067aa0ba902b7-01` },
      EDGE_ID,
    ],
    ["a new one for a trace of zeros", { traceparent: `00-${"0".repeat(32)}-00f067aa0ba902b7-01` }, /^req_/],
    ["a new one for what may be a person's", { "x-request-id": "+40 712 345 678" }, /^req_/],
    ["a new one for somebody's address", { "x-request-id": "ana@example.com" }, /^req_/],
  ])("behind a trusted proxy the request id is %s", async (_what, headers, expected) => {
    world = await startWorld({ server: { config: { trustProxy: ["127.0.0.1"], rateLimit: "off" } } });
    const answer = await world.call("GET", "/healthz", { headers });
    expect(answer.headers.get("x-request-id")).toMatch(expected);
  });
});

describe("stopping", () => {
  test("a running request is finished, idle connections go, no new one comes", async () => {
    const begun = Promise.withResolvers<void>();
    const finished = Promise.withResolvers<unknown>();
    const route = routeThat("/v1/test/slow", () => {
      begun.resolve();
      return finished.promise;
    });
    world = await startWorld({ extra: () => [route] });
    const { admin } = await world.workspace("w");
    const idle = raw(world.port, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    const answer = world.call("POST", route.path, { token: admin });
    await begun.promise;
    const stopped = world.server.stop(5_000);
    await expect(world.call("GET", "/healthz")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    expect((await idle).text).toContain("HTTP/1.1 200");
    finished.resolve({ done: true });
    expect((await answer).status).toBe(200);
    const started = performance.now();
    await stopped;
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  test("what does not finish is cut off in time", async () => {
    const route = routeThat("/v1/test/never", () => new Promise(() => {}));
    world = await startWorld({ extra: () => [route] });
    const { admin } = await world.workspace("w");
    const answer = world.call("POST", route.path, { token: admin }).catch((error: unknown) => error);
    await world.call("GET", "/healthz");
    const started = performance.now();
    await world.server.stop(200);
    expect(performance.now() - started).toBeLessThan(1_500);
    expect(await answer).toMatchObject({ code: "ECONNRESET" });
  });
});

describe("health", () => {
  test("alive and ready", async () => {
    world = await startWorld();
    expect(await world.call("GET", "/healthz")).toMatchObject({ status: 200, body: { status: "ok" } });
    expect(await world.call("GET", "/readyz")).toMatchObject({ status: 200, body: { ready: true } });
  });
});
