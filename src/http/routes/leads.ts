import { z } from "zod";
import type { Message } from "../../domain/conversation.ts";
import type { FieldChange } from "../../domain/field-changes.ts";
import { FOLLOW_UP_STATES } from "../../ports-leads.ts";
import type { LeadRecord } from "../../ports-leads.ts";
import type { Tx } from "../../ports-store.ts";
import { actorOf } from "../audit.ts";
import type { Auditor } from "../audit.ts";
import { BYTE_ORDER_MARK, csvLine } from "../csv.ts";
import type { Principal } from "../principal.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import { found, InstantGiven, mapPage, pageOf, pageQuery } from "../shapes.ts";
import { viewHandoff } from "../views.ts";
import type { AdminDeps } from "./deps.ts";
import { leadColumns, leadCells } from "./lead-columns.ts";
import { LeadShown, LeadWithTranscript, showLead, TRANSCRIPT_LINES } from "./lead-views.ts";

const TAG = "Leads";
const CSV_PAGE = 500;

const leadQuery = {
  botId: z.string().max(100).optional(),
  search: z
    .string()
    .max(200)
    .optional()
    .meta({ description: "Words that all stand in name, email, phone or issue, whatever the case and the accents" }),
  from: InstantGiven.optional().meta({ description: "Left from this instant on" }),
  to: InstantGiven.optional().meta({ description: "Left before this instant" }),
};
const State = z.enum(FOLLOW_UP_STATES);

const FollowUpPatch = z
  .strictObject({
    state: State.optional(),
    note: z.string().trim().max(2_000).nullish().meta({ description: "For the team; null takes it away" }),
  })
  .refine(({ state, note }) => state !== undefined || note !== undefined, "says nothing: give state, note or both")
  .meta({ id: "LeadFollowUp" });

const line = ({ role, text, authorName, at }: Message) => ({ role, text, authorName, at: at.toISOString() });

