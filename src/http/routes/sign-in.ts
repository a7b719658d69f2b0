import { createHash } from "node:crypto";
import { z } from "zod";
import { HandoffError } from "../../domain/errors.ts";
import { newSecret } from "../../ids.ts";
import type { Member, SignInUse, Tx } from "../../ports-store.ts";
import { signInCodeContext } from "../../secrets/contexts.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import { found, Instant } from "../shapes.ts";
import type { AdminDeps } from "./deps.ts";
import { LINK_TOKEN_NAME, passSecondFactor, secondFactorFields } from "./credentials.ts";
import { mustHaveSay } from "./member-rules.ts";
import type { SignInLock } from "./sign-in-lock.ts";
import { recordToken, signed } from "./tokens.ts";

const LINK_MINUTES = 15;
const SIGNED_IN_SECONDS = 12 * 3_600;
const LINKS = "/v1/members/{id}/sign-in-links";

/**
 * The page that takes a link. The code stands behind the `#`, which no browser sends: neither a look at the link nor a proxy's
 * log gives it away, and nothing but the page's POST uses it up.
 */
export const linkUrl = (baseUrl: string, code: string): string => `${baseUrl}/apps/sign-in#${code}`;

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
  expired: "This sign-in link is too old. Ask your admin for a new one.",
  unknown: "This sign-in code is not valid, or a newer link has taken its place. Ask your admin for a new one.",
};

/** The member whose link has this code; the link is used up by it. Throws HandoffError `sign_in_refused`. */
export async function takeLink(tx: Tx, code: string, now: Date): Promise<Member> {
  const use = await tx.useSignInLink(hashOf(code), now);
  if (use.outcome !== "taken") throw new HandoffError("sign_in_refused", REFUSALS[use.outcome]);
  const member = await tx.member(use.workspaceId, use.memberId);
  if (member === null) throw new HandoffError("sign_in_refused", REFUSALS.unknown);
  return member;
}

/** A new link for a member, in the place of the one before. Gives its code, which the store does not keep. */
export async function makeLink(
  tx: Tx,
  of: { readonly workspaceId: string; readonly memberId: string },
  { now, minutes }: { readonly now: Date; readonly minutes: number },
): Promise<{ readonly code: string; readonly expiresAt: Date }> {
  const code = newSecret();
  const expiresAt = new Date(now.getTime() + minutes * 60_000);
  await tx.createSignInLink({ ...of, hash: hashOf(code), createdAt: now, expiresAt });
  return { code, expiresAt };
}

/** How members sign in: a link from their admin, a token for twelve hours, and the way out again. */
export function signInRoutes({ tokens, sealer, baseUrl }: AdminDeps, lock: SignInLock): Route[] {
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
          mustHaveSay(principal, found(await tx.member(workspaceId, memberId)));
          const { code, expiresAt } = await makeLink(tx, { workspaceId, memberId }, { now, minutes: LINK_MINUTES });
          return { status: 201, body: { sealedCode: sealer.seal(code, context), expiresAt: expiresAt.toISOString() } };
        });
        const url = linkUrl(baseUrl(), sealer.open(body.sealedCode, context));
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
          const member = found(await tx.member(principal.workspaceId, params["id"] ?? ""));
          mustHaveSay(principal, member);
          await tx.dropSignInLink(member.workspaceId, member.id, now);
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
        ...secondFactorFields,
      }),
      bodyLimit: 4_096,
      responses: { 200: { description: "Signed in, for twelve hours", schema: SignedIn } },
      errors: [403, 429],
      idempotent: false,
      async handler({ body, now, address, unit }) {
        const { body: made } = await lock.attempt(address, () =>
          unit(async (tx) => {
            const member = await takeLink(tx, body.code, now);
            await passSecondFactor(tx, { sealer, now }, member, { totp: body.totp, recoveryCode: body.recoveryCode });
            const kept = await recordToken(tx, {
              scope: "agent",
              workspaceId: member.workspaceId,
              subject: member.id,
              name: LINK_TOKEN_NAME,
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
      summary: "Sign out of a helpdesk's tab",
      description: "Revokes the token that it is called with: here at once, in other processes within a second.",
      tag: "Members",
      scopes: ["agent"],
      session: "never",
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
