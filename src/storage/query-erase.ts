import { sql } from "kysely";
import { NO_VISITOR } from "../domain/conversation.ts";
import type { Host } from "../domain/conversation.ts";
import type { HelpdeskRef } from "../domain/handoff.ts";
import type { PeopleWrites } from "../ports-people.ts";
import type { DeliveriesTable } from "./schema.ts";
import { all, run } from "./statements.ts";
import type { Executor } from "./statements.ts";

/** What erases a person. Each of these is a part of a unit that is small, and finds nothing to do when it is repeated. */

const ERASED = "The person was erased.";

export const peopleWrites = (on: Executor): PeopleWrites => ({
  async eraseLines(workspaceId, conversationId, most) {
    const messages = await eraseOldest(on, "messages", { workspaceId, conversationId, most });
    const events = await eraseOldest(on, "events", { workspaceId, conversationId, most });
    return { messages, events, isMore: messages === most || events === most };
  },
  async eraseLeads(workspaceId, conversationId) {
    const ofConversation = on.db
      .selectFrom("handoffs")
      .select("id")
      .where("workspace_id", "=", workspaceId)
      .where("conversation_id", "=", conversationId);
    const rows = await all(
      on,
      on.db
        .selectFrom("leads")
        .select("id")
        .where("handoff_id", "in", ofConversation)
        .where("workspace_id", "=", workspaceId),
    );
    if (rows.length === 0) return { leads: 0, consents: 0 };
    const ids = rows.map(({ id }) => id);
    const consents = on.db.deleteFrom("consents").where("lead_id", "in", ids).where("workspace_id", "=", workspaceId);
    const leads = on.db.deleteFrom("leads").where("id", "in", ids).where("workspace_id", "=", workspaceId);
    return { consents: await run(on, consents), leads: await run(on, leads) };
  },
  async eraseHandoffs(workspaceId, conversationId) {
    const nothing = {
      reason: null,
      ref_conversation_id: null,
      ref_contact_id: null,
      ref_url: null,
      ref_other_id: null,
      cursor: null,
      look_at: null,
    };
    const query = on.db
      .updateTable("handoffs")
      .set(nothing)
      .where("workspace_id", "=", workspaceId)
      .where("conversation_id", "=", conversationId);
    return await run(on, query);
  },
  async eraseDeliveries(workspaceId, numbers, now) {
    if (numbers.length === 0) return 0;
    const query = on.db
      .selectFrom("deliveries")
      .selectAll()
      .where("n", "in", [...numbers])
      .where("workspace_id", "=", workspaceId)
      .where("state", "<>", "sending");
    const rows = await all(on, query);
    for (const row of rows) {
      const emptied = isOwedEnding(row)
        ? { payload: await endingAlone(on, row), progress: "{}", last_error: null }
        : { payload: "{}", progress: "{}", last_error: null, ...droppedIfOwed(row, now) };
      await run(on, on.db.updateTable("deliveries").set(emptied).where("n", "=", row.n));
    }
    return rows.length;
  },
  async eraseConversation(workspaceId, conversationId, now) {
    const rows = await all(
      on,
      on.db
        .selectFrom("conversations")
        .select(["id", "host"])
        .where("id", "=", conversationId)
        .where("workspace_id", "=", workspaceId),
    );
    const [row] = rows;
    if (row === undefined) return false;
    const emptied = {
      key: `erased:${row.id}`,
      locale: null,
      channel: null,
      page_url: null,
      visitor: JSON.stringify(NO_VISITOR),
      products: "[]",
      summary: null,
      callback_url: null,
      dialog: null,
      host: await hostToBeLeft(on, row),
      pruned_at: now.getTime(),
    };
    await run(on, on.db.updateTable("conversations").set(emptied).where("id", "=", row.id));
    return true;
  },
  async eraseWebhooks(workspaceId, ids) {
    if (ids.length === 0) return 0;
    const emptied = { body: "", error: ERASED, next_at: null };
    const owned = on.db
      .updateTable("webhooks")
      .where("id", "in", [...ids])
      .where("workspace_id", "=", workspaceId);
    await run(on, owned.set({ ...emptied, state: "done" }).where("state", "=", "waiting"));
    return await run(on, owned.set(emptied));
  },
  async eraseAnswers(workspaceId, answers) {
    let count = 0;
    for (const { scope, key } of answers) {
      if (scope.split(":")[1] !== workspaceId) continue;
      count += await run(on, on.db.deleteFrom("answers").where("scope", "=", scope).where("key", "=", key));
    }
    return count;
  },
  async saveErasure(one) {
    const row = {
      id: one.id,
      workspace_id: one.workspaceId,
      started_at: one.startedAt.getTime(),
      finished_at: one.finishedAt?.getTime() ?? null,
      actor: JSON.stringify(one.actor),
      identifiers: JSON.stringify(one.identifiers),
      counts: JSON.stringify(one.counts),
      copies: JSON.stringify(one.copies),
      mails: JSON.stringify(one.mails),
    };
    const { finished_at, counts, copies, mails } = row;
    const query = on.db.insertInto("erasures").values(row);
    await run(
      on,
      query.onConflict((c) =>
        c
          .column("id")
          .doUpdateSet({ finished_at, counts, copies, mails })
          .where("erasures.workspace_id", "=", one.workspaceId),
      ),
    );
  },
});

