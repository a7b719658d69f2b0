import { z } from "zod";
import { ROLES } from "../../domain/conversation.ts";
import type { Message } from "../../domain/conversation.ts";
import type { Lead } from "../../domain/handoff.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import { found, Instant, mapPage, pageOf, pageQuery } from "../shapes.ts";
import type { AdminDeps } from "./deps.ts";

/** As much of the conversation as is shown beside a lead; all of it is under the conversation. */
const TRANSCRIPT_LINES = 200;

const text = z.string().nullable();

const LeadShown = z
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
  })
  .meta({ id: "Lead" });

const LeadWithTranscript = LeadShown.extend({
  products: z.array(z.strictObject({ id: text, name: z.string(), url: text, price: text })),
  transcript: z
    .array(z.strictObject({ role: z.enum(ROLES), text: z.string(), authorName: text, at: Instant }))
    .meta({ description: `The conversation up to the lead, its last ${TRANSCRIPT_LINES} lines` }),
}).meta({ id: "LeadWithTranscript" });

const show = (lead: Lead): z.infer<typeof LeadShown> => ({
  id: lead.id,
  botId: lead.botId,
  handoffId: lead.handoffId,
  conversationId: lead.conversationId,
  contact: { name: lead.contact.name, email: lead.contact.email, phone: lead.contact.phone, issue: lead.contact.issue },
  consent: lead.consent && { ...lead.consent, agreedAt: lead.consent.agreedAt.toISOString() },
  pageUrl: lead.pageUrl,
  locale: lead.locale,
  createdAt: lead.createdAt.toISOString(),
});

const line = ({ role, text, authorName, at }: Message) => ({ role, text, authorName, at: at.toISOString() });

export function leadRoutes({ store }: AdminDeps): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/leads",
      summary: "List leads",
      tag: "Leads",
      scopes: ["admin", "agent"],
      query: z.strictObject({ botId: z.string().max(100).optional(), ...pageQuery }),
      responses: { 200: { description: "Leads, newest first", schema: pageOf(LeadShown) } },
      idempotent: false,
      async handler({ principal, query }) {
        return { status: 200, body: mapPage(await store.read.leads(principal.workspaceId, query), show) };
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/leads/{id}",
      summary: "Read a lead",
      tag: "Leads",
      scopes: ["admin", "agent"],
      responses: { 200: { description: "The lead, with the conversation before it", schema: LeadWithTranscript } },
      idempotent: false,
      async handler({ principal, params }) {
        const { workspaceId } = principal;
        const lead = found(await store.read.lead(workspaceId, params["id"] ?? ""));
        const conversation = await store.read.conversation(workspaceId, lead.conversationId);
        const messages = await store.read.messages(workspaceId, lead.conversationId, {
          afterSeq: Math.max(0, lead.transcriptSeq - TRANSCRIPT_LINES),
          upToSeq: lead.transcriptSeq,
          limit: TRANSCRIPT_LINES,
        });
        const products = (conversation?.products ?? []).map(({ id, name, url, price }) => ({ id, name, url, price }));
        return { status: 200, body: { ...show(lead), products, transcript: messages.map(line) } };
      },
    }),
  ];
}
