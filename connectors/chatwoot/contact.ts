import { z } from "zod";
import { cleanText, clipText } from "../../src/domain/clean-text.ts";
import type { HandoffBrief } from "../../src/domain/transcript.ts";
import type { Call, Client } from "./client.ts";
import { Refusal } from "./failures.ts";
import { Contact, wrapped } from "./shapes.ts";

/** Who a conversation is with, as far as we know. */
export interface Known {
  /** The bot's id of the visitor; null for an anonymous one. */
  readonly visitorId: string | null;
  readonly name: string | null;
  readonly email: string | null;
  readonly phone: string | null;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** Where a contact is looked for and put. */
export interface Place {
  readonly inboxId: number;
  /** Baton's id of the conversation. */
  readonly conversationId: string;
  /** The contact of an earlier handoff, if there was one. */
  readonly contactId: string | null;
}

/** The id of our conversation inside the inbox: the same for every handoff of it, so that all of them find each other. */
export const sourceIdOf = (conversationId: string): string => `baton-${conversationId}`;

/** Longest text that Chatwoot takes in an attribute (chatwoot: app/models/jsonb_attributes_length_validator.rb). */
export const LONGEST_ATTRIBUTE = 1_500;
const LARGEST_INTEGER = 9_999_999_999;

export function knownFrom({ visitor }: HandoffBrief): Known {
  return {
    visitorId: visitor?.id || null,
    name: visitor?.name || null,
    email: visitor?.email || null,
    phone: visitor?.phone || null,
    attributes: visitor?.attributes ?? {},
  };
}

/**
 * The contact for a visitor, with its place in the inbox: an existing one where there is one, completed where it lacks
 * something and never overwritten, else a new one. Repeating it changes nothing.
 *
 * An email or phone number that Chatwoot refuses, or that belongs to somebody else, goes into the attributes
 * `email_as_given` and `phone_as_given`: a mistyped number must not keep the visitor from a person.
 *
 * @param extra attributes to set in any case: ours, so they may be overwritten
 */
export async function ensureContact(
  client: Client,
  known: Known,
  place: Place,
  extra: Readonly<Record<string, unknown>> = {},
): Promise<{ id: number }> {
  const found = (await byId(client, place.contactId)) ?? (await holderOf(client, place)) ?? (await find(client, known));
  if (!found) return create(client, known, place, extra);
  await complete(client, found, known, (name) => name === placeholderName(place), extra);
  return join(client, found, place);
}

/** Completes a contact that has its place already, as {@link ensureContact} does; one that is gone is left alone. */
export async function completeContact(
  client: Client,
  id: string,
  known: Known,
  extra: Readonly<Record<string, unknown>>,
): Promise<void> {
  const contact = await byId(client, id);
  if (contact) await complete(client, contact, known, isMadeUpName, extra);
}

async function byId(client: Client, id: string | null): Promise<Contact | null> {
  if (id === null || !/^\d+$/.test(id)) return null;
  const answer = wrapped(Contact);
  const found = await client.tryCall(
    { method: "GET", path: `/contacts/${id}`, doing: "read the contact", answer },
    // Deleted, or merged into another contact, which is then found by what is known of the visitor.
    [404],
  );
  return found?.payload ?? null;
}

/** The contact that has our conversation's place in the inbox already. */
function holderOf(client: Client, place: Place): Promise<Contact | null> {
  return client.tryCall(
    {
      method: "POST",
      isRead: true,
      path: "/contact_inboxes/filter",
      doing: "look for the contact of the conversation",
      json: { inbox_id: place.inboxId, source_id: sourceIdOf(place.conversationId) },
      answer: Contact,
    },
    [404],
  );
}

async function find(client: Client, known: Known): Promise<Contact | null> {
  const email = known.email?.toLowerCase();
  const { visitorId, phone } = known;
  if (visitorId) {
    const found = await filter(client, "identifier", visitorId, (contact) => contact.identifier === visitorId);
    if (found) return found;
  }
  if (email) {
    const found = await filter(client, "email", email, (contact) => contact.email?.toLowerCase() === email);
    if (found) return found;
  }
  if (!phone || !isE164(phone)) return null;
  // Releases differ in whether they put the plus sign before the value themselves.
  const digits = phone.slice(1);
  return filter(client, "phone_number", digits, (contact) => contact.phone_number === phone, phone);
}

/** Chatwoot's filter ignores case, also where ids differ by it: what it finds is compared again. */
async function filter(
  client: Client,
  key: "identifier" | "email" | "phone_number",
  value: string,
  fits: (contact: Contact) => boolean,
  otherwise?: string,
): Promise<Contact | null> {
  const condition = { attribute_key: key, filter_operator: "equal_to", values: [cleanText(value)] };
  const { payload } = await client.call({
    method: "POST",
    isRead: true,
    path: "/contacts/filter",
    doing: "look for the contact",
    json: { payload: [condition] },
    answer: wrapped(z.array(Contact)),
  });
  const found = payload.find(fits) ?? null;
  return found || otherwise === undefined ? found : filter(client, key, otherwise, fits);
}

interface Fields {
  name?: string;
  identifier?: string;
  email?: string;
  phone_number?: string;
  custom_attributes?: Record<string, unknown>;
}

const asGiven = { email: "email_as_given", phone_number: "phone_as_given" } as const;
type Doubtful = keyof typeof asGiven;

const Created = wrapped(
  z.looseObject({
    contact: Contact,
    contact_inbox: z
      .looseObject({ source_id: z.string().nullish().catch(null) })
      .nullish()
      .catch(null),
  }),
);

async function create(
  client: Client,
  known: Known,
  place: Place,
  extra: Readonly<Record<string, unknown>>,
): Promise<{ id: number }> {
  const sourceId = sourceIdOf(place.conversationId);
  let fields: Fields = {
    name: known.name ?? placeholderName(place),
    identifier: known.visitorId ?? `baton:${place.conversationId}`,
    ...(known.email ? { email: known.email } : {}),
    custom_attributes: { ...attributesOf(known.attributes), ...attributesOf(extra) },
  };
  fields = withPhone(fields, known.phone);
  for (;;) {
    try {
      const { payload } = await client.call({
        method: "POST",
        path: "/contacts",
        doing: "create the contact",
        json: { inbox_id: place.inboxId, source_id: sourceId, ...fields },
        answer: Created,
      });
      return payload.contact_inbox?.source_id === sourceId
        ? payload.contact
        : await join(client, payload.contact, place);
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 422) throw error;
      // Somebody was faster, or the filter cannot see the contact: it is there now.
      const other = error.isTaken ? await afterClash(client, known, place) : null;
      if (other) return join(client, other, place);
      const fewer = withoutRefused(fields, error.attributes);
      if (fewer === null) throw error;
      fields = fewer;
    }
  }
}

