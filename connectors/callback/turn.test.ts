import { createHmac } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { Webhook } from "standardwebhooks";
import { describe, expect, onTestFinished, test } from "vitest";
import { DeliveryError } from "../../src/domain/delivery.ts";
import { createOutgoing } from "../../src/outgoing/outgoing.ts";
import type { BotAnswer } from "../../src/ports.ts";
import { bodyOf, listen, listenTcp } from "../../test/outgoing/servers.ts";
import { createBotTurns } from "./index.ts";

const oldKey = Buffer.from("0123456789abcdef0123456789abcdef");
const newKey = Buffer.from("fedcba9876543210fedcba9876543210");
const oldSecret = `whsec_${oldKey.toString("base64")}`;
const newSecret = `whsec_${newKey.toString("base64")}`;
const noon = new Date("2026-11-20T12:00:00.900Z");
const NOON = "1795176000";
const question = { type: "turn.requested", data: { messages: [{ text: "Grüße 👋 q-text" }] } };

const sign = (key: Buffer, { id = "turn_7", at = NOON, body = "" }) =>
  `v1,${createHmac("sha256", key).update(`${id}.${at}.${body}`).digest("base64")}`;

function ask(origin: string, options: { secret?: string; timeoutMs?: number; allowPrivateNetwork?: string[] } = {}) {
  const { secret = newSecret, allowPrivateNetwork = ["127.0.0.1"], ...rest } = options;
  const outgoing = createOutgoing({ allowPrivateNetwork, userAgent: "something else" });
  onTestFinished(() => outgoing.close());
  const turns = createBotTurns({ outgoing, clock: () => noon, ...rest });
  return turns.ask({ url: `${origin}/q-path?key=q-secret`, secret, id: "turn_7", body: question });
}

/** A bot that answers like this, signed as it should be; `headers` and `status` go over that. */
async function bot(answer: unknown, change: { status?: number; key?: Buffer; headers?: Record<string, string> } = {}) {
  const { status = 200, key = newKey, headers = {} } = change;
  const body = typeof answer === "string" || Buffer.isBuffer(answer) ? answer : JSON.stringify(answer);
  return listen((_request, response) => {
    const signed = { "webhook-id": "turn_7", "webhook-timestamp": NOON, ...headers };
    const signature = createHmac("sha256", key)
      .update(`${signed["webhook-id"]}.${signed["webhook-timestamp"]}.`)
      .update(body)
      .digest("base64");
    response.writeHead(status, { "webhook-signature": `v1,${signature}`, ...signed }).end(body);
  });
}

async function answerOf(answer: unknown): Promise<BotAnswer> {
  const { origin } = await bot(answer);
  return ask(origin);
}

async function failureOf(promise: Promise<unknown>): Promise<DeliveryError> {
  const outcome = await promise.then(
    () => null,
    (error: unknown) => error,
  );
  if (outcome instanceof DeliveryError) return outcome;
  throw outcome === null ? new Error("it did not fail") : outcome;
}

const says = (...texts: string[]) => texts.map((text) => ({ text, attachments: [] }));

describe("the question", () => {
  test("is a POST of JSON that passes the verifier of Standard Webhooks", async () => {
    const seen: { request: IncomingMessage; body: string }[] = [];
    const { origin } = await listen((request, response) => {
      const note = async () => {
        seen.push({ request, body: (await bodyOf(request)).toString("utf8") });
        response.writeHead(204).end();
      };
      void note();
    });
    await ask(origin, { secret: `${newSecret} ${oldSecret}` });
    expect(seen).toHaveLength(1);
    const { request, body } = seen[0]!;
    expect([request.method, request.url]).toEqual(["POST", "/q-path?key=q-secret"]);
    expect(request.headers).toMatchObject({
      "content-type": "application/json",
      "webhook-id": "turn_7",
      "webhook-timestamp": NOON,
      "webhook-signature": `${sign(newKey, { body })} ${sign(oldKey, { body })}`,
    });
    expect(JSON.parse(body)).toEqual(question);
  });

  test("is not asked with a secret that cannot be read", async () => {
    const server = await bot({});
    const error = await failureOf(ask(server.origin, { secret: "whsec_%%%" }));
    expect(error).toMatchObject({ kind: "permanent", ambiguous: false });
    expect(server.connections()).toBe(0);
  });
});

