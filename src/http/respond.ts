import type { ServerResponse } from "node:http";
import { contextOf } from "./context.ts";

type Headers = Readonly<Record<string, string>>;

/**
 * Sends the head of an answer, with what every answer carries.
 *
 * Node is handed one flat list: setting a dozen headers one by one takes longer than parsing a request.
 */
export function sendHead(response: ServerResponse, status: number, headers: Headers): void {
  const { standing, requestId, isLast } = contextOf(response);
  const own = Object.entries(headers);
  if (isLast()) own.push(["Connection", "close"]);
  if (response.getHeaderNames().length > 0) {
    // Something was set before us, by whatever is mounted beside the routes.
    for (const [name, value] of own) response.setHeader(name, value);
    response.writeHead(status);
    return;
  }
  const overridden = new Set(own.map(([name]) => name.toLowerCase()));
  const list = ["X-Request-Id", requestId];
  for (const [name, value] of standing) if (!overridden.has(name)) list.push(name, value);
  for (const [name, value] of own) list.push(name, value);
  response.writeHead(status, list);
}

/** A whole answer. Without `text` it has no body. */
export function respond(
  response: ServerResponse,
  answer: {
    readonly status: number;
    readonly type?: string;
    readonly text?: string | undefined;
    readonly headers?: Headers;
  },
): void {
  const { status, type, text, headers } = answer;
  if (text === undefined) {
    sendHead(response, status, headers ?? {});
    response.end();
    return;
  }
  const length = String(Buffer.byteLength(text));
  sendHead(response, status, {
    ...headers,
    "Content-Type": type ?? "text/plain; charset=utf-8",
    "Content-Length": length,
  });
  response.end(text);
}
