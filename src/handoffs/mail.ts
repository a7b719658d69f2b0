import { clipText, oneLine } from "../domain/clean-text.ts";
import { DeliveryError } from "../domain/delivery.ts";
import { briefLeadOf, renderBriefText } from "../domain/transcript.ts";
import type { BriefMessage } from "../domain/transcript.ts";
import type { Mail } from "../ports.ts";
import type { Delivery, Reads } from "../ports-store.ts";
import { briefOf, transcriptOf } from "./brief.ts";
import type { BotSetup, Deps } from "./deps.ts";
import { renderMailHtml } from "./mail-html.ts";
import type { Turn } from "./turn.ts";

/** Mail to the team about a new handoff or lead. The delivery holds whom and what about; the text is made when it is sent. */

/** Owes one mail to each recipient. Without a mail server it is held, and shown to the admin. */
export function oweHandoffMail(
  turn: Turn,
  setup: BotSetup,
  deps: Pick<Deps, "mailer">,
  about: "handoff" | "lead",
): void {
  const { handoff } = turn;
  if (handoff === null) return;
  setup.settings.notify.email.forEach((to, index) => {
    turn.owe({
      lane: `email:${handoff.id}:${about}:${index}`,
      kind: "email",
      connectionId: null,
      handoffId: handoff.id,
      payload: { about, to },
      state: deps.mailer === null ? "held" : "waiting",
    });
  });
}

/**
 * The mail that a delivery stands for, as it would be sent now.
 *
 * @throws DeliveryError `permanent` when what it is about is gone
 */
export async function mailOf(reads: Reads, delivery: Delivery): Promise<Mail> {
  const { workspaceId, conversationId, handoffId } = delivery;
  const { about, to } = delivery.payload as { about: "handoff" | "lead"; to: string };
  const conversation = conversationId === null ? null : await reads.conversation(workspaceId, conversationId);
  const handoff = handoffId === null ? null : await reads.handoff(workspaceId, handoffId);
  const workspace = await reads.workspace(workspaceId);
  if (conversation === null || handoff === null || workspace === null)
    throw new DeliveryError("permanent", "The conversation that this mail is about no longer exists.");
  const lead = about === "lead" ? await reads.leadOfHandoff(workspaceId, handoff.id) : null;
  const transcript = await transcriptOf(reads, conversation, lead?.transcriptSeq ?? handoff.transcriptSeq);
  const whole = await briefOf(reads, conversation, handoff, transcript);
  const brief = { ...whole, messages: latestOf(whole.messages) };
  const who = lead?.contact.name ?? conversation.visitor.name ?? "A visitor";
  const title = clipText(oneLine(about === "lead" ? `New lead: ${who}` : `${who} is waiting for a person`), 150);
  const left = lead === null ? null : briefLeadOf(lead);
  return {
    to,
    subject: `${title} · ${clipText(oneLine(workspace.name), 50)}`,
    text: renderBriefText(brief, { lead: left }),
    html: renderMailHtml({ title, workspaceName: workspace.name, brief, lead: left, timezone: brief.timezone ?? null }),
    replyTo: lead?.contact.email ?? null,
    // Deliveries are counted anew in a new database, and mail programs drop what repeats a Message-ID.
    key: `${handoff.id}:${about}:${delivery.n}`,
  };
}

/** UTF-16 units: with both parts and their encoding below the 10 MB that mail servers commonly take. */
const LONGEST_TRANSCRIPT = 400_000;
/** What a message costs beside its words. */
const COST_OF_A_MESSAGE = 100;

/** The latest messages that a mail can hold, and in place of earlier ones a line that says so. */
function latestOf(messages: readonly BriefMessage[]): readonly BriefMessage[] {
  let room = LONGEST_TRANSCRIPT;
  let first = messages.length;
  for (; first > 0; first -= 1) {
    const message = messages[first - 1];
    const links = message?.attachments.reduce((sum, { url }) => sum + url.length, 0) ?? 0;
    room -= COST_OF_A_MESSAGE + (message?.text?.length ?? 0) + links;
    if (room < 0) break;
  }
  if (first === 0) return messages;
  const text = `${first === 1 ? "1 earlier message is" : `${first} earlier messages are`} left out of this mail. Baton keeps the whole conversation.`;
  return [{ role: "system", text, at: null, attachments: [] }, ...messages.slice(first)];
}
