import { createHmac } from "node:crypto";
import { once } from "node:events";
import type { IncomingHttpHeaders, RequestListener } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";
import { describe, expect, onTestFinished, test } from "vitest";
import { DeliveryError } from "../../src/domain/delivery.ts";
import { createOutgoing } from "../../src/outgoing/outgoing.ts";
import type { Callbacks } from "../../src/ports.ts";
import { bodyOf, listen, listenTcp } from "../../test/outgoing/servers.ts";
import { createCallbacks } from "./index.ts";

const oldKey = Buffer.from("0123456789abcdef0123456789abcdef");
const newKey = Buffer.from("fedcba9876543210fedcba9876543210");
const oldSecret = `whsec_${oldKey.toString("base64")}`;
const newSecret = `whsec_${newKey.toString("base64")}`;
const noon = new Date("2026-11-20T12:00:00.900Z");
const event = { type: "message.created", timestamp: "2026-11-20T12:00:00.000Z", data: { text: "Grüße 👋 \u2028 <b>" } };

const hmac = (key: Buffer, content: string) => `v1,${createHmac("sha256", key).update(content).digest("base64")}`;

function callbacks(options: { now?: Date; allowPrivateNetwork?: string[] } = {}): Callbacks {
  const { now = noon, allowPrivateNetwork = ["127.0.0.1"] } = options;
  const outgoing = createOutgoing({ allowPrivateNetwork, userAgent: "something else" });
  onTestFinished(() => outgoing.close());
  return createCallbacks({ outgoing, clock: () => now });
}

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A bot that writes down what it is told, and answers by `answer`. */
async function bot(answer: RequestListener = (_request, response) => void response.writeHead(204).end()) {
  const seen: Seen[] = [];
  const server = await listen((request, response) => {
    const note = async () => {
      const { method, url, headers } = request;
      seen.push({ method, url, headers, body: (await bodyOf(request)).toString("utf8") });
      answer(request, response);
    };
    void note();
  });
  return { ...server, seen };
}

const answering = (status: number, headers: Record<string, string> = {}, body = "") =>
  bot((_request, response) => void response.writeHead(status, headers).end(body));

const call = (origin: string, secret = newSecret) => ({
  url: `${origin}/baton?key=q-secret`,
  secret,
  id: "evt_01J",
  body: event,
});

async function failureOf(promise: Promise<unknown>): Promise<DeliveryError> {
  const outcome = await promise.then(
    () => null,
    (error: unknown) => error,
  );
  if (outcome instanceof DeliveryError) return outcome;
  throw outcome === null ? new Error("it did not fail") : outcome;
}

describe("a callback", () => {
  test("is a signed POST of JSON", async () => {
    const { origin, seen } = await bot();
    await callbacks().send(call(origin));
    expect(seen).toHaveLength(1);
    const { method, url, headers, body } = seen[0]!;
    expect([method, url]).toEqual(["POST", "/baton?key=q-secret"]);
    expect(headers).toMatchObject({
      "content-type": "application/json",
      "user-agent": "Baton",
      "webhook-id": "evt_01J",
      "webhook-timestamp": "1795176000",
    });
    expect(JSON.parse(body)).toEqual(event);
    expect(headers["webhook-signature"]).toBe(hmac(newKey, `evt_01J.1795176000.${body}`));
  });

  test("passes the verifier of Standard Webhooks, and no longer when a byte is changed", async () => {
    const { origin, seen } = await bot();
    // The verifier looks at the clock of the machine.
    await callbacks({ now: new Date() }).send(call(origin));
    const { headers, body } = seen[0]!;
    const verifier = new Webhook(newSecret);
    expect(verifier.verify(body, headers as Record<string, string>)).toEqual(event);
    expect(() => verifier.verify(body.replace("Gr", "gr"), headers as Record<string, string>)).toThrow(
      "No matching signature",
    );
    expect(() => new Webhook(oldSecret).verify(body, headers as Record<string, string>)).toThrow(
      "No matching signature",
    );
  });

  test("carries one signature for each secret while one is being replaced", async () => {
    const { origin, seen } = await bot();
    await callbacks({ now: new Date() }).send(call(origin, `${newSecret} ${oldSecret}`));
    const { headers, body } = seen[0]!;
    const content = `evt_01J.${headers["webhook-timestamp"] as string}.${body}`;
    expect(headers["webhook-signature"]).toBe(`${hmac(newKey, content)} ${hmac(oldKey, content)}`);
    for (const secret of [newSecret, oldSecret])
      expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toEqual(event);
  });

  test("keeps its id over attempts and is signed anew each time", async () => {
    const { origin, seen } = await bot();
    await callbacks().send(call(origin));
    await callbacks({ now: new Date("2026-11-20T12:10:00Z") }).send(call(origin));
    expect(seen.map(({ headers }) => headers["webhook-id"])).toEqual(["evt_01J", "evt_01J"]);
    expect(seen[1]!.headers["webhook-timestamp"]).toBe("1795176600");
    expect(seen[1]!.headers["webhook-signature"]).toBe(hmac(newKey, `evt_01J.1795176600.${seen[1]!.body}`));
  });

  test.each(["", "   ", "whsec_", "whsec_not base64!", "whsec_%%%"])(
    "with the unreadable secret %j is not sent, and the secret not told",
    async (secret) => {
      const { origin, seen } = await bot();
      const error = await failureOf(callbacks().send(call(origin, secret)));
      expect(error).toMatchObject({ kind: "permanent", ambiguous: false });
      expect(error.message).toBe("The bot's signing secret cannot be read: replace it, then try again.");
      expect(seen).toEqual([]);
    },
  );
});

