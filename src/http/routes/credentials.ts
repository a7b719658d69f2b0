import { z } from "zod";
import { HandoffError } from "../../domain/errors.ts";
import { newId } from "../../ids.ts";
import type { Password, SignInMethod } from "../../ports-sessions.ts";
import type { Member, Tx } from "../../ports-store.ts";
import { passwordContext, secondFactorContext } from "../../secrets/contexts.ts";
import { createPasswords } from "../../secrets/passwords.ts";
import type { Sealer } from "../../secrets/sealing.ts";
import { matchingStep, recoveryCodeHash } from "../../secrets/totp.ts";
import { IDLE_SECONDS, newSessionSecret, sessionHash, SESSION_SECONDS } from "../session-cookie.ts";

/** What the routes have in common by which members sign in: how what they know and hold is checked, and what opens then. */

/** One line for the whole process: each hash takes memory and a thread. */
export const passwords = createPasswords();

/** Given where a member's second factor may be asked for. */
export const secondFactorFields = {
  totp: z
    .string()
    .trim()
    .regex(/^\d{6}$/, "must be the six digits that the app shows")
    .optional()
    .meta({ description: "The authenticator app's code, where one is set up" }),
  recoveryCode: z
    .string()
    .trim()
    .min(1)
    .max(100)
    .optional()
    .meta({ description: "Instead of `totp`, when the app is lost. Works once" }),
};
export type GivenFactor = z.infer<z.ZodObject<typeof secondFactorFields>>;

/** Long enough for whatever is taken as a new one; what is longer is no password of anybody. */
export const GivenPassword = z.string().min(1).max(1_000);

const refused = () => new HandoffError("credentials_refused");

/**
 * Whether the password is this one.
 *
 * @param kept null where there is none: refused after the same work
 */
export function isPassword(sealer: Sealer, given: string, kept: Password | null): Promise<boolean> {
  const hash = kept && sealer.open(kept.sealedHash, passwordContext(kept.workspaceId, kept.memberId));
  return passwords.check(given, hash);
}

/** Never inside a unit of work: it takes longer than everything that is done there. */
export async function sealedPassword(
  sealer: Sealer,
  given: string,
  of: { readonly workspaceId: string; readonly memberId: string },
): Promise<string> {
  return sealer.seal(await passwords.hash(given), passwordContext(of.workspaceId, of.memberId));
}

export const isHashedCheaply = (sealer: Sealer, { sealedHash, workspaceId, memberId }: Password): boolean =>
  passwords.isOutdated(sealer.open(sealedHash, passwordContext(workspaceId, memberId))) ||
  sealer.isOutdated(sealedHash);

/**
 * Takes the second factor where the member has one: a code of the app that was not used yet, or a recovery code.
 *
 * @throws HandoffError `second_factor_needed`, `credentials_refused`: then nothing of the unit is kept, a link that it used up included
 */
export async function passSecondFactor(
  tx: Tx,
  { sealer, now }: { readonly sealer: Sealer; readonly now: Date },
  { workspaceId, id }: Pick<Member, "workspaceId" | "id">,
  given: GivenFactor,
): Promise<void> {
  const factor = await tx.secondFactor(workspaceId, id);
  if (factor === null || factor.confirmedAt === null) return;
  if (given.recoveryCode !== undefined) {
    if (await tx.useRecoveryCode(workspaceId, id, recoveryCodeHash(given.recoveryCode), now)) return;
    throw refused();
  }
  if (given.totp === undefined) throw new HandoffError("second_factor_needed");
  const step = matchingStep(sealer.open(factor.sealedSecret, secondFactorContext(workspaceId, id)), given.totp, now);
  if (step === null || !(await tx.useTotpStep(workspaceId, id, step))) throw refused();
}

/** More of them are an attack, or a script that signs in each time: the oldest goes. */
const MOST_SESSIONS = 50;

/**
 * Begins a session under a new secret, whatever the browser had before.
 *
 * @returns the secret, for the cookie alone
 */
export async function openSession(
  tx: Tx,
  { workspaceId, id: memberId }: Pick<Member, "workspaceId" | "id">,
  { method, device, now }: { readonly method: SignInMethod; readonly device: string; readonly now: Date },
): Promise<{ readonly id: string; readonly secret: string }> {
  await tx.dropOldSessions(workspaceId, memberId, { now, unusedSince: new Date(now.getTime() - IDLE_SECONDS * 1000) });
  const tooMany = (await tx.sessions(workspaceId, memberId)).slice(MOST_SESSIONS - 1);
  for (const { id } of tooMany) await tx.endSession(workspaceId, memberId, id);
  const secret = newSessionSecret();
  const id = newId("session");
  await tx.createSession({
    id,
    hash: sessionHash(secret),
    workspaceId,
    memberId,
    method,
    device,
    createdAt: now,
    lastUsedAt: now,
    expiresAt: new Date(now.getTime() + SESSION_SECONDS * 1000),
  });
  return { id, secret };
}

/** The name of tokens that a link was used for, in a helpdesk's tab: they end when their member signs out everywhere. */
export const LINK_TOKEN_NAME = "Signed in by a link";

/**
 * Signs a member out wherever they are.
 *
 * @returns ids of tokens that are to be refused in this process from now on
 */
export async function signOutEverywhere(
  tx: Tx,
  { workspaceId, id }: Pick<Member, "workspaceId" | "id">,
  now: Date,
): Promise<readonly string[]> {
  await tx.endSessions(workspaceId, id);
  return tx.revokeTokensOf(workspaceId, id, now, LINK_TOKEN_NAME);
}
