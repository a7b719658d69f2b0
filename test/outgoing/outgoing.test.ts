import { openAsBlob, readFileSync } from "node:fs";
import type http from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import { brotliCompressSync, constants, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { underLease } from "../../src/lease-scope.ts";
import { createOutgoing } from "../../src/outgoing/outgoing.ts";
import type { OutgoingSettings } from "../../src/outgoing/outgoing.ts";
import { OutgoingError } from "../../src/ports-outgoing.ts";
import { bodyOf, listen, listenAsync, listenTcp, start } from "./servers.ts";

const key = readFileSync(new URL("fixtures/tls-key.pem", import.meta.url));
const cert = readFileSync(new URL("fixtures/tls-cert.pem", import.meta.url), "utf8");

function outgoing(settings: Partial<OutgoingSettings> = {}) {
  const client = createOutgoing({ allowPrivateNetwork: ["127.0.0.0/8"], userAgent: "Baton test", ...settings });
  onTestFinished(() => client.close());
  return client;
}

async function failure(promise: Promise<unknown>): Promise<OutgoingError> {
  const error = await promise.then(
    () => new Error("the request succeeded"),
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(OutgoingError);
  return error as OutgoingError;
}

interface Seen {
  method?: string | undefined;
  url?: string | undefined;
  headers: http.IncomingHttpHeaders;
  body: string;
}

async function recorder() {
  const seen: Seen[] = [];
  const server = await listenAsync(async (request) => {
    const { method, url, headers } = request;
    seen.push({ method, url, headers, body: (await bodyOf(request)).toString("utf8") });
  });
  return { ...server, seen };
}

/** Cuts the connection after the request, or in the middle of the answer to it. */
function cut(when: "after the request" | "in the answer") {
  return (socket: Socket): void => {
    socket.once("data", () => {
      if (when === "in the answer") socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
      setImmediate(() => socket.destroy());
    });
  };
}

/** Answers the first request of each connection, and resets the connection on the second. */
async function forgetful() {
  const requests: string[] = [];
  const server = await listenTcp((socket) => {
    let served = false;
    socket.on("data", (data) => {
      requests.push(data.toString().split(" ")[0] ?? "");
      if (served) return void socket.resetAndDestroy();
      served = true;
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
  });
  return { ...server, requests };
}

async function secure() {
  const server = await start(https.createServer({ key, cert }, (_request, response) => void response.end("over TLS")));
  return { ...server, origin: `https://127.0.0.1:${server.port}` };
}

describe("requests", () => {
  test("JSON arrives as JSON, with our name on it", async () => {
    const server = await recorder();
    const response = await outgoing().request({
      method: "POST",
      url: `${server.origin}/api?x=1`,
      headers: { "Api-Access-Token": "abc" },
      json: { text: "Grüße\nzweite Zeile 👋" },
    });
    expect(response.json()).toEqual({ ok: true });
    const [seen] = server.seen;
    expect(seen).toMatchObject({ method: "POST", url: "/api?x=1", body: '{"text":"Grüße\\nzweite Zeile 👋"}' });
    expect(seen?.headers).toMatchObject({
      "content-type": "application/json",
      "user-agent": "Baton test",
      "api-access-token": "abc",
      "content-length": "37",
    });
  });

  test("a body goes out byte for byte, as the type it was given", async () => {
    const server = await recorder();
    const body = '{"signed": "exactly\u00e4 this" }';
    await outgoing().request({ method: "PUT", url: server.origin, body, headers: { "content-type": "text/x-signed" } });
    expect(server.seen[0]).toMatchObject({ body, headers: { "content-type": "text/x-signed" } });
  });

  test("without a body no type is claimed", async () => {
    const server = await recorder();
    await outgoing().request({ method: "POST", url: server.origin });
    expect(server.seen[0]?.headers).not.toHaveProperty("content-type");
    expect(server.seen[0]?.headers["content-length"]).toBe("0");
  });

  test("a form carries text unchanged, files from memory and from disk, and hostile names harmlessly", async () => {
    const received: FormData[] = [];
    const server = await listenAsync(async (request) => {
      const type = request.headers["content-type"] ?? "";
      received.push(await new Response(await bodyOf(request), { headers: { "content-type": type } }).formData());
    });
    await outgoing().request({
      method: "POST",
      url: server.origin,
      form: [
        { name: "content", value: "one\ntwo\r\nthree 👋" },
        {
          name: "attachments[]",
          filename: 'a"b\r\nX-Evil: 1.png',
          contentType: "image/png",
          content: Buffer.from([0, 1, 255]),
        },
        {
          name: "attachments[]",
          filename: "cert.pem",
          contentType: "text/x\r\nX-Evil: 1",
          content: await openAsBlob(new URL("fixtures/tls-cert.pem", import.meta.url)),
        },
      ],
    });
    const [form] = received;
    expect(form?.get("content")).toBe("one\ntwo\r\nthree 👋");
    const files = form?.getAll("attachments[]") as File[];
    expect(files.map(({ name, type }) => [name, type])).toEqual([
      ['a"b\r\nX-Evil: 1.png', "image/png"],
      ["cert.pem", "application/octet-stream"],
    ]);
    expect([...new Uint8Array(await files[0]!.arrayBuffer())]).toEqual([0, 1, 255]);
    expect(await files[1]!.text()).toBe(cert);
  });

  test.each([
    ["Authorization", "Bearer s3cret\r\nX-Evil: 1"],
    ["Authorization", "Bearer s3cret 👋"],
    ["X Evil", "s3cret"],
  ])("a header that HTTP does not allow is refused without telling its value: %s", async (name, value) => {
    const server = await recorder();
    const error = await failure(outgoing().request({ method: "GET", url: server.origin, headers: { [name]: value } }));
    expect({ kind: error.kind, ambiguous: error.ambiguous }).toEqual({ kind: "invalid_header", ambiguous: false });
    expect(error.message).not.toMatch(/s3cret|Evil/);
    expect(server.connections()).toBe(0);
  });

  test("one connection serves many requests", async () => {
    const server = await recorder();
    const client = outgoing();
    for (let i = 0; i < 5; i += 1) await client.request({ method: "POST", url: server.origin, json: { i } });
    expect(server.connections()).toBe(1);
  });

  test("to one host only so many connections are opened at once, and the rest wait their turn", async () => {
    const server = await listen((_request, response) => void setImmediate(() => response.end("done")));
    const client = outgoing({ maxSocketsPerHost: 3 });
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => client.request({ method: "GET", url: server.origin })),
    );
    expect(answers.map((answer) => answer.text())).toEqual(Array.from({ length: 20 }, () => "done"));
    expect(server.connections()).toBe(3);
  });
});

describe("answers", () => {
  test.each([200, 201, 204, 304, 400, 401, 404, 422, 429, 500, 503])("status %i resolves", async (status) => {
    const server = await listen((_request, response) => void response.writeHead(status, { "Retry-After": "7" }).end());
    const response = await outgoing().request({ method: "POST", url: server.origin, json: {} });
    expect({ status: response.status, retryAfter: response.headers["retry-after"], text: response.text() }).toEqual({
      status,
      retryAfter: "7",
      text: "",
    });
  });

  test("a page in place of JSON is told as such, without its content", async () => {
    const server = await listen((_request, response) => void response.end("<html>Sign in, Ana</html>"));
    const response = await outgoing().request({ method: "POST", url: `${server.origin}/t0ken?key=s3cret`, json: {} });
    const error = await failure(Promise.resolve().then(() => response.json()));
    expect({ kind: error.kind, ambiguous: error.ambiguous, status: error.status }).toEqual({
      kind: "not_json",
      ambiguous: true,
      status: 200,
    });
    expect(error.message).not.toMatch(/Ana|t0ken|s3cret/);
  });

  test.each([
    ["gzip", gzipSync],
    ["deflate", deflateSync],
    ["br", brotliCompressSync],
  ])("%s is unpacked", async (encoding, pack) => {
    const server = await listen(
      (_request, response) => void response.setHeader("content-encoding", encoding).end(pack('{"text":"Grüße"}')),
    );
    const response = await outgoing().request({ method: "GET", url: server.origin });
    expect(response.json()).toEqual({ text: "Grüße" });
  });
});

describe("limits", () => {
  test("an answer of just the limit is taken, one byte more is not", async () => {
    const server = await listen((request, response) => void response.end("x".repeat(Number(request.url?.slice(1)))));
    const ask = (length: number) =>
      outgoing().request({ method: "GET", url: `${server.origin}/${length}`, maxBytes: 1000 });
    expect((await ask(1000)).bytes.length).toBe(1000);
    const error = await failure(ask(1001));
    expect({ kind: error.kind, ambiguous: error.ambiguous, status: error.status }).toEqual({
      kind: "too_large",
      ambiguous: true,
      status: 200,
    });
  });

  test.each([
    ["gzip", gzipSync],
    ["br", (bytes: Buffer) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })],
  ])("a %s bomb is cut at the limit and its memory never taken", async (encoding, pack) => {
    const bomb = pack(Buffer.alloc(64 * 1024 * 1024));
    const server = await listen(
      (_request, response) => void response.setHeader("content-encoding", encoding).end(bomb),
    );
    const before = process.memoryUsage().arrayBuffers;
    const error = await failure(outgoing().request({ method: "GET", url: server.origin, maxBytes: 1024 * 1024 }));
    expect(error.kind).toBe("too_large");
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
  });

  test("an answer that never ends is cut at the limit", async () => {
    const server = await listen((_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write("x".repeat(65_536)));
        if (!response.destroyed) response.once("drain", more);
      };
      more();
    });
    const error = await failure(outgoing().request({ method: "GET", url: server.origin, maxBytes: 1024 * 1024 }));
    expect(error.kind).toBe("too_large");
  });

  test.each([
    ["silent after the request", (_request: http.IncomingMessage, _response: http.ServerResponse) => undefined],
    [
      "dripping a byte at a time",
      (_request: http.IncomingMessage, response: http.ServerResponse) => {
        const drip = setInterval(() => response.write("x"), 20);
        response.on("close", () => clearInterval(drip));
      },
    ],
    [
      "dripping inside gzip",
      (_request: http.IncomingMessage, response: http.ServerResponse) => {
        const packed = gzipSync("x".repeat(100_000));
        response.setHeader("content-encoding", "gzip");
        let at = 0;
        const drip = setInterval(() => response.write(packed.subarray(at, (at += 1))), 20);
        response.on("close", () => clearInterval(drip));
      },
    ],
  ])("a far side %s is left at the deadline", async (_how, handler) => {
    const server = await listen(handler);
    const startedAt = performance.now();
    const error = await failure(outgoing().request({ method: "POST", url: server.origin, json: {}, timeoutMs: 300 }));
    const tookMs = performance.now() - startedAt;
    expect({ kind: error.kind, ambiguous: error.ambiguous }).toEqual({ kind: "timeout", ambiguous: true });
    expect(tookMs).toBeGreaterThan(250);
    expect(tookMs).toBeLessThan(2000);
  });

  test("the deadline holds for a download's redirects together", async () => {
    const server = await listen((request, response) => {
      const hop = Number(request.url?.slice(1));
      setTimeout(() => response.writeHead(302, { location: `/${hop + 1}` }).end(), 150);
    });
    const error = await failure(outgoing().download(`${server.origin}/0`, { maxBytes: 1000, timeoutMs: 300 }));
    expect(error.kind).toBe("timeout");
  });

  test("a head dripping in, or an endless head, is left too", async () => {
    const dripping = await listenTcp((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n");
      const drip = setInterval(() => socket.write("X"), 20);
      socket.on("close", () => clearInterval(drip));
    });
    const endless = await listenTcp((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n");
      socket.write("X-Y: z\r\n".repeat(100_000));
    });
    const client = outgoing();
    const ask = (url: string) => failure(client.request({ method: "POST", url, timeoutMs: 400 }));
    expect((await ask(dripping.origin)).kind).toBe("timeout");
    expect((await ask(endless.origin)).kind).toBe("reset");
  });

  test("waiting for a free connection counts towards the deadline, and nothing was sent then", async () => {
    const server = await listen(() => undefined);
    const client = outgoing({ maxSocketsPerHost: 1 });
    const first = failure(client.request({ method: "POST", url: server.origin, json: {}, timeoutMs: 400 }));
    const second = await failure(client.request({ method: "POST", url: server.origin, json: {}, timeoutMs: 150 }));
    expect({ kind: second.kind, ambiguous: second.ambiguous }).toEqual({ kind: "timeout", ambiguous: false });
    expect((await first).ambiguous).toBe(true);
    expect(server.connections()).toBe(1);
  });
});

