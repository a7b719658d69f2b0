import type { LeadContact } from "./lead-form.ts";

/** How leads are found by what somebody types: in any script, whatever the case and the accents, a phone number in any spelling. */

const MOST_TERMS = 8;
/** Separates fields, so that no term is found across two of them. */
const BETWEEN = "\n";

/** Letters as they are compared: `Ștefan`, `ŞTEFAN` and `stefan` are one; so are full-width letters and plain ones. */
export const folded = (text: string): string =>
  text
    .normalize("NFKD")
    .replaceAll(/[\u0300-\u036f]/g, "")
    .toLowerCase();

const digitsOf = (text: string): string => text.normalize("NFKC").replaceAll(/\D/g, "");

/** What is kept of a lead to be searched. */
export function searchTextOf({ name, email, phone, issue }: LeadContact): string {
  const parts = [name, email, phone, issue].map((part) => folded(part ?? ""));
  return [...parts, digitsOf(phone ?? "")].join(BETWEEN);
}

/** Digits with what people put between them, and nothing else. */
const PHONE = /^[+(]?[\d\s().\-/]{4,}$/;

/**
 * What must stand in a lead's search text, all of it, for the lead to be found. A phone number is one term without the zeros in
 * front, which are dialled within a country alone: `0722 123 456` finds `+40722123456`.
 */
export function searchTermsOf(typed: string): readonly string[] {
  const text = folded(typed).trim();
  if (PHONE.test(text)) return [digitsOf(text).replace(/^0+/, "")].filter((term) => term !== "");
  return text
    .split(/\s+/)
    .filter((term) => term !== "")
    .slice(0, MOST_TERMS);
}
