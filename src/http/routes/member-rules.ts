import { HandoffError } from "../../domain/errors.ts";
import { hasSayOver } from "../../domain/member-role.ts";
import type { MemberRole } from "../../domain/member-role.ts";
import type { Member, Tx } from "../../ports-store.ts";
import type { Principal } from "../principal.ts";

/** Who may decide over whom, and what a workspace never loses. */

/**
 * Only owners decide over owners: also over how they sign in, since whoever can make a link for an owner is one. A workspace's own
 * token counts as an owner.
 *
 * @throws HandoffError `forbidden_role`
 */
export function mustHaveSay({ role }: Pick<Principal, "role">, member: Pick<Member, "role">): void {
  if (!hasSayOver(role ?? null, member.role))
    throw new HandoffError("forbidden_role", "This member is an owner: only owners can do this");
}

/** Only owners make owners. Throws HandoffError `forbidden_role`. */
export function mayGive({ role }: Pick<Principal, "role">, given: MemberRole): void {
  if (!hasSayOver(role ?? null, given))
    throw new HandoffError("forbidden_role", "Only owners can make somebody an owner");
}

/**
 * The workspace must be locked: of two owners who take each other's role away, one stays.
 *
 * @throws HandoffError `conflict` when no other owner would be left
 */
export async function keepAnOwner(tx: Tx, leaving: Member): Promise<void> {
  if (leaving.role !== "owner") return;
  const owners = (await tx.members(leaving.workspaceId)).filter(({ role }) => role === "owner");
  if (owners.length <= 1)
    throw new HandoffError("conflict", "This is the last owner of the workspace: make somebody else an owner first");
}

/**
 * What a new address means for how somebody signs in. The workspace must be locked.
 *
 * @throws HandoffError `conflict`
 */
export async function mayBeReachedAt(tx: Tx, { workspaceId, id }: Member, email: string | null): Promise<void> {
  if ((await tx.password(workspaceId, id)) === null) return;
  if (email === null)
    throw new HandoffError("conflict", "This member signs in with the address and a password: give another address");
  await mustBeOnlyOne(tx, { workspaceId, id }, email);
}

/** In one workspace an address and a password mean one member. Throws HandoffError `conflict`. */
export async function mustBeOnlyOne(
  tx: Tx,
  { workspaceId, id }: Pick<Member, "workspaceId" | "id">,
  email: string,
): Promise<void> {
  if ((await tx.memberSigningInAs(workspaceId, email, id)) !== null)
    throw new HandoffError("conflict", "Another member of this workspace signs in with this address");
}
