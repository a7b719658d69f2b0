import { catalogue } from "../domain/errors.ts";
import type { Json } from "./openapi-schemas.ts";
import type { OpenApiDocument, Operation } from "./openapi.ts";

/** Inline, and allowed by its hash: the page loads nothing. */
export const DOCS_STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --accent: #2563eb; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem; font: 16px/1.55 system-ui, sans-serif; }
h1, h2, h3 { line-height: 1.2; } h2 { margin-top: 3rem; }
a { color: var(--accent); } code, pre { font: 0.88em ui-monospace, monospace; }
pre { padding: 0.8rem; overflow-x: auto; background: var(--soft); border-radius: 6px; }
table { width: 100%; border-collapse: collapse; margin: 0.6rem 0; }
th, td { padding: 0.35rem 0.6rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
details { margin: 0.6rem 0; border: 1px solid var(--line); border-radius: 8px; }
summary { padding: 0.6rem 0.9rem; cursor: pointer; } details > div { padding: 0 0.9rem 0.9rem; }
.method { display: inline-block; min-width: 4.2rem; font-weight: 700; }
.muted { opacity: 0.75; } nav ul { columns: 3 12rem; padding-left: 1.2rem; }
`;

/** The document as one page that needs nothing else: routes by tag with their fields, schemas, and every error code. */
export function docsPage(document: OpenApiDocument): string {
  const { info, tags, paths, webhooks, components } = document;
  const operations = [...Object.entries(paths), ...Object.entries(webhooks)].flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const sections = tags.map(({ name }) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(name));
    return `<h2 id="tag-${escape(name)}">${escape(name)}</h2>${own.map(operationHtml).join("")}`;
  });
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) =>
      `<details id="schema-${escape(name)}"><summary><code>${escape(name)}</code></summary><div>${schemaHtml(schema)}</div></details>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(textOf(info["title"]))} API</title><style>${DOCS_STYLE}</style></head><body>
<h1>${escape(textOf(info["title"]))} API</h1>
<p>${words(textOf(info["summary"]))}</p><p>${words(textOf(info["description"]))}</p>
<p>As a document for programs: <a href="/v1/openapi.json">openapi.json</a>.</p>
<nav><ul>${tags.map(({ name }) => `<li><a href="#tag-${escape(name)}">${escape(name)}</a></li>`).join("")}
<li><a href="#schemas">Schemas</a></li><li><a href="#errors">Errors</a></li></ul></nav>
${sections.join("")}
<h2 id="schemas">Schemas</h2>${schemas.join("")}
<h2 id="errors">Errors</h2>${errorsHtml()}
</body></html>
`;
}

function operationHtml({ path, method, operation }: { path: string; method: string; operation: Operation }): string {
  const answers = Object.entries(operation.responses).map(([status, answer]) => {
    if (answer["$ref"] !== undefined)
      return `<tr><td><code>${escape(status)}</code></td><td>${problemLinks(status)}</td></tr>`;
    const schema = contentSchema(answer);
    return `<tr><td><code>${escape(status)}</code></td><td>${words(textOf(answer["description"]))}${
      schema === null ? "" : `<br>${typeHtml(schema)}`
    }</td></tr>`;
  });
  const body = operation.requestBody === undefined ? null : contentSchema(operation.requestBody);
  return `<details id="${escape(operation.operationId)}"><summary><span class="method">${escape(method)}</span>
<code>${escape(path)}</code> <span class="muted">${escape(operation.summary)}</span></summary><div>
${operation.description
  .split("\n\n")
  .map((paragraph) => `<p>${words(paragraph)}</p>`)
  .join("")}
