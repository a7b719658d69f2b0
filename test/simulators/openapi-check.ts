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

/** A vendor's API description, and where its word is not the last. */
export interface ApiDescription {
  /** File names in the contracts folder. */
  readonly documents: readonly string[];
  /** What the server's paths start with and the description's do not: "/v2". */
  readonly prefix: string;
  /** Where the description is stricter than the server, whose word counts: operation, problem, what the server does. */
  readonly drifts: readonly (readonly [operation: string, problem: RegExp, server: string])[];
  /** Fields that tell which of several schemas is meant. */
  readonly tellApart: readonly string[];
  /** Form fields are text; the description speaks of the values they stand for. */
  formValues(body: Json): Json;
}

type Check = (request: CheckedRequest) => string[];

const folder = join(import.meta.dirname, "../../../shared/contracts");
const loaded = new Map<ApiDescription, Check | null>();

/**
 * Holds requests against a vendor's API description.
 *
 * @returns a check that lists what does not fit, known drifts left out; null, said once, when the files are not beside
 *   the repository (with CI=true their absence is an error).
 */
export function loadOpenApiCheck(api: ApiDescription): Check | null {
  // Absent: not asked yet; null: asked, told once, and not there.
  const known = loaded.get(api);
  if (known !== undefined) return known;
  const check = load(api);
  loaded.set(api, check);
  return check;
}

function load(api: ApiDescription): Check | null {
  const absent = api.documents.filter((name) => !existsSync(join(folder, name)));
  if (absent.length > 0) {
    const words = `../shared/contracts/${absent.join(", ")} absent: requests are not held against it`;
    if (process.env["CI"] === "true") throw new Error(words);
    console.warn(words);
    return null;
  }
  const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false, validateSchema: false, coerceTypes: false });
  const coercing = new Ajv2020({ strict: false, logger: false, coerceTypes: "array" });
  for (const instance of [ajv, coercing]) addFormats.default(instance);
  const operations = api.documents.flatMap((name) => {
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
    const path = request.path.startsWith(api.prefix) ? request.path.slice(api.prefix.length) : request.path;
    const operation = findOperation(operations, request.method, path);
    if (!operation) return [`${request.method} ${request.path} is in no API description`];
    const isForm = request.contentType.startsWith("multipart/form-data");
    const body = isForm ? api.formValues(request.body as Json) : request.body;
    const problems = [
      ...parameterProblems(coercing, operation, { ...request, path }),
      ...bodyProblems(bodyCheck, operation, { ...request, body }, api.tellApart),
    ];
    return problems.filter(
      (problem) => !api.drifts.some(([name, expected]) => name === operation.name && expected.test(problem)),
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
  tellApart: readonly string[],
): string[] {
  const type = request.contentType.split(";")[0]!.trim();
  if (operation.bodies.size === 0) return [];
  const pointer = operation.bodies.get(type);
  if (pointer === undefined)
    return [`a body of type "${type}" where ${[...operation.bodies.keys()].join(" or ")} is due`];
  const validate = check(pointer);
  if (validate(request.body)) return [];
  return told(validate.errors ?? [], tellApart);
}

/** What to tell of a body: once each, and not that it is none of the other kinds that its telling field rules out. */
function told(errors: readonly ErrorObject[], tellApart: readonly string[]): string[] {
  const isTelling = ({ schemaPath }: ErrorObject) =>
    tellApart.some((field) => schemaPath.endsWith(`/properties/${field}/enum`));
  return [...new Set(errors.filter((error) => !isTelling(error)).map(words))];
}

function words({ instancePath, message, params }: ErrorObject): string {
  const extra: unknown = params["additionalProperty"];
  return `body${instancePath} ${message}${typeof extra === "string" ? `: ${extra}` : ""}`;
}
