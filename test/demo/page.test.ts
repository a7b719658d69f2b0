import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { build } from "../../src/build.ts";
import type { Baton } from "../../src/build.ts";
import { readConfig } from "../../src/config.ts";
import { demo } from "../../src/demo/index.ts";
import { firstRun } from "../../src/first-run.ts";
import { createLogger } from "../../src/logging.ts";

const dataDir = mkdtempSync(join(tmpdir(), "baton-page-"));
let baton: Baton;
let port: number;

beforeAll(async () => {
  const config = readConfig({ PORT: "0", HOST: "127.0.0.1", DATA_DIR: dataDir, LOG_LEVEL: "silent" });
  baton = await build(config, createLogger({ level: "silent" }), { mounts: demo, verifyAnswers: true });
  port = await baton.start();
  await firstRun(baton, dataDir);
});
afterAll(async () => {
  await baton.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

const folder = fileURLToPath(new URL("../../src/demo/public/", import.meta.url));
const scripts = readdirSync(folder).filter((name) => name.endsWith(".js"));

interface Reply {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly text: string;
  // Judged field by field.
  // eslint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

/** By node:http, since fetch lets nobody choose Host and Origin. */
function call(
  method: string,
  path: string,
  given: { token?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Reply> {
  const payload = given.body === undefined ? undefined : JSON.stringify(given.body);
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      host: "127.0.0.1",
      port,
      method,
      path,
      headers: {
        host: `localhost:${port}`,
        ...(payload === undefined ? {} : { "content-type": "application/json" }),
        ...(given.token === undefined ? {} : { authorization: `Bearer ${given.token}` }),
        ...given.headers,
      },
    });
    request.on("error", reject);
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const isJson = String(response.headers["content-type"]).includes("json");
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          body: isJson ? JSON.parse(text) : null,
        });
      });
    });
    request.end(payload);
  });
}

const own = () => `http://localhost:${port}`;

async function visitor(locale = "en") {
  const { status, body } = await call("POST", "/demo/bot/conversations", { body: { locale } });
  expect(status).toBe(201);
  const { conversationId, visitorToken: token } = body as { conversationId: string; visitorToken: string };
  const path = `/v1/conversations/${conversationId}`;
  return {
    conversationId,
    token,
    path,
    /** Writes, and lets the bot answer. */
    async says(text: string) {
      const stored = await call("POST", `${path}/messages`, { token, body: { text } });
      expect(stored.status).toBe(201);
      return call("POST", "/demo/bot/turns", { token, body: { conversationId, seq: stored.body.message.seq } });
    },
    async transcript(): Promise<string[]> {
      const { body } = await call("GET", `${path}/messages`, { token });
      return body.items.map((one: { role: string; text: string }) => `${one.role}: ${one.text}`);
    },
    ask: () => call("POST", "/demo/bot/handoffs", { token, body: { conversationId } }),
  };
}

async function agent() {
  const { status, body } = await call("POST", "/demo/desk", { headers: { origin: own() } });
  expect(status).toBe(201);
  const act = (method: string, path: string, sent?: unknown) =>
    call(method, path, { token: body.token, ...(sent === undefined ? {} : { body: sent }) });
  return { name: body.member.name as string, act };
}

describe("the page", () => {
  test("is served with a policy that lets no inline script run and nobody frame it", async () => {
    const page = await call("GET", "/demo");
    expect(page.status).toBe(200);
    expect(page.headers["content-type"]).toBe("text/html; charset=utf-8");
    const policy = String(page.headers["content-security-policy"]);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain("unsafe");
    expect(page.text).not.toMatch(/<script(?![^>]*\bsrc=)|\son[a-z]+=|\sstyle=|<style/i);
  });

  test("every file it names is there", async () => {
    const page = await call("GET", "/demo");
    const named = [...page.text.matchAll(/(?:src|href)="(\/demo\/[^"]+)"/g)].map(([, path]) => path ?? "");
    expect(named.length).toBeGreaterThanOrEqual(5);
    for (const path of new Set(named)) expect([path, (await call("GET", path)).status]).toEqual([path, 200]);
    expect((await call("GET", "/demo/main.js")).headers["content-type"]).toContain("javascript");
  });

  test.each(["/demo/../index.ts", "/demo/%2e%2e/bot.ts", "/demo/bot.ts", "/demo/..%2findex.ts", "/demo/%00"])(
    "no file outside its folder is served: %s",
    async (path) => {
      const { status } = await call("GET", path);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
    },
  );

  test.each(scripts)("%s makes no markup out of text, and puts no token into an address", (name) => {
    const source = readFileSync(join(folder, name), "utf8");
    expect(source).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|https?:\/\//);
    expect(source).not.toMatch(/[?&](?:access_)?token=/i);
  });

  test("its words exist in each language", async () => {
    const { WORDS } = (await import(join(folder, "words.js"))) as { WORDS: Record<string, Record<string, string>> };
    expect(Object.keys(WORDS)).toEqual(["en", "de", "ro", "ar"]);
    const keys = Object.keys(WORDS["en"] ?? {});
    for (const [locale, words] of Object.entries(WORDS)) {
      const blank = Object.keys(words).filter((key) => words[key]?.trim() === "");
      expect({ locale, keys: Object.keys(words), blank }).toEqual({ locale, keys, blank: [] });
    }
  });
});

