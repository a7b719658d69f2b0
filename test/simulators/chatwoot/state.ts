import { createHash } from "node:crypto";
import { EventEmitter } from "node:events";
import type { AccountLine, AgentBot, DashboardApp, Records, Settings } from "./installation-records.ts";

export const conversationStatuses = ["open", "resolved", "pending", "snoozed"] as const;
export type ConversationStatus = (typeof conversationStatuses)[number];
export const priorities = ["low", "medium", "high", "urgent"] as const;
export type Priority = (typeof priorities)[number];
export const messageTypes = ["incoming", "outgoing", "activity", "template"] as const;
export type MessageType = (typeof messageTypes)[number];
export const messageStatuses = ["sent", "delivered", "read", "failed"] as const;
export type MessageStatus = (typeof messageStatuses)[number];
export type Availability = "online" | "busy" | "offline";
export type Json = Record<string, unknown>;

export interface User {
  id: number;
  /** null: no longer a member of the account. */
  role: "administrator" | "agent" | null;
  name: string;
  /** The display name; Chatwoot shows it to visitors instead of the full name. */
  availableName: string;
  email: string;
  avatarUrl: string;
  availability: Availability;
  /** With auto_offline the status needs live presence (6). */
  autoOffline: boolean;
  connected: boolean;
  token: string;
}

export interface Team {
  id: number;
  name: string;
  description: string | null;
  allowAutoAssign: boolean;
  memberIds: number[];
}

export type ChannelType = "Channel::Api" | "Channel::WebWidget" | "Channel::Whatsapp" | "Channel::Email";

export interface Inbox {
  id: number;
  name: string;
  channelType: ChannelType;
  /** What only this kind of channel has: address, number, colours. */
  channel: Json;
  webhookUrl: string | null;
  secret: string;
  hmacToken: string;
  identifier: string;
  memberIds: number[];
  lockToSingleConversation: boolean;
  /** Greeting, working hours and the like, as the API names them. */
  settings: Json;
  /** The agent bot connected to it; there is one at most (3.4). */
  botId: number | null;
}

export interface Contact {
  id: number;
  name: string;
  email: string | null;
  phoneNumber: string | null;
  identifier: string | null;
  blocked: boolean;
  customAttributes: Json;
  additionalAttributes: Json;
  labels: string[];
  avatarUrl: string;
  lastActivityAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
}

export interface ContactInbox {
  id: number;
  contactId: number;
  inboxId: number;
  sourceId: string;
  pubsubToken: string;
  createdAt: Date;
  updatedAt: Date;
}

export interface Conversation {
  /** The display id, the number used in API paths. */
  id: number;
  uuid: string;
  inboxId: number;
  contactId: number;
  contactInboxId: number;
  status: ConversationStatus;
  assigneeId: number | null;
  assigneeBotId: number | null;
  teamId: number | null;
  priority: Priority | null;
  labels: string[];
  customAttributes: Json;
  additionalAttributes: Json;
  snoozedUntil: Date | null;
  waitingSince: Date | null;
  firstReplyCreatedAt: Date | null;
  agentLastSeenAt: Date | null;
  contactLastSeenAt: Date | null;
  lastActivityAt: Date;
  createdAt: Date;
  /** Microseconds since 1970, growing with every change: the float that webhooks carry as `updated_at`. */
  updatedAtMicros: number;
  muted: boolean;
}

export interface Attachment {
  id: number;
  fileType: "image" | "audio" | "video" | "file";
  contentType: string;
  fileName: string;
  size: number;
  bytes: Uint8Array;
}

export type Sender = { type: "Contact" | "User" | "AgentBot"; id: number };

export interface Message {
  id: number;
  conversationId: number;
  content: string | null;
  messageType: MessageType;
  contentType: string;
  contentAttributes: Json;
  additionalAttributes: Json;
  private: boolean;
  status: MessageStatus;
  sourceId: string | null;
  sender: Sender | null;
  attachments: Attachment[];
  createdAt: Date;
  updatedAt: Date;
}

