import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { appFolder, expandTemplate, loadApp, TimeLimitError } from "./sandbox.ts";
import type { Transport } from "./sandbox.ts";

/** The sandbox is as strict as the platform: an app that leans on more than it gets must fail here, not at a customer's. */
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "baton-sandbox-"));
  cpSync(appFolder, folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const iparams = {
  baton_host: "baton.example.com",
  workspace_key: "wk",
  freshchat_url: "acme.freshchat.com",
  freshchat_token: "fc",
};
const fine: Transport = () => Promise.resolve({ status: 200, body: "{}", tookMs: 1 });

/** Runs `code` as the body of the handler of onAppInstall (or another event). */
async function run(code: string, { transport = fine, event = "onAppInstall" } = {}): Promise<{ logs: string[] }> {
  writeFileSync(
    join(folder, "server/server.js"),
    `exports = { ${event}Handler: async function (payload) { ${code} } };`,
  );
  const app = loadApp({ iparams, transport, folder });
  await app.invoke(event, {});
  return { logs: app.logs };
}
const changed = (file: string, from: string, to: string) => {
  const path = join(folder, file);
  const source = readFileSync(path, "utf8");
  expect(source).toContain(from);
  writeFileSync(path, source.replace(from, to));
};

const slow =
  (tookMs: number): Transport =>
  () =>
    Promise.resolve({ status: 200, body: "{}", tookMs });
const call = (args: string) => `await $request.invokeTemplate(${args}); renderData();`;

describe("what is not there", () => {
  test.each(
    [
      ["process", "Buffer", "require", "module", "global", "fetch", "XMLHttpRequest", "WebAssembly", "crypto"],
      [
        "setTimeout",
        "setInterval",
        "setImmediate",
        "clearTimeout",
        "clearInterval",
        "clearImmediate",
        "queueMicrotask",
      ],
      ["now", "structuredClone", "TextEncoder", "URL"],
    ].flat(),
  )("%s", async (name) => {
    const { logs } = await run(`console.log(typeof ${name}); renderData();`);
    expect(logs).toEqual(["undefined"]);
  });

  test.each(['eval("1")', 'new Function("return 1")()', '(() => {}).constructor("return this")()'])(
    "%s",
    async (code) => {
      await expect(run(`${code}; renderData();`)).rejects.toThrow(/Code generation from strings disallowed/);
    },
  );
});

describe("requests", () => {
  test.each([
    ["a template nobody declared", '"removeEverything"', /Request template not found: removeEverything/],
    ["a body that is an object", '"registerInstallation", { body: { a: 1 } }', /must be a string/],
    ["a placeholder without a value", '"readConversation", {}', /No value for <%= context\.conversation_id %>/],
  ])("%s", async (_case, args, message) => {
    await expect(run(call(args))).rejects.toThrow(message);
  });

  test("a template that the manifest does not name does not exist", async () => {
    changed("manifest.json", '"forwardEvent": {},', "");
    await expect(run(call('"forwardEvent", { body: "" }'))).rejects.toThrow(/not found/);
  });

  test.each([
    ["host", '"host": "<%= iparam.baton_host %>"', '"host": "<%= iparam.workspace_key %>"'],
    ["path", '"path": "/v1/installations/freshworks"', '"path": "/v1/<%= iparam.freshchat_token %>"'],
    [
      "query",
      '"freshchatUrl": "<%= iparam.freshchat_url %>"',
      '"freshchatUrl": "<%= encode(iparam.freshchat_token) %>"',
    ],
  ])("a secret in the %s is refused", (field, from, to) => {
    changed("config/requests.json", from, to);
    const name = field === "query" ? "readConversation" : "registerInstallation";
    const args = { context: { conversation_id: "c1" } };
    expect(() => expandTemplate({ folder, iparams, name, args })).toThrow(/is secure: it may stand in headers only/);
  });

  test("encode() is Base64, as for Basic authorization", () => {
    changed("config/requests.json", "Bearer <%= iparam.workspace_key %>", "Basic <%= encode(iparam.workspace_key) %>");
    const { headers } = expandTemplate({ folder, iparams, name: "registerInstallation", args: {} });
    expect(headers["Authorization"]).toBe("Basic d2s=");
  });

  test("query values are escaped", () => {
    const settings = { ...iparams, freshchat_url: "a&b=c" };
    const args = { context: { conversation_id: "c1" } };
    const { path } = expandTemplate({ iparams: settings, name: "readConversation", args });
    expect(path).toBe("/v1/installations/freshworks/conversations/c1?freshchatUrl=a%26b%3Dc");
  });

  test.each([
    ["refused", () => Promise.resolve({ status: 422, body: "no", headers: { a: "b" } }), [422, "no", "APP"]],
    ["no connection", () => Promise.reject(new Error("ECONNREFUSED")), [502, expect.any(String), "PLATFORM"]],
    [
      "15 s and more",
      () => Promise.resolve({ status: 200, body: "", tookMs: 15_001 }),
      [504, expect.any(String), "PLATFORM"],
    ],
  ])("a failure is a plain object: %s", async (_case, transport, seen) => {
    const code = `try { await $request.invokeTemplate("revokeInstallation", { body: "{}" }); } catch (error) {
      console.log(JSON.stringify([error.status, error.response, error.errorSource])); }`;
    const { logs } = await run(code, { transport, event: "onMessageCreate" });
    expect(JSON.parse(logs[0] ?? "null")).toEqual(seen);
  });
});

test("an app that catches what it must not do is found out all the same", async () => {
  const code = `try { await $request.invokeTemplate("removeEverything"); } catch { console.log("never mind"); } renderData();`;
  await expect(run(code)).rejects.toThrow(/Request template not found: removeEverything/);
});

describe("time", () => {
  const twice = 'for (const n of [1, 2]) { await $request.invokeTemplate("revokeInstallation", { body: String(n) }); }';
  test.each([
    ["onAppInstall", 5000, false],
    ["onAppInstall", 5001, true],
    ["onMessageCreate", 10_000, false],
    ["onMessageCreate", 10_001, true],
  ])("%s, two requests of %i ms: too long is %s", async (event, tookMs, isTooLong) => {
    const code = `${twice} ${event === "onAppInstall" ? "renderData();" : ""}`;
    const ran = run(code, { transport: slow(tookMs), event });
    const outcome: unknown = await ran.then(
      () => "in time",
      (error: unknown) => error,
    );
    expect(outcome instanceof TimeLimitError).toBe(isTooLong);
  });

  test("the app's clock moves by what requests take", async () => {
    const code = `const from = Date.now(); ${twice} console.log(Date.now() - from, new Date(from).toISOString());`;
    const { logs } = await run(code, { transport: slow(1500), event: "onMessageCreate" });
    expect(logs).toEqual(["3000 2026-11-20T09:00:00.000Z"]);
  });
});

describe("set-up events", () => {
  test.each([
    ["never", ""],
    ["twice", "renderData(); renderData();"],
  ])("must call renderData() once, not %s", async (_case, code) => {
    await expect(run(code)).rejects.toThrow(/must call renderData\(\) once/);
  });
});
