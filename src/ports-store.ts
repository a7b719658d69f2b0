/** The store as the rules see it. Every method names the workspace: no query without it (reliability.md P9). */
import type { Conversation, Message, Role, Attachment } from "./domain/conversation.ts";
import type { Actor, Consent, Handoff } from "./domain/handoff.ts";
import type { HandoffStatus } from "./domain/states.ts";
import type { DeliveryKind, DeliveryState } from "./domain/delivery.ts";
import type { MemberRole } from "./domain/member-role.ts";
import type { AuditReads, AuditWrites } from "./ports-audit.ts";
import type { HandoffListReads } from "./ports-handoff-list.ts";
import type { InsightReads, InsightWrites } from "./ports-insights.ts";
import type { LeadReads, LeadWrites } from "./ports-leads.ts";
import type { PeopleReads, PeopleWrites } from "./ports-people.ts";
import type { StoreFigures } from "./ports-metrics.ts";
import type { NewsReads, NewsWrites } from "./ports-news.ts";
import type { SessionReads, SessionWrites } from "./ports-sessions.ts";
import type { RetentionReads, RetentionWrites } from "./ports-retention.ts";

export interface Workspace {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Date;
  /** Words older than this are taken out; absent: they are kept. */
  readonly retentionDays?: number;
}

export interface Bot {
  readonly id: string;
  readonly workspaceId: string;
  readonly name: string;
  /** As given by the admin, before defaults; parse with HandoffSettings. */
  readonly settings: unknown;
  readonly settingsVersion: number;
  readonly callbackUrl: string | null;
  /** Where it is asked for an answer, in conversations that Baton hosts; null: it only calls. */
  readonly messageUrl: string | null;
  /** Sealed. Signs callbacks out and webhooks in. */
  readonly sealedSecret: string;
  readonly createdAt: Date;
}

export interface Member {
  readonly id: string;
  readonly workspaceId: string;
  readonly name: string;
  readonly email: string | null;
  readonly role: MemberRole;
  readonly onlineUntil: Date | null;
  readonly createdAt: Date;
}

export interface Connection {
  readonly id: string;
  readonly workspaceId: string;
  readonly type: string;
  readonly name: string;
  /** Without secrets. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly sealedSecrets: string | null;
  /** The secret part of the webhook's path. */
  readonly pathSecret: string;
  /** What is wrong, in words for the admin; null when it works. */
  readonly problem: string | null;
  readonly problemSince: Date | null;
  readonly lastWebhookAt: Date | null;
  /** What an install made in the helpdesk, by step (ids, never secrets); null where none was run, or all of it was taken away. */
  readonly installed: Readonly<Record<string, string>> | null;
  readonly version: number;
  readonly createdAt: Date;
}

export interface TokenRecord {
  readonly id: string;
  readonly workspaceId: string | null;
  readonly scope: string;
  readonly subject: string;
  readonly name: string | null;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
}

