import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { RequestHandler } from "express";
import helmet from "helmet";
import { contextOf } from "./context.ts";

export type HeaderList = readonly (readonly [name: string, value: string])[];

/**
 * What every answer carries for its own safety. Nothing of the API is a page: nothing may be loaded from it, it may be framed
 * by nobody, and kept by nobody. Pages set a policy of their own over this one.
 *
 * They are the same for every request, so helmet is asked once: asked each time, it takes longer than everything else here.
 */
export function securityHeaders(options: { readonly isHttps: boolean }): HeaderList {
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  const ask = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], baseUri: ["'none'"], formAction: ["'none'"], frameAncestors: ["'none'"] },
    },
    strictTransportSecurity: options.isHttps,
    xFrameOptions: { action: "deny" },
    crossOriginResourcePolicy: { policy: "same-origin" },
    referrerPolicy: { policy: "no-referrer" },
  });
  ask(response.req, response, (error) => {
    if (error !== undefined) throw new Error("helmet refused its own settings", { cause: error });
  });
  response.setHeader("Cache-Control", "no-store");
  return response.getHeaderNames().map((name) => [name, String(response.getHeader(name))]);
}

/** Sets them on answers that are not made by a route. */
export function setHeaders(headers: HeaderList): RequestHandler {
  return (_request, response, next) => {
    const { requestId, isLast } = contextOf(response);
    response.setHeader("X-Request-Id", requestId);
    if (isLast()) response.setHeader("Connection", "close");
    for (const [name, value] of headers) response.setHeader(name, value);
    next();
  };
}
