import { createHash } from "node:crypto";
import { z } from "zod";
import { HandoffError } from "../../domain/errors.ts";
import { MEMBER_ROLES } from "../../domain/member-role.ts";
import type { Session } from "../../ports-sessions.ts";
import type { Member, Reads, Tx } from "../../ports-store.ts";
import { audit } from "../audit.ts";
import { defineRoute } from "../route.ts";
import type { RequestFacts, Route } from "../route.ts";
import { isOver } from "../sessions.ts";
import { clearCookie, setCookie } from "../session-cookie.ts";
import { found, Instant, mapPage, pageOf, PageQuery, sliceOf } from "../shapes.ts";
import {
  GivenPassword,
  isHashedCheaply,
  isPassword,
  openSession,
  passSecondFactor,
  sealedPassword,
  secondFactorFields,
  signOutEverywhere,
} from "./credentials.ts";
import type { GivenFactor } from "./credentials.ts";
import type { AdminDeps } from "./deps.ts";
import { takeLink } from "./sign-in.ts";
import type { SignInLock } from "./sign-in-lock.ts";

/** Somebody who is a member of more workspaces, each with a password for the same address, names the one that is meant. */
const MOST_WORKSPACES = 8;

export const Me = z
  .strictObject({
    member: z.strictObject({
      id: z.string(),
      name: z.string(),
      email: z.string().nullable(),
      role: z.enum(MEMBER_ROLES),
    }),
    workspace: z.strictObject({ id: z.string(), name: z.string() }),
    session: z.strictObject({ id: z.string(), expiresAt: Instant }),
    hasPassword: z.boolean(),
    hasSecondFactor: z.boolean(),
    recoveryCodesLeft: z.int(),
  })
  .meta({ id: "Me", description: "Who is signed in, as what, and by what means they can sign in again" });

/** Whoever has this session, as their own pages show it. */
export async function viewMe(
  read: Reads,
  { workspaceId, memberId, id }: Pick<Session, "workspaceId" | "memberId" | "id">,
): Promise<z.infer<typeof Me>> {
  const member = found(await read.member(workspaceId, memberId));
  const workspace = found(await read.workspace(workspaceId));
  const session = found((await read.sessions(workspaceId, memberId)).find((one) => one.id === id) ?? null);
  const factor = await read.secondFactor(workspaceId, memberId);
  return {
    member: { id: member.id, name: member.name, email: member.email, role: member.role },
    workspace: { id: workspace.id, name: workspace.name },
    session: { id, expiresAt: session.expiresAt.toISOString() },
    hasPassword: (await read.password(workspaceId, memberId)) !== null,
    hasSecondFactor: factor !== null && factor.confirmedAt !== null,
    recoveryCodesLeft: await read.recoveryCodesLeft(workspaceId, memberId),
  };
}

const SessionShown = z
  .strictObject({
    id: z.string(),
    device: z.string().meta({ examples: ["Firefox on Linux"] }),
    method: z.enum(["link", "password"]).meta({ description: "How it was signed in" }),
    createdAt: Instant,
    lastUsedAt: Instant.meta({ description: "Noted once a minute" }),
    expiresAt: Instant,
    current: z.boolean().meta({ description: "The one that asks" }),
  })
  .meta({ id: "Session", description: "A browser in which you are signed in" });

const ByLink = z.strictObject({
  code: z.string().trim().min(1).max(200).meta({ description: "What stands behind the `#` of a sign-in link" }),
  ...secondFactorFields,
});
const ByPassword = z.strictObject({
  email: z.string().trim().min(1).max(254),
  password: GivenPassword,
  workspaceId: z.string().max(100).optional().meta({ description: "Where the address is a member of several" }),
  ...secondFactorFields,
});
const SignIn = z.union([ByLink, ByPassword]).meta({ id: "SignIn" });

type Facts = Pick<RequestFacts, "now" | "browser" | "requestId"> & { readonly given: GivenFactor };

