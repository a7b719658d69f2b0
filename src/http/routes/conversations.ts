import { z } from "zod";
import { CONTROLS, ConversationInput, HttpUrl } from "../../domain/conversation.ts";
import type { Conversation } from "../../domain/conversation.ts";
import { HandoffError } from "../../domain/errors.ts";
import { availability } from "../../handoffs/availability.ts";
import { tellConversation } from "../../handoffs/conversation.ts";
import type { Deps } from "../../handoffs/deps.ts";
import { viewEvents, viewMessage } from "../../handoffs/events.ts";
import { addMessage, NewMessageRequest } from "../../handoffs/relay.ts";
import { HANDOFF_BODY_LIMIT } from "../body.ts";
import type { Principal } from "../principal.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import type { Tokens } from "../tokens.ts";
import { ConversationView, HandoffView, MessageSchema, viewConversation, viewHandoff } from "../views.ts";
import { labelFor, visitorToken } from "./handoffs.ts";

const TAG = "Conversations";
const EVENTS_PER_PAGE = 100;
const Ids = z.strictObject({ id: z.string().min(1).max(200) });
const { id: _id, ...told } = ConversationInput.shape;
const ConversationBody = z
  .strictObject({ ...told, callbackUrl: HttpUrl.nullish().transform((url) => url ?? null) })
  .meta({ id: "ConversationTold" });

