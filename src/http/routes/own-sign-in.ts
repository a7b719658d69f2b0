import { z } from "zod";
import { HandoffError } from "../../domain/errors.ts";
import { LONGEST_PASSWORD, passwordFault, SHORTEST_PASSWORD } from "../../domain/password-rules.ts";
import type { Password } from "../../ports-sessions.ts";
import type { Member } from "../../ports-store.ts";
import { secondFactorContext } from "../../secrets/contexts.ts";
import { matchingStep, newRecoveryCodes, newTotpSecret, otpauthUri, recoveryCodeHash } from "../../secrets/totp.ts";
import type { PrincipalOf } from "../principal.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import { setCookie } from "../session-cookie.ts";
import { found, Name } from "../shapes.ts";
import {
  GivenPassword,
  isPassword,
  openSession,
  passSecondFactor,
  sealedPassword,
  secondFactorFields,
  signOutEverywhere,
} from "./credentials.ts";
import type { AdminDeps } from "./deps.ts";
import { Email } from "./email-field.ts";
import { mayBeReachedAt, mustBeOnlyOne } from "./member-rules.ts";
import { Me, viewMe } from "./session.ts";
import type { SignInLock } from "./sign-in-lock.ts";

/** After a sign-in by a link, for so long a lost password may be replaced without the old one. */
const FRESH_LINK_MS = 15 * 60_000;

const Current = GivenPassword.optional().meta({ description: "Your password as it is, where you have one" });
const RecoveryCodes = z
  .strictObject({ recoveryCodes: z.array(z.string()) })
  .meta({ id: "RecoveryCodes", description: "Shown this once. Each works once, in the place of a code of the app" });

const common = { tag: "Sessions", scopes: ["agent"], session: "only", idempotent: false } as const;
type Own = PrincipalOf<"agent">;

