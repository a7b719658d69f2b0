import { z } from "zod";
import { cleanText } from "../../../src/domain/clean-text.ts";
import type { HostedForm } from "../../../src/ports.ts";
import type { Message } from "../shapes.ts";

/** Which line of Baton's showed a form, in its `content_attributes`. */
const FORM_ATTRIBUTE = "baton_form";
const CONSENT = "terms";

const TYPES = { text: "text", tel: "text", email: "email", textarea: "text_area" } as const;

/**
 * The form as the website's widget draws it. The widget sends none in which a field is empty, whatever `required` says (sheet 4),
 * so only the fields that need a value are in it; where none does, one way to reach the visitor.
 */
export function formAttributes(form: HostedForm, key: string): Record<string, unknown> {
  const { terms } = form;
  const items: Record<string, unknown>[] = fieldsOf(form).map(({ name, type, label }) => ({
    name,
    type: TYPES[type],
    label,
    placeholder: label,
    required: true,
  }));
  if (terms !== null) {
    const options = [
      { label: terms.yes, value: "yes" },
      { label: terms.no, value: "no" },
    ];
    items.push({ name: CONSENT, type: "select", label: terms.label, required: true, options });
  }
  return { items, button_label: form.submitLabel, [FORM_ATTRIBUTE]: key };
}

function fieldsOf({ fields }: HostedForm): HostedForm["fields"] {
  const required = fields.filter((field) => field.required);
  if (required.length > 0) return required;
  const reachable = fields.find(({ name }) => name === "email") ?? fields.find(({ name }) => name === "phone");
  return reachable ? [reachable] : fields;
}

/** What stands above the form: a field's label can hold no link. */
export const textAbove = (text: string, { terms }: HostedForm): string =>
  terms === null || text.includes(terms.url) ? text : `${text}\n\n${terms.url}`;

/** The form in words, where it cannot be drawn. */
export function formInWords(text: string, form: HostedForm): string {
  const { terms } = form;
  const fields = form.fields.map(({ label }) => `- ${label}`);
  const consent = terms === null ? [] : [`- ${terms.label} (${terms.yes}, ${terms.no}): ${terms.url}`];
  return [text, ...fields, ...consent].filter((part) => part !== "").join("\n");
}

const Submitted = z
  .array(z.looseObject({ name: z.string().max(100), value: z.string().max(150_000) }))
  .min(1)
  .max(100);

/** A form of ours: which line showed it, and what was sent in it; `values` is null while nothing was. Null for every other message. */
export function formIn({
  content_type: type,
  content_attributes: attributes,
}: Pick<Message, "content_type" | "content_attributes">): {
  readonly key: string;
  readonly values: Readonly<Record<string, string>> | null;
} | null {
  const key = attributes?.[FORM_ATTRIBUTE];
  if (type !== "form" || typeof key !== "string") return null;
  const submitted = Submitted.safeParse(attributes?.["submitted_values"]);
  if (!submitted.success) return { key, values: null };
  return { key, values: Object.fromEntries(submitted.data.map(({ name, value }) => [name, cleanText(value)])) };
}
