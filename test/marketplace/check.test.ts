import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { unzipSync } from "fflate";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkApp } from "../../manifest/tools/check-freshworks.ts";
import { packApp, packageName, packTo } from "../../manifest/tools/pack-freshworks.ts";
import { appFolder } from "./sandbox.ts";

let folder: string;
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), "baton-app-")), "app");
  cpSync(appFolder, folder, { recursive: true });
});
afterEach(() => rmSync(dirname(folder), { recursive: true, force: true }));

const path = (file: string) => join(folder, file);
const write = (file: string, text: string) => {
  mkdirSync(dirname(path(file)), { recursive: true });
  writeFileSync(path(file), text);
};
type Change = () => void;
const replace =
  (file: string, from: string | RegExp, to: string): Change =>
  () => {
    const source = readFileSync(path(file), "utf8");
    const changed = source.replace(from, to);
    expect(changed, `${file} has no ${String(from)}`).not.toBe(source);
    writeFileSync(path(file), changed);
  };
const add =
  (file: string, text: string): Change =>
  () =>
    write(file, (existsSync(path(file)) ? readFileSync(path(file), "utf8") : "") + text);
const remove =
  (file: string): Change =>
  () =>
    rmSync(path(file));
type Draft = Record<string, any>; // eslint-disable-line typescript/no-explicit-any -- the mutations reach into anything
const edit =
  (file: string, change: (draft: Draft) => void): Change =>
  () => {
    const draft = JSON.parse(readFileSync(path(file), "utf8")) as Draft;
    change(draft);
    write(file, JSON.stringify(draft));
  };
const manifest = (change: (draft: Draft) => void) => edit("manifest.json", change);
const iparams = (change: (draft: Draft) => void) => edit("config/iparams.json", change);
const requests = (change: (draft: Draft) => void) => edit("config/requests.json", change);
const helper = (code: string) => add("server/server.js", `\n${code}\n`);
/** In a handler, so that nothing else is wrong with it. */
const inHandler = (code: string) =>
  replace("server/server.js", "await revoke(payload.iparams || {});", `await revoke(payload.iparams || {});\n${code}`);
const inPanel = (code: string) =>
  replace("app/scripts/app.js", "function isProblem(response) {", `function isProblem(response) {\n${code}`);

test("the app itself is fine", () => {
  expect(checkApp(appFolder)).toEqual([]);
});