describe("a signed answer", () => {
  const file = { url: "https://shop.example/a.png", name: "a.png" };
  test.each([
    ["messages", { messages: [{ text: "Hello" }, { text: "there" }] }, says("Hello", "there")],
    ["texts alone", { messages: ["Hello", "there"] }, says("Hello", "there")],
    ["nothing", {}, []],
    ["null for what is not said", { messages: null, handoff: null }, []],
    ["no messages", { messages: [], handoff: false }, []],
    ["blank messages", { messages: ["", " ", { text: null }, { text: "Hi" }] }, says("Hi")],
    ["characters that cannot be kept", '{"messages":["a\\u0000b\\ud800"]}', says("ab\ufffd")],
    [
      "a file without words",
      { messages: [{ attachments: [file] }] },
      [{ text: "", attachments: [{ ...file, contentType: null, size: null }] }],
    ],
    [
      "as much as it may be",
      { messages: Array(20).fill("x".repeat(20_000)) },
      says(...Array(20).fill("x".repeat(20_000))),
    ],
  ])("with %s is taken", async (_what, answer, messages) => {
    expect(await answerOf(answer)).toEqual({ isLater: false, messages, handoff: null });
  });

  const bare = { trigger: "bot", reason: null, priority: null, summary: null };
  test.each([
    [true, bare],
    [{}, bare],
    [{ reason: null, summary: "" }, bare],
    [
      { trigger: "visitor", reason: "asked", priority: "high", summary: "A lamp." },
      { trigger: "visitor", reason: "asked", priority: "high", summary: "A lamp." },
    ],
  ])("may ask for a person by %j", async (handoff, expected) => {
    expect(await answerOf({ messages: ["One moment."], handoff })).toEqual({
      isLater: false,
      messages: says("One moment."),
      handoff: expected,
    });
  });

  test("may be signed by any of the bot's secrets, among other signatures", async () => {
    for (const secret of [newSecret, `${oldSecret} ${newSecret}`]) {
      const body = '{"messages":["Hi"]}';
      const header = `v1a,xyz v1,AAAA ${sign(newKey, { body })}`;
      const { origin } = await bot(body, { headers: { "webhook-signature": header } });
      expect(await ask(origin, { secret })).toMatchObject({ messages: says("Hi") });
    }
  });

  test("made by the library of Standard Webhooks is taken", async () => {
    const body = '{"messages":["Grüße 👋"]}';
    const { origin } = await bot(body, {
      headers: { "webhook-signature": new Webhook(newSecret).sign("turn_7", noon, body) },
    });
    expect(await ask(origin)).toMatchObject({ messages: says("Grüße 👋") });
  });

  test("may come packed", async () => {
    const body = '{"messages":["Hi"]}';
    const headers = { "content-encoding": "gzip", "webhook-signature": sign(newKey, { body }) };
    const { origin } = await bot(gzipSync(body), { headers });
    expect(await ask(origin)).toMatchObject({ messages: says("Hi") });
  });

  test.each(["1795175701", "1795176299"])("is taken up to five minutes off (%s)", async (at) => {
    const { origin } = await bot({ messages: ["Hi"] }, { headers: { "webhook-timestamp": at } });
    expect(await ask(origin)).toMatchObject({ messages: says("Hi") });
  });
});

