import type { FormField } from "./lead-form.ts";

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
