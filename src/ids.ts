import { randomFillSync } from "node:crypto";

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const TIME_CHARACTERS = 10;
const RANDOM_CHARACTERS = 16;

export const ID_PREFIXES = {
  workspace: "ws",
  bot: "bot",
  member: "mem",
  connection: "con",
  conversation: "cnv",
  message: "msg",
  handoff: "hnd",
  lead: "led",
  token: "tok",
  audit: "aud",
  erasure: "era",
  session: "ses",
  webhook: "whk",
  request: "req",
} as const;
export type IdKind = keyof typeof ID_PREFIXES;

let lastTime = 0;
let timeText = "";
/** The random part of the last id, five bits a digit. */
const digits = new Uint8Array(RANDOM_CHARACTERS);

/**
 * A new id such as `hnd_01kb3…`: milliseconds first, so that new rows land beside each other in the index, then 80 random
 * bits, which nobody guesses. Ids made by one process sort in the order in which they were made.
 */
export function newId(kind: IdKind): string {
  const now = Math.max(Date.now(), lastTime);
  if (now === lastTime) countOn();
  else {
    lastTime = now;
    timeText = base32(now);
    randomFillSync(digits);
    for (let i = 0; i < RANDOM_CHARACTERS; i += 1) digits[i] = (digits[i] ?? 0) & 31;
    // Room to count on within this millisecond.
    digits[0] = (digits[0] ?? 0) & 15;
  }
  let text = `${ID_PREFIXES[kind]}_${timeText}`;
  for (const digit of digits) text += ALPHABET.charAt(digit);
  return text;
}

/** The next number above the last one. By a random step, so that an id does not give away the next one. */
function countOn(): void {
  let carry = stepSize();
  for (let i = RANDOM_CHARACTERS - 1; carry > 0 && i >= 0; i -= 1) {
    const sum = (digits[i] ?? 0) + carry;
    digits[i] = sum & 31;
    carry = Math.floor(sum / 32);
  }
}

const steps = new Uint32Array(256);
let stepsLeft = 0;

function stepSize(): number {
  if (stepsLeft === 0) {
    randomFillSync(steps);
    stepsLeft = steps.length;
  }
  stepsLeft -= 1;
  return (steps[stepsLeft] ?? 0) + 1;
}

function base32(value: number): string {
  let text = "";
  for (let rest = value; text.length < TIME_CHARACTERS; rest = Math.floor(rest / 32))
    text = ALPHABET.charAt(rest % 32) + text;
  return text;
}

/** 128 random bits as text, for the secret part of a path. */
export function newSecret(): string {
  return randomFillSync(Buffer.alloc(16)).toString("base64url");
}
