import { describe, expect, test } from "vitest";
import { z } from "zod";
import { DeliveryError } from "../../src/domain/delivery.ts";
import { OutgoingError } from "../../src/ports.ts";
import type { Outgoing, OutgoingRequest, OutgoingResponse } from "../../src/ports.ts";
import { createClient } from "./client.ts";
import type { Call } from "./client.ts";
import { parseConfig } from "./config.ts";
import { Refusal } from "./failures.ts";

const config = parseConfig({ baseUrl: "https://acme-123.freshchat.com", apiToken: "tok_secret" });
/** 1,795,176,000 seconds after 1970. */
const noon = new Date("2026-11-20T12:00:00Z");

interface Given {
  readonly status?: number;
  readonly body?: string;
  readonly headers?: Record<string, string>;
  readonly fault?: OutgoingError;
}

/** Gives the answers in turn, the last one for ever. */
function outgoingThat(answers: readonly Given[], seen: OutgoingRequest[] = []): Outgoing {
  const answer = (): Promise<OutgoingResponse> => {
    const given = answers[Math.min(seen.length, answers.length) - 1] ?? {};
    if (given.fault) return Promise.reject(given.fault);
    const bytes = Buffer.from(given.body ?? "");
    return Promise.resolve({
      status: given.status ?? 200,
      headers: given.headers ?? {},
      bytes,
      text: () => bytes.toString(),
      json: () => JSON.parse(bytes.toString()) as unknown,
    });
  };
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

const creating: Call<{ id: string }> = {
  method: "POST",
  path: "/conversations",
  doing: "create the conversation",
  json: { users: [] },
  answer: z.looseObject({ id: z.string() }),
};
const reading: Call<{ id: string }> = { ...creating, method: "GET" };

async function failureOf(act: Promise<unknown>): Promise<DeliveryError> {
  const outcome: unknown = await act.then(
    () => "it did not fail",
    (error: unknown) => error,
  );
  if (outcome instanceof DeliveryError) return outcome;
  throw new Error("it did not fail as a DeliveryError", { cause: outcome });
}

const failure = (given: Given, call: Call<unknown> = creating) =>
  failureOf(createClient(config, { outgoing: outgoingThat([given]), clock: () => noon }).call(call));

const tried = (status: number) =>
  createClient(config, { outgoing: outgoingThat([{ status }]), clock: () => noon }).tryCall(reading, [404, 409]);

describe("a call to FreshChat", () => {
  test("goes below /v2 of the account, with the token as bearer", async () => {
    const seen: OutgoingRequest[] = [];
    const client = createClient(config, { outgoing: outgoingThat([{ body: '{"id":"7"}' }], seen), clock: () => noon });
    expect(await client.call(creating)).toEqual({ id: "7" });
    expect(seen[0]).toMatchObject({
      method: "POST",
      url: "https://acme-123.freshchat.com/v2/conversations",
      headers: { Authorization: "Bearer tok_secret", Accept: "application/json" },
      json: { users: [] },
    });
  });

  test.each([200, 201, 202])("%i is success", async (status) => {
    const outgoing = outgoingThat([{ status, body: '{"id":"7"}' }]);
    expect(await createClient(config, { outgoing, clock: () => noon }).call(creating)).toEqual({ id: "7" });
  });

  test("where nothing of use is answered, anything is success but HTML and a refusal inside", async () => {
    const call: Call<undefined> = { ...creating, method: "PUT", answer: null };
    for (const body of ["", "{}", '{"success":true}', '"ok"']) {
      const outgoing = outgoingThat([{ status: 202, body }]);
      await expect(createClient(config, { outgoing, clock: () => noon }).call(call)).resolves.toBeUndefined();
    }
    expect(await failure({ body: " <!DOCTYPE html>" }, call)).toMatchObject({ kind: "transient", ambiguous: true });
    const refused = await failure({ body: '{"success":false,"error_code":"BAD_STATUS","error_message":"no"}' }, call);
    expect(refused).toMatchObject({ kind: "permanent", ambiguous: false, vendorCode: "BAD_STATUS", status: 200 });
  });

  test("an answer that was asked for as null is null, and every other refusal is still one", async () => {
    expect(await tried(404)).toBeNull();
    expect(await tried(409)).toBeNull();
    expect(await failureOf(tried(400))).toBeInstanceOf(Refusal);
    expect(await failureOf(tried(500))).toMatchObject({ kind: "transient" });
  });
});

const error = (code: number, status: string, message: string) => JSON.stringify({ code, status, message });

describe("an answer that is none", () => {
  test.each<[string, Given, Record<string, unknown>, string]>([
    [
      "an expired token",
      { status: 401, body: error(401, "UNAUTHENTICATED", "token of secret@x.example has expired") },
      { kind: "credentials", status: 401, vendorCode: "UNAUTHENTICATED" },
      "wrong or has expired",
    ],
    ["a right that is missing", { status: 403 }, { kind: "credentials", status: 403 }, "check that the plan has API"],
    [
      "nothing there",
      { status: 404, body: error(404, "AGENT_NOT_FOUND", "agent not found") },
      { kind: "permanent", status: 404, vendorCode: "AGENT_NOT_FOUND" },
      "It is not there",
    ],
    ["something there already", { status: 409 }, { kind: "permanent", status: 409 }, "contradicts"],
    [
      "a refused value",
      { status: 400, body: error(400, "INVALID_VALUE", "secret@x.example is bad") },
      { kind: "permanent", status: 400, vendorCode: "INVALID_VALUE", isStale: false, ambiguous: false },
      "refuses what was sent: INVALID_VALUE",
    ],
    [
      "an old conversation",
      { status: 400, body: error(400, "BAD_REQUEST", "Conversation is Not the latest conversation of secret@x") },
      { kind: "permanent", status: 400, isStale: true },
      "takes nothing more",
    ],
    [
      "an old conversation, in the other form",
      { status: 400, body: '{"success":false,"error_code":12,"error_message":"not the latest conversation"}' },
      { kind: "permanent", isStale: true, vendorCode: "" },
      "takes nothing more",
    ],
    [
      "such words with another status",
      { status: 404, body: error(404, "GONE", "not the latest conversation") },
      { kind: "permanent", isStale: false },
      "It is not there",
    ],
    [
      "a refusal in the other form",
      { status: 400, body: '{"success":false,"error_code":"NO_TEMPLATE","error_message":"secret@x.example"}' },
      { kind: "permanent", vendorCode: "NO_TEMPLATE" },
      "NO_TEMPLATE",
    ],
    [
      "a word that is no code",
      { status: 400, body: error(400, "secret@x.example refused", "") },
      { kind: "permanent", vendorCode: "" },
      "refuses what was sent.",
    ],
    [
      "a word that is too long",
      { status: 400, body: error(400, "A".repeat(61), "") },
      { kind: "permanent", vendorCode: "" },
      "refuses what was sent.",
    ],
    ["words that are none", { status: 400, body: '{"status":{},"message":[1]}' }, { kind: "permanent" }, "refuses"],
    ["a list", { status: 400, body: "[]" }, { kind: "permanent", vendorCode: "" }, "refuses"],
    ["an unusual refusal", { status: 422 }, { kind: "permanent", status: 422 }, "refuses"],
    [
      "a throttle",
      { status: 429, body: error(429, "TOO_MANY_REQUESTS", "slow") },
      { kind: "rate_limited", ambiguous: false, retryAfterSeconds: 30 },
      "slow down",
    ],
    ["a crash", { status: 500 }, { kind: "transient", ambiguous: true, retryAfterSeconds: null }, "tried again"],
    ["a proxy alone", { status: 502, body: "<html>" }, { kind: "transient", ambiguous: true }, "tried again"],
    ["a late request", { status: 408 }, { kind: "transient", ambiguous: true }, "tried again"],
    [
      "maintenance",
      { status: 503, headers: { "retry-after": "60" } },
      { kind: "transient", ambiguous: true, retryAfterSeconds: 60 },
      "tried again",
    ],
    [
      "a redirect",
      { status: 302, headers: { location: "https://secret@x.example" } },
      { kind: "credentials", ambiguous: false },
      "chat URL shown beside the API token",
    ],
    ["a portal", { body: "<html>Sign in</html>" }, { kind: "transient", ambiguous: true }, "not one of FreshChat"],
    ["another program's JSON", { body: '{"ok":true}' }, { kind: "transient", ambiguous: true }, "proxy"],
    ["an empty success", {}, { kind: "transient", ambiguous: true }, "proxy"],
  ])("%s says what to do", async (_what, given, expected, phrase) => {
    const failed = await failure(given);
    expect(failed).toMatchObject(expected);
    expect(failed.message).toContain(phrase);
    expect(failed.message).toContain("create the conversation");
    expect(`${failed.message} ${failed.stack}`).not.toMatch(/tok_secret|secret@x|sign in"/i);
  });

  test.each<[OutgoingError["kind"], boolean, DeliveryError["kind"]]>([
    ["timeout", true, "transient"],
    ["reset", true, "transient"],
    ["connect", false, "transient"],
    ["refused_address", false, "credentials"],
    ["invalid_header", false, "credentials"],
  ])("%s (in doubt: %s) is %s", async (kind, ambiguous, expected) => {
    const fault = new OutgoingError(kind, "https://acme-123.freshchat.com did not finish", { ambiguous });
    expect(await failure({ fault })).toMatchObject({ kind: expected, ambiguous });
  });

  test("leaves no doubt where nothing was to be written", async () => {
    const fault = new OutgoingError("timeout", "did not finish", { ambiguous: true });
    for (const given of [{ fault }, { status: 500 }, { status: 200, body: "<html>" }]) {
      expect(await failure(given, reading)).toMatchObject({ kind: "transient", ambiguous: false });
    }
  });
});

describe("while FreshChat has asked to slow down", () => {
  function start(answers: readonly Given[]) {
    const seen: OutgoingRequest[] = [];
    let now = noon.getTime();
    const client = createClient(config, { outgoing: outgoingThat(answers, seen), clock: () => new Date(now) });
    const pass = (seconds: number) => void (now += seconds * 1_000);
    return { client, seen, pass };
  }
  const fine: Given = { body: '{"id":"7"}' };

  test("nothing is sent until the time it named, and then things go on", async () => {
    const { client, seen, pass } = start([{ status: 429, headers: { "retry-after": "7" } }, fine]);
    expect(await failureOf(client.call(creating))).toMatchObject({ kind: "rate_limited", retryAfterSeconds: 7 });
    pass(4.5);
    const held = await failureOf(client.call(creating));
    expect(held).toMatchObject({ kind: "rate_limited", ambiguous: false, retryAfterSeconds: 3 });
    expect(held.message).toContain("was not asked to create the conversation");
    expect(held).not.toBeInstanceOf(Refusal);
    // A status that a caller takes for an answer was never given.
    expect(await failureOf(client.tryCall(reading, [429, 404]))).toMatchObject({ kind: "rate_limited" });
    expect(seen.length).toBe(1);
    pass(2.5);
    expect(await client.call(creating)).toEqual({ id: "7" });
    expect(seen.length).toBe(2);
  });

  test("an answer that spends the last of the limit is taken, and the next request waits", async () => {
    const headers = { "x-ratelimit-limit": "100", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795176012" };
    const { client, seen, pass } = start([{ ...fine, headers }, fine]);
    expect(await client.call(creating)).toEqual({ id: "7" });
    expect(await failureOf(client.call(reading))).toMatchObject({ kind: "rate_limited", retryAfterSeconds: 12 });
    pass(12);
    expect(await client.call(reading)).toEqual({ id: "7" });
    expect(seen.length).toBe(2);
  });

  test("another connection is not held up", async () => {
    const first = start([{ status: 429 }]);
    await failureOf(first.client.call(creating));
    expect(await start([fine]).client.call(creating)).toEqual({ id: "7" });
  });
});
