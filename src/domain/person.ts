import { z } from "zod";

/** What a person is known by: an address, a phone number, or the id that a bot gave its visitor. */
export const IDENTIFIER_KINDS = ["email", "phone", "visitor_id"] as const;
export type IdentifierKind = (typeof IDENTIFIER_KINDS)[number];

export interface Identifier {
  readonly kind: IdentifierKind;
  /** As it is compared, whatever the spelling. */
  readonly value: string;
  /** A visitor's id may mean somebody else to another bot; null: whichever bot. */
  readonly botId: string | null;
}

const text = z.string().trim().min(1);

const fields = {
  email: text.max(254).optional(),
  phone: text.max(40).optional().meta({ description: "With its country code: +40 722 123 456" }),
  visitorId: text.max(200).optional().meta({ description: "The bot's own id of the visitor" }),
  botId: text.max(100).optional().meta({ description: "Whose id `visitorId` is; absent: any bot's" }),
};
const Fields = z.strictObject(fields);

const namesSomebody = ({ email, phone, visitorId }: z.infer<typeof Fields>): boolean =>
  (email ?? phone ?? visitorId) !== undefined;
const NOBODY = "names nobody: give an email, a phone number or a visitorId";
const isNumber = ({ phone }: z.infer<typeof Fields>): boolean => phone === undefined || phoneOf(phone) !== null;
const NO_NUMBER = { path: ["phone"], message: "must be a phone number with at least 6 digits" };

/** How a person is named by who asks for their data. All that fit one of them are meant. */
export const PersonGiven = Fields.refine(namesSomebody, NOBODY)
  .refine(isNumber, NO_NUMBER)
  .meta({ id: "Person", description: "Somebody who spoke with a bot or left their details" });
export type PersonGiven = z.infer<typeof PersonGiven>;

/** A person, and whether to end what the team has open with them. */
export const ErasureOrder = z
  .strictObject({ ...fields, force: z.boolean().default(false) })
  .refine(namesSomebody, NOBODY)
  .refine(isNumber, NO_NUMBER)
  .meta({ id: "ErasureOrder" });

const emailOf = (given: string): string => given.normalize("NFKC").trim().toLowerCase();

const FEWEST_DIGITS = 6;
/** Digits alone, so that two spellings of a number are one. Numbers without their country are another's elsewhere, and stay apart. */
function phoneOf(given: string): string | null {
  const plain = given.normalize("NFKC").trim();
  const digits = plain.replaceAll(/\D/g, "");
  if (digits.length < FEWEST_DIGITS) return null;
  if (plain.startsWith("+")) return `+${digits}`;
  return digits.startsWith("00") ? `+${digits.slice(2)}` : digits;
}

/** What stands about a person in one place. */
export interface Contact {
  readonly email: string | null;
  readonly phone: string | null;
  readonly visitorId: string | null;
  readonly botId: string;
}

export function identifiersGiven({ email, phone, visitorId, botId }: PersonGiven): readonly Identifier[] {
  const number = phone === undefined ? null : phoneOf(phone);
  return [
    ...(email === undefined ? [] : [{ kind: "email" as const, value: emailOf(email), botId: null }]),
    ...(number === null ? [] : [{ kind: "phone" as const, value: number, botId: null }]),
    ...(visitorId === undefined ? [] : [{ kind: "visitor_id" as const, value: visitorId, botId: botId ?? null }]),
  ];
}

/** All that a contact may be meant by. */
export function identifiersOf({ email, phone, visitorId, botId }: Contact): readonly Identifier[] {
  const found = identifiersGiven({
    ...(email !== null && { email }),
    ...(phone !== null && { phone }),
    ...(visitorId !== null && { visitorId }),
  });
  return visitorId === null ? found : [...found, { kind: "visitor_id", value: visitorId, botId }];
}

export const identifierKey = ({ kind, value, botId }: Identifier): string => `${kind}\n${botId ?? ""}\n${value}`;
