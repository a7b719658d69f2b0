import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createContext, runInContext, Script } from "node:vm";

/**
 * Freshworks' serverless sandbox, as far as an app can tell (sheet 4): a place without process, Buffer, timers, fetch and
 * require, where `$request.invokeTemplate` sends what config/requests.json says and nothing else does.
 */

/** The app of this repository. */
export const appFolder = join(import.meta.dirname, "../../manifest/freshworks");

/** A request as it leaves Freshworks: placeholders filled in. `protocol` is what the template says; a test may send it elsewhere. */
export interface TemplateRequest {
  readonly template: string;
  readonly protocol: string;
  readonly method: string;
  readonly host: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

/** What came back. `tookMs` is how long the sandbox believes it took; left out, what it really took. */
export interface TransportAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
  readonly tookMs?: number;
}

/** Sends a request. Throwing means: no connection. */
export type Transport = (request: TemplateRequest) => Promise<TransportAnswer>;

export interface LoadOptions {
  readonly iparams: Readonly<Record<string, unknown>>;
  readonly transport: Transport;
  /** Another app than the repository's own. */
  readonly folder?: string;
  /** When the sandbox's clock starts; it moves by what requests take. */
  readonly startsAt?: Date;
}

/** `renderData()` gives null, `renderData({message})` the message. */
export type Rendered = { readonly message: string } | null;

export interface LoadedApp {
  /**
   * Runs the handler that the manifest names for an event (or a function of that name). The payload gets the iparams.
   *
   * @throws what the handler throws; what it did that no app may (see `expandTemplate`), even if it caught that; `TimeLimitError` when it takes longer than the platform allows; an Error when the
   *   manifest names no handler, or a set-up event ends without `renderData()`.
   */
  invoke(eventName: string, payload: Readonly<Record<string, unknown>>): Promise<unknown>;
  /** What the app wrote to the console. */
  readonly logs: string[];
  /** Each call of `renderData`, in order. */
  readonly rendered: Rendered[];
}

export class TimeLimitError extends Error {
  override name = "TimeLimitError";
}

const SETUP_EVENTS = new Set(["onAppInstall", "onAppUninstall"]);
/** Seconds of a run, by the kind of event (sheet 4). */
export const SETUP_SECONDS = 10;
export const EVENT_SECONDS = 20;
/** Seconds of one request (sheet 4). */
export const REQUEST_SECONDS = 15;

type Json = Record<string, unknown>;
const object = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});
const read = (folder: string, file: string): Json => object(JSON.parse(readFileSync(join(folder, file), "utf8")));

/** Loads the server part of an app. The name of the script is its path, so that coverage finds it. */
export function loadApp(options: LoadOptions): LoadedApp {
  const folder = options.folder ?? appFolder;
  const manifest = read(folder, "manifest.json");
  const file = join(folder, "server/server.js");
  const source = readFileSync(file, "utf8");
  const logs: string[] = [];
  const rendered: Rendered[] = [];
  const clock = { ms: (options.startsAt ?? new Date("2026-11-20T09:00:00Z")).getTime() };
  /* What no app may do: told by `invoke`, since an app's own catch would take it for a failed request. */
  const faults: Error[] = [];
  const send = requester(options, folder, manifest, clock, faults);
  const log = (...words: unknown[]) => void logs.push(words.map((word) => String(word)).join(" "));
  const database = new Map<string, unknown>();

  const context = createContext(
    {
      exports: {},
      console: { log, info: log, warn: log, error: log, debug: log },
      $request: { invokeTemplate: send },
      $db: keyValueStore(database),
      renderData: (refusal?: { message?: unknown }) =>
        void rendered.push(refusal === undefined ? null : { message: String(refusal.message) }),
      generateTargetUrl: () => Promise.resolve("https://hooks.freshworks.example/target/1"),
      now: () => clock.ms,
    },
    { codeGeneration: { strings: false, wasm: false } },
  );
  /* The context's own Date, on the sandbox's clock; and nothing that only Node has. */
  runInContext(
    "{ const tick = now; delete globalThis.now; Date.now = () => tick(); delete globalThis.WebAssembly; }",
    context,
  );
  new Script(source, { filename: file }).runInContext(context);

  return {
    logs,
    rendered,
    async invoke(eventName, payload) {
      const handler = handlerOf(manifest, eventName);
      const exported = object(runInContext("exports", context))[handler];
      if (typeof exported !== "function") throw new Error(`server.js exports no ${handler}`);
      const isSetUp = SETUP_EVENTS.has(eventName);
      const seconds = isSetUp ? SETUP_SECONDS : EVENT_SECONDS;
      const startedAt = clock.ms;
      const renderedBefore = rendered.length;
      /* The payload comes as data of its own, as from outside. */
      const text = JSON.stringify({ ...payload, iparams: options.iparams });
      const argument: unknown = runInContext(`JSON.parse(${JSON.stringify(text)})`, context);
      const result: unknown = await (exported as (payload: unknown) => unknown)(argument);
      if (faults[0] !== undefined) throw faults[0];
      if (clock.ms - startedAt > seconds * 1000) {
        rendered.length = renderedBefore;
        throw new TimeLimitError(`${eventName} ran longer than ${seconds} s`);
      }
      if (isSetUp && rendered.length !== renderedBefore + 1) {
        throw new Error(`${eventName} must call renderData() once, and did ${rendered.length - renderedBefore} times`);
      }
      return result;
    },
  };
}

