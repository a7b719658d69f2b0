/** The texts that a business can rewrite per locale (settings field `messages`). */
export const MESSAGE_KEYS = [
  "connecting",
  "agentJoined",
  "offline",
  "leadPrompt",
  "leadSuccess",
  "custom",
  "resolved",
  "missed",
] as const;
export type MessageKey = (typeof MESSAGE_KEYS)[number];

/** What can be wrong with a field of the contact form; each has a sentence in every language. */
export const FAULT_CODES = [
  "required",
  "invalid_email",
  "invalid_phone",
  "too_long",
  "control_characters",
  "terms_not_accepted",
] as const;
export type FaultCode = (typeof FAULT_CODES)[number];

/** What a visitor can say besides an answer; `beside` are words of courtesy that change nothing beside another. */
export type DialogWord = "yes" | "no" | "stop" | "skip" | "beside";

/** Everything the product says to a visitor in one language. Only `texts.ts` and its neighbours read it. */
export interface LanguageTexts {
  /** `custom` is empty: it is shown only by a business that writes one. */
  readonly messages: Readonly<Record<MessageKey, string>>;
  /** `offline` when nobody knows when the team is back. */
  readonly offlineUnknown: string;
  /** Stands for `{{agent}}` when the person's name is unknown; capitalised at the start of a sentence. */
  readonly someone: string;
  /** How an opening time is said inside a sentence: `{weekday}`, `{day}` (day and month) and `{time}` come from Intl. */
  readonly opening: {
    readonly today: string;
    readonly weekday: string;
    readonly date: string;
    /** Monday first, for languages whose weekday changes its form in a sentence. */
    readonly weekdays?: readonly string[];
    /** Spellings that change with the hour, such as Spanish "a la 1:00": [as composed, as written]. */
    readonly elisions?: readonly (readonly [string, string])[];
  };
  readonly form: {
    readonly name: string;
    readonly email: string;
    readonly issue: string;
    readonly phone: string;
    readonly submit: string;
    readonly optional: string;
    /** The words beside the checkbox. They contain `termsLink`, the words that lead to the terms. */
    readonly terms: string;
    readonly termsLink: string;
  };
  readonly faults: Readonly<Record<FaultCode, string>>;
  /** The contact form in a conversation. `{stop}`, `{yes}` and `{no}` stand for the first of the words below. */
  readonly dialog: {
    readonly ask: Readonly<Record<"name" | "email" | "issue" | "phone", string>>;
    readonly canSkip: string;
    readonly canStop: string;
    /** Nothing was written where an answer is needed. */
    readonly needed: string;
    /** Before the words that are agreed to; `consentAsk` comes behind them, and again after an answer that is neither. */
    readonly consent: string;
    readonly consentAsk: string;
    /** How it ends without a lead: no consent, the visitor's own wish, too many answers that could not be taken. */
    readonly declined: string;
    readonly stopped: string;
    readonly enough: string;
    readonly formIntro: string;
    /** The two choices of a form that asks for consent. */
    readonly agree: string;
    readonly disagree: string;
    /** What visitors write, in any case and with or without accents. `yes` is consent: nothing like "ok" may stand there. */
    readonly words: Readonly<Record<DialogWord, readonly string[]>>;
  };
  readonly termsPage: {
    readonly title: string;
    /** Stands for `{{business}}` when the business gave no name. */
    readonly business: string;
    readonly paragraphs: readonly string[];
  };
}