describe("the bot", () => {
  test.each([
    ["en", "How long does shipping take?", "2 to 4 working days"],
    ["en", "can i return a lamp I ordered", "within 30 days"],
    ["en", "When are you open?", "Monday to Saturday"],
    ["en", "Where is my order?", "confirmation mail"],
    ["de", "Wann haben Sie geöffnet?", "montags bis samstags"],
    ["ro", "Unde este comanda mea?", "atelier"],
    ["ar", "ما هي ساعات العمل؟", "من الاثنين إلى السبت"],
  ])("knows in %s: %s", async (locale, question, part) => {
    const someone = await visitor(locale);
    const turn = await someone.says(question);
    expect(turn.body).toEqual({ said: true, offersPerson: false, answer: null });
    const lines = await someone.transcript();
    expect(lines).toHaveLength(3);
    expect(lines[2]).toMatch(/^bot: /);
    expect(lines[2]).toContain(part);
  });

  test("offers a person when it has no answer", async () => {
    const someone = await visitor();
    const turn = await someone.says("Tell me a joke");
    expect(turn.body).toEqual({ said: true, offersPerson: true, answer: null });
    expect((await someone.transcript()).at(-1)).toBe(
      "bot: I am sorry, I have no answer to that. Shall I ask a person to help you?",
    );
  });

  test("answers a message once, however often it is asked to", async () => {
    const someone = await visitor();
    await someone.says("When are you open?");
    const again = { token: someone.token, body: { conversationId: someone.conversationId, seq: 2 } };
    await call("POST", "/demo/bot/turns", again);
    expect(await someone.transcript()).toHaveLength(3);
  });

  test("tells the agent which lamp the visitor looks at", async () => {
    const someone = await visitor();
    const body = { conversationId: someone.conversationId, product: "pendant", locale: "de" };
    expect((await call("PUT", "/demo/bot/conversations", { token: someone.token, body })).status).toBe(200);
    const told = await call("GET", someone.path, { token: someone.token });
    expect(told.body).toMatchObject({ locale: "de", products: [{ id: "pendant", price: "129.00 EUR" }] });
  });
});

describe("nobody at the desk", () => {
  test("the visitor gets the offline words and the form, faults in their language, and becomes a lead", async () => {
    const someone = await visitor("de");
    const turn = await someone.says("Ich möchte mit einem Menschen sprechen");
    const { answer } = turn.body;
    expect(answer.decision).toMatchObject({ outcome: "lead", because: "no_agent_online" });
    expect(answer.reply.map((one: { text: string }) => one.text)).toEqual([
      "Unser Team ist gerade nicht erreichbar.",
      "Hinterlassen Sie uns Ihre Kontaktdaten, und wir melden uns bei Ihnen.",
    ]);
    expect(answer.form.fields.map((one: { name: string }) => one.name)).toEqual(["name", "email", "issue", "phone"]);
    expect(answer.form.terms.url).toMatch(/\/terms\?bot=bot_\w+&locale=de$/);

    const submit = (body: unknown) =>
      call("POST", `/v1/handoffs/${answer.handoff.id}/lead`, { token: answer.visitorToken, body });
    const wrong = await submit({ fields: { name: "", email: "ana@" }, locale: "de", terms: { accepted: false } });
    expect(wrong.status).toBe(422);
    expect(wrong.body.faults.map((one: { path: string }) => one.path)).toEqual([
      "fields.name",
      "fields.email",
      "terms.accepted",
    ]);
    expect(wrong.body.faults[0].message).toBe("Bitte füllen Sie dieses Feld aus.");
    const kept = await submit({
      fields: { name: "Ana", email: "ana@example.com" },
      locale: "de",
      terms: { accepted: true },
    });
    expect(kept.status).toBe(201);
  });
});

