import BetterSqlite from "better-sqlite3";

/** Conversations written in one transaction. */
const BATCH = 50_000;
const FIRST_AT = Date.UTC(2026, 0, 5);

/**
 * Fills a store that no program has open with past conversations, each with the rows that a handoff to a helpdesk leaves
 * behind: 4 messages, 5 events, 1 handoff that has ended, 4 deliveries that are done, 2 lanes at rest. By SQL alone, past
 * the rules, since a million of them have to be there in a minute.
 *
 * Ids sort by age as real ones do; the bots' own conversation ids are random, as UUIDs are.
 *
 * @param file of the store, migrated
 * @param range the numbers of the conversations to make, `upTo` not included; each may be made once
 */
export function seedConversations(
  file: string,
  of: { workspaceId: string; botId: string },
  range: { from: number; upTo: number },
): void {
  const db = new BetterSqlite(file);
  // It is thrown away should the machine fail now; the program sets its own when it opens the file.
  db.pragma("synchronous = OFF");
  db.pragma("cache_size = -400000");
  const statements = [CONVERSATIONS, MESSAGES, EVENTS, HANDOFFS, DELIVERIES, LANES].map((sql) => db.prepare(sql));
  const write = db.transaction((from: number, upTo: number) => {
    for (const statement of statements)
      statement.run({ from, upTo, workspace: of.workspaceId, bot: of.botId, at: FIRST_AT });
  });
  for (let from = range.from; from < range.upTo; from += BATCH) write(from, Math.min(from + BATCH, range.upTo));
  db.pragma("wal_checkpoint(TRUNCATE)");
  db.close();
}

const EACH = `with recursive
  each (i) as (select @from union all select i + 1 from each where i + 1 < @upTo),
  parameters as (select @workspace as workspace, @bot as bot, @at as at)`;
/** Scattered over 2^32 and never the same twice (the factor is odd). */
const SCATTERED = "((i * 2654435761) & 4294967295)";
const id = (prefix: string, number = "i") => `printf('${prefix}_%010d%016x', ${number}, ${SCATTERED})`;
const CREATED = "(at + i * 7919)";

const CONVERSATIONS = `${EACH}
  insert into conversations (id, workspace_id, bot_id, key, locale, channel, page_url, visitor, products, summary, control,
    epoch, open_handoff_id, callback_url, last_event_seq, last_message_seq, created_at)
  select ${id("cnv")}, workspace, bot, printf('%08x-0000-4000-8000-%012d', ${SCATTERED}, i), 'en', '{"type":"widget","id":null}',
    'https://shop.example/p/7',
    '{"id":"v-' || i || '","name":"Ana","email":"ana' || i || '@example.com","phone":null,"attributes":{"plan":"pro"}}',
    '[{"id":"p7","name":"Desk lamp","url":"https://shop.example/p/7","price":"39.00 EUR"}]',
    'Order ' || i || ' has not arrived.', 'bot', 3, null, 'https://bot.example/baton', 5, 4, ${CREATED}
  from each, parameters`;

const MESSAGES = `${EACH}, lines (seq, role, words) as (values
    (1, 'visitor', 'Where is my order? I ordered it two weeks ago and have heard nothing since.'),
    (2, 'bot', 'Which number does it have? You find it in the confirmation that we sent you by email.'),
    (3, 'visitor', 'I want a person.'),
    (4, 'agent', 'Hello, I have found it: it is on its way and should be with you tomorrow before noon.'))
  insert into messages (conversation_id, seq, workspace_id, id, handoff_id, role, text, author_name, at, attachments, external_id)
  select ${id("cnv")}, seq, workspace, ${id("msg", "i * 4 + seq")}, iif(seq = 4, ${id("hnd")}, null), role, words,
    iif(seq = 4, 'Alex', null), ${CREATED} + seq * 4000, null, 'bot:m' || seq
  from each, parameters, lines`;

const EVENTS = `${EACH}, kinds (seq, type) as (values (1, 'handoff.requested'), (2, 'control.changed'), (3, 'handoff.opened'),
    (4, 'handoff.acknowledged'), (5, 'handoff.resolved'))
  insert into events (conversation_id, seq, workspace_id, handoff_id, type, at, actor, data)
  select ${id("cnv")}, seq, workspace, ${id("hnd")}, type, ${CREATED} + seq * 4000, '{"kind":"system","id":null,"name":null}',
    '{"control":"human","epoch":2,"handoff":{"status":"pending","mode":"live","destination":"con_seeded"},"because":"open"}'
  from each, parameters, kinds`;

const HANDOFFS = `${EACH}
  insert into handoffs (id, workspace_id, bot_id, conversation_id, status, mode, "trigger", reason, priority, because, chain,
    destination, destination_id, opened, ref_conversation_id, ref_contact_id, ref_url, cursor, agent_id, agent_name,
    assignee_id, transcript_seq, accept_by, open_by, idle_at, look_at, created_at, accepted_at, ended_at)
  select ${id("hnd")}, workspace, bot, ${id("cnv")}, 'resolved', 'live', 'visitor', 'asked for a person', 'high', 'open', '[]',
    '{"id":"con_seeded","team":null,"priority":null,"labels":[]}', 'con_seeded', 1, i, i, null, null, '1', 'Alex', '1', 3,
    null, null, null, null, ${CREATED}, ${CREATED} + 60000, ${CREATED} + 600000
  from each, parameters`;

const DELIVERIES = `${EACH}, kinds (kind, lane, connection) as (values ('helpdesk_open', 'con_seeded', 'con_seeded'),
    ('callback', 'callback', null), ('callback', 'callback', null), ('callback', 'callback', null))
  insert into deliveries (workspace_id, lane, kind, connection_id, conversation_id, handoff_id, payload, progress, state, attempts,
    may_have_happened, last_error, created_at, started_at, next_at, done_at)
  select workspace, lane || ':' || ${id("cnv")}, kind, connection, ${id("cnv")}, ${id("hnd")}, '{"seq":3}', '{}', 'done', 1, 0,
    null, ${CREATED}, ${CREATED} + 50, null, ${CREATED} + 150
  from each, parameters, kinds`;

const LANES = `${EACH}, kinds (lane, connection) as (values ('con_seeded', 'con_seeded'), ('callback', null))
  insert into lanes (lane, connection_id, due_at, lease, lease_until)
  select lane || ':' || ${id("cnv")}, connection, null, 4, null
  from each, parameters, kinds`;
