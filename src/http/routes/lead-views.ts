import { z } from "zod";
import { ROLES } from "../../domain/conversation.ts";
import { FOLLOW_UP_STATES } from "../../ports-leads.ts";
import type { LeadRecord } from "../../ports-leads.ts";
import { Instant, instantOrNull } from "../shapes.ts";
import { HandoffView } from "../views.ts";

/** As much of the conversation as is shown beside a lead; all of it is under the conversation. */
export const TRANSCRIPT_LINES = 200;

const text = z.string().nullable();

export const LeadShown = z
  .strictObject({
    id: z.string(),
    botId: z.string(),
    handoffId: z.string(),
    conversationId: z.string(),
    contact: z.strictObject({ name: text, email: text, phone: text, issue: text }),
    consent: z
      .strictObject({
        business: z.string(),
        purpose: z.string(),
        text: z.string(),
        version: z.string(),
        locale: z.string(),
        url: z.string(),
        hash: z.string().meta({ description: "SHA-256 of `text`" }),
        agreedAt: Instant,
        method: z.string(),
      })
      .nullable()
      .meta({ description: "What was agreed to, word for word; null when no terms were asked for" }),
    pageUrl: text,
    locale: text,
    createdAt: Instant,
    followUp: z.strictObject({
      state: z.enum(FOLLOW_UP_STATES),
      at: Instant.nullable().meta({ description: "When the state was last set; null where it never was" }),
      by: z
        .strictObject({ id: text, name: text })
        .nullable()
        .meta({ description: "Who set it, by the name of that time" }),
      note: text,
    }),
  })
  .meta({ id: "Lead" });

export const LeadWithTranscript = LeadShown.extend({
  products: z.array(z.strictObject({ id: text, name: z.string(), url: text, price: text })),
  summary: text,
  handoff: HandoffView.nullable(),
  helpdeskUrl: text.meta({ description: "The conversation in the helpdesk, where it stands in one" }),
  transcript: z
    .array(z.strictObject({ role: z.enum(ROLES), text: z.string(), authorName: text, at: Instant }))
    .meta({ description: `The conversation up to the lead, its last ${TRANSCRIPT_LINES} lines` }),
}).meta({ id: "LeadWithTranscript" });

export const showLead = (lead: LeadRecord): z.infer<typeof LeadShown> => ({
  id: lead.id,
  botId: lead.botId,
  handoffId: lead.handoffId,
  conversationId: lead.conversationId,
  contact: { name: lead.contact.name, email: lead.contact.email, phone: lead.contact.phone, issue: lead.contact.issue },
  consent: lead.consent && { ...lead.consent, agreedAt: lead.consent.agreedAt.toISOString() },
  pageUrl: lead.pageUrl,
  locale: lead.locale,
  createdAt: lead.createdAt.toISOString(),
  followUp: {
    state: lead.followUp.state,
    at: instantOrNull(lead.followUp.at),
    by: lead.followUp.by && { id: lead.followUp.by.id, name: lead.followUp.by.name },
    note: lead.followUp.note,
  },
});