async function afterClash(client: Client, known: Known, place: Place): Promise<Contact | null> {
  const own = `baton:${place.conversationId}`;
  return (
    (await holderOf(client, place)) ??
    (await find(client, known)) ??
    (known.visitorId ? null : await filter(client, "identifier", own, (contact) => contact.identifier === own))
  );
}

/** The fields without those that Chatwoot refused, their values kept as attributes; null when nothing is left to take out. */
function withoutRefused(fields: Fields, refused: readonly string[]): Fields | null {
  const doubtful = (["email", "phone_number"] as const).filter((field) => fields[field] !== undefined);
  const named = doubtful.filter((field) => refused.includes(field));
  if (named.length > 0) return moveToAttributes(fields, named);
  // A contact that cannot be found again by its id is better than none.
  for (const field of ["identifier", "custom_attributes"] as const) {
    if (!refused.includes(field) || fields[field] === undefined) continue;
    const { [field]: _, ...rest } = fields;
    return rest;
  }
  // Refused without saying what for: the two that people mistype go first.
  return doubtful.length > 0 && refused.length === 0 ? moveToAttributes(fields, doubtful) : null;
}

function moveToAttributes(fields: Fields, moved: readonly Doubtful[]): Fields {
  const kept: Fields = { ...fields, custom_attributes: { ...fields.custom_attributes } };
  for (const field of moved) {
    kept.custom_attributes = { ...kept.custom_attributes, [asGiven[field]]: fields[field] };
    delete kept[field];
  }
  return kept;
}