export function leadRoutes({ store }: AdminDeps): Route[] {
  async function* csv(workspaceId: string, filter: Omit<Parameters<typeof store.read.leads>[1], "limit" | "cursor">) {
    const bots = new Map((await store.read.bots(workspaceId)).map(({ id, name }) => [id, name]));
    yield BYTE_ORDER_MARK + csvLine(leadColumns);
    let cursor: string | undefined;
    do {
      const page = await store.read.leads(workspaceId, { ...filter, cursor, limit: CSV_PAGE });
      yield page.items.map((lead) => csvLine(leadCells(lead, bots.get(lead.botId) ?? null))).join("");
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
  }

  return [
    defineRoute({
      method: "GET",
      path: "/v1/leads",
      summary: "List leads",
      tag: TAG,
      scopes: ["admin", "agent"],
      query: z.strictObject({ ...leadQuery, state: State.optional(), ...pageQuery }),
      responses: { 200: { description: "Leads, newest first", schema: pageOf(LeadShown) } },
      idempotent: false,
      async handler({ principal, query }) {
        return { status: 200, body: mapPage(await store.read.leads(principal.workspaceId, query), showLead) };
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/leads.csv",
      summary: "Export leads",
      description:
        "All leads under the filters as a file for spreadsheets: UTF-8 with a byte order mark, RFC 4180, the columns always the same " +
        "and in this order. A cell that a spreadsheet would take for a formula, phone numbers with a plus among them, begins with an " +
        "apostrophe. The export is noted in the audit log.",
      tag: TAG,
      scopes: ["admin"],
      query: z.strictObject({ ...leadQuery, state: State.optional() }),
      responses: { 200: { description: leadColumns.join(", "), contentType: "text/csv; charset=utf-8" } },
      idempotent: false,
      async handler({ principal, query, unit, audit, now }) {
        const { workspaceId } = principal;
        await unit(async (tx) => {
          await audit.note(tx, { workspaceId, action: "leads.exported", object: ALL_LEADS, changes: toldOf(query) });
          return { status: 200 };
        });
        return {
          chunks: csv(workspaceId, query),
          contentType: "text/csv; charset=utf-8",
          fileName: `leads-${now.toISOString().slice(0, 10)}.csv`,
        };
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/leads/counts",
      summary: "Count leads by state",
      tag: TAG,
      scopes: ["admin", "agent"],
      query: z.strictObject(leadQuery),
      responses: {
        200: {
          description: "How many there are under the filters",
          schema: z.strictObject({ open: z.int(), followed_up: z.int() }).meta({ id: "LeadCounts" }),
        },
      },
      idempotent: false,
      async handler({ principal, query }) {
        return { status: 200, body: await store.read.leadCounts(principal.workspaceId, query) };
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/leads/{id}",
      summary: "Read a lead",
      tag: TAG,
      scopes: ["admin", "agent"],
      responses: { 200: { description: "The lead, with the conversation before it", schema: LeadWithTranscript } },
      idempotent: false,
      async handler({ principal, params }) {
        const { workspaceId } = principal;
        const { read } = store;
        const lead = found(await read.lead(workspaceId, params["id"] ?? ""));
        const conversation = await read.conversation(workspaceId, lead.conversationId);
        const handoff = await read.handoff(workspaceId, lead.handoffId);
        const messages = await read.messages(workspaceId, lead.conversationId, {
          afterSeq: Math.max(0, lead.transcriptSeq - TRANSCRIPT_LINES),
          upToSeq: lead.transcriptSeq,
          limit: TRANSCRIPT_LINES,
        });
        const products = (conversation?.products ?? []).map(({ id, name, url, price }) => ({ id, name, url, price }));
        return {
          status: 200,
          body: {
            ...showLead(lead),
            products,
            summary: conversation?.summary ?? null,
            handoff: handoff && conversation && viewHandoff(handoff, conversation),
            helpdeskUrl: handoff?.ref?.url ?? null,
            transcript: messages.map(line),
          },
        };
      },
    }),
    defineRoute({
      method: "PATCH",
      path: "/v1/leads/{id}",
      summary: "Follow a lead up",
      description:
        "Says that somebody has answered it, or that it is open again. Who said so last, and when, is shown.",
      tag: TAG,
      scopes: ["admin", "agent"],
      body: FollowUpPatch,
      responses: { 200: { description: "The lead as it is now", schema: LeadShown } },
      idempotent: true,
      async handler({ principal, params, body, unit, audit, now }) {
        return unit(async (tx) => {
          const lead = found(await tx.lead(principal.workspaceId, params["id"] ?? ""));
          return { status: 200, body: showLead(await followUp(tx, lead, body, { principal, audit, now })) };
        });
      },
    }),
  ];
}

async function followUp(
  tx: Tx,
  lead: LeadRecord,
  patch: z.infer<typeof FollowUpPatch>,
  { principal, audit, now }: { principal: Principal; audit: Auditor; now: Date },
): Promise<LeadRecord> {
  const before = lead.followUp;
  const state = patch.state ?? before.state;
  const note = patch.note === undefined ? before.note : patch.note || null;
  if (state === before.state && note === before.note) return lead;
  const { id, name } = await actorOf(tx, principal);
  // Whoever only writes a note has not followed the lead up.
  const mark = state === before.state ? { at: before.at, by: before.by } : { at: now, by: { id, name } };
  const after = { state, note, ...mark };
  await tx.setFollowUp(lead.workspaceId, lead.id, after);
  const action = state === before.state ? "lead.note_changed" : state === "open" ? "lead.reopened" : "lead.followed_up";
  const news = { kind: "lead", id: lead.handoffId, what: action, at: now, data: { botId: lead.botId } } as const;
  await tx.addNews(lead.workspaceId, [news]);
  // The lead's own name is the visitor's, and so may be what the note says.
  await audit.note(tx, {
    workspaceId: lead.workspaceId,
    action,
    object: { type: "lead", id: lead.id, name: null },
    changes: [
      ...(state === before.state ? [] : [{ path: "state", before: before.state, after: state }]),
      ...(note === before.note ? [] : [{ path: "note", secret: true as const }]),
    ],
  });
  return { ...lead, followUp: after };
}

const ALL_LEADS = { type: "leads", id: "leads", name: null };

/** The filters of an export. What was searched for is a visitor's name or address. */
const toldOf = (query: Readonly<Record<string, unknown>>): FieldChange[] =>
  Object.entries(query).flatMap(([path, value]): FieldChange[] => {
    if (value === undefined) return [];
    if (path === "search") return [{ path, secret: true }];
    return [{ path, after: value instanceof Date ? value.toISOString() : value }];
  });