/** What members decide about themselves: name, address, password, authenticator app. For their own session alone. */
export function ownSignInRoutes({ store, tokens, sealer, baseUrl }: AdminDeps, lock: SignInLock): Route[] {
  const selfOf = async ({ workspaceId, subjectId }: Own) => found(await store.read.member(workspaceId, subjectId));

  /**
   * Whoever found an open browser does not change how its owner signs in: the password is asked for again, where there is one.
   *
   * @returns the password that was shown to be known; null where the member has none
   */
  async function knownPassword(
    { id, workspaceId }: Member,
    given: { readonly current: string | undefined; readonly address: string },
  ): Promise<Password | null> {
    const kept = await store.read.password(workspaceId, id);
    if (kept === null) return null;
    const { current } = given;
    if (current === undefined)
      throw new HandoffError("validation_failed", undefined, {
        faults: [{ path: "current", message: "is needed: your password as it is", code: "required" }],
      });
    const check = async () => {
      if (!(await isPassword(sealer, current, kept))) throw new HandoffError("credentials_refused");
      return kept;
    };
    return lock.attempt(given.address, check, id);
  }

  async function signedInByFreshLink({ workspaceId, subjectId, tokenId }: Own, now: Date): Promise<boolean> {
    const session = (await store.read.sessions(workspaceId, subjectId)).find(({ id }) => id === tokenId);
    return session?.method === "link" && now.getTime() - session.createdAt.getTime() <= FRESH_LINK_MS;
  }

  const secretOf = (sealed: string, { workspaceId, subjectId }: Own) =>
    sealer.open(sealed, secondFactorContext(workspaceId, subjectId));

  return [
    defineRoute({
      ...common,
      method: "PATCH",
      path: "/v1/members/me",
      summary: "Change your name or address",
      description: "A new address asks for the password, where you have one: it is what you sign in with.",
      body: z.strictObject({ name: Name.optional(), email: Email.nullish(), current: Current }),
      responses: { 200: { description: "You, as you are now", schema: Me } },
      errors: [409],
      async handler({ principal, body, address, unit }) {
        const self = await selfOf(principal);
        const { current } = body;
        const email = body.email === undefined ? self.email : body.email;
        if (email !== self.email) await knownPassword(self, { current, address });
        await unit(async (tx) => {
          await tx.lockWorkspace(self.workspaceId);
          if (email !== self.email) await mayBeReachedAt(tx, self, email);
          const patch = { ...(body.name === undefined ? {} : { name: body.name }), email };
          await tx.updateMember(self.workspaceId, self.id, patch);
          return { status: 200 };
        });
        return { status: 200, body: await viewMe(store.read, sessionOf(principal)) };
      },
    }),
    defineRoute({
      ...common,
      method: "PUT",
      path: "/v1/members/me/password",
      summary: "Set or change your password",
      description:
        `From ${SHORTEST_PASSWORD} to ${LONGEST_PASSWORD} characters. The first one, and one within 15 minutes of a sign-in by a link, ` +
        "needs no old one. You are signed out everywhere else, and this browser gets a new session.",
      body: z.strictObject({ password: GivenPassword, current: Current }),
      bodyLimit: 16_384,
      responses: { 200: { description: "You sign in with it from now on", schema: Me } },
      errors: [409],
      async handler({ principal, body, address, now, browser, unit, audit }) {
        const self = await selfOf(principal);
        const { workspaceId, id, email } = self;
        if (email === null)
          throw new HandoffError("conflict", "You have no email address to sign in with yet: PATCH /v1/members/me");
        const workspace = found(await store.read.workspace(workspaceId));
        const fault = passwordFault(body.password, [self.name, email, workspace.name]);
        if (fault !== null)
          throw new HandoffError("validation_failed", undefined, {
            faults: [{ path: "password", message: fault, code: "password_refused" }],
          });
        const kept = (await signedInByFreshLink(principal, now))
          ? await store.read.password(workspaceId, id)
          : await knownPassword(self, { current: body.current, address });
        const sealedHash = await sealedPassword(sealer, body.password, { workspaceId, memberId: id });
        let secret = "";
        const { body: done } = await unit(async (tx) => {
          await tx.lockWorkspace(workspaceId);
          const present = await tx.password(workspaceId, id);
          if (present?.sealedHash !== kept?.sealedHash)
            throw new HandoffError("conflict", "The password was changed in another place at this moment");
          await mustBeOnlyOne(tx, self, email);
          await tx.savePassword({ workspaceId, memberId: id, sealedHash, setAt: now });
          const revoked = await signOutEverywhere(tx, self, now);
          const opened = await openSession(tx, self, { method: "password", device: browser.device, now });
          ({ secret } = opened);
          await audit.note(tx, {
            workspaceId,
            action: "member.password_set",
            object: { type: "member", id, name: self.name },
          });
          return { status: 200, body: { revoked, sessionId: opened.id } };
        });
        for (const token of done.revoked) tokens.revoke(token);
        const me = await viewMe(store.read, { workspaceId, memberId: id, id: done.sessionId });
        return { status: 200, body: me, headers: setCookie(baseUrl(), secret) };
      },
    }),
    defineRoute({
      ...common,
      method: "POST",
      path: "/v1/members/me/totp",
      summary: "Begin to set up an authenticator app",
      description: "Nothing changes until a code of the app has been shown: POST /v1/members/me/totp/confirm.",
      body: z.strictObject({ current: Current }).prefault({}),
      responses: {
        201: {
          description: "For the app, as text and for a QR code",
          schema: z.strictObject({ secret: z.string(), uri: z.string() }),
        },
      },
      errors: [409],
      async handler({ principal, body, address, unit }) {
        const self = await selfOf(principal);
        await knownPassword(self, { current: body.current, address });
        const secret = newTotpSecret();
        const { workspaceId, id: memberId } = self;
        const sealedSecret = sealer.seal(secret, secondFactorContext(workspaceId, memberId));
        await unit(async (tx) => {
          const before = await tx.secondFactor(workspaceId, memberId);
          if (before !== null && before.confirmedAt !== null)
            throw new HandoffError("conflict", "There is an app already: remove it first, DELETE /v1/members/me/totp");
          await tx.saveSecondFactor({ workspaceId, memberId, sealedSecret, confirmedAt: null, lastStep: 0 });
          return { status: 201 };
        });
        return { status: 201, body: { secret, uri: otpauthUri(secret, self.email ?? self.name) } };
      },
    }),
    defineRoute({
      ...common,
      method: "POST",
      path: "/v1/members/me/totp/confirm",
      summary: "Show that the authenticator app works",
      description: "From now on every sign-in asks for a code of it.",
      body: z.strictObject({ totp: secondFactorFields.totp.unwrap() }),
      responses: { 200: { description: "Set up; ten codes for when the app is lost", schema: RecoveryCodes } },
      errors: [409],
      async handler({ principal, body, address, now, unit, audit }) {
        const { workspaceId, subjectId: memberId } = principal;
        const recoveryCodes = newRecoveryCodes();
        const confirm = () =>
          unit(async (tx) => {
            const factor = await tx.secondFactor(workspaceId, memberId);
            if (factor === null || factor.confirmedAt !== null)
              throw new HandoffError("conflict", "No app waits to be confirmed: begin with POST /v1/members/me/totp");
            const step = matchingStep(secretOf(factor.sealedSecret, principal), body.totp, now);
            if (step === null || !(await tx.useTotpStep(workspaceId, memberId, step)))
              throw new HandoffError("credentials_refused", "This is not the code that the app shows now");
            await tx.saveSecondFactor({ ...factor, confirmedAt: now, lastStep: step });
            await tx.saveRecoveryCodes(workspaceId, memberId, recoveryCodes.map(recoveryCodeHash));
            const name = found(await tx.member(workspaceId, memberId)).name;
            await audit.note(tx, {
              workspaceId,
              action: "member.second_factor_set",
              object: { type: "member", id: memberId, name },
            });
            return { status: 200 };
          });
        await lock.attempt(address, confirm, memberId);
        return { status: 200, body: { recoveryCodes } };
      },
    }),
    defineRoute({
      ...common,
      method: "POST",
      path: "/v1/members/me/recovery-codes",
      summary: "Make new recovery codes",
      description: "Those before are worth nothing from then on.",
      body: z.strictObject({ totp: secondFactorFields.totp.unwrap() }),
      responses: { 201: { description: "Ten new ones", schema: RecoveryCodes } },
      errors: [409],
      async handler({ principal, body, address, now, unit }) {
        const { workspaceId, subjectId: id } = principal;
        const recoveryCodes = newRecoveryCodes();
        const renew = () =>
          unit(async (tx) => {
            mustHaveFactor(await tx.secondFactor(workspaceId, id));
            await passSecondFactor(tx, { sealer, now }, { workspaceId, id }, body);
            await tx.saveRecoveryCodes(workspaceId, id, recoveryCodes.map(recoveryCodeHash));
            return { status: 201 };
          });
        await lock.attempt(address, renew, id);
        return { status: 201, body: { recoveryCodes } };
      },
    }),
    defineRoute({
      ...common,
      method: "DELETE",
      path: "/v1/members/me/totp",
      summary: "Remove your authenticator app",
      description: "With a code of it, or a recovery code, and the password where you have one.",
      body: z.strictObject({ current: Current, ...secondFactorFields }).prefault({}),
      responses: { 204: { description: "Sign-ins ask for no code any more" } },
      errors: [409],
      async handler({ principal, body, address, now, unit, audit }) {
        const self = await selfOf(principal);
        const { workspaceId, id, name } = self;
        await knownPassword(self, { current: body.current, address });
        const remove = () =>
          unit(async (tx) => {
            mustHaveFactor(await tx.secondFactor(workspaceId, id));
            await passSecondFactor(tx, { sealer, now }, self, body);
            await tx.removeSecondFactor(workspaceId, id);
            await audit.note(tx, {
              workspaceId,
              action: "member.second_factor_removed",
              object: { type: "member", id, name },
            });
            return { status: 204 };
          });
        await lock.attempt(address, remove, id);
        return { status: 204 };
      },
    }),
  ];
}

const sessionOf = ({ workspaceId, subjectId, tokenId }: Own) => ({ workspaceId, memberId: subjectId, id: tokenId });

function mustHaveFactor(factor: { readonly confirmedAt: Date | null } | null): void {
  if (factor === null || factor.confirmedAt === null)
    throw new HandoffError("conflict", "No authenticator app is set up");
}
