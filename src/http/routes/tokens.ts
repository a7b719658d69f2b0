import { z } from "zod";
import type { Tx } from "../../ports.ts";
import type { TokenRecord } from "../../ports-store.ts";
import { newId } from "../../ids.ts";
import type { Scope } from "../principal.ts";
import { defineRoute } from "../route.ts";
import type { Answer, Route, UnitAnswer } from "../route.ts";
import { found, Instant, instantOrNull, mapPage, Name, pageOf, PageQuery, sliceOf } from "../shapes.ts";
import type { Tokens } from "../tokens.ts";
import type { AdminDeps } from "./deps.ts";

const DAY = 86_400;
export const YEAR_SECONDS = 365 * DAY;

const LONGEST_SECONDS = 10 * YEAR_SECONDS;

const orderFor = (defaultSeconds: number, id: string) =>
  z
    .strictObject({
      name: Name.nullish().meta({ description: "For you, to tell tokens apart" }),
      expiresInSeconds: z
        .int()
        .min(60)
        .max(LONGEST_SECONDS)
        .default(defaultSeconds)
        .meta({ description: "From a minute to ten years" }),
    })
    .prefault({})
    .meta({ id });

/** Body of every route that issues a token. */
export const TokenOrder = orderFor(YEAR_SECONDS, "TokenOrder");

/** The same for whoever cannot ask for a new one in time: an app that was installed once. */
export const LastingTokenOrder = orderFor(LONGEST_SECONDS, "LastingTokenOrder");

/** Answer of every route that issues a token: the only time that it is shown. */
export const IssuedToken = z
  .strictObject({ token: z.string(), id: z.string(), expiresAt: Instant })
  .meta({ id: "IssuedToken", description: "The token is shown this once" });

/** What is kept of a token's issue, enough to sign the same token once more. */
export type KeptToken = Pick<TokenRecord, "id" | "scope" | "workspaceId" | "subject"> & {
  readonly createdAt: string;
  readonly expiresAt: string;
};

/** Records a token in the commit of its cause. It is signed afterwards, by {@link signed}: the store never holds it. */
export async function recordToken(
  tx: Tx,
  order: {
    readonly scope: Scope;
    readonly workspaceId: string | null;
    readonly subject: string;
    readonly name: string | null;
    readonly expiresInSeconds: number;
    readonly now: Date;
  },
): Promise<KeptToken> {
  // JWTs count in seconds.
  const createdAt = new Date(Math.floor(order.now.getTime() / 1000) * 1000);
  const { scope, workspaceId, subject, name, expiresInSeconds } = order;
  const record = { id: newId("token"), scope, workspaceId, subject, name, createdAt, revokedAt: null };
  const expiresAt = new Date(createdAt.getTime() + expiresInSeconds * 1000);
  await tx.createToken({ ...record, expiresAt });
  return {
    id: record.id,
    scope,
    workspaceId,
    subject,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
  };
}

/** The token of this record, the same each time. */
export function signed(tokens: Tokens, kept: KeptToken): string {
  const issuedAt = new Date(kept.createdAt);
  return tokens.issue({
    scope: kept.scope as Scope,
    workspaceId: kept.workspaceId,
    subject: kept.subject,
    jti: kept.id,
    issuedAt,
    ttlSeconds: (new Date(kept.expiresAt).getTime() - issuedAt.getTime()) / 1000,
  });
}

/** The answer of a route that did nothing but issue a token. */
export function issuedAnswer(tokens: Tokens, unit: UnitAnswer<KeptToken>): Answer {
  const { id, expiresAt } = unit.body;
  return { status: unit.status, body: { token: signed(tokens, unit.body), id, expiresAt } };
}

const TokenShown = z
  .strictObject({
    id: z.string(),
    scope: z.string(),
    subject: z.string().meta({ description: "Id of the bot or member it is for, or of the workspace" }),
    name: z.string().nullable(),
    createdAt: Instant,
    expiresAt: Instant,
    revokedAt: Instant.nullable(),
  })
  .meta({ id: "Token" });

const show = (token: TokenRecord): z.infer<typeof TokenShown> => ({
  id: token.id,
  scope: token.scope,
  subject: token.subject,
  name: token.name,
  createdAt: token.createdAt.toISOString(),
  expiresAt: token.expiresAt.toISOString(),
  revokedAt: instantOrNull(token.revokedAt),
});

export function tokenRoutes({ store, tokens }: AdminDeps): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/tokens",
      summary: "List tokens",
      description: "What was issued to whom. The tokens themselves are never shown again.",
      tag: "Tokens",
      scopes: ["admin"],
      query: PageQuery,
      responses: { 200: { description: "The workspace's tokens, revoked ones included", schema: pageOf(TokenShown) } },
      idempotent: false,
      async handler({ principal, query }) {
        const all = await store.read.tokens(principal.workspaceId);
        return { status: 200, body: mapPage(sliceOf(all, query), show) };
      },
    }),
    defineRoute({
      method: "DELETE",
      path: "/v1/tokens/{id}",
      summary: "Revoke a token",
      description: "It is refused from now on: here at once, in other processes within a second.",
      tag: "Tokens",
      scopes: ["admin"],
      responses: { 204: { description: "Revoked, now or before" } },
      idempotent: false,
      async handler({ principal, params, unit, now }) {
        const id = params["id"] ?? "";
        const { status } = await unit(async (tx) => {
          found(await tx.token(principal.workspaceId, id));
          await tx.revokeToken(principal.workspaceId, id, now);
          return { status: 204 };
        });
        tokens.revoke(id);
        return { status };
      },
    }),
  ];
}
