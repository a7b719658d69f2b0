import { asksBack, saysSkip, saysStop, yesOrNo } from "./dialog-words.ts";
import { findAnswer } from "./find-answer.ts";
import type { HostedForm } from "./hosted-form.ts";
import { FORM_FIELDS, describeForm, formIsEmpty, validateLead } from "./lead-form.ts";
import type { FormField, FormSettings, LeadFault, LeadSubmission, NormalizePhone, TermsSettings } from "./lead-form.ts";
import { textsFor } from "./texts.ts";

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
  /** What the channel knows of the visitor already, such as a WhatsApp number: what the form takes of it is not asked again. */
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

/** So many answers in a row that could not be taken, and we stop asking: the visitor wants something else. */
const MOST_WRONG = 3;

/**
 * The first question. Dialog null and submission set when nothing has to be asked. A form without fields asks nothing and has
 * nothing to submit: both are null, and nothing is said.
 */
export function beginQuestions(handoffId: string, context: DialogContext): DialogStep {
  if (formIsEmpty(context.form)) return end([]);
  const { dialog, says, submission } = goOn(start(handoffId, "questions"), context);
  if (dialog === null || dialog.asking === "terms") return { dialog, says, submission };
  return { dialog, says: [lines([...says, words(context).canStop], context)], submission };
}

/**
 * The visitor's answer: the next question, the same again with what is wrong, or the end. Dialog and submission both null: the
 * visitor gave up, or after three wrong answers in a row we stop asking; the words say so.
 */
export function answerQuestion(dialog: LeadDialog, text: string, context: DialogContext): DialogStep {
  const { asking } = dialog;
  // Somebody who is asked what it is about may write "cancel" and mean an order.
  if (saysStop(text, textsFor(context.locale), asking !== "issue")) return end([words(context).stopped]);
  if (asking === "terms") return answerToTerms(dialog, text, context);
  // Nothing was asked, or nothing that the form still has.
  if (asking === null || context.form[asking] === "off") return goOn({ ...dialog, by: "questions" }, context);
  const answer = readAnswer(asking, text, context);
  if ("wrong" in answer) return askAgain({ ...dialog, asking }, answer.wrong, context);
  return goOn({ ...dialog, given: { ...dialog.given, [asking]: answer.value }, wrong: 0 }, context);
}

/** The same form for a channel that draws forms. */
export function hostedForm(
  handoffId: string,
  context: DialogContext,
): { readonly text: string; readonly form: HostedForm; readonly dialog: LeadDialog } {
  const { dialog: own, termsPage } = textsFor(context.locale);
  const described = describeForm(context.form, context.terms, context.locale, context);
  const dialog = start(handoffId, "form");
  const { terms, submitLabel } = described;
  return {
    // Not every channel lets a form hold a link.
    text: lines([own.formIntro, ...(terms === null ? [] : [`${termsPage.title}: ${terms.url}`])], context),
    form: {
      fields: described.fields
        .filter(({ name }) => !isSettled(name, dialog, context))
        .map(({ name, type, label, required }) => ({ name, type, label, required })),
      terms: terms && { label: terms.label, url: terms.url, yes: own.agree, no: own.disagree },
      submitLabel,
    },
    dialog,
  };
}

/** What was sent in such a form, with what was known before. To be judged by `validateLead`, as anything that a visitor sends. */
export function submissionOf(
  dialog: LeadDialog,
  values: Readonly<Record<string, string>>,
  context: DialogContext,
): LeadSubmission {
  const sent = new Map(Object.entries(values));
  const given = FORM_FIELDS.flatMap((field) => (sent.has(field) ? [[field, sent.get(field)] as const] : []));
  const whole = { ...dialog, given: { ...dialog.given, ...Object.fromEntries(given) } };
  return submission(whole, context, sent.get("terms") === "yes");
}

/** Words for the faults of a submission, in the visitor's language, each once; those that many fields share name the field. */
export function faultWords(faults: readonly LeadFault[], context: DialogContext): readonly string[] {
  const { faults: sentences, form: labels } = textsFor(context.locale);
  const said = faults.map(({ path, code }) => {
    const field = FORM_FIELDS.find((one) => path === `fields.${one}`);
    const isShared = code === "required" || code === "too_long" || code === "control_characters";
    return field !== undefined && isShared ? `${labels[field]} – ${sentences[code]}` : sentences[code];
  });
  return [...new Set(said)];
}

const words = (context: DialogContext) => textsFor(context.locale).dialog;
const isNeeded = (field: FormField, context: DialogContext) => context.form[field] === "required";

const start = (handoffId: string, by: LeadDialog["by"]): LeadDialog => ({
  handoffId,
  by,
  asking: null,
  given: {},
  wrong: 0,
});

const end = (says: readonly string[]): DialogStep => ({ says, dialog: null, submission: null });