describe("an answer without proof is not said", () => {
  const body = '{"messages":["a-text"]}';
  const good = { "webhook-id": "turn_7", "webhook-timestamp": NOON, "webhook-signature": sign(newKey, { body }) };
  const without = (name: string) => Object.fromEntries(Object.entries(good).filter(([key]) => key !== name));

  test.each([
    ["no signature at all", {}, /not signed\. Sign the answer per Standard Webhooks/],
    ["no id", without("webhook-id"), /not signed/],
    ["no time", without("webhook-timestamp"), /not signed/],
    ["no signature", without("webhook-signature"), /not signed/],
    ["an empty signature", { ...good, "webhook-signature": "" }, /not signed/],
    ["the id of another turn", { ...good, "webhook-id": "turn_6" }, /webhook-id is not that of the request/],
    ["a time in words", { ...good, "webhook-timestamp": "2026-11-20" }, /is no time/],
    ["a time with a sign", { ...good, "webhook-timestamp": "-1" }, /is no time/],
    ["another bot's secret", { ...good, "webhook-signature": sign(oldKey, { body }) }, /signature does not fit/],
    ["a signature of other bytes", { ...good, "webhook-signature": sign(newKey, { body: `${body} ` }) }, /not fit/],
    ["a signature under another id", { ...good, "webhook-signature": sign(newKey, { body, id: "turn_6" }) }, /not fit/],
    ["a signature cut short", { ...good, "webhook-signature": good["webhook-signature"].slice(0, -2) }, /not fit/],
    ["no version", { ...good, "webhook-signature": good["webhook-signature"].slice(3) }, /not fit/],
    [
      "a hundred guesses",
      { ...good, "webhook-signature": `${"v1,AAAA ".repeat(100)}${good["webhook-signature"]}` },
      /not fit/,
    ],
    ["more than any signature", { ...good, "webhook-signature": "v1,".padEnd(4_000, "A") }, /not fit/],
  ])("(%s)", async (_what, headers, words) => {
    const { origin } = await listen((_request, response) => response.writeHead(200, headers).end(body));
    const error = await failureOf(ask(origin));
    expect(error).toMatchObject({ kind: "permanent", ambiguous: false });
    expect(error.message).toMatch(words);
    expect(`${error.message} ${error.stack}`).not.toMatch(/a-text|q-text|q-secret|q-path|whsec/);
  });

  test.each(["1795175699", "1795176302", "0", "999999999999"])("(signed at %s: too old, or too new)", async (at) => {
    const { origin } = await bot(body, { headers: { "webhook-timestamp": at } });
    const error = await failureOf(ask(origin));
    expect(error).toMatchObject({ kind: "permanent" });
    expect(error.message).toMatch(/five minutes off/);
  });

  test("(our own question, sent back with our signature)", async () => {
    const { origin } = await listen(echo);
    const error = await failureOf(ask(origin));
    expect(error).toMatchObject({ kind: "permanent" });
    expect(error.message).toContain("a field that has no meaning here");
  });

  test("(bytes that are no UTF-8)", async () => {
    const { origin } = await bot(Buffer.from('{"messages":["\xff"]}', "latin1"));
    expect(await failureOf(ask(origin))).toMatchObject({ kind: "permanent" });
  });

  test("(a byte order mark that was not signed)", async () => {
    const headers = { "webhook-signature": sign(newKey, { body }) };
    const { origin } = await bot(`\ufeff${body}`, { headers });
    expect(await failureOf(ask(origin))).toMatchObject({ kind: "permanent" });
  });
});

/** What a wrong address may well be: a server that sends everything back. */
const echo: RequestListener = (request, response) => {
  const answer = async () => {
    const body = await bodyOf(request);
    const names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    for (const name of names) response.setHeader(name, String(request.headers[name]));
    response.writeHead(200).end(body);
  };
  void answer();
};