${parametersHtml(operation.parameters)}
${body === null ? "" : `<h3>Body</h3>${schemaHtml(body)}`}
<h3>Answers</h3><table>${answers.join("")}</table></div></details>`;
}

function parametersHtml(parameters: readonly Json[]): string {
  if (parameters.length === 0) return "";
  const rows = parameters.map(
    (one) =>
      `<tr><td><code>${escape(textOf(one["name"]))}</code><br><span class="muted">${escape(textOf(one["in"]))}${
        one["required"] === true ? ", required" : ""
      }</span></td><td>${typeHtml(one["schema"] as Json)}</td><td>${words(textOf(one["description"]))}</td></tr>`,
  );
  return `<h3>Parameters</h3><table>${rows.join("")}</table>`;
}

function schemaHtml(schema: Json): string {
  const properties = schema["properties"];
  if (typeof properties !== "object" || properties === null) return `<p>${typeHtml(schema)}</p>`;
  const required = new Set(Array.isArray(schema["required"]) ? schema["required"] : []);
  const rows = Object.entries(properties as Record<string, Json>).map(
    ([name, property]) =>
      `<tr><td><code>${escape(name)}</code>${required.has(name) ? '<br><span class="muted">required</span>' : ""}</td>` +
      `<td>${typeHtml(property)}</td><td>${detailsHtml(property)}</td></tr>`,
  );
  const about = typeof schema["description"] === "string" ? `<p>${words(schema["description"])}</p>` : "";
  return `${about}<table>${rows.join("")}</table>`;
}

function detailsHtml(property: Json): string {
  const parts: string[] = [];
  if (typeof property["description"] === "string") parts.push(words(property["description"]));
  if (property["default"] !== undefined && typeof property["default"] !== "object") {
    parts.push(`default <code>${escape(JSON.stringify(property["default"]))}</code>`);
  }
  const inner = property["properties"] === undefined ? "" : schemaHtml({ ...property, description: undefined });
  return parts.join("<br>") + inner;
}

function typeHtml(schema: Json): string {
  const reference = schema["$ref"];
  if (typeof reference === "string") {
    const name = escape(reference.slice(reference.lastIndexOf("/") + 1));
    return `<a href="#schema-${name}">${name}</a>`;
  }
  if (Array.isArray(schema["enum"]))
    return schema["enum"].map((one) => `<code>${escape(JSON.stringify(one))}</code>`).join(" ");
  if (schema["const"] !== undefined) return `<code>${escape(JSON.stringify(schema["const"]))}</code>`;
  const options = schema["anyOf"] ?? schema["oneOf"];
  if (Array.isArray(options)) return options.map((one: Json) => typeHtml(one)).join(" or ");
  if (schema["type"] === "array") return `list of ${typeHtml((schema["items"] ?? {}) as Json)}`;
  const { type } = schema;
  const limits = [
    ...(typeof schema["format"] === "string" ? [schema["format"]] : []),
    ...(typeof schema["maxLength"] === "number" ? [`at most ${schema["maxLength"]} characters`] : []),
  ];
  const name = Array.isArray(type) ? type.join(" or ") : typeof type === "string" ? type : "any";
  return escape([name, ...limits].join(", "));
}

function contentSchema(described: Json): Json | null {
  const content = described["content"];
  if (typeof content !== "object" || content === null) return null;
  const [media] = Object.values(content as Record<string, Json>);
  return (media?.["schema"] as Json | undefined) ?? null;
}

const problemLinks = (status: string): string =>
  Object.entries(catalogue)
    .filter(([, entry]) => String(entry.status) === status)
    .map(([code]) => `<a href="#problem-${code}">${code}</a>`)
    .join(" ");

function errorsHtml(): string {
  const rows = Object.entries(catalogue).map(
    ([code, entry]) =>
      `<tr id="problem-${code}"><td><code>${code}</code></td><td>${entry.status}</td><td>${escape(entry.title)}${
        "remedy" in entry ? `<br><span class="muted">${words(entry.remedy)}</span>` : ""
      }</td></tr>`,
  );
  return `<table>${rows.join("")}</table>`;
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

/** Text with `code` marked up. */
const words = (text: string) => escape(text).replaceAll(/`([^`]+)`/g, "<code>$1</code>");

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const escape = (text: string) => text.replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? "");