describe("what Freshworks would refuse is found, and says where and what to do", () => {
  const SERVER = "server/server.js";
  const REQUESTS = "config/requests.json";
  const IPARAMS = "config/iparams.json";
  const MANIFEST = "manifest.json";
  const HTML = "app/index.html";
  const PANEL = "app/scripts/app.js";
  const ICON = "app/styles/images/icon.svg";

  test.each<[string, Change, string, string]>([
    ["no manifest", remove(MANIFEST), MANIFEST, "manifest"],
    ["a manifest that is no JSON", add(MANIFEST, "}"), MANIFEST, "json"],
    ["two objects in one file", add(REQUESTS, "{}"), REQUESTS, "json"],
    ["a list for an object", () => write(IPARAMS, "[]"), IPARAMS, "json"],
    [
      "a broken sample",
      () => write("server/test_data/onMessageCreate.json", "{"),
      "server/test_data/onMessageCreate.json",
      "json",
    ],
    ["platform 2.3", manifest((m) => (m["platform-version"] = "2.3")), MANIFEST, "platform-version"],
    ["no platform version", manifest((m) => delete m["platform-version"]), MANIFEST, "platform-version"],
    ["a product key", manifest((m) => (m["product"] = { freshchat: {} })), MANIFEST, "platform-2"],
    ["whitelisted domains", manifest((m) => (m["whitelisted-domains"] = [])), MANIFEST, "platform-2"],
    ["no common module", manifest((m) => delete m["modules"].common), MANIFEST, "modules"],
    ["no product module", manifest((m) => delete m["modules"].chat_conversation), MANIFEST, "modules"],
    ["a module of another product", manifest((m) => (m["modules"].support_ticket = {})), MANIFEST, "modules"],
    ["no engines", manifest((m) => delete m["engines"]), MANIFEST, "engines"],
    ["an old FDK", manifest((m) => (m["engines"].fdk = "9.5.9")), MANIFEST, "engines"],
    ["a Node that is no version", manifest((m) => (m["engines"].node = ">=18")), MANIFEST, "engines"],
    [
      "requests beside the product",
      manifest((m) => (m["modules"].chat_conversation.requests = {})),
      MANIFEST,
      "common-only",
    ],
    [
      "functions beside the product",
      manifest((m) => (m["modules"].chat_conversation.functions = {})),
      MANIFEST,
      "common-only",
    ],
    [
      "a placeholder that is none",
      manifest((m) => (m["modules"].chat_conversation.location.chat_sidebar = {})),
      MANIFEST,
      "placeholders",
    ],
    [
      "a placeholder in the wrong module",
      manifest((m) => (m["modules"].common.location = { conversation_user_info: {} })),
      MANIFEST,
      "placeholders",
    ],
    ["an empty location", manifest((m) => (m["modules"].common.location = {})), MANIFEST, "placeholders"],
    ["a page that is not there", remove(HTML), MANIFEST, "pages"],
    ["an icon that is not there", remove(ICON), ICON, "icon"],
    ["an icon that is no SVG", () => write(ICON, "GIF89a"), ICON, "icon"],
    [
      "no icon named",
      manifest((m) => delete m["modules"].chat_conversation.location.conversation_user_info.icon),
      MANIFEST,
      "icon",
    ],
    [
      "an event of another module",
      manifest((m) => (m["modules"].chat_conversation.events.onUserCreate = { handler: "x" })),
      MANIFEST,
      "events",
    ],
    [
      "a scheduled event",
      manifest((m) => (m["modules"].common.events.onScheduledEvent = { handler: "x" })),
      MANIFEST,
      "events",
    ],
    [
      "afterAppUpdate",
      manifest((m) => (m["modules"].common.events.afterAppUpdate = { handler: "x" })),
      MANIFEST,
      "events",
    ],
    ["an event without handler", manifest((m) => (m["modules"].common.events.onAppInstall = {})), MANIFEST, "handlers"],
    [
      "a handler that is not exported",
      manifest((m) => (m["modules"].common.events.onAppInstall.handler = "gone")),
      SERVER,
      "handlers",
    ],
    ["an export nobody names", manifest((m) => delete m["modules"].common.events.onAppUninstall), SERVER, "handlers"],
    [
      "a function that is not exported",
      manifest((m) => (m["modules"].common.functions = { ping: {} })),
      SERVER,
      "handlers",
    ],
    [
      "a function with another timeout",
      manifest((m) => (m["modules"].common.functions = { ping: { timeout: 60 } })),
      MANIFEST,
      "functions",
    ],
    ["no server at all", remove(SERVER), SERVER, "handlers"],
    [
      "an event without sample",
      remove("server/test_data/onAppInstall.json"),
      "server/test_data/onAppInstall.json",
      "test-data",
    ],
    ["no settings form", remove(IPARAMS), IPARAMS, "iparams-form"],
    [
      "two settings forms",
      add("config/iparams.html", '<script src="{{{appclient}}}"></script>'),
      IPARAMS,
      "iparams-form",
    ],
    ["a setting without description", iparams((i) => delete i["channel"].description), IPARAMS, "iparams"],
    ["a setting of no type", iparams((i) => (i["channel"].type = "string")), IPARAMS, "iparams"],
    [
      "a dropdown with a default of its own",
      iparams((i) => Object.assign(i["channel"], { type: "dropdown", options: ["a"], default_value: "A" })),
      IPARAMS,
      "iparams",
    ],
    ["a secret in the open", iparams((i) => delete i["workspace_key"].secure), IPARAMS, "secure-iparams"],
    [
      "a secret in a path",
      requests((r) => (r["forwardEvent"].schema.path += "/<%= iparam.workspace_key %>")),
      REQUESTS,
      "secure-iparams",
    ],
    [
      "a secret in a query",
      requests((r) => (r["forwardEvent"].schema.query = { k: "<%= encode(iparam.workspace_key) %>" })),
      REQUESTS,
      "secure-iparams",
    ],
    [
      "a secret in a host",
      requests((r) => (r["forwardEvent"].schema.host = "<%= iparam.freshchat_token %>.example.com")),
      REQUESTS,
      "secure-iparams",
    ],
    [
      "a setting that does not exist",
      requests((r) => (r["forwardEvent"].schema.host = "<%= iparam.host %>")),
      REQUESTS,
      "placeholders",
    ],
    [
      "a placeholder of another kind",
      requests((r) => (r["forwardEvent"].schema.path = "/x/{id}")),
      REQUESTS,
      "placeholders",
    ],
    [
      "a secret written down",
      requests((r) => (r["forwardEvent"].schema.headers.Authorization = "Bearer abc")),
      REQUESTS,
      "plain-secrets",
    ],
    [
      "a host with protocol",
      requests((r) => (r["forwardEvent"].schema.host = "https://<%= iparam.baton_host %>")),
      REQUESTS,
      "request-host",
    ],
    ["a host with path", requests((r) => (r["forwardEvent"].schema.host = "example.com/v1")), REQUESTS, "request-host"],
    [
      "a host with port",
      requests((r) => (r["forwardEvent"].schema.host = "example.com:8080")),
      REQUESTS,
      "request-host",
    ],
    ["an IP address", requests((r) => (r["forwardEvent"].schema.host = "192.0.2.1")), REQUESTS, "request-host"],
    ["no host", requests((r) => delete r["forwardEvent"].schema.host), REQUESTS, "request-host"],
    ["a path without slash", requests((r) => (r["forwardEvent"].schema.path = "v1/x")), REQUESTS, "request-path"],
    ["a body in the template", requests((r) => (r["forwardEvent"].schema.body = "{}")), REQUESTS, "request-schema"],
    ["http", requests((r) => (r["forwardEvent"].schema.protocol = "http")), REQUESTS, "request-schema"],
    ["no method", requests((r) => delete r["forwardEvent"].schema.method), REQUESTS, "request-schema"],
    ["a template that is not defined", requests((r) => delete r["forwardEvent"]), REQUESTS, "request-names"],
    [
      "a template that is not declared",
      manifest((m) => delete m["modules"].common.requests.forwardEvent),
      MANIFEST,
      "request-names",
    ],
    ["a template nobody calls", replace(PANEL, '"returnToBot"', '"other"'), MANIFEST, "request-names"],
    [
      "a call of a template nobody declared",
      inHandler('await $request.invokeTemplate("nobody", {});'),
      MANIFEST,
      "request-names",
    ],
    ["a package that is not declared", inHandler('require("left-pad")(1);'), MANIFEST, "dependencies"],
    [
      "a package nobody needs",
      manifest((m) => (m["dependencies"] = { "left-pad": "1.3.0" })),
      MANIFEST,
      "dependencies",
    ],
    ["no exports", replace(SERVER, "exports = {", "const handlers = {"), SERVER, "exports"],
    [
      "a helper before the exports",
      replace(SERVER, "exports = {", "function early() {}\nexports = {"),
      SERVER,
      "helpers-after-exports",
    ],
    [
      "a constant before the exports",
      replace(SERVER, "exports = {", "const EARLY = 1;\nexports = {"),
      SERVER,
      "helpers-after-exports",
    ],
    ["a syntax error", helper("function ("), SERVER, "syntax"],
    ["async without await", replace(SERVER, "function faultIn(", "async function faultIn("), SERVER, "require-await"],
    ["a variable nobody uses", inHandler("const unused = 1;"), SERVER, "no-unused-vars"],
    [
      "a parameter nobody uses",
      replace(SERVER, "function faultIn(settings)", "function faultIn(settings, more)"),
      SERVER,
      "no-unused-vars",
    ],
    [
      "a caught error nobody uses",
      inHandler("try { renderData(); } catch (error) { renderData(); }"),
      SERVER,
      "no-unused-vars",
    ],
    ["a function nobody uses", helper("function unused() {}"), SERVER, "no-unused-vars"],
    ["code that never runs", inHandler("return; renderData();"), SERVER, "no-unreachable"],
    ["complexity 8", inHandler("if (payload.a) { renderData(); }\n".repeat(6)), SERVER, "complexity"],
    ["eval", inHandler('eval("1");'), SERVER, "no-eval"],
    ["alert in the panel", inPanel('alert("x");'), PANEL, "no-alert"],
    ["var", inHandler("var x = 1; renderData(x);"), SERVER, "no-var"],
    ["new Function", inHandler('new Function("return 1")();'), SERVER, "no-new-func"],
    ["process", inHandler("process.exit();"), SERVER, "no-undef"],
    ["Buffer", inHandler('Buffer.from("a");'), SERVER, "no-undef"],
    ["timers", inHandler("setTimeout(renderData, 1);"), SERVER, "no-undef"],
    ["fetch", inHandler('await fetch("https://example.com");'), SERVER, "no-undef"],
    ["globalThis", inHandler("globalThis.process.exit();"), SERVER, "no-restricted-globals"],
    ["the linter switched off", helper("// oxlint-disable-next-line no-var"), SERVER, "muted"],
    ["$request.post", inHandler('$request.post("https://example.com");'), SERVER, "platform-2"],
    ["client.request.get", inPanel('client.request.get("https://example.com");'), PANEL, "platform-2"],
    ["innerHTML", inPanel('element("x").innerHTML = response;'), PANEL, "html-from-text"],
    ["insertAdjacentHTML", inPanel('element("x").insertAdjacentHTML("beforeend", response);'), PANEL, "html-from-text"],
    ["a plain button made by code", inPanel('document.createElement("button");'), PANEL, "plain-controls"],
    ["a plain button", replace(HTML, "</main>", "<button>Go</button></main>"), HTML, "plain-controls"],
    ["a plain input", replace(HTML, "</main>", "<input /></main>"), HTML, "plain-controls"],
    ["a plain select", replace(HTML, "</main>", "<select></select></main>"), HTML, "plain-controls"],
    ["no app client", replace(HTML, "{{{appclient}}}", "client.js"), HTML, "appclient"],
    [
      "the client of platform 2",
      replace(
        HTML,
        "</head>",
        '<script src="https://static.freshdev.io/fdk/2.0/assets/fresh_client.js"></script></head>',
      ),
      HTML,
      "platform-2",
    ],
    ["no Crayons", replace(HTML, /crayons\.esm\.js/, "other.js"), HTML, "crayons"],
    ["a handler in the markup", replace(HTML, "<main ", '<main onclick="x()" '), HTML, "page-safety"],
    ["no README", remove("README.md"), "README.md", "readme"],
    ["a README that says nothing", () => write("README.md", "# Baton\n"), "README.md", "readme"],
  ])("%s", (_case, change, file, rule) => {
    change();
    const found = checkApp(folder);
    expect(found.map((finding) => [finding.file, finding.rule])).toContainEqual([file, rule]);
    expect(found.filter(({ message }) => message.length < 20)).toEqual([]);
  });

  test("complexity 7 is allowed", () => {
    inHandler("if (payload.a) { renderData(); }\n".repeat(5))();
    expect(checkApp(folder)).toEqual([]);
  });

  test("a package that is declared and required is allowed, before the exports", () => {
    replace("server/server.js", "exports = {", 'const pad = require("left-pad");\nexports = {')();
    inHandler("renderData(pad(1));")();
    manifest((m) => (m["dependencies"] = { "left-pad": "1.3.0" }))();
    expect(checkApp(folder)).toEqual([]);
  });
});

