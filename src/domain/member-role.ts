/** What members may do in their workspace, from widest to narrowest. */
export const MEMBER_ROLES = ["owner", "admin", "agent"] as const;
export type MemberRole = (typeof MEMBER_ROLES)[number];

/** Whether somebody with this role may use what is for admins. */
export const isAdminRole = (role: MemberRole): boolean => role !== "agent";

/**
 * Whether somebody may decide over a member of this role: who they are, how they sign in, whether they stay. An admin has no say over
 * owners, since whoever can make a sign-in link for an owner is one.
 *
 * @param actor null: the workspace's own token, which is what the first owner is made by
 */
export const hasSayOver = (actor: MemberRole | null, role: MemberRole): boolean =>
  actor === null || actor === "owner" || (actor === "admin" && role !== "owner");
