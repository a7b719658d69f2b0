import { describe, expect, test } from "vitest";
import { z } from "zod";
import { DeliveryError } from "../../src/domain/delivery.ts";
import { OutgoingError } from "../../src/ports.ts";
import type { Outgoing, OutgoingRequest, OutgoingResponse } from "../../src/ports.ts";
import { createClient } from "./client.ts";
import { parseConfig } from "./config.ts";

const clock = () => new Date("2026-11-20T12:00:00Z");

const config = parseConfig({
  baseUrl: "https://chat.example.com/support",
  accountId: 3,
  inboxId: 21,
  apiAccessToken: "tok_secret",
});

interface Given {
  readonly status?: number;
  readonly body?: string;
  readonly headers?: Record<string, string>;
  readonly fault?: OutgoingError;
}

function outgoingThat(given: Given, seen: OutgoingRequest[] = []): Outgoing {
  const bytes = Buffer.from(given.body ?? "");
  const response: OutgoingResponse = {
    status: given.status ?? 200,
    headers: given.headers ?? {},
    bytes,
    text: () => bytes.toString(),
    json: () => JSON.parse(bytes.toString()) as unknown,
  };
  const answer = () => (given.fault ? Promise.reject(given.fault) : Promise.resolve(response));
  return {
    request: (request) => {
      seen.push(request);
      return answer();
    },
    download: answer,
    urlFault: () => null,
    close: () => undefined,
  };
}

/** The failure of a call that writes, or that reads. */
async function failure(given: Given, method: "GET" | "POST" = "POST"): Promise<DeliveryError> {
  const client = createClient(config, { outgoing: outgoingThat(given), clock });
  const call = {
    method,
    path: "/conversations",
    doing: "create the conversation",
    answer: z.looseObject({ id: z.int() }),
  };
  const outcome: unknown = await client.call(call).catch((error: unknown) => error);
  if (outcome instanceof DeliveryError) return outcome;
  throw new Error("it did not fail as a DeliveryError", { cause: outcome });
}

describe("a call to Chatwoot", () => {
  test("carries the token in the header that proxies let pass, and in no other", async () => {
    const seen: OutgoingRequest[] = [];
    const client = createClient(config, { outgoing: outgoingThat({ body: '{"id":7}' }, seen), clock });
    const path = "/conversations/7";
    await client.call({ method: "GET", path, doing: "read", answer: z.looseObject({ id: z.int() }) });
    expect(seen[0]?.url).toBe("https://chat.example.com/support/api/v1/accounts/3/conversations/7");
    expect(seen[0]?.headers).toEqual({ "Api-Access-Token": "tok_secret", Accept: "application/json" });
  });
});

describe("an answer that is none", () => {
  test.each<[string, Given, Partial<DeliveryError>, string]>([
    [
      "an unknown token",
      { status: 401, body: '{"error":"Invalid Access Token"}' },
      { kind: "credentials" },
      "copy it again",
    ],
    [
      "a header dropped on the way",
      { status: 401, body: '{"errors":["You need to sign in"]}' },
      { kind: "credentials" },
      "drops the header Api-Access-Token",
    ],
    [
      "a policy",
      { status: 401, body: '{"error":"You are not authorized to do this action"}' },
      { kind: "credentials" },
      "administrator",
    ],
    ["a plan limit", { status: 402, body: '{"error":"Account limit exceeded"}' }, { kind: "credentials" }, "plan"],
    ["a plan without the API", { status: 403, body: '{"error":"upgrade"}' }, { kind: "credentials" }, "plan"],
    [
      "nothing there",
      { status: 404, body: '{"error":"Resource could not be found"}' },
      { kind: "permanent" },
      "the account and the inbox",
    ],
    [
      "a refused field",
      { status: 422, body: '{"message":"Email secret@x.example is bad","attributes":["email"]}' },
      { kind: "permanent", ambiguous: false },
      "refuses email",
    ],
    [
      "too many messages",
      { status: 422, body: '{"error":"Validation failed: Too many messages"}' },
      { kind: "rate_limited", ambiguous: false, retryAfterSeconds: 30 },
      "within this minute",
    ],
    [
      "a throttle in plain text",
      { status: 429, body: "Retry later\n" },
      { kind: "rate_limited", ambiguous: false, retryAfterSeconds: 30 },
      "slow down",
    ],
    [
      "a throttle with a time",
      { status: 429, headers: { "retry-after": "12" } },
      { kind: "rate_limited", retryAfterSeconds: 12 },
      "slow down",
    ],
    [
      "a throttle with an absurd time",
      { status: 429, headers: { "retry-after": "999999" } },
      { kind: "rate_limited", retryAfterSeconds: 3600 },
      "slow down",
    ],
    [
      "a throttle until an instant",
      { status: 429, headers: { "retry-after": "Fri, 20 Nov 2026 12:01:30 GMT" } },
      { kind: "rate_limited", retryAfterSeconds: 90 },
      "slow down",
    ],
    [
      "a crash",
      { status: 500, body: "<!DOCTYPE html>" },
      { kind: "transient", ambiguous: true, retryAfterSeconds: null },
      "tried again",
    ],
    [
      "a proxy without its server",
      { status: 502, body: "<html>" },
      { kind: "transient", ambiguous: true },
      "tried again",
    ],
    [
      "maintenance",
      { status: 503, headers: { "retry-after": "60" } },
      { kind: "transient", ambiguous: true, retryAfterSeconds: 60 },
      "tried again",
    ],
    [
      "a redirect",
      { status: 301, headers: { location: "https://x.example" } },
      { kind: "credentials", ambiguous: false },
      "https",
    ],
    ["a sign-in page", { status: 200, body: "<html>Sign in</html>" }, { kind: "transient", ambiguous: true }, "proxy"],
    ["another program's JSON", { status: 200, body: '{"ok":true}' }, { kind: "transient", ambiguous: true }, "proxy"],
    ["an empty success", { status: 200 }, { kind: "transient", ambiguous: true }, "proxy"],
    ["null", { status: 200, body: "null" }, { kind: "transient", ambiguous: true }, "proxy"],
  ])("%s says what to do", async (_what, given, expected, phrase) => {
    const error = await failure(given);
    expect(error).toMatchObject(expected);
    expect(error.message).toContain(phrase);
    expect(error.message).toContain("create the conversation");
    expect(error.message).not.toMatch(/tok_secret|secret@x|sign in"/i);
  });

  test.each<[OutgoingError["kind"], boolean, DeliveryError["kind"]]>([
    ["timeout", true, "transient"],
    ["reset", true, "transient"],
    ["connect", false, "transient"],
    ["dns", false, "transient"],
    ["tls", false, "transient"],
    ["refused_address", false, "credentials"],
    ["invalid_header", false, "credentials"],
  ])("%s (in doubt: %s) is %s", async (kind, ambiguous, expected) => {
    const words = "https://chat.example.com leads to a private address; see ALLOW_PRIVATE_NETWORK";
    const fault = new OutgoingError(kind, words, { ambiguous });
    expect(await failure({ fault })).toMatchObject({ kind: expected, ambiguous });
    expect((await failure({ fault })).message).toContain("ALLOW_PRIVATE_NETWORK");
  });

  test("leaves no doubt where nothing was to be written", async () => {
    const fault = new OutgoingError("timeout", "did not finish", { ambiguous: true });
    for (const given of [{ fault }, { status: 500 }, { status: 200, body: "<html>" }]) {
      expect(await failure(given, "GET")).toMatchObject({ kind: "transient", ambiguous: false });
    }
  });
});
