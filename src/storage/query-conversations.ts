import type { Conversation, Message } from "../domain/conversation.ts";
import { HandoffError } from "../domain/errors.ts";
import type { StoredEvent } from "../ports-store.ts";
import type { ConversationRow } from "./rows.ts";
import { conversationOf, conversationRow, eventOf, eventRow, messageOf, messageRow } from "./rows.ts";
import type { ConversationsTable, EventsTable, MessagesTable } from "./schema.ts";
import { all, insertMany, slotsOf, statement } from "./statements.ts";
import type { Executor } from "./statements.ts";

/** Conversations with their messages and events. */

const CONVERSATION_COLUMNS = [
  "id",
  "workspace_id",
  "bot_id",
  "key",
  "locale",
  "channel",
  "page_url",
  "visitor",
  "products",
  "summary",
  "control",
  "epoch",
  "open_handoff_id",
  "callback_url",
  "host",
  "dialog",
  "last_event_seq",
  "last_message_seq",
  "created_at",
  "touched_at",
] as const satisfies readonly (keyof ConversationsTable)[];

type Touched = ConversationRow & { touched_at: number | null };

const MESSAGE_COLUMNS = [
  "conversation_id",
  "seq",
  "workspace_id",
  "id",
  "handoff_id",
  "role",
  "text",
  "author_name",
  "at",
  "attachments",
  "external_id",
] as const satisfies readonly (keyof MessagesTable)[];

const EVENT_COLUMNS = [
  "conversation_id",
  "seq",
  "workspace_id",
  "handoff_id",
  "type",
  "at",
  "actor",
  "data",
] as const satisfies readonly (keyof EventsTable)[];

const byKey = statement((db, s: { workspace_id: string; bot_id: string; key: string }) =>
  db
    .selectFrom("conversations")
    .selectAll()
    .where("workspace_id", "=", s.workspace_id)
    .where("bot_id", "=", s.bot_id)
    .where("key", "=", s.key),
);
const byId = statement((db, s: { workspace_id: string; id: string }) =>
  db.selectFrom("conversations").selectAll().where("id", "=", s.id).where("workspace_id", "=", s.workspace_id),
);
const byKeyLocked = statement((db, s: { workspace_id: string; bot_id: string; key: string }) =>
  db
    .selectFrom("conversations")
    .selectAll()
    .where("workspace_id", "=", s.workspace_id)
    .where("bot_id", "=", s.bot_id)
    .where("key", "=", s.key)
    .forUpdate(),
);
const byIdLocked = statement((db, s: { workspace_id: string; id: string }) =>
  db
    .selectFrom("conversations")
    .selectAll()
    .where("id", "=", s.id)
    .where("workspace_id", "=", s.workspace_id)
    .forUpdate(),
);
const insertConversation = statement((db, s: Touched) =>
  db.insertInto("conversations").values(slotsOf(s, CONVERSATION_COLUMNS)),
);
const replaceConversation = statement((db, s: Touched) =>
  db
    .updateTable("conversations")
    .set((e) => ({
      touched_at: e.fn.coalesce(e.val(s.touched_at), "touched_at"),
      locale: s.locale,
      channel: s.channel,
      page_url: s.page_url,
      visitor: s.visitor,
      products: s.products,
      summary: s.summary,
      control: s.control,
      epoch: s.epoch,
      open_handoff_id: s.open_handoff_id,
      callback_url: s.callback_url,
      host: s.host,
      dialog: s.dialog,
      last_event_seq: s.last_event_seq,
      last_message_seq: s.last_message_seq,
    }))
    .where("id", "=", s.id)
    .where("workspace_id", "=", s.workspace_id),
);
const insertMessages = insertMany<MessagesTable>("messages", MESSAGE_COLUMNS);
const insertEvents = insertMany<EventsTable>("events", EVENT_COLUMNS);

type Range = { workspace_id: string; conversation_id: string; after: number; up_to: number; limit: number };
const messageRange = statement((db, s: Range) =>
  db
    .selectFrom("messages")
    .selectAll()
    .where("conversation_id", "=", s.conversation_id)
    .where("workspace_id", "=", s.workspace_id)
    .where("seq", ">", s.after)
    .where("seq", "<=", s.up_to)
    .orderBy("seq")
    .limit(s.limit),
);
const byExternalId = statement((db, s: { workspace_id: string; conversation_id: string; external_id: string }) =>
  db
    .selectFrom("messages")
    .selectAll()
    .where("conversation_id", "=", s.conversation_id)
    .where("external_id", "=", s.external_id)
    .where("workspace_id", "=", s.workspace_id),
);
const eventRange = statement((db, s: Omit<Range, "up_to">) =>
  db
    .selectFrom("events")
    .selectAll()
    .where("conversation_id", "=", s.conversation_id)
    .where("workspace_id", "=", s.workspace_id)
    .where("seq", ">", s.after)
    .orderBy("seq")
    .limit(s.limit),
);

/** Which workspace's conversations this unit of work has read or made: asked for with every line that is added. */
export type Owners = Map<string, string>;

