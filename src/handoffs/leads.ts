import { createHash } from "node:crypto";
import { z } from "zod";
import type { Host } from "../domain/conversation.ts";
import { HandoffError } from "../domain/errors.ts";
import type { Consent, Lead } from "../domain/handoff.ts";
import { validateLead } from "../domain/lead-form.ts";
import { LeadSubmission } from "../domain/lead-form.ts";
import type { Destination } from "../domain/settings.ts";
import { isOpenStatus } from "../domain/states.ts";
import { TERMS_VERSION, termsConsentText } from "../domain/terms-page.ts";
import { resolveLocale, LOCALES } from "../domain/texts.ts";
import { newId } from "../ids.ts";
import type { Tx, Workspace } from "../ports-store.ts";
import { formFor, guidance, replies } from "./answer.ts";
import type { Reply } from "./answer.ts";
import type { BotSetup, Deps } from "./deps.ts";
import { loadHandoff } from "./load.ts";
import { oweHandoffMail } from "./mail.ts";
import { normalizePhone } from "./phone.ts";
import { oweLead } from "./transitions.ts";
import type { Turn } from "./turn.ts";

const shorthand = LeadSubmission.shape.fields.unwrap().shape;

/**
 * Body of `POST /v1/handoffs/{id}/lead`: the fields under `fields`, or beside each other as a plain form posts them, and
 * `terms` as `{"accepted": true}` or just `true`.
 */
export const LeadBody = z
  .strictObject({
    fields: LeadSubmission.shape.fields.optional(),
    ...shorthand,
    terms: z.union([z.boolean(), z.strictObject({ accepted: z.boolean() })]).nullish(),
    termsAccepted: z.boolean().nullish(),
    locale: LeadSubmission.shape.locale,
  })
  .transform(({ fields, terms, termsAccepted, locale, ...flat }): LeadSubmission => {
    const accepted = typeof terms === "object" && terms !== null ? terms.accepted : (terms ?? termsAccepted ?? false);
    return { fields: { ...flat, ...fields }, terms: { accepted }, locale };
  })
  .meta({ id: "LeadSubmission" });

/** How somebody agreed, for the record of it. */
const CONSENT_METHODS = {
  checkbox: "The visitor ticked the box beside these words, which was empty before",
  choice: "The visitor chose yes, of yes and no, below these words and their link",
  words: "The visitor answered the question with these words and their link by writing yes",
} as const;

export interface LeadAnswer {
  readonly isNew: boolean;
  readonly lead: Lead;
  readonly reply: readonly Reply[];
  readonly guidance: string;
}

/**
 * The visitor leaves contact details. Everything wrong with them is told at once, in the visitor's language; without consent
 * where terms are on there is no lead.
 *
 * @throws HandoffError `not_found`, `wrong_state` (ended, or no form is asked for), `validation_failed`, `terms_not_accepted`
 */
