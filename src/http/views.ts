import { z } from "zod";
import { CONTROLS, PRIORITIES, ROLES, TRIGGERS } from "../domain/conversation.ts";
import type { Conversation } from "../domain/conversation.ts";
import { OUTCOMES, REASONS } from "../domain/decision.ts";
import type { Handoff } from "../domain/handoff.ts";
import { MODES, STATUSES } from "../domain/states.ts";
import type { Form } from "../handoffs/answer.ts";
import type { HandoffAnswer } from "../handoffs/request.ts";

/** What callers see of handoffs and conversations: the schemas of the answers, and the functions that fill them. */

const Instant = z.iso.datetime();
const iso = (at: Date | null): string | null => at?.toISOString() ?? null;

/** Given only where it is so. */
const Pruned = z.boolean().optional().meta({ description: "True: the workspace's retention has taken the words out" });

export const HandoffView = z
  .object({
    id: z.string(),
    conversationId: z.string().meta({ description: "The bot's own id of the conversation" }),
    botId: z.string(),
    status: z.enum(STATUSES),
    mode: z.enum(MODES),
    destination: z.string().nullable(),
    opened: z.boolean().meta({ description: "A destination has it" }),
    because: z.enum(REASONS),
    trigger: z.enum(TRIGGERS),
    reason: z.string().nullable(),
    priority: z.enum(PRIORITIES).nullable(),
    agent: z.string().nullable().meta({ description: "The agent's name in the helpdesk" }),
    acceptBy: Instant.nullable(),
    createdAt: Instant,
    acceptedAt: Instant.nullable(),
    endedAt: Instant.nullable(),
    pruned: Pruned,
  })
  .meta({ id: "Handoff" });
export type HandoffView = z.infer<typeof HandoffView>;

/** @param agentLabel what bots and visitors see instead of the agent's name; null: the name itself */
export function viewHandoff(
  handoff: Handoff,
  conversation: Pick<Conversation, "key" | "prunedAt">,
  agentLabel: string | null = null,
): HandoffView {
  return {
    id: handoff.id,
    conversationId: conversation.key,
    botId: handoff.botId,
    status: handoff.status,
    mode: handoff.mode,
    destination: handoff.destination?.id ?? null,
    opened: handoff.opened,
    because: handoff.because,
    trigger: handoff.trigger,
    reason: handoff.reason,
    priority: handoff.priority,
    agent: handoff.agent === null ? null : (agentLabel ?? handoff.agent.name),
    acceptBy: iso(handoff.acceptBy),
    createdAt: handoff.createdAt.toISOString(),
    acceptedAt: iso(handoff.acceptedAt),
    endedAt: iso(handoff.endedAt),
    ...(isPruned(handoff, conversation) && { pruned: true }),
  };
}

const isPruned = ({ endedAt }: Handoff, { prunedAt }: Pick<Conversation, "prunedAt">): boolean =>
  endedAt !== null && prunedAt !== undefined && endedAt <= prunedAt;

export const ReplyView = z
  .object({ text: z.string() })
  .meta({ id: "Reply", description: "One bubble for the visitor" });

export const FormView = z
  .object({
    fields: z.array(
      z.object({
        name: z.string(),
        type: z.enum(["text", "email", "tel", "textarea"]),
        label: z.string(),
        required: z.boolean(),
        maxLength: z.int(),
        autocomplete: z.string(),
      }),
    ),
    terms: z.object({ required: z.boolean(), url: z.string(), label: z.string(), linkText: z.string() }).nullable(),
    submitLabel: z.string(),
    optionalLabel: z.string(),
    submitUrl: z.string(),
  })
  .meta({ id: "Form" });

export const DecisionView = z
  .object({
    outcome: z.enum(OUTCOMES),
    because: z.enum(REASONS),
    opensAt: Instant.nullable(),
    closesAt: Instant.nullable(),
  })
  .meta({ id: "Decision" });