describe("somebody at the desk", () => {
  test("a person takes over, the bot is silent, and speaks again at the end", async () => {
    const { name, act } = await agent();
    await act("PUT", "/v1/members/me/presence", { status: "online", forSeconds: 60 });
    const someone = await visitor();
    const asked = await someone.ask();
    expect(asked.body).toMatchObject({ decision: { outcome: "live", because: "open" }, control: "human", form: null });

    const whileWaiting = await someone.says("When are you open?");
    expect(whileWaiting.body).toEqual({ said: false, offersPerson: false, answer: null });
    const askingAgain = await someone.says("I want a human");
    expect(askingAgain.body).toEqual({ said: false, offersPerson: false, answer: null });

    const waiting = await act("GET", "/v1/handoffs?status=pending&mode=live");
    const handoff = waiting.body.items.find(
      (one: { conversationId: string }) => one.conversationId === someone.conversationId,
    );
    expect(handoff.destination).toBe("inbox");
    expect((await act("POST", `/v1/handoffs/${handoff.id}/accept`)).status).toBe(200);
    await act("POST", `/v1/handoffs/${handoff.id}/messages`, { text: "Hello, how can I help?" });
    await act("POST", `/v1/handoffs/${handoff.id}/resolve`);
    const after = await someone.says("And when are you open?");
    expect(after.body.said).toBe(true);
    expect(await someone.transcript()).toEqual([
      "bot: Hello! I am the shop's bot. Ask me about delivery, returns, opening hours or an order.",
      "system: I am connecting you with a person.",
      "visitor: When are you open?",
      "visitor: I want a human",
      `system: ${name} has joined the chat.`,
      "agent: Hello, how can I help?",
      "system: The chat with our team has ended. I am here if you need anything else.",
      "visitor: And when are you open?",
      "bot: The shop is open Monday to Saturday, 9:00 to 18:00.",
    ]);
    await act("PUT", "/v1/members/me/presence", { status: "away" });
  });

  test("the desk has one member, however many sit down", async () => {
    const first = await agent();
    await agent();
    const members = await first.act("GET", "/v1/members");
    expect(members.body.items.filter((one: { name: string }) => one.name === first.name)).toHaveLength(1);
  });
});

describe("who may do what", () => {
  test("a visitor's token opens its own conversation only", async () => {
    const one = await visitor();
    const other = await visitor();
    const body = { conversationId: other.conversationId };
    for (const [method, path, more] of [
      ["POST", "/demo/bot/handoffs", {}],
      ["POST", "/demo/bot/turns", { seq: 1 }],
      ["PUT", "/demo/bot/conversations", { locale: "de" }],
    ] as const) {
      const foreign = await call(method, path, { token: one.token, body: { ...body, ...more } });
      const nobody = await call(method, path, { body: { ...body, ...more } });
      expect([path, foreign.status, foreign.body.code, nobody.status]).toEqual([path, 404, "not_found", 401]);
    }
  });

  test.each([
    ["a name that resolves to this machine", { host: "evil.example", origin: "http://evil.example" }],
    ["a page of another site", { origin: "https://evil.example" }],
    ["a page on another port", { origin: "http://localhost:1" }],
    ["no browser's page", {}],
    ["a proxy on this machine", { origin: "own", "x-forwarded-for": "203.0.113.7" }],
    ["a tunnel on this machine", { origin: "own", forwarded: "for=203.0.113.7" }],
  ])("the desk is closed to %s", async (_who, headers: Record<string, string>) => {
    const given = headers["origin"] === "own" ? { ...headers, origin: own() } : headers;
    const refused = await call("POST", "/demo/desk", { headers: given });
    expect([refused.status, refused.body.code]).toEqual([404, "not_found"]);
  });

  test("the page learns whether it has a desk", async () => {
    expect((await call("GET", "/demo/desk")).body).toEqual({ available: true });
    const proxied = await call("GET", "/demo/desk", { headers: { "x-forwarded-for": "203.0.113.7" } });
    expect(proxied.body).toEqual({ available: false });
  });
});

describe("bad input", () => {
  test.each([
    ["an unknown field", { body: { locale: "en", role: "admin" } }, 422],
    ["a language it does not have", { body: { locale: "xx" } }, 422],
    ["an address that is none", { body: { pageUrl: "javascript:alert(1)" } }, 422],
    ["a text that is no object", { body: "hello" }, 422],
    ["a body too large", { body: { pageUrl: `https://x.example/${"a".repeat(20_000)}` } }, 413],
    ["another type", { body: {}, headers: { "content-type": "text/plain" } }, 415],
  ])("%s is refused", async (_what, given, status) => {
    const refused = await call("POST", "/demo/bot/conversations", given);
    expect(refused.status).toBe(status);
    expect(refused.headers["content-type"]).toBe("application/problem+json");
  });

  test("who begins conversations without end is asked to wait", async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => call("POST", "/demo/bot/conversations", { body: {} })),
    );
    const late = answers.filter(({ status }) => status === 429);
    expect(late.length).toBeGreaterThan(0);
    expect(Number(late[0]?.headers["retry-after"])).toBeGreaterThan(0);
  });
});
