import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** Codes of authenticator apps (RFC 6238: SHA-1, 30 s, six digits, which is what every app can do) and codes for when it is lost. */

const STEP_SECONDS = 30;
const DIGITS = 6;
/** RFC 4226 asks for at least 128 bits and recommends 160. */
const SECRET_BYTES = 20;
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/** A clock may be one step off, either way; a code that is being typed may end meanwhile. */
const DRIFT = [0, -1, 1] as const;

/** The secret of a new app, in base32 as apps take it. */
export const newTotpSecret = (): string => base32(randomBytes(SECRET_BYTES));

export const totpStep = (at: Date): number => Math.floor(at.getTime() / 1000 / STEP_SECONDS);

/** @param secret in base32 */
export function totpCode(secret: string, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac("sha1", bytesOf(secret)).update(counter).digest();
  const offset = (mac.at(-1) ?? 0) & 15;
  const number = mac.readUInt32BE(offset) & 0x7f_ff_ff_ff;
  return String(number % 10 ** DIGITS).padStart(DIGITS, "0");
}

/** The step that this code is of, now or next to it; null when it is of none. Whether it was used before is for the store to say. */
export function matchingStep(secret: string, code: string, now: Date): number | null {
  const present = totpStep(now);
  const given = Buffer.from(code);
  let found: number | null = null;
  for (const drift of DRIFT) {
    const expected = Buffer.from(totpCode(secret, present + drift));
    if (given.length === expected.length && timingSafeEqual(given, expected)) found ??= present + drift;
  }
  return found;
}

/** For the QR code. @param account shown in the app, such as an email address */
export function otpauthUri(secret: string, account: string): string {
  const label = `${encodeURIComponent("Baton")}:${encodeURIComponent(account)}`;
  return `otpauth://totp/${label}?secret=${secret}&issuer=Baton&algorithm=SHA1&digits=${DIGITS}&period=${STEP_SECONDS}`;
}

const RECOVERY_CODES = 10;

/** Ten codes of 80 bits each, such as `k3pd-7xqa-2mnf-w4ez`: so long that a plain hash keeps them. */
export const newRecoveryCodes = (): string[] =>
  Array.from({ length: RECOVERY_CODES }, () =>
    base32(randomBytes(10))
      .toLowerCase()
      .replaceAll(/(.{4})(?=.)/g, "$1-"),
  );

/** What the store knows of one, however it was typed. */
export const recoveryCodeHash = (code: string): string =>
  createHash("sha256")
    .update(code.toUpperCase().replaceAll(/[^A-Z2-7]/g, ""))
    .digest("base64url");

function base32(bytes: Uint8Array): string {
  let bits = "";
  for (const byte of bytes) bits += byte.toString(2).padStart(8, "0");
  return (bits.match(/.{1,5}/g) ?? []).map((five) => BASE32.charAt(parseInt(five.padEnd(5, "0"), 2))).join("");
}

function bytesOf(text: string): Buffer {
  const bits = Array.from(text, (one) => BASE32.indexOf(one).toString(2).padStart(5, "0")).join("");
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
}