describe("failures say whether the request may have arrived", () => {
  test("nobody listens", async () => {
    const server = await listenTcp(() => undefined, "127.0.0.3"); // holds the port, on another address
    const url = `http://127.0.0.1:${server.port}/`;
    const error = await failure(outgoing().request({ method: "POST", url, json: {} }));
    expect(error).toMatchObject({ kind: "connect", ambiguous: false, systemCode: "ECONNREFUSED" });
  });

  test.each([
    ["after the request", undefined],
    ["in the answer", 200],
  ] as const)("the connection is cut %s", async (when, status) => {
    const server = await listenTcp(cut(when));
    const error = await failure(outgoing().request({ method: "POST", url: server.origin, json: {} }));
    expect(error).toMatchObject({ kind: "reset", ambiguous: true, status });
  });

  test("the answer is not HTTP", async () => {
    const server = await listenTcp((socket) => void socket.once("data", () => socket.end("SSH-2.0-OpenSSH\r\n")));
    const error = await failure(outgoing().request({ method: "POST", url: server.origin, json: {} }));
    expect(error).toMatchObject({ kind: "reset", ambiguous: true });
  });

  test("the answer's gzip is broken", async () => {
    const server = await listen(
      (_request, response) => void response.setHeader("content-encoding", "gzip").end("not gzip at all"),
    );
    const error = await failure(outgoing().request({ method: "POST", url: server.origin, json: {} }));
    expect(error).toMatchObject({ kind: "reset", ambiguous: true, status: 200 });
  });

  test("messages hold the origin, and neither path, query, header nor body", async () => {
    const server = await listenTcp(cut("after the request"));
    const error = await failure(
      outgoing().request({
        method: "POST",
        url: `${server.origin}/hooks/s3cret-path?key=s3cret-query#s3cret-hash`,
        headers: { authorization: "Bearer s3cret-header" },
        json: { text: "s3cret-body" },
      }),
    );
    expect(error.message).toContain(server.origin);
    expect(`${error.message} ${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`).not.toContain("s3cret");
  });
});

