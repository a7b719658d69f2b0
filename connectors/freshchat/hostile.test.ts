import { existsSync, readdirSync, readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HandoffError } from "../../src/domain/errors.ts";
import type { Inbound } from "../../src/ports.ts";
import { toInbound } from "./inbound.ts";

type Json = Record<string, unknown>;

const folder = new URL("fixtures/", import.meta.url);
const read = (url: URL): Json => JSON.parse(readFileSync(url, "utf8")) as Json;
const fixture = (name: string): Json => read(new URL(`${name}.json`, folder));
const fixtureNames = readdirSync(folder).map((name) => name.replace(".json", ""));
const secret = "She is on the gold plan, be quick.";
const anybody = { appId: null, agentId: null };

const agent = fixture("message_create.agent");
/** The agent's message, with other fields. */
const withMessage = (changed: Json): Json => {
  const copy = structuredClone(agent);
  Object.assign((copy["data"] as { message: Json }).message, changed);
  return copy;
};

/** Null where it was refused in words. */
const outcome = (payload: unknown): Inbound | null => {
  try {
    return toInbound(payload, anybody);
  } catch (error) {
    if (error instanceof HandoffError && error.code === "malformed_body") return null;
    throw error;
  }
};
const nested = (levels: number, key: string) => {
  let value: unknown = {};
  for (let i = 0; i < levels; i += 1) value = { [key]: value };
  return value;
};

describe("hostile webhooks", () => {
  test.each<[string, unknown]>([
    ["null", null],
    ["a number", 7],
    ["text", "message_create"],
    ["a list", [agent]],
    ["an empty object", {}],
    ["an action that is no text", { action: { toString: 1 } }],
    ["a very long action", { action: "x".repeat(100_000) }],
    ["an event that is no text", { event: ["onMessageCreate"] }],
  ])("%s is refused in words", (_what, payload) => {
    expect(() => toInbound(payload, anybody)).toThrow(expect.objectContaining({ code: "malformed_body" }));
  });

  test.each<[string, unknown]>([
    ["deep data", { action: "message_create", data: nested(20_000, "message") }],
    ["deep parts", withMessage({ message_parts: [nested(20_000, "collection")] })],
    [
      "deep collections",
      withMessage({
        message_parts: [JSON.parse(`${'{"collection":{"sub_parts":['.repeat(5_000)}1${"]}}".repeat(5_000)}`)],
      }),
    ],
    ["a huge id", withMessage({ id: "x".repeat(100_000) })],
    ["an id with line ends", withMessage({ id: "a\nb" })],
    [
      "a prototype as own key",
      JSON.parse('{"action":"message_create","__proto__":{"isAdmin":true},"data":{"__proto__":{"message":1}}}'),
    ],
  ])("%s gives nothing", (_what, payload) => {
    expect(outcome(payload)?.events).toEqual([]);
    expect(Object.hasOwn(Object.prototype, "isAdmin")).toBe(false);
  });

  const wrong = fc.constantFrom<unknown>(null, 0, -1, 1e308, "x", "", true, [], {}, [[]], "\u0000", "normal", {
    id: 1,
  });
  const paths = (value: unknown): string[][] =>
    typeof value === "object" && value !== null
      ? Object.entries(value).flatMap(([key, inner]) => [[key], ...paths(inner).map((path) => [key, ...path])])
      : [];
  const broken = (payload: Json) =>
    fc.array(fc.tuple(fc.constantFrom(...paths(payload)), wrong), { minLength: 1, maxLength: 3 }).map((changes) => {
      const copy = structuredClone(payload);
      for (const [path, value] of changes) {
        const owner = path.slice(0, -1).reduce<unknown>((inner, key) => (inner as Json | undefined)?.[key], copy);
        // Marked public is public: nobody can tell.
        const isMadePublic = path.at(-1) === "message_type" && value === "normal";
        if (typeof owner === "object" && owner !== null && !isMadePublic)
          (owner as Json)[path.at(-1)!] = structuredClone(value);
      }
      return copy;
    });

  test.each(fixtureNames)("%s with fields of the wrong kind never makes it fail, nor a note public", (name) => {
    fc.assert(
      fc.property(broken(fixture(name)), (payload) => {
        const inbound = outcome(payload);
        expect(JSON.stringify(inbound)).not.toContain(secret);
        expect(inbound?.dedupeKey.length ?? 0).toBeLessThanOrEqual(200);
      }),
      { numRuns: 150 },
    );
  });

  const samples = new URL("../../../shared/contracts/freshchat-webhook-samples/", import.meta.url);
  test.skipIf(!existsSync(samples))("so do the contract's samples", () => {
    for (const file of readdirSync(samples, { recursive: true })
      .map(String)
      .filter((one) => one.endsWith(".json"))) {
      const payload = read(new URL(file, samples));
      if (!("action" in payload) && !("event" in payload)) continue;
      const check = fc.property(broken(payload), (one) => {
        expect(JSON.stringify(outcome(one))).not.toContain("internal note");
      });
      fc.assert(check, { numRuns: 100 });
    }
  });
});