/** Signing in and out in a browser, and the list of those in which one is signed in. */
export function sessionRoutes(deps: AdminDeps, lock: SignInLock): Route[] {
  const { store, tokens, sealer, baseUrl } = deps;

  /** The end of every sign-in: second factor, a new session in the place of the browser's old one. */
  async function enter(tx: Tx, member: Member, method: Session["method"], facts: Facts) {
    const { now, browser, requestId } = facts;
    const { workspaceId, id, name } = member;
    await passSecondFactor(tx, { sealer, now }, member, facts.given);
    const before = browser.sessionHash === null ? null : await tx.sessionByHash(browser.sessionHash);
    if (before !== null) await tx.endSession(before.workspaceId, before.memberId, before.id);
    const opened = await openSession(tx, member, { method, device: browser.device, now });
    await audit(tx, {
      workspaceId,
      at: now,
      actor: { kind: "member", id, name },
      action: "member.signed_in",
      object: { type: "member", id, name },
      requestId,
    });
    return { ...opened, workspaceId, memberId: id };
  }

  const byLink = (code: string, facts: Facts) =>
    store.write(async (tx) => enter(tx, await takeLink(tx, code, facts.now), "link", facts));

  async function byPassword(body: z.infer<typeof ByPassword>, facts: Facts) {
    const all = await store.read.passwordsByEmail(body.email, MOST_WORKSPACES);
    const candidates = all.filter((one) => body.workspaceId === undefined || one.workspaceId === body.workspaceId);
    const fitting = [];
    for (const one of candidates) if (await isPassword(sealer, body.password, one)) fitting.push(one);
    if (candidates.length === 0) await isPassword(sealer, body.password, null);
    const [kept, ...others] = fitting;
    if (kept === undefined) throw new HandoffError("credentials_refused");
    if (others.length > 0) throw await whichWorkspace(fitting.map(({ workspaceId }) => workspaceId));
    const fresh = isHashedCheaply(sealer, kept) ? await sealedPassword(sealer, body.password, kept) : null;
    return store.write(async (tx) => {
      const member = await tx.member(kept.workspaceId, kept.memberId);
      const now = await tx.password(kept.workspaceId, kept.memberId);
      // Changed, or taken away, while it was being checked.
      if (member === null || now?.sealedHash !== kept.sealedHash) throw new HandoffError("credentials_refused");
      const entered = await enter(tx, member, "password", facts);
      if (fresh !== null) await tx.rehashPassword({ ...kept, sealedHash: fresh }, kept.sealedHash);
      return entered;
    });
  }

  /** Told to nobody but who has shown the password of each. */
  async function whichWorkspace(ids: readonly string[]): Promise<HandoffError> {
    const workspaces = await Promise.all(ids.map(async (id) => found(await store.read.workspace(id))));
    const faults = workspaces.map(({ id, name }) => ({ path: "workspaceId", message: name, code: id }));
    return new HandoffError("workspace_needed", undefined, { faults });
  }

  return [
    defineRoute({
      method: "POST",
      path: "/v1/session",
      summary: "Sign in, in a browser",
      description:
        "By a link's code, or by email address and password; with the authenticator app's code where one is set up. Sets a cookie that no " +
        "script can read. It is good for 30 days, and over after a day without use. Wrong guesses are counted for the account and for the " +
        "network: after some of them 429, with `Retry-After`.",
      tag: "Sessions",
      scopes: "public",
      session: "opens",
      body: SignIn,
      bodyLimit: 8_192,
      responses: { 200: { description: "Signed in", schema: Me } },
      errors: [400, 403, 409, 413, 415, 422, 429, 503],
      idempotent: false,
      async handler({ body, now, address, browser, requestId }) {
        const { totp, recoveryCode } = body;
        const facts = { now, browser, requestId, given: { totp, recoveryCode } };
        const opened =
          "code" in body
            ? await lock.attempt(address, () => byLink(body.code, facts))
            : await lock.attempt(address, () => byPassword(body, facts), accountOf(body.email));
        return { status: 200, body: await viewMe(store.read, opened), headers: setCookie(baseUrl(), opened.secret) };
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/session",
      summary: "Who is signed in",
      tag: "Sessions",
      scopes: ["agent"],
      session: "only",
      responses: { 200: { description: "The member", schema: Me } },
      idempotent: false,
      async handler({ principal: { workspaceId, subjectId: memberId, tokenId: id } }) {
        return { status: 200, body: await viewMe(store.read, { workspaceId, memberId, id }) };
      },
    }),
    defineRoute({
      method: "DELETE",
      path: "/v1/session",
      summary: "Sign out",
      description: "Ends the session of this browser, if it has one, and takes the cookie away.",
      tag: "Sessions",
      scopes: "public",
      session: "opens",
      responses: { 204: { description: "Signed out, now or before" } },
      errors: [403, 503],
      idempotent: false,
      async handler({ browser: { sessionHash } }) {
        if (sessionHash !== null)
          await store.write(async (tx) => {
            const session = await tx.sessionByHash(sessionHash);
            if (session !== null) await tx.endSession(session.workspaceId, session.memberId, session.id);
          });
        return { status: 204, headers: clearCookie(baseUrl()) };
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/sessions",
      summary: "Where you are signed in",
      tag: "Sessions",
      scopes: ["agent"],
      session: "only",
      query: PageQuery,
      responses: { 200: { description: "Your browsers", schema: pageOf(SessionShown) } },
      idempotent: false,
      async handler({ principal, query, now }) {
        const { workspaceId, subjectId, tokenId } = principal;
        const all = await store.read.sessions(workspaceId, subjectId);
        const live = all.filter((one) => !isOver(one, now)).toReversed();
        const show = (one: Session) => ({
          id: one.id,
          device: one.device,
          method: one.method,
          createdAt: one.createdAt.toISOString(),
          lastUsedAt: one.lastUsedAt.toISOString(),
          expiresAt: one.expiresAt.toISOString(),
          current: one.id === tokenId,
        });
        return { status: 200, body: mapPage(sliceOf(live, query), show) };
      },
    }),
    defineRoute({
      method: "DELETE",
      path: "/v1/sessions/{id}",
      summary: "Sign out in another browser",
      tag: "Sessions",
      scopes: ["agent"],
      session: "only",
      responses: { 204: { description: "Nobody is signed in there any more" } },
      idempotent: false,
      async handler({ principal, params, unit }) {
        const { workspaceId, subjectId } = principal;
        return unit(async (tx) => {
          if (!(await tx.endSession(workspaceId, subjectId, params["id"] ?? ""))) throw new HandoffError("not_found");
          return { status: 204 };
        });
      },
    }),
    defineRoute({
      method: "DELETE",
      path: "/v1/sessions",
      summary: "Sign out everywhere",
      description:
        "In all browsers, this one included, and in helpdesks' tabs. Tokens that an admin issued for programs stay: see `/v1/tokens`.",
      tag: "Sessions",
      scopes: ["agent"],
      session: "only",
      responses: { 204: { description: "You are signed in nowhere" } },
      idempotent: false,
      async handler({ principal, now, unit }) {
        const member = { workspaceId: principal.workspaceId, id: principal.subjectId };
        const { body: revoked } = await unit(async (tx) => ({
          status: 204,
          body: await signOutEverywhere(tx, member, now),
        }));
        for (const id of revoked) tokens.revoke(id);
        return { status: 204, headers: clearCookie(baseUrl()) };
      },
    }),
  ];
}

/** Counted by its hash: an address in a limiter's key would be kept in Redis as it is. */
export const accountOf = (email: string): string =>
  createHash("sha256").update(email.normalize("NFC").toLowerCase()).digest("base64url");
