/** The locale that speaks when nothing better is known. */
export const DEFAULT_LOCALE = "en";

const LONGEST_TAG = 100;
const RIGHT_TO_LEFT_SCRIPTS = new Set(["Arab", "Hebr", "Syrc", "Thaa", "Nkoo", "Adlm", "Rohg", "Mand", "Samr"]);

/**
 * Reads what callers send as a locale: BCP 47 (`pt-BR`), POSIX (`es_MX.UTF-8`), or the first entry of an
 * `Accept-Language` list. Extensions and private use are dropped: they could change calendar and digits.
 *
 * @returns null for anything that is not a well-formed tag. Never throws.
 */
export function parseLocale(requested: string | null | undefined): Intl.Locale | null {
  if (!requested || requested.length > LONGEST_TAG) return null;
  const known = parsed.get(requested);
  if (known !== undefined) return known;
  const locale = readLocale(requested);
  // Callers choose the text: what is kept is bounded.
  if (parsed.size >= MOST_PARSED) parsed.clear();
  parsed.set(requested, locale);
  return locale;
}

/** Parsing is slow, and asked for several times with every answer. */
const parsed = new Map<string, Intl.Locale | null>();
const MOST_PARSED = 2_000;

function readLocale(requested: string): Intl.Locale | null {
  const tag = (requested.split(/[,;.@]/, 1)[0] ?? "").trim().replaceAll("_", "-");
  try {
    const { language, script, region } = new Intl.Locale(tag);
    return new Intl.Locale(language, { ...(script && { script }), ...(region && { region }) });
  } catch {
    return null;
  }
}

/**
 * The available locale nearest to the requested one: exact, then with fewer subtags (RFC 4647, 3.4; `zh-TW` passes by
 * `zh-Hant`), then another region of the same language in the same script, then `fallback`.
 *
 * @returns an entry of `available` as spelled there, or `fallback`. Case and `_` do not matter. Never throws on junk.
 */
export function resolveLocale(
  requested: string | null | undefined,
  available: readonly string[],
  fallback: string = DEFAULT_LOCALE,
): string {
  return matchLocale(requested, available) ?? fallback;
}

/** As {@link resolveLocale}, but null when no entry of `available` is in the requested language. */
export function matchLocale(requested: string | null | undefined, available: readonly string[]): string | null {
  const locale = parseLocale(requested);
  if (!locale || available.length === 0) return null;
  const spelling = new Map(available.map((tag) => [tag.toLowerCase().replaceAll("_", "-"), tag]));
  for (const tag of lookupChain(locale)) {
    const found = spelling.get(tag.toLowerCase());
    if (found !== undefined) return found;
  }
  const { language, script } = locale.maximize();
  const sibling = available.find((tag) => {
    const other = parseLocale(tag)?.maximize();
    return other?.language === language && other.script === script;
  });
  return sibling ?? null;
}

function lookupChain(locale: Intl.Locale): string[] {
  const { language, region } = locale;
  const script = locale.script ?? locale.maximize().script;
  return [
    locale.toString(),
    ...(region ? [`${language}-${script}-${region}`, `${language}-${region}`] : []),
    `${language}-${script}`,
    language,
  ];
}

/** The country named in a locale (`ro-RO` gives `RO`); null when it names none: a language alone is no country. */
export function countryOf(locale: string | null | undefined): string | null {
  const region = parseLocale(locale)?.region;
  return region && /^[A-Z]{2}$/.test(region) ? region : null;
}

/** The direction in which text of this locale runs, by the locale's usual script. Junk runs left to right. */
export function directionOf(locale: string | null | undefined): "ltr" | "rtl" {
  const script = parseLocale(locale)?.maximize().script;
  return script && RIGHT_TO_LEFT_SCRIPTS.has(script) ? "rtl" : "ltr";
}
