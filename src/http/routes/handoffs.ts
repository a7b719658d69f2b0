import { z } from "zod";
import { CONTROLS, TranscriptMessage } from "../../domain/conversation.ts";
import { HandoffError } from "../../domain/errors.ts";
import type { Actor, Handoff } from "../../domain/handoff.ts";
import { actInInbox } from "../../handoffs/apply.ts";
import type { InboxAction } from "../../handoffs/apply.ts";
import type { Deps } from "../../handoffs/deps.ts";
import { endHandoff } from "../../handoffs/end.ts";
import { viewEvents, viewLead, viewMessage } from "../../handoffs/events.ts";
import { LeadBody, submitLead } from "../../handoffs/leads.ts";
import { HandoffRequest, prepareRequest, requestHandoff } from "../../handoffs/request.ts";
import { settledAnswer } from "../../handoffs/settle.ts";
import { HANDOFF_BODY_LIMIT } from "../body.ts";
import { memberIdOf } from "../principal.ts";
import type { Principal } from "../principal.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import type { Tokens } from "../tokens.ts";
import {
  EventSchema,
  HandoffAnswerView,
  HandoffView,
  keepAnswer,
  MessageSchema,
  ReplyView,
  viewHandoff,
} from "../views.ts";
import { handoffListRoutes } from "./handoff-list.ts";

/** How long a visitor's token lasts; the next answer of the bot's brings a new one. */
const VISITOR_TOKEN_SECONDS = 12 * 3_600;
const TAG = "Handoffs";
const Ids = z.strictObject({ id: z.string().min(1).max(200) });

export interface HandoffRoutesDeps {
  readonly handoffs: Deps;
  readonly tokens: Tokens;
}

/** A token for one visitor of one conversation. The same arguments give the same token, letter for letter. */
export function visitorToken(tokens: Tokens, workspaceId: string, conversationId: string, issuedAt: Date): string {
  const jti = `vis_${conversationId}`;
  return tokens.issue({
    scope: "visitor",
    workspaceId,
    subject: conversationId,
    ttlSeconds: VISITOR_TOKEN_SECONDS,
    jti,
    issuedAt,
  });
}

