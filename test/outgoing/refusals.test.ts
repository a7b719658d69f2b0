import http from "node:http";
import type { LookupAddress } from "node:dns";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { Lookup } from "../../src/outgoing/agents.ts";
import { createOutgoing } from "../../src/outgoing/outgoing.ts";
import type { OutgoingSettings } from "../../src/outgoing/outgoing.ts";
import { OutgoingError } from "../../src/ports-outgoing.ts";
import { listen, start } from "./servers.ts";

function outgoing(settings: Partial<OutgoingSettings> = {}) {
  const client = createOutgoing({ allowPrivateNetwork: [], userAgent: "Baton test", ...settings });
  onTestFinished(() => client.close());
  return client;
}

/** A resolver that gives its answers in turn, the last one for ever, and counts how often it was asked. */
function resolver(...answers: string[][]) {
  let asked = 0;
  const lookup: Lookup = (_hostname, _options, callback) => {
    const addresses = answers[Math.min(asked, answers.length - 1)] ?? [];
    asked += 1;
    const found: LookupAddress[] = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
    setImmediate(() => callback(null, found));
  };
  return { lookup, asked: () => asked };
}

async function failure(promise: Promise<unknown>): Promise<OutgoingError> {
  const error = await promise.then(
    () => new Error("the request succeeded"),
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(OutgoingError);
  return error as OutgoingError;
}

function chain(hops: number): http.RequestListener {
  return (request, response) => {
    const done = Number(request.url?.slice(1));
    if (done === hops) response.end("the file");
    else response.writeHead(307, { location: `/${done + 1}` }).end();
  };
}

const failingLookup: Lookup = (_hostname, _options, callback) =>
  callback(Object.assign(new Error("getaddrinfo EAI_AGAIN no.test"), { code: "EAI_AGAIN" }), []);

const silent: http.RequestListener = (_request, response) => void response.end("the canary sang");

describe("no spelling of an internal address is connected to", () => {
  test.each([
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "0177.0.0x0.1",
    "127.0.0.1.",
    "%31%32%37.0.0.1",
    "127。0。0。1",
    "①②⑦.0.0.1",
    "0",
    "0.0.0.0",
    "127.255.255.254",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "canary.localhost",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::]",
  ])("http://%s", async (host) => {
    const canary = await start(http.createServer(silent), "0.0.0.0");
    const url = `http://${host}:${canary.port}/`;
    const client = outgoing();
    const errors = [
      await failure(client.request({ method: "GET", url })),
      await failure(client.request({ method: "POST", url, json: { a: 1 } })),
      await failure(client.download(url, { maxBytes: 1000 })),
    ];
    expect(errors.map(({ kind, ambiguous }) => ({ kind, ambiguous }))).toEqual(
      ["GET", "POST", "download"].map(() => ({ kind: "refused_address", ambiguous: false })),
    );
    expect(client.urlFault(url)).toContain("private");
    expect(canary.connections()).toBe(0);
  });

  test("the canary does sing when its address is allowed", async () => {
    const canary = await listen(silent);
    const response = await outgoing({ allowPrivateNetwork: ["127.0.0.1"] }).request({
      method: "GET",
      url: `http://0x7f.1:${canary.port}/`,
    });
    expect(response.text()).toBe("the canary sang");
    expect(canary.connections()).toBe(1);
  });

  test.each(["[fe80::1%25lo]", "[::1%25lo]", "[::1%lo]"])("an address with a zone is no URL: %s", async (host) => {
    const error = await failure(outgoing().request({ method: "GET", url: `http://${host}/` }));
    expect(error.kind).toBe("invalid_url");
  });

  test.each(["http://169.254.169.254/latest/meta-data", "http://[fd00:ec2::254]/", "http://metadata.google.internal/"])(
    "cloud metadata is refused although every address is allowed: %s",
    async (url) => {
      const client = outgoing({ allowPrivateNetwork: ["0.0.0.0/0", "::/0"], lookup: resolver(["127.0.0.1"]).lookup });
      expect((await failure(client.request({ method: "GET", url }))).kind).toBe("refused_address");
      expect(client.urlFault(url)).toContain("metadata");
    },
  );
});

