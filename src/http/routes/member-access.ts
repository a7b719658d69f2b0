import { z } from "zod";
import { memberLeaves } from "../../handoffs/member-leaves.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import { found } from "../shapes.ts";
import { signOutEverywhere } from "./credentials.ts";
import type { AdminDeps } from "./deps.ts";
import { keepAnOwner, mustHaveSay } from "./member-rules.ts";

const common = { tag: "Members", scopes: ["admin"], idempotent: false } as const;

/** What admins decide about others: that they go, are signed out, or sign in without their lost app. */
export function memberAccessRoutes({ tokens, handoffs }: AdminDeps): Route[] {
  return [
    defineRoute({
      ...common,
      method: "DELETE",
      path: "/v1/members/{id}",
      summary: "Remove a member",
      description:
        "Their sessions and tokens end: here at once, in other processes within a second. Conversations that they had in Baton's own " +
        "inbox go back to the queue; those in helpdesks stay with whoever they are assigned to there. Only owners remove owners, and " +
        "one owner always stays.",
      responses: {
        200: {
          description: "Removed",
          schema: z.strictObject({
            handoffsReleased: z.int().meta({ description: "Back in the queue" }),
            handoffsInHelpdesks: z.int().meta({ description: "Open in helpdesks, where nothing has changed" }),
          }),
        },
      },
      errors: [409],
      async handler({ principal, params, now, unit }) {
        const { workspaceId } = principal;
        const { body } = await unit(async (tx) => {
          await tx.lockWorkspace(workspaceId);
          const member = found(await tx.member(workspaceId, params["id"] ?? ""));
          mustHaveSay(principal, member);
          await keepAnOwner(tx, member);
          const left = await memberLeaves(tx, handoffs, { workspaceId, memberId: member.id });
          const revoked = await tx.revokeTokensOf(workspaceId, member.id, now);
          await tx.deleteMember(workspaceId, member.id);
          return { status: 200, body: { left, revoked } };
        });
        for (const id of body.revoked) tokens.revoke(id);
        const { released, inHelpdesks } = body.left;
        return { status: 200, body: { handoffsReleased: released, handoffsInHelpdesks: inHelpdesks } };
      },
    }),
    defineRoute({
      ...common,
      method: "DELETE",
      path: "/v1/members/{id}/sessions",
      summary: "Sign a member out everywhere",
      description: "In all browsers and helpdesks' tabs. Tokens that were issued for programs stay: see `/v1/tokens`.",
      responses: { 204: { description: "They are signed in nowhere" } },
      async handler({ principal, params, now, unit, audit }) {
        const { workspaceId } = principal;
        const { body: revoked } = await unit(async (tx) => {
          const member = found(await tx.member(workspaceId, params["id"] ?? ""));
          mustHaveSay(principal, member);
          const { id, name } = member;
          await audit.note(tx, { workspaceId, action: "member.signed_out", object: { type: "member", id, name } });
          return { status: 204, body: await signOutEverywhere(tx, member, now) };
        });
        for (const id of revoked) tokens.revoke(id);
        return { status: 204 };
      },
    }),
    defineRoute({
      ...common,
      method: "DELETE",
      path: "/v1/members/{id}/totp",
      summary: "Remove a member's second factor",
      description: "For somebody who has lost their app and their recovery codes. Make sure that it is they who ask.",
      responses: { 204: { description: "They sign in without a code, now or before" } },
      async handler({ principal, params, unit, audit }) {
        const { workspaceId } = principal;
        return unit(async (tx) => {
          const member = found(await tx.member(workspaceId, params["id"] ?? ""));
          mustHaveSay(principal, member);
          const { id, name } = member;
          if (await tx.removeSecondFactor(workspaceId, id))
            await audit.note(tx, {
              workspaceId,
              action: "member.second_factor_reset",
              object: { type: "member", id, name },
            });
          return { status: 204 };
        });
      },
    }),
  ];
}
