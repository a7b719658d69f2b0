import type { HostedForm } from "./hosted-form.ts";
import type { FormField, FormSettings, LeadFault, LeadSubmission, NormalizePhone, TermsSettings } from "./lead-form.ts";

/** A contact form that is under way in a channel. Kept with the conversation. */
export interface LeadDialog {
  readonly handoffId: string;
  /** `form`: the channel shows it and sends it whole. `questions`: one by one, each answered by the visitor's next message. */
  readonly by: "form" | "questions";
  /** What was asked last; null for a form. */
  readonly asking: FormField | "terms" | null;
  /** What was answered, as it was typed. */
  readonly given: Readonly<Partial<Record<FormField, string>>>;
  /** Answers in a row that could not be taken. */
  readonly wrong: number;
}

export interface DialogContext {
  readonly form: FormSettings;
  readonly terms: TermsSettings;
  /** Absolute URL of the default terms page, linked when the settings name none. */
  readonly termsUrl: string;
  readonly locale: string | null;
  readonly normalizePhone: NormalizePhone;
  /** What the channel knows of the visitor already, such as a WhatsApp number: it is not asked for again. */
  readonly known: { readonly name: string | null; readonly email: string | null; readonly phone: string | null };
}

export interface DialogStep {
  /** To be said to the visitor, in this order. */
  readonly says: readonly string[];
  /** To be kept until the next answer; null when nothing more is asked. */
  readonly dialog: LeadDialog | null;
  /** Everything is there, consent included. */
  readonly submission: LeadSubmission | null;
}

/** First question. Dialog null and submission set when nothing has to be asked. */
export function beginQuestions(_handoffId: string, _context: DialogContext): DialogStep {
  throw new Error("not written yet");
}

/**
 * The visitor's answer: the next question, the same again with what is wrong, or the end. Dialog and submission both null: the
 * visitor gave up, or after three wrong answers in a row we stop asking; the words say so.
 */
export function answerQuestion(_dialog: LeadDialog, _text: string, _context: DialogContext): DialogStep {
  throw new Error("not written yet");
}

/** The same form for a channel that draws forms. */
export function hostedForm(
  _handoffId: string,
  _context: DialogContext,
): { readonly text: string; readonly form: HostedForm; readonly dialog: LeadDialog } {
  throw new Error("not written yet");
}

/** What was sent in such a form. */
export function submissionOf(
  _dialog: LeadDialog,
  _values: Readonly<Record<string, string>>,
  _context: DialogContext,
): LeadSubmission {
  throw new Error("not written yet");
}

/** Words for the faults of a submission, in the visitor's language, each once. */
export function faultWords(_faults: readonly LeadFault[], _context: DialogContext): readonly string[] {
  throw new Error("not written yet");
}
