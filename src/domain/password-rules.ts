/** What a password must not be, so that it is not guessed first. Length does most; this refuses what anybody tries at once. */

export const SHORTEST_PASSWORD = 12;
export const LONGEST_PASSWORD = 200;

/** Parts of the commonest passwords: what is left without them must be long enough by itself. */
const COMMON = [
  ..."password passwort motdepasse contrasena passw0rd p4ssw0rd p455w0rd parola sifre senha hunter2 letmein".split(" "),
  ..."iloveyou welcome willkommen changeme default secret administrator admin administer superuser baton".split(" "),
  ..."qwertyuiop qwertzuiop azertyuiop asdfghjkl zxcvbnm qwerty qwertz azerty 1q2w3e4r5t6y 1qaz2wsx3edc zaq12wsx".split(
    " ",
  ),
  ..."monkey dragon football baseball princess sunshine superman batman starwars whatever trustno1 shadow".split(" "),
  ..."correcthorsebatterystaple correct horse battery staple summer winter spring autumn".split(" "),
];
const LEAST_LEFT = 6;
const LEAST_CHARACTERS = 5;
/** Shorter words of a name stand in too many honest passwords. */
const SHORTEST_NAME = 4;
const SHORTEST_RUN = 8;
const STEPS_TO_NEXT = new Set([0, 1, -1]);

/** The same password however a keyboard composes its letters. Hashed and compared in this form. */
export const plainPassword = (text: string): string => text.normalize("NFKC");

/**
 * Why a password is not taken, in words for whoever chose it; null when it is.
 *
 * @param own what an attacker knows of its owner: name, email address, the workspace's name
 */
export function passwordFault(password: string, own: readonly string[]): string | null {
  const plain = plainPassword(password);
  const { length } = Array.from(plain);
  if (length < SHORTEST_PASSWORD) return `must have at least ${SHORTEST_PASSWORD} characters`;
  if (length > LONGEST_PASSWORD) return `must have at most ${LONGEST_PASSWORD} characters`;
  if (new Set(plain).size < LEAST_CHARACTERS || isRepeated(plain)) return "repeats the same few characters";
  const small = lettersOf(plain);
  if (isRun(small)) return "is a row of neighbouring characters";
  const names = own.flatMap((text) => text.split(/[^\p{L}\p{M}\p{N}]+/u).map(lettersOf));
  if (isTooLittle(small, names)) return "is little more than your name, your address or the workspace's name";
  if (isTooLittle(small, [...names, ...COMMON])) return "is one of the first that anybody would try";
  return null;
}

const lettersOf = (text: string): string =>
  text
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}]/gu, "");

/** What is left of it without these words is too short to be a password. Signs count only where there is nothing to take away. */
function isTooLittle(small: string, words: readonly string[]): boolean {
  const taken = words
    .filter((word) => word.length >= SHORTEST_NAME && small.includes(word))
    .toSorted((one, other) => other.length - one.length);
  if (taken.length === 0) return false;
  let rest = small;
  for (const word of taken) rest = rest.replaceAll(word, "");
  // Digits at the end are what people add when they are asked for more.
  return rest.replace(/\d+$/, "").length < LEAST_LEFT;
}

/** One short piece over and over. */
function isRepeated(text: string): boolean {
  for (let size = 1; size <= 4; size += 1)
    if (
      text ===
      text
        .slice(0, size)
        .repeat(Math.ceil(text.length / size))
        .slice(0, text.length)
    )
      return true;
  return false;
}

/** `abcdefghijkl`, `987654321098`: each character the next one, the one before or the same. */
function isRun(text: string): boolean {
  const codes = Array.from(text, (one) => one.codePointAt(0) ?? 0);
  const breaks = codes.filter((code, at) => at > 0 && !STEPS_TO_NEXT.has(code - (codes[at - 1] ?? 0))).length;
  return codes.length >= SHORTEST_RUN && breaks <= codes.length / 6;
}
