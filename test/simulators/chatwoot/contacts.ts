import { couldNotCreate, recordInvalid } from "./errors.ts";
import type { Change, Contact, ContactInbox, Inbox, Json, State } from "./state.ts";

export interface ContactFields {
  name?: string | null | undefined;
  email?: string | null | undefined;
  phone_number?: string | null | undefined;
  identifier?: string | null | undefined;
  blocked?: boolean | undefined;
  avatar_url?: string | undefined;
  custom_attributes?: Json | undefined;
  additional_attributes?: Json | undefined;
}

/** @throws Refusal 422 with every invalid or already taken attribute, as Rails lists them. */
export function createContact(state: State, fields: ContactFields): Contact {
  const values = normalise(fields);
  refuseInvalid(state, values, null);
  const now = state.clock();
  const contact: Contact = {
    id: state.nextId("contact"),
    name: values.name ?? "",
    email: values.email ?? null,
    phoneNumber: values.phone_number ?? null,
    identifier: values.identifier ?? null,
    blocked: fields.blocked ?? false,
    customAttributes: fields.custom_attributes ?? {},
    additionalAttributes: fields.additional_attributes ?? {},
    labels: [],
    // The picture of avatar_url is fetched by a later job; here it never comes.
    avatarUrl: "",
    lastActivityAt: null,
    createdAt: now,
    updatedAt: now,
  };
  state.contacts.set(contact.id, contact);
  state.events.emit("happening", { event: "contact_created", contactId: contact.id });
  state.events.emit("change");
  return contact;
}

/** Attributes are merged key by key (3.3); other fields are replaced when they were sent. */
export function updateContact(state: State, contact: Contact, fields: ContactFields): void {
  const values = normalise(fields);
  refuseInvalid(state, values, contact);
  const wanted: Partial<Contact> = {
    ...(values.name === undefined ? {} : { name: values.name ?? "" }),
    ...(values.email === undefined ? {} : { email: values.email }),
    ...(values.phone_number === undefined ? {} : { phoneNumber: values.phone_number }),
    ...(values.identifier === undefined ? {} : { identifier: values.identifier }),
    ...(fields.blocked === undefined ? {} : { blocked: fields.blocked }),
    customAttributes: { ...contact.customAttributes, ...fields.custom_attributes },
    additionalAttributes: { ...contact.additionalAttributes, ...fields.additional_attributes },
  };
  const changes: Change[] = [];
  for (const key of Object.keys(wanted) as (keyof Contact)[]) {
    if (JSON.stringify(contact[key]) === JSON.stringify(wanted[key])) continue;
    changes.push({
      field: key.replaceAll(/[A-Z]/g, (c) => `_${c.toLowerCase()}`),
      before: contact[key],
      after: wanted[key],
    });
  }
  if (changes.length === 0) return;
  const before = contact.updatedAt.toISOString();
  Object.assign(contact, wanted, { updatedAt: state.clock() });
  changes.push({ field: "updated_at", before, after: contact.updatedAt.toISOString() });
  state.events.emit("happening", { event: "contact_updated", contactId: contact.id, changes });
  state.events.emit("change");
}

const blankToNull = (value: string | null | undefined) => (value === undefined ? undefined : value || null);

function normalise(fields: ContactFields) {
  return {
    name: fields.name,
    email: blankToNull(fields.email)?.toLowerCase() ?? blankToNull(fields.email),
    phone_number: blankToNull(fields.phone_number),
    identifier: blankToNull(fields.identifier),
  };
}

function refuseInvalid(state: State, values: ReturnType<typeof normalise>, self: Contact | null): void {
  const faults: [string, string][] = [];
  const others = [...state.contacts.values()].filter((contact) => contact !== self);
  const { email, phone_number: phone, identifier } = values;
  if (email && others.some((c) => c.email === email)) faults.push(["email", "Email has already been taken"]);
  if (email && !/^[^@\s]+@[^@\s]+$/.test(email)) faults.push(["email", "Email Invalid email"]);
  if (identifier && others.some((c) => c.identifier === identifier)) {
    faults.push(["identifier", "Identifier has already been taken"]);
  }
  if (phone && others.some((c) => c.phoneNumber === phone)) {
    faults.push(["phone_number", "Phone number has already been taken"]);
  }
  if (phone && !/^\+[1-9]\d{1,14}$/.test(phone)) {
    faults.push(["phone_number", "Phone number should be in e164 format"]);
  }
  for (const [attribute, value] of Object.entries(values)) {
    if ((value?.length ?? 0) <= 255) continue;
    const label = attribute.slice(0, 1).toUpperCase() + attribute.slice(1).replace("_", " ");
    faults.push([attribute, `${label} is too long (maximum is 255 characters)`]);
  }
  if (faults.length > 0) throw recordInvalid(faults);
}

/**
 * The contact's place in an inbox: the existing one for the same contact and source id, else a new one.
 *
 * @throws Refusal 422 when another contact has that source id in that inbox (5.6).
 */
export function contactInboxFor(state: State, contact: Contact, inbox: Inbox, sourceId?: string): ContactInbox {
  const taken = sourceId === undefined ? undefined : findContactInbox(state, inbox.id, sourceId);
  if (taken && taken.contactId !== contact.id) throw couldNotCreate("source_id should be unique");
  if (taken) return taken;
  const now = state.clock();
  const contactInbox: ContactInbox = {
    id: state.nextId("contactInbox"),
    contactId: contact.id,
    inboxId: inbox.id,
    sourceId: sourceId ?? state.uuid(),
    pubsubToken: state.token(24),
    createdAt: now,
    updatedAt: now,
  };
  state.contactInboxes.set(contactInbox.id, contactInbox);
  state.events.emit("change");
  return contactInbox;
}

export function findContactInbox(state: State, inboxId: number, sourceId: string): ContactInbox | undefined {
  for (const item of state.contactInboxes.values()) {
    if (item.inboxId === inboxId && item.sourceId === sourceId) return item;
  }
  return undefined;
}
