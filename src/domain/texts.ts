import { DateTime } from "luxon";
import { z } from "zod";
import { hasControlCharacters, oneLine } from "./clean-text.ts";
import type { LanguageTexts, MessageKey } from "./language-texts.ts";
import { DEFAULT_LOCALE, matchLocale, parseLocale, resolveLocale } from "./locales.ts";
import { ar } from "./texts-ar.ts";
import { de } from "./texts-de.ts";
import { en } from "./texts-en.ts";
import { es } from "./texts-es.ts";
import { fr } from "./texts-fr.ts";
import { hi } from "./texts-hi.ts";
import { it } from "./texts-it.ts";
import { ja } from "./texts-ja.ts";
import { nl } from "./texts-nl.ts";
import { pl } from "./texts-pl.ts";
import { pt } from "./texts-pt.ts";
import { ro } from "./texts-ro.ts";
import { tr } from "./texts-tr.ts";

export { MESSAGE_KEYS } from "./language-texts.ts";
export type { FaultCode, LanguageTexts, MessageKey } from "./language-texts.ts";
export { DEFAULT_LOCALE, countryOf, directionOf, resolveLocale } from "./locales.ts";

const languages: ReadonlyMap<string, LanguageTexts> = new Map(
  Object.entries({ en, es, pt, fr, de, it, nl, ro, hi, ar, pl, tr, ja }),
);

/** The languages in which every text has a default. */
export const LOCALES: readonly string[] = [...languages.keys()];

/** The default texts in the language nearest to `locale`; English for anything unknown. */
export function textsFor(locale: string | null | undefined): LanguageTexts {
  const asked = locale ?? DEFAULT_LOCALE;
  const known = nearest.get(asked);
  if (known !== undefined) return known;
  const texts = languages.get(resolveLocale(asked, LOCALES)) ?? en;
  // Callers choose the text: what is kept is bounded.
  if (nearest.size >= MOST_KEPT) nearest.clear();
  nearest.set(asked, texts);
  return texts;
}

/** Asked for several times with every answer, mostly for the same few locales. */
const nearest = new Map<string, LanguageTexts>();
const MOST_KEPT = 1_000;

const LONGEST_MESSAGE = 2000;
const MOST_LOCALES = 100;

const OwnText = z
  .string()
  .max(LONGEST_MESSAGE)
  .refine((text) => !hasControlCharacters(text, "\n\r\t"), "must not contain control characters")
  .refine((text) => text.isWellFormed(), "must be valid Unicode text")
  .optional();

/**
 * Settings field `messages`: the business's own texts, by locale (`en`, `pt-BR`). A text that is missing or blank keeps its
 * default. Placeholders: `{{name}}` (visitor), `{{agent}}`, `{{opensAt}}`; anything else in braces is shown as written.
 */
export const MessageOverrides = z
  .record(
    z.string().regex(/^[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{2,8}){0,3}$/, "must be a locale such as en or pt-BR"),
    z.strictObject({
      connecting: OwnText,
      agentJoined: OwnText,
      offline: OwnText,
      leadPrompt: OwnText,
      leadSuccess: OwnText,
      custom: OwnText,
      resolved: OwnText,
      missed: OwnText,
    } satisfies Record<MessageKey, typeof OwnText>),
  )
  .refine((locales) => Object.keys(locales).length <= MOST_LOCALES, `at most ${MOST_LOCALES} locales`);
export type MessageOverrides = z.infer<typeof MessageOverrides>;

/** What the placeholders of a text stand for; a missing value leaves a sentence that does without it. */
export interface TextValues {
  readonly name?: string | null;
  readonly agent?: string | null;
  /** When the team opens next. Pass null while it is open: a time would say that it is not. */
  readonly opensAt?: Date | null;
  /** IANA zone of the schedule; UTC when left out. */
  readonly timezone?: string | null;
  readonly now: Date;
}

/**
 * A text for the visitor, in the nearest language somebody wrote it in: the business's own text for the locale, then for its
 * language in another region; then our default in that language; for a language nobody wrote, the business's English,
 * then ours. So a business that wrote only one language does not answer everybody in it.
 *
 * Placeholders are replaced in a single pass: braces inside a value stay as they are. Without a value `{{name}}` goes with
 * the comma before it, `{{agent}}` becomes "a person from our team", a sentence with `{{opensAt}}` is left out (the
 * default `offline` has a variant of its own).
 *
 * @returns "" for `custom` without an own text. Throws RangeError only for an unknown `timezone`.
 */
export function renderText(
  key: MessageKey,
  context: { locale: string | null | undefined; overrides?: MessageOverrides | null; values: TextValues },
): string {
  const { locale, overrides, values } = context;
  const own = withoutUnknown(ownText(key, locale, overrides ?? {}), values);
  return fill(own || defaultText(key, textsFor(locale), values.opensAt), locale, values);
}

function ownText(key: MessageKey, locale: string | null | undefined, overrides: MessageOverrides): string {
  const written = Object.entries(overrides).filter(([, texts]) => texts[key]?.trim());
  if (written.length === 0) return "";
  const tags = written.map(([tag]) => tag);
  const isOurs = matchLocale(locale, LOCALES) !== null;
  const tag = matchLocale(locale, tags) ?? (isOurs ? null : matchLocale(DEFAULT_LOCALE, tags));
  return written.find(([candidate]) => candidate === tag)?.[1][key] ?? "";
}