describe("a connection that the far side has just closed", () => {
  test("is no failure for a request that only reads", async () => {
    const server = await forgetful();
    const client = outgoing();
    const get = () => client.request({ method: "GET", url: server.origin });
    await get();
    expect((await get()).text()).toBe("ok");
    expect(server.requests).toEqual(["GET", "GET", "GET"]);
  });

  test("is an ambiguous failure for one that writes: never repeated blindly", async () => {
    const server = await forgetful();
    const client = outgoing();
    const post = () => client.request({ method: "POST", url: server.origin, body: "" });
    await post();
    expect(await failure(post())).toMatchObject({ kind: "reset", ambiguous: true });
    expect(server.requests).toEqual(["POST", "POST"]);
  });
});

test("an answer that comes before the whole body was sent ends the sending", async () => {
  const size = 64 * 1024 * 1024;
  let received = 0;
  const ended = Promise.withResolvers<number>();
  const server = await listenTcp((socket) => {
    socket.once("data", () => socket.write("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"));
    socket.on("data", (data) => {
      received += data.length;
      if (received >= size) ended.resolve(received);
    });
    socket.once("close", () => ended.resolve(received));
  });
  const form = [{ name: "file", filename: "big", content: new Blob([new Uint8Array(size)]) }];
  const response = await outgoing().request({ method: "POST", url: server.origin, form });
  expect(response.status).toBe(413);
  expect(await ended.promise).toBeLessThan(size);
});

