import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startWorld } from "./harness.ts";
import type { World } from "./harness.ts";

let world: World;
let admin: string;

beforeAll(async () => {
  world = await startWorld();
  ({ admin } = await world.workspace("bodies"));
});
afterAll(() => world.close());

const post = (bytes: Uint8Array | string, headers: Record<string, string> = {}) =>
  world.call("POST", "/v1/bots", { token: admin, bytes, headers });
const stored = async () => (await world.call("GET", "/v1/bots?limit=200", { token: admin })).body.items;

const json = (value: unknown) => JSON.stringify(value);
const deep = (levels: number) => `{"name":${"[".repeat(levels)}${"]".repeat(levels)}}`;
const MEGABYTE = 1024 * 1024;

describe("a bad body is told so, and nothing is stored", () => {
  test.each<[string, string | Uint8Array, Record<string, string>, number, string]>([
    ["nothing", "", {}, 400, "malformed_body"],
    ["only white space", "  \n", {}, 400, "malformed_body"],
    ["broken off", '{"name": "a', {}, 400, "malformed_body"],
    ["single quotes", "{'name': 'a'}", {}, 400, "malformed_body"],
    ["a comment", '{"name": "a" /* x */}', {}, 400, "malformed_body"],
    ["two values", '{"name":"a"}{"name":"b"}', {}, 400, "malformed_body"],
    ["NaN", '{"name": NaN}', {}, 400, "malformed_body"],
    ["a raw NUL", '{"name": "a\u0000"}', {}, 400, "malformed_body"],
    ["a byte that is not UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), {}, 400, "malformed_body"],
    ["an overlong slash", Buffer.from('{"name":"\xc0\xaf"}', "latin1"), {}, 400, "malformed_body"],
    ["a surrogate in UTF-8", Buffer.from('{"name":"\xed\xa0\x80"}', "latin1"), {}, 400, "malformed_body"],
    ["UTF-16", Buffer.from('{"name":"a"}', "utf16le"), {}, 400, "malformed_body"],
    ["33 levels", deep(32), {}, 400, "malformed_body"],
    ["400,000 brackets", deep(200_000), {}, 400, "malformed_body"],
    ["a list", json([{ name: "a" }]), {}, 422, "validation_failed"],
    ["null", "null", {}, 422, "validation_failed"],
    ["a text", '"name"', {}, 422, "validation_failed"],
    ["an endless number", '{"name":"a","settings":{"queueLimit":1e999}}', {}, 422, "validation_failed"],
    ["a fraction", '{"name":"a","settings":{"queueLimit":1.5}}', {}, 422, "validation_failed"],
    ["a wrong type", '{"name":{"a":1}}', {}, 422, "validation_failed"],
    ["a field too many", '{"name":"a","workspaceId":"ws_2"}', {}, 422, "validation_failed"],
    ["__proto__", '{"name":"a","__proto__":{"isAdmin":true}}', {}, 422, "validation_failed"],
    ["__proto__, escaped", '{"name":"a","\\u005f_proto__":{"isAdmin":true}}', {}, 422, "validation_failed"],
    [
      "__proto__, deep inside",
      '{"name":"a","settings":{"form":{"__proto__":{"name":"off"}}}}',
      {},
      422,
      "validation_failed",
    ],
    ["constructor", '{"name":"a","constructor":{"prototype":{"isAdmin":true}}}', {}, 422, "validation_failed"],
    ["a form", "name=a", { "content-type": "application/x-www-form-urlencoded" }, 415, "unsupported_media_type"],
    ["plain text", '{"name":"a"}', { "content-type": "text/plain" }, 415, "unsupported_media_type"],
    [
      "another charset",
      '{"name":"a"}',
      { "content-type": "application/json; charset=latin1" },
      415,
      "unsupported_media_type",
    ],
    ["gzip", gzipSync('{"name":"a"}'), { "content-encoding": "gzip" }, 415, "unsupported_media_type"],
    ["a bomb", gzipSync(Buffer.alloc(20 * MEGABYTE)), { "content-encoding": "gzip" }, 415, "unsupported_media_type"],
    ["over a megabyte", json({ name: "a".repeat(MEGABYTE) }), {}, 413, "body_too_large"],
    ["a hundred megabytes", Buffer.alloc(100 * MEGABYTE, 32), {}, 413, "body_too_large"],
  ])("%s", async (_what, bytes, headers, status, code) => {
    const before = await stored();
    const answer = await post(bytes, headers);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(answer.body).toMatchObject({ status, requestId: answer.headers.get("x-request-id") });
    expect(await stored()).toEqual(before);
    expect(({} as Record<string, unknown>)["isAdmin"]).toBeUndefined();
  });

  test("__proto__ is refused also where any name may stand", async () => {
    const config = '{"baseUrl":"https://desk.example","accountId":1,"apiAccessToken":"t","__proto__":{"isAdmin":true}}';
    const bytes = `{"type":"fakedesk","config":${config}}`;
    const answer = await world.call("POST", "/v1/connections", { token: admin, bytes });
    expect(answer.status).toBe(422);
    expect(answer.body.faults).toEqual([
      { path: "config.__proto__", message: "is no field of this", code: "unknown_field" },
    ]);
  });

  test("the same sent in pieces without a length", async () => {
    const chunked = { token: admin, chunked: true };
    const long = await world.call("POST", "/v1/bots", { ...chunked, bytes: Buffer.alloc(100 * MEGABYTE, 32) });
    expect([long.status, long.body.code]).toEqual([413, "body_too_large"]);
    expect((await world.call("POST", "/v1/bots", { ...chunked, bytes: '{"name":"a"}' })).status).toBe(201);
  });

  test("without a type it is not guessed", async () => {
    const answer = await world.call("POST", "/v1/bots", { token: admin, bytes: "{}", headers: { "content-type": "" } });
    expect(answer.status).toBe(415);
  });
});

describe("a good body is taken", () => {
  test.each<[string, string | Uint8Array, Record<string, string>, string]>([
    ["with a charset", '{"name":"a"}', { "content-type": "application/json; charset=UTF-8" }, "a"],
    ["with a byte order mark", '\ufeff{"name":"a"}', {}, "a"],
    ["with every kind of letter", json({ name: "Zoë 😀 שלום" }), {}, "Zoë 😀 שלום"],
    ["with U+0000, which is dropped", '{"name":"a\\u0000b"}', {}, "ab"],
    ["with half a surrogate pair", '{"name":"a\\ud83db"}', {}, "a\ufffdb"],
    ["with an escaped whole pair", '{"name":"\\ud83d\\ude00"}', {}, "😀"],
    ["with __proto__ as a word", '{"name":"__proto__"}', {}, "__proto__"],
    ["with brackets in a text", json({ name: "[".repeat(100) + '\\"]' }), {}, "[".repeat(100) + '\\"]'],
    ["with a repeated name, the last of which counts", '{"name":"a","name":"b"}', {}, "b"],
  ])("%s", async (_what, bytes, headers, name) => {
    const answer = await post(bytes, headers);
    expect(answer.status).toBe(201);
    expect(answer.body.name).toBe(name);
  });
});

describe("what a request asks for", () => {
  test("faults name the place and the kind, never the value", async () => {
    const answer = await post(
      json({ settings: { queueLimit: "canary-9", destinations: [{ id: "inbox", team: [] }, 5] } }),
    );
    expect(answer.body.faults.map((fault: { path: string; code: string }) => [fault.path, fault.code])).toEqual([
      ["name", "required"],
      ["settings.destinations[0].team", "invalid_type"],
      ["settings.destinations[1]", "invalid_type"],
      ["settings.queueLimit", "invalid_type"],
    ]);
    expect(answer.text).not.toContain("canary");
  });

  test("ten thousand faults make no second body", async () => {
    const fields = Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`field${n}`, n]));
    const answer = await post(json({ name: "a", ...fields }));
    expect(answer.body.faults).toHaveLength(501);
    expect(answer.body.faults.at(-1)).toEqual({ path: "", message: "and 9500 more", code: "more" });
  });

  test("a wrong method is told which are right", async () => {
    const answer = await world.call("DELETE", "/v1/bots", { token: admin });
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe("POST, GET, HEAD");
    const options = await world.call("OPTIONS", "/v1/bots");
    expect([options.status, options.headers.get("allow")]).toEqual([204, "POST, GET, HEAD"]);
  });

  test.each([
    ["an unknown path", "/v1/nothing", 404],
    ["another case", "/v1/Bots", 404],
    ["a broken percent escape", "/v1/bots/%zz", 400],
    ["a NUL in an id", "/v1/bots/%00", 404],
    ["an endless id", `/v1/bots/${"x".repeat(5_000)}`, 404],
    ["a path that climbs", "/v1/bots/..%2f..%2fetc", 404],
    ["a misspelt parameter", "/v1/bots?limits=5", 400],
    ["a repeated parameter", "/v1/bots?limit=5&limit=6", 400],
    ["a page of none", "/v1/bots?limit=0", 400],
    ["a page of all", "/v1/bots?limit=100000", 400],
    ["a negative page", "/v1/bots?limit=-1", 400],
    ["a parameter called __proto__", "/v1/bots?__proto__=1", 400],
  ])("%s", async (_what, path, status) => {
    const answer = await world.call("GET", path, { token: admin });
    expect(answer.status).toBe(status);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
  });

  test("HEAD answers like GET, without a body", async () => {
    const head = await world.call("HEAD", "/v1/bots", { token: admin });
    expect([head.status, head.text]).toEqual([200, ""]);
  });

  test("an answer may be kept by nobody, framed by nobody, and names no software", async () => {
    const { headers } = await world.call("GET", "/v1/bots", { token: admin });
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("content-security-policy")).toBe(
      "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
    );
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.has("x-powered-by")).toBe(false);
    expect(headers.has("etag")).toBe(false);
  });

  test("a request id is ours, not the sender's", async () => {
    const answer = await world.call("GET", "/healthz", { headers: { "x-request-id": "mine" } });
    expect(answer.headers.get("x-request-id")).toMatch(/^req_/);
  });
});
