/** Who may do what, from widest to narrowest (design.md, section 6). */
export const SCOPES = ["operator", "admin", "agent", "installation", "bot", "visitor"] as const;
export type Scope = (typeof SCOPES)[number];

/** Whoever a verified token speaks for. */
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
}
export type Principal = { readonly [S in Scope]: PrincipalOf<S> }[Scope];

/** The subject of every operator token. */
export const OPERATOR_SUBJECT = "operator";

/** One name for one caller, whichever of its tokens it uses. */
export function identityOf(principal: Principal): string {
  return `${principal.scope}:${principal.workspaceId ?? ""}:${principal.subjectId}`;
}