describe("an answer that Baton does not read", () => {
  test.each([
    ["empty", "", /the body: /],
    ["a page", "<html>a-text</html>", /the body: /],
    ["cut JSON", '{"messages":["a-text"', /the body: /],
    ["a list", ["a-text"], /the body: /],
    ["a text", '"a-text"', /the body: /],
    ["null", "null", /the body: /],
    ["another name", { message: "a-text" }, /the body holds a field that has no meaning here/],
    ["a typo within", { messages: [{ txt: "a-text" }] }, /messages\[0\] holds a field that has no meaning here/],
    ["a number for a text", { messages: ["Hi", 5] }, /messages\[1\]/],
    ["too many messages", { messages: Array(21).fill("a-text") }, /messages: must be at most 20/],
    ["too long a text", { messages: [{ text: "x".repeat(20_001) }] }, /messages\[0\]\.text: must have at most 20000/],
    [
      "a script for a file",
      { messages: [{ attachments: [{ url: "javascript:alert(1)" }] }] },
      /messages\[0\]\.attachments\[0\]\.url/,
    ],
    ["a word for a person", { handoff: "a-text" }, /handoff/],
    ["an unknown trigger", { handoff: { trigger: "a-text" } }, /handoff\.trigger/],
    ["too long a reason", { handoff: { reason: "x".repeat(2_001) } }, /handoff\.reason/],
    ["a deep pit", `{"messages":${"[".repeat(200_000)}${"]".repeat(200_000)}}`, /messages\[0\]/],
    ["a deep pit elsewhere", `{"x":${'{"x":'.repeat(100_000)}1${"}".repeat(100_000)}}`, /the body holds a field/],
    ["a prototype", '{"__proto__":{"messages":["a-text"]}, "handof":true}', /the body holds a field/],
  ])("(%s) is told by the names of our fields", async (_what, answer, words) => {
    const { origin } = await bot(answer);
    const error = await failureOf(ask(origin));
    expect(error).toMatchObject({ kind: "permanent", ambiguous: false });
    expect(error.message).toMatch(words);
    expect(error.message).toContain(`${origin} answered`);
    expect(error.message.length).toBeLessThan(1_500);
    expect(`${error.message} ${error.stack}`).not.toMatch(/a-text|q-text|q-secret|q-path|whsec/);
  });

  test("with many faults tells the first five", async () => {
    const { origin } = await bot({ messages: Array.from({ length: 15 }, () => 5) });
    const { message } = await failureOf(ask(origin));
    expect(message).toContain("messages[4]");
    expect(message).not.toContain("messages[5]");
    expect(message).toContain("and more");
  });

  test("longer than 1 MB is not read, packed or not", async () => {
    const body = JSON.stringify({ messages: ["x".repeat(1_100_000)] });
    for (const given of [body, gzipSync(body)]) {
      const headers: Record<string, string> = given === body ? {} : { "content-encoding": "gzip" };
      const { origin } = await bot(given, { headers });
      expect(await failureOf(ask(origin))).toMatchObject({ kind: "permanent" });
    }
  });
});

const answering = (status: number, headers: Record<string, string> = {}, body = "") =>
  listen((_request, response) => void response.writeHead(status, headers).end(body));

