import { z } from "zod";
import type { HelpdeskRef, Lead } from "../../src/domain/handoff.ts";
import { briefLeadOf, renderLeadNote } from "../../src/domain/transcript.ts";
import type { Effect, LeadRequest } from "../../src/ports.ts";
import type { Client } from "./client.ts";
import { ensureContact, knownFrom, sourceIdOf } from "./contact.ts";
import type { Known, Place } from "./contact.ts";
import {
  addLabels,
  findConversation,
  findTeam,
  openAgain,
  readConversation,
  readConversationIfThere,
  setPriority,
} from "./conversation.ts";
import type { Desk } from "./desk.ts";
import { NOTE_LENGTH, ensureConversation, postNotes } from "./open.ts";
import { inboxOf } from "./place.ts";
import { stepsOf } from "../steps.ts";

export const LEAD_LABEL = "lead";

/**
 * A lead as contact, conversation and private note, under the label `lead`. The handoff's conversation is used when it was
 * live here, also when only Chatwoot knows that it was. Throws DeliveryError; every step is kept, and none is done twice.
 */
export async function keepLead(desk: Desk, request: LeadRequest, effect: Effect): Promise<HelpdeskRef> {
  const { client } = desk;
  const { brief, destination, lead } = request;
  const steps = stepsOf(effect);
  const place: Place = {
    inboxId: inboxOf(desk.config),
    conversationId: lead.conversationId,
    contactId: request.ref?.contactId ?? null,
  };
  const contactId = await steps.once("contactId", async () => {
    const contact = await ensureContact(client, knownOf(request), place, leadAttributes(lead));
    return String(contact.id);
  });
  const id = await steps.once("leadConversationId", async () => {
    const there = await steps.lookBack(() => liveConversation(desk, request));
    if (there !== null) return there;
    const team = destination.team === null ? null : await findTeam(client, destination.team);
    const wanted = { handoffId: lead.handoffId, contactId, brief, place, teamId: team?.id ?? null };
    return ensureConversation(desk, wanted, steps);
  });
  await postNotes(desk, id, renderLeadNote(brief, briefLeadOf(lead), { maxLength: NOTE_LENGTH }), steps);
  await steps.once("labels", async () => {
    await defineLabel(client);
    await addLabels(client, id, [LEAD_LABEL, ...destination.labels]);
    return "set";
  });
  const { priority } = destination;
  if (priority) await steps.once("priority", () => setPriority(client, id, priority).then(() => priority));
  // One that was begun live and given up has been resolved by us: a lead in it would be seen by nobody.
  await steps.once("open", async () => {
    const current = await readConversation(client, id);
    if (current.status === "resolved") await openAgain(client, current);
    return "open";
  });
  return { conversationId: id, contactId, url: desk.urlOf(id) };
}

async function liveConversation(desk: Desk, { ref, lead }: LeadRequest): Promise<string | null> {
  const known = ref && (await readConversationIfThere(desk.client, ref.conversationId));
  if (known) return String(known.id);
  const ids = { sourceId: sourceIdOf(lead.conversationId), handoffId: lead.handoffId };
  const found = await findConversation(desk.client, inboxOf(desk.config), ids);
  return found && String(found.id);
}

/** What was typed into the form counts more than what the bot knew. */
export function knownOf({ brief, lead }: LeadRequest): Known {
  const known = knownFrom(brief);
  const { name, email, phone } = lead.contact;
  return { ...known, name: name ?? known.name, email: email ?? known.email, phone: phone ?? known.phone };
}

/** The lead as it was given: a contact that exists keeps its own name, email and phone number. */
export function leadAttributes({ contact, consent, createdAt, pageUrl }: Lead): Record<string, unknown> {
  return {
    lead_name: contact.name,
    lead_email: contact.email,
    lead_phone: contact.phone,
    lead_issue: contact.issue,
    lead_at: createdAt.toISOString(),
    lead_page: pageUrl,
    lead_consent_at: consent?.agreedAt.toISOString() ?? null,
  };
}

/** Without a definition the label is on the conversation, but not in Chatwoot's sidebar. Agents may not make one, which is fine. */
export async function defineLabel(client: Client): Promise<void> {
  const statuses = [401, 403, 404, 422];
  const path = "/labels";
  const answer = z.looseObject({ payload: z.array(z.looseObject({ title: z.string() })) });
  const labels = await client.tryCall({ method: "GET", path, doing: "list the labels", answer }, statuses);
  if (labels?.payload.some(({ title }) => title === LEAD_LABEL)) return;
  const json = { title: LEAD_LABEL, color: "#1F93FF", show_on_sidebar: true };
  await client.tryCall({ method: "POST", path, doing: "define the label lead", json, answer: z.unknown() }, statuses);
}
