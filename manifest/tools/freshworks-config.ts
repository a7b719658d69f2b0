import { isObject, objectAt, type AppFiles, type Finding, type Json } from "./freshworks-app.ts";

const IPARAMS = "config/iparams.json";
const REQUESTS = "config/requests.json";
const TYPES = [
  "text",
  "paragraph",
  "dropdown",
  "multiselect",
  "radio",
  "checkbox",
  "number",
  "email",
  "phone",
  "date",
  "url",
];
const SECRET_NAME = /(?:^|_)(?:key|token|secret|password)$/i;
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const SCHEMA_FIELDS = new Set(["protocol", "method", "host", "path", "headers", "query"]);
const PLACEHOLDER = /<%=\s*(?:encode\()?\s*(?:(iparam|context)\.(\w+)|access_token)\s*\)?\s*%>/g;

const param = (rule: string, message: string): Finding => ({ file: IPARAMS, rule, message });
const request = (rule: string, message: string): Finding => ({ file: REQUESTS, rule, message });

/** What the platform refuses in the installation parameters (sheet 4). */
export function iparamFindings(app: AppFiles): Finding[] {
  const forms = ["config/iparams.json", "config/iparams.html"].filter((file) => app.files.includes(file));
  if (forms.length === 0)
    return [param("iparams-form", "Add config/iparams.json; {} will do when there are no settings.")];
  if (forms.length > 1) return [param("iparams-form", "Keep one: config/iparams.json or config/iparams.html.")];
  return Object.entries(app.iparams ?? {}).flatMap(([name, value]) => iparamFaults(name, objectAt(value)));
}

function iparamFaults(name: string, value: Json): Finding[] {
  const found: Finding[] = [];
  for (const field of ["display_name", "description"]) {
    if (typeof value[field] !== "string" || value[field] === "") {
      found.push(param("iparams", `Give "${name}" a ${field} in words of the person who installs the app.`));
    }
  }
  if (typeof value["type"] !== "string" || !TYPES.includes(value["type"])) {
    found.push(param("iparams", `Give "${name}" one of the types ${TYPES.join(", ")}.`));
  }
  if (SECRET_NAME.test(name) && value["secure"] !== true) {
    found.push(param("secure-iparams", `Add "secure": true to "${name}": by its name it is a secret.`));
  }
  if (value["type"] === "dropdown" && !optionsOf(value).includes(value["default_value"])) {
    found.push(param("iparams", `Set default_value of "${name}" to one of its options, letter for letter.`));
  }
  return found;
}

const optionsOf = (value: Json): unknown[] => {
  const options: unknown = value["options"];
  return Array.isArray(options) ? options.map((one: unknown) => (isObject(one) ? one["value"] : one)) : [];
};

/** What the platform refuses in the request templates (sheet 4). */
export function requestFindings(app: AppFiles): Finding[] {
  return Object.entries(app.requests ?? {}).flatMap(([name, value]) => templateFindings(app, name, objectAt(value)));
}

function templateFindings(app: AppFiles, name: string, value: Json): Finding[] {
  const schema = objectAt(value, "schema");
  const found: Finding[] = [];
  for (const field of Object.keys(schema).filter((one) => !SCHEMA_FIELDS.has(one))) {
    const why = field === "body" ? "the body goes with the call" : "the platform does not know it";
    found.push(request("request-schema", `Remove "${field}" from the schema of "${name}": ${why}.`));
  }
  if (!METHODS.includes(String(schema["method"]))) {
    found.push(request("request-schema", `Give "${name}" a method: ${METHODS.join(", ")}.`));
  }
  if (schema["protocol"] !== undefined && schema["protocol"] !== "https") {
    found.push(request("request-schema", `Set the protocol of "${name}" to https, or leave it out.`));
  }
  if (!isHost(schema["host"])) {
    const message = `Make the host of "${name}" a bare name: no protocol, port, path or IP address.`;
    found.push(request("request-host", message));
  }
  if (typeof schema["path"] !== "string" || !schema["path"].startsWith("/")) {
    found.push(request("request-path", `Start the path of "${name}" with a slash.`));
  }
  return [...found, ...placeholderFindings(app, name, schema), ...plainSecrets(name, objectAt(schema, "headers"))];
}

/** Placeholders stand for a label or for all of the name. */
function isHost(host: unknown): boolean {
  if (typeof host !== "string") return false;
  const plain = host.replaceAll(PLACEHOLDER, "placeholder");
  if (plain === "placeholder") return true;
  return /^(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*$/i.test(plain);
}

function placeholderFindings(app: AppFiles, name: string, schema: Json): Finding[] {
  const found: Finding[] = [];
  for (const field of ["host", "path", "query", "headers"]) {
    const text = JSON.stringify(schema[field] ?? "");
    const left = text.replaceAll(PLACEHOLDER, "");
    if (left.includes("<%") || /"[^"]*\{\w+\}/.test(left)) {
      found.push(
        request("placeholders", `Write placeholders in ${field} of "${name}" as <%= iparam.x %> or <%= context.x %>.`),
      );
    }
    for (const [, kind, key] of text.matchAll(PLACEHOLDER)) {
      if (kind !== "iparam" || key === undefined) continue;
      const declared = app.iparams?.[key];
      if (declared === undefined) {
        found.push(request("placeholders", `"${name}" uses iparam.${key}: declare it in config/iparams.json.`));
      } else if (field !== "headers" && objectAt(declared)["secure"] === true) {
        found.push(
          request(
            "secure-iparams",
            `Use iparam.${key} in headers of "${name}" only: it is secure, and not for ${field}.`,
          ),
        );
      }
    }
  }
  return found;
}

function plainSecrets(name: string, headers: Json): Finding[] {
  return Object.entries(headers)
    .filter(([header]) => /authorization|token|secret|api-?key/i.test(header))
    .filter(([, value]) => !String(value).includes("<%="))
    .map(([header]) => request("plain-secrets", `Take the value of ${header} in "${name}" from a secure iparam.`));
}
