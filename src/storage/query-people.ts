import { sql } from "kysely";
import type { Visitor } from "../domain/conversation.ts";
import type { LeadContact } from "../domain/lead-form.ts";
import type { Erasure, PeopleReads, Stretch } from "../ports-people.ts";
import { beforeCursor, cursorAt } from "./cursor-at.ts";
import { pageOf } from "./query-handoffs.ts";
import { consentOf } from "./query-leads.ts";
import { deliveryOf, handoffOf, time } from "./rows.ts";
import type { ErasuresTable } from "./schema.ts";
import { all } from "./statements.ts";
import type { Executor } from "./statements.ts";

/**
 * A person's data, wherever it stands. Tables are walked in the order of their keys, a stretch at a time and every workspace's rows in
 * it, of which the others' are left out here: no index knows people, and none is kept up with every message for what is asked rarely.
 */

function stretchOf<Row extends { readonly workspace_id: string; readonly id: string }, Item>(
  rows: readonly Row[],
  of: { readonly workspaceId: string; readonly limit: number },
  itemOf: (row: Row) => Item,
): Stretch<Item> {
  const last = rows.at(-1);
  const own = rows.filter((row) => row.workspace_id === of.workspaceId);
  return { items: own.map(itemOf), next: rows.length < of.limit || last === undefined ? null : last.id };
}

const erasureOf = (row: ErasuresTable): Erasure => {
  const mails = JSON.parse(row.mails) as { to: string; sentAt: string }[];
  return {
    id: row.id,
    workspaceId: row.workspace_id,
    startedAt: new Date(row.started_at),
    finishedAt: time(row.finished_at),
    actor: JSON.parse(row.actor) as Erasure["actor"],
    identifiers: JSON.parse(row.identifiers) as Erasure["identifiers"],
    counts: JSON.parse(row.counts) as Erasure["counts"],
    copies: JSON.parse(row.copies) as Erasure["copies"],
    mails: mails.map(({ to, sentAt }) => ({ to, sentAt: new Date(sentAt) })),
  };
};

export const peopleReads = (on: Executor): PeopleReads => ({
  async contactsOfConversations(workspaceId, after, limit) {
    const query = on.db
      .selectFrom("conversations")
      .select(["id", "workspace_id", "bot_id", "visitor", "created_at"])
      .where("id", ">", after)
      .orderBy("id")
      .limit(limit);
    return stretchOf(await all(on, query), { workspaceId, limit }, (row) => {
      const { id: visitorId, email, phone } = JSON.parse(row.visitor) as Visitor;
      const createdAt = new Date(row.created_at);
      return { conversationId: row.id, botId: row.bot_id, visitorId, email, phone, createdAt };
    });
  },
  async contactsOfLeads(workspaceId, after, limit) {
    const query = on.db
      .selectFrom("leads")
      .select(["id", "workspace_id", "bot_id", "conversation_id", "contact", "created_at"])
      .where("id", ">", after)
      .orderBy("id")
      .limit(limit);
    return stretchOf(await all(on, query), { workspaceId, limit }, (row) => {
      const { email, phone } = JSON.parse(row.contact) as LeadContact;
      const createdAt = new Date(row.created_at);
      return { conversationId: row.conversation_id, botId: row.bot_id, visitorId: null, email, phone, createdAt };
    });
  },
  async handoffsOfConversation(workspaceId, conversationId) {
    const query = on.db
      .selectFrom("handoffs")
      .selectAll()
      .where("workspace_id", "=", workspaceId)
      .where("conversation_id", "=", conversationId)
      .orderBy("id");
    return (await all(on, query)).map(handoffOf);
  },
  async consentsOfLead(workspaceId, leadId) {
    const query = on.db
      .selectFrom("consents")
      .selectAll()
      .where("lead_id", "=", leadId)
      .where("workspace_id", "=", workspaceId)
      .orderBy("agreed_at");
    return (await all(on, query)).map(consentOf);
  },
  async deliveriesOfConversations(workspaceId, conversationIds, after, limit) {
    const from = Number(after);
    const to = from + limit;
    const newest = on.db.selectFrom("deliveries").select("n").orderBy("n", "desc").limit(1);
    const [last] = await all(on, newest);
    const next = last === undefined || last.n <= to ? null : String(to);
    if (conversationIds.length === 0) return { items: [], next };
    const query = on.db
      .selectFrom("deliveries")
      .selectAll()
      .where("n", ">", from)
      .where("n", "<=", to)
      .where("workspace_id", "=", workspaceId)
      .where("conversation_id", "in", [...conversationIds])
      .orderBy("n");
    return { items: (await all(on, query)).map(deliveryOf), next };
  },
  async keptWebhooks(workspaceId, after, limit) {
    const query = on.db
      .selectFrom("webhooks")
      .select(["id", "workspace_id", "connection_id", "body"])
      .where("id", ">", after)
      .orderBy("id")
      .limit(limit);
    const rows = await all(on, query);
    const { items, next } = stretchOf(rows, { workspaceId, limit }, ({ id, connection_id: connectionId, body }) => ({
      id,
      connectionId,
      body,
    }));
    return { items: items.filter(({ body }) => body !== ""), next };
  },
  async keptAnswers(workspaceId, after, limit) {
    const [scope, key] = after === "" ? ["", ""] : (JSON.parse(after) as [string, string]);
    const query = on.db
      .selectFrom("answers")
      .select(["scope", "key", "body"])
      .where(sql<boolean>`(scope, key) > (${scope}, ${key})`)
      .orderBy("scope")
      .orderBy("key")
      .limit(limit);
    const rows = await all(on, query);
    const last = rows.at(-1);
    return {
      items: rows.filter((row) => row.scope.split(":")[1] === workspaceId),
      next: rows.length < limit || last === undefined ? null : JSON.stringify([last.scope, last.key]),
    };
  },
  async erasures(workspaceId, { cursor, limit }) {
    const query = on.db
      .selectFrom("erasures")
      .selectAll()
      .where("workspace_id", "=", workspaceId)
      .orderBy("started_at", "desc")
      .orderBy("id", "desc")
      .limit(limit + 1);
    const before = beforeCursor("started_at", cursor);
    const rows = await all(on, before === null ? query : query.where(before));
    return pageOf(rows.map(erasureOf), limit, ({ startedAt, id }) => cursorAt(startedAt, id));
  },
});