function withPhone(fields: Fields, phone: string | null): Fields {
  if (!phone) return fields;
  const with_ = { ...fields, phone_number: phone };
  return isE164(phone) ? with_ : moveToAttributes(with_, ["phone_number"]);
}

const isE164 = (phone: string): boolean => /^\+[1-9]\d{1,14}$/.test(phone);

/** Adds what the contact lacks. What it has is right: the team may have corrected it. */
async function complete(
  client: Client,
  contact: Contact,
  known: Known,
  isPlaceholder: (name: string) => boolean,
  extra: Readonly<Record<string, unknown>>,
): Promise<void> {
  const have = contact.custom_attributes ?? {};
  const attributes = attributesOf(known.attributes);
  const lacking = Object.fromEntries(Object.entries(attributes).filter(([key]) => !Object.hasOwn(have, key)));
  const custom = { ...lacking, ...attributesOf(extra) };
  const isNameless = !contact.name || isPlaceholder(contact.name);
  let fields: Fields = {
    ...(known.name && isNameless ? { name: known.name } : {}),
    ...(known.email && !contact.email ? { email: known.email } : {}),
    ...(Object.keys(custom).length > 0 ? { custom_attributes: custom } : {}),
  };
  if (!contact.phone_number) fields = withPhone(fields, known.phone);
  while (Object.keys(fields).length > 0) {
    const call: Call<unknown> = {
      method: "PUT",
      path: `/contacts/${contact.id}`,
      doing: "complete the contact",
      json: fields,
      answer: z.unknown(),
    };
    try {
      await client.call(call);
      return;
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 422) throw error;
      const fewer = withoutRefused(fields, error.attributes);
      // Only an addition: the contact as it is serves as well.
      if (fewer === null) return;
      fields = fewer;
    }
  }
}

/** Gives the contact our conversation's place in the inbox, unless somebody has it: then that one is the contact. */
async function join(client: Client, contact: Contact, place: Place): Promise<{ id: number }> {
  try {
    await client.call({
      method: "POST",
      path: `/contacts/${contact.id}/contact_inboxes`,
      doing: "connect the contact with the inbox",
      json: { inbox_id: place.inboxId, source_id: sourceIdOf(place.conversationId) },
      answer: z.looseObject({ source_id: z.string() }),
    });
    return contact;
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== 422) throw error;
    const holder = await holderOf(client, place);
    if (!holder) throw error;
    return holder;
  }
}

/** A name for a contact without one: Chatwoot's list shows nothing else. */
const placeholderName = ({ conversationId }: Place): string => `Visitor ${conversationId.slice(-4)}`;

/** Chatwoot gives a website's stranger such a name: `silent-river-204` (chatwoot: app/builders/contact_inbox_with_contact_builder.rb). */
export const isMadeUpName = (name: string): boolean => /^[a-z]{2,20}-[a-z]{2,20}-\d{1,4}$/.test(name);

/** Values that Chatwoot takes: short texts, numbers that fit, yes or no. */
export function attributesOf(given: Readonly<Record<string, unknown>>): Record<string, string | number | boolean> {
  const taken: [string, string | number | boolean][] = [];
  for (const [key, value] of Object.entries(given)) {
    if (value === null || value === undefined) continue;
    if (typeof value === "boolean") taken.push([key, value]);
    else if (typeof value === "number" && Math.abs(value) <= LARGEST_INTEGER) taken.push([key, value]);
    else taken.push([key, clipText(cleanText(textOf(value)), LONGEST_ATTRIBUTE)]);
  }
  return Object.fromEntries(taken);
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : (JSON.stringify(value) ?? ""));
