import type {
  Attachment,
  Channel,
  Control,
  Conversation,
  Host,
  Message,
  Priority,
  Product,
  Role,
  Trigger,
  Visitor,
} from "../domain/conversation.ts";
import type { Because } from "../domain/decision.ts";
import type { DeliveryKind, DeliveryState } from "../domain/delivery.ts";
import type { Actor, Handoff, Lead, LeadContact } from "../domain/handoff.ts";
import type { Destination } from "../domain/settings.ts";
import type { LeadDialog } from "../domain/lead-dialog.ts";
import type { HandoffMode, HandoffStatus } from "../domain/states.ts";
import type { Bot, Connection, Delivery, Member, StoredEvent, TokenRecord, Workspace } from "../ports-store.ts";
import type {
  BotsTable,
  ConnectionsTable,
  ConversationsTable,
  DeliveriesTable,
  EventsTable,
  HandoffsTable,
  LeadsTable,
  MembersTable,
  MessagesTable,
  TokensTable,
  WorkspacesTable,
} from "./schema.ts";

/**
 * Rows to the objects of the rules and back. JSON and word columns are believed: only Baton writes them, parsed at the door.
 */
export const time = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));
export const ms = (at: Date | null): number | null => (at === null ? null : at.getTime());

function json(text: string): unknown {
  return JSON.parse(text);
}

export const workspaceOf = (row: WorkspacesTable): Workspace => ({
  id: row.id,
  name: row.name,
  createdAt: new Date(row.created_at),
  ...(row.retention_days !== null && { retentionDays: row.retention_days }),
});

export const botOf = (row: BotsTable): Bot => ({
  id: row.id,
  workspaceId: row.workspace_id,
  name: row.name,
  // Read once per settings version only: a long schedule is not to be parsed with every request.
  get settings() {
    return json(row.settings);
  },
  settingsVersion: row.settings_version,
  callbackUrl: row.callback_url,
  messageUrl: row.message_url,
  sealedSecret: row.sealed_secret,
  createdAt: new Date(row.created_at),
});

export const memberOf = (row: MembersTable): Member => ({
  id: row.id,
  workspaceId: row.workspace_id,
  name: row.name,
  email: row.email,
  role: row.role as Member["role"],
  onlineUntil: time(row.online_until),
  createdAt: new Date(row.created_at),
});

export const connectionOf = (row: ConnectionsTable): Connection => ({
  id: row.id,
  workspaceId: row.workspace_id,
  type: row.type,
  name: row.name,
  config: json(row.config) as Connection["config"],
  sealedSecrets: row.sealed_secrets,
  pathSecret: row.path_secret,
  problem: row.problem,
  problemSince: time(row.problem_since),
  lastWebhookAt: time(row.last_webhook_at),
  installed: row.installed === null ? null : (json(row.installed) as Connection["installed"]),
  version: row.version,
  createdAt: new Date(row.created_at),
});

export const tokenOf = (row: TokensTable): TokenRecord => ({
  id: row.id,
  workspaceId: row.workspace_id,
  scope: row.scope,
  subject: row.subject,
  name: row.name,
  createdAt: new Date(row.created_at),
  expiresAt: new Date(row.expires_at),
  revokedAt: time(row.revoked_at),
});

export const conversationOf = (row: ConversationsTable): Conversation => ({
  id: row.id,
  workspaceId: row.workspace_id,
  botId: row.bot_id,
  key: row.key,
  locale: row.locale,
  channel: row.channel === null ? null : (json(row.channel) as Channel),
  pageUrl: row.page_url,
  visitor: json(row.visitor) as Visitor,
  products: json(row.products) as Product[],
  summary: row.summary,
  control: row.control as Control,
  epoch: row.epoch,
  openHandoffId: row.open_handoff_id,
  callbackUrl: row.callback_url,
  host: row.host === null ? null : (json(row.host) as Host),
  dialog: row.dialog === null ? null : (json(row.dialog) as LeadDialog),
  lastEventSeq: row.last_event_seq,
  lastMessageSeq: row.last_message_seq,
  createdAt: new Date(row.created_at),
  ...(row.pruned_at !== null && { prunedAt: new Date(row.pruned_at) }),
});

/** What the clockwork keeps of it stands apart. */
export type ConversationRow = Omit<ConversationsTable, "touched_at" | "pruned_seq" | "pruned_event_seq" | "pruned_at">;

export const conversationRow = (one: Conversation): ConversationRow => ({
  id: one.id,
  workspace_id: one.workspaceId,
  bot_id: one.botId,
  key: one.key,
  locale: one.locale,
  channel: one.channel === null ? null : JSON.stringify(one.channel),
  page_url: one.pageUrl,
  visitor: JSON.stringify(one.visitor),
  products: JSON.stringify(one.products),
  summary: one.summary,
  control: one.control,
  epoch: one.epoch,
  open_handoff_id: one.openHandoffId,
  callback_url: one.callbackUrl,
  host: one.host === null ? null : JSON.stringify(one.host),
  dialog: one.dialog === null ? null : JSON.stringify(one.dialog),
  last_event_seq: one.lastEventSeq,
  last_message_seq: one.lastMessageSeq,
  created_at: one.createdAt.getTime(),
});

