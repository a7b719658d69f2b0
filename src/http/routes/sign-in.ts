import { createHash } from "node:crypto";
import { z } from "zod";
import { HandoffError } from "../../domain/errors.ts";
import { newSecret } from "../../ids.ts";
import type { SignInUse } from "../../ports-store.ts";
import { signInCodeContext } from "../../secrets/contexts.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import { found, Instant } from "../shapes.ts";
import type { AdminDeps } from "./deps.ts";
import { createSignInLock } from "./sign-in-lock.ts";
import { recordToken, signed } from "./tokens.ts";

const LINK_MINUTES = 15;
const SIGNED_IN_SECONDS = 12 * 3_600;
const LINKS = "/v1/members/{id}/sign-in-links";

/**
 * The page that takes a link. The code stands behind the `#`, which no browser sends: neither a look at the link nor a proxy's
 * log gives it away, and nothing but the page's POST uses it up.
 */
const urlOf = (baseUrl: string, code: string): string => `${baseUrl}/apps/sign-in#${code}`;

/** What the store knows of a code. The code has 128 random bits, so a plain hash keeps it. */
const hashOf = (code: string): string => createHash("sha256").update(code).digest("base64url");

const SignInLinkShown = z
  .strictObject({
    url: z.string().meta({ description: "For the member alone; shown this once" }),
    expiresAt: Instant,
  })
  .meta({ id: "SignInLink", description: "Whoever has the link first is signed in as the member" });

const SignedIn = z
  .strictObject({
    token: z.string().meta({ description: "Of scope `agent`" }),
    id: z.string(),
    expiresAt: Instant,
    member: z.strictObject({ id: z.string(), name: z.string() }),
  })
  .meta({ id: "SignedIn" });

/** Told to nobody but who holds the code, apart from `unknown`, which is what a guess gets. */
const REFUSALS: Readonly<Record<Exclude<SignInUse["outcome"], "taken">, string>> = {
  used: "This sign-in link has been used already. Ask your admin for a new one.",
  expired: `This sign-in link is older than ${LINK_MINUTES} minutes. Ask your admin for a new one.`,
  unknown: "This sign-in code is not valid, or a newer link has taken its place. Ask your admin for a new one.",
};

/** How members sign in: a link from their admin, a token for twelve hours, and the way out again. */
export function signInRoutes({ tokens, sealer, baseUrl, limiters }: AdminDeps): Route[] {
  const lock = createSignInLock(limiters);
  return [
    defineRoute({
      method: "POST",
      path: LINKS,
      summary: "Make a sign-in link for a member",
      description:
        `Works once, within ${LINK_MINUTES} minutes. It ends a link that the member was given before. Hand it to the member on a ` +
        "way that nobody else reads: whoever uses it first is signed in as them.",
      tag: "Members",
      scopes: ["admin"],
      responses: { 201: { description: "The link", schema: SignInLinkShown } },
      idempotent: true,
      async handler({ principal, params, now, unit }) {
        const { workspaceId } = principal;
        const memberId = params["id"] ?? "";
        const context = signInCodeContext(workspaceId, memberId);
        const { status, body } = await unit(async (tx) => {
          const code = newSecret();
          const expiresAt = new Date(now.getTime() + LINK_MINUTES * 60_000);
          await tx.createSignInLink({ hash: hashOf(code), workspaceId, memberId, createdAt: now, expiresAt });
          return { status: 201, body: { sealedCode: sealer.seal(code, context), expiresAt: expiresAt.toISOString() } };
        });
        const url = urlOf(baseUrl(), sealer.open(body.sealedCode, context));
        return { status, body: { url, expiresAt: body.expiresAt } };
      },
    }),
    defineRoute({
      method: "DELETE",
      path: LINKS,
      summary: "Take a member's sign-in link back",
      description: "Whoever has signed in by it stays so: revoke their token under `/v1/tokens`.",
      tag: "Members",
      scopes: ["admin"],
      responses: { 204: { description: "No link of this member works, now or before" } },
      idempotent: false,
      async handler({ principal, params, now, unit }) {
        return unit(async (tx) => {
          const { workspaceId, id } = found(await tx.member(principal.workspaceId, params["id"] ?? ""));
          await tx.dropSignInLink(workspaceId, id, now);
          return { status: 204 };
        });
      },
    }),
    defineRoute({
      method: "POST",
      path: "/v1/sign-in",
      summary: "Sign in by a link's code",
      description:
        "Uses the link up. After too many wrong codes from one network it is locked out for a while, with `Retry-After`.",
      tag: "Members",
      scopes: "public",
      body: z.strictObject({
        code: z.string().trim().min(1).max(200).meta({ description: "What stands behind the `#` of the link" }),
      }),
      bodyLimit: 4_096,
      responses: { 200: { description: "Signed in, for twelve hours", schema: SignedIn } },
      errors: [403, 429],
      idempotent: false,
      async handler({ body, now, address, unit }) {
        const { body: made } = await lock.attempt(address, () =>
          unit(async (tx) => {
            const use = await tx.useSignInLink(hashOf(body.code), now);
            if (use.outcome !== "taken") throw new HandoffError("sign_in_refused", REFUSALS[use.outcome]);
            const member = await tx.member(use.workspaceId, use.memberId);
            if (member === null) throw new HandoffError("sign_in_refused", REFUSALS.unknown);
            const kept = await recordToken(tx, {
              scope: "agent",
              workspaceId: member.workspaceId,
              subject: member.id,
              name: "Signed in by a link",
              expiresInSeconds: SIGNED_IN_SECONDS,
              now,
            });
            return { status: 200, body: { kept, member: { id: member.id, name: member.name } } };
          }),
        );
        const { kept, member } = made;
        return { status: 200, body: { token: signed(tokens, kept), id: kept.id, expiresAt: kept.expiresAt, member } };
      },
    }),
    defineRoute({
      method: "POST",
      path: "/v1/sign-out",
      summary: "Sign out",
      description: "Revokes the token that it is called with: here at once, in other processes within a second.",
      tag: "Members",
      scopes: ["agent"],
      responses: { 204: { description: "The token is refused from now on" } },
      idempotent: false,
      async handler({ principal, now, unit }) {
        const { workspaceId, tokenId } = principal;
        const { status } = await unit(async (tx) => {
          await tx.revokeToken(workspaceId, tokenId, now);
          return { status: 204 };
        });
        tokens.revoke(tokenId);
        return { status };
      },
    }),
  ];
}