describe("TLS", () => {
  test("a certificate that is trusted", async () => {
    const server = await secure();
    const response = await outgoing({ ca: cert }).request({ method: "POST", url: server.origin, json: {} });
    expect(response.text()).toBe("over TLS");
  });

  test("a certificate that nobody vouches for is refused, whatever the environment says, and nothing was sent", async () => {
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    onTestFinished(() => void vi.unstubAllEnvs());
    const server = await secure();
    const error = await failure(outgoing().request({ method: "POST", url: server.origin, json: {} }));
    expect(error).toMatchObject({ kind: "tls", ambiguous: false, systemCode: "DEPTH_ZERO_SELF_SIGNED_CERT" });
  });

  test("a certificate for another name is refused", async () => {
    const server = await secure();
    const client = outgoing({
      ca: cert,
      lookup: (_name, _options, done) => done(null, [{ address: "127.0.0.1", family: 4 }]),
    });
    const ask = (host: string) => client.request({ method: "POST", url: `https://${host}:${server.port}/`, json: {} });
    expect((await ask("helpdesk.test")).text()).toBe("over TLS");
    expect(await failure(ask("other.test"))).toMatchObject({ kind: "tls", ambiguous: false });
  });

  test("a far side that does not speak TLS", async () => {
    const server = await listen(() => undefined);
    const error = await failure(
      outgoing().request({ method: "POST", url: server.origin.replace("http:", "https:"), json: {} }),
    );
    expect(error).toMatchObject({ kind: "tls", ambiguous: false });
  });

  test("a handshake that never ends costs the time for connecting", async () => {
    const server = await listenTcp(() => undefined);
    const client = outgoing({ timeouts: { connectMs: 100, totalMs: 20_000 } });
    const url = server.origin.replace("http:", "https:");
    expect(await failure(client.request({ method: "POST", url, json: {} }))).toMatchObject({
      kind: "timeout",
      ambiguous: false,
    });
  });
});

describe("code that may act for a limited time only", () => {
  test("sends nothing once the time is over, and says that nothing was sent", async () => {
    const { origin, seen } = await recorder();
    const client = outgoing();
    let isHeld = true;
    const ask = () =>
      underLease(
        () => isHeld,
        () => client.request({ method: "POST", url: origin, json: {} }),
      );
    await ask();
    isHeld = false;
    const { ambiguous } = await failure(ask());
    expect(ambiguous).toBe(false);
    expect(seen).toHaveLength(1);
  });
});