function handlerOf(manifest: Json, name: string): string {
  const modules = object(manifest["modules"]);
  for (const module of Object.values(modules)) {
    const handler = object(object(object(module)["events"])[name])["handler"];
    if (typeof handler === "string") return handler;
  }
  if (name in object(object(modules["common"])["functions"])) return name;
  throw new Error(`manifest.json names no handler for ${name}`);
}

function keyValueStore(entries: Map<string, unknown>) {
  return {
    get: (key: string) =>
      entries.has(key) ? Promise.resolve(entries.get(key)) : Promise.reject(failure(404, "no such key", "APP")),
    set: (key: string, value: unknown) => Promise.resolve(entries.set(key, value)).then(() => ({ Created: true })),
    delete: (key: string) => Promise.resolve(entries.delete(key)).then(() => ({ Deleted: true })),
  };
}

/** Failures are plain objects, as on the platform: status, headers and the body as text. */
const failure = (status: number, response: string, errorSource: "APP" | "PLATFORM", headers = {}) => ({
  status,
  headers,
  response,
  errorSource,
});

function requester(options: LoadOptions, folder: string, manifest: Json, clock: { ms: number }, faults: Error[]) {
  return async (name: unknown, args: unknown = {}): Promise<unknown> => {
    let request: TemplateRequest;
    try {
      request = expandTemplate({ folder, manifest, iparams: options.iparams, name: String(name), args: object(args) });
    } catch (error) {
      faults.push(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
    const startedAt = performance.now();
    let answer: TransportAnswer;
    try {
      answer = await withinLimit(options.transport(request));
    } catch (error) {
      clock.ms += Math.round(performance.now() - startedAt);
      throw error instanceof TimeLimitError
        ? failure(504, "Request timed out", "PLATFORM")
        : failure(502, "Error in establishing a connection to the host", "PLATFORM");
    }
    const tookMs = answer.tookMs ?? Math.round(performance.now() - startedAt);
    clock.ms += Math.min(tookMs, REQUEST_SECONDS * 1000);
    if (tookMs > REQUEST_SECONDS * 1000) throw failure(504, "Request timed out", "PLATFORM");
    if (answer.status < 200 || answer.status >= 300) throw failure(answer.status, answer.body, "APP", answer.headers);
    return { status: answer.status, headers: answer.headers ?? {}, response: answer.body };
  };
}

/** A transport over a real network can hang; a test must not. */
async function withinLimit(answer: Promise<TransportAnswer>): Promise<TransportAnswer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new TimeLimitError("request")), REQUEST_SECONDS * 1000);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

export interface Expansion {
  readonly folder?: string;
  readonly manifest?: Json;
  readonly iparams: Readonly<Record<string, unknown>>;
  readonly name: string;
  readonly args: Json;
}

/**
 * A template of config/requests.json with its placeholders filled in.
 *
 * @throws when manifest.json does not declare it, a secure iparam stands outside the headers, a placeholder has no value, or
 *   the body is not a string.
 */
export function expandTemplate({ folder = appFolder, manifest, iparams, name, args }: Expansion): TemplateRequest {
  const declared = object(object(object((manifest ?? read(folder, "manifest.json"))["modules"])["common"])["requests"]);
  const schema = object(object(read(folder, "config/requests.json")[name])["schema"]);
  if (!(name in declared) || Object.keys(schema).length === 0) throw new Error(`Request template not found: ${name}`);
  const { body } = args;
  if (body !== undefined && typeof body !== "string") throw new TypeError(`The body of ${name} must be a string`);
  const definitions = read(folder, "config/iparams.json");
  const context = object(args["context"]);

  const fill = (field: string, text: unknown): string =>
    String(text).replaceAll(/<%=\s*(.*?)\s*%>/g, (_all, expression: string) => {
      const encoded = /^encode\((.*)\)$/.exec(expression)?.[1];
      const [kind, key = ""] = (encoded ?? expression).trim().split(".");
      if (kind === "iparam" && field !== "headers" && object(definitions[key])["secure"] === true) {
        throw new Error(`iparam.${key} is secure: it may stand in headers only, not in the ${field} of ${name}`);
      }
      const value = kind === "iparam" ? iparams[key] : kind === "context" ? context[key] : undefined;
      if (value === undefined) throw new Error(`No value for <%= ${expression} %> in ${name}`);
      const words = typeof value === "string" ? value : JSON.stringify(value);
      return encoded === undefined ? words : Buffer.from(words).toString("base64");
    });
  const each = (field: string) =>
    Object.entries(object(schema[field])).map(([key, value]): [string, string] => [key, fill(field, value)]);

  const query = new URLSearchParams(each("query")).toString();
  return {
    template: name,
    protocol: "protocol" in schema ? String(schema["protocol"]) : "https",
    method: String(schema["method"]),
    host: fill("host", schema["host"]),
    path: fill("path", schema["path"]) + (query === "" ? "" : `?${query}`),
    headers: Object.fromEntries(each("headers")),
    body: body ?? null,
  };
}
