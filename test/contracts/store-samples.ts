import type { Conversation, Message } from "../../src/domain/conversation.ts";
import type { AuditEntry } from "../../src/ports-audit.ts";
import type { Erasure, ErasureCounts } from "../../src/ports-people.ts";
import type { Consent, Handoff, Lead } from "../../src/domain/handoff.ts";
import type { ConnectionState, NewsItem } from "../../src/ports-news.ts";
import type { Password, SecondFactor, Session } from "../../src/ports-sessions.ts";
import type {
  Bot,
  Connection,
  Member,
  NewDelivery,
  Store,
  StoredEvent,
  TokenRecord,
  Tx,
  WebhookRow,
  Workspace,
} from "../../src/ports-store.ts";

/** Small, complete rows for tests of a store; each takes what the test is about. */

const START = Date.parse("2026-11-20T09:00:00.000Z");
/** Seconds after the start of every test's day. */
export const at = (seconds: number): Date => new Date(START + seconds * 1_000);

export const workspace = (id: string): Workspace => ({ id, name: `Shop ${id}`, createdAt: at(0) });

export const bot = (workspaceId: string, id: string, more: Partial<Bot> = {}): Bot => ({
  id,
  workspaceId,
  name: "Lamp bot",
  settings: { enabled: true },
  settingsVersion: 1,
  callbackUrl: "https://bot.example/baton",
  messageUrl: "https://bot.example/turn",
  sealedSecret: "sealed:bot",
  createdAt: at(0),
  ...more,
});

export const member = (workspaceId: string, id: string, more: Partial<Member> = {}): Member => ({
  id,
  workspaceId,
  name: "Ioana",
  email: "ioana@example.com",
  role: "agent",
  onlineUntil: null,
  createdAt: at(0),
  ...more,
});

export const connection = (workspaceId: string, id: string, more: Partial<Connection> = {}): Connection => ({
  id,
  workspaceId,
  type: "chatwoot",
  name: "Our Chatwoot",
  config: { baseUrl: "https://desk.example", accountId: 3 },
  sealedSecrets: "sealed:connection",
  pathSecret: "path-secret",
  problem: null,
  problemSince: null,
  lastWebhookAt: null,
  installed: null,
  version: 1,
  createdAt: at(0),
  ...more,
});

export const token = (workspaceId: string | null, id: string, more: Partial<TokenRecord> = {}): TokenRecord => ({
  id,
  workspaceId,
  scope: "bot",
  subject: "bot_a",
  name: "for the shop",
  createdAt: at(0),
  expiresAt: at(3_600),
  revokedAt: null,
  ...more,
});

export const conversation = (workspaceId: string, id: string, more: Partial<Conversation> = {}): Conversation => ({
  id,
  workspaceId,
  botId: "bot_a",
  key: `key-of-${id}`,
  locale: "ro",
  channel: { type: "widget", id: null },
  pageUrl: "https://shop.example/p/7",
  visitor: { id: "v-5", name: "Ana", email: "ana@example.com", phone: null, attributes: { plan: "pro", visits: 3 } },
  products: [{ id: "p7", name: "Desk lamp", url: null, price: "39.00 EUR" }],
  summary: "Order 1042 has not arrived.",
  control: "bot",
  epoch: 0,
  openHandoffId: null,
  callbackUrl: null,
  host: null,
  dialog: null,
  lastEventSeq: 0,
  lastMessageSeq: 0,
  createdAt: at(0),
  ...more,
});

export const message = (conversationId: string, seq: number, more: Partial<Message> = {}): Message => ({
  id: `msg_${conversationId}_${seq}`,
  conversationId,
  handoffId: null,
  seq,
  role: "visitor",
  text: `line ${seq}`,
  authorName: null,
  at: at(seq),
  attachments: [],
  externalId: null,
  ...more,
});

export const event = (conversationId: string, seq: number, more: Partial<StoredEvent> = {}): StoredEvent => ({
  conversationId,
  seq,
  handoffId: null,
  type: "message.created",
  at: at(seq),
  actor: { kind: "visitor", id: null, name: "Ana" },
  data: { n: seq },
  ...more,
});