/** The answer to a request for a person, without the visitor's token, which is made anew each time it is told. */
export const HandoffAnswerView = z
  .object({
    handoff: HandoffView.nullable(),
    decision: DecisionView,
    control: z.enum(CONTROLS),
    epoch: z.int(),
    guidance: z.string().meta({ description: "For the bot's model: what happened, what to say, what not to" }),
    reply: z.array(ReplyView).meta({ description: "For the visitor, word for word" }),
    form: FormView.nullable(),
    visitorToken: z.string().nullable(),
  })
  .meta({ id: "HandoffAnswer" });

/** What is kept under an Idempotency-Key. */
export interface KeptAnswer {
  readonly answer: {
    readonly handoff: HandoffView | null;
    readonly decision: z.infer<typeof DecisionView>;
    readonly control: string;
    readonly epoch: number;
    readonly guidance: string;
    readonly reply: readonly { readonly text: string }[];
    readonly form: Form | null;
  };
  readonly conversationId: string;
  readonly at: string;
}

export function keepAnswer(given: HandoffAnswer, now: Date, agentLabel: string | null): KeptAnswer {
  const { decision, conversation } = given;
  return {
    answer: {
      handoff: given.handoff && viewHandoff(given.handoff, conversation, agentLabel),
      decision: {
        outcome: decision.outcome,
        because: decision.because,
        opensAt: iso(decision.opensAt),
        closesAt: iso(decision.closesAt),
      },
      control: conversation.control,
      epoch: conversation.epoch,
      guidance: given.guidance,
      reply: given.reply,
      form: given.form,
    },
    conversationId: conversation.id,
    at: now.toISOString(),
  };
}

export const MessageSchema = z
  .object({
    id: z.string(),
    seq: z.int(),
    role: z.enum(ROLES),
    text: z.string(),
    authorName: z.string().nullable(),
    at: Instant,
    attachments: z.array(
      z.object({
        url: z.string(),
        name: z.string().nullable(),
        contentType: z.string().nullable(),
        size: z.int().nullable(),
      }),
    ),
    pruned: Pruned,
  })
  .meta({ id: "Message" });

export const EventSchema = z
  .object({
    id: z.string(),
    seq: z.int(),
    type: z.string(),
    timestamp: Instant,
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "Event" });

export const ConversationView = z
  .object({
    id: z.string().meta({ description: "The bot's own id" }),
    control: z.enum(CONTROLS),
    epoch: z.int(),
    handoff: HandoffView.nullable().meta({ description: "The open one, else the last one" }),
    locale: z.string().nullable(),
    channel: z.object({ type: z.string(), id: z.string().nullable() }).nullable(),
    pageUrl: z.string().nullable(),
    visitor: z.object({
      id: z.string().nullable(),
      name: z.string().nullable(),
      email: z.string().nullable(),
      phone: z.string().nullable(),
      attributes: z.record(z.string(), z.unknown()),
    }),
    products: z.array(
      z.object({
        id: z.string().nullable(),
        name: z.string(),
        url: z.string().nullable(),
        price: z.string().nullable(),
      }),
    ),
    summary: z.string().nullable(),
    createdAt: Instant,
    prunedAt: Instant.optional().meta({
      description: "When the workspace's retention took out what was known until then; given only where it did",
    }),
  })
  .meta({ id: "Conversation" });

export function viewConversation(
  conversation: Conversation,
  handoff: Handoff | null,
  agentLabel: string | null,
): z.infer<typeof ConversationView> {
  return {
    id: conversation.key,
    control: conversation.control,
    epoch: conversation.epoch,
    handoff: handoff && viewHandoff(handoff, conversation, agentLabel),
    locale: conversation.locale,
    channel: conversation.channel,
    pageUrl: conversation.pageUrl,
    visitor: conversation.visitor,
    products: [...conversation.products],
    summary: conversation.summary,
    createdAt: conversation.createdAt.toISOString(),
    ...(conversation.prunedAt !== undefined && { prunedAt: conversation.prunedAt.toISOString() }),
  };
}
