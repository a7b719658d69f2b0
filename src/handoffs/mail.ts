import { DeliveryError } from "../domain/delivery.ts";
import { oneLine } from "../domain/clean-text.ts";
import { renderBriefText } from "../domain/transcript.ts";
import type { Mail } from "../ports.ts";
import type { Delivery, Reads } from "../ports-store.ts";
import { briefOf } from "./brief.ts";
import type { BotSetup, Deps } from "./deps.ts";
import { briefLead } from "./leads.ts";
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
  const brief = await briefOf(reads, conversation, handoff, lead?.transcriptSeq ?? handoff.transcriptSeq);
  const who = lead?.contact.name ?? conversation.visitor.name ?? "A visitor";
  const what = about === "lead" ? `New lead: ${who}` : `${who} is waiting for a person`;
  const text = renderBriefText(brief, lead === null ? {} : { lead: briefLead(lead) });
  return {
    to,
    subject: oneLine(`${what} · ${workspace.name}`).slice(0, 200),
    text,
    html: htmlOf(what, text),
    replyTo: lead?.contact.email ?? null,
    key: `mail-${delivery.n}`,
  };
}

function htmlOf(title: string, text: string): string {
  // The same words as the text part, in a form that keeps its lines in every mail program, dark or light.
  return `<!doctype html><html><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>${escape(title)}</title></head><body style="font:15px/1.5 system-ui,sans-serif;margin:24px;max-width:720px"><h1 style="font-size:19px">${escape(title)}</h1><div style="white-space:pre-wrap;overflow-wrap:anywhere">${escape(text)}</div></body></html>`;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
