import { z } from "zod";
import { HandoffError } from "../../domain/errors.ts";
import { tellPresence } from "../../handoffs/news.ts";
import { newId } from "../../ids.ts";
import type { Member } from "../../ports-store.ts";
import { MEMBER_ROLES } from "../../domain/member-role.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import { found, Instant, instantOrNull, mapPage, Name, pageOf, PageQuery, sliceOf } from "../shapes.ts";
import { memberIdOf } from "../principal.ts";
import type { AdminDeps } from "./deps.ts";
import { Email } from "./email-field.ts";
import { keepAnOwner, mayBeReachedAt, mayGive, mustHaveSay } from "./member-rules.ts";
import { IssuedToken, issuedAnswer, recordToken, TokenOrder } from "./tokens.ts";

const HOUR = 3_600;

const Role = z.enum(MEMBER_ROLES);

const MemberShown = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    email: z.string().nullable(),
    role: Role,
    online: z.boolean(),
    onlineUntil: Instant.nullable(),
    createdAt: Instant,
  })
  .meta({ id: "Member", description: "A person of the team, who answers in the built-in inbox" });

const show = (member: Member, now: Date): z.infer<typeof MemberShown> => ({
  id: member.id,
  name: member.name,
  email: member.email,
  role: member.role,
  online: member.onlineUntil !== null && member.onlineUntil > now,
  onlineUntil: instantOrNull(member.onlineUntil),
  createdAt: member.createdAt.toISOString(),
});

export function memberRoutes({ store, tokens }: AdminDeps): Route[] {
  return [
    defineRoute({
      method: "POST",
      path: "/v1/members",
      summary: "Add a member",
      description: "Only owners, and the workspace's own token, make owners.",
      tag: "Members",
      scopes: ["admin"],
      body: z.strictObject({ name: Name, email: Email.nullish(), role: Role.default("agent") }),
      responses: { 201: { description: "The member", schema: MemberShown } },
      idempotent: true,
      async handler({ principal, body, now, unit }) {
        mayGive(principal, body.role);
        return unit(async (tx) => {
          const member: Member = {
            id: newId("member"),
            workspaceId: principal.workspaceId,
            name: body.name,
            email: body.email ?? null,
            role: body.role,
            onlineUntil: null,
            createdAt: now,
          };
          await tx.createMember(member);
          return { status: 201, body: show(member, now) };
        });
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/members",
      summary: "List members",
      tag: "Members",
      scopes: ["admin", "agent"],
      query: PageQuery,
      responses: { 200: { description: "The workspace's members", schema: pageOf(MemberShown) } },
      idempotent: false,
      async handler({ principal, query, now }) {
        const members = await store.read.members(principal.workspaceId);
        return { status: 200, body: mapPage(sliceOf(members, query), (member) => show(member, now)) };
      },
    }),
    defineRoute({
      method: "PATCH",
      path: "/v1/members/{id}",
      summary: "Change a member",
      description:
        "A new role counts with the next request of theirs. Only owners change owners and make them, and one owner always stays.",
      tag: "Members",
      scopes: ["admin"],
      body: z.strictObject({ name: Name.optional(), email: Email.nullish(), role: Role.optional() }),
      responses: { 200: { description: "The member as it is now", schema: MemberShown } },
      idempotent: true,
      async handler({ principal, params, body, now, unit }) {
        return unit(async (tx) => {
          await tx.lockWorkspace(principal.workspaceId);
          const member = found(await tx.member(principal.workspaceId, params["id"] ?? ""));
          mustHaveSay(principal, member);
          if (body.role !== undefined) mayGive(principal, body.role);
          if (body.role !== undefined && body.role !== "owner") await keepAnOwner(tx, member);
          if (body.email !== undefined && body.email !== member.email) await mayBeReachedAt(tx, member, body.email);
          const patch = {
            ...(body.name === undefined ? {} : { name: body.name }),
            ...(body.email === undefined ? {} : { email: body.email }),
            ...(body.role === undefined ? {} : { role: body.role }),
          };
          if (Object.keys(patch).length > 0) await tx.updateMember(member.workspaceId, member.id, patch);
          return { status: 200, body: show({ ...member, ...patch }, now) };
        });
      },
    }),
    defineRoute({
      method: "POST",
      path: "/v1/members/{id}/tokens",
      summary: "Issue a member's token",
      tag: "Members",
      scopes: ["admin"],
      body: TokenOrder,
      responses: { 201: { description: "A token of scope `agent`", schema: IssuedToken } },
      idempotent: true,
      async handler({ principal, params, body, now, unit }) {
        const { workspaceId } = principal;
        const made = await unit(async (tx) => {
          const member = found(await tx.member(workspaceId, params["id"] ?? ""));
          mustHaveSay(principal, member);
          const { id } = member;
          const order = { scope: "agent", workspaceId, subject: id, name: body.name ?? null } as const;
          return {
            status: 201,
            body: await recordToken(tx, { ...order, expiresInSeconds: body.expiresInSeconds, now }),
          };
        });
        return issuedAnswer(tokens, made);
      },
    }),
    defineRoute({
      method: "PUT",
      path: "/v1/members/{id}/presence",
      summary: "Say whether a member is there",
      description: "`me` is the member whose token or session it is; an agent can speak only for itself.",
      tag: "Members",
      scopes: ["admin", "agent"],
      body: z.strictObject({
        status: z.enum(["online", "away"]),
        forSeconds: z
          .int()
          .min(10)
          .max(24 * HOUR)
          .default(HOUR)
          .meta({ description: "Online for so long, unless said again: someone who closed the window is not there" }),
      }),
      responses: { 200: { description: "The member as it is now", schema: MemberShown } },
      idempotent: true,
      async handler({ principal, params, body, now, unit }) {
        const own = memberIdOf(principal);
        const id = params["id"] === "me" ? own : (params["id"] ?? "");
        if (id === null || (principal.scope === "agent" && id !== own)) throw new HandoffError("not_found");
        return unit(async (tx) => {
          const member = found(await tx.member(principal.workspaceId, id));
          const onlineUntil = body.status === "online" ? new Date(now.getTime() + body.forSeconds * 1000) : null;
          await tx.updateMember(member.workspaceId, member.id, { onlineUntil });
          await tellPresence(tx, member, onlineUntil, now);
          return { status: 200, body: show({ ...member, onlineUntil }, now) };
        });
      },
    }),
  ];
}
