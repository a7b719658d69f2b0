import { sql } from "kysely";
import { NO_VISITOR } from "../domain/conversation.ts";
import type { Host } from "../domain/conversation.ts";
import type { ConversationAge, RetentionReads, RetentionWrites } from "../ports-retention.ts";
import { PRUNED, time } from "./rows.ts";
import type { ConversationsTable } from "./schema.ts";
import { all, run, statement } from "./statements.ts";
import type { Executor } from "./statements.ts";

/** What a workspace does not keep for ever. The rows stay, so that lists, counts and proofs do; the words go. */

const ages = statement((db, s: { after: string; limit: number }) =>
  db
    .selectFrom("conversations")
    .select(["id", "workspace_id", "created_at", "touched_at", "open_handoff_id", "pruned_at"])
    .where("id", ">", s.after)
    .orderBy("id")
    .limit(s.limit),
);

export const retentionReads = (on: Executor): RetentionReads => ({
  async conversationAges(after, limit): Promise<readonly ConversationAge[]> {
    return (await ages.all(on, { after, limit })).map((row) => ({
      id: row.id,
      workspaceId: row.workspace_id,
      createdAt: new Date(row.created_at),
      touchedAt: new Date(row.touched_at ?? row.created_at),
      isOpen: row.open_handoff_id !== null,
      prunedAt: time(row.pruned_at),
    }));
  },
});

const conversationRow = statement((db, s: { workspace_id: string; id: string }) =>
  db.selectFrom("conversations").selectAll().where("id", "=", s.id).where("workspace_id", "=", s.workspace_id),
);
const conversationRowLocked = statement((db, s: { workspace_id: string; id: string }) =>
  db
    .selectFrom("conversations")
    .selectAll()
    .where("id", "=", s.id)
    .where("workspace_id", "=", s.workspace_id)
    .forUpdate(),
);
const handoffIds = statement((db, s: { workspace_id: string; conversation_id: string }) =>
  db
    .selectFrom("handoffs")
    .select("id")
    .where("workspace_id", "=", s.workspace_id)
    .where("conversation_id", "=", s.conversation_id),
);
const pruneMessages = statement((db, s: { conversation_id: string; after: number; up_to: number }) =>
  db
    .updateTable("messages")
    .set({ text: "", author_name: null, attachments: sql.lit(PRUNED) })
    .where("conversation_id", "=", s.conversation_id)
    .where("seq", ">", s.after)
    .where("seq", "<=", s.up_to),
);
const eventsOf = statement((db, s: { conversation_id: string; after: number; up_to: number }) =>
  db
    .selectFrom("events")
    .select(["seq", "actor", "data"])
    .where("conversation_id", "=", s.conversation_id)
    .where("seq", ">", s.after)
    .where("seq", "<=", s.up_to)
    .orderBy("seq"),
);
const pruneEvent = statement((db, s: { conversation_id: string; seq: number; actor: string; data: string }) =>
  db
    .updateTable("events")
    .set({ actor: s.actor, data: s.data })
    .where("conversation_id", "=", s.conversation_id)
    .where("seq", "=", s.seq),
);
const setProgress = statement((db, s: { id: string; seq: number; event_seq: number }) =>
  db.updateTable("conversations").set({ pruned_seq: s.seq, pruned_event_seq: s.event_seq }).where("id", "=", s.id),
);

/** What an event tells besides words: states, numbers, and why. */
const KEPT = new Set(["control", "epoch", "because", "trigger", "messageSeq", "handoff"]);

const eventData = (data: string): string => {
  const told = JSON.parse(data) as Record<string, unknown>;
  return JSON.stringify({
    ...Object.fromEntries(Object.entries(told).filter(([name]) => KEPT.has(name))),
    pruned: true,
  });
};
const namelessActor = (actor: string): string =>
  JSON.stringify({ ...(JSON.parse(actor) as Record<string, unknown>), name: null });

type PruneWrites = Pick<RetentionWrites, "updateWorkspace" | "takeChore" | "leaveChore" | "pruneConversation">;

