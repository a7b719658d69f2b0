import {
  callsOf,
  dotted,
  isNode,
  nodesOf,
  objectAt,
  type AppFiles,
  type Finding,
  type Script,
  type SyntaxNode,
} from "./freshworks-app.ts";

const SERVER = "server/server.js";
const OLD_REQUEST = /^(?:\$request|client\.request)\.(?:get|post|put|patch|delete)$/;
const HTML_WRITERS = /\.(?:innerHTML|outerHTML)$/;
const HTML_CALLS = /(?:\.insertAdjacentHTML|^document\.write(?:ln)?)$/;
const FORM_CONTROLS = ["button", "input", "select"];
const MUTED = /(?:eslint|oxlint)-disable/;
const README_WORDS = 150;

/** What the scripts, pages and names of an app break: agreement between manifest, templates and code (sheet 3 to 5). */
export function codeFindings(app: AppFiles): Finding[] {
  return [
    ...app.scripts.flatMap((script) => scriptFindings(script)),
    ...(app.server === null ? [] : exportsFindings(app.server)),
    ...handlerFindings(app),
    ...dependencyFindings(app),
    ...requestNameFindings(app),
    ...app.pages.flatMap((page) => pageFindings(page.file, page.source)),
    ...readmeFindings(app),
  ];
}

function scriptFindings(script: Script): Finding[] {
  const { file } = script;
  if (script.tree === null) return [{ file, rule: "syntax", message: `Mend the syntax: ${script.syntaxError ?? ""}` }];
  const found: Finding[] = [];
  if (MUTED.test(script.source)) {
    found.push({ file, rule: "muted", message: "Mend what the linter found instead of switching it off." });
  }
  for (const { callee, first } of callsOf(script)) {
    if (OLD_REQUEST.test(callee))
      found.push({ file, rule: "platform-2", message: `Replace ${callee}() by invokeTemplate().` });
    if (HTML_CALLS.test(callee))
      found.push({ file, rule: "html-from-text", message: `Replace ${callee}() by textContent.` });
    if (callee === "document.createElement" && FORM_CONTROLS.includes(String(first))) {
      found.push({ file, rule: "plain-controls", message: `Create <fw-${first}> instead of <${first}>.` });
    }
  }
  for (const node of nodesOf(script.tree)) {
    const written = node.type === "AssignmentExpression" ? dotted(node["left"]) : null;
    if (written !== null && HTML_WRITERS.test(written)) {
      found.push({ file, rule: "html-from-text", message: `Set textContent instead of ${written}.` });
    }
  }
  return found;
}

/** The top-level statement `exports = { … }`, and the names in it. */
function exportsOf(script: Script): { readonly names: string[]; readonly index: number; readonly body: SyntaxNode[] } {
  const body = (Array.isArray(script.tree?.["body"]) ? script.tree["body"] : []).filter((node) => isNode(node));
  const index = body.findIndex((node) => {
    const assigned = isNode(node["expression"]) ? node["expression"] : null;
    return assigned?.type === "AssignmentExpression" && /^(?:module\.)?exports$/.test(dotted(assigned["left"]) ?? "");
  });
  const statement = body[index]?.["expression"];
  const object = isNode(statement) && isNode(statement["right"]) ? statement["right"] : null;
  const properties = Array.isArray(object?.["properties"]) ? object["properties"].filter((node) => isNode(node)) : [];
  return { names: properties.map((node) => dotted(node["key"]) ?? ""), index, body };
}

const isRequire = (node: SyntaxNode): boolean =>
  node.type === "VariableDeclaration" &&
  Array.from(nodesOf(node)).some((inner) => inner.type === "CallExpression" && dotted(inner["callee"]) === "require");

function exportsFindings(server: Script): Finding[] {
  if (server.tree === null) return [];
  const { index, body } = exportsOf(server);
  if (index === -1) return [{ file: SERVER, rule: "exports", message: "Put the handlers into one exports = { … }." }];
  const early = body.slice(0, index).filter((node) => !isRequire(node));
  return early.length === 0
    ? []
    : [{ file: SERVER, rule: "helpers-after-exports", message: "Move helpers and constants below exports = { … }." }];
}

function handlerFindings(app: AppFiles): Finding[] {
  const modules = objectAt(app.manifest, "modules");
  const named = Object.keys(modules).flatMap((module) => [
    ...Object.values(objectAt(modules, module, "events")).map((event) => objectAt(event)["handler"]),
    ...Object.keys(objectAt(modules, module, "functions")),
  ]);
  const wanted = named.filter((name) => typeof name === "string");
  if (wanted.length > 0 && app.server === null) {
    return [{ file: SERVER, rule: "handlers", message: "Add server/server.js: the manifest names handlers." }];
  }
  const there = app.server === null ? [] : exportsOf(app.server).names;
  return [
    ...wanted
      .filter((name) => !there.includes(name))
      .map((name) => ({ file: SERVER, rule: "handlers", message: `Export "${name}": the manifest names it.` })),
    ...there
      .filter((name) => !wanted.includes(name))
      .map((name) => ({ file: SERVER, rule: "handlers", message: `Name "${name}" in manifest.json, or remove it.` })),
  ];
}