/** @throws HandoffError `not_found` for a conversation of another workspace, exactly as for an unknown one */
async function mustOwn(
  on: Executor,
  owners: Owners,
  workspaceId: string,
  rows: readonly { conversationId: string }[],
): Promise<void> {
  for (const { conversationId: id } of rows) {
    if (owners.get(id) === workspaceId) continue;
    if ((await ownerOf.first(on, { workspace_id: workspaceId, id })) === null) throw new HandoffError("not_found");
    owners.set(id, workspaceId);
  }
}
const ownerOf = statement((db, s: { workspace_id: string; id: string }) =>
  db.selectFrom("conversations").select("id").where("id", "=", s.id).where("workspace_id", "=", s.workspace_id),
);

export const conversationReads = (on: Executor) => ({
  async conversationByKey(workspaceId: string, botId: string, key: string): Promise<Conversation | null> {
    const row = await byKey.first(on, { workspace_id: workspaceId, bot_id: botId, key });
    return row && conversationOf(row);
  },
  async conversation(workspaceId: string, id: string): Promise<Conversation | null> {
    const row = await byId.first(on, { workspace_id: workspaceId, id });
    return row && conversationOf(row);
  },
  async messages(
    workspaceId: string,
    conversationId: string,
    range: { afterSeq: number; upToSeq?: number; limit: number },
  ): Promise<readonly Message[]> {
    const rows = await messageRange.all(on, {
      workspace_id: workspaceId,
      conversation_id: conversationId,
      after: range.afterSeq,
      up_to: range.upToSeq ?? Number.MAX_SAFE_INTEGER,
      limit: range.limit,
    });
    return rows.map(messageOf);
  },
  async messageByExternalId(workspaceId: string, conversationId: string, externalId: string): Promise<Message | null> {
    const values = { workspace_id: workspaceId, conversation_id: conversationId, external_id: externalId };
    const row = await byExternalId.first(on, values);
    return row && messageOf(row);
  },
  async events(
    workspaceId: string,
    conversationId: string,
    range: { afterSeq: number; limit: number },
  ): Promise<readonly StoredEvent[]> {
    const rows = await eventRange.all(on, {
      workspace_id: workspaceId,
      conversation_id: conversationId,
      after: range.afterSeq,
      limit: range.limit,
    });
    return rows.map(eventOf);
  },
  async lastEventSeqs(conversationIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    if (conversationIds.length === 0) return new Map();
    // Few shapes of the statement, so that the database prepares few: the rest names the last one again.
    const places = 4 ** Math.ceil(Math.log(conversationIds.length) / Math.log(4));
    const ids = Array.from({ length: places }, (_, at) => conversationIds[at] ?? conversationIds[0] ?? "");
    const query = on.db.selectFrom("conversations").select(["id", "last_event_seq"]).where("id", "in", ids);
    return new Map((await all(on, query)).map((row) => [row.id, row.last_event_seq]));
  },
});

export const conversationWrites = (on: Executor, owners: Owners, touched: (conversationId: string) => void) => ({
  async lockConversation(workspaceId: string, id: string): Promise<Conversation | null> {
    const row = await (on.forUpdate ? byIdLocked : byId).first(on, { workspace_id: workspaceId, id });
    if (row !== null) owners.set(row.id, row.workspace_id);
    return row && conversationOf(row);
  },
  async lockConversationByKey(workspaceId: string, botId: string, key: string): Promise<Conversation | null> {
    const values = { workspace_id: workspaceId, bot_id: botId, key };
    const row = await (on.forUpdate ? byKeyLocked : byKey).first(on, values);
    if (row !== null) owners.set(row.id, row.workspace_id);
    return row && conversationOf(row);
  },
  async createConversation(one: Conversation): Promise<void> {
    await insertConversation.run(on, { ...conversationRow(one), touched_at: one.createdAt.getTime() });
    owners.set(one.id, one.workspaceId);
  },
  async saveConversation(one: Conversation, touchedAt?: Date): Promise<void> {
    await replaceConversation.run(on, { ...conversationRow(one), touched_at: touchedAt?.getTime() ?? null });
  },
  async knownExternalIds(
    workspaceId: string,
    conversationId: string,
    externalIds: readonly string[],
  ): Promise<ReadonlySet<string>> {
    const known = new Set<string>();
    // SQLite takes 32,766 parameters a statement; a transcript can be long.
    for (let from = 0; from < externalIds.length; from += 1_000) {
      const query = on.db
        .selectFrom("messages")
        .select("external_id")
        .where("conversation_id", "=", conversationId)
        .where("workspace_id", "=", workspaceId)
        .where("external_id", "in", externalIds.slice(from, from + 1_000));
      for (const row of await all(on, query)) if (row.external_id !== null) known.add(row.external_id);
    }
    return known;
  },
  async addMessages(workspaceId: string, messages: readonly Message[]): Promise<void> {
    await mustOwn(on, owners, workspaceId, messages);
    await insertMessages(
      on,
      messages.map((one) => messageRow(workspaceId, one)),
    );
  },
  async addEvents(workspaceId: string, events: readonly StoredEvent[]): Promise<void> {
    await mustOwn(on, owners, workspaceId, events);
    for (const one of events) touched(one.conversationId);
    await insertEvents(
      on,
      events.map((one) => eventRow(workspaceId, one)),
    );
  },
});

/** Used by the list of handoffs: text in what the visitor and the bot told. */
export const likePattern = (text: string): string => `%${text.replaceAll(/[\\%_]/g, (special) => `\\${special}`)}%`;