async function eraseOldest(
  on: Executor,
  table: "messages" | "events",
  { workspaceId, conversationId, most }: { workspaceId: string; conversationId: string; most: number },
): Promise<number> {
  const oldest = on.db
    .selectFrom(table)
    .select("seq")
    .where("conversation_id", "=", conversationId)
    .where("workspace_id", "=", workspaceId)
    .orderBy("seq")
    .limit(most);
  const last = (await all(on, oldest)).at(-1);
  if (last === undefined) return 0;
  const query = on.db
    .deleteFrom(table)
    .where("conversation_id", "=", conversationId)
    .where("workspace_id", "=", workspaceId)
    .where("seq", "<=", last.seq);
  return await run(on, query);
}

type Row = Pick<DeliveriesTable, "kind" | "state" | "payload" | "handoff_id">;

const isOwedEnding = ({ kind, state }: Row): boolean => kind === "helpdesk_close" && state === "waiting";

const droppedIfOwed = ({ state }: Row, now: Date) =>
  state === "done" || state === "dropped" ? {} : { state: "dropped", last_error: ERASED, done_at: now.getTime() };

/** Nobody is to go on waiting there: the conversation is ended by the helpdesk's number of it, which says nothing of the person. */
async function endingAlone(on: Executor, row: Row): Promise<string> {
  const { note, ref, inPlace } = JSON.parse(row.payload) as { note: string; ref: HelpdeskRef | null; inPlace?: string };
  const [handoff] = await all(
    on,
    on.db
      .selectFrom("handoffs")
      .select(["ref_conversation_id", "ref_other_id"])
      .where("id", "=", row.handoff_id ?? ""),
  );
  const conversationId = ref?.conversationId ?? handoff?.ref_conversation_id ?? null;
  const otherId = ref?.otherId ?? handoff?.ref_other_id ?? null;
  const place = conversationId === null ? null : { conversationId, contactId: null, url: null, otherId };
  return JSON.stringify({ note, ref: place, ...(inPlace !== undefined && { inPlace }) });
}

/** Where the bot spoke in the helpdesk itself, giving the conversation back needs to know where; the person there is left out. */
async function hostToBeLeft(on: Executor, row: { id: string; host: string | null }): Promise<string | null> {
  if (row.host === null) return null;
  const host = JSON.parse(row.host) as Host;
  const owed = on.db
    .selectFrom("deliveries")
    .select("n")
    .where("lane", "=", `${host.connectionId}:${row.id}`)
    .where("state", "in", [sql.lit("waiting"), sql.lit("sending")])
    .where("kind", "=", "helpdesk_close")
    .limit(1);
  if ((await all(on, owed)).length === 0) return null;
  const left: Host = { ...host, cursor: null, contactId: null, url: null };
  return JSON.stringify(left);
}
