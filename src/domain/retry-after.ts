import { DateTime } from "luxon";

/** Longest wait taken from the far side: a slip of its clock, or malice, must not park a lane for years. */
const longestSeconds = 86_400;

/**
 * The seconds that a `Retry-After` header asks to wait: a number of seconds, or an HTTP date in any of its three forms
 * (RFC 9110, 10.2.3 and 5.6.7). Rounded up, at least 0, at most a day.
 *
 * @param headers with names in lower case
 * @returns undefined when the header is missing or says neither
 */
export function retryAfterSeconds(headers: Readonly<Record<string, string>>, now: Date): number | undefined {
  const value = headers["retry-after"]?.trim();
  if (!value) return undefined;
  if (/^\d+$/.test(value)) return Math.min(Number(value), longestSeconds);
  const at = DateTime.fromHTTP(value);
  if (!at.isValid) return undefined;
  const seconds = Math.ceil((at.toMillis() - now.getTime()) / 1000);
  return Math.min(Math.max(seconds, 0), longestSeconds);
}
