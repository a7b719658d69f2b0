import { z } from "zod";
import { clipText, oneLine } from "../../src/domain/clean-text.ts";
import { isEmailAddress } from "../../src/domain/email-address.ts";
import type { HandoffBrief } from "../../src/domain/transcript.ts";
import type { Client } from "./client.ts";
import { Refusal } from "./failures.ts";
import { userPropertiesOf, valueText } from "./properties.ts";
import type { UserProperty } from "./properties.ts";
import { Id } from "./shapes.ts";

/** Who a conversation is with, as far as we know. */
export interface Known {
  /** The bot's id of the visitor; null for an anonymous one. */
  readonly visitorId: string | null;
  readonly name: string | null;
  readonly email: string | null;
  readonly phone: string | null;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export function knownFrom({ visitor }: HandoffBrief): Known {
  return {
    visitorId: visitor?.id || null,
    name: visitor?.name || null,
    email: visitor?.email || null,
    phone: visitor?.phone || null,
    attributes: visitor?.attributes ?? {},
  };
}

const text = z.string().nullish().catch(null);

const User = z.looseObject({
  id: Id,
  created_time: text,
  email: text,
  phone: text,
  reference_id: text,
  first_name: text,
  last_name: text,
  properties: z
    .array(z.looseObject({ name: z.string(), value: z.unknown() }).nullable().catch(null))
    .nullish()
    .catch(null),
});
type User = z.infer<typeof User>;

/** The reference of a visitor without an id of the bot's, and of a user that stands for one Baton conversation alone. */
export const ownReference = (conversationId: string): string => `baton-${conversationId}`;

/**
 * The user for a visitor: an existing one where there is one, completed where it lacks something and never overwritten, else a new
 * one. Repeating it changes nothing.
 *
 * An email or phone number that FreshChat refuses becomes the property `email_as_given` or `phone_as_given`: a mistyped number must
 * not keep the visitor from a person. Throws DeliveryError.
 *
 * @param conversationId Baton's
 * @param userId of an earlier handoff, if there was one
 */
export async function ensureUser(
  client: Client,
  known: Known,
  { conversationId, userId }: { readonly conversationId: string; readonly userId: string | null },
): Promise<string> {
  const reference = known.visitorId ?? ownReference(conversationId);
  const wanted = wantedOf(known, reference, conversationId);
  const found = (await byId(client, userId)) ?? (await find(client, known, reference));
  if (found === null) return create(client, known, wanted);
  await complete(client, found, wanted);
  return found.id;
}

async function byId(client: Client, id: string | null): Promise<User | null> {
  if (id === null) return null;
  const path = `/users/${encodeURIComponent(id)}`;
  return client.tryCall({ method: "GET", path, doing: "read the visitor", answer: User }, [404]);
}

async function find(client: Client, known: Known, reference: string): Promise<User | null> {
  return (
    newest(await filter(client, "reference_id", reference, (user) => user.reference_id === reference)) ??
    // Somebody else's reference is somebody else, though the address be the same.
    newest((await sharing(client, known)).filter(({ reference_id: other }) => !other || known.visitorId === null))
  );
}

/** Those who have the visitor's email, else those who have the phone number. */
async function sharing(client: Client, { email, phone }: Known): Promise<User[]> {
  const address = email?.trim().toLowerCase() ?? "";
  if (isEmailAddress(address)) {
    const found = await filter(client, "email", address, (user) => user.email?.trim().toLowerCase() === address);
    if (found.length > 0) return found;
  }
  const digits = digitsOf(phone);
  return digits === "" || phone === null
    ? []
    : filter(client, "phone_no", phone.trim(), (user) => digitsOf(user.phone) === digits);
}

const digitsOf = (phone: string | null | undefined): string => phone?.replace(/\D/g, "") ?? "";

const Users = z.looseObject({ users: z.array(z.unknown()) });

/** What a filter finds is compared again: a filter that FreshChat does not know it may ignore. */
async function filter(
  client: Client,
  key: "reference_id" | "email" | "phone_no",
  value: string,
  fits: (user: User) => boolean,
): Promise<User[]> {
  const path = `/users?${key}=${encodeURIComponent(value)}&items_per_page=50`;
  const doing = "look for the visitor";
  // A value that it does not take is nobody's.
  const answer = await client.tryCall({ method: "GET", path, doing, answer: Users }, [400, 404]);
  return (answer?.users ?? []).flatMap((one) => {
    const { data } = User.safeParse(one);
    return data !== undefined && fits(data) ? [data] : [];
  });
}

const newest = (users: readonly User[]): User | null =>
  users.reduce<User | null>((best, user) => (best === null || madeAt(user) > madeAt(best) ? user : best), null);

const madeAt = ({ created_time: at }: User): number => (at ? Date.parse(at) || 0 : 0);

/** Fields of a user, as they are sent. */
interface Fields {
  readonly reference_id?: string;
  readonly first_name?: string;
  readonly last_name?: string;
  readonly email?: string;
  readonly phone?: string;
  readonly properties?: readonly UserProperty[];
}

/** What FreshChat may refuse, or know of somebody else. */
const asGiven = { email: "email_as_given", phone: "phone_as_given" } as const;

function wantedOf(known: Known, reference: string, conversationId: string): Fields {
  const properties = userPropertiesOf(known.attributes);
  const fields: Fields = {
    reference_id: reference,
    ...namesOf(known.name ?? placeholderName(conversationId)),
    ...(known.email && { email: known.email.trim() }),
    ...(known.phone && { phone: known.phone.trim() }),
    ...(properties.length > 0 && { properties }),
  };
  return known.email && !isEmailAddress(known.email.trim()) ? without(fields, ["email"]) : fields;
}

/** A name for a visitor without one: agents' lists show nothing else. */
const placeholderName = (conversationId: string): string => `Visitor ${conversationId.slice(-4)}`;
const isPlaceholder = (name: string): boolean => /^Visitor \S{1,4}$/.test(name);

const LONGEST_NAME = 100;

function namesOf(name: string): Pick<Fields, "first_name" | "last_name"> {
  const [first = "", ...rest] = oneLine(name).split(" ");
  const last = rest.join(" ");
  return {
    ...(first !== "" && { first_name: clipText(first, LONGEST_NAME) }),
    ...(last !== "" && { last_name: clipText(last, LONGEST_NAME) }),
  };
}

function without(fields: Fields, left: readonly (keyof typeof asGiven)[]): Fields {
  const { email, phone, ...rest } = fields;
  const given = { email, phone };
  const moved = left.flatMap((field) => {
    const value = given[field];
    return value === undefined ? [] : [{ name: asGiven[field], value }];
  });
  const properties = [...(fields.properties ?? []), ...moved];
  return {
    ...rest,
    ...(email !== undefined && !left.includes("email") && { email }),
    ...(phone !== undefined && !left.includes("phone") && { phone }),
    ...(properties.length > 0 && { properties }),
  };
}

/** The fields, then with less and less of what FreshChat may refuse without saying which it was. Each once. */
function* lessAndLess(fields: Fields): Generator<Fields> {
  const tried = new Set<string>();
  const { properties: _, ...bare } = without(fields, ["email", "phone"]);
  const ways = [
    fields,
    without(fields, ["email"]),
    without(fields, ["phone"]),
    without(fields, ["email", "phone"]),
    bare,
  ];
  for (const way of ways) {
    const written = JSON.stringify(way);
    if (tried.has(written) || Object.keys(way).length === 0) continue;
    tried.add(written);
    yield way;
  }
}

async function create(client: Client, known: Known, wanted: Fields): Promise<string> {
  let refused: unknown = null;
  for (const json of lessAndLess(wanted)) {
    try {
      const answer = z.looseObject({ id: Id });
      return (await client.call({ method: "POST", path: "/users", doing: "create the visitor", json, answer })).id;
    } catch (error) {
      if (!isAboutFields(error)) throw error;
      // Somebody was faster, or has this address under another reference: that user is there now.
      const other = error.status === 409 ? await findTaken(client, known, wanted) : null;
      if (other !== null) return other.id;
      refused = error;
    }
  }
  throw refused;
}

async function findTaken(client: Client, known: Known, { reference_id }: Fields): Promise<User | null> {
  return (await find(client, known, reference_id ?? "")) ?? newest(await sharing(client, known));
}

const isAboutFields = (error: unknown): error is Refusal =>
  error instanceof Refusal && [400, 409, 422].includes(error.status);

/** Adds what the user lacks. What it has is right: the team may have corrected it. */
async function complete(client: Client, found: User, wanted: Fields): Promise<void> {
  const lacking = lackingOf(found, wanted);
  if (Object.keys(lacking).length === 0) return;
  // The list may show less than the whole user; writing properties replaces all of them (sheet 1.7).
  const user = (await byId(client, found.id)) ?? found;
  for (const fields of lessAndLess(lackingOf(user, wanted))) {
    const json = fields.properties ? { ...fields, properties: merged(user, fields.properties) } : fields;
    try {
      const path = `/users/${encodeURIComponent(user.id)}`;
      await client.call({ method: "PUT", path, doing: "complete the visitor", json, answer: null });
      return;
    } catch (error) {
      // Only an addition: the user as it is serves as well.
      if (!isAboutFields(error) && !(error instanceof Refusal && error.status === 404)) throw error;
    }
  }
}

function lackingOf(user: User, wanted: Fields): Fields {
  const { reference_id, first_name, last_name, email, phone, properties } = wanted;
  const has = new Set(propertiesOf(user).map(({ name }) => name));
  const new_ = (properties ?? []).filter(({ name }) => !has.has(name));
  const name = [user.first_name, user.last_name].filter(Boolean).join(" ");
  const given = [first_name, last_name].filter(Boolean).join(" ");
  const isNamed = name !== "" && (!isPlaceholder(name) || isPlaceholder(given));
  return {
    ...(reference_id !== undefined && !user.reference_id && { reference_id }),
    ...(!isNamed && first_name !== undefined && { first_name, last_name: last_name ?? "" }),
    ...(email !== undefined && !user.email && { email }),
    ...(phone !== undefined && !user.phone && { phone }),
    ...(new_.length > 0 && { properties: new_ }),
  };
}

const propertiesOf = (user: User): UserProperty[] =>
  (user.properties ?? []).flatMap((property) => {
    const value = valueText(property?.value);
    return property === null || value === "" ? [] : [{ name: property.name, value }];
  });

const merged = (user: User, added: readonly UserProperty[]): UserProperty[] => {
  const has = propertiesOf(user);
  const names = new Set(has.map(({ name }) => name));
  return [...has, ...added.filter(({ name }) => !names.has(name))];
};