export const messageOf = (row: MessagesTable): Message => ({
  id: row.id,
  conversationId: row.conversation_id,
  handoffId: row.handoff_id,
  seq: row.seq,
  role: row.role as Role,
  text: row.text,
  authorName: row.author_name,
  at: new Date(row.at),
  attachments: row.attachments === null ? [] : (json(row.attachments) as Attachment[]),
  externalId: row.external_id,
  ...(row.attachments === PRUNED && { pruned: true }),
});

/** In the place of a message's attachments: its words have been taken out. One without any has null there. */
export const PRUNED = "[]";

export const messageRow = (workspaceId: string, one: Message): MessagesTable => ({
  conversation_id: one.conversationId,
  seq: one.seq,
  workspace_id: workspaceId,
  id: one.id,
  handoff_id: one.handoffId,
  role: one.role,
  text: one.text,
  author_name: one.authorName,
  at: one.at.getTime(),
  attachments: one.attachments.length === 0 ? null : JSON.stringify(one.attachments),
  external_id: one.externalId,
});

export const eventOf = (row: EventsTable): StoredEvent => ({
  conversationId: row.conversation_id,
  seq: row.seq,
  handoffId: row.handoff_id,
  type: row.type,
  at: new Date(row.at),
  actor: json(row.actor) as Actor,
  data: json(row.data) as Record<string, unknown>,
});

export const eventRow = (workspaceId: string, one: StoredEvent): EventsTable => ({
  conversation_id: one.conversationId,
  seq: one.seq,
  workspace_id: workspaceId,
  handoff_id: one.handoffId,
  type: one.type,
  at: one.at.getTime(),
  actor: JSON.stringify(one.actor),
  data: JSON.stringify(one.data),
});

export const handoffOf = (row: HandoffsTable): Handoff => ({
  id: row.id,
  workspaceId: row.workspace_id,
  botId: row.bot_id,
  conversationId: row.conversation_id,
  status: row.status as HandoffStatus,
  mode: row.mode as HandoffMode,
  trigger: row.trigger as Trigger,
  reason: row.reason,
  priority: row.priority as Priority | null,
  because: row.because as Because,
  chain: json(row.chain) as Destination[],
  destination: row.destination === null ? null : (json(row.destination) as Destination),
  opened: row.opened === 1,
  ref:
    row.ref_conversation_id === null
      ? null
      : {
          conversationId: row.ref_conversation_id,
          contactId: row.ref_contact_id,
          url: row.ref_url,
          ...(row.ref_other_id !== null && { otherId: row.ref_other_id }),
        },
  cursor: row.cursor,
  agent: row.agent_id === null && row.agent_name === null ? null : { id: row.agent_id, name: row.agent_name },
  assigneeId: row.assignee_id,
  transcriptSeq: row.transcript_seq,
  acceptBy: time(row.accept_by),
  openBy: time(row.open_by),
  idleAt: time(row.idle_at),
  createdAt: new Date(row.created_at),
  acceptedAt: time(row.accepted_at),
  endedAt: time(row.ended_at),
});

/** All but `look_at`, which the clockwork sets by itself. */
export const handoffRow = (one: Handoff): Omit<HandoffsTable, "look_at"> => ({
  id: one.id,
  workspace_id: one.workspaceId,
  bot_id: one.botId,
  conversation_id: one.conversationId,
  status: one.status,
  mode: one.mode,
  trigger: one.trigger,
  reason: one.reason,
  priority: one.priority,
  because: one.because,
  chain: JSON.stringify(one.chain),
  destination: one.destination === null ? null : JSON.stringify(one.destination),
  destination_id: one.destination?.id ?? null,
  opened: one.opened ? 1 : 0,
  ref_conversation_id: one.ref?.conversationId ?? null,
  ref_contact_id: one.ref?.contactId ?? null,
  ref_url: one.ref?.url ?? null,
  ref_other_id: one.ref?.otherId ?? null,
  cursor: one.cursor,
  agent_id: one.agent?.id ?? null,
  agent_name: one.agent?.name ?? null,
  assignee_id: one.assigneeId,
  transcript_seq: one.transcriptSeq,
  accept_by: ms(one.acceptBy),
  open_by: ms(one.openBy),
  idle_at: ms(one.idleAt),
  created_at: one.createdAt.getTime(),
  accepted_at: ms(one.acceptedAt),
  ended_at: ms(one.endedAt),
});

export const leadOf = (row: LeadsTable, consent: Lead["consent"]): Lead => ({
  id: row.id,
  workspaceId: row.workspace_id,
  botId: row.bot_id,
  conversationId: row.conversation_id,
  handoffId: row.handoff_id,
  contact: json(row.contact) as LeadContact,
  consent,
  pageUrl: row.page_url,
  locale: row.locale,
  transcriptSeq: row.transcript_seq,
  createdAt: new Date(row.created_at),
});

export const deliveryOf = (row: Omit<DeliveriesTable, "n"> & { n: number }): Delivery => ({
  n: row.n,
  workspaceId: row.workspace_id,
  lane: row.lane,
  kind: row.kind as DeliveryKind,
  connectionId: row.connection_id,
  conversationId: row.conversation_id,
  handoffId: row.handoff_id,
  payload: json(row.payload) as Record<string, unknown>,
  progress: json(row.progress) as Record<string, string>,
  state: row.state as DeliveryState,
  attempts: row.attempts,
  mayHaveHappened: row.may_have_happened === 1,
  lastError: row.last_error,
  createdAt: new Date(row.created_at),
  startedAt: time(row.started_at),
  nextAt: time(row.next_at),
  doneAt: time(row.done_at),
  requestId: row.request_id,
});
