import { isIPv4 } from "node:net";
import type { IncomingMessage } from "node:http";
import type { RequestHandler } from "express";
import { HandoffError } from "../domain/errors.ts";
import { respond } from "./respond.ts";
import type { Tokens } from "./tokens.ts";

export interface MetricsPageOptions {
  readonly tokens: Tokens;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
}

/**
 * `GET /metrics` for Prometheus: with an operator's token as `Authorization: Bearer`, or from this very machine without one.
 *
 * @throws HandoffError `unauthenticated` for everybody else
 */
export function metricsPage({ tokens, metrics }: MetricsPageOptions): RequestHandler {
  return async (request, response) => {
    if (request.path !== "/") throw new HandoffError("not_found");
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      throw new HandoffError("method_not_allowed", "This route takes GET, HEAD");
    }
    if (!isFromHere(request) && !isOperator(request, tokens))
      throw new HandoffError(
        "unauthenticated",
        "The figures are for operators: send an operator's token as Authorization: Bearer, or ask from this machine.",
      );
    respond(response, { status: 200, type: metrics.contentType, text: await metrics.text() });
  };
}

function isOperator({ headers }: IncomingMessage, tokens: Tokens): boolean {
  const token = /^bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1];
  if (token === undefined) return false;
  try {
    return tokens.verify(token).scope === "operator";
  } catch {
    return false;
  }
}

/** What proxies add: a request that one passes on comes from this machine only because the proxy runs here. */
const PASSED_ON = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];

/**
 * From a program on this machine that means this machine. A page in a browser here may know another name for it, hence the
 * host; a proxy that adds no header at all must not pass /metrics on.
 */
function isFromHere({ headers, socket }: IncomingMessage): boolean {
  if (PASSED_ON.some((name) => headers[name] !== undefined)) return false;
  return isLoopback(socket.remoteAddress ?? "") && isLoopback(hostOf(headers.host ?? ""));
}

const hostOf = (host: string): string => host.replace(/:\d+$/, "").replaceAll(/^\[|\]$/g, "");

function isLoopback(host: string): boolean {
  const address = host.replace(/^::ffff:/i, "");
  return host === "localhost" || host === "::1" || (isIPv4(address) && address.startsWith("127."));
}