/** The next question, or the end of them. */
function goOn(dialog: LeadDialog, context: DialogContext, isAgreed = false): DialogStep {
  const open = FORM_FIELDS.find((field) => context.form[field] !== "off" && !isSettled(field, dialog, context));
  if (open !== undefined) return ask({ ...dialog, asking: open }, questionFor(open, context), context);
  if (!context.terms.enabled || isAgreed)
    return { says: [], dialog: null, submission: submission(dialog, context, isAgreed) };
  const { consent, consentAsk } = words(context);
  const url = context.terms.url ?? context.termsUrl;
  return ask({ ...dialog, asking: "terms" }, [consent, textsFor(context.locale).form.terms, url, consentAsk], context);
}

/** Whether the form needs no answer to this field, or none any more. */
function isSettled(field: FormField, { given }: LeadDialog, context: DialogContext): boolean {
  const value = given[field] ?? knownOf(field, context);
  if (value === null) return false;
  return value === "" ? !isNeeded(field, context) : faultOf(field, value, context) === null;
}

/** What the channel knows, where the form would take it. */
function knownOf(field: FormField, context: DialogContext): string | null {
  const value = field === "issue" ? null : context.known[field];
  return value !== null && faultOf(field, value, context) === null ? value : null;
}

/** What the form has against the answer to one of its fields. */
function faultOf(field: FormField, value: string, { locale, normalizePhone }: DialogContext): LeadFault | null {
  const off = { name: "off", email: "off", issue: "off", phone: "off" } as const;
  const checked = validateLead({
    form: { ...off, [field]: "required" },
    terms: { enabled: false, url: null },
    submission: { fields: { [field]: value }, locale },
    normalizePhone,
  });
  return checked.ok ? null : (checked.faults[0] ?? null);
}

/** What is to be kept of an answer, "" for a question left out; or what is wrong with it, in words. */
function readAnswer(
  field: FormField,
  text: string,
  context: DialogContext,
): { readonly value: string } | { readonly wrong: string | null } {
  const { needed } = words(context);
  // A one-line field of a page drops line breaks too.
  const typed = field === "issue" ? text : text.replace(/[\t\n\v\f\r\u0085\u2028\u2029]+/g, " ");
  if (saysSkip(typed, textsFor(context.locale))) return isNeeded(field, context) ? { wrong: needed } : { value: "" };
  if (field === "name" && asksBack(typed)) return { wrong: null };
  const fault = faultOf(field, typed, context);
  if (fault === null) return { value: typed };
  if (fault.code === "required") return { wrong: needed };
  const found = findAnswer(field, typed, (part) => faultOf(field, part, context) === null);
  return found === null ? { wrong: fault.message } : { value: found };
}

function answerToTerms(dialog: LeadDialog, text: string, context: DialogContext): DialogStep {
  if (!context.terms.enabled) return goOn(dialog, context);
  const saying = yesOrNo(text, textsFor(context.locale));
  if (saying === "no") return end([words(context).declined]);
  if (saying === "yes") return goOn({ ...dialog, wrong: 0 }, context, true);
  return wrongAgain(dialog, [words(context).consentAsk], context);
}

function askAgain(
  dialog: LeadDialog & { asking: FormField },
  wrong: string | null,
  context: DialogContext,
): DialogStep {
  const hints = [...questionFor(dialog.asking, context), words(context).canStop];
  return wrongAgain(dialog, wrong === null ? hints : [wrong, ...hints], context);
}

function wrongAgain(dialog: LeadDialog, says: readonly string[], context: DialogContext): DialogStep {
  const wrong = dialog.wrong + 1;
  return wrong >= MOST_WRONG ? end([words(context).enough]) : ask({ ...dialog, wrong }, says, context);
}

const questionFor = (field: FormField, context: DialogContext): string[] => [
  words(context).ask[field],
  ...(isNeeded(field, context) ? [] : [words(context).canSkip]),
];

const ask = (dialog: LeadDialog, says: readonly string[], context: DialogContext): DialogStep => ({
  says: [lines(says, context)],
  dialog,
  submission: null,
});

/** One bubble, with the words that the visitor may write filled in. */
function lines(texts: readonly string[], context: DialogContext): string {
  const { yes, no, stop } = words(context).words;
  const told = { yes: yes[0], no: no[0], stop: stop[0] };
  return texts.join("\n").replace(/\{(yes|no|stop)\}/g, (match, word: keyof typeof told) => told[word] ?? match);
}

function submission(dialog: LeadDialog, context: DialogContext, isAgreed: boolean): LeadSubmission {
  const fields = FORM_FIELDS.filter((field) => context.form[field] !== "off").map((field) => [
    field,
    (dialog.given[field] ?? knownOf(field, context)) || null,
  ]);
  return {
    fields: Object.fromEntries(fields) as LeadSubmission["fields"],
    terms: context.terms.enabled ? { accepted: isAgreed } : null,
    locale: context.locale,
  };
}
