import { ErasureOrder, PersonGiven } from "../../domain/person.ts";
import { exportPerson } from "../../handoffs/person-export.ts";
import { conversationsOf, isPerson } from "../../handoffs/person.ts";
import type { Reads } from "../../ports-store.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import type { AdminDeps } from "./deps.ts";
import { erasurePart } from "./people-erase.ts";
import { PersonFound, Receipt, showErasure } from "./people-views.ts";

const TAG = "People";
const MOST_SHOWN = 100;

/**
 * A person's own data, for who answers their requests. The person is named in the body: no address stands in a URL or a log. No route here
 * keeps its answer for a repeated request, since what is kept would be about the person; each may be repeated as it is.
 */
export function peopleRoutes(deps: AdminDeps): Route[] {
  const { store } = deps;
  const erasures = erasurePart(deps);
  return [
    defineRoute({
      method: "POST",
      path: "/v1/people/search",
      summary: "Find a person",
      description: "By email, phone number or the bot's id of the visitor; whoever fits one of them is found.",
      tag: TAG,
      scopes: ["admin"],
      body: PersonGiven,
      responses: { 200: { description: "Where the person was met", schema: PersonFound } },
      idempotent: false,
      async handler({ principal, body }) {
        const { workspaceId } = principal;
        const ids = await conversationsOf(store.read, workspaceId, isPerson(body));
        const conversations = [];
        for (const id of ids.slice(0, MOST_SHOWN))
          conversations.push(...(await summaryOf(store.read, workspaceId, id)));
        const before = await erasures.ofPerson(workspaceId, body);
        return {
          status: 200,
          body: { conversations, others: Math.max(0, ids.length - MOST_SHOWN), erasures: before.map(showErasure) },
        };
      },
    }),
    defineRoute({
      method: "POST",
      path: "/v1/people/export",
      summary: "Export all that is held about a person",
      description:
        "One JSON document: conversations with messages, events, handoffs, leads, consents and what was handed on, webhooks and kept " +
        "answers. Noted in the audit log.",
      tag: TAG,
      scopes: ["admin"],
      body: PersonGiven,
      responses: { 200: { description: "The document", contentType: "application/json" } },
      idempotent: false,
      async handler({ principal, body, now, unit, audit }) {
        const { workspaceId } = principal;
        const conversationIds = await conversationsOf(store.read, workspaceId, isPerson(body));
        const object = erasures.objectOf(workspaceId, body);
        await unit(async (tx) => {
          await audit.note(tx, { workspaceId, action: "person.exported", object });
          return { status: 200 };
        });
        return {
          chunks: exportPerson(store.read, { workspaceId, conversationIds, now }),
          contentType: "application/json; charset=utf-8",
          fileName: `person-${now.toISOString().slice(0, 10)}.json`,
        };
      },
    }),
    defineRoute({
      method: "POST",
      path: "/v1/people/erase",
      summary: "Erase a person",
      description:
        "Everywhere and for good. Refused while the team has the visitor, unless `force` is set. The receipt says what was erased and " +
        "names the copies that helpdesks and mailboxes were given, which you must erase there. Erasing once more does nothing, or goes " +
        "on with what was cut off.",
      tag: TAG,
      scopes: ["admin"],
      body: ErasureOrder,
      responses: { 200: { description: "The receipt", schema: Receipt } },
      errors: [409],
      idempotent: false,
      handler({ principal, body, now, unit, audit }) {
        const { force, ...person } = body;
        return erasures.erase({ principal, person, force, now, unit, audit });
      },
    }),
    ...erasures.routes,
  ];
}

async function summaryOf(reads: Reads, workspaceId: string, id: string) {
  const conversation = await reads.conversation(workspaceId, id);
  if (conversation === null) return [];
  const { id: visitorId, name, email, phone } = conversation.visitor;
  const handoffs = await reads.handoffsOfConversation(workspaceId, id);
  const leads = [];
  for (const { id: handoffId } of handoffs) {
    const lead = await reads.leadOfHandoff(workspaceId, handoffId);
    if (lead === null) continue;
    const { contact, createdAt } = lead;
    leads.push({
      id: lead.id,
      name: contact.name,
      email: contact.email,
      phone: contact.phone,
      createdAt: createdAt.toISOString(),
    });
  }
  return [
    {
      id,
      botId: conversation.botId,
      conversationId: conversation.key,
      visitor: { id: visitorId, name, email, phone },
      createdAt: conversation.createdAt.toISOString(),
      handoffs: handoffs.length,
      openHandoffs: handoffs.filter(({ endedAt }) => endedAt === null).length,
      leads,
    },
  ];
}