/** Conversations for the bot and the visitor. `{id}` is the bot's own id. */
export function conversationRoutes({ handoffs: deps, tokens }: { handoffs: Deps; tokens: Tokens }): readonly Route[] {
  const tell = defineRoute({
    method: "PUT",
    path: "/v1/conversations/{id}",
    summary: "Tell Baton of a conversation before anybody asks for a person",
    description: "What is left out stays as it was. Messages that are known already are not added again.",
    tag: TAG,
    scopes: ["bot"],
    params: Ids,
    body: ConversationBody,
    bodyLimit: HANDOFF_BODY_LIMIT,
    idempotent: false,
    responses: {
      200: {
        description: "The conversation, with a token for its visitor",
        schema: ConversationView.extend({ visitorToken: z.string() }),
      },
    },
    async handler({ principal, params, body, unit, now }) {
      const of = { workspaceId: principal.workspaceId, botId: principal.subjectId, key: params.id };
      const label = await labelFor(deps, principal, principal.subjectId);
      const { body: kept } = await unit(async (tx) => {
        const { conversation, handoff } = await tellConversation(tx, deps, of, body);
        return { status: 200, body: { view: viewConversation(conversation, handoff, label), id: conversation.id } };
      });
      const token = visitorToken(tokens, principal.workspaceId, kept.id, now);
      return { status: 200, body: { ...kept.view, visitorToken: token } };
    },
  });

  const read = defineRoute({
    method: "GET",
    path: "/v1/conversations/{id}",
    summary: "Who has control, the handoff, the visitor",
    tag: TAG,
    scopes: ["bot", "visitor"],
    params: Ids,
    idempotent: false,
    responses: { 200: { description: "The conversation", schema: ConversationView } },
    async handler({ principal, params }) {
      const conversation = await findConversation(deps, principal, params.id);
      const handoff = await deps.store.read.lastHandoff(conversation.workspaceId, conversation.id);
      return {
        status: 200,
        body: viewConversation(conversation, handoff, await labelFor(deps, principal, conversation.botId)),
      };
    },
  });

  const write = defineRoute({
    method: "POST",
    path: "/v1/conversations/{id}/messages",
    summary: "A visitor's or the bot's message",
    description:
      "A visitor's message reaches the agent while a live handoff is open. A bot's is refused while a person has control " +
      "(409 `human_in_control`), or when control has changed since the epoch it names (409 `stale_turn`).",
    tag: TAG,
    scopes: ["bot", "visitor"],
    params: Ids,
    body: NewMessageRequest,
    idempotent: true,
    responses: {
      201: { description: "Stored", schema: StoredMessage },
      200: { description: "A message with this id was stored before", schema: StoredMessage },
    },
    errors: [409],
    async handler({ principal, params, body, unit }) {
      if (principal.scope === "visitor" && body.role !== "visitor")
        throw new HandoffError("forbidden_scope", "A visitor's token can only write as the visitor");
      const conversation = principal.scope === "visitor" ? await findConversation(deps, principal, params.id) : null;
      const botId = conversation?.botId ?? principal.subjectId;
      const kept = await unit(async (tx) => {
        const of = { workspaceId: principal.workspaceId, botId, key: params.id };
        const stored = await addMessage(tx, deps, of, body);
        const label = stored.setup.settings.agentLabel;
        const { control, epoch, openHandoffId } = stored.conversation;
        const handoff = openHandoffId === null ? null : await tx.handoff(principal.workspaceId, openHandoffId);
        return {
          status: stored.isNew ? 201 : 200,
          body: {
            message: viewMessage(stored.message),
            control,
            epoch,
            handoff: handoff && viewHandoff(handoff, stored.conversation, label),
          },
        };
      });
      return { status: kept.status, body: kept.body };
    },
  });

  const history = defineRoute({
    method: "GET",
    path: "/v1/conversations/{id}/messages",
    summary: "The history, oldest first",
    tag: TAG,
    scopes: ["bot", "visitor"],
    params: Ids,
    query: z.strictObject({
      cursor: z.coerce.number().int().min(0).default(0).meta({ description: "`nextCursor` of the page before" }),
      limit: z.coerce.number().int().min(1).max(500).default(100),
    }),
    idempotent: false,
    responses: {
      200: {
        description: "A page of messages",
        schema: z.object({ items: z.array(MessageSchema), nextCursor: z.string().nullable() }),
      },
    },
    async handler({ principal, params, query }) {
      const conversation = await findConversation(deps, principal, params.id);
      const messages = await deps.store.read.messages(conversation.workspaceId, conversation.id, {
        afterSeq: query.cursor,
        limit: query.limit,
      });
      const last = messages.at(-1)?.seq ?? 0;
      const nextCursor = last > 0 && last < conversation.lastMessageSeq ? String(last) : null;
      return { status: 200, body: { items: messages.map(viewMessage), nextCursor } };
    },
  });

  const events = defineRoute({
    method: "GET",
    path: "/v1/conversations/{id}/events",
    summary: "Server-sent events of a conversation",
    description: "Resumes after `Last-Event-ID` (or `?after=`) without loss or repeats. From the beginning without it.",
    tag: TAG,
    scopes: ["bot", "visitor"],
    params: Ids,
    query: z.strictObject({ after: z.coerce.number().int().min(0).optional() }),
    idempotent: false,
    responses: { 200: { description: "A stream of events", contentType: "text/event-stream" } },
    async handler({ principal, params, query, headers }) {
      const conversation = await findConversation(deps, principal, params.id);
      const { workspaceId, id } = conversation;
      return {
        stream: {
          afterSeq: headers.lastEventId ?? query.after ?? 0,
          async replay(afterSeq) {
            const rows = await deps.store.read.events(workspaceId, id, { afterSeq, limit: EVENTS_PER_PAGE });
            const views = await viewEvents(deps.store.read, conversation, rows);
            return views.map((view) => ({ seq: view.seq, type: view.type, data: view }));
          },
          subscribe: (listener) => deps.store.onCommitted((what) => what.conversations.includes(id) && listener(), id),
        },
      };
    },
  });

  const available = defineRoute({
    method: "GET",
    path: "/v1/availability",
    summary: "Can a person take over, now or at an instant, and why",
    tag: "Handoffs",
    scopes: ["bot", "admin"],
    query: z.strictObject({
      at: z.iso.datetime({ offset: true }).optional().meta({ description: "Absent: now" }),
      bot: z.string().max(100).optional().meta({ description: "With an admin's token: which bot" }),
    }),
    idempotent: false,
    responses: { 200: { description: "The decision", schema: AvailabilityView } },
    async handler({ principal, query }) {
      const botId =
        principal.scope === "bot" ? principal.subjectId : (query.bot ?? (await onlyBot(principal.workspaceId)));
      const of = { workspaceId: principal.workspaceId, botId };
      const found = await availability(deps, of, query.at === undefined ? null : new Date(query.at));
      const { opensAt, closesAt, explanation } = found;
      return {
        status: 200,
        body: {
          available: found.available,
          because: found.because,
          opensAt: opensAt?.toISOString() ?? null,
          closesAt: closesAt?.toISOString() ?? null,
          explanation: { ...explanation, at: explanation.at.toISOString() },
        },
      };
    },
  });

  async function onlyBot(workspaceId: string): Promise<string> {
    const [bot, ...more] = await deps.store.read.bots(workspaceId);
    if (bot === undefined || more.length > 0)
      throw new HandoffError("malformed_request", "Name the bot: ?bot=<id>, or use the bot's own token.");
    return bot.id;
  }

  return [tell, read, write, history, events, available];
}

const StoredMessage = z.object({
  message: MessageSchema,
  control: z.enum(CONTROLS),
  epoch: z.int(),
  handoff: HandoffView.nullable(),
});

const AvailabilityView = z
  .object({
    available: z.boolean(),
    because: z.string(),
    opensAt: z.iso.datetime().nullable(),
    closesAt: z.iso.datetime().nullable(),
    explanation: z.object({
      text: z.string(),
      at: z.iso.datetime(),
      timezone: z.string().nullable(),
      rule: z.looseObject({ kind: z.string() }),
    }),
  })
  .meta({ id: "Availability" });

async function findConversation(
  deps: Deps,
  principal: Extract<Principal, { scope: "bot" | "visitor" }>,
  key: string,
): Promise<Conversation> {
  const { read } = deps.store;
  const { workspaceId, subjectId } = principal;
  const found =
    principal.scope === "bot"
      ? await read.conversationByKey(workspaceId, subjectId, key)
      : await read.conversation(workspaceId, subjectId);
  if (found === null || found.key !== key) throw new HandoffError("not_found");
  return found;
}
