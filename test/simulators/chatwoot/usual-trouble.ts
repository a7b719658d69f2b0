import { createApiTrouble, proxyPage } from "../trouble.ts";

/** Faults of Chatwoot's API side, in its own words and those of what stands before it (8.5). */
export const chatwootTrouble = () =>
  createApiTrouble({
    401: { type: "application/json; charset=utf-8", body: '{"error":"Invalid Access Token"}' },
    422: { type: "application/json; charset=utf-8", body: '{"error":"Validation failed"}' },
    // Throttled: plain text and no Retry-After.
    429: { type: "text/plain", body: "Retry later\n" },
    500: { type: "text/html; charset=UTF-8", body: "<!DOCTYPE html>\n<title>500</title>\n" },
    502: proxyPage("502 Bad Gateway"),
    503: proxyPage("503 Service Temporarily Unavailable"),
  });
