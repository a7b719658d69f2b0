import type { IncomingMessage, ServerResponse } from "node:http";
import type { RequestMatch } from "./trouble.ts";

type Call = (...args: never[]) => unknown;

/** What a simulator offers to be driven from outside. */
export interface Controlled {
  readonly target: Record<string, unknown> & { readonly trouble: Record<string, unknown> };
  /** The functions of `target` that can be called; those of its `trouble` all can. */
  readonly offered: ReadonlySet<string>;
  /** Address, ids and tokens. */
  readonly about: Record<string, unknown>;
}

/**
 * The control functions over HTTP, for a person with curl or a test in another process.
 *
 * `GET /__control` tells address, ids and tokens; `POST /__control/<function>` calls with the JSON array `args` of the
 * body, `POST /__control/trouble/<function>` makes trouble. A request matcher is written `{"method": "POST", "path":
 * "/messages$"}`, a time as ISO text, a file as `{"name", "type", "base64"}`. Answers `{"result": …}`, faults 400.
 */
export async function serveControl(
  controlled: Controlled,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const [, , ...steps] = pathname.split("/");
    const name = steps.filter((step) => step !== "").join("/");
    const args = await readArguments(request);
    const result = name === "" ? controlled.about : await callOf(controlled, name)(...(args as never[]));
    answer(response, 200, { result: result ?? null });
  } catch (error) {
    answer(response, 400, { error: error instanceof Error ? error.message : String(error) });
  }
}

function callOf({ target, offered }: Controlled, name: string): Call {
  const trouble = name.startsWith("trouble/") ? name.slice("trouble/".length) : null;
  const owner: Record<string, unknown> = trouble === null ? target : target.trouble;
  const key = trouble ?? name;
  const isOffered = trouble === null ? offered.has(key) : Object.hasOwn(owner, key);
  const call = isOffered ? owner[key] : undefined;
  if (typeof call !== "function") throw new Error(`no control function "${name}"`);
  return call as Call;
}

async function readArguments(request: IncomingMessage): Promise<unknown[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  if (chunks.length === 0) return [];
  const body = JSON.parse(Buffer.concat(chunks).toString("utf8")) as { args?: unknown[] };
  return (body.args ?? []).map(revive);
}

function revive(value: unknown): unknown {
  if (typeof value === "string" && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)) return new Date(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(revive);
  const { base64, method, path, ...rest } = value as Record<string, unknown>;
  if (typeof base64 === "string") return { ...rest, bytes: new Uint8Array(Buffer.from(base64, "base64")) };
  if (typeof method === "string" || typeof path === "string") return matcher(method, path);
  return Object.fromEntries(Object.entries(rest).map(([key, item]) => [key, revive(item)]));
}

function matcher(method: unknown, path: unknown): RequestMatch {
  const pattern = new RegExp(typeof path === "string" ? path : "");
  return (requestMethod, requestPath) =>
    (method === undefined || requestMethod === method) && pattern.test(requestPath);
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body, (_key, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value,
  );
  response.writeHead(status, { "content-type": "application/json" }).end(text);
}