/** What an account webhook can subscribe to; all of them when it does not say. */
export const webhookEvents = [
  "conversation_created",
  "conversation_status_changed",
  "conversation_updated",
  "message_created",
  "message_updated",
  "contact_created",
  "contact_updated",
  "webwidget_triggered",
  "conversation_typing_on",
  "conversation_typing_off",
] as const;

export interface AccountWebhook {
  id: number;
  name: string | null;
  url: string;
  secret: string;
  subscriptions: string[];
}

export interface LabelDefinition {
  id: number;
  title: string;
  description: string | null;
  color: string;
  showOnSidebar: boolean;
}

export interface AttributeDefinition {
  id: number;
  key: string;
  displayName: string;
  displayType: string;
  description: string | null;
  model: "conversation_attribute" | "contact_attribute";
  values: unknown[];
  createdAt: Date;
}

/** One column's change as Rails reports it: name, value before, value after. */
export type Change = { field: string; before: unknown; after: unknown };

/** Something happened that Chatwoot dispatches to webhooks. */
export type Happening =
  | { event: "conversation_created"; conversationId: number }
  | {
      event: "conversation_status_changed" | "conversation_opened" | "conversation_resolved";
      conversationId: number;
    }
  | { event: "conversation_updated"; conversationId: number; changes: Change[] }
  | { event: "message_created" | "message_updated"; conversationId: number; messageId: number }
  | {
      event: "conversation_typing_on" | "conversation_typing_off";
      conversationId: number;
      who: Sender;
      isPrivate: boolean;
    }
  | { event: "webwidget_triggered"; contactInboxId: number; info: Json }
  | { event: "contact_created"; contactId: number }
  | { event: "contact_updated"; contactId: number; changes: Change[] };

export interface StateOptions {
  readonly accountId: number;
  readonly accountName: string;
  readonly version: string;
  readonly clock: () => Date;
  readonly messagesPerMinute: number;
  readonly olderAutoAssignment: boolean;
}

/** Everything that the simulated installation keeps, with ids that are the same in every run. */
export interface State extends Omit<StateOptions, "version"> {
  version: string;
  readonly settings: Settings;
  readonly records: Records;
  readonly bots: Map<number, AgentBot>;
  readonly dashboardApps: Map<number, DashboardApp>;
  readonly otherAccounts: AccountLine[];
  readonly users: Map<number, User>;
  readonly teams: Map<number, Team>;
  readonly inboxes: Map<number, Inbox>;
  readonly contacts: Map<number, Contact>;
  readonly contactInboxes: Map<number, ContactInbox>;
  readonly conversations: Map<number, Conversation>;
  /** By conversation, in order of creation. */
  readonly messages: Map<number, Message[]>;
  readonly webhooks: Map<number, AccountWebhook>;
  readonly labels: Map<number, LabelDefinition>;
  readonly attributeDefinitions: Map<number, AttributeDefinition>;
  /** Emits `change` whenever anything did, and `happening` for what webhooks tell. */
  readonly events: EventEmitter<{ change: []; happening: [Happening] }>;
  nextId(kind: IdKind): number;
  /** Opaque text that differs for every call and is the same in every run. */
  token(length: number): string;
  /** A webhook secret as it looks when the release that brought it made it, or when an upgrade filled it in (2.3). */
  secretSince(version: string): string;
  uuid(): string;
  /** A microsecond stamp later than every earlier one. */
  stampMicros(): number;
}

// Far apart, so that a mixed-up id does not happen to be right.
const firstIds = {
  bot: 3,
  user: 1,
  team: 11,
  inbox: 21,
  conversation: 71,
  attributeDefinition: 151,
  label: 161,
  webhook: 171,
  dashboardApp: 181,
  contact: 301,
  contactInbox: 501,
  attachment: 601,
  message: 9001,
};
export type IdKind = keyof typeof firstIds;

