import { z } from "zod";
import { conversationShape, sourceIdOf } from "../api-shapes.ts";
import { contactInboxFor } from "../contacts.ts";
import { createConversation, parsePriority, saveConversation } from "../conversations.ts";
import { forbiddenByPolicy, notFound } from "../errors.ts";
import { FilterBody, filterRows } from "../filters.ts";
import { createMessage } from "../messages.ts";
import { removeConversation } from "../removal.ts";
import {
  actorOf,
  conversationOf,
  find,
  maySeeInbox,
  pageOf,
  refuseEarlyBot,
  route,
  senderOf,
  type Context,
} from "../router.ts";
import { conversationStatuses, priorities, type ContactInbox, type Conversation } from "../state.ts";

const account = "/api/v1/accounts/:account_id";
const one = `${account}/conversations/:conversation_id`;
const pageSize = 25;
const Attributes = z.record(z.string(), z.unknown());
const Page = z.string().regex(/^\d+$/).optional();

const NewConversationBody = z
  .strictObject({
    source_id: z.string().optional(),
    inbox_id: z.int().optional(),
    contact_id: z.int().optional(),
    status: z.enum(conversationStatuses).optional(),
    assignee_id: z.int().optional(),
    team_id: z.int().optional(),
    snoozed_until: z.string().optional(),
    custom_attributes: Attributes.optional(),
    additional_attributes: Attributes.optional(),
    message: z.strictObject({ content: z.string(), template_params: Attributes.optional() }).optional(),
  })
  .refine((body) => body.source_id !== undefined || (body.inbox_id !== undefined && body.contact_id !== undefined), {
    message: "needs source_id, or inbox_id and contact_id",
  });

const ListQuery = z.strictObject({
  status: z.enum(["all", ...conversationStatuses]).optional(),
  assignee_type: z.enum(["me", "unassigned", "all", "assigned"]).optional(),
  inbox_id: z.string().regex(/^\d+$/).optional(),
  team_id: z.string().regex(/^\d+$/).optional(),
  source_id: z.string().optional(),
  labels: z.array(z.string()).optional(),
  q: z.string().optional(),
  page: Page,
});

export const conversationRoutes = [
  route(`GET ${account}/conversations`, { who: "users", query: ListQuery, handle: list }),
  route(`POST ${account}/conversations`, {
    who: "bots_too",
    body: NewConversationBody,
    handle: (context) => {
      const { state, body, baseUrl } = context;
      const conversation = createConversation(state, {
        contactInbox: contactInboxOfBody(context),
        status: body.status,
        assigneeId: body.assignee_id,
        teamId: body.team_id,
        snoozedUntil: body.snoozed_until === undefined ? undefined : new Date(body.snoozed_until),
        customAttributes: body.custom_attributes,
        additionalAttributes: body.additional_attributes,
      });
      if (body.message) {
        createMessage(state, conversation, {
          content: body.message.content,
          messageType: "outgoing",
          private: false,
          contentType: "text",
          contentAttributes: {},
          sourceId: null,
          sender: senderOf(context),
          files: [],
        });
      }
      return { body: conversationShape(state, conversation, baseUrl) };
    },
  }),
  route(`POST ${account}/conversations/filter`, {
    who: "users",
    body: FilterBody,
    query: z.strictObject({ page: Page }),
    handle: (context) => {
      const found = filterRows(context.state, visible(context), context.body, "conversation_attribute", {
        status: (c) => c.status,
        assignee_id: (c) => c.assigneeId,
        inbox_id: (c) => c.inboxId,
        team_id: (c) => c.teamId,
        display_id: (c) => c.id,
        priority: (c) => c.priority,
        labels: (c) => c.labels,
      });
      // Unlike the list, and unlike the published file, there is no `data` around it.
      return { body: listing(context, found, context.query.page) };
    },
  }),
  route(`GET ${one}`, {
    who: "bots_too",
    handle: (context) => {
      refuseEarlyBot(context);
      return { body: conversationShape(context.state, conversationOf(context), context.baseUrl) };
    },
  }),
  // The server has it since June 2025 (PR 11677), the published file does not; the work is done by a job.
  route(`DELETE ${one}`, {
    who: "administrator",
    since: "4.3",
    isChecked: false,
    handle: (context) => {
      removeConversation(context.state, conversationOf(context));
      return {};
    },
  }),
  route(`PATCH ${one}`, {
    who: "bots_too",
    body: z.strictObject({ priority: z.enum([...priorities, "none"]).nullable() }),
    handle: (context) => {
      const conversation = conversationOf(context);
      const priority = parsePriority(context.body.priority);
      saveConversation(context.state, conversation, { priority }, actorOf(context));
      return { body: conversationShape(context.state, conversation, context.baseUrl) };
    },
  }),
];

function contactInboxOfBody(context: Context<z.infer<typeof NewConversationBody>>): ContactInbox {
  const { state, body } = context;
  if (body.inbox_id !== undefined && body.contact_id !== undefined) {
    const inbox = find(state.inboxes, body.inbox_id);
    if (!maySeeInbox(context, inbox)) throw forbiddenByPolicy();
    return contactInboxFor(state, find(state.contacts, body.contact_id), inbox, body.source_id);
  }
  const found = [...state.contactInboxes.values()].find((item) => item.sourceId === body.source_id);
  if (!found) throw notFound();
  return found;
}

/** Only `open` conversations unless another status, or `all`, is asked for (5.6). */
function list(context: Context<unknown, z.infer<typeof ListQuery>>) {
  const { state, query } = context;
  const wanted = query.status ?? "open";
  const found = visible(context).filter(
    (c) =>
      (wanted === "all" || c.status === wanted) &&
      (query.inbox_id === undefined || c.inboxId === Number(query.inbox_id)) &&
      (query.team_id === undefined || c.teamId === Number(query.team_id)) &&
      (query.source_id === undefined || sourceIdOf(state, c) === query.source_id) &&
      (query.labels === undefined || query.labels.some((label) => c.labels.includes(label))),
  );
  const me = context.caller?.kind === "user" ? context.caller.user.id : null;
  const assignee = found.filter((c) => {
    if (query.assignee_type === "me") return c.assigneeId === me;
    if (query.assignee_type === "unassigned") return c.assigneeId === null;
    return query.assignee_type === "assigned" ? c.assigneeId !== null : true;
  });
  return { body: { data: { ...listing(context, assignee, query.page), meta: counts(found, me) } } };
}

const visible = (context: Context<unknown, unknown>): Conversation[] =>
  [...context.state.conversations.values()].filter((c) => maySeeInbox(context, context.state.inboxes.get(c.inboxId)!));

function listing(context: Context<unknown, unknown>, found: Conversation[], page: unknown) {
  const sorted = found.sort((a, b) => b.lastActivityAt.getTime() - a.lastActivityAt.getTime() || b.id - a.id);
  const me = context.caller?.kind === "user" ? context.caller.user.id : null;
  return {
    meta: counts(found, me),
    payload: pageOf(sorted, page, pageSize).map((c) => conversationShape(context.state, c, context.baseUrl)),
  };
}

const counts = (found: Conversation[], me: number | null) => ({
  mine_count: found.filter((c) => c.assigneeId === me).length,
  assigned_count: found.filter((c) => c.assigneeId !== null).length,
  unassigned_count: found.filter((c) => c.assigneeId === null).length,
  all_count: found.length,
});
