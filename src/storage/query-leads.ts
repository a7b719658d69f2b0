import { setImmediate } from "node:timers/promises";
import { sql } from "kysely";
import type { SelectQueryBuilder } from "kysely";
import { HandoffError } from "../domain/errors.ts";
import type { Consent, Lead } from "../domain/handoff.ts";
import { searchTermsOf, searchTextOf } from "../domain/lead-search.ts";
import type { LeadFilter, LeadReads, LeadRecord, LeadWrites } from "../ports-leads.ts";
import { beforeCursor, cursorAt } from "./cursor-at.ts";
import { likePattern } from "./query-conversations.ts";
import { pageOf } from "./query-handoffs.ts";
import { leadOf, time } from "./rows.ts";
import type { ConsentsTable, Database, LeadsTable } from "./schema.ts";
import { all, run, statement } from "./statements.ts";
import type { Executor } from "./statements.ts";

/** Leads, and what was agreed to with them. */

const leadByHandoff = statement((db, s: { workspace_id: string; handoff_id: string }) =>
  db.selectFrom("leads").selectAll().where("handoff_id", "=", s.handoff_id).where("workspace_id", "=", s.workspace_id),
);
const leadById = statement((db, s: { workspace_id: string; id: string }) =>
  db.selectFrom("leads").selectAll().where("id", "=", s.id).where("workspace_id", "=", s.workspace_id),
);
const consentOfLead = statement((db, s: { workspace_id: string; lead_id: string }) =>
  db
    .selectFrom("consents")
    .selectAll()
    .where("lead_id", "=", s.lead_id)
    .where("workspace_id", "=", s.workspace_id)
    .orderBy("agreed_at", "desc")
    .limit(1),
);

export const consentOf = (row: ConsentsTable): Consent => ({
  business: row.business,
  purpose: row.purpose,
  text: row.text,
  version: row.version,
  locale: row.locale,
  url: row.url,
  hash: row.hash,
  agreedAt: new Date(row.agreed_at),
  method: row.method,
});

const recordOf = (row: LeadsTable, consent: Consent | null): LeadRecord => ({
  ...leadOf(row, consent),
  followUp: {
    state: row.state as LeadRecord["followUp"]["state"],
    at: time(row.state_at),
    by: row.state_by === null ? null : (JSON.parse(row.state_by) as NonNullable<LeadRecord["followUp"]["by"]>),
    note: row.note,
  },
});

type Selection = SelectQueryBuilder<Database, "leads", object>;

function filtered<Query extends Selection>(query: Query, filter: LeadFilter): Query {
  let found: Selection = query;
  if (filter.botId !== undefined) found = found.where("bot_id", "=", filter.botId);
  if (filter.state !== undefined) found = found.where("state", "=", filter.state);
  if (filter.from !== undefined) found = found.where("created_at", ">=", filter.from.getTime());
  if (filter.to !== undefined) found = found.where("created_at", "<", filter.to.getTime());
  return found as Query;
}

function searched<Query extends Selection>(query: Query, terms: readonly string[]): Query {
  let found: Selection = query;
  for (const term of terms) found = found.where(sql<boolean>`search like ${likePattern(term)} escape '\\'`);
  return found as Query;
}

const termsOf = ({ search }: LeadFilter): readonly string[] => (search === undefined ? [] : searchTermsOf(search));

/** SQLite answers in this very thread: whatever takes long there is done bit by bit. PostgreSQL is best asked once. */
const isOneStretch = (on: Executor, terms: readonly string[]): boolean => terms.length === 0 || on.forUpdate;

/** Rows that a search looks through at once: few enough that nobody waits for it. */
const WINDOW = 5_000;

/**
 * The leads under a filter, from the newest on, stretch by stretch: where each begins (after which row) and ends (with which). The
 * words of the search are looked for in one after the other.
 */
async function* stretches(
  on: Executor,
  workspaceId: string,
  filter: LeadFilter & { readonly cursor?: string | undefined },
): AsyncGenerator<{ readonly after: string | undefined; readonly to: LastRow | null }> {
  let after = filter.cursor;
  for (;;) {
    const query = on.db
      .selectFrom("leads")
      .select(["created_at", "id"])
      .where("workspace_id", "=", workspaceId)
      .orderBy("created_at", "desc")
      .orderBy("id", "desc")
      .offset(WINDOW - 1)
      .limit(1);
    const before = beforeCursor("created_at", after);
    const [to = null] = await all(on, filtered(before === null ? query : query.where(before), filter));
    yield { after, to };
    if (to === null) return;
    after = cursorAt(new Date(to.created_at), to.id);
    await setImmediate();
  }
}

interface LastRow {
  readonly created_at: number;
  readonly id: string;
}

