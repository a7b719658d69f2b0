/** How members sign in and stay signed in, as the store keeps it. Parts of Reads and Tx. */
import type { Handoff } from "./domain/handoff.ts";
import type { MemberRole } from "./domain/member-role.ts";

/** How a session was opened. */
export type SignInMethod = "link" | "password";

/** A browser in which a member is signed in. */
export interface Session {
  /** For lists: worth nothing to whoever knows it. */
  readonly id: string;
  /** SHA-256 of what the cookie holds. */
  readonly hash: string;
  readonly workspaceId: string;
  readonly memberId: string;
  readonly method: SignInMethod;
  /** What it runs on, in words for its owner. */
  readonly device: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  /** However much it is used. */
  readonly expiresAt: Date;
}

/** A session with what its member may do now. */
export interface LiveSession extends Session {
  readonly role: MemberRole;
}

export interface Password {
  readonly workspaceId: string;
  readonly memberId: string;
  /** Sealed; inside, the hash with its parameters. */
  readonly sealedHash: string;
  readonly setAt: Date;
}

/** An authenticator app. */
export interface SecondFactor {
  readonly workspaceId: string;
  readonly memberId: string;
  readonly sealedSecret: string;
  /** Null until a code has shown that the app has the secret: not asked for before. */
  readonly confirmedAt: Date | null;
  /** The newest 30-second step of which a code was taken: none of it or before is taken again. */
  readonly lastStep: number;
}

export interface SessionReads {
  /** The workspace is not known yet: only for who has the cookie that the hash is of. Whether it has expired is for the caller to see. */
  sessionByHash(hash: string): Promise<LiveSession | null>;
  /** The roles of those members whose sessions are these, by session. Over all workspaces: only for streams that are open. */
  sessionRoles(ids: readonly string[]): Promise<ReadonlyMap<string, MemberRole>>;
  /** Newest first, whether expired or not. */
  sessions(workspaceId: string, memberId: string): Promise<readonly Session[]>;
  password(workspaceId: string, memberId: string): Promise<Password | null>;
  /** The workspace is not known yet: only for who signs in. At most `limit`, of as many workspaces. */
  passwordsByEmail(email: string, limit: number): Promise<readonly Password[]>;
  /** The other member of the workspace who signs in with this address and a password. */
  memberSigningInAs(workspaceId: string, email: string, exceptMemberId: string): Promise<string | null>;
  secondFactor(workspaceId: string, memberId: string): Promise<SecondFactor | null>;
  /** Recovery codes that were not used yet. */
  recoveryCodesLeft(workspaceId: string, memberId: string): Promise<number>;
  /** Open handoffs that this member accepted, oldest first. */
  openHandoffsOf(workspaceId: string, memberId: string, limit: number): Promise<readonly Handoff[]>;
}

export interface SessionWrites {
  /** HandoffError `not_found` for no such member. */
  createSession(session: Session): Promise<void>;
  /** Notes its use, unless it was noted after `unlessAfter`. Brings no session back. */
  touchSession(hash: string, at: Date, unlessAfter: Date): Promise<void>;
  endSession(workspaceId: string, memberId: string, id: string): Promise<boolean>;
  /** All of the member's. Gives how many. */
  endSessions(workspaceId: string, memberId: string): Promise<number>;
  /** Those of the member that nobody can use any more. */
  dropOldSessions(workspaceId: string, memberId: string, given: { now: Date; unusedSince: Date }): Promise<void>;
  /** In the place of the one before. HandoffError `not_found` for no such member. */
  savePassword(password: Password): Promise<void>;
  /** The same password hashed anew. False when it has been changed since it was `from`. */
  rehashPassword(password: Password, from: string): Promise<boolean>;
  /** In the place of the one before. HandoffError `not_found` for no such member. */
  saveSecondFactor(factor: SecondFactor): Promise<void>;
  /** Takes a code of this step: once, and none that is older. False when it was taken. */
  useTotpStep(workspaceId: string, memberId: string, step: number): Promise<boolean>;
  /** With its recovery codes. False when there was none. */
  removeSecondFactor(workspaceId: string, memberId: string): Promise<boolean>;
  /** SHA-256 of each, in the place of those before. HandoffError `not_found` for no such member. */
  saveRecoveryCodes(workspaceId: string, memberId: string, hashes: readonly string[]): Promise<void>;
  /** Takes it, once. */
  useRecoveryCode(workspaceId: string, memberId: string, hash: string, at: Date): Promise<boolean>;
  /** Revokes what was issued for this subject and is still good. Gives the ids. @param name only those of this name */
  revokeTokensOf(workspaceId: string, subject: string, at: Date, name?: string): Promise<readonly string[]>;
  /** With sessions, password, second factor and links. False when there was none. */
  deleteMember(workspaceId: string, id: string): Promise<boolean>;
}
