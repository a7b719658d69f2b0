import type { FormField } from "./lead-form.ts";

/** A form as a channel can draw it. Where a channel demands a value for every field, it leaves out those that need none. */
export interface HostedForm {
  readonly fields: readonly {
    readonly name: FormField;
    readonly type: "text" | "email" | "tel" | "textarea";
    readonly label: string;
    readonly required: boolean;
  }[];
  /** A choice named `terms`, whose value `yes` is the consent; null where none is asked for. */
  readonly terms: { readonly label: string; readonly url: string; readonly yes: string; readonly no: string } | null;
  readonly submitLabel: string;
}
