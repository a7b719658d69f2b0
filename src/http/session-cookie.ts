import { createHash, randomBytes } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { HandoffError } from "../domain/errors.ts";

/** Absolute: signing in again is asked for after so long, however much it was used. */
export const SESSION_SECONDS = 30 * 86_400;
/** Unused for so long: over. */
export const IDLE_SECONDS = 86_400;

export const CSRF_HEADER = "X-Baton";

/** 256 random bits, for the cookie alone. */
export const newSessionSecret = (): string => randomBytes(32).toString("base64url");

/** What the store knows of it. */
export const sessionHash = (secret: string): string => createHash("sha256").update(secret).digest("base64url");

const isHttps = (baseUrl: string): boolean => baseUrl.startsWith("https:");

/** With `__Host-` no other host under the same domain can set it; browsers take that name over https only. */
export const cookieName = (baseUrl: string): string => (isHttps(baseUrl) ? "__Host-baton" : "baton");

/**
 * Strict: it is sent along with nothing that another site began, not even a link. Pages need no cookie to be loaded, and what they then
 * ask is asked by our own origin.
 */
function cookie(baseUrl: string, value: string, maxAgeSeconds: number): string {
  const secure = isHttps(baseUrl) ? "; Secure" : "";
  return `${cookieName(baseUrl)}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict${secure}`;
}

export const setCookie = (baseUrl: string, secret: string): Readonly<Record<string, string>> => ({
  "Set-Cookie": cookie(baseUrl, secret, SESSION_SECONDS),
});
export const clearCookie = (baseUrl: string): Readonly<Record<string, string>> => ({
  "Set-Cookie": cookie(baseUrl, "", 0),
});

const SECRET = /^[\w-]{43}$/;

/** The hash of the session that a request names; null without one, or where it names two. */
export function sessionHashIn({ cookie: header }: IncomingHttpHeaders, baseUrl: string): string | null {
  if (header === undefined) return null;
  const name = `${cookieName(baseUrl)}=`;
  const values = header
    .split(";")
    .map((part) => part.trim())
    .filter((part) => part.startsWith(name))
    .map((part) => part.slice(name.length));
  const [value, ...more] = values;
  // Two of one name: one of them was put there by somebody else, and nobody can tell which.
  if (value === undefined || more.length > 0 || !SECRET.test(value)) return null;
  return sessionHash(value);
}

/**
 * A browser sends the cookie whoever wrote the page. So what changes something must come from a page of ours: by the origin that the
 * browser names, and by a header that no other site's page can send without asking us first, which we never allow.
 *
 * @throws HandoffError `foreign_page`
 */
export function checkOwnPage(headers: IncomingHttpHeaders, baseUrl: string): void {
  if (headers[CSRF_HEADER.toLowerCase()] !== "1")
    throw new HandoffError("foreign_page", `The header ${CSRF_HEADER}: 1 is missing`);
  const { origin } = headers;
  const site = headers["sec-fetch-site"];
  const own = URL.parse(baseUrl)?.origin;
  if (origin !== undefined && origin !== own)
    throw new HandoffError("foreign_page", `The page is not one of Baton's own: open Baton at ${baseUrl}`);
  if (site !== undefined && site !== "same-origin")
    throw new HandoffError("foreign_page", "The page is not one of Baton's own");
  if (origin === undefined && site === undefined)
    throw new HandoffError(
      "foreign_page",
      "The request does not say which page it comes from: the header Origin is missing",
    );
}
