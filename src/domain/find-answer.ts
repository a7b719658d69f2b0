import type { FormField } from "./lead-form.ts";

/** Longer messages are no answer to a short question. */
const LONGEST_SENTENCE = 1_000;
const MOST_CANDIDATES = 20;

const AROUND_ADDRESS = /[\s,;<>()[\]{}"“”„«»]+/;
const NUMBER = /[+(]?\p{Nd}[\p{Nd}\s()./-]{4,38}\p{Nd}/gu;

/**
 * The one email address or phone number in a sentence such as "My email is ana@example.com." Null when there is none, or more than
 * one; for other fields too, whose answer is the message as it is.
 *
 * @param isTaken whether the field takes this text
 */
export function findAnswer(field: FormField, text: string, isTaken: (part: string) => boolean): string | null {
  if (text.length > LONGEST_SENTENCE) return null;
  const taken = candidatesFor(field, text.normalize("NFKC")).slice(0, MOST_CANDIDATES).filter(isTaken);
  const [only, ...others] = new Set(taken);
  return only === undefined || others.length > 0 ? null : only;
}

function candidatesFor(field: FormField, text: string): string[] {
  if (field === "phone") return Array.from(text.matchAll(NUMBER), ([number]) => number.trim());
  if (field !== "email") return [];
  return text
    .split(AROUND_ADDRESS)
    .filter((word) => word.includes("@"))
    .map((word) => word.replace(/^mailto:/i, "").replace(/[.!?:'’。]+$/, ""));
}
