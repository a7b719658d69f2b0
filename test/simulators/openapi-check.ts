import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

type Json = Record<string, unknown>;
interface Parameter {
  name: string;
  in: "path" | "query";
  required?: boolean;
  schema: object;
}
interface Operation {
  name: string;
  segments: string[];
  method: string;
  parameters: Parameter[];
  /** By content type: pointer to the body's schema inside the document. */
  bodies: Map<string, string>;
}
export interface CheckedRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  contentType: string;
  body: unknown;
}

const documents = ["chatwoot.openapi.json", "chatwoot.undocumented.openapi.json"];
const folder = join(import.meta.dirname, "../../../shared/contracts");
const account = "/api/v1/accounts/{account_id}";

/** Where the published file is stricter than the server, whose word counts: operation, problem, what the server does. */
const drifts: readonly [operation: string, problem: RegExp, server: string][] = [
  [`POST ${account}/conversations`, /required property 'source_id'/, "made up when inbox and contact are given"],
  [`POST ${account}/conversations`, /^body\/status .*allowed values/, "takes snoozed too"],
  [`POST ${account}/contacts`, /required property 'inbox_id'/, "optional"],
  [`POST ${account}/conversations/{conversation_id}/messages`, /required property 'content'/, "optional with files"],
  [`POST ${account}/conversations/{conversation_id}/messages`, /^body\/content_type .*allowed/, "takes every type"],
  [`PATCH ${account}/conversations/{conversation_id}`, /^body\/priority must be/, "null clears"],
  [`POST ${account}/conversations/{conversation_id}/toggle_priority`, /^body\/priority must be/, "null clears"],
  [`POST ${account}/conversations/{conversation_id}/toggle_status`, /^body\/snoozed_until must be/, "null is none"],
  [
    `POST ${account}/conversations/{conversation_id}/assignments`,
    /^body\/(assignee|team)_id must be/,
    "null unassigns",
  ],
  [`GET ${account}/conversations`, /^query source_id /, "filters by the contact inbox"],
  [`GET ${account}/custom_attribute_definitions`, /^query attribute_model is required/, "optional"],
  [`PATCH ${account}/inbox_members`, /^body\/inbox_id must be string/, "a number as in create"],
  [`DELETE ${account}/inbox_members`, /^body\/inbox_id must be string/, "a number as in create"],
];

let loaded: ((request: CheckedRequest) => string[]) | null | undefined;

/**
 * Holds requests against the published API description and the one of the endpoints it omits.
 *
 * @returns a check that lists what does not fit, known drifts left out; null, said once, when the files are not beside
 *   the repository (with CI=true their absence is an error).
 */
export function loadOpenApiCheck(): ((request: CheckedRequest) => string[]) | null {
  // Undefined: not asked yet; null: asked, told once, and not there.
  if (loaded === undefined) loaded = load();
  return loaded;
}

function load(): ((request: CheckedRequest) => string[]) | null {
  if (!documents.every((name) => existsSync(join(folder, name)))) {
    const words = "../shared/contracts/chatwoot*.openapi.json is absent: requests are not held against it";
    if (process.env["CI"] === "true") throw new Error(words);
    console.warn(words);
    return null;
  }
  const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false, validateSchema: false, coerceTypes: false });
  const coercing = new Ajv2020({ strict: false, logger: false, coerceTypes: "array" });
  for (const instance of [ajv, coercing]) addFormats.default(instance);
  const operations = documents.flatMap((name) => {
    const document = JSON.parse(readFileSync(join(folder, name), "utf8")) as Json;
    ajv.addSchema(document, name);
    return operationsOf(document, name);
  });
  const compiled = new Map<string, ValidateFunction>();
  const bodyCheck = (pointer: string) => {
    const known = compiled.get(pointer) ?? ajv.compile({ $ref: pointer });
    compiled.set(pointer, known);
    return known;
  };

  return (request) => {
    const operation = findOperation(operations, request.method, request.path);
    if (!operation) return [`${request.method} ${request.path} is in neither API description`];
    const problems = [
      ...parameterProblems(coercing, operation, request),
      ...bodyProblems(bodyCheck, operation, request),
    ];
    return problems.filter(
      (problem) => !drifts.some(([name, expected]) => name === operation.name && expected.test(problem)),
    );
  };
}