export function handoffRoutes({ handoffs: deps, tokens }: HandoffRoutesDeps): readonly Route[] {
  const request = defineRoute({
    method: "POST",
    path: "/v1/handoffs",
    summary: "Ask for a person",
    description:
      "The handoff tool. The answer comes as soon as the request is on disk; the helpdesk is called after. " +
      "`Prefer: wait=5` waits up to so many seconds for the settled outcome.",
    tag: TAG,
    scopes: ["bot"],
    body: HandoffRequest,
    bodyLimit: HANDOFF_BODY_LIMIT,
    idempotent: true,
    responses: {
      201: { description: "A new handoff", schema: HandoffAnswerView },
      200: { description: "The open one again, or declined", schema: HandoffAnswerView },
    },
    async handler(input) {
      const { principal, body, unit, now, prefer } = input;
      const { workspaceId, subjectId: botId } = principal;
      const prepared = await prepareRequest(deps, workspaceId, botId);
      const kept = await unit(async (tx) => {
        const given = await requestHandoff(tx, deps, prepared, body);
        return { status: given.isNew ? 201 : 200, body: keepAnswer(given, now, prepared.setup.settings.agentLabel) };
      });
      const { answer, conversationId, at } = kept.body;
      const token = visitorToken(tokens, workspaceId, conversationId, new Date(at));
      const waits = prefer.waitSeconds !== null && answer.handoff?.mode === "live" && !answer.handoff.opened;
      const settled = waits
        ? await settledAnswer(deps, { workspaceId, answer, waitSeconds: prefer.waitSeconds ?? 0, signal: input.signal })
        : answer;
      return {
        status: kept.status,
        body: { ...settled, visitorToken: token },
        ...(waits && { headers: { "Preference-Applied": `wait=${prefer.waitSeconds}` } }),
      };
    },
  });

  const read = defineRoute({
    method: "GET",
    path: "/v1/handoffs/{id}",
    summary: "A handoff: state, events, lead",
    tag: TAG,
    scopes: ["bot", "visitor", "admin", "agent"],
    params: Ids,
    idempotent: false,
    responses: {
      200: {
        description: "The handoff",
        schema: z.object({
          handoff: HandoffView,
          control: z.enum(CONTROLS),
          epoch: z.int(),
          events: z.array(EventSchema),
          lead: z.record(z.string(), z.unknown()).nullable(),
        }),
      },
    },
    async handler({ principal, params }) {
      const { handoff, conversation } = await findHandoff(deps, principal, params.id);
      const { read: reads } = deps.store;
      const events = await reads.handoffEvents(handoff.workspaceId, handoff.id);
      const lead = await reads.leadOfHandoff(handoff.workspaceId, handoff.id);
      return {
        status: 200,
        body: {
          handoff: viewHandoff(handoff, conversation, await labelFor(deps, principal, handoff.botId)),
          control: conversation.control,
          epoch: conversation.epoch,
          events: await viewEvents(reads, conversation, events),
          lead: lead && viewLead(lead),
        },
      };
    },
  });

  const lead = defineRoute({
    method: "POST",
    path: "/v1/handoffs/{id}/lead",
    summary: "Submit the contact form",
    tag: TAG,
    scopes: ["bot", "visitor"],
    params: Ids,
    body: LeadBody,
    idempotent: true,
    responses: {
      201: {
        description: "The lead is kept",
        schema: z.object({
          lead: z.record(z.string(), z.unknown()),
          reply: z.array(ReplyView),
          guidance: z.string(),
        }),
      },
      200: { description: "The same lead again" },
    },
    errors: [409],
    async handler({ principal, params, body, unit }) {
      const { handoff } = await findHandoff(deps, principal, params.id);
      const kept = await unit(async (tx) => {
        const of = { workspaceId: handoff.workspaceId, botId: handoff.botId, handoffId: handoff.id };
        const given = await submitLead(tx, deps, of, body);
        const shown = { lead: viewLead(given.lead), reply: given.reply, guidance: given.guidance };
        return { status: given.isNew ? 201 : 200, body: shown };
      });
      return { status: kept.status, body: kept.body };
    },
  });

  const ending = (as: "cancelled" | "resolved") =>
    defineRoute({
      method: "POST",
      path: as === "cancelled" ? "/v1/handoffs/{id}/cancel" : "/v1/handoffs/{id}/resolve",
      summary: as === "cancelled" ? "Cancel a handoff" : "End a handoff: the bot has control again",
      tag: TAG,
      scopes: ["bot", "visitor", "admin", "agent"],
      params: Ids,
      idempotent: true,
      responses: { 200: { description: "The handoff has ended", schema: HandoffState } },
      errors: [409],
      async handler({ principal, params, unit }) {
        const { handoff } = await findHandoff(deps, principal, params.id);
        const of = { workspaceId: handoff.workspaceId, botId: handoff.botId, handoffId: handoff.id };
        const actor = await actorOf(deps, principal);
        const label = await labelFor(deps, principal, handoff.botId);
        const kept = await unit(async (tx) => {
          const ended = await endHandoff(tx, deps, of, { as, actor, because: `${actor.kind}_${as}` });
          return { status: 200, body: stateView(ended.handoff, ended.conversation, label) };
        });
        return { status: kept.status, body: kept.body };
      },
    });

  const transcript = defineRoute({
    method: "GET",
    path: "/v1/handoffs/{id}/messages",
    summary: "The conversation of a handoff",
    tag: "Agent",
    scopes: ["admin", "agent"],
    params: Ids,
    query: z.strictObject({
      after: z.coerce.number().int().min(0).default(0),
      limit: z.coerce.number().int().min(1).max(500).default(200),
    }),
    idempotent: false,
    responses: {
      200: { description: "Messages in order", schema: z.object({ items: z.array(MessageSchema) }) },
    },
    async handler({ principal, params, query }) {
      const { handoff } = await findHandoff(deps, principal, params.id);
      const messages = await deps.store.read.messages(handoff.workspaceId, handoff.conversationId, {
        afterSeq: query.after,
        limit: query.limit,
      });
      return { status: 200, body: { items: messages.map(viewMessage) } };
    },
  });

  const act = (path: "accept" | "release", summary: string) =>
    defineRoute({
      method: "POST",
      path: `/v1/handoffs/{id}/${path}`,
      summary,
      tag: "Agent",
      scopes: ["agent"],
      params: Ids,
      idempotent: true,
      responses: { 200: { description: "Done", schema: HandoffState } },
      errors: [409],
      handler: async ({ principal, params, unit }) => {
        const kept = await unit((tx) => inboxAction(tx, principal, params.id, { type: path }));
        return { status: kept.status, body: kept.body };
      },
    });

  const write = defineRoute({
    method: "POST",
    path: "/v1/handoffs/{id}/messages",
    summary: "Write to the visitor as the agent",
    description: "The first message accepts the handoff.",
    tag: "Agent",
    scopes: ["agent"],
    params: Ids,
    body: AgentMessageBody,
    idempotent: true,
    responses: { 201: { description: "On its way to the visitor", schema: HandoffState } },
    errors: [409],
    async handler({ principal, params, body, unit }) {
      const kept = await unit(async (tx) => {
        const message = { id: body.id, text: body.text, attachments: body.attachments };
        const done = await inboxAction(tx, principal, params.id, { type: "message", message });
        return { ...done, status: 201 };
      });
      return { status: kept.status, body: kept.body };
    },
  });

  async function inboxAction(
    tx: Parameters<typeof actInInbox>[0],
    principal: { workspaceId: string; subjectId: string },
    handoffId: string,
    action: InboxAction,
  ) {
    const member = await tx.member(principal.workspaceId, principal.subjectId);
    if (member === null) throw new HandoffError("not_found");
    const of = { workspaceId: principal.workspaceId, handoffId };
    const turn = await actInInbox(tx, deps, of, { id: member.id, name: member.name }, action);
    if (turn.handoff === null) throw new HandoffError("not_found");
    return { status: 200, body: stateView(turn.handoff, turn.conversation) };
  }

  return [
    request,
    // Before the one by id: `counts` is none.
    ...handoffListRoutes(deps),
    read,
    lead,
    ending("cancelled"),
    ending("resolved"),
    transcript,
    act("accept", "Take the conversation"),
    act("release", "Give it back to the queue"),
    write,
  ];
}

