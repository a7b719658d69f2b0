import { z } from "zod";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HandoffError } from "../../src/domain/errors.ts";
import { defineRoute } from "../../src/http/route.ts";
import { startWorld } from "./harness.ts";
import type { World } from "./harness.ts";

let world: World;
let admin: string;
let effects = 0;
let gate: Promise<void> = Promise.resolve();

/** A route whose work can be held up, and which fails when told to. */
const slow = defineRoute({
  method: "POST",
  path: "/v1/test/effects",
  summary: "Count",
  tag: "Test",
  scopes: ["admin", "bot"],
  body: z.strictObject({ fail: z.boolean().default(false), secret: z.string().default("") }).prefault({}),
  responses: { 201: { description: "Counted" } },
  idempotent: true,
  async handler({ body, unit }) {
    const made = await unit(async () => {
      await gate;
      if (body.fail) throw new HandoffError("conflict", "told to");
      effects += 1;
      return { status: 201, body: { n: effects } };
    });
    return { status: made.status, body: { ...made.body, token: `fresh ${body.secret}` } };
  },
});

beforeAll(async () => {
  world = await startWorld({ extra: () => [slow] });
  ({ admin } = await world.workspace("once"));
});
afterAll(() => world.close());

const post = (key: string | null, options: { body?: unknown; token?: string; path?: string; bytes?: string } = {}) =>
  world.call("POST", options.path ?? "/v1/test/effects", {
    token: options.token ?? admin,
    body: options.body,
    ...(options.bytes === undefined ? {} : { bytes: options.bytes }),
    headers: key === null ? {} : { "idempotency-key": key },
  });

describe("Idempotency-Key", () => {
  test("fifty at once act once, and all get the same answer", async () => {
    const before = effects;
    const answers = await Promise.all(Array.from({ length: 50 }, () => post("fifty", { body: { secret: "s" } })));
    expect(effects).toBe(before + 1);
    expect(new Set(answers.map((answer) => answer.text)).size).toBe(1);
    expect(answers.every((answer) => answer.status === 201)).toBe(true);
    expect(answers.filter((answer) => answer.headers.get("idempotency-replayed") === "true")).toHaveLength(49);
  });

  test("fifty bots asked for at once are one bot", async () => {
    const make = () =>
      world.call("POST", "/v1/bots", { token: admin, body: { name: "One" }, headers: { "idempotency-key": "bot" } });
    const answers = await Promise.all(Array.from({ length: 50 }, make));
    expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
    expect(new Set(answers.map((answer) => answer.body.signingSecret)).size).toBe(1);
    const { body } = await world.call("GET", "/v1/bots", { token: admin });
    expect(body.items).toHaveLength(1);
  });

  test("the same key with another body, by one byte, is refused and does nothing", async () => {
    await post("bytes", { bytes: '{"fail":false}' });
    const before = effects;
    const other = await post("bytes", { bytes: '{"fail": false}' });
    expect([other.status, other.body.code]).toEqual([422, "idempotency_mismatch"]);
    const elsewhere = await post("bytes", { path: "/v1/bots", bytes: '{"name":"x"}' });
    expect(elsewhere.body.code).toBe("idempotency_mismatch");
    expect(effects).toBe(before);
  });

  test("two callers may choose the same key", async () => {
    const other = await world.workspace("other");
    const [mine, theirs] = [await post("shared"), await post("shared", { token: other.admin })];
    expect(theirs.body.n).toBe(mine.body.n + 1);
  });

  test("one caller's key holds for all its tokens", async () => {
    const tokens = [world.token("bot", "ws_x", "bot_x"), world.token("bot", "ws_x", "bot_x")];
    const first = await post("tokens", { token: tokens[0]! });
    const second = await post("tokens", { token: tokens[1]! });
    expect(second.body.n).toBe(first.body.n);
  });

  test("what failed is not kept: the next try is a first one", async () => {
    const failed = await post("again", { body: { fail: true } });
    expect(failed.status).toBe(409);
    expect(await world.store.read.storedAnswer("admin", "again")).toBeNull();
    const other = await post("again", { body: { fail: false } });
    expect(other.status).toBe(201);
    expect(other.headers.has("idempotency-replayed")).toBe(false);
  });

  test("without a key each acts", async () => {
    const [one, two] = [await post(null), await post(null)];
    expect(two.body.n).toBe(one.body.n + 1);
  });

  test("what is kept is what the unit gave, without what the route added", async () => {
    await post("kept", { body: { secret: "canary" } });
    const workspace = await world.call("GET", "/v1/workspaces/current", { token: admin });
    const scope = `admin:${workspace.body.id}:${workspace.body.id}`;
    const kept = await world.store.read.storedAnswer(scope, "kept");
    expect(kept).toMatchObject({ status: 201, body: JSON.stringify({ n: effects }) });
  });

  test.each([
    ["empty", ""],
    ["too long", "k".repeat(256)],
    ["not printable", "caf\u00e9"],
  ])("one that is %s is refused", async (_what, key) => {
    const answer = await post(key);
    expect([answer.status, answer.body.code]).toEqual([400, "malformed_request"]);
  });

  test("a repeated one that the first keeps waiting still acts once", async () => {
    const held = Promise.withResolvers<void>();
    gate = held.promise;
    const before = effects;
    const [first, second] = [post("held"), post("held")];
    await world.call("GET", "/healthz");
    held.resolve();
    const answers = await Promise.all([first, second]);
    expect(answers.map((answer) => answer.body.n)).toEqual([before + 1, before + 1]);
  });
});
