import { afterAll, beforeAll, expect, test } from "vitest";
import { defineRoute } from "../../src/http/route.ts";
import { startWorld } from "./harness.ts";
import type { World } from "./harness.ts";

let world: World;
let made = 0;
let ended = 0;

async function* pieces(count: number, failsAt: number) {
  try {
    for (let n = 0; n < count; n += 1) {
      if (n === failsAt) throw new Error("the database went away");
      made += 1;
      yield "x".repeat(65_536);
    }
  } finally {
    ended += 1;
  }
}
const route = (name: string, count: number, failsAt = -1) =>
  defineRoute({
    method: "GET",
    path: `/v1/try/${name}`,
    summary: name,
    tag: "Try",
    scopes: ["admin"],
    responses: { 200: { description: "text", contentType: "text/plain" } },
    idempotent: false,
    handler: () => Promise.resolve({ chunks: pieces(count, failsAt), contentType: "text/plain", fileName: "a.txt" }),
  });

const routes = [route("whole", 3), route("at-once", 3, 0), route("half", 3, 2), route("endless", 100_000)];

let headers: Record<string, string>;
beforeAll(async () => {
  world = await startWorld({ extra: () => routes });
  headers = { Authorization: `Bearer ${(await world.workspace("Lamp Shop")).admin}` };
});
afterAll(() => world.close());

test("a text is sent whole", async () => {
  expect((await (await fetch(`${world.url}/v1/try/whole`, { headers })).text()).length).toBe(3 * 65_536);
});

test("what fails before anything was sent is answered like any other fault", async () => {
  const answer = await fetch(`${world.url}/v1/try/at-once`, { headers });
  expect([answer.status, answer.headers.get("content-type")]).toEqual([500, "application/problem+json"]);
});

test("what fails half-way cuts the connection off, so that half is not taken for all of it", async () => {
  const answer = await fetch(`${world.url}/v1/try/half`, { headers });
  await expect(answer.text()).rejects.toThrow(/terminated/);
});

test("no more is made than a reader takes, and none once it has gone", async () => {
  made = 0;
  const before = ended;
  const gone = new AbortController();
  const answer = await fetch(`${world.url}/v1/try/endless`, { headers, signal: gone.signal });
  const reader = answer.body!.getReader();
  await reader.read();
  gone.abort();
  await expect.poll(() => ended, { timeout: 10_000 }).toBe(before + 1);
  expect(made).toBeLessThan(1_000);
});
