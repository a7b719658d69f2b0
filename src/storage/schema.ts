import type { Generated } from "kysely";

/**
 * The tables. Portable between SQLite and PostgreSQL: times are milliseconds since 1970 in integers, truth values 0 and 1,
 * structures JSON text. Every table of a workspace carries its id, and every key that comes from a helpdesk stands beside
 * the connection it came from, since two helpdesks have the same small numbers.
 */
export interface WorkspacesTable {
  id: string;
  name: string;
  created_at: number;
  retention_days: number | null;
}

export interface BotsTable {
  id: string;
  workspace_id: string;
  name: string;
  settings: string;
  settings_version: number;
  callback_url: string | null;
  message_url: string | null;
  sealed_secret: string;
  created_at: number;
}

export interface MembersTable {
  id: string;
  workspace_id: string;
  name: string;
  email: string | null;
  /** The address as it is compared: in small letters. */
  email_key: string | null;
  role: string;
  online_until: number | null;
  created_at: number;
}

export interface ConnectionsTable {
  id: string;
  workspace_id: string;
  type: string;
  name: string;
  config: string;
  sealed_secrets: string | null;
  path_secret: string;
  problem: string | null;
  problem_since: number | null;
  last_webhook_at: number | null;
  installed: string | null;
  version: number;
  created_at: number;
}

export interface TokensTable {
  id: string;
  workspace_id: string | null;
  scope: string;
  subject: string;
  name: string | null;
  created_at: number;
  expires_at: number;
  revoked_at: number | null;
}

/** One for a member: a new one takes the place of the one before. */
export interface SignInLinksTable {
  member_id: string;
  workspace_id: string;
  hash: string;
  created_at: number;
  expires_at: number;
  used_at: number | null;
}

/** Browsers in which members are signed in. */
export interface SessionsTable {
  id: string;
  hash: string;
  workspace_id: string;
  member_id: string;
  method: string;
  device: string;
  created_at: number;
  last_used_at: number;
  expires_at: number;
}

export interface MemberPasswordsTable {
  member_id: string;
  workspace_id: string;
  sealed_hash: string;
  set_at: number;
}

export interface MemberFactorsTable {
  member_id: string;
  workspace_id: string;
  sealed_secret: string;
  confirmed_at: number | null;
  last_step: number;
}

export interface RecoveryCodesTable {
  member_id: string;
  hash: string;
  workspace_id: string;
  used_at: number | null;
}

export interface ConversationsTable {
  id: string;
  workspace_id: string;
  bot_id: string;
  key: string;
  locale: string | null;
  channel: string | null;
  page_url: string | null;
  visitor: string;
  products: string;
  summary: string | null;
  control: string;
  epoch: number;
  open_handoff_id: string | null;
  callback_url: string | null;
  host: string | null;
  dialog: string | null;
  last_event_seq: number;
  last_message_seq: number;
  created_at: number;
  /** When anything happened in it last; null in those of before this was kept, which count from their beginning. */
  touched_at: number | null;
  /** Up to here the words of its messages, and of its events, have been taken out. */
  pruned_seq: number | null;
  pruned_event_seq: number | null;
  pruned_at: number | null;
}

export interface MessagesTable {
  conversation_id: string;
  seq: number;
  workspace_id: string;
  id: string;
  handoff_id: string | null;
  role: string;
  text: string;
  author_name: string | null;
  at: number;
  attachments: string | null;
  external_id: string | null;
}

export interface EventsTable {
  conversation_id: string;
  seq: number;
  workspace_id: string;
  handoff_id: string | null;
  type: string;
  at: number;
  actor: string;
  data: string;
}

export interface HandoffsTable {
  id: string;
  workspace_id: string;
  bot_id: string;
  conversation_id: string;
  status: string;
  mode: string;
  trigger: string;
  reason: string | null;
  priority: string | null;
  because: string;
  chain: string;
  destination: string | null;
  destination_id: string | null;
  opened: number;
  ref_conversation_id: string | null;
  ref_contact_id: string | null;
  ref_url: string | null;
  ref_other_id: string | null;
  cursor: string | null;
  agent_id: string | null;
  agent_name: string | null;
  assignee_id: string | null;
  transcript_seq: number;
  accept_by: number | null;
  open_by: number | null;
  idle_at: number | null;
  look_at: number | null;
  created_at: number;
  accepted_at: number | null;
  ended_at: number | null;
}

