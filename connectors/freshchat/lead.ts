import type { HelpdeskRef } from "../../src/domain/handoff.ts";
import { briefLeadOf, renderLeadNote } from "../../src/domain/transcript.ts";
import type { Effect, LeadRequest } from "../../src/ports.ts";
import { stepsOf } from "../steps.ts";
import { bring } from "./bring.ts";
import type { WritingDesk } from "./creation.ts";
import { ensureUser, knownFrom } from "./users.ts";
import type { Known } from "./users.ts";

const LEAD_LABEL = "lead";

/**
 * A lead as user, conversation and private note, with `lead` among its labels. The handoff's conversation is used when it was
 * live here, opened again when it was resolved, and another when it takes nothing more. Throws DeliveryError; every step is
 * kept, and none is done twice.
 */
export async function keepLead(desk: WritingDesk, request: LeadRequest, effect: Effect): Promise<HelpdeskRef> {
  const { brief, destination, lead, ref } = request;
  const steps = stepsOf(effect);
  const known = knownOf(request);
  const { conversationId } = lead;
  // The form may tell more of a visitor than was known when the conversation began.
  const userId = await steps.once("contactId", () =>
    ensureUser(desk.client, known, { conversationId, userId: ref?.contactId ?? null }),
  );
  const isUntouched = steps.reached("before") === null && steps.reached("left") === null;
  if (ref !== null && isUntouched && steps.reached("conversationId") === null) {
    // Of another user, the one that the conversation was with: only that user's words are taken there.
    const contactId = ref.contactId ?? userId;
    await steps.keep({ contactId, conversationId: ref.conversationId, otherId: ref.otherId ?? "" });
  }
  return bring(
    desk,
    {
      handoffId: lead.handoffId,
      conversationId,
      known,
      brief,
      destination,
      labels: [...new Set([LEAD_LABEL, ...destination.labels])],
      words: null,
      seq: null,
      continues: null,
      agentId: null,
      note: (maxLength) => renderLeadNote(brief, briefLeadOf(lead), { maxLength, markup: "plain" }),
    },
    steps,
  );
}

/** What was typed into the form counts more than what the bot knew. */
function knownOf({ brief, lead }: LeadRequest): Known {
  const known = knownFrom(brief);
  const { name, email, phone } = lead.contact;
  return { ...known, name: name ?? known.name, email: email ?? known.email, phone: phone ?? known.phone };
}
