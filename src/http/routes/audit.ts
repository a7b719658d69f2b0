import { z } from "zod";
import { AUDIT_ACTORS } from "../../ports-audit.ts";
import type { AuditEntry } from "../../ports-audit.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import { Instant, InstantGiven, mapPage, pageOf, pageQuery } from "../shapes.ts";
import type { AdminDeps } from "./deps.ts";

const text = z.string().nullable();

const AuditShown = z
  .strictObject({
    id: z.string(),
    at: Instant,
    actor: z.strictObject({
      kind: z.enum(AUDIT_ACTORS),
      id: text.meta({ description: "Of the member or the token" }),
      name: text.meta({ description: "As it was at that time" }),
    }),
    action: z.string().meta({ examples: ["bot.changed", "connection.removed", "token.issued"] }),
    object: z.strictObject({ type: z.string(), id: z.string(), name: text }),
    changes: z.array(
      z.strictObject({
        path: z.string().meta({ examples: ["settings.schedule.weekly.monday.slots[0].start"] }),
        before: z.unknown().optional(),
        after: z.unknown().optional(),
        secret: z.literal(true).optional().meta({ description: "It changed, and what to is nobody's to see" }),
      }),
    ),
    requestId: text,
  })
  .meta({ id: "AuditEntry", description: "What somebody changed. Entries are never changed themselves" });

const show = (entry: AuditEntry): z.infer<typeof AuditShown> => ({
  id: entry.id,
  at: entry.at.toISOString(),
  actor: { kind: entry.actor.kind, id: entry.actor.id, name: entry.actor.name },
  action: entry.action,
  object: { type: entry.object.type, id: entry.object.id, name: entry.object.name },
  changes: entry.changes.map((one) => ({ ...one })),
  requestId: entry.requestId,
});

const Id = z.string().min(1).max(200).optional();

export function auditRoutes({ store }: AdminDeps): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/audit",
      summary: "Who changed what when",
      tag: "Audit",
      scopes: ["admin"],
      query: z.strictObject({
        actorId: Id,
        objectType: Id.meta({ examples: ["bot"] }),
        objectId: Id,
        action: Id.meta({ examples: ["bot.changed"] }),
        from: InstantGiven.optional().meta({ description: "From this instant on" }),
        to: InstantGiven.optional().meta({ description: "Before this instant" }),
        ...pageQuery,
      }),
      responses: { 200: { description: "Entries, newest first", schema: pageOf(AuditShown) } },
      idempotent: false,
      async handler({ principal, query }) {
        return { status: 200, body: mapPage(await store.read.audit(principal.workspaceId, query), show) };
      },
    }),
  ];
}