describe("packing", () => {
  const cli = join(import.meta.dirname, "../../manifest/tools/pack-freshworks.ts");
  const pack = (from: string, to: string) => spawnSync(process.execPath, [cli, from, to], { encoding: "utf8" });

  test("the package holds the app, and nothing that tools and tests left behind", () => {
    for (const file of [
      ".fdk/configs.json",
      "node_modules/x/index.js",
      "coverage/lcov.info",
      "log/fdk.log",
      "dist/old.zip",
    ]) {
      write(file, "x");
    }
    write("server/test/server.test.js", "x");
    write(".DS_Store", "x");
    const inside = unzipSync(packApp(folder));
    expect(Object.keys(inside)).toEqual([
      "README.md",
      "app/index.html",
      "app/scripts/app.js",
      "app/styles/images/icon.svg",
      "app/styles/style.css",
      "config/iparams.json",
      "config/requests.json",
      "manifest.json",
      "server/server.js",
      "server/test_data/onAgentActivityCreate.json",
      "server/test_data/onAppInstall.json",
      "server/test_data/onAppUninstall.json",
      "server/test_data/onConversationUpdate.json",
      "server/test_data/onMessageCreate.json",
    ]);
    expect(Buffer.from(inside["manifest.json"]!)).toEqual(readFileSync(path("manifest.json")));
  });

  test("the same files give the same bytes, whenever and in whatever time zone", () => {
    const out = dirname(folder);
    const made = ["Pacific/Auckland", "America/New_York"].map((zone) => {
      const to = join(out, zone);
      const env = { ...process.env, TZ: zone };
      const run = spawnSync(process.execPath, [cli, folder, to], { encoding: "utf8", env });
      expect(run.stdout).toBe(`${join(to, packageName())}\n`);
      return readFileSync(join(to, packageName()));
    });
    expect(made[0]).toEqual(made[1]);
    expect(made[0]).toEqual(Buffer.from(packApp(appFolder)));
  });

  test("it is named for the version of this repository", () => {
    expect(packageName()).toMatch(/^baton-freshchat-\d+\.\d+\.\d+\.zip$/);
  });

  test("an app with a finding is not packed, and the finding is told", () => {
    remove("app/styles/images/icon.svg")();
    const file = join(dirname(folder), "out", packageName());
    expect(packTo(folder, file)).toContain("app/styles/images/icon.svg: icon: Add the icon");
    expect(existsSync(file)).toBe(false);
    const run = pack(folder, join(dirname(folder), "out"));
    expect([run.status, run.stdout.endsWith("Not packed: mend these first.\n")]).toEqual([1, true]);
  });
});
