import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { startChatwoot, type ChatwootOptions, type ChatwootSimulator } from "./index.ts";

export type Json = Record<string, unknown>;
export type Received = { raw: string; headers: Record<string, string | string[] | undefined>; body: Json };

const started: { stop(): unknown }[] = [];

export const stopAfterwards = (item: { stop(): unknown }): void => void started.push(item);

/** For `afterEach`: what a test has started. */
export async function stopAll(): Promise<void> {
  for (const item of started.splice(0)) await item.stop();
}

export async function chatwoot(options: ChatwootOptions = {}): Promise<ChatwootSimulator> {
  const simulator = await startChatwoot(options);
  started.push(simulator);
  return simulator;
}

/** A receiver that keeps what it gets; `answer` says which status it gives, or null for none at all. */
export async function receiver(answer: (body: Json, received: readonly Received[]) => number | null = () => 200) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const raw = Buffer.concat(chunks).toString("utf8");
      const body = JSON.parse(raw) as Json;
      received.push({ raw, headers: request.headers, body });
      const status = answer(body, received);
      if (status !== null) response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  started.push({
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received };
}

export function client(simulator: ChatwootSimulator, token = simulator.apiAccessToken, header = "Api-Access-Token") {
  return async (method: string, path: string, body?: unknown) => {
    const url =
      path.startsWith("/api") || path === "/health" ? path : `/api/v1/accounts/${simulator.accountId}/${path}`;
    const isForm = body instanceof FormData;
    const response = await fetch(simulator.url + url, {
      method,
      headers: {
        ...(token === "" ? {} : { [header]: token }),
        ...(isForm || body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json") ?? false;
    // What JSON.parse gives is left untyped: answers are read here as any consumer of the API reads them.
    const answer = isJson ? JSON.parse(text) : null;
    return { status: response.status, text, headers: response.headers, body: answer };
  };
}

/** Paths with the type of each value; arrays by their first item, free-form objects not entered. */
function shapeOf(value: unknown, path = ""): [path: string, type: string][] {
  if (/(custom|additional|content|changed)_attributes$/.test(path)) return [[path, "free"]];
  if (Array.isArray(value)) return value.length === 0 ? [[path, "empty"]] : shapeOf(value[0], `${path}[]`);
  if (typeof value !== "object" || value === null) return [[path, value === null ? "null" : typeof value]];
  return Object.entries(value).flatMap(([key, item]) => shapeOf(item, `${path}.${key}`));
}

/** Keys that only one of two documents has, and values of another type; a single null agrees with every type. */
export function differences(actual: unknown, expected: unknown): string[] {
  const [have, want] = [new Map(shapeOf(actual)), new Map(shapeOf(expected))];
  return [...new Set([...have.keys(), ...want.keys()])].flatMap((path) => {
    const [a, b] = [have.get(path), want.get(path)];
    if (a === b || (a !== undefined && b !== undefined && (a === "null" || b === "null"))) return [];
    return [`${path}: ${a ?? "absent"}, in the sample ${b ?? "absent"}`];
  });
}

export const sampleFolder = join(import.meta.dirname, "../../../../shared/contracts/chatwoot-webhook-samples");

/** The published webhook samples; absent outside CI they are not compared, which is said once. */
export const hasSamples = existsSync(sampleFolder);
if (!hasSamples && process.env["CI"] === "true") {
  throw new Error("../shared/contracts/chatwoot-webhook-samples is absent");
}
if (!hasSamples) console.warn("../shared/contracts/chatwoot-webhook-samples is absent: shapes are not compared");

export const sample = (name: string): Json =>
  JSON.parse(readFileSync(join(sampleFolder, `${name}.json`), "utf8")) as Json;

/** What sets a payload apart from the published sample of that name; nothing where there are no samples. */
export const apartFrom = (name: string, payload: unknown): string[] =>
  hasSamples ? differences(payload, sample(name)) : [];
