import { sql } from "kysely";
import type { Handoff } from "../domain/handoff.ts";
import type { HandoffStatus } from "../domain/states.ts";
import type { Page, StoredEvent } from "../ports-store.ts";
import { eventOf, handoffOf, handoffRow } from "./rows.ts";
import type { HandoffsTable } from "./schema.ts";
import { all, slotsOf, statement } from "./statements.ts";
import type { Executor } from "./statements.ts";

/** Handoffs. */

type Row = Omit<HandoffsTable, "look_at">;
const COLUMNS = [
  "id",
  "workspace_id",
  "bot_id",
  "conversation_id",
  "status",
  "mode",
  "trigger",
  "reason",
  "priority",
  "because",
  "chain",
  "destination",
  "destination_id",
  "opened",
  "ref_conversation_id",
  "ref_contact_id",
  "ref_url",
  "ref_other_id",
  "cursor",
  "agent_id",
  "agent_name",
  "assignee_id",
  "transcript_seq",
  "accept_by",
  "open_by",
  "idle_at",
  "created_at",
  "accepted_at",
  "ended_at",
] as const satisfies readonly (keyof Row)[];

const byId = statement((db, s: { workspace_id: string; id: string }) =>
  db.selectFrom("handoffs").selectAll().where("id", "=", s.id).where("workspace_id", "=", s.workspace_id),
);
const byRef = statement((db, s: { workspace_id: string; destination_id: string; ref: string }) =>
  db
    .selectFrom("handoffs")
    .selectAll()
    .where("destination_id", "=", s.destination_id)
    .where("ref_conversation_id", "=", s.ref)
    .where("workspace_id", "=", s.workspace_id)
    .orderBy("id", "desc")
    .limit(1),
);
const lastOfConversation = statement((db, s: { workspace_id: string; conversation_id: string }) =>
  db
    .selectFrom("handoffs")
    .selectAll()
    .where("conversation_id", "=", s.conversation_id)
    .where("workspace_id", "=", s.workspace_id)
    .orderBy("id", "desc")
    .limit(1),
);
const insert = statement((db, s: Row) => db.insertInto("handoffs").values(slotsOf(s, COLUMNS)));
const replace = statement((db, s: Row & { from: string }) => {
  const fixed: ReadonlySet<string> = new Set(["id", "workspace_id", "bot_id", "conversation_id", "created_at"]);
  const columns = COLUMNS.filter((column) => !fixed.has(column));
  return db
    .updateTable("handoffs")
    .set(slotsOf<Partial<Row>>(s, columns))
    .where("id", "=", s.id)
    .where("workspace_id", "=", s.workspace_id)
    .where("status", "=", s.from);
});
const setLook = statement((db, s: { workspace_id: string; id: string; at: number | null }) =>
  db.updateTable("handoffs").set({ look_at: s.at }).where("id", "=", s.id).where("workspace_id", "=", s.workspace_id),
);
const pending = statement((db, s: { workspace_id: string; bot_id: string }) =>
  db
    .selectFrom("handoffs")
    .select((e) => e.fn.countAll<number>().as("count"))
    .where("bot_id", "=", s.bot_id)
    .where("workspace_id", "=", s.workspace_id)
    .where("status", "=", sql.lit("pending"))
    .where("mode", "=", sql.lit("live")),
);
const overdue = statement((db, s: { now: number; limit: number }) =>
  db
    .selectFrom("handoffs")
    .selectAll()
    .where((e) => e.or([e("accept_by", "<=", s.now), e("open_by", "<=", s.now), e("idle_at", "<=", s.now)]))
    .where("status", "in", [sql.lit("pending"), sql.lit("acknowledged")])
    .where("mode", "=", sql.lit("live"))
    .limit(s.limit),
);
const toLook = statement((db, s: { now: number; limit: number }) =>
  db.selectFrom("handoffs").selectAll().where("look_at", "<=", s.now).orderBy("look_at").limit(s.limit),
);
/** The words of the index `handoffs_at`, which the database must find in a query to use it. */
const OPEN = [sql.lit("pending"), sql.lit("acknowledged")];
const NOT_IN_THE_INBOX = sql<boolean>`destination_id <> 'inbox'`;
const eventsOfHandoff = statement((db, s: { workspace_id: string; id: string }) =>
  db
    .selectFrom("events")
    .innerJoin("handoffs", "handoffs.conversation_id", "events.conversation_id")
    .selectAll("events")
    .where("handoffs.id", "=", s.id)
    .where("handoffs.workspace_id", "=", s.workspace_id)
    .where("events.handoff_id", "=", s.id)
    .orderBy("events.seq"),
);
/** Cuts a list fetched with one row too many into a page. */
export function pageOf<Item>(items: readonly Item[], limit: number, cursorOf: (item: Item) => string): Page<Item> {
  const shown = items.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown, nextCursor: items.length > limit && last !== undefined ? cursorOf(last) : null };
}