export const handoff = (
  workspaceId: string,
  conversationId: string,
  id: string,
  more: Partial<Handoff> = {},
): Handoff => ({
  id,
  workspaceId,
  botId: "bot_a",
  conversationId,
  status: "pending",
  mode: "live",
  trigger: "visitor",
  reason: "asked for a person",
  priority: "high",
  because: "open",
  chain: [{ id: "inbox", team: null, priority: null, labels: [] }],
  destination: { id: "con_a", team: "4", priority: null, labels: ["vip"] },
  opened: false,
  ref: null,
  cursor: null,
  agent: null,
  assigneeId: null,
  transcriptSeq: 0,
  acceptBy: null,
  openBy: null,
  idleAt: null,
  createdAt: at(0),
  acceptedAt: null,
  endedAt: null,
  ...more,
});

export const lead = (
  workspaceId: string,
  of: { conversationId: string; handoffId: string },
  id: string,
  more: Partial<Lead> = {},
): Lead => ({
  id,
  workspaceId,
  botId: "bot_a",
  conversationId: of.conversationId,
  handoffId: of.handoffId,
  contact: { name: "Ana", email: "ana@example.com", issue: null, phone: null },
  consent: null,
  pageUrl: null,
  locale: "ro",
  transcriptSeq: 0,
  createdAt: at(0),
  ...more,
});

export const consent = (more: Partial<Consent> = {}): Consent => ({
  business: "Lamp Shop",
  purpose: "to answer the request",
  text: "I agree that Lamp Shop keeps my details.",
  version: "1",
  locale: "en",
  url: "https://shop.example/terms",
  hash: "0f".repeat(32),
  agreedAt: at(5),
  method: "checkbox",
  ...more,
});

export const delivery = (workspaceId: string, lane: string, more: Partial<NewDelivery> = {}): NewDelivery => ({
  workspaceId,
  lane,
  kind: "helpdesk_message",
  connectionId: "con_a",
  conversationId: null,
  handoffId: null,
  payload: { text: "hello" },
  ...more,
});

export const webhook = (
  id: string,
  dedupeKey: string,
  more: Partial<WebhookRow> = {},
): WebhookRow & { dedupeKey: string } => ({
  id,
  workspaceId: "ws_a",
  connectionId: "con_a",
  body: '{"event":"message_created"}',
  receivedAt: at(0),
  attempts: 0,
  dedupeKey,
  ...more,
});

const DAY = 86_400;
export const session = (workspaceId: string, memberId: string, id: string, more: Partial<Session> = {}): Session => ({
  id,
  hash: `hash of ${id}`,
  workspaceId,
  memberId,
  method: "link",
  device: "Firefox on Linux",
  createdAt: at(0),
  lastUsedAt: at(0),
  expiresAt: at(30 * DAY),
  ...more,
});
export const password = (workspaceId: string, memberId: string, more: Partial<Password> = {}): Password => ({
  workspaceId,
  memberId,
  sealedHash: "sealed:hash",
  setAt: at(0),
  ...more,
});
export const secondFactor = (
  workspaceId: string,
  memberId: string,
  more: Partial<SecondFactor> = {},
): SecondFactor => ({
  workspaceId,
  memberId,
  sealedSecret: "sealed:secret",
  confirmedAt: null,
  lastStep: 0,
  ...more,
});

export const auditEntry = (workspaceId: string, id: string, more: Partial<AuditEntry> = {}): AuditEntry => ({
  id,
  workspaceId,
  at: at(0),
  actor: { kind: "token", id: "tok_a", name: "for the shop" },
  action: "bot.changed",
  object: { type: "bot", id: "bot_a", name: "Lamp bot" },
  changes: [{ path: "settings.enabled", before: true, after: false }],
  requestId: "req_1",
  ...more,
});

export const newsItem = (id: string, more: Partial<NewsItem> = {}): NewsItem => ({
  kind: "handoff",
  id,
  what: "handoff.opened",
  at: at(0),
  data: { botId: "bot_a", status: "pending" },
  ...more,
});

