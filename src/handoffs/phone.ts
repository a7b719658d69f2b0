import { isSupportedCountry, parsePhoneNumberFromString } from "libphonenumber-js/min";
import type { CountryCode } from "libphonenumber-js/min";

const LONGEST_NUMBER = 40;

/**
 * A phone number as people write it, in E.164 (`+40721234567`). An extension is no part of it.
 *
 * @param raw in international form (`+40 721…`, also with 00 for the plus), or national when `country` is given
 * @param country ISO 3166 alpha-2 in any case, as "RO"; null or unknown: only international numbers are understood
 * @returns null when it is no valid number. Never throws.
 */
export function normalizePhone(raw: string, country: string | null): string | null {
  if (raw.length > LONGEST_NUMBER) return null;
  const region = country?.toUpperCase() ?? "";
  const defaultCountry = isSupportedCountry(region) ? region : undefined;
  return parse(raw, defaultCountry) ?? parse(raw.replace(/^\s*00/, "+"), undefined);
}

function parse(raw: string, defaultCountry: CountryCode | undefined): string | null {
  const number = parsePhoneNumberFromString(raw, { extract: false, ...(defaultCountry && { defaultCountry }) });
  return number?.isValid() ? number.number : null;
}
