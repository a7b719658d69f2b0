import type { FieldChange } from "../domain/field-changes.ts";
import type { AuditActor, AuditEntry, AuditFilter, AuditReads, AuditWrites } from "../ports-audit.ts";
import type { Page } from "../ports-store.ts";
import { beforeCursor, cursorAt } from "./cursor-at.ts";
import { pageOf } from "./query-handoffs.ts";
import type { AuditLogTable } from "./schema.ts";
import { all, slotsOf, statement } from "./statements.ts";
import type { Executor } from "./statements.ts";

/** Who changed what when. */

const COLUMNS = [
  "id",
  "workspace_id",
  "at",
  "actor_kind",
  "actor_id",
  "actor_name",
  "action",
  "object_type",
  "object_id",
  "object_name",
  "changes",
  "request_id",
] as const satisfies readonly (keyof AuditLogTable)[];

const insert = statement((db, s: AuditLogTable) => db.insertInto("audit_log").values(slotsOf(s, COLUMNS)));

const entryOf = (row: AuditLogTable): AuditEntry => ({
  id: row.id,
  workspaceId: row.workspace_id,
  at: new Date(row.at),
  actor: { kind: row.actor_kind as AuditActor["kind"], id: row.actor_id, name: row.actor_name },
  action: row.action,
  object: { type: row.object_type, id: row.object_id, name: row.object_name },
  changes: JSON.parse(row.changes) as FieldChange[],
  requestId: row.request_id,
});

export const auditReads = (on: Executor): AuditReads => ({
  async audit(workspaceId: string, filter: AuditFilter): Promise<Page<AuditEntry>> {
    let query = on.db
      .selectFrom("audit_log")
      .selectAll()
      .where("workspace_id", "=", workspaceId)
      .orderBy("at", "desc")
      .orderBy("id", "desc")
      .limit(filter.limit + 1);
    if (filter.actorId !== undefined) query = query.where("actor_id", "=", filter.actorId);
    if (filter.objectType !== undefined) query = query.where("object_type", "=", filter.objectType);
    if (filter.objectId !== undefined) query = query.where("object_id", "=", filter.objectId);
    if (filter.action !== undefined) query = query.where("action", "=", filter.action);
    if (filter.from !== undefined) query = query.where("at", ">=", filter.from.getTime());
    if (filter.to !== undefined) query = query.where("at", "<", filter.to.getTime());
    const before = beforeCursor("at", filter.cursor);
    if (before !== null) query = query.where(before);
    return pageOf((await all(on, query)).map(entryOf), filter.limit, ({ at, id }) => cursorAt(at, id));
  },
});

export const auditWrites = (on: Executor): AuditWrites => ({
  async addAudit(entry) {
    await insert.run(on, {
      id: entry.id,
      workspace_id: entry.workspaceId,
      at: entry.at.getTime(),
      actor_kind: entry.actor.kind,
      actor_id: entry.actor.id,
      actor_name: entry.actor.name,
      action: entry.action,
      object_type: entry.object.type,
      object_id: entry.object.id,
      object_name: entry.object.name,
      changes: JSON.stringify(entry.changes),
      request_id: entry.requestId,
    });
  },
});
