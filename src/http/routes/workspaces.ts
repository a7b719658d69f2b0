import { z } from "zod";
import type { Workspace } from "../../ports-store.ts";
import { newId } from "../../ids.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import { found, Instant, mapPage, Name, pageOf, PageQuery, sliceOf } from "../shapes.ts";
import { OPERATOR_SUBJECT } from "../principal.ts";
import type { AdminDeps } from "./deps.ts";
import { IssuedToken, issuedAnswer, recordToken, signed, TokenOrder, YEAR_SECONDS } from "./tokens.ts";

const LONGEST_RETENTION_DAYS = 3_650;
const RetentionDays = z
  .int()
  .min(1)
  .max(LONGEST_RETENTION_DAYS)
  .meta({
    description:
      "Days after which the words of a conversation that has ended are taken out: messages, who the visitor is, what was handed " +
      "on. Leads and consents stay. Null: everything is kept",
  });

const WorkspaceShown = z
  .strictObject({ id: z.string(), name: z.string(), createdAt: Instant, retentionDays: RetentionDays.nullable() })
  .meta({ id: "Workspace", description: "One business: nothing crosses workspaces" });

const show = ({ id, name, createdAt, retentionDays }: Workspace): z.infer<typeof WorkspaceShown> => ({
  id,
  name,
  createdAt: createdAt.toISOString(),
  retentionDays: retentionDays ?? null,
});

export function workspaceRoutes({ store, tokens }: AdminDeps): Route[] {
  return [
    defineRoute({
      method: "POST",
      path: "/v1/workspaces",
      summary: "Create a workspace",
      description: "With a first admin token, which is shown this once and is valid for a year.",
      tag: "Workspaces",
      scopes: ["operator"],
      body: z.strictObject({ name: Name }),
      responses: {
        201: {
          description: "The workspace, and a token for its admin",
          schema: z.strictObject({ workspace: WorkspaceShown, adminToken: z.string() }),
        },
      },
      idempotent: true,
      async handler({ body, now, unit }) {
        const made = await unit(async (tx) => {
          const workspace = { id: newId("workspace"), name: body.name, createdAt: now };
          await tx.createWorkspace(workspace);
          const token = await recordToken(tx, {
            scope: "admin",
            workspaceId: workspace.id,
            subject: workspace.id,
            name: "first admin token",
            expiresInSeconds: YEAR_SECONDS,
            now,
          });
          return { status: 201, body: { workspace: show(workspace), token } };
        });
        const { workspace, token } = made.body;
        return { status: made.status, body: { workspace, adminToken: signed(tokens, token) } };
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/workspaces",
      summary: "List workspaces",
      tag: "Workspaces",
      scopes: ["operator"],
      query: PageQuery,
      responses: { 200: { description: "All workspaces", schema: pageOf(WorkspaceShown) } },
      idempotent: false,
      async handler({ query }) {
        return { status: 200, body: mapPage(sliceOf(await store.read.workspaces(), query), show) };
      },
    }),
    defineRoute({
      method: "PATCH",
      path: "/v1/workspaces/{id}",
      summary: "Change a workspace",
      description: "Its name, and for how many days it keeps what was said. What is left out stays as it is.",
      tag: "Workspaces",
      scopes: ["operator"],
      body: z.strictObject({ name: Name.optional(), retentionDays: RetentionDays.nullable().optional() }),
      responses: { 200: { description: "The workspace", schema: WorkspaceShown } },
      idempotent: false,
      async handler({ params, body, unit }) {
        const { name, retentionDays } = body;
        return unit(async (tx) => {
          const { id } = found(await tx.lockWorkspace(params["id"] ?? ""));
          await tx.updateWorkspace(id, {
            ...(name !== undefined && { name }),
            ...(retentionDays !== undefined && { retentionDays }),
          });
          return { status: 200, body: show(found(await tx.workspace(id))) };
        });
      },
    }),
    defineRoute({
      method: "POST",
      path: "/v1/workspaces/{id}/tokens",
      summary: "Issue an admin token",
      description: "For a workspace that has lost its own.",
      tag: "Workspaces",
      scopes: ["operator"],
      body: TokenOrder,
      responses: { 201: { description: "A token of scope `admin`", schema: IssuedToken } },
      idempotent: true,
      async handler({ params, body, now, unit }) {
        const made = await unit(async (tx) => {
          const { id } = found(await tx.workspace(params["id"] ?? ""));
          const order = { scope: "admin", workspaceId: id, subject: id, name: body.name ?? null } as const;
          return {
            status: 201,
            body: await recordToken(tx, { ...order, expiresInSeconds: body.expiresInSeconds, now }),
          };
        });
        return issuedAnswer(tokens, made);
      },
    }),
    defineRoute({
      method: "POST",
      path: "/v1/operator/tokens",
      summary: "Issue an operator token",
      description:
        "For programs that create workspaces. The first one comes from the command line: `token create --scope operator`.",
      tag: "Workspaces",
      scopes: ["operator"],
      body: TokenOrder,
      responses: { 201: { description: "A token of scope `operator`", schema: IssuedToken } },
      idempotent: true,
      async handler({ body, now, unit }) {
        const order = {
          scope: "operator",
          workspaceId: null,
          subject: OPERATOR_SUBJECT,
          name: body.name ?? null,
        } as const;
        const made = await unit(async (tx) => ({
          status: 201,
          body: await recordToken(tx, { ...order, expiresInSeconds: body.expiresInSeconds, now }),
        }));
        return issuedAnswer(tokens, made);
      },
    }),
    defineRoute({
      method: "DELETE",
      path: "/v1/operator/tokens/{id}",
      summary: "Revoke an operator token",
      tag: "Workspaces",
      scopes: ["operator"],
      responses: { 204: { description: "Refused from now on" } },
      idempotent: false,
      async handler({ params, now, unit }) {
        const id = params["id"] ?? "";
        await unit(async (tx) => {
          const token = found(await tx.token(null, id));
          await tx.revokeToken(null, token.id, now);
          return { status: 204, body: null };
        });
        tokens.revoke(id);
        return { status: 204 };
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/workspaces/current",
      summary: "Read the token's workspace",
      tag: "Workspaces",
      scopes: ["admin", "agent"],
      responses: { 200: { description: "The workspace that the token belongs to", schema: WorkspaceShown } },
      idempotent: false,
      async handler({ principal }) {
        return { status: 200, body: show(found(await store.read.workspace(principal.workspaceId))) };
      },
    }),
  ];
}
