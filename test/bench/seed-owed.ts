import BetterSqlite from "better-sqlite3";

/** What an hour of a helpdesk's outage leaves behind. */
export interface Backlog {
  readonly workspaceId: string;
  readonly botId: string;
  readonly connectionId: string;
  readonly conversations: number;
  /** Messages of the visitor in each, none of them sent. */
  readonly each: number;
  /** When the first of them was said. */
  readonly from: Date;
}

/**
 * Fills a store that no program has open with handoffs that an agent has accepted at one connection, and messages that are owed
 * to it: by SQL alone, and in the order in which an hour brings them, a message of every conversation before the next of any.
 */
export function seedOwed(file: string, { from, ...backlog }: Backlog): void {
  const db = new BetterSqlite(file);
  // It is thrown away should the machine fail now; the program sets its own when it opens the file.
  db.pragma("synchronous = OFF");
  const values = { ...backlog, at: from.getTime() };
  db.transaction(() => {
    for (const sql of [CONVERSATIONS, HANDOFFS, MESSAGES, DELIVERIES, LANES]) db.prepare(sql).run(values);
  })();
  db.pragma("wal_checkpoint(TRUNCATE)");
  db.close();
}

const EACH = `with recursive
  each (i) as (select 1 union all select i + 1 from each where i < @conversations),
  lines (seq) as (select 1 union all select seq + 1 from lines where seq < @each),
  parameters as (select @workspaceId as workspace, @botId as bot, @connectionId as con, @at as at)`;
const id = (prefix: string, number = "i") => `printf('${prefix}_owed%012d', ${number})`;

const CONVERSATIONS = `${EACH}
  insert into conversations (id, workspace_id, bot_id, key, locale, channel, page_url, visitor, products, summary, control,
    epoch, open_handoff_id, callback_url, last_event_seq, last_message_seq, created_at)
  select ${id("cnv")}, workspace, bot, 'owed-' || i, 'en', null, null,
    '{"id":"v-' || i || '","name":"Ana","email":null,"phone":null,"attributes":{}}', '[]', null, 'human', 2, ${id("hnd")}, null, 0,
    @each, at
  from each, parameters`;

const HANDOFFS = `${EACH}
  insert into handoffs (id, workspace_id, bot_id, conversation_id, status, mode, "trigger", reason, priority, because, chain,
    destination, destination_id, opened, ref_conversation_id, ref_contact_id, ref_url, cursor, agent_id, agent_name,
    assignee_id, transcript_seq, accept_by, open_by, idle_at, look_at, created_at, accepted_at, ended_at)
  select ${id("hnd")}, workspace, bot, ${id("cnv")}, 'acknowledged', 'live', 'visitor', null, null, 'open', '[]',
    '{"id":"' || con || '","team":null,"priority":null,"labels":[]}', con, 1, i, i, null, null, '1', 'Alex', '1', 0,
    null, null, null, null, at, at, null
  from each, parameters`;

const MESSAGES = `${EACH}
  insert into messages (conversation_id, seq, workspace_id, id, handoff_id, role, text, author_name, at, attachments, external_id)
  select ${id("cnv")}, seq, workspace, ${id("msg", "i * 1000 + seq")}, ${id("hnd")}, 'visitor', 'owed ' || seq, null,
    at + seq * 1000, null, 'bot:m' || seq
  from each, parameters, lines`;

const DELIVERIES = `${EACH}
  insert into deliveries (workspace_id, lane, kind, connection_id, conversation_id, handoff_id, payload, progress, state, attempts,
    may_have_happened, last_error, created_at, started_at, next_at, done_at)
  select workspace, con || ':' || ${id("cnv")}, 'helpdesk_message', con, ${id("cnv")}, ${id("hnd")}, '{"seq":' || seq || '}', '{}',
    'waiting', 0, 0, null, at + seq * 1000, null, null, null
  from lines cross join each cross join parameters
  order by seq, i`;

const LANES = `${EACH}
  insert into lanes (lane, connection_id, due_at, lease, lease_until)
  select con || ':' || ${id("cnv")}, con, at + 1000, 0, null
  from each, parameters`;
