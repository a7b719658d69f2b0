import { z } from "zod";
import { CONTROLS, PRIORITIES } from "../domain/conversation.ts";
import type { Conversation } from "../domain/conversation.ts";
import type { Handoff, Lead } from "../domain/handoff.ts";
import { MODES, STATUSES } from "../domain/states.ts";
import { canGiveBack } from "../handoffs/give-back.ts";

/** What an agent is shown beside a conversation, inside the helpdesk: who is there, about what, and who has control. */

const Instant = z.iso.datetime();
const text = z.string().nullable();

export const HandoffInHelpdesk = z
  .strictObject({
    handoff: z.strictObject({
      id: z.string(),
      status: z.enum(STATUSES),
      mode: z.enum(MODES),
      reason: text,
      priority: z.enum(PRIORITIES).nullable(),
      createdAt: Instant,
      acceptedAt: Instant.nullable(),
    }),
    control: z.enum(CONTROLS).meta({ description: "Who may speak to the visitor now" }),
    visitor: z.strictObject({ name: text, email: text, phone: text, attributes: z.record(z.string(), z.unknown()) }),
    summary: text,
    pageUrl: text,
    products: z.array(z.strictObject({ name: z.string(), url: text, price: text })),
    lead: z
      .strictObject({
        contact: z.strictObject({ name: text, email: text, phone: text, issue: text }),
        consent: z
          .strictObject({ agreedAt: Instant, text: z.string(), url: z.string() })
          .nullable()
          .meta({ description: "What the visitor agreed to, word for word; null where no terms were asked for" }),
      })
      .nullable(),
    url: z.string().meta({ description: "Where a person finds it in Baton" }),
    canReturn: z.boolean().meta({ description: "There is something live to give back to the bot" }),
  })
  .meta({ id: "HandoffInHelpdesk", description: "A handoff as it is shown beside its conversation in the helpdesk" });

/** @param url where a person finds the handoff in Baton */
export function viewHandoffInHelpdesk(
  handoff: Handoff,
  conversation: Conversation,
  lead: Lead | null,
  url: string,
): z.infer<typeof HandoffInHelpdesk> {
  const { name, email, phone, attributes } = conversation.visitor;
  return {
    handoff: {
      id: handoff.id,
      status: handoff.status,
      mode: handoff.mode,
      reason: handoff.reason,
      priority: handoff.priority,
      createdAt: handoff.createdAt.toISOString(),
      acceptedAt: handoff.acceptedAt?.toISOString() ?? null,
    },
    control: conversation.control,
    visitor: { name, email, phone, attributes },
    summary: conversation.summary,
    pageUrl: conversation.pageUrl,
    products: conversation.products.map((product) => ({
      name: product.name,
      url: product.url,
      price: product.price,
    })),
    lead: lead && viewContact(lead),
    url,
    canReturn: canGiveBack(handoff),
  };
}

function viewContact({ contact, consent }: Lead): z.infer<typeof HandoffInHelpdesk>["lead"] {
  return {
    contact: { name: contact.name, email: contact.email, phone: contact.phone, issue: contact.issue },
    consent: consent && { agreedAt: consent.agreedAt.toISOString(), text: consent.text, url: consent.url },
  };
}