describe("another status", () => {
  test("202: the bot answers later, in its own time", async () => {
    const { origin } = await answering(202, {}, "whatever");
    expect(await ask(origin)).toEqual({ isLater: true });
  });

  test("204: there is nothing to say", async () => {
    const { origin } = await answering(204);
    expect(await ask(origin)).toEqual({ isLater: false, messages: [], handoff: null });
  });

  test.each([
    [201, "permanent", false, /answer 200/],
    [400, "permanent", false, /did not take the question/],
    [401, "permanent", false, /signing secret/],
    [403, "permanent", false, /signing secret/],
    [404, "permanent", false, /path of the message URL/],
    [410, "permanent", false, /path of the message URL/],
    [422, "permanent", false, /did not take the question/],
    [408, "transient", true, /the bot failed/],
    [500, "transient", true, /the bot failed/],
    [504, "transient", true, /the bot failed/],
    [502, "transient", false, /the bot is not ready/],
    [503, "transient", false, /the bot is not ready/],
    [429, "rate_limited", false, /asks to wait/],
  ] as const)("%i is %s", async (status, kind, ambiguous, words) => {
    const { origin } = await answering(status, {}, "your text was: q-text, secret-page");
    const error = await failureOf(ask(origin));
    expect(error).toMatchObject({ kind, ambiguous, retryAfterSeconds: null });
    expect(error.message).toMatch(words);
    expect(error.message).toContain(`${origin} answered ${status}`);
    expect(`${error.message} ${error.stack}`).not.toMatch(/q-text|secret-page|q-secret|q-path/);
  });

  test.each([
    [429, "7", 7],
    [503, "0", 0],
    [503, "99999999", 3_600],
    [429, "Fri, 20 Nov 2026 12:00:31 GMT", 31],
    [429, "soon", null],
  ])("%i with Retry-After %j waits %j seconds", async (status, header, seconds) => {
    const { origin } = await answering(status, { "retry-after": header });
    expect(await failureOf(ask(origin))).toMatchObject({ retryAfterSeconds: seconds });
  });

  test.each([301, 302, 307, 308])("%i is not followed, with the question or without", async (status) => {
    const target = await bot({ messages: ["Hi"] });
    const { origin } = await answering(status, { location: `${target.origin}/elsewhere` });
    expect(await failureOf(ask(origin))).toMatchObject({ kind: "permanent" });
    expect(target.connections()).toBe(0);
  });

  test("is what counts when more comes than anybody reads", async () => {
    const { origin } = await answering(500, {}, "x".repeat(2_000_000));
    expect(await failureOf(ask(origin))).toMatchObject({ kind: "transient" });
  });
});

describe("a bot that does not answer", () => {
  test("because nobody listens may be asked again, and has certainly not heard", async () => {
    expect(await failureOf(ask(await abandonedOrigin()))).toMatchObject({ kind: "transient", ambiguous: false });
  });

  test("because the connection broke may have heard", async () => {
    const { origin } = await listenTcp((socket) => socket.once("data", () => socket.destroy()));
    expect(await failureOf(ask(origin))).toMatchObject({ kind: "transient", ambiguous: true });
  });

  test.each<[string, (response: ServerResponse) => void]>([
    ["says nothing", () => undefined],
    ["stops in the middle", (response) => void response.writeHead(200).write('{"messages":')],
  ])("in time, since it %s", async (_what, answer) => {
    const { origin } = await listen((_request, response) => answer(response));
    expect(await failureOf(ask(origin, { timeoutMs: 200 }))).toMatchObject({ kind: "transient", ambiguous: true });
  });

  test("is waited for ten seconds, and asked for 1 MB at most", async () => {
    const asked: unknown[] = [];
    const outgoing = createOutgoing({ allowPrivateNetwork: ["127.0.0.1"], userAgent: "x" });
    onTestFinished(() => outgoing.close());
    const { origin } = await bot({});
    const watched = {
      ...outgoing,
      request: (request: Parameters<typeof outgoing.request>[0]) => {
        asked.push(request);
        return outgoing.request(request);
      },
    };
    const turns = createBotTurns({ outgoing: watched, clock: () => noon });
    await turns.ask({ url: origin, secret: newSecret, id: "turn_7", body: question });
    expect(asked).toEqual([expect.objectContaining({ timeoutMs: 10_000, maxBytes: 1_048_576 })]);
  });

  test.each(["http://127.0.0.1:1", "http://[::1]", "http://169.254.169.254", "http://2130706433"])(
    "since requests may not go to %s is not asked again",
    async (origin) => {
      const error = await failureOf(ask(origin, { allowPrivateNetwork: [] }));
      expect(error).toMatchObject({ kind: "permanent", ambiguous: false });
      expect(error.message).toContain("ALLOW_PRIVATE_NETWORK");
      expect(error.message).not.toContain("q-secret");
    },
  );
});

/** The origin of a port that was just given back, where nobody listens. */
async function abandonedOrigin(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return `http://127.0.0.1:${port}`;
}