export const retentionWrites = (on: Executor): PruneWrites => ({
  async updateWorkspace(id, { name, retentionDays }) {
    const columns = {
      ...(name !== undefined && { name }),
      ...(retentionDays !== undefined && { retention_days: retentionDays }),
    };
    if (Object.keys(columns).length === 0) return (await all(on, workspaceId(on, id))).length > 0;
    return (await run(on, on.db.updateTable("workspaces").set(columns).where("id", "=", id))) > 0;
  },
  async takeChore(name, now, until) {
    const first = on.db.insertInto("chores").values({ name, due_at: now.getTime(), state: "" });
    await run(
      on,
      first.onConflict((c) => c.column("name").doNothing()),
    );
    const take = on.db
      .updateTable("chores")
      .set({ due_at: until.getTime() })
      .where("name", "=", name)
      .where("due_at", "<=", now.getTime())
      .returning("state");
    return (await all(on, take))[0]?.state ?? null;
  },
  async leaveChore(name, dueAt, state) {
    await run(on, on.db.updateTable("chores").set({ due_at: dueAt.getTime(), state }).where("name", "=", name));
  },
  async pruneConversation(workspace, id, { untouchedSince, now, most }) {
    const values = { workspace_id: workspace, id };
    const row = await (on.forUpdate ? conversationRowLocked : conversationRow).first(on, values);
    if (row === null || row.open_handoff_id !== null) return "kept";
    if ((row.touched_at ?? row.created_at) > untouchedSince.getTime()) return "kept";
    const handoffs = (await handoffIds.all(on, { workspace_id: workspace, conversation_id: id })).map((one) => one.id);
    if (await owesSomething(on, row, handoffs)) return "kept";
    if (!(await pruneLines(on, row, most))) return "more";
    await pruneHandedOn(on, handoffs, now);
    await pruneHead(on, row, now);
    return "pruned";
  },
});

const workspaceId = (on: Executor, id: string) => on.db.selectFrom("workspaces").select("id").where("id", "=", id);

/** What is still owed is read when it is sent: it would go out empty. */
async function owesSomething(on: Executor, row: ConversationsTable, handoffs: readonly string[]): Promise<boolean> {
  const host = row.host === null ? null : (JSON.parse(row.host) as Host);
  const lanes = [
    `callback:${row.id}`,
    `bot_turn:${row.id}`,
    ...(host === null ? [] : [`${host.connectionId}:${row.id}`]),
  ];
  const owed = on.db
    .selectFrom("deliveries")
    .select("n")
    .where("state", "in", [sql.lit("waiting"), sql.lit("sending")])
    .limit(1);
  if ((await all(on, owed.where("lane", "in", lanes))).length > 0) return true;
  return handoffs.length > 0 && (await all(on, owed.where("handoff_id", "in", handoffs))).length > 0;
}

/** The next stretch of lines and events. True when none are left. */
async function pruneLines(on: Executor, row: ConversationsTable, most: number): Promise<boolean> {
  const { id } = row;
  const [after, eventsAfter] = [row.pruned_seq ?? 0, row.pruned_event_seq ?? 0];
  const seq = Math.min(row.last_message_seq, after + most);
  const eventSeq = Math.min(row.last_event_seq, eventsAfter + most);
  if (seq > after) await pruneMessages.run(on, { conversation_id: id, after, up_to: seq });
  const events = await eventsOf.all(on, { conversation_id: id, after: eventsAfter, up_to: eventSeq });
  for (const event of events) {
    const emptied = { actor: namelessActor(event.actor), data: eventData(event.data) };
    await pruneEvent.run(on, { conversation_id: id, seq: event.seq, ...emptied });
  }
  await setProgress.run(on, { id, seq, event_seq: eventSeq });
  return seq === row.last_message_seq && eventSeq === row.last_event_seq;
}

/** What was given up or held can be sent no more: what it would say is gone. */
const GONE = "The workspace's retention has taken out what this carried.";

async function pruneHandedOn(on: Executor, handoffs: readonly string[], now: Date): Promise<void> {
  if (handoffs.length === 0) return;
  const owned = on.db.updateTable("deliveries").where("handoff_id", "in", [...handoffs]);
  await run(
    on,
    owned
      .set({ state: "dropped", last_error: GONE, done_at: now.getTime(), payload: "{}", progress: "{}" })
      .where("state", "in", ["dead", "held"]),
  );
  await run(on, owned.set({ payload: "{}", progress: "{}" }).where("state", "in", ["done", "dropped"]));
  await run(
    on,
    on.db
      .updateTable("handoffs")
      .set({ reason: null })
      .where("id", "in", [...handoffs]),
  );
}

async function pruneHead(on: Executor, row: ConversationsTable, now: Date): Promise<void> {
  const channel = row.channel === null ? null : (JSON.parse(row.channel) as Record<string, unknown>);
  const emptied = {
    visitor: JSON.stringify(NO_VISITOR),
    products: "[]",
    summary: null,
    page_url: null,
    dialog: null,
    channel: channel && JSON.stringify({ ...channel, id: null }),
    pruned_at: now.getTime(),
  };
  await run(on, on.db.updateTable("conversations").set(emptied).where("id", "=", row.id));
}
