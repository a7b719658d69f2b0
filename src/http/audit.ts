import type { FieldChange } from "../domain/field-changes.ts";
import { newId } from "../ids.ts";
import type { AuditActor, AuditObject } from "../ports-audit.ts";
import type { Tx } from "../ports-store.ts";
import type { Sealer } from "../secrets/sealing.ts";
import { watched } from "./audit-watch.ts";
import type { Principal } from "./principal.ts";

/** What somebody did, told to the audit log by {@link audit}. */
export interface Deed {
  readonly workspaceId: string;
  readonly at: Date;
  readonly actor: AuditActor;
  /** The object and, in the past tense, what was done: `member.signed_in`. */
  readonly action: string;
  readonly object: AuditObject;
  /** Nothing about a visitor, and no secret, may stand in it. */
  readonly changes?: readonly FieldChange[];
  readonly requestId: string | null;
}

/** Writes an entry in the commit of its cause. For what {@link createAudit} cannot see by itself, such as a sign-in. */
export async function audit(tx: Pick<Tx, "addAudit">, { changes = [], ...deed }: Deed): Promise<void> {
  await tx.addAudit({ id: newId("audit"), ...deed, changes });
}

export interface Request {
  readonly principal: Principal | null;
  readonly requestId: string;
  readonly now: Date;
}

/** A deed of the request's own caller. */
export type OwnDeed = Pick<Deed, "action" | "object" | "changes"> & { readonly workspaceId: string };

export interface Auditor {
  /** The unit of work as this request sees it: what it changes for an admin is told to the audit log in the same commit. */
  tx(tx: Tx): Tx;
  /** For what no single change of the store shows, such as an export. */
  note(tx: Tx, deed: OwnDeed): Promise<void>;
}

export type Audit = (request: Request) => Auditor;

/** Bots and visitors change nothing that belongs to an admin. */
const WATCHED: ReadonlySet<string> = new Set(["operator", "admin", "agent", "installation"]);

/**
 * Who changed what when, seen where every request's unit of work passes by: a route that changes a bot, a connection, a member, a
 * token or a workspace is in the audit log without saying so, and one that is added later is as well.
 *
 * @param sealer opens credentials to see whether they are others; without it, what was sealed anew counts as changed
 */
export const createAudit =
  ({ sealer }: { readonly sealer?: Sealer | undefined } = {}): Audit =>
  (request) => ({
    tx: (tx) =>
      request.principal === null || !WATCHED.has(request.principal.scope)
        ? tx
        : watched(tx, noteOf(tx, request), sealer),
    note: (tx, deed) => noteOf(tx, request)(deed),
  });

/** The caller as the log names it: a member, or the token that a program uses. */
export async function actorOf(tx: Pick<Tx, "member" | "token">, principal: Principal | null): Promise<AuditActor> {
  if (principal === null) return { kind: "system", id: null, name: null };
  const { scope, workspaceId, tokenId } = principal;
  const memberId = memberIdOf(principal);
  if (memberId !== null && workspaceId !== null)
    return { kind: "member", id: memberId, name: (await tx.member(workspaceId, memberId))?.name ?? null };
  const kind = scope === "operator" || scope === "installation" ? scope : "token";
  // The command line makes tokens of its own, of which nothing is kept.
  const token = await tx.token(workspaceId, tokenId);
  return { kind, id: tokenId, name: token === null ? "Command line" : token.name };
}

function memberIdOf(principal: Principal): string | null {
  if ("memberId" in principal && typeof principal.memberId === "string") return principal.memberId;
  return principal.scope === "agent" ? principal.subjectId : null;
}

function noteOf(tx: Tx, { principal, requestId, now }: Request): (deed: OwnDeed) => Promise<void> {
  let actor: Promise<AuditActor> | undefined;
  return async (deed) => {
    actor ??= actorOf(tx, principal);
    await audit(tx, { ...deed, at: now, actor: await actor, requestId });
  };
}