function dependencyFindings(app: AppFiles): Finding[] {
  const declared = Object.keys(objectAt(app.manifest, "dependencies"));
  const calls = app.scripts.filter((script) => script.file.startsWith("server/")).flatMap((script) => callsOf(script));
  const required = calls.flatMap(({ callee, first }) => (callee === "require" && first !== null ? [first] : []));
  const packages = required.filter((name) => !name.startsWith("."));
  return [
    ...packages
      .filter((name) => !declared.includes(name))
      .map((name) => ({ file: "manifest.json", rule: "dependencies", message: `Add "${name}" to "dependencies".` })),
    ...declared
      .filter((name) => !packages.includes(name))
      .map((name) => ({
        file: "manifest.json",
        rule: "dependencies",
        message: `Remove "${name}": nothing requires it.`,
      })),
  ];
}

const name = (file: string, message: string): Finding => ({ file, rule: "request-names", message });

/** A template has one name in three places. */
function requestNameFindings(app: AppFiles): Finding[] {
  const declared = Object.keys(objectAt(app.manifest, "modules", "common", "requests"));
  const defined = Object.keys(app.requests ?? {});
  const calls = app.scripts
    .flatMap((script) => callsOf(script))
    .filter(({ callee }) => callee.endsWith(".invokeTemplate"));
  const strings = new Set(app.scripts.flatMap((script) => stringsOf(script)));
  const called = calls.flatMap(({ first }) => first ?? []);
  return [
    ...missing(declared, defined).map((one) =>
      name("config/requests.json", `Define "${one}": the manifest declares it.`),
    ),
    ...missing(defined, declared).map((one) =>
      name("manifest.json", `Declare "${one}" under modules.common.requests.`),
    ),
    ...missing(called, declared).map((one) =>
      name("manifest.json", `Declare "${one}", which the code calls, or mend the call.`),
    ),
    /* A name may be handed on to a helper that makes the call, so a string that says it counts as a use. */
    ...declared
      .filter((one) => !strings.has(one))
      .map((one) => name("manifest.json", `Remove "${one}": no code calls it.`)),
  ];
}

const missing = (from: readonly string[], inside: readonly string[]): string[] =>
  [...new Set(from)].filter((one) => !inside.includes(one));

const stringsOf = (script: Script): string[] =>
  script.tree === null
    ? []
    : Array.from(nodesOf(script.tree)).flatMap((node) =>
        node.type === "Literal" && typeof node["value"] === "string" ? [node["value"]] : [],
      );

function pageFindings(file: string, source: string): Finding[] {
  const markup = source.replaceAll(/<!--[\s\S]*?-->/g, "");
  const found: Finding[] = [];
  if (!/<script\s+src="\{\{\{appclient\}\}\}"><\/script>/.test(markup)) {
    found.push({ file, rule: "appclient", message: 'Add <script src="{{{appclient}}}"></script> to the head.' });
  }
  if (/static\.freshdev\.io\/fdk\/2\.0/.test(markup)) {
    found.push({
      file,
      rule: "platform-2",
      message: "Remove the fresh_client.js of platform 2: {{{appclient}}} replaces it.",
    });
  }
  for (const control of FORM_CONTROLS.filter((name) => new RegExp(`<${name}[\\s>/]`, "i").test(markup))) {
    found.push({ file, rule: "plain-controls", message: `Use <fw-${control}> of Crayons instead of <${control}>.` });
  }
  if (/<fw-/.test(markup) && !/@freshworks\/crayons@v4\/dist\/crayons\/crayons\.esm\.js/.test(markup)) {
    found.push({
      file,
      rule: "crayons",
      message: "Load crayons.esm.js of @freshworks/crayons@v4, or its components stay empty.",
    });
  }
  if (/\son\w+\s*=/.test(markup) || /(?:src|href)\s*=\s*["']http:/.test(markup)) {
    found.push({
      file,
      rule: "page-safety",
      message: "Take handlers written into the markup and http: addresses out.",
    });
  }
  return found;
}

function readmeFindings(app: AppFiles): Finding[] {
  const file = "README.md";
  const words = app.readme?.split(/\s+/).length ?? 0;
  if (words >= README_WORDS) return [];
  const what = app.readme === null ? "Add a README" : `Say more, ${README_WORDS} words or more`;
  return [{ file, rule: "readme", message: `${what}: what the app does, its settings, the data it handles, support.` }];
}
