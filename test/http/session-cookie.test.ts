import { describe, expect, test } from "vitest";
import { deviceWords } from "../../src/http/device-words.ts";
import { checkOwnPage, clearCookie, sessionHash, sessionHashIn, setCookie } from "../../src/http/session-cookie.ts";
import { FIREFOX, SAFARI } from "./browser.ts";

const HTTPS = "https://baton.example";
const HTTP = "http://localhost:3000";
const SECRET = "abcdefghijklmnopqrstuvwxyz-_ABCDEFGHIJ01234";
const OTHER = "Abcdefghijklmnopqrstuvwxyz-_ABCDEFGHIJ01234";

describe("the cookie", () => {
  test("over https belongs to this very host", () => {
    expect(setCookie(HTTPS, SECRET)["Set-Cookie"]).toBe(
      `__Host-baton=${SECRET}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict; Secure`,
    );
    expect(clearCookie(HTTPS)["Set-Cookie"]).toBe(
      "__Host-baton=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure",
    );
  });

  test("over plain http has a plain name, since browsers refuse the other", () => {
    expect(setCookie(HTTP, SECRET)["Set-Cookie"]).toBe(
      `baton=${SECRET}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict`,
    );
  });

  test.each([
    ["alone", HTTP, `baton=${SECRET}`, true],
    ["among others", HTTP, `a=1; baton=${SECRET};b=2`, true],
    ["over https", HTTPS, `__Host-baton=${SECRET}`, true],
    ["the plain one over https, which any host beside ours can set", HTTPS, `baton=${SECRET}`, false],
    ["another name", HTTP, `xbaton=${SECRET}`, false],
    ["twice, one of them put there by somebody else", HTTP, `baton=${SECRET}; baton=${OTHER}`, false],
    ["too short", HTTP, `baton=${SECRET.slice(1)}`, false],
    ["too long", HTTP, `baton=${SECRET}a`, false],
    ["quoted", HTTP, `baton="${SECRET}"`, false],
    ["empty", HTTP, "baton=", false],
    ["broken", HTTP, ";;==; baton", false],
  ])("%s", (_what, baseUrl, cookie, isRead) => {
    expect(sessionHashIn({ cookie }, baseUrl)).toBe(isRead ? sessionHash(SECRET) : null);
  });

  test("is not there", () => expect(sessionHashIn({}, HTTP)).toBeNull());
});

describe("a request that changes something", () => {
  const own = { "x-baton": "1", origin: HTTPS };
  const isTaken = (headers: Record<string, string>, baseUrl = HTTPS) => {
    try {
      checkOwnPage(headers, baseUrl);
      return true;
    } catch (error) {
      expect(error).toMatchObject({ code: "foreign_page", status: 403 });
      return false;
    }
  };
  test.each([
    ["from a page of ours", own, true],
    ["from a page of ours, as the browser says twice", { ...own, "sec-fetch-site": "same-origin" }, true],
    ["from where the browser says that it is ours", { "x-baton": "1", "sec-fetch-site": "same-origin" }, true],
    ["from another site", { ...own, origin: "https://evil.example" }, false],
    ["from another host under the same domain", { ...own, origin: "https://x.baton.example" }, false],
    ["from another port", { ...own, origin: "https://baton.example:444" }, false],
    ["from plain http", { ...own, origin: "http://baton.example" }, false],
    ["from a name that begins like ours", { ...own, origin: "https://baton.example.evil.example" }, false],
    ["from nowhere", { ...own, origin: "null" }, false],
    ["from a page that says nothing of itself", { "x-baton": "1" }, false],
    ["from another site by a header of its own", { ...own, "sec-fetch-site": "cross-site" }, false],
    ["from beside us", { "x-baton": "1", "sec-fetch-site": "same-site" }, false],
    ["typed into the address bar", { "x-baton": "1", "sec-fetch-site": "none" }, false],
    ["without our header", { origin: HTTPS }, false],
    ["with another value in it", { ...own, "x-baton": "0" }, false],
  ])("%s", (_what, headers, taken) => {
    expect(isTaken(headers)).toBe(taken);
  });

  test("where Baton stands under a path, its origin is what counts", () => {
    expect(isTaken(own, "https://baton.example/support")).toBe(true);
  });
});

describe("a device in words", () => {
  test.each([
    [FIREFOX, "Firefox on Linux"],
    [SAFARI, "Safari on iPhone"],
    [
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0",
      "Edge on Windows",
    ],
    [
      "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
      "Chrome on macOS",
    ],
    ["curl/8.5.0", "Unknown device"],
    ["", "Unknown device"],
    [undefined, "Unknown device"],
    [`${"<script>".repeat(5_000)} Firefox/1`, "Unknown device"],
  ])("%s is %s", (header, words) => {
    expect(deviceWords(header)).toBe(words);
  });
});
