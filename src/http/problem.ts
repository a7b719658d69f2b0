import type { IncomingMessage } from "node:http";
import type { ErrorRequestHandler } from "express";
import { z } from "zod";
import { HandoffError } from "../domain/errors.ts";
import type { ErrorCode, Fault } from "../domain/errors.ts";
import type { Log } from "../ports.ts";
import { contextOf } from "./context.ts";
import { respond } from "./respond.ts";

export const PROBLEM_TYPE = "application/problem+json";

/** What an error answer looks like (RFC 9457). */
export const Problem = z
  .object({
    type: z.string().meta({ description: "URI of the kind of problem: where it is described" }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: "This occurrence, in words for whoever must act" }),
    instance: z.string().meta({ description: "URN of this occurrence, from the request id" }),
    code: z.string().meta({ description: "Stable: branch on this", examples: ["validation_failed"] }),
    requestId: z.string(),
    remedy: z.string().optional().meta({ description: "What to do about it" }),
    retryAfterSeconds: z.number().optional().meta({ description: "Worth trying again after so long" }),
    faults: z
      .array(z.object({ path: z.string(), message: z.string(), code: z.string().optional() }))
      .optional()
      .meta({ description: "Every wrong part of the request" }),
  })
  .meta({ id: "Problem", description: "An error (RFC 9457)" });
export type Problem = z.infer<typeof Problem>;

export function problemOf(error: HandoffError, context: { baseUrl: string; requestId: string }): Problem {
  return {
    type: `${context.baseUrl}/docs#problem-${error.code}`,
    title: error.title,
    status: error.status,
    detail: error.detail,
    instance: `urn:baton:request:${context.requestId}`,
    code: error.code,
    requestId: context.requestId,
    ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
    ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
    ...(error.faults === undefined ? {} : { faults: error.faults as Fault[] }),
  };
}

const STORAGE_RETRY_SECONDS = 5;
const OVERLOAD_RETRY_SECONDS = 2;

/** SQLite's words for: cannot be stored now. Anything else it says is our own mistake. */
const STORAGE_CODES = /^SQLITE_(?:BUSY|LOCKED|FULL|IOERR|READONLY|CANTOPEN|NOMEM|CORRUPT|NOTADB)/;

const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: "malformed_request",
  404: "not_found",
  405: "method_not_allowed",
  406: "not_acceptable",
  413: "body_too_large",
  415: "unsupported_media_type",
};

/** Anything caught as an entry of the catalogue; what nobody foresaw is `internal` and says nothing. */
export function toHandoffError(error: unknown): HandoffError {
  if (error instanceof HandoffError) return withRetry(error);
  const { code, status } = typeof error === "object" && error !== null ? (error as ErrorLike) : {};
  if (typeof code === "string" && STORAGE_CODES.test(code)) {
    return withRetry(new HandoffError("storage_unavailable", undefined, { cause: error }));
  }
  // Errors of Express itself and of what it serves files with: a broken percent escape, a path that leads out.
  if (error instanceof URIError) return new HandoffError("malformed_request", "The path holds a broken percent escape");
  const known = typeof status === "number" ? BY_STATUS[status] : undefined;
  return new HandoffError(known ?? "internal", undefined, { cause: error });
}

interface ErrorLike {
  readonly code?: unknown;
  readonly status?: unknown;
}

function withRetry(error: HandoffError): HandoffError {
  if (error.retryAfterSeconds !== undefined) return error;
  const seconds =
    error.code === "storage_unavailable"
      ? STORAGE_RETRY_SECONDS
      : error.code === "overloaded"
        ? OVERLOAD_RETRY_SECONDS
        : undefined;
  if (seconds === undefined) return error;
  return new HandoffError(error.code, error.detail, {
    retryAfterSeconds: seconds,
    cause: error,
    ...(error.faults === undefined ? {} : { faults: error.faults }),
  });
}

/** The one error handler: a fault of the catalogue as problem+json, anything else as a bare 500. */
export function problemHandler(options: { readonly baseUrl: () => string; readonly log: Log }): ErrorRequestHandler {
  return (thrown: unknown, request, response, _next) => {
    const error = toHandoffError(thrown);
    const context = contextOf(response);
    context.code = error.code;
    if (error.status >= 500 && error.code !== "helpdesk_refused" && error.code !== "helpdesk_unavailable") {
      options.log.error("request_failed", {
        requestId: context.requestId,
        code: error.code,
        error: error.cause ?? error,
      });
    }
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const headers = challenge(error, request);
    if (error.retryAfterSeconds !== undefined) headers["Retry-After"] = String(Math.ceil(error.retryAfterSeconds));
    const body = problemOf(error, { baseUrl: options.baseUrl(), requestId: context.requestId });
    respond(response, { status: error.status, type: PROBLEM_TYPE, text: JSON.stringify(body), headers });
  };
}

/** How to authenticate (RFC 6750, 3): what is wrong is told only to who sent a token. */
function challenge(error: HandoffError, request: IncomingMessage): Record<string, string> {
  const realm = 'Bearer realm="baton"';
  if (error.code === "forbidden_scope") return { "WWW-Authenticate": `${realm}, error="insufficient_scope"` };
  if (error.code !== "unauthenticated" && error.code !== "token_expired") return {};
  const sent = request.headers.authorization !== undefined;
  return { "WWW-Authenticate": sent ? `${realm}, error="invalid_token"` : realm };
}
