import { z } from "zod";
import { contactInboxShape, contactShape, conversationShape } from "../api-shapes.ts";
import { contactInboxFor, createContact, findContactInbox, updateContact } from "../contacts.ts";
import { couldNotCreate, forbiddenByPolicy } from "../errors.ts";
import { FilterBody, filterRows } from "../filters.ts";
import { removeContact } from "../removal.ts";
import { find, maySeeInbox, pageOf, route } from "../router.ts";
import type { Contact, Conversation, State } from "../state.ts";

const account = "/api/v1/accounts/:account_id";
const pageSize = 15;
const Attributes = z.record(z.string(), z.unknown());
const ContactBody = z.strictObject({
  name: z.string().optional(),
  email: z.string().optional(),
  phone_number: z.string().optional(),
  identifier: z.string().optional(),
  blocked: z.boolean().optional(),
  avatar_url: z.string().optional(),
  custom_attributes: Attributes.optional(),
  additional_attributes: Attributes.optional(),
});
const NewContactBody = ContactBody.extend({ inbox_id: z.int().optional(), source_id: z.string().optional() });
const Page = z.string().regex(/^\d+$/).optional();

const withInboxes = { withInboxes: true };
const newestFirst = (a: Contact, b: Contact) => b.id - a.id;

export const contactRoutes = [
  route(`POST ${account}/contacts`, {
    who: "users",
    body: NewContactBody,
    handle: ({ state, body }) => {
      // One transaction: an unknown inbox or a taken source id leaves no contact behind.
      const inbox = body.inbox_id === undefined ? null : find(state.inboxes, body.inbox_id);
      if (inbox && body.source_id !== undefined && findContactInbox(state, inbox.id, body.source_id)) {
        throw couldNotCreate("source_id should be unique");
      }
      const contact = createContact(state, body);
      const contactInbox = inbox && contactInboxFor(state, contact, inbox, body.source_id);
      return {
        body: {
          payload: {
            contact: contactShape(state, contact, withInboxes),
            contact_inbox: contactInbox
              ? {
                  inbox: { id: inbox.id, name: inbox.name, account_id: state.accountId },
                  source_id: contactInbox.sourceId,
                }
              : { inbox: null, source_id: null },
          },
        },
      };
    },
  }),
  route(`GET ${account}/contacts/search`, {
    who: "users",
    query: z.strictObject({ q: z.string(), page: Page, sort: z.string().optional() }),
    handle: ({ state, query }) => {
      const q = (query.q ?? "").trim();
      if (q === "") throw couldNotCreate("Specify search string with parameter q");
      const found = [...state.contacts.values()].filter((contact) => mentions(contact, q)).sort(newestFirst);
      const page = pageOf(found, query.page, pageSize);
      return {
        body: {
          meta: {
            count: page.length,
            current_page: query.page ?? 1,
            has_more: pageOf(found, Number(query.page ?? 1) + 1, pageSize).length > 0,
          },
          payload: page.map((contact) => contactShape(state, contact, withInboxes)),
        },
      };
    },
  }),
  route(`POST ${account}/contacts/filter`, {
    who: "users",
    body: FilterBody,
    query: z.strictObject({ page: Page }),
    handle: ({ state, body, query }) => {
      const found = filterRows(state, filterable(state), body, "contact_attribute", {
        name: (c) => c.name,
        email: (c) => c.email,
        phone_number: (c) => c.phoneNumber,
        identifier: (c) => c.identifier,
        blocked: (c) => c.blocked,
        created_at: (c) => c.createdAt.toISOString(),
        labels: (c) => c.labels,
      });
      return {
        body: {
          meta: { count: found.length, current_page: query.page ?? 1 },
          payload: pageOf(found.sort(newestFirst), query.page, pageSize).map((c) =>
            contactShape(state, c, withInboxes),
          ),
        },
      };
    },
  }),
  route(`GET ${account}/contacts/:id`, {
    who: "users",
    query: z.strictObject({ include_contact_inboxes: z.string().optional() }),
    handle: ({ state, params }) => ({
      body: { payload: contactShape(state, find(state.contacts, params["id"]), withInboxes) },
    }),
  }),
  ...(["PUT", "PATCH"] as const).map((method) =>
    route(`${method} ${account}/contacts/:id`, {
      who: "users",
      // PATCH is Rails' twin of the published PUT.
      isChecked: method === "PUT",
      body: ContactBody,
      handle: ({ state, params, body }) => {
        const contact = find(state.contacts, params["id"]);
        updateContact(state, contact, body);
        return { body: { payload: contactShape(state, contact, withInboxes) } };
      },
    }),
  ),
  route(`DELETE ${account}/contacts/:id`, {
    who: "administrator",
    handle: ({ state, params }) => {
      removeContact(state, find(state.contacts, params["id"]));
      return {};
    },
  }),
  route(`GET ${account}/contacts/:id/conversations`, {
    who: "users",
    handle: (context) => {
      const { state, params, baseUrl } = context;
      const contact = find(state.contacts, params["id"]);
      const newest = [...state.conversations.values()]
        .filter((c) => c.contactId === contact.id && maySeeInbox(context, state.inboxes.get(c.inboxId)!))
        .sort(byActivity)
        .slice(0, 20);
      return { body: { payload: newest.map((c) => conversationShape(state, c, baseUrl)) } };
    },
  }),
  route(`POST ${account}/contacts/:id/contact_inboxes`, {
    who: "users",
    body: z.strictObject({ inbox_id: z.int(), source_id: z.string().optional() }),
    handle: (context) => {
      const { state, params, body } = context;
      const contact = find(state.contacts, params["id"]);
      const inbox = find(state.inboxes, body.inbox_id);
      if (!maySeeInbox(context, inbox)) throw forbiddenByPolicy();
      return { body: contactInboxShape(state, contactInboxFor(state, contact, inbox, body.source_id)) };
    },
  }),
  route(`POST ${account}/contact_inboxes/filter`, {
    who: "users",
    body: z.strictObject({ inbox_id: z.int(), source_id: z.string() }),
    handle: (context) => {
      const { state, body } = context;
      const inbox = find(state.inboxes, body.inbox_id);
      if (!maySeeInbox(context, inbox)) throw forbiddenByPolicy();
      const found = findContactInbox(state, inbox.id, body.source_id);
      // No body at all when nobody is behind the source id.
      if (!found) return { status: 404 };
      return { body: contactShape(state, state.contacts.get(found.contactId)!, withInboxes) };
    },
  }),
  route(`GET ${account}/contacts/:id/labels`, {
    who: "users",
    handle: ({ state, params }) => ({ body: { payload: find(state.contacts, params["id"]).labels } }),
  }),
  route(`POST ${account}/contacts/:id/labels`, {
    who: "users",
    body: z.strictObject({ labels: z.array(z.string()) }),
    handle: ({ state, params, body }) => {
      const contact = find(state.contacts, params["id"]);
      contact.labels = [...new Set(body.labels)];
      state.events.emit("change");
      return { body: { payload: contact.labels } };
    },
  }),
];

/** Search looks for a part of name, e-mail, phone or identifier, or for the whole id; identifiers case-sensitively. */
function mentions(contact: Contact, q: string): boolean {
  const part = q.toLowerCase();
  return (
    [contact.name, contact.email, contact.phoneNumber].some((text) => text?.toLowerCase().includes(part)) ||
    (contact.identifier?.includes(q) ?? false) ||
    String(contact.id) === q
  );
}

/** Filters leave out contacts that have neither e-mail, phone nor identifier (5.6). */
const filterable = (state: State) =>
  [...state.contacts.values()].filter((c) => c.email ?? c.phoneNumber ?? c.identifier ?? null);

const byActivity = (a: Conversation, b: Conversation) =>
  b.lastActivityAt.getTime() - a.lastActivityAt.getTime() || b.id - a.id;
