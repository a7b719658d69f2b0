/** Who changed what when, as the store keeps it. Parts of Reads and Tx. */
import type { FieldChange } from "./domain/field-changes.ts";
import type { Page } from "./ports-store.ts";

export const AUDIT_ACTORS = ["member", "token", "installation", "operator", "system"] as const;

/** `id` is a member's or a token's. The name is the one at that time: a member who has left is still told by name. */
export interface AuditActor {
  readonly kind: (typeof AUDIT_ACTORS)[number];
  readonly id: string | null;
  readonly name: string | null;
}

/** What was changed. Never named after a visitor. */
export interface AuditObject {
  readonly type: string;
  readonly id: string;
  readonly name: string | null;
}

export interface AuditEntry {
  readonly id: string;
  readonly workspaceId: string;
  readonly at: Date;
  readonly actor: AuditActor;
  /** `bot.changed`: the object and, in the past tense, what was done. */
  readonly action: string;
  readonly object: AuditObject;
  readonly changes: readonly FieldChange[];
  readonly requestId: string | null;
}

export interface AuditFilter {
  readonly actorId?: string | undefined;
  readonly objectType?: string | undefined;
  readonly objectId?: string | undefined;
  readonly action?: string | undefined;
  /** From this instant on. */
  readonly from?: Date | undefined;
  /** Before this instant. */
  readonly to?: Date | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

export interface AuditReads {
  /** Newest first. */
  audit(workspaceId: string, filter: AuditFilter): Promise<Page<AuditEntry>>;
}

export interface AuditWrites {
  /** Append-only: nothing changes an entry. */
  addAudit(entry: AuditEntry): Promise<void>;
}