/** Only what stands in the stretch. */
function within<Query extends Selection>(
  query: Query,
  { after, to }: { after: string | undefined; to: LastRow | null },
): Query {
  let found: Selection = query;
  const before = beforeCursor("created_at", after);
  if (before !== null) found = found.where(before);
  if (to !== null) found = found.where(sql<boolean>`(created_at, id) >= (${to.created_at}, ${to.id})`);
  return found as Query;
}

export const leadReads = (on: Executor): LeadReads => ({
  async lead(workspaceId, id) {
    const row = await leadById.first(on, { workspace_id: workspaceId, id });
    return row && recordOf(row, await consent(on, workspaceId, row.id));
  },
  async leadOfHandoff(workspaceId, handoffId) {
    const row = await leadByHandoff.first(on, { workspace_id: workspaceId, handoff_id: handoffId });
    return row && leadOf(row, await consent(on, workspaceId, row.id));
  },
  async leads(workspaceId, filter) {
    const query = on.db
      .selectFrom("leads")
      .selectAll()
      .where("workspace_id", "=", workspaceId)
      .orderBy("created_at", "desc")
      .orderBy("id", "desc");
    const terms = termsOf(filter);
    const rows: LeadsTable[] = [];
    const whole = [{ after: filter.cursor, to: null }];
    for await (const stretch of isOneStretch(on, terms) ? whole : stretches(on, workspaceId, filter)) {
      const found = within(searched(filtered(query, filter), terms), stretch);
      rows.push(...(await all(on, found.limit(filter.limit + 1 - rows.length))));
      if (rows.length > filter.limit) break;
    }
    const page = pageOf(rows, filter.limit, (row) => cursorAt(new Date(row.created_at), row.id));
    const consents = await lastConsents(on, workspaceId, page.items);
    return { ...page, items: page.items.map((row) => recordOf(row, consents.get(row.id) ?? null)) };
  },
  async leadCounts(workspaceId, filter) {
    const query = on.db
      .selectFrom("leads")
      .select((e) => ["state", e.fn.countAll<number>().as("count")])
      .where("workspace_id", "=", workspaceId)
      .groupBy("state");
    const terms = termsOf(filter);
    const counts = { open: 0, followed_up: 0 };
    const whole = [{ after: undefined, to: null }];
    for await (const stretch of isOneStretch(on, terms) ? whole : stretches(on, workspaceId, filter)) {
      for (const row of await all(on, within(searched(filtered(query, filter), terms), stretch)))
        counts[row.state as keyof typeof counts] += row.count;
    }
    return counts;
  },
});

async function consent(on: Executor, workspaceId: string, leadId: string): Promise<Consent | null> {
  const row = await consentOfLead.first(on, { workspace_id: workspaceId, lead_id: leadId });
  return row && consentOf(row);
}

/** What was agreed to last with each of these leads, in one question. */
async function lastConsents(
  on: Executor,
  workspaceId: string,
  leads: readonly { readonly id: string }[],
): Promise<ReadonlyMap<string, Consent>> {
  if (leads.length === 0) return new Map();
  const ids = leads.map(({ id }) => id);
  const query = on.db
    .selectFrom("consents")
    .selectAll()
    .where("lead_id", "in", ids)
    .where("workspace_id", "=", workspaceId)
    .orderBy("agreed_at");
  return new Map((await all(on, query)).map((row) => [row.lead_id, consentOf(row)]));
}

interface ConsentWrites {
  addConsent(workspaceId: string, leadId: string, given: Consent): Promise<void>;
}

export const leadWrites = (on: Executor): LeadWrites & ConsentWrites => ({
  async createLead(one: Lead) {
    const values = {
      id: one.id,
      workspace_id: one.workspaceId,
      bot_id: one.botId,
      conversation_id: one.conversationId,
      handoff_id: one.handoffId,
      contact: JSON.stringify(one.contact),
      page_url: one.pageUrl,
      locale: one.locale,
      transcript_seq: one.transcriptSeq,
      created_at: one.createdAt.getTime(),
      state: "open",
      search: searchTextOf(one.contact),
    };
    await run(on, on.db.insertInto("leads").values(values));
  },
  async setFollowUp(workspaceId, id, { state, at, by, note }) {
    const query = on.db
      .updateTable("leads")
      .set({ state, state_at: at?.getTime() ?? null, state_by: by && JSON.stringify(by), note })
      .where("id", "=", id)
      .where("workspace_id", "=", workspaceId);
    return (await run(on, query)) > 0;
  },
  async addConsent(workspaceId, leadId, given) {
    if ((await leadById.first(on, { workspace_id: workspaceId, id: leadId })) === null)
      throw new HandoffError("not_found");
    const values = {
      lead_id: leadId,
      workspace_id: workspaceId,
      business: given.business,
      purpose: given.purpose,
      text: given.text,
      version: given.version,
      locale: given.locale,
      url: given.url,
      hash: given.hash,
      agreed_at: given.agreedAt.getTime(),
      method: given.method,
    };
    await run(on, on.db.insertInto("consents").values(values));
  },
});
