import { createHmac } from "node:crypto";
import jwt from "jsonwebtoken";
import { describe, expect, test } from "vitest";
import { createTokens } from "../../src/http/tokens.ts";

const KEY = Buffer.alloc(32, 7);
const OLD_KEY = Buffer.alloc(32, 8);
const NOW = new Date("2026-11-20T09:00:00Z");
const SECONDS = NOW.getTime() / 1000;
const ISSUER = "baton";

const make = (keys = [KEY], clock = () => NOW) => createTokens({ keys, clock, issuer: ISSUER });
const order = { scope: "bot", workspaceId: "ws_1", subject: "bot_1", ttlSeconds: 3600, jti: "tok_1" } as const;

const claims = {
  iss: ISSUER,
  aud: "baton-api",
  sub: "bot_1",
  jti: "tok_1",
  iat: SECONDS,
  exp: SECONDS + 3600,
  scope: "bot",
  wid: "ws_1",
};
const header = { alg: "HS256", typ: "baton+jwt" };
const part = (value: unknown) =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** Signed as one would by hand, so that what a library would not make can be made too. */
function forge(head: unknown, payload: unknown, key: Buffer | string = KEY, hash = "sha256"): string {
  const text = `${part(head)}.${part(payload)}`;
  return `${text}.${createHmac(hash, key).update(text).digest("base64url")}`;
}
const without = (name: keyof typeof claims) =>
  Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name));

describe("a good token", () => {
  test("tells who it speaks for", () => {
    const tokens = make();
    const expected = {
      scope: "bot",
      workspaceId: "ws_1",
      subjectId: "bot_1",
      tokenId: "tok_1",
      expiresAt: new Date("2026-11-20T10:00:00Z"),
    };
    const token = tokens.issue(order);
    expect(tokens.verify(token)).toEqual(expected);
    expect(tokens.verify(token)).toEqual(expected);
    expect(make().verify(forge(header, claims))).toEqual(expected);
  });

  test("of an operator stands above workspaces", () => {
    const tokens = make();
    const token = tokens.issue({ ...order, scope: "operator", workspaceId: null, subject: "operator" });
    expect(tokens.verify(token)).toMatchObject({ scope: "operator", workspaceId: null, subjectId: "operator" });
  });

  test("is the same for the same order", () => {
    expect(make().issue({ ...order, issuedAt: NOW })).toBe(make().issue({ ...order, issuedAt: NOW }));
  });
});