describe("names are judged by what they resolve to, at the moment of connecting", () => {
  test("a name that leads to a private address is refused, and the answer does not tell which", async () => {
    const canary = await listen(silent);
    const { lookup } = resolver(["127.0.0.1"]);
    const url = `http://helpdesk.test:${canary.port}/path?token=s3cret`;
    const error = await failure(outgoing({ lookup }).request({ method: "POST", url, json: {} }));
    expect({ kind: error.kind, ambiguous: error.ambiguous }).toEqual({ kind: "refused_address", ambiguous: false });
    expect(error.message).toContain(`http://helpdesk.test:${canary.port} leads to a private`);
    expect(error.message).not.toContain("127.0.0.1");
    expect(error.message).not.toContain("s3cret");
    expect(canary.connections()).toBe(0);
  });

  test.each(["10.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "169.254.169.254", "0.0.0.0"])(
    "resolved to %s: refused",
    async (address) => {
      const { lookup } = resolver([address]);
      const error = await failure(outgoing({ lookup }).request({ method: "GET", url: "http://helpdesk.test/" }));
      expect(error.kind).toBe("refused_address");
    },
  );

  test("of several addresses only the allowed ones are tried", async () => {
    const open = await start(
      http.createServer((_request, response) => void response.end("open")),
      "127.0.0.1",
    );
    const canary = await start(http.createServer(silent), "127.0.0.2", open.port);
    const { lookup } = resolver(["127.0.0.2", "127.0.0.1"]);
    const client = outgoing({ lookup, allowPrivateNetwork: ["127.0.0.1"] });
    const response = await client.request({ method: "GET", url: `http://helpdesk.test:${open.port}/` });
    expect(response.text()).toBe("open");
    expect(canary.connections()).toBe(0);
  });

  test("a name that first answers harmlessly and then with an internal address is caught at its second connection", async () => {
    const harmless = await start(
      http.createServer((_request, response) => void response.setHeader("connection", "close").end("harmless")),
      "127.0.0.1",
    );
    const canary = await start(http.createServer(silent), "127.0.0.2", harmless.port);
    const { lookup, asked } = resolver(["127.0.0.1"], ["127.0.0.2"]);
    const client = outgoing({ lookup, allowPrivateNetwork: ["127.0.0.1"] });
    const url = `http://rebinding.test:${harmless.port}/`;

    expect((await client.request({ method: "GET", url })).text()).toBe("harmless");
    expect(asked()).toBe(1); // one look-up per connection: what was judged is what was connected to
    expect((await failure(client.request({ method: "GET", url }))).kind).toBe("refused_address");
    expect(canary.connections()).toBe(0);
  });

  test("a name without any address", async () => {
    const error = await failure(
      outgoing({ lookup: resolver([]).lookup }).request({ method: "GET", url: "http://no.test/" }),
    );
    expect({ kind: error.kind, ambiguous: error.ambiguous }).toEqual({ kind: "dns", ambiguous: false });
  });

  test("a name server that fails", async () => {
    const error = await failure(outgoing({ lookup: failingLookup }).request({ method: "GET", url: "http://no.test/" }));
    expect({ kind: error.kind, systemCode: error.systemCode }).toEqual({ kind: "dns", systemCode: "EAI_AGAIN" });
  });

  test("a name server that never answers costs the time for connecting, no more", async () => {
    const client = outgoing({ lookup: () => undefined, timeouts: { connectMs: 50, totalMs: 20_000 } });
    const error = await failure(client.request({ method: "POST", url: "http://slow.test/", json: {} }));
    expect({ kind: error.kind, ambiguous: error.ambiguous }).toEqual({ kind: "timeout", ambiguous: false });
  });
});

describe("redirects", () => {
  const allowed = { allowPrivateNetwork: ["127.0.0.1"] };

  test("a request follows none: it resolves with the redirect itself", async () => {
    const target = await listen(silent);
    const server = await listen(
      (_request, response) => void response.writeHead(302, { location: target.origin }).end(),
    );
    const response = await outgoing(allowed).request({ method: "GET", url: server.origin });
    expect({ status: response.status, location: response.headers["location"] }).toEqual({
      status: 302,
      location: target.origin,
    });
    expect(target.connections()).toBe(0);
  });

  test.each(["http://127.0.0.2:PORT/", "//127.0.0.2:PORT/", "http://0x7f.2:PORT/", "http://[::ffff:127.0.0.2]:PORT/"])(
    "a download redirected to an internal address is refused: %s",
    async (location) => {
      const canary = await start(http.createServer(silent), "127.0.0.2");
      const target = location.replace("PORT", String(canary.port));
      const server = await listen((_request, response) => void response.writeHead(302, { location: target }).end());
      const error = await failure(outgoing(allowed).download(server.origin, { maxBytes: 1000 }));
      expect(error.kind).toBe("refused_address");
      expect(canary.connections()).toBe(0);
    },
  );

  test.each(["file:///etc/passwd", "ftp://127.0.0.1/", "http://user:password@127.0.0.1/", "http://[broken"])(
    "a download redirected to %s is refused",
    async (location) => {
      const server = await listen((_request, response) => void response.writeHead(301, { location }).end());
      const error = await failure(outgoing(allowed).download(server.origin, { maxBytes: 1000 }));
      expect(error.kind).toBe("invalid_url");
    },
  );

  test("a download follows three redirects", async () => {
    const server = await listen(chain(3));
    const response = await outgoing(allowed).download(`${server.origin}/0`, { maxBytes: 1000 });
    expect({ status: response.status, text: response.text() }).toEqual({ status: 200, text: "the file" });
  });

  test("a download does not follow four", async () => {
    const server = await listen(chain(4));
    const error = await failure(outgoing(allowed).download(`${server.origin}/0`, { maxBytes: 1000 }));
    expect(error.kind).toBe("too_many_redirects");
  });
});

describe("what is no web address is refused before anything is asked", () => {
  test.each([
    "",
    "chat.example.com",
    "/relative",
    "ftp://example.com/",
    "file:///etc/passwd",
    "data:text/plain,hello",
    "javascript:alert(1)",
    "gopher://example.com/",
    "unix:/var/run/docker.sock",
    "http://ana:s3cret@example.com/",
    "https://s3cret@example.com/",
    "http://exa mple.com/",
    "http://999.1.1.1/",
    "http://",
  ])("%j", async (url) => {
    const { lookup, asked } = resolver(["93.184.216.34"]);
    const client = outgoing({ lookup });
    const error = await failure(client.request({ method: "GET", url }));
    expect({ kind: error.kind, ambiguous: error.ambiguous }).toEqual({ kind: "invalid_url", ambiguous: false });
    expect(error.message).not.toMatch(/ana|s3cret/);
    expect(client.urlFault(url)).toBe(error.message);
    expect(asked()).toBe(0);
  });

  test("a proper address has no fault", () => expect(outgoing().urlFault("https://chat.example.com/a?b=c")).toBeNull());
});

test("proxies of the environment are ignored", async () => {
  const proxy = await listen(silent);
  const server = await listen((_request, response) => void response.end("direct"));
  for (const name of ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]) {
    vi.stubEnv(name, proxy.origin);
  }
  vi.stubEnv("NO_PROXY", "");
  vi.stubEnv("NODE_USE_ENV_PROXY", "1");
  onTestFinished(() => void vi.unstubAllEnvs());
  const response = await outgoing({ allowPrivateNetwork: ["127.0.0.1"] }).request({
    method: "GET",
    url: server.origin,
  });
  expect(response.text()).toBe("direct");
  expect(proxy.connections()).toBe(0);
});

test("a network that does not parse stops the building", () => {
  expect(() => createOutgoing({ allowPrivateNetwork: ["intranet"], userAgent: "Baton test" })).toThrow(RangeError);
});
