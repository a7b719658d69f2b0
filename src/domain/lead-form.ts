import { z } from "zod";
import { cleanText, hasControlCharacters } from "./clean-text.ts";
import { isEmailAddress } from "./email-address.ts";
import { countryOf, textsFor } from "./texts.ts";
import type { FaultCode } from "./texts.ts";

/** The fields of the contact form, in the order in which they are shown. */
export const FORM_FIELDS = ["name", "email", "issue", "phone"] as const;
export type FormField = (typeof FORM_FIELDS)[number];

const FieldMode = z.enum(["off", "optional", "required"]);

/** Settings field `form`: which contact details are asked for. */
export const FormSettings = z.strictObject({
  name: FieldMode.default("required"),
  email: FieldMode.default("required"),
  issue: FieldMode.default("optional"),
  phone: FieldMode.default("optional"),
});
export type FormSettings = z.infer<typeof FormSettings>;

/** Settings field `terms`: the checkbox, and where its terms are; without a URL the default terms page is linked. */
export const TermsSettings = z.strictObject({
  enabled: z.boolean().default(true),
  url: z
    .url({ protocol: /^https?$/, error: "must be an http or https URL" })
    .max(2048)
    .nullable()
    .default(null),
});
export type TermsSettings = z.infer<typeof TermsSettings>;

/** Far above every field's own limit, so that a long answer is told in the visitor's words and not as a malformed body. */
const LONGEST_RAW_FIELD = 20_000;
const RawField = z.string().max(LONGEST_RAW_FIELD).nullish();

/** Body of `POST /v1/handoffs/{id}/lead`: what the visitor typed, as typed. `validateLead` judges it by the bot's settings. */
export const LeadSubmission = z.strictObject({
  fields: z
    .strictObject({ name: RawField, email: RawField, issue: RawField, phone: RawField })
    .prefault({})
    .meta({ description: "What the visitor typed; a blank field counts as missing" }),
  terms: z.strictObject({ accepted: z.boolean() }).nullish(),
  locale: z.string().max(64).nullish().meta({ description: "Language of the form that was shown" }),
});
export type LeadSubmission = z.infer<typeof LeadSubmission>;

/** The contact details of a lead: checked, trimmed, the phone number in E.164; null where nothing was given. */
export type LeadContact = Readonly<Record<FormField, string | null>>;

export interface LeadFault {
  /** Where in the submission: `fields.email`, `terms.accepted`. */
  readonly path: string;
  readonly code: FaultCode;
  /** For the visitor, in the form's language. */
  readonly message: string;
}

export type LeadResult =
  { readonly ok: true; readonly contact: LeadContact } | { readonly ok: false; readonly faults: readonly LeadFault[] };

/** Gives E.164, or null for what is no phone number. `country` (ISO 3166 alpha-2) reads numbers without a country code. */
export type NormalizePhone = (raw: string, country: string | null) => string | null;

const MAX_LENGTH: Readonly<Record<FormField, number>> = { name: 200, email: 254, issue: 5000, phone: 40 };

/**
 * Judges a submitted contact form and reports every fault at once. Fields that are `off` are ignored, also when given; blank is
 * missing. A phone number without country code is read in `country`, or else in the one the locale names (`ro-RO`).
 */
export function validateLead(request: {
  form: FormSettings;
  terms: TermsSettings;
  submission: LeadSubmission;
  normalizePhone: NormalizePhone;
  /** Speaks when the submission names no locale. */
  locale?: string | null;
  country?: string | null;
}): LeadResult {
  const { form, terms, submission, normalizePhone } = request;
  const locale = submission.locale ?? request.locale;
  const country = request.country ?? countryOf(locale);
  const { faults: sentences } = textsFor(locale);
  const faults: LeadFault[] = [];
  const contact: Record<FormField, string | null> = { name: null, email: null, issue: null, phone: null };
  const report = (path: string, code: FaultCode) => faults.push({ path, code, message: sentences[code] });

  for (const field of FORM_FIELDS) {
    if (form[field] === "off") continue;
    const checked = checkField(field, submission.fields[field] ?? "", (raw) => normalizePhone(raw, country));
    if ("fault" in checked) report(`fields.${field}`, checked.fault);
    else if (checked.value !== null) contact[field] = checked.value;
    else if (form[field] === "required") report(`fields.${field}`, "required");
  }
  if (terms.enabled && submission.terms?.accepted !== true) report("terms.accepted", "terms_not_accepted");
  return faults.length === 0 ? { ok: true, contact } : { ok: false, faults };
}

function checkField(
  field: FormField,
  raw: string,
  phone: (raw: string) => string | null,
): { value: string | null } | { fault: FaultCode } {
  const text = field === "issue" ? cleanText(raw).replace(/\r\n?/g, "\n").trim() : raw.toWellFormed().trim();
  if (/^[\s\p{Cf}]*$/u.test(text)) return { value: null };
  if (text.length > MAX_LENGTH[field]) return { fault: "too_long" };
  if (hasControlCharacters(text, field === "issue" ? "\n\t" : "")) return { fault: "control_characters" };
  if (field === "email") return isEmailAddress(text) ? { value: text } : { fault: "invalid_email" };
  if (field !== "phone") return { value: text };
  const number = phone(text);
  return number === null ? { fault: "invalid_phone" } : { value: number };
}

/** Whether every field is off: then there is no form, and the offline message stands alone. */
export function formIsEmpty(form: FormSettings): boolean {
  return FORM_FIELDS.every((field) => form[field] === "off");
}

export interface FormDescription {
  readonly fields: readonly {
    readonly name: FormField;
    readonly type: "text" | "email" | "tel" | "textarea";
    readonly label: string;
    readonly required: boolean;
    /** In UTF-16 units, as in HTML. */
    readonly maxLength: number;
    /** Value of HTML's `autocomplete`. */
    readonly autocomplete: "name" | "email" | "tel" | "off";
  }[];
  /** `linkText` is the part of `label` that leads to `url`. */
  readonly terms: {
    readonly required: true;
    readonly url: string;
    readonly label: string;
    readonly linkText: string;
  } | null;
  readonly submitLabel: string;
  /** Shown beside fields that are not required. */
  readonly optionalLabel: string;
}

const PRESENTATION = {
  name: { type: "text", autocomplete: "name" },
  email: { type: "email", autocomplete: "email" },
  issue: { type: "textarea", autocomplete: "off" },
  phone: { type: "tel", autocomplete: "tel" },
} as const;

/**
 * The form as the visitor is to see it, in the language nearest to `locale`: fields that are on, in order.
 *
 * @param context.termsUrl absolute URL of the default terms page, linked when the settings name none
 */
export function describeForm(
  form: FormSettings,
  terms: TermsSettings,
  locale: string | null | undefined,
  context: { termsUrl: string },
): FormDescription {
  const { form: words } = textsFor(locale);
  return {
    fields: FORM_FIELDS.filter((name) => form[name] !== "off").map((name) => ({
      name,
      ...PRESENTATION[name],
      label: words[name],
      required: form[name] === "required",
      maxLength: MAX_LENGTH[name],
    })),
    terms: terms.enabled
      ? { required: true, url: terms.url ?? context.termsUrl, label: words.terms, linkText: words.termsLink }
      : null,
    submitLabel: words.submit,
    optionalLabel: words.optional,
  };
}