function operationsOf(document: Json, id: string): Operation[] {
  const resolve = (parameter: Json): Parameter => {
    if (typeof parameter["$ref"] !== "string") return parameter as unknown as Parameter;
    const steps = parameter["$ref"].split("/").slice(1);
    return steps.reduce<unknown>((value, step) => (value as Json)[step], document) as Parameter;
  };
  const paths = document["paths"] as Record<string, Json>;
  return Object.entries(paths).flatMap(([path, item]) =>
    ["get", "post", "put", "patch", "delete"].flatMap((method) => {
      const operation = item[method] as Json | undefined;
      if (!operation) return [];
      const listed = [...((item["parameters"] as Json[]) ?? []), ...((operation["parameters"] as Json[]) ?? [])];
      const content = (operation["requestBody"] as Json | undefined)?.["content"] as Json | undefined;
      const at = ["paths", path, method, "requestBody", "content"];
      const pointer = (type: string) =>
        `${id}#/${[...at, type, "schema"].map((step) => encodeURIComponent(step.replaceAll("~", "~0").replaceAll("/", "~1"))).join("/")}`;
      return [
        {
          name: `${method.toUpperCase()} ${path}`,
          segments: path.split("/"),
          method: method.toUpperCase(),
          parameters: listed.map(resolve),
          bodies: new Map(Object.keys(content ?? {}).map((type) => [type, pointer(type)])),
        },
      ];
    }),
  );
}

function findOperation(operations: Operation[], method: string, path: string): Operation | undefined {
  const segments = path.split("/");
  const wildness = (operation: Operation) => operation.segments.filter((part) => part.startsWith("{")).length;
  return operations
    .filter(
      (operation) =>
        operation.method === method &&
        operation.segments.length === segments.length &&
        operation.segments.every((part, i) => part.startsWith("{") || part === segments[i]),
    )
    .sort((a, b) => wildness(a) - wildness(b))[0];
}

function parameterProblems(ajv: Ajv2020, operation: Operation, request: CheckedRequest): string[] {
  const problems: string[] = [];
  const check = (where: string, parameter: Parameter, value: unknown) => {
    const validate = ajv.compile({ type: "object", properties: { value: parameter.schema } });
    if (!validate({ value })) problems.push(`${where} ${parameter.name} ${ajv.errorsText(validate.errors)}`);
  };
  const segments = request.path.split("/");
  for (const parameter of operation.parameters) {
    if (parameter.in === "path") check("path", parameter, segments[operation.segments.indexOf(`{${parameter.name}}`)]);
    else if (request.query.has(parameter.name)) {
      const values = request.query.getAll(parameter.name);
      check("query", parameter, parameter.name.endsWith("[]") ? values : values[0]);
    } else if (parameter.required) problems.push(`query ${parameter.name} is required`);
  }
  for (const name of new Set(request.query.keys())) {
    const isKnown = operation.parameters.some((p) => p.in === "query" && [p.name, `${p.name}[]`].includes(name));
    if (!isKnown) problems.push(`query ${name} is not in the description`);
  }
  return problems;
}

function bodyProblems(
  check: (pointer: string) => ValidateFunction,
  operation: Operation,
  request: CheckedRequest,
): string[] {
  const type = request.contentType.split(";")[0]!.trim();
  if (operation.bodies.size === 0) return [];
  const pointer = operation.bodies.get(type);
  if (pointer === undefined)
    return [`a body of type "${type}" where ${[...operation.bodies.keys()].join(" or ")} is due`];
  const validate = check(pointer);
  if (validate(type === "multipart/form-data" ? asForm(request.body as Json) : request.body)) return [];
  return (validate.errors ?? []).map(words);
}

const words = (error: ErrorObject) => `body${error.instancePath} ${error.message}`;

/** Form fields are text; the description speaks of the values they stand for. */
function asForm(body: Json): Json {
  const typed: Json = { ...body };
  if (body["private"] === "true" || body["private"] === "false") typed["private"] = body["private"] === "true";
  if (typeof body["content_attributes"] === "string") typed["content_attributes"] = {};
  return typed;
}
