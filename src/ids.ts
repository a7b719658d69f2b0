import { randomBytes } from "node:crypto";

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const TIME_CHARACTERS = 10;
const RANDOM_BYTES = 10;

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
  webhook: "whk",
  request: "req",
} as const;
export type IdKind = keyof typeof ID_PREFIXES;

let lastTime = 0;
let counter = 0n;

/**
 * A new id such as `hnd_01kb3…`: milliseconds first, so that new rows land beside each other in the index, then 80 random
 * bits, which nobody guesses. Ids made by one process sort in the order in which they were made.
 */
export function newId(kind: IdKind): string {
  const now = Math.max(Date.now(), lastTime);
  counter = now === lastTime ? counter + 1n : BigInt(`0x${randomBytes(RANDOM_BYTES).toString("hex")}`) >> 1n;
  lastTime = now;
  return `${ID_PREFIXES[kind]}_${base32(BigInt(now), TIME_CHARACTERS)}${base32(counter, (RANDOM_BYTES * 8) / 5)}`;
}

function base32(value: bigint, length: number): string {
  let text = "";
  for (let rest = value; text.length < length; rest >>= 5n) text = ALPHABET.charAt(Number(rest & 31n)) + text;
  return text;
}

/** 128 random bits as text, for the secret part of a path. */
export function newSecret(): string {
  return randomBytes(16).toString("base64url");
}