/** A one-time link by which a member signs in. What is in it is known to its holder alone. */
export interface SignInLink {
  /** SHA-256 of the code in the link. */
  readonly hash: string;
  readonly workspaceId: string;
  readonly memberId: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/** What became of the code of a link. */
export type SignInUse =
  | { readonly outcome: "taken"; readonly workspaceId: string; readonly memberId: string }
  | { readonly outcome: "used" | "expired" | "unknown" };

export interface StoredEvent {
  readonly conversationId: string;
  readonly seq: number;
  readonly handoffId: string | null;
  readonly type: string;
  readonly at: Date;
  readonly actor: Actor;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Delivery {
  /** Grows with time; order within a lane. Shown as `dlv_<n>`. */
  readonly n: number;
  readonly workspaceId: string;
  readonly lane: string;
  readonly kind: DeliveryKind;
  /** The connection it goes to; null for callbacks and mail. */
  readonly connectionId: string | null;
  readonly conversationId: string | null;
  readonly handoffId: string | null;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly progress: Readonly<Record<string, string>>;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly mayHaveHappened: boolean;
  readonly lastError: string | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly nextAt: Date | null;
  readonly doneAt: Date | null;
  /** The request, or the webhook, that it is owed because of; null where the clockwork caused it. */
  readonly requestId: string | null;
}

export interface NewDelivery {
  readonly workspaceId: string;
  readonly lane: string;
  readonly kind: DeliveryKind;
  readonly connectionId: string | null;
  readonly conversationId: string | null;
  readonly handoffId: string | null;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly state?: "waiting" | "held";
}

/** A lane held by this process. Every change of its deliveries checks `lease`, so that a frozen process cannot act late. */
export interface ClaimedLane {
  readonly lane: string;
  readonly lease: number;
  readonly delivery: Delivery;
}

export interface NewMessage {
  readonly id: string;
  readonly role: Role;
  readonly text: string;
  readonly authorName: string | null;
  readonly at: Date;
  readonly attachments: readonly Attachment[];
  readonly externalId: string | null;
}

export interface WebhookRow {
  readonly id: string;
  readonly workspaceId: string;
  readonly connectionId: string;
  readonly body: string;
  readonly receivedAt: Date;
  readonly attempts: number;
  /** The request that brought it; absent: the one that records it. */
  readonly requestId?: string | null;
}

export interface StoredAnswer {
  readonly requestHash: string;
  readonly status: number;
  readonly body: string;
}

export interface Page<Row> {
  readonly items: readonly Row[];
  /** Hand back as `cursor`; null at the end. */
  readonly nextCursor: string | null;
}

export interface DeliveryFilter {
  readonly state?: DeliveryState | undefined;
  readonly connectionId?: string | undefined;
  readonly handoffId?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** Questions. They see only what is committed. */
export interface Reads
  extends AuditReads, HandoffListReads, InsightReads, LeadReads, NewsReads, PeopleReads, RetentionReads, SessionReads {
  workspace(id: string): Promise<Workspace | null>;
  workspaces(): Promise<readonly Workspace[]>;
  bot(workspaceId: string, id: string): Promise<Bot | null>;
  /** The bot's workspace is not known yet: only for a webhook that is verified with the bot's own secret. */
  botById(id: string): Promise<Bot | null>;
  bots(workspaceId: string): Promise<readonly Bot[]>;
  member(workspaceId: string, id: string): Promise<Member | null>;
  members(workspaceId: string): Promise<readonly Member[]>;
  onlineMembers(workspaceId: string, now: Date): Promise<number>;
  connection(workspaceId: string, id: string): Promise<Connection | null>;
  /**
   * The workspace is not known yet: only for a webhook that is verified with the connection's own secret, and for the page that
   * its helpdesk alone may frame.
   */
  connectionById(id: string): Promise<Connection | null>;
  connections(workspaceId: string): Promise<readonly Connection[]>;
  /** Over all workspaces: only for the clockwork. */
  connectionsOfTypes(types: readonly string[]): Promise<readonly Connection[]>;
  token(workspaceId: string | null, id: string): Promise<TokenRecord | null>;
  /** `workspaceId` is null for the operator's. */
  tokens(workspaceId: string | null): Promise<readonly TokenRecord[]>;
  /** Ids of revoked tokens that have not expired: small, held in memory by the door. */
  revokedTokenIds(now: Date): Promise<readonly string[]>;

  conversationByKey(workspaceId: string, botId: string, key: string): Promise<Conversation | null>;
  conversation(workspaceId: string, id: string): Promise<Conversation | null>;
  /** Ascending by seq, after `afterSeq`, up to and including `upToSeq`. */
  messages(
    workspaceId: string,
    conversationId: string,
    range: { afterSeq: number; upToSeq?: number; limit: number },
  ): Promise<readonly Message[]>;
  messageByExternalId(workspaceId: string, conversationId: string, externalId: string): Promise<Message | null>;
  events(
    workspaceId: string,
    conversationId: string,
    range: { afterSeq: number; limit: number },
  ): Promise<readonly StoredEvent[]>;
  /** The number of each conversation's last event, by its id. Over all workspaces: only for the clockwork. */
  lastEventSeqs(conversationIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
  handoffEvents(workspaceId: string, handoffId: string): Promise<readonly StoredEvent[]>;
  handoff(workspaceId: string, id: string): Promise<Handoff | null>;
  /** The newest handoff of a helpdesk conversation, open or ended. */
  handoffByRef(workspaceId: string, connectionId: string, helpdeskConversationId: string): Promise<Handoff | null>;
  lastHandoff(workspaceId: string, conversationId: string): Promise<Handoff | null>;
  pendingCount(workspaceId: string, botId: string): Promise<number>;
  /** Open live handoffs whose accept or idle or open limit has passed. Over all workspaces: only for the clockwork. */
  overdueHandoffs(now: Date, limit: number): Promise<readonly Handoff[]>;
  /** Live handoffs not yet opened at this connection, oldest first. */
  unopenedHandoffs(workspaceId: string, connectionId: string): Promise<readonly Handoff[]>;
  /**
   * Open handoffs, live ones and leads, that stand or are being opened at this connection: in the order of their ids, which is
   * also that of their age. Never those of Baton's own inbox.
   */
  openHandoffsAt(
    workspaceId: string,
    connectionId: string,
    page: { cursor?: string | undefined; limit: number },
  ): Promise<Page<Handoff>>;
  /** Open handoffs that stand in a helpdesk and are due for a look. Over all workspaces: only for the clockwork. */
  handoffsToLook(now: Date, limit: number): Promise<readonly Handoff[]>;

  delivery(workspaceId: string, n: number): Promise<Delivery | null>;
  deliveries(workspaceId: string, filter: DeliveryFilter): Promise<Page<Delivery>>;
  deliveryCounts(workspaceId: string): Promise<Readonly<Partial<Record<DeliveryState, number>>>>;
  /** The delivery that has waited longest, or is being sent. */
  oldestOwed(workspaceId: string): Promise<Delivery | null>;
  /** Lanes with something due and no running lease, longest waiting first, without those of `pausedConnections`. */
  dueLanes(now: Date, limit: number, pausedConnections: readonly string[]): Promise<readonly DueLane[]>;
  waitingWebhooks(now: Date, limit: number): Promise<readonly WebhookRow[]>;
  storedAnswer(scope: string, key: string): Promise<StoredAnswer | null>;
  /** Over all workspaces: for the operator's gauges. */
  figures(): Promise<StoreFigures>;
}

export interface DueLane {
  readonly lane: string;
  readonly connectionId: string | null;
}

/** A unit of work: all of it is stored, or none. Nothing inside may wait on the network. */
export interface Tx
  extends Reads, AuditWrites, InsightWrites, LeadWrites, NewsWrites, PeopleWrites, RetentionWrites, SessionWrites {
  /**
   * Held until the commit: of several units that lock the same name, in whatever processes, each begins to look when the one
   * before it is stored. For what has no row of its own to lock.
   */
  lock(name: string): Promise<void>;
  createWorkspace(workspace: Workspace): Promise<void>;
  /**
   * The workspace with its row locked until the commit: of several units that look for something and make it when it is not
   * there, in whatever processes, each sees what the one before it made. Null for an unknown one.
   */
  lockWorkspace(id: string): Promise<Workspace | null>;
  createBot(bot: Bot): Promise<void>;
  updateBot(
    workspaceId: string,
    id: string,
    patch: Partial<Pick<Bot, "name" | "settings" | "settingsVersion" | "callbackUrl" | "messageUrl" | "sealedSecret">>,
  ): Promise<void>;
  createMember(member: Member): Promise<void>;
  updateMember(
    workspaceId: string,
    id: string,
    patch: Partial<Pick<Member, "name" | "email" | "role" | "onlineUntil">>,
  ): Promise<void>;
  createConnection(connection: Connection): Promise<void>;
  updateConnection(
    workspaceId: string,
    id: string,
    patch: Partial<Omit<Connection, "id" | "workspaceId" | "type" | "createdAt">>,
  ): Promise<void>;
  deleteConnection(workspaceId: string, id: string): Promise<void>;
  createToken(token: TokenRecord): Promise<void>;
  /** `workspaceId` is null for an operator's token. */
  revokeToken(workspaceId: string | null, id: string, at: Date): Promise<boolean>;
  /** Keeps the link; one that the member had before is worth nothing from then on. HandoffError `not_found` for no such member. */
  createSignInLink(link: SignInLink): Promise<void>;
  /** Takes the link with this hash, once. The workspace is not known yet: only for who has the code that the hash is of. */
  useSignInLink(hash: string, at: Date): Promise<SignInUse>;
  /** Takes the member's link back. False when there was none that could still be used. */
  dropSignInLink(workspaceId: string, memberId: string, at: Date): Promise<boolean>;

  /** The conversation with its row locked until the commit, so that events and messages are numbered without gaps. */
  lockConversation(workspaceId: string, id: string): Promise<Conversation | null>;
  lockConversationByKey(workspaceId: string, botId: string, key: string): Promise<Conversation | null>;
  createConversation(conversation: Conversation): Promise<void>;
  /** Replaces the row of a conversation that is locked. @param touchedAt when something was told or said; absent: nothing was */
  saveConversation(conversation: Conversation, touchedAt?: Date): Promise<void>;
  /** Which of these external ids the conversation already has. */
  knownExternalIds(
    workspaceId: string,
    conversationId: string,
    externalIds: readonly string[],
  ): Promise<ReadonlySet<string>>;
  addMessages(workspaceId: string, messages: readonly Message[]): Promise<void>;
  addEvents(workspaceId: string, events: readonly StoredEvent[]): Promise<void>;
  createHandoff(handoff: Handoff): Promise<void>;
  /** Moves the row only from `from`; false when someone was faster. */
  saveHandoff(handoff: Handoff, from: HandoffStatus): Promise<boolean>;
  /** When to look at it next; null: no more. Not a change of state. */
  scheduleLook(workspaceId: string, handoffId: string, at: Date | null): Promise<void>;
  addConsent(workspaceId: string, leadId: string, consent: Consent): Promise<void>;

  addDeliveries(deliveries: readonly NewDelivery[], now: Date): Promise<void>;
  /** Takes the lane for `leaseMs` and marks its head as being sent. Null when it is taken or empty, or not due. */
  claimLane(lane: string, now: Date, leaseMs: number): Promise<ClaimedLane | null>;
  /** Prolongs the lease. False when it was lost. */
  renewLane(claim: ClaimedLane, now: Date, leaseMs: number): Promise<boolean>;
  saveProgress(claim: ClaimedLane, progress: Readonly<Record<string, string>>): Promise<boolean>;
  /** Ends the head as `state`, and takes the next of the lane if there is one. Undefined when the lease was lost. */
  finishDelivery(
    claim: ClaimedLane,
    end: { state: "done" | "dead" | "dropped"; error: string | null },
    now: Date,
    leaseMs: number,
  ): Promise<ClaimedLane | null | undefined>;
  /** Puts the head back for `nextAt` and gives the lane back. False when the lease was lost. */
  postponeDelivery(
    claim: ClaimedLane,
    again: { nextAt: Date; error: string; mayHaveHappened: boolean; countAttempt: boolean },
    now: Date,
  ): Promise<boolean>;
  /** Everything still owed in the lane is dropped: the handoff went elsewhere. Not what is being sent. */
  dropLane(workspaceId: string, lane: string, reason: string, now: Date): Promise<void>;
  /** A dead or held one is owed again. False when it is in no such state. */
  retryDelivery(workspaceId: string, n: number, now: Date): Promise<boolean>;
  /** What waits for this connection is owed now: its settings were mended. */
  hurryConnection(workspaceId: string, connectionId: string, now: Date): Promise<void>;
  /** All mail that waited for SMTP_URL is owed now. */
  releaseHeld(now: Date): Promise<number>;

  /** False when this event is known already. */
  recordWebhook(row: WebhookRow & { dedupeKey: string }): Promise<boolean>;
  finishWebhook(id: string, state: "done" | "failed", error: string | null, now: Date): Promise<void>;
  postponeWebhook(id: string, nextAt: Date, error: string): Promise<void>;
  storeAnswer(scope: string, key: string, answer: StoredAnswer, now: Date): Promise<void>;
}

/** What a commit touched: hints for whoever waits for news. */
export interface Committed {
  readonly lanes: readonly string[];
  readonly conversations: readonly string[];
  /** Workspaces that have news. */
  readonly news: readonly string[];
}

/** How the store itself is, apart from what is in it. */
export interface StoreHealth {
  /** What is damaged, in the database's words; null when it is whole, "unknown" when that could not be found out in time. */
  readonly damage: string | null;
  /** Bytes on disk. */
  readonly dataBytes: number;
  /** Bytes of what is committed and not yet moved into the data. */
  readonly logBytes: number;
}

export interface Store {
  readonly read: Reads;
  /**
   * Runs `work` as one unit and resolves once it is on disk. Rejects with what `work` threw, after undoing it alone; with
   * HandoffError `storage_unavailable` when the commit failed.
   */
  write<Result>(work: (tx: Tx) => Promise<Result>): Promise<Result>;
  /**
   * Called after each commit. Returns the way to stop listening.
   *
   * @param conversationId the only one that matters: where several processes write, those of all of them are told
   */
  onCommitted(listener: (what: Committed) => void, conversationId?: string): () => void;
  /** Called when the workspace may have news: a hint, may come for nothing and twice. Returns the way to stop listening. */
  onNews(listener: () => void, workspaceId: string): () => void;
  /**
   * Makes the bytes of what was erased go, as far as the database lets us. Gives what stays behind all the same, in words for the
   * admin.
   */
  scrub(): Promise<readonly string[]>;
  /** Online copy of the whole store into `file`. */
  backup(file: string): Promise<void>;
  /** Reads all of it, beside whatever goes on. Never rejects for damage: that is what it tells. */
  health(withinMs: number): Promise<StoreHealth>;
  close(): Promise<void>;
}
