import type { FailStatus, RateLimited } from "./control.ts";
import { errorBody } from "./errors.ts";
import { createApiTrouble, proxyPage, type RequestMatch } from "../trouble.ts";

const json = (code: number, status: string, message: string) => ({
  type: "application/json; charset=utf-8",
  body: JSON.stringify(errorBody(code, status, message)),
});

/** Faults of FreshChat's API side: its own words (1.3), and pages of what stands before it. */
export function freshchatTrouble(clock: () => Date) {
  const trouble = createApiTrouble<FailStatus>({
    400: json(400, "INVALID_VALUE", "One of the values is not valid"),
    401: json(401, "UNAUTHENTICATED", "Authentication failed or token has expired"),
    403: json(403, "FORBIDDEN", "This feature is not part of your plan"),
    404: json(404, "RESOURCE_NOT_FOUND", "resource not found"),
    409: json(409, "CONFLICT", "The resource is in another state"),
    429: json(429, "TOO_MANY_REQUESTS", "Too many requests"),
    500: json(500, "INTERNAL_SERVER_ERROR", "Something went wrong"),
    502: proxyPage("502 Bad Gateway"),
    503: proxyPage("503 Service Temporarily Unavailable"),
  });
  return {
    ...trouble,
    rateLimitNext(n: number, { match, seconds, retryAfter = false, reset = "unix" }: RateLimited): void {
      const headers = {
        ...(reset === null ? {} : rateHeaders(clock, { limit: 100, left: 0, seconds, reset })),
        ...(retryAfter ? { "retry-after": String(seconds) } : {}),
      };
      trouble.failNext(n, { status: 429, headers, ...(match ? { match } : {}) });
    },
    refuseButDeliver(n: number, match: RequestMatch = isMessage): void {
      trouble.failAfterDoingTheWork(n, { status: 400, match });
    },
  };
}

const isMessage: RequestMatch = (method, path) => method === "POST" && path.endsWith("/messages");

export function rateHeaders(
  clock: () => Date,
  at: { limit: number; left: number; seconds: number; reset: "unix" | "unix_ms" | "seconds_left" },
): Record<string, string> {
  const end = clock().getTime() + at.seconds * 1000;
  const reset = { unix: Math.ceil(end / 1000), unix_ms: end, seconds_left: at.seconds }[at.reset];
  return {
    "x-ratelimit-limit": String(at.limit),
    "x-ratelimit-remaining": String(at.left),
    "x-ratelimit-reset": String(reset),
  };
}
