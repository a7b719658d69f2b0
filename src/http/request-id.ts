import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

export const newRequestId = (): string => `req_${randomUUID()}`;

/** A UUID, 128 bits in hex, or a word and something random: what proxies make, and no name, number or address of a person. */
const SANE = /^(?:[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}|[\da-f]{32}|[a-z]{2,12}_[\w-]{16,64})$/i;
/** Version 00 of W3C Trace Context; the second part is the trace's id, which is not all zeros. */
const TRACE = /^00-(?!0{32})([\da-f]{32})-[\da-f]{16}-[\da-f]{2}$/;

/**
 * The id of a request that came through the operator's own proxy: what the proxy calls it (`X-Request-Id`, or the trace of
 * `traceparent`), so that its logs and ours speak of the same thing; a new one where it says nothing of use.
 *
 * Only for a proxy that is trusted: an id from anybody could be one that others use, or hold what belongs in no log.
 */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  const given = headers["x-request-id"];
  if (typeof given === "string" && SANE.test(given)) return given;
  const trace = headers["traceparent"];
  return (typeof trace === "string" ? TRACE.exec(trace)?.[1] : undefined) ?? newRequestId();
}
