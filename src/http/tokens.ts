import { createSecretKey, hash } from "node:crypto";
import type { KeyObject } from "node:crypto";
import jwt from "jsonwebtoken";
import { z } from "zod";
import { HandoffError } from "../domain/errors.ts";
import type { Clock } from "../ports.ts";
import { LruCache } from "./lru-cache.ts";
import { OPERATOR_SUBJECT, SCOPES } from "./principal.ts";
import type { Principal, Scope } from "./principal.ts";

const TYPE = "baton+jwt";
const AUDIENCE = "baton-api";
const SHORTEST_KEY_BYTES = 32;
const LONGEST_TOKEN = 2_048;
const CACHED_TOKENS = 20_000;
/** A token from a machine whose clock runs ahead is still taken when it is this much too early. */
const CLOCK_SKEW_SECONDS = 60;

export interface TokenRequest {
  readonly scope: Scope;
  /** Null for operators only. */
  readonly workspaceId: string | null;
  readonly subject: string;
  readonly ttlSeconds: number;
  readonly jti: string;
  /** The same request gives the same token, letter for letter: an answer can be told again without having been kept. */
  readonly issuedAt?: Date;
}

export interface Tokens {
  /** A signed token. */
  issue(request: TokenRequest): string;
  /** Throws HandoffError `unauthenticated` or `token_expired`. */
  verify(token: string): Principal;
  /** From now on refused in this process, whatever the cache holds. */
  revoke(tokenId: string): void;
  /** Takes in what other processes revoked. Replaces what was known, apart from what {@link Tokens.revoke} was told. */
  setRevoked(tokenIds: readonly string[]): void;
  readonly isRevoked: (tokenId: string) => boolean;
}

const Header = z.strictObject({ alg: z.literal("HS256"), typ: z.literal(TYPE) });

const shared = {
  iss: z.string(),
  aud: z.literal(AUDIENCE),
  sub: z.string().min(1).max(200),
  jti: z.string().min(1).max(200),
  iat: z.int().nonnegative(),
  exp: z.int().positive(),
};
const Claims = z.union([
  z.strictObject({ ...shared, scope: z.enum(SCOPES).exclude(["operator"]), wid: z.string().min(1).max(200) }),
  z.strictObject({ ...shared, scope: z.literal("operator"), sub: z.literal(OPERATOR_SUBJECT) }),
]);

/**
 * Signs and checks the tokens of every scope: JWT, HS256, with type, issuer, audience, id and expiry always there.
 *
 * @param options.keys the first one signs, all of them verify; each of 32 bytes at least
 * @param options.issuer the `iss` of tokens made and accepted
 * @throws RangeError when a key is too short or none is given
 */
export function createTokens(options: {
  readonly keys: readonly Uint8Array[];
  readonly clock: Clock;
  readonly issuer: string;
}): Tokens {
  const { clock, issuer } = options;
  if (options.keys.some((key) => key.byteLength < SHORTEST_KEY_BYTES)) {
    throw new RangeError(`a token key needs at least ${SHORTEST_KEY_BYTES} bytes`);
  }
  const keys = options.keys.map((key) => createSecretKey(key));
  const [signing] = keys;
  if (signing === undefined) throw new RangeError("no key to sign tokens with");

  const verified = new LruCache<string, Principal>(CACHED_TOKENS);
  const revokedHere = new Set<string>();
  let revokedElsewhere: ReadonlySet<string> = new Set();
  const isRevoked = (tokenId: string) => revokedHere.has(tokenId) || revokedElsewhere.has(tokenId);

  return {
    issue({ scope, workspaceId, subject, ttlSeconds, jti, issuedAt }) {
      const iat = Math.floor((issuedAt ?? clock()).getTime() / 1000);
      const common = { iss: issuer, aud: AUDIENCE, sub: subject, jti, iat, exp: iat + ttlSeconds, scope };
      const claims = Claims.parse(workspaceId === null ? common : { ...common, wid: workspaceId });
      return jwt.sign(claims, signing, { algorithm: "HS256", header: { alg: "HS256", typ: TYPE } });
    },
    verify(token) {
      if (token.length > LONGEST_TOKEN) throw unauthenticated();
      // Tokens are not kept in memory in the clear, so that a heap dump does not hand them out.
      const digest = hash("sha256", token, "base64");
      let principal = verified.get(digest);
      if (principal === undefined) {
        principal = read(token, { keys, issuer, now: clock() });
        verified.set(digest, principal);
      }
      if (principal.expiresAt.getTime() <= clock().getTime()) throw expired();
      if (isRevoked(principal.tokenId)) throw unauthenticated("The token has been revoked");
      return principal;
    },
    revoke(tokenId) {
      revokedHere.add(tokenId);
    },
    setRevoked(tokenIds) {
      revokedElsewhere = new Set(tokenIds);
    },
    isRevoked,
  };
}

const unauthenticated = (detail?: string) => new HandoffError("unauthenticated", detail);
const expired = () => new HandoffError("token_expired");

function read(
  token: string,
  { keys, issuer, now }: { keys: readonly KeyObject[]; issuer: string; now: Date },
): Principal {
  if (!isSpelledPlainly(token)) throw unauthenticated();
  const nowSeconds = Math.floor(now.getTime() / 1000);
  for (const key of keys) {
    const outcome = attempt(token, { key, issuer, nowSeconds });
    if (outcome === "expired") throw expired();
    if (outcome === "refused") continue;
    const header = Header.safeParse(outcome.header);
    const claims = Claims.safeParse(outcome.payload);
    if (!header.success || !claims.success || claims.data.iat > nowSeconds + CLOCK_SKEW_SECONDS) break;
    return principalOf(claims.data);
  }
  throw unauthenticated();
}

function principalOf(claims: z.infer<typeof Claims>): Principal {
  const common = { subjectId: claims.sub, tokenId: claims.jti, expiresAt: new Date(claims.exp * 1000) };
  return claims.scope === "operator"
    ? { scope: claims.scope, workspaceId: null, ...common }
    : { scope: claims.scope, workspaceId: claims.wid, ...common };
}

function attempt(
  token: string,
  { key, issuer, nowSeconds }: { key: KeyObject; issuer: string; nowSeconds: number },
): jwt.Jwt | "expired" | "refused" {
  try {
    return jwt.verify(token, key, {
      algorithms: ["HS256"],
      issuer,
      audience: AUDIENCE,
      clockTimestamp: nowSeconds,
      complete: true,
    });
  } catch (error) {
    // The library checks the signature first: what it calls expired was ours.
    return error instanceof jwt.TokenExpiredError ? "expired" : "refused";
  }
}

/** base64url has several spellings of the same bytes (spare bits, padding, other alphabet): only the plain one is a token. */
function isSpelledPlainly(token: string): boolean {
  const parts = token.split(".");
  return (
    parts.length === 3 &&
    parts.every((part) => part !== "" && Buffer.from(part, "base64url").toString("base64url") === part)
  );
}