describe("the bot's answer", () => {
  test.each([200, 201, 202, 204, 299])("%i is done", async (status) => {
    const { origin } = await answering(status);
    await expect(callbacks().send(call(origin))).resolves.toBeUndefined();
  });

  test("2xx with more than anybody reads is done: only the status counts", async () => {
    const { origin } = await answering(200, {}, "x".repeat(300_000));
    await expect(callbacks().send(call(origin))).resolves.toBeUndefined();
  });

  test.each([
    [410, "permanent", false, /the bot says the address is gone/],
    [400, "transient", false, /did not take the event/],
    [401, "transient", false, /signing secret/],
    [404, "transient", false, /path of the callback URL/],
    [409, "transient", false, /did not take the event/],
    [422, "transient", false, /did not take the event/],
    [500, "transient", true, /the bot failed/],
    [502, "transient", true, /the bot failed/],
    [504, "transient", true, /the bot failed/],
  ] as const)("%i is %s", async (status, kind, ambiguous, message) => {
    const { origin } = await answering(status, { "retry-after": "5" }, "your text was: Grüße, secret-page");
    const error = await failureOf(callbacks().send(call(origin)));
    expect(error).toMatchObject({ kind, ambiguous, retryAfterSeconds: null });
    expect(error.message).toMatch(message);
    expect(error.message).toContain(`${origin} answered ${status}`);
    expect(`${error.message} ${error.stack}`).not.toMatch(/Grüße|secret-page|q-secret|\/baton/);
  });

  test("that fails with more than anybody reads is judged by its status", async () => {
    const { origin } = await answering(410, {}, "x".repeat(300_000));
    expect(await failureOf(callbacks().send(call(origin)))).toMatchObject({ kind: "permanent" });
  });

  test.each([
    [429, "7", 7],
    [503, "120", 120],
    [503, "0", 0],
    [503, "99999999", 3_600],
    [429, "Fri, 20 Nov 2026 12:00:31 GMT", 31],
    [503, "Fri, 20 Nov 2026 11:00:00 GMT", 0],
    [429, "soon", null],
    [429, "-3", null],
    [429, undefined, null],
  ])("%i with Retry-After %j waits %j seconds", async (status, header, seconds) => {
    const { origin } = await answering(status, header === undefined ? {} : { "retry-after": header });
    const error = await failureOf(callbacks().send(call(origin)));
    expect(error).toMatchObject({ kind: "transient", retryAfterSeconds: seconds });
  });

  test.each([301, 302, 303, 307, 308])("%i is not followed", async (status) => {
    const target = await bot();
    const { origin } = await answering(status, { location: `${target.origin}/elsewhere` });
    const error = await failureOf(callbacks().send(call(origin)));
    expect(error).toMatchObject({ kind: "transient" });
    expect(error.message).toContain("it redirects, which is not followed");
    expect(target.seen).toEqual([]);
  });
});

describe("a bot that does not answer", () => {
  test("because nobody listens is tried again, and has certainly not been told", async () => {
    const origin = await abandonedOrigin();
    const error = await failureOf(callbacks().send(call(origin)));
    expect(error).toMatchObject({ kind: "transient", ambiguous: false });
    expect(error.message).toContain(origin);
    expect(error.message).not.toContain("q-secret");
  });

  test("because the connection broke may have been told", async () => {
    const { origin } = await listenTcp((socket) => socket.once("data", () => socket.destroy()));
    expect(await failureOf(callbacks().send(call(origin)))).toMatchObject({ kind: "transient", ambiguous: true });
  });

  test("is waited for ten seconds and asked for a short answer", async () => {
    const asked: unknown[] = [];
    const outgoing = createOutgoing({ allowPrivateNetwork: ["127.0.0.1"], userAgent: "x" });
    onTestFinished(() => outgoing.close());
    const { origin } = await bot();
    const watched = {
      ...outgoing,
      request: (request: Parameters<typeof outgoing.request>[0]) => {
        asked.push(request);
        return outgoing.request(request);
      },
    };
    await createCallbacks({ outgoing: watched, clock: () => noon }).send(call(origin));
    expect(asked).toEqual([expect.objectContaining({ timeoutMs: 10_000, maxBytes: 65_536 })]);
  });
});

describe("an address that requests may not go to", () => {
  test.each([
    "http://127.0.0.1:1/x?k=q-secret",
    "http://[::1]/x",
    "http://169.254.169.254/latest",
    "http://2130706433/",
  ])("%s is refused for good, in words for the operator", async (url) => {
    const error = await failureOf(callbacks({ allowPrivateNetwork: [] }).send({ ...call(""), url }));
    expect(error).toMatchObject({ kind: "permanent", ambiguous: false });
    expect(error.message).toContain("ALLOW_PRIVATE_NETWORK");
    expect(error.message).not.toContain("q-secret");
  });

  test.each(["", "bot.example/baton", "ftp://bot.example/", "https://user:q-secret@bot.example/"])(
    "%j is no callback URL, and never will be",
    async (url) => {
      const error = await failureOf(callbacks().send({ ...call(""), url }));
      expect(error).toMatchObject({ kind: "permanent" });
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
