import type { MemberRole } from "../domain/member-role.ts";

/** Who may do what, from widest to narrowest (design.md, section 6). */
export const SCOPES = ["operator", "admin", "agent", "installation", "bot", "visitor"] as const;
export type Scope = (typeof SCOPES)[number];

/** Whoever a verified token, or the session of a browser, speaks for. */
export interface PrincipalOf<S extends Scope> {
  readonly scope: S;
  /** Null for operators, who stand above workspaces. */
  readonly workspaceId: S extends "operator" ? null : string;
  /**
   * The workspace (admin; installation: an app in a helpdesk's marketplace), member (agent), bot or conversation (visitor) that
   * the token is for; `operator` for operators.
   */
  readonly subjectId: string;
  readonly tokenId: string;
  readonly expiresAt: Date;
  /** The member whose session it is; absent for tokens. See {@link memberIdOf}. */
  readonly memberId?: string;
  /** What that member is; absent for tokens. */
  readonly role?: MemberRole;
}
export type Principal = { readonly [S in Scope]: PrincipalOf<S> }[Scope];

/** The subject of every operator token. */
export const OPERATOR_SUBJECT = "operator";

/** One name for one caller, whichever of its tokens it uses. */
export function identityOf(principal: Principal): string {
  if (principal.role !== undefined) return `member:${principal.workspaceId ?? ""}:${principal.memberId ?? ""}`;
  return `${principal.scope}:${principal.workspaceId ?? ""}:${principal.subjectId}`;
}

/** The member who acts, where one is known: by a session or a token of their own. */
export const memberIdOf = ({ scope, subjectId, memberId }: Principal): string | null =>
  memberId ?? (scope === "agent" ? subjectId : null);