function defaultText(key: MessageKey, texts: LanguageTexts, opensAt: Date | null | undefined): string {
  return key === "offline" && !opensAt ? texts.offlineUnknown : texts.messages[key];
}

const OPENS_AT = /\{\{ {0,4}opensAt {0,4}\}\}/;
const NAME = /(?:[,،、] {0,4}| )?\{\{ {0,4}name {0,4}\}\}/g;
const PLACEHOLDER = /\{\{ {0,4}(name|agent|opensAt) {0,4}\}\}/g;
const sentences = new Intl.Segmenter(DEFAULT_LOCALE, { granularity: "sentence" });

function withoutUnknown(text: string, { opensAt, name }: TextValues): string {
  const timed = opensAt || !OPENS_AT.test(text) ? text : sentencesWithoutOpening(text);
  return oneLine(name ?? "")
    ? timed
    : timed
        .replace(NAME, "")
        .replace(/^\s*[,،、]\s*/, "")
        .trim();
}

function sentencesWithoutOpening(text: string): string {
  return Array.from(sentences.segment(text), ({ segment }) => segment)
    .filter((sentence) => !OPENS_AT.test(sentence))
    .join("")
    .trim();
}

function fill(text: string, locale: string | null | undefined, values: TextValues): string {
  return text.replace(PLACEHOLDER, (match: string, key: "name" | "agent" | "opensAt", offset: number) => {
    const value = placeholderValue(key, locale, values, text.slice(Math.max(0, offset - 10), offset));
    const endsTwice = value.endsWith(".") && text.charAt(offset + match.length) === "."; // "9:00 a.m." at a sentence's end
    return endsTwice ? value.slice(0, -1) : value;
  });
}

function placeholderValue(
  key: "name" | "agent" | "opensAt",
  locale: string | null | undefined,
  { name, agent, opensAt, timezone, now }: TextValues,
  before: string,
): string {
  if (key === "name") return oneLine(name ?? "");
  if (key === "agent") return oneLine(agent ?? "") || someone(locale, before);
  return opensAt ? formatOpening(opensAt, { locale, timezone, now }) : "";
}

function someone(locale: string | null | undefined, before: string): string {
  const word = textsFor(locale).someone;
  const beginsSentence = /(?:^|[.!?\n])\s*$/.test(before);
  return beginsSentence ? word.charAt(0).toLocaleUpperCase(resolveLocale(locale, LOCALES)) + word.slice(1) : word;
}

/**
 * When the team opens, as words inside a sentence: "today at 2:00 PM", "Monday 9:00 AM" within six days, else "Monday,
 * November 30 at 9:00 AM". Days and hours are those of `timezone` (IANA; UTC when left out), written as the locale does.
 *
 * Throws RangeError for an unknown zone.
 */
export function formatOpening(
  opensAt: Date,
  context: { locale: string | null | undefined; timezone?: string | null; now: Date },
): string {
  const zone = context.timezone ?? "UTC";
  const { opening } = textsFor(context.locale);
  const format = formatters(intlTag(context.locale), zone);
  const day = DateTime.fromJSDate(opensAt, { zone });
  const daysAhead = calendarDay(day) - calendarDay(DateTime.fromJSDate(context.now, { zone }));
  const pattern = daysAhead === 0 ? opening.today : daysAhead > 0 && daysAhead <= 6 ? opening.weekday : opening.date;
  const words = pattern.replace(/\{(time|weekday|day)\}/g, (_match, part: "time" | "weekday" | "day") => {
    if (part === "weekday" && opening.weekdays) return opening.weekdays[day.weekday - 1] ?? "";
    return format[part].format(opensAt).replaceAll(/[\u00a0\u202f]/g, " ");
  });
  return (opening.elisions ?? []).reduce((text, [composed, written]) => text.replace(composed, written), words);
}

function calendarDay({ year, month, day }: DateTime): number {
  return Date.UTC(year, month - 1, day) / 86_400_000;
}

/** The visitor's own tag where the words are in its language (en-GB writes 14:00), else the language of the words. */
function intlTag(locale: string | null | undefined): string {
  const language = resolveLocale(locale, LOCALES);
  const requested = parseLocale(locale);
  return requested && requested.language === language ? requested.toString() : language;
}

interface Formatters {
  readonly time: Intl.DateTimeFormat;
  readonly weekday: Intl.DateTimeFormat;
  readonly day: Intl.DateTimeFormat;
}
const MOST_FORMATTERS = 200;
const knownFormatters = new Map<string, Formatters>();

/** Formatters are slow to make and asked for on every offline answer; the number kept is bounded, as callers choose the tag. */
function formatters(tag: string, timeZone: string): Formatters {
  const key = `${tag} ${timeZone}`;
  const known = knownFormatters.get(key);
  if (known) return known;
  const base = { timeZone, calendar: "gregory" } as const;
  const made: Formatters = {
    time: new Intl.DateTimeFormat(tag, { ...base, hour: "numeric", minute: "2-digit" }),
    weekday: new Intl.DateTimeFormat(tag, { ...base, weekday: "long" }),
    day: new Intl.DateTimeFormat(tag, { ...base, day: "numeric", month: "long" }),
  };
  if (knownFormatters.size >= MOST_FORMATTERS) knownFormatters.clear();
  knownFormatters.set(key, made);
  return made;
}