describe("refused as no token of ours", () => {
  const good = forge(header, claims);
  const [head = "", body = "", signature = ""] = good.split(".");
  const last = signature.at(-1) ?? "";
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  // 32 bytes leave two spare bits in the last of 43 characters: four letters decode to the same signature.
  const sibling = alphabet.charAt(alphabet.indexOf(last) ^ 1);

  test.each([
    ["empty", ""],
    ["a word", "token"],
    ["two parts", `${head}.${body}`],
    ["four parts", `${good}.x`],
    ["no signature", `${head}.${body}.`],
    ["alg none, unsigned", `${part({ alg: "none", typ: "baton+jwt" })}.${body}.`],
    ["alg none, still signed", forge({ alg: "none", typ: "baton+jwt" }, claims)],
    ["alg HS512, rightly signed", forge({ alg: "HS512", typ: "baton+jwt" }, claims, KEY, "sha512")],
    ["alg RS256 over our key", forge({ alg: "RS256", typ: "baton+jwt" }, claims)],
    ["alg in lower case", forge({ alg: "hs256", typ: "baton+jwt" }, claims)],
    ["another key", forge(header, claims, Buffer.alloc(32, 9))],
    ["an empty key", forge(header, claims, "")],
    ["typ JWT", forge({ alg: "HS256", typ: "JWT" }, claims)],
    ["no typ", forge({ alg: "HS256" }, claims)],
    ["a kid that is a path", forge({ ...header, kid: "../../../dev/null" }, claims)],
    ["an embedded key", forge({ ...header, jwk: { kty: "oct", k: "AA" } }, claims)],
    ["an unknown critical header", forge({ ...header, crit: ["x"], x: 1 }, claims)],
    ["a foreign audience", forge(header, { ...claims, aud: "other" })],
    ["several audiences", forge(header, { ...claims, aud: ["baton-api", "other"] })],
    ["a foreign issuer", forge(header, { ...claims, iss: "other" })],
    ["an unknown scope", forge(header, { ...claims, scope: "root" })],
    ["several scopes", forge(header, { ...claims, scope: ["bot", "admin"] })],
    ["an operator with a workspace", forge(header, { ...claims, scope: "operator", sub: "operator" })],
    ["an operator by another name", forge(header, { ...without("wid"), scope: "operator" })],
    ["a bot without workspace", forge(header, without("wid"))],
    ["no expiry", forge(header, without("exp"))],
    ["an expiry in words", forge(header, { ...claims, exp: "never" })],
    ["an endless expiry", forge(header, JSON.stringify(claims).replace(/"exp":\d+/, '"exp":1e999'))],
    ["no id", forge(header, without("jti"))],
    ["no subject", forge(header, without("sub"))],
    ["issued tomorrow", forge(header, { ...claims, iat: SECONDS + 86_400, exp: SECONDS + 90_000 })],
    ["not yet valid", forge(header, { ...claims, nbf: SECONDS + 60 })],
    ["a claim too many", forge(header, { ...claims, role: "admin" })],
    ["a list as payload", forge(header, [claims])],
    ["a text as payload", forge(header, '"bot"')],
    ["null as payload", forge(header, "null")],
    ["no JSON as payload", forge(header, "scope=admin")],
    ["a respelled signature", `${head}.${body}.${signature.slice(0, -1)}${sibling}`],
    ["a padded signature", `${good}=`],
    [
      "the other base64",
      good
        .replaceAll("-", "+")
        .replaceAll("_", "/")
        .replace(/\.([^.]*)$/, ".$1="),
    ],
    ["white space", ` ${good}`],
    ["a line end", `${good}\n`],
    ["a changed body", `${head}.${part({ ...claims, wid: "ws_2" })}.${signature}`],
    ["far too long", good + "x".repeat(5_000)],
  ])("%s", (_what, token) => {
    const tokens = make();
    expect(() => tokens.verify(token)).toThrow(expect.objectContaining({ code: "unauthenticated", status: 401 }));
    // Not after a good one was seen either.
    tokens.verify(good);
    expect(() => tokens.verify(token)).toThrow(expect.objectContaining({ code: "unauthenticated" }));
  });

  test("each single character changed", () => {
    const tokens = make();
    tokens.verify(good);
    for (let index = 0; index < good.length; index += 1) {
      const other = good[index] === "A" ? "B" : "A";
      const changed = good.slice(0, index) + other + good.slice(index + 1);
      expect(() => tokens.verify(changed), `at ${index}`).toThrow(expect.objectContaining({ status: 401 }));
    }
  });

  test("what another service signed with the same library's defaults", () => {
    expect(() => make().verify(jwt.sign({ scope: "admin", wid: "ws_1" }, KEY))).toThrow("valid token");
  });
});

describe("time", () => {
  test("a token ends with its last second, kept in mind or not", () => {
    let now = NOW;
    const tokens = make([KEY], () => now);
    const token = tokens.issue({ ...order, ttlSeconds: 60 });
    now = new Date("2026-11-20T09:00:59.999Z");
    expect(tokens.verify(token).tokenId).toBe("tok_1");
    now = new Date("2026-11-20T09:01:00Z");
    const expired = expect.objectContaining({ code: "token_expired", status: 401 });
    expect(() => tokens.verify(token)).toThrow(expired);
    expect(() => make([KEY], () => now).verify(token)).toThrow(expired);
  });
});

describe("revocation", () => {
  test("a revoked token is refused at once, though it was just seen", () => {
    const tokens = make();
    const [one, two] = [tokens.issue(order), tokens.issue({ ...order, jti: "tok_2" })];
    tokens.verify(one);
    tokens.revoke("tok_1");
    expect(() => tokens.verify(one)).toThrow("revoked");
    expect(tokens.verify(two).tokenId).toBe("tok_2");
    tokens.setRevoked(["tok_2"]);
    expect(() => tokens.verify(two)).toThrow("revoked");
    tokens.setRevoked([]);
    expect(() => tokens.verify(one)).toThrow("revoked");
  });
});

describe("keys", () => {
  test("an older key still verifies, the first one signs", () => {
    const old = make([OLD_KEY]).issue(order);
    const both = make([KEY, OLD_KEY]);
    expect(both.verify(old).subjectId).toBe("bot_1");
    expect(make([KEY]).verify(both.issue(order)).subjectId).toBe("bot_1");
    expect(() => make([KEY]).verify(old)).toThrow("valid token");
  });

  test("short ones are refused", () => {
    expect(() => make([Buffer.alloc(31)])).toThrow(RangeError);
    expect(() => make([])).toThrow(RangeError);
  });
});