export const connectionState = (
  workspaceId: string,
  connectionId: string,
  more: Partial<ConnectionState> = {},
): ConnectionState => ({ workspaceId, connectionId, at: at(0), problem: "The token is refused.", ...more });

export const NOTHING_ERASED: ErasureCounts = {
  conversations: 0,
  messages: 0,
  events: 0,
  handoffs: 0,
  leads: 0,
  consents: 0,
  deliveries: 0,
  webhooks: 0,
  answers: 0,
};

export const erasure = (workspaceId: string, id: string, more: Partial<Erasure> = {}): Erasure => ({
  id,
  workspaceId,
  startedAt: at(0),
  finishedAt: null,
  actor: { kind: "member", id: "mem_a", name: "Ioana" },
  identifiers: [{ kind: "email", hash: "k.h" }],
  counts: NOTHING_ERASED,
  copies: [],
  mails: [],
  ...more,
});

/** A workspace with one of everything that can be told apart from another's; `tag` ends each id. */
export async function addShop(tx: Tx, tag: string): Promise<void> {
  const ws = `ws_${tag}`;
  const cnv = `cnv_${tag}`;
  const hnd = `hnd_${tag}`;
  await tx.createWorkspace(workspace(ws));
  await tx.createBot(bot(ws, `bot_${tag}`));
  await tx.createMember(member(ws, `mem_${tag}`, { onlineUntil: at(600) }));
  await tx.createConnection(connection(ws, `con_${tag}`));
  await tx.createToken(token(ws, `tok_${tag}`, { subject: `bot_${tag}` }));
  await tx.createSession(session(ws, `mem_${tag}`, `ses_${tag}`));
  await tx.savePassword(password(ws, `mem_${tag}`));
  await tx.saveSecondFactor(secondFactor(ws, `mem_${tag}`));
  await tx.saveRecoveryCodes(ws, `mem_${tag}`, ["a hash"]);
  await tx.createConversation(
    conversation(ws, cnv, {
      botId: `bot_${tag}`,
      key: "c-981",
      openHandoffId: hnd,
      lastMessageSeq: 2,
      lastEventSeq: 1,
    }),
  );
  await tx.addMessages(ws, [message(cnv, 1, { externalId: "m1" }), message(cnv, 2, { externalId: "m2" })]);
  await tx.addEvents(ws, [event(cnv, 1, { handoffId: hnd })]);
  const ref = { conversationId: "77", contactId: "5", url: null };
  const destination = { id: `con_${tag}`, team: null, priority: null, labels: [] };
  await tx.createHandoff(handoff(ws, cnv, hnd, { botId: `bot_${tag}`, destination, ref }));
  await tx.createLead(lead(ws, { conversationId: cnv, handoffId: hnd }, `led_${tag}`, { botId: `bot_${tag}` }));
  await tx.addConsent(ws, `led_${tag}`, consent());
  await tx.addAudit(auditEntry(ws, `aud_${tag}`));
  await tx.saveErasure(erasure(ws, `era_${tag}`));
  await tx.recordWebhook(webhook(`whk_${tag}`, "dk", { workspaceId: ws, connectionId: `con_${tag}` }));
  await tx.finishWebhook(`whk_${tag}`, "failed", "not understood", at(0));
  await tx.storeAnswer(`bot:${ws}:bot_${tag}`, `key-${tag}`, { requestHash: "h", status: 201, body: "{}" }, at(0));
  await tx.addNews(ws, [newsItem(hnd)]);
  await tx.addConnectionState(connectionState(ws, `con_${tag}`));
  await tx.countDeclined(ws, `bot_${tag}`, "disabled", at(0));
  const owed = { connectionId: `con_${tag}`, conversationId: cnv, handoffId: hnd };
  const lane = `con_${tag}:${cnv}`;
  await tx.addDeliveries([delivery(ws, lane, owed), delivery(ws, lane, owed)], at(0));
  await tx.addDeliveries([delivery(ws, `mail:${tag}`, { ...owed, connectionId: null, state: "held" })], at(0));
}

/** Opened once per test. */
export interface Opened {
  readonly store: Store;
  /** Closes it and opens the same data again. */
  reopen(): Promise<Store>;
  dispose(): Promise<void>;
}