export interface LeadsTable {
  id: string;
  workspace_id: string;
  bot_id: string;
  conversation_id: string;
  handoff_id: string;
  contact: string;
  page_url: string | null;
  locale: string | null;
  transcript_seq: number;
  created_at: number;
  state: string;
  state_at: number | null;
  state_by: string | null;
  note: string | null;
  search: string;
}

/** Who was erased when, without a word about them. */
export interface ErasuresTable {
  id: string;
  workspace_id: string;
  started_at: number;
  finished_at: number | null;
  actor: string;
  identifiers: string;
  counts: string;
  copies: string;
  mails: string;
}

/** Append-only: nothing updates or deletes a row but the erasure of a person. */
export interface ConsentsTable {
  lead_id: string;
  workspace_id: string;
  business: string;
  purpose: string;
  text: string;
  version: string;
  locale: string;
  url: string;
  hash: string;
  agreed_at: number;
  method: string;
}

export interface DeliveriesTable {
  n: Generated<number>;
  workspace_id: string;
  lane: string;
  kind: string;
  connection_id: string | null;
  conversation_id: string | null;
  handoff_id: string | null;
  payload: string;
  progress: string;
  state: string;
  attempts: number;
  may_have_happened: number;
  last_error: string | null;
  created_at: number;
  started_at: number | null;
  next_at: number | null;
  done_at: number | null;
  request_id: string | null;
}

export interface LanesTable {
  lane: string;
  connection_id: string | null;
  /** When its head may be sent; null when nothing is owed. */
  due_at: number | null;
  /** Grows with each claim: a process that slept through its lease finds another number here. */
  lease: number;
  lease_until: number | null;
}

export interface WebhooksTable {
  id: string;
  workspace_id: string;
  connection_id: string;
  dedupe_key: string;
  body: string;
  received_at: number;
  state: string;
  attempts: number;
  next_at: number | null;
  error: string | null;
  request_id: string | null;
}

export interface AnswersTable {
  scope: string;
  key: string;
  request_hash: string;
  status: number;
  body: string;
  created_at: number;
}

/** What one process at a time does now and then. */
export interface ChoresTable {
  name: string;
  /** Nobody takes it before. */
  due_at: number;
  /** How far it came, in the words of whoever does it. */
  state: string;
}

/** Append-only: the database refuses to change a row. */
export interface AuditLogTable {
  id: string;
  workspace_id: string;
  at: number;
  actor_kind: string;
  actor_id: string | null;
  actor_name: string | null;
  action: string;
  object_type: string;
  object_id: string;
  object_name: string | null;
  changes: string;
  request_id: string | null;
}

export interface DeclinedAsksTable {
  workspace_id: string;
  /** When the quarter of an hour begins. */
  quarter_at: number;
  bot_id: string;
  because: string;
  count: number;
}

/** From then on the connection had this problem; null: none. */
export interface ConnectionStatesTable {
  n: Generated<number>;
  workspace_id: string;
  connection_id: string;
  at: number;
  problem: string | null;
}

/** What has changed. The row of no workspace stands for all that was forgotten. */
export interface NewsTable {
  n: Generated<number>;
  /** On PostgreSQL the number of its transaction; null on SQLite, where `n` does. */
  pos: Generated<number | null>;
  workspace_id: string;
  kind: string;
  object_id: string;
  what: string;
  data: string;
  at: number;
}

export interface Database {
  workspaces: WorkspacesTable;
  bots: BotsTable;
  members: MembersTable;
  connections: ConnectionsTable;
  tokens: TokensTable;
  sign_in_links: SignInLinksTable;
  sessions: SessionsTable;
  member_passwords: MemberPasswordsTable;
  member_factors: MemberFactorsTable;
  recovery_codes: RecoveryCodesTable;
  conversations: ConversationsTable;
  messages: MessagesTable;
  events: EventsTable;
  handoffs: HandoffsTable;
  leads: LeadsTable;
  audit_log: AuditLogTable;
  erasures: ErasuresTable;
  consents: ConsentsTable;
  deliveries: DeliveriesTable;
  lanes: LanesTable;
  webhooks: WebhooksTable;
  answers: AnswersTable;
  chores: ChoresTable;
  declined_asks: DeclinedAsksTable;
  connection_states: ConnectionStatesTable;
  news: NewsTable;
}