export async function submitLead(
  tx: Tx,
  deps: Deps,
  of: { workspaceId: string; botId: string | null; handoffId: string },
  submission: LeadSubmission,
  consentBy: keyof typeof CONSENT_METHODS = "checkbox",
): Promise<LeadAnswer> {
  const { turn, setup, handoff } = await loadHandoff(tx, deps, of);
  const { conversation } = turn;
  const locale = submission.locale ?? conversation.locale;
  const checked = validateLead({
    form: setup.settings.form,
    terms: setup.settings.terms,
    submission,
    normalizePhone,
    locale,
  });
  if (!checked.ok) {
    const onlyTerms = checked.faults.every((fault) => fault.code === "terms_not_accepted");
    const code = onlyTerms ? "terms_not_accepted" : "validation_failed";
    throw new HandoffError(code, checked.faults.map((fault) => fault.message).join(" "), { faults: checked.faults });
  }
  const context = { setup, conversation, now: turn.now };
  const before = await tx.leadOfHandoff(of.workspaceId, handoff.id);
  if (before !== null) {
    // A second click is answered like the first; other details would silently replace what somebody may be acting on.
    if (JSON.stringify(before.contact) !== JSON.stringify(checked.contact))
      throw new HandoffError("wrong_state", "Contact details were already left for this handoff.");
    return {
      isNew: false,
      lead: before,
      reply: replies(["leadSuccess", "custom"], context),
      guidance: guidance.leadCaptured,
    };
  }
  if (!isOpenStatus(handoff.status)) throw new HandoffError("wrong_state", "The handoff has ended.");
  // Also when an agent has come in while the visitor was filling in the form that was offered.
  if (formFor("lead", handoff.id, context, deps.baseUrl) === null)
    throw new HandoffError("wrong_state", "No contact form is asked for here (settings contactForm and form).");

  const workspace = await tx.workspace(of.workspaceId);
  const lead: Lead = {
    id: newId("lead"),
    workspaceId: of.workspaceId,
    botId: handoff.botId,
    conversationId: conversation.id,
    handoffId: handoff.id,
    contact: checked.contact,
    consent: setup.settings.terms.enabled ? consentFor(turn, setup, deps, { locale, workspace, consentBy }) : null,
    pageUrl: conversation.pageUrl,
    locale,
    transcriptSeq: conversation.lastMessageSeq,
    createdAt: turn.now,
  };
  await tx.createLead(lead);
  if (lead.consent !== null) await tx.addConsent(of.workspaceId, lead.id, lead.consent);
  const { visitor } = conversation;
  const { name, email, phone } = lead.contact;
  turn.change({
    visitor: { ...visitor, name: name ?? visitor.name, email: email ?? visitor.email, phone: phone ?? visitor.phone },
  });
  const reply = replies(["leadSuccess", "custom"], { ...context, conversation: turn.conversation });
  const words = handoff.mode === "live" ? guidance.live : guidance.leadCaptured;
  turn.record("lead.captured", { kind: "visitor", id: null, name: null }, { reply, guidance: words });
  for (const { text } of reply) turn.add({ role: "system", text, at: turn.now });
  oweToHelpdesk(turn, setup, deps, lead.id);
  oweHandoffMail(turn, setup, deps, "lead");
  await turn.save();
  return { isNew: true, lead, reply, guidance: words };
}

function consentFor(
  turn: Turn,
  setup: BotSetup,
  deps: Deps,
  given: { locale: string | null; workspace: Workspace | null; consentBy: keyof typeof CONSENT_METHODS },
): Consent {
  const { locale, workspace } = given;
  const text = termsConsentText(locale);
  const ownUrl = setup.settings.terms.url;
  const shown = resolveLocale(locale, LOCALES);
  return {
    business: workspace?.name ?? setup.bot.name,
    purpose: "Contact by the team about this request, with the conversation so far",
    text,
    version: ownUrl === null ? TERMS_VERSION : ownUrl,
    locale: shown,
    url: ownUrl ?? `${deps.baseUrl}/terms?${new URLSearchParams({ bot: setup.bot.id, locale: shown }).toString()}`,
    hash: createHash("sha256").update(text).digest("hex"),
    agreedAt: turn.now,
    method: CONSENT_METHODS[given.consentBy],
  };
}

/** The lead also appears in the helpdesk: where the handoff stands already, else at the first connection of the bot. */
function oweToHelpdesk(turn: Turn, setup: BotSetup, deps: Deps, leadId: string): void {
  const { handoff } = turn;
  if (handoff === null) return;
  const outside = setup.settings.destinations.find((one) => !deps.connectors.isLocal(one.id));
  const current = handoff.destination;
  const { host } = turn.conversation;
  const there = host && (setup.settings.destinations.find((one) => one.id === host.connectionId) ?? bare(host));
  const destination = current !== null && !deps.connectors.isLocal(current.id) ? current : (there ?? outside);
  if (destination !== undefined) oweLead(turn, destination, leadId);
}

/** Where the visitor is, though the bot's settings send nobody there. */
const bare = ({ connectionId }: Host): Destination => ({ id: connectionId, team: null, priority: null, labels: [] });
