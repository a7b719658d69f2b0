import { briefLeadOf, renderLeadNote } from "../../../src/domain/transcript.ts";
import type { HelpdeskRef } from "../../../src/domain/handoff.ts";
import type { Effect, LeadRequest } from "../../../src/ports.ts";
import { stepsOf } from "../../steps.ts";
import { completeContact } from "../contact.ts";
import { addLabels, readConversation, setPriority } from "../conversation.ts";
import type { Desk } from "../desk.ts";
import { LEAD_LABEL, defineLabel, knownOf, leadAttributes } from "../lead.ts";
import { NOTE_LENGTH } from "../open.ts";
import { besideConversation, postBotNotes } from "./open-here.ts";

/**
 * A lead where the bot goes on speaking: noted and labelled in that conversation, whose status stays, and kept with its contact.
 * Throws DeliveryError; every step is kept, and none is done twice.
 */
export async function leadHere(
  desk: Desk,
  request: LeadRequest,
  ref: HelpdeskRef,
  effect: Effect,
): Promise<HelpdeskRef> {
  const { client } = desk;
  const { brief, destination, lead } = request;
  const id = ref.conversationId;
  const steps = stepsOf(effect);
  const contactId = await steps.once("contactId", async () => {
    // Asked anew: Chatwoot joins contacts when one gives the address of another.
    const sender = (await readConversation(client, id)).meta?.sender?.id;
    const contact = sender ? String(sender) : ref.contactId;
    if (contact !== null) await completeContact(client, contact, knownOf(request), leadAttributes(lead));
    return contact ?? "unknown";
  });
  const options = { maxLength: NOTE_LENGTH, isInPlace: true };
  await postBotNotes(desk, id, renderLeadNote(besideConversation(brief), briefLeadOf(lead), options), steps);
  await steps.once("labels", async () => {
    await defineLabel(client);
    await addLabels(client, id, [LEAD_LABEL, ...destination.labels]);
    return "set";
  });
  const { priority } = destination;
  if (priority) await steps.once("priority", () => setPriority(client, id, priority).then(() => priority));
  return { conversationId: id, contactId: contactId === "unknown" ? null : contactId, url: desk.urlOf(id) };
}
