import { spawnSync } from "node:child_process";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HandoffError } from "../src/domain/errors.ts";
import { createLogger } from "../src/logging.ts";
import type { LogFields } from "../src/ports-log.ts";
import { OutgoingError } from "../src/ports-outgoing.ts";

function recorder(level: "debug" | "info" | "warn" | "error" | "silent" = "debug") {
  let written = "";
  const log = createLogger({ level, destination: { write: (text: string) => void (written += text) } });
  return {
    log,
    text: () => written,
    lines: () =>
      written
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

/** What a careless caller could pass, past the types. */
const careless = (fields: Record<string, unknown>) => fields as LogFields;

test("a line holds level, time, event and the fields given", () => {
  const { log, lines } = recorder();
  log.info("handoff_opened", {
    handoffId: "hnd_01ab",
    connectionId: "con_7",
    attempt: 2,
    durationMs: 12.5,
    because: "open",
  });
  expect(lines()).toEqual([
    {
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      event: "handoff_opened",
      handoffId: "hnd_01ab",
      connectionId: "con_7",
      attempt: 2,
      durationMs: 12.5,
      because: "open",
    },
  ]);
});

test("levels below the chosen one are silent", () => {
  const { log, lines } = recorder("warn");
  log.debug("a");
  log.info("b");
  log.warn("c");
  log.error("d");
  expect(lines().map(({ level, event }) => [level, event])).toEqual([
    ["warn", "c"],
    ["error", "d"],
  ]);
});

test("a log with fields of its own adds them to each line, and the line's own win", () => {
  const { log, lines } = recorder();
  const inner = log
    .with({ workspaceId: "wsp_1", connectionId: "con_1" })
    .with(careless({ attempt: 1, body: "canary" }));
  inner.warn("delivery_failed", { connectionId: "con_2" });
  expect(lines()).toMatchObject([{ workspaceId: "wsp_1", connectionId: "con_2", attempt: 1 }]);
  expect(lines()[0]).not.toHaveProperty("body");
});

describe("fields hold only what their shape allows", () => {
  test.each([
    ["handoffId", "hnd_01JABC-x", "hnd_01JABC-x"],
    ["workspaceId", "ws_01kb3v8n0x2m4p6q8r0t2v4x6z", "ws_01kb3v8n0x2m4p6q8r0t2v4x6z"],
    ["lane", "cnv_2:con_1", "cnv_2:con_1"],
    ["lane", "callback:bot_1/cnv_2", "callback:bot_1/cnv_2"],
    ["lane", "con_1:+40712345678", "[withheld]"],
    ["lane", "con_1:ana@example.com", "[withheld]"],
    ["status", 503, 503],
    ["status", 40712345678, "[withheld]"],
    ["status", "pending", "pending"],
    ["destination", "inbox", "inbox"],
    ["requestId", "0b6f1a52-3c1e-4a7e-9a55-3f1f2f6d9f10", "0b6f1a52-3c1e-4a7e-9a55-3f1f2f6d9f10"],
    ["conversationKey", "+40712345678", "[withheld]"],
    ["conversationKey", "ana@example.com", "[withheld]"],
    ["conversationKey", "40712345678", "[withheld]"],
    ["because", "outside_schedule", "outside_schedule"],
    ["because", "Ana asked for a person", "[withheld]"],
    ["code", "ECONNREFUSED", "ECONNREFUSED"],
    ["method", "POST", "POST"],
    ["route", "/v1/handoffs/{id}/lead", "/v1/handoffs/{id}/lead"],
    ["route", "/webhooks/chatwoot/:connectionId", "/webhooks/chatwoot/:connectionId"],
    ["route", "/v1/conversations/ana@example.com", "[withheld]"],
    ["route", "/sign-in?token=abc", "[withheld]"],
    ["route", "/webhooks/chatwoot/con_1/2f9d8a7b6c5d4e3f2f9d8a7b6c5d4e3f", "[withheld]"],
    ["origin", "https://user:pw@chat.example.com:8443/hooks/abc?token=def", "https://chat.example.com:8443"],
    ["origin", "Bearer abc", "[withheld]"],
    ["count", 3, 3],
    ["count", "3", "[withheld]"],
    ["count", Number.NaN, "[withheld]"],
    ["attempt", { text: "canary" }, "[withheld]"],
    ["connectionId", null, null],
    ["connectionId", ["con_1"], "[withheld]"],
  ])("%s: %j", (field, value, logged) => {
    const { log, lines } = recorder();
    log.info("tested", careless({ [field]: value }));
    expect(lines()[0]?.[field]).toBe(logged);
  });

  test("an undefined field is left out", () => {
    const { log, lines } = recorder();
    log.info("tested", { connectionId: undefined });
    expect(lines()[0]).not.toHaveProperty("connectionId");
  });
});

describe("errors", () => {
  test("one that Baton worded keeps its message", () => {
    const { log, lines } = recorder();
    log.error("relay_failed", {
      error: new HandoffError("helpdesk_refused", "Chatwoot answered 401: check the token"),
    });
    log.error("relay_failed", {
      error: new OutgoingError("timeout", "https://chat.example.com did not finish within 5 ms", { ambiguous: true }),
    });
    expect(lines().map(({ error }) => error)).toMatchObject([
      { name: "HandoffError", code: "helpdesk_refused", message: "Chatwoot answered 401: check the token" },
      {
        name: "OutgoingError",
        code: "outgoing_timeout",
        message: "https://chat.example.com did not finish within 5 ms",
      },
    ]);
  });

  test("any other keeps name, code and where it happened, and so do its causes", () => {
    const { log, text, lines } = recorder();
    const cause = Object.assign(new TypeError("canary in the cause"), { code: "ERR_CANARY", response: "canary body" });
    const error = Object.assign(new Error("canary: ana@example.com", { cause }), {
      code: "ECONNRESET",
      config: "canary",
    });
    log.error("relay_failed", { error });
    expect(lines()[0]?.["error"]).toEqual({
      name: "Error",
      code: "ECONNRESET",
      stack: expect.arrayContaining([expect.stringMatching(/^at .*logging\.test\.ts:\d+:\d+\)?$/)]),
      cause: { name: "TypeError", code: "ERR_CANARY" },
    });
    expect(text()).not.toContain("canary");
    expect(text()).not.toContain("ana@");
  });

  test.each([
    [
      "a message that looks like a stack",
      () => new Error("x\n    at canary (canary.ts:1:1)\n    at canary (canary.ts:2:2)"),
    ],
    [
      "a message changed later",
      () => Object.assign(new Error("x\n    at canary (canary.ts:1:1)"), { message: "other" }),
    ],
    ["a stack that is no text", () => Object.assign(new Error("canary"), { stack: { a: 1 } })],
    ["a name that speaks", () => Object.assign(new Error("canary"), { name: "canary said ana@example.com" })],
    ["a code that speaks", () => Object.assign(new Error("canary"), { code: "canary said: x" })],
    ["a thrown text", () => "canary"],
    ["a thrown object", () => ({ message: "canary", stack: "canary" })],
    ["an aggregate", () => new AggregateError([new Error("canary")], "canary")],
    [
      "an endless chain of causes",
      () => {
        const error = new Error("canary");
        error.cause = error;
        return error;
      },
    ],
  ])("%s tells nothing", (_what, make) => {
    const { log, text, lines } = recorder();
    log.error("failed", { error: make() });
    expect(lines()).toHaveLength(1);
    expect(text()).not.toContain("canary");
  });
});

test("nothing outside the list gets in, whatever is passed", () => {
  const canary = "canary-7f3a";
  const hostile = fc.object({
    values: [fc.constant(canary), fc.constant(`a\n${canary}`), fc.integer(), fc.constant(null)],
  });
  fc.assert(
    fc.property(hostile, fc.string(), (fields, event) => {
      const { log, text, lines } = recorder();
      log.with(careless(fields)).info(event, careless({ ...fields, text: canary, headers: { authorization: canary } }));
      expect(lines()).toHaveLength(1);
      expect(text()).not.toContain(canary);
    }),
  );
});

test.each([
  'x\n{"level":"info","event":"forged"}',
  "x\r\nforged",
  "x\u2028forged",
  "x\u0085forged",
  "\u001b[2Jforged",
  "\u202eforged",
])("a forged line stays one line: %j", (hostile) => {
  const { log, text, lines } = recorder();
  log.info(hostile, { handoffId: hostile, because: hostile, route: hostile, origin: hostile });
  log.error("failed", { error: new HandoffError("internal", hostile) });
  expect(lines()).toHaveLength(2);
  expect(lines().map(({ event }) => event)).toEqual(["[withheld]", "failed"]);
  expect(text().replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
});

test("a field that throws when read does not stop the line", () => {
  const { log, lines } = recorder();
  const trap = Object.defineProperty({}, "handoffId", {
    enumerable: true,
    get: () => {
      throw new Error("canary");
    },
  });
  log.info("tested", trap);
  expect(lines()).toMatchObject([{ event: "tested", unreadable: true }]);
});

describe("lines to standard output", () => {
  const logging = new URL("../src/logging.ts", import.meta.url).href;
  const run = (code: string) => {
    const script = `const { createLogger } = await import(${JSON.stringify(logging)}); const log = createLogger({ level: "info" }); ${code}`;
    const child = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
    const events = child.stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line).event as string]));
    return { events, status: child.status, signal: child.signal };
  };

  test.each([
    ["comes to its end", "", 0],
    ["ends itself in the same turn", "process.exit(3);", 3],
    ["dies of a fault in the same turn", "throw new Error('no');", 1],
  ])("are all there, in order, when the process %s", (_how, end, status) => {
    expect(run(`log.info("first"); log.warn("second"); ${end}`)).toEqual({
      events: ["first", "second"],
      status,
      signal: null,
    });
  });

  test("of earlier turns are there when the process is killed", () => {
    const killed = run(
      `log.info("first"); setTimeout(() => { log.info("second"); process.kill(process.pid, "SIGKILL"); }, 20);`,
    );
    expect([killed.events[0], killed.signal]).toEqual(["first", "SIGKILL"]);
  });

  test("of one turn are written in one piece", () => {
    const counted = run(
      `const fs = (await import("node:fs")).default; const write = fs.writeSync; let pieces = 0;
      fs.writeSync = (...given) => { pieces += 1; return write(...given); };
      for (let line = 0; line < 64; line += 1) log.info("line");
      setImmediate(() => setImmediate(() => { log.info("pieces_" + pieces); }));`,
    );
    expect(counted.events).toHaveLength(65);
    expect(counted.events.at(-1)).toBe("pieces_1");
  });
});