const base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

export function createState(options: StateOptions): State {
  const next = { ...firstIds };
  let tokens = 0;
  let lastMicros = 0;
  const digest = () =>
    createHash("sha256")
      .update(`chatwoot simulator ${options.accountId} ${(tokens += 1)}`)
      .digest();
  const token = (length: number) => Array.from(digest().subarray(0, length), (byte) => base58[byte % 58]).join("");
  const state: State = {
    ...options,
    version: fullVersion(options.version),
    settings: {
      planHasApi: true,
      keepPendingOnBotFailure: false,
      allowPrivateNetwork: null,
      webhookTimeoutMs: 5000,
      botRetryMs: 3000,
      apiShowsBot: true,
      assignmentChangesStatus: false,
    },
    records: { notifications: [], botHandoffs: [], notDelivered: [] },
    bots: new Map(),
    dashboardApps: new Map(),
    otherAccounts: [],
    users: new Map(),
    teams: new Map(),
    inboxes: new Map(),
    contacts: new Map(),
    contactInboxes: new Map(),
    conversations: new Map(),
    messages: new Map(),
    webhooks: new Map(),
    labels: new Map(),
    attributeDefinitions: new Map(),
    events: new EventEmitter(),
    nextId: (kind) => next[kind]++,
    token,
    secretSince: (version) =>
      isAtLeast(state, version) ? token(24) : Buffer.from(token(24)).toString("base64url").slice(0, 32),
    uuid: () => {
      const hex = digest().toString("hex");
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
    },
    stampMicros: () => (lastMicros = Math.max(lastMicros + 1, options.clock().getTime() * 1000 + 223)),
  };
  return state;
}

const numbers = (text: string) => text.split(".").map(Number);

/** "4.7" is release 4.7.0, and says so. */
export const fullVersion = (version: string): string =>
  [...version.split("."), "0", "0"].slice(0, Math.max(3, version.split(".").length)).join(".");

/** True when the simulated release is at least this one ("4.13"). */
export function isAtLeast(state: Pick<StateOptions, "version">, version: string): boolean {
  const [have, want] = [numbers(state.version), numbers(version)];
  for (let i = 0; i < want.length; i += 1) {
    const difference = (have[i] ?? 0) - (want[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** A user's status as Chatwoot reports it: configured, unless auto_offline asks for live presence (6). */
export const availabilityOf = (user: User): Availability =>
  user.autoOffline && !user.connected ? "offline" : user.availability;

/** Chatwoot's own channels need no provider: what is written there is there. */
export const isThirdParty = (inbox: Inbox): boolean =>
  inbox.channelType !== "Channel::Api" && inbox.channelType !== "Channel::WebWidget";

export const contactInboxOf = (state: State, conversation: Conversation): ContactInbox =>
  state.contactInboxes.get(conversation.contactInboxId)!;

export const messagesOf = (state: State, conversationId: number): Message[] => state.messages.get(conversationId) ?? [];

/** Incoming messages that no agent has seen, counted up to 10 as Chatwoot does. */
export function unreadCount(state: State, conversation: Conversation): number {
  const seen = conversation.agentLastSeenAt?.getTime() ?? -Infinity;
  const messages = messagesOf(state, conversation.id);
  let unread = 0;
  for (let i = messages.length - 1; i >= 0 && unread < 10; i -= 1) {
    const message = messages[i]!;
    if (message.createdAt.getTime() <= seen) break;
    if (message.messageType === "incoming") unread += 1;
  }
  return unread;
}

export function lastMessage(state: State, conversationId: number, where: (m: Message) => boolean): Message | undefined {
  const messages = messagesOf(state, conversationId);
  for (let i = messages.length - 1; i >= 0; i -= 1) if (where(messages[i]!)) return messages[i];
  return undefined;
}
