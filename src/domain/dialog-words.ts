import type { DialogWord, LanguageTexts } from "./language-texts.ts";

/** What a message says that is not an answer in itself. `unclear`: it may be an answer. */
export type Saying = "yes" | "no" | "unclear";

/** A message longer than this holds more than a word. */
const LONGEST_WORDS = 120;
const MOST_WORDS_IN_PHRASE = 6;

/** Understood whatever the language of the question, which may be wrong: words that say the same wherever they are one. */
const EVERYWHERE: Readonly<Partial<Record<DialogWord, readonly string[]>>> = {
  yes: ["yes", "oui", "sim", "da", "да", "evet", "はい", "نعم", "हाँ"],
  no: ["non", "nein", "nee", "nu", "não", "hayır", "нет", "いいえ", "لا", "नहीं"],
  stop: ["stop"],
  skip: ["skip"],
  beside: ["ok", "okay"],
};

/** Emoji that take back the word they stand beside. */
const CONTRARY = /[\u{1f44e}\u{274c}\u{1f6ab}\u{26d4}\u{2716}\u{1f645}]/u;
const QUESTION = /[?\u061f\uff1f\u2047-\u2049]/;
const DASHES = /^[-\u2010-\u2015\u2212\u30fc\ufe58\ufe63\uff0d_]+$/;

/**
 * Whether the whole message says yes or no, in the language of the texts: case, accents, punctuation, emoji, repeated letters and
 * words of courtesy do not matter. Anything else in it, a question mark included, makes it unclear; so is "ok" alone.
 */
export function yesOrNo(text: string, texts: LanguageTexts): Saying {
  const known = phrasesOf(texts);
  if (saysOnly(text, [known.no], [known.beside])) return "no";
  const isYes = !QUESTION.test(text) && !CONTRARY.test(text) && saysOnly(text, [known.yes], [known.beside]);
  return isYes ? "yes" : "unclear";
}

/**
 * Whether the whole message asks to be left alone.
 *
 * @param isLoose false: only by the word that was told (or "stop"), where "cancel" may well be an answer
 */
export function saysStop(text: string, texts: LanguageTexts, isLoose: boolean): boolean {
  const known = phrasesOf(texts);
  const told = compiled([...texts.dialog.words.stop.slice(0, 1), ...(EVERYWHERE.stop ?? [])]);
  return saysOnly(text, [isLoose ? known.stop : told], [known.beside, known.no]);
}

/** Whether the whole message leaves a question unanswered: a dash, a word for it, or a no. */
export function saysSkip(text: string, texts: LanguageTexts): boolean {
  if (DASHES.test(text.slice(0, LONGEST_WORDS).replace(/[\s\p{Cf}"'`“”„«»‘’‹›「」]/gu, ""))) return true;
  const known = phrasesOf(texts);
  return saysOnly(text, [known.skip, known.no], [known.beside]);
}

/** Whether the message is a question, as a name never is. */
export function asksBack(text: string): boolean {
  return QUESTION.test(text.trimEnd().slice(-1));
}

type Phrases = ReadonlySet<string>;

/** Whether the message is made of these phrases, at least one, and nothing but what may stand beside them. */
function saysOnly(text: string, wanted: readonly Phrases[], beside: readonly Phrases[]): boolean {
  if (text.length > LONGEST_WORDS) return false;
  const plain = plainWords(text);
  return [plain, withoutDrawl(plain)].some((words) => isMadeOf(words, wanted, beside));
}

function isMadeOf(words: readonly string[], wanted: readonly Phrases[], beside: readonly Phrases[]): boolean {
  let isFound = false;
  for (let at = 0; at < words.length;) {
    const length = phraseAt(words, at, [...wanted, ...beside]);
    if (length === 0) return false;
    const phrase = words.slice(at, at + length).join(" ");
    isFound ||= wanted.some((phrases) => phrases.has(phrase));
    at += length;
  }
  return isFound;
}

/** How many words the longest known phrase at this place has; 0 for none. */
function phraseAt(words: readonly string[], at: number, known: readonly Phrases[]): number {
  for (let length = Math.min(MOST_WORDS_IN_PHRASE, words.length - at); length > 0; length -= 1) {
    const phrase = words.slice(at, at + length).join(" ");
    if (known.some((phrases) => phrases.has(phrase))) return length;
  }
  return 0;
}

/** "¡Sí, señor! 👍" is `si`, `senor`: lower case without accents, apostrophes, punctuation and emoji. */
function plainWords(text: string): string[] {
  return text
    .toLowerCase()
    .normalize("NFKD")
    .replace(/[\p{Cf}'’‘ʼ`´\u0640]|[\u0300-\u036f]|[\u064b-\u065f]|\u0670|\u20e3|\ufe0f/gu, "")
    .normalize("NFC")
    .replaceAll("ı", "i")
    .replaceAll("ß", "ss")
    .replaceAll("ة", "ه")
    .replaceAll("ى", "ي")
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, " ")
    .split(" ")
    .filter((word) => word !== "");
}

/** "yesss" is "yes". */
const withoutDrawl = (words: readonly string[]): string[] => words.map((word) => word.replace(/(\p{L})\1{2,}/gu, "$1"));

const compiled = (phrases: readonly string[]): Phrases =>
  new Set(phrases.map((phrase) => plainWords(phrase).join(" ")));

const known = new Map<LanguageTexts, Readonly<Record<DialogWord, Phrases>>>();

function phrasesOf(texts: LanguageTexts): Readonly<Record<DialogWord, Phrases>> {
  const before = known.get(texts);
  if (before !== undefined) return before;
  const { words } = texts.dialog;
  const all = (kind: DialogWord) => compiled([...words[kind], ...(EVERYWHERE[kind] ?? [])]);
  const made = { yes: all("yes"), no: all("no"), stop: all("stop"), skip: all("skip"), beside: all("beside") };
  known.set(texts, made);
  return made;
}
