import { z } from "zod";
import type { Conversation } from "../../domain/conversation.ts";
import type { Handoff } from "../../domain/handoff.ts";
import { MODES, STATUSES } from "../../domain/states.ts";
import type { Deps } from "../../handoffs/deps.ts";
import { MOST_LISTED_COUNT } from "../../ports-handoff-list.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import { HandoffView, viewHandoff } from "../views.ts";

const filters = {
  mode: z.enum(MODES).optional(),
  bot: z.string().max(100).optional().meta({ description: "The bot's id" }),
  destination: z.string().max(100).optional().meta({ description: "A connection's id, or `inbox`" }),
};

const ListedHandoff = HandoffView.extend({
  visitorName: z.string().nullable(),
  waitingSeconds: z.int().nullable().meta({
    description: "From the request to the accept, or until now; null for one that ended without an accept",
  }),
}).meta({ id: "ListedHandoff" });

const Count = z.strictObject({
  count: z.int(),
  isCapped: z.boolean().meta({ description: `Of more than ${MOST_LISTED_COUNT} only the newest were looked at` }),
});

/** Lists of handoffs for the people of a workspace. */
export function handoffListRoutes(deps: Pick<Deps, "store">): readonly Route[] {
  const list = defineRoute({
    method: "GET",
    path: "/v1/handoffs",
    summary: "Handoffs of the workspace",
    description:
      "Newest first, or with `sort=waiting` those that wait for somebody, who waits longest first. Filters and search look " +
      "through as many handoffs as they can in half a second: a page may hold fewer than `limit`, or none, and still have a " +
      "`nextCursor`. A cursor holds while handoffs come and change: what one page showed, no later page shows again.",
    tag: "Handoffs",
    scopes: ["admin", "agent"],
    query: z
      .strictObject({
        status: z.enum(STATUSES).optional(),
        ...filters,
        text: z.string().min(1).max(200).optional().meta({
          description: "In the visitor's name, email or phone, the bot's own id of the conversation, or the reason",
        }),
        sort: z.enum(["newest", "waiting"]).default("newest"),
        cursor: z.string().max(100).optional(),
        limit: z.coerce.number().int().min(1).max(200).default(50),
      })
      .refine(({ sort, status }) => sort === "newest" || status === undefined || status === "pending", {
        path: ["status"],
        message: "With sort=waiting only those that wait are listed: leave it out, or say pending",
      }),
    idempotent: false,
    responses: {
      200: {
        description: "A page",
        schema: z.object({ items: z.array(ListedHandoff), nextCursor: z.string().nullable() }),
      },
    },
    async handler({ principal, query, now }) {
      const { bot, sort, ...filter } = query;
      const { workspaceId } = principal;
      const waiting = sort === "waiting" && ({ status: "pending", sort: "oldest" } as const);
      const page = await deps.store.read.handoffs(workspaceId, { ...filter, botId: bot, ...waiting });
      const ids = [...new Set(page.items.map((one) => one.conversationId))];
      const conversations = await deps.store.read.conversationsByIds(workspaceId, ids);
      const items = page.items.flatMap((one) => listed(one, conversations.get(one.conversationId), now));
      return { status: 200, body: { items, nextCursor: page.nextCursor } };
    },
  });

  const counts = defineRoute({
    method: "GET",
    path: "/v1/handoffs/counts",
    summary: "How many handoffs there are, by status",
    tag: "Handoffs",
    scopes: ["admin", "agent"],
    query: z.strictObject(filters),
    idempotent: false,
    responses: {
      200: {
        description: "By status, under the filters",
        schema: z
          .strictObject({ pending: Count, acknowledged: Count, resolved: Count, cancelled: Count })
          .meta({ id: "HandoffCounts" }),
      },
    },
    async handler({ principal, query: { bot, ...filter } }) {
      return {
        status: 200,
        body: await deps.store.read.handoffCounts(principal.workspaceId, { ...filter, botId: bot }),
      };
    },
  });

  return [list, counts];
}

function listed(handoff: Handoff, conversation: Conversation | undefined, now: Date) {
  if (conversation === undefined) return [];
  const { createdAt, acceptedAt, endedAt } = handoff;
  const until = acceptedAt ?? (endedAt === null ? now : null);
  const waitingSeconds =
    until === null ? null : Math.max(0, Math.floor((until.getTime() - createdAt.getTime()) / 1_000));
  return [{ ...viewHandoff(handoff, conversation), visitorName: conversation.visitor.name, waitingSeconds }];
}
