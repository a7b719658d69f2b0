import type { Handoff } from "../../domain/handoff.ts";
import { answerQuestion, beginQuestions, faultWords, hostedForm, submissionOf } from "../../domain/lead-dialog.ts";
import type { DialogContext, DialogStep, LeadDialog } from "../../domain/lead-dialog.ts";
import type { LeadFault, LeadSubmission } from "../../domain/lead-form.ts";
import { termsUrlOf } from "../answer.ts";
import type { BotSetup, Deps } from "../deps.ts";
import { normalizePhone } from "../phone.ts";
import type { Turn } from "../turn.ts";

type Base = Pick<Deps, "baseUrl">;

function contextOf({ conversation }: Turn, { bot, settings }: BotSetup, { baseUrl }: Base): DialogContext {
  const { visitor, locale } = conversation;
  return {
    form: settings.form,
    terms: settings.terms,
    termsUrl: termsUrlOf(bot.id, locale, baseUrl),
    locale,
    normalizePhone,
    known: { name: visitor.name, email: visitor.email, phone: visitor.phone },
  };
}

/**
 * The contact form of a handoff in a conversation that Baton hosts: as the channel's own where it draws forms, else as questions
 * one by one. Nothing where the bot speaks with the visitor itself.
 */
export function beginDialog(turn: Turn, setup: BotSetup, deps: Base, handoff: Pick<Handoff, "id">): void {
  const { host } = turn.conversation;
  if (host === null) return;
  const context = contextOf(turn, setup, deps);
  if (host.showsForms) {
    const { text, form, dialog } = hostedForm(handoff.id, context);
    turn.add({ role: "system", text, at: turn.now, form });
    turn.change({ dialog });
  } else turn.submission = take(turn, beginQuestions(handoff.id, context));
}

/** Says what a step says and keeps where the dialog stands. Gives what is to be submitted. */
function take(turn: Turn, step: DialogStep): LeadSubmission | null {
  for (const text of step.says) turn.add({ role: "system", text, at: turn.now });
  turn.change({ dialog: step.dialog });
  return step.submission;
}

/** The visitor's next words are an answer. Gives what is to be submitted, once everything is there. */
export function answerDialog(turn: Turn, setup: BotSetup, deps: Base, text: string): LeadSubmission | null {
  const { dialog } = turn.conversation;
  if (dialog === null) return null;
  return take(turn, answerQuestion(dialog, text, contextOf(turn, setup, deps)));
}

/** What was sent in a form that the channel showed. */
export function submissionFrom(
  turn: Turn,
  setup: BotSetup,
  deps: Base,
  { dialog, values }: { dialog: LeadDialog; values: Readonly<Record<string, string>> },
): LeadSubmission {
  return submissionOf(dialog, values, contextOf(turn, setup, deps));
}

/** What was wrong with an answer, and the form once more; too often in a row and it is not shown again. */
export function repeatForm(
  turn: Turn,
  setup: BotSetup,
  deps: Base,
  { handoff, faults }: { handoff: Pick<Handoff, "id">; faults: readonly LeadFault[] },
): void {
  const wrong = (turn.conversation.dialog?.wrong ?? 0) + 1;
  for (const text of faultWords(faults, contextOf(turn, setup, deps))) turn.add({ role: "system", text, at: turn.now });
  if (wrong >= MOST_WRONG) {
    turn.change({ dialog: null });
    return;
  }
  beginDialog(turn, setup, deps, handoff);
  const { dialog } = turn.conversation;
  turn.change({ dialog: dialog && { ...dialog, wrong } });
}

const MOST_WRONG = 5;