const HandoffState = z.object({ handoff: HandoffView, control: z.enum(CONTROLS), epoch: z.int() });

function stateView(
  handoff: Handoff,
  conversation: { key: string; control: (typeof CONTROLS)[number]; epoch: number },
  agentLabel: string | null = null,
): z.infer<typeof HandoffState> {
  return {
    handoff: viewHandoff(handoff, conversation, agentLabel),
    control: conversation.control,
    epoch: conversation.epoch,
  };
}

const AgentMessageBody = z
  .strictObject({
    id: TranscriptMessage.shape.id,
    text: TranscriptMessage.shape.text,
    attachments: TranscriptMessage.shape.attachments,
  })
  .refine((message) => message.text.trim() !== "" || message.attachments.length > 0, {
    message: "needs text or an attachment",
    path: ["text"],
  });

/** Who has a say in single handoffs here. */
type Caller = Extract<Principal, { scope: "admin" | "agent" | "bot" | "visitor" }>;

/** A handoff that the caller may see: a foreign one is answered exactly like one that does not exist. */
async function findHandoff(deps: Deps, principal: Caller, id: string) {
  const { workspaceId, subjectId, scope } = principal;
  const handoff = await deps.store.read.handoff(workspaceId, id);
  const isForeign =
    handoff === null ||
    (scope === "bot" && handoff.botId !== subjectId) ||
    (scope === "visitor" && handoff.conversationId !== subjectId);
  if (isForeign) throw new HandoffError("not_found");
  const conversation = await deps.store.read.conversation(workspaceId, handoff.conversationId);
  if (conversation === null) throw new HandoffError("not_found");
  return { handoff, conversation };
}

/** What this caller sees instead of an agent's name: the team knows each other, bots and visitors see the label. */
export async function labelFor(deps: Deps, principal: Principal, botId: string): Promise<string | null> {
  if (principal.scope !== "bot" && principal.scope !== "visitor") return null;
  return (await deps.bots.get(deps.store.read, principal.workspaceId, botId)).settings.agentLabel;
}

async function actorOf(deps: Deps, principal: Caller): Promise<Actor> {
  const id = memberIdOf(principal);
  if (id === null) return { kind: principal.scope, id: null, name: null };
  const member = await deps.store.read.member(principal.workspaceId, id);
  return { kind: "agent", id, name: member?.name ?? null };
}