export const handoffReads = (on: Executor) => ({
  async handoff(workspaceId: string, id: string): Promise<Handoff | null> {
    const row = await byId.first(on, { workspace_id: workspaceId, id });
    return row && handoffOf(row);
  },
  async handoffByRef(workspaceId: string, connectionId: string, conversationId: string): Promise<Handoff | null> {
    const values = { workspace_id: workspaceId, destination_id: connectionId, ref: conversationId };
    const row = await byRef.first(on, values);
    return row && handoffOf(row);
  },
  async lastHandoff(workspaceId: string, conversationId: string): Promise<Handoff | null> {
    const row = await lastOfConversation.first(on, { workspace_id: workspaceId, conversation_id: conversationId });
    return row && handoffOf(row);
  },
  async pendingCount(workspaceId: string, botId: string): Promise<number> {
    const row = await pending.first(on, { workspace_id: workspaceId, bot_id: botId });
    return row?.count ?? 0;
  },
  async overdueHandoffs(now: Date, limit: number): Promise<readonly Handoff[]> {
    return (await overdue.all(on, { now: now.getTime(), limit })).map(handoffOf);
  },
  async unopenedHandoffs(workspaceId: string, connectionId: string): Promise<readonly Handoff[]> {
    const query = on.db
      .selectFrom("handoffs")
      .selectAll()
      .where("destination_id", "=", connectionId)
      .where(NOT_IN_THE_INBOX)
      .where("status", "in", OPEN)
      .where("status", "=", "pending")
      .where("opened", "=", 0)
      .where("mode", "=", "live")
      .where("workspace_id", "=", workspaceId)
      .orderBy("id");
    return (await all(on, query)).map(handoffOf);
  },
  async openHandoffsAt(
    workspaceId: string,
    connectionId: string,
    { cursor = "", limit }: { cursor?: string | undefined; limit: number },
  ): Promise<Page<Handoff>> {
    const query = on.db
      .selectFrom("handoffs")
      .selectAll()
      .where("workspace_id", "=", workspaceId)
      .where("destination_id", "=", connectionId)
      .where(NOT_IN_THE_INBOX)
      .where("status", "in", OPEN)
      .where("id", ">", cursor)
      .orderBy("id")
      .limit(limit + 1);
    return pageOf((await all(on, query)).map(handoffOf), limit, (one) => one.id);
  },
  async handoffsToLook(now: Date, limit: number): Promise<readonly Handoff[]> {
    return (await toLook.all(on, { now: now.getTime(), limit })).map(handoffOf);
  },
  async handoffEvents(workspaceId: string, handoffId: string): Promise<readonly StoredEvent[]> {
    return (await eventsOfHandoff.all(on, { workspace_id: workspaceId, id: handoffId })).map(eventOf);
  },
});

export const handoffWrites = (on: Executor) => ({
  async createHandoff(one: Handoff): Promise<void> {
    await insert.run(on, handoffRow(one));
  },
  async saveHandoff(one: Handoff, from: HandoffStatus): Promise<boolean> {
    return (await replace.run(on, { ...handoffRow(one), from })) > 0;
  },
  async scheduleLook(workspaceId: string, handoffId: string, at: Date | null): Promise<void> {
    await setLook.run(on, { workspace_id: workspaceId, id: handoffId, at: at?.getTime() ?? null });
  },
});
