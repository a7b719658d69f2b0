import { createHash } from "node:crypto";
import { EventEmitter } from "node:events";
import type { Json } from "../request-body.ts";
import { usualSettings, type Settings } from "./settings.ts";

export type { Json } from "../request-body.ts";

export type ActorType = "user" | "agent" | "bot" | "system";
export interface Actor {
  readonly type: ActorType;
  /** null: not given, as bots without a seat leave it out. */
  readonly id: string | null;
}

export interface Agent {
  readonly id: string;
  /** The agent's id in the organisation. */
  readonly orgId: string;
  firstName: string;
  lastName: string;
  email: string;
  avatarUrl: string | null;
  groupIds: string[];
  availability: "AVAILABLE" | "UNAVAILABLE";
  /** null: the account does not tell it. */
  isLoggedIn: boolean | null;
  isDeactivated: boolean;
  isDeleted: boolean;
}

export interface Group {
  readonly id: string;
  name: string;
  /** Whether it is in its business hours; null goes by the account's. */
  isWithinBusinessHours: boolean | null;
}

export interface Channel {
  readonly id: string;
  readonly number: number;
  name: string;
  isEnabled: boolean;
  isPublic: boolean;
  welcome: string | null;
}

export interface ConversationField {
  readonly id: string;
  readonly name: string;
  readonly label: string;
  readonly type: string;
  readonly choices: readonly string[];
}

export interface User {
  readonly id: string;
  readonly orgId: string;
  email: string | null;
  firstName: string | null;
  lastName: string | null;
  phone: string | null;
  referenceId: string | null;
  avatarUrl: string | null;
  properties: { name: string; value: string }[];
  readonly createdAt: Date;
  updatedAt: Date;
}

export type MadeBy = "api" | "product";

export interface Conversation {
  readonly id: string;
  /** `conversation_internal_id` and `freshchat_conversation_id`. */
  readonly number: number;
  readonly userId: string;
  readonly channelId: string;
  status: string;
  properties: Json;
  agentId: string | null;
  groupId: string | null;
  /** The second part of `interaction_id`: changes with each reopening. */
  interactionAt: number;
  /** "product": through a widget or an agent, never seen by our API calls. */
  readonly madeBy: MadeBy;
  csat: { rating: number | null; comment: string | null } | null;
  reopenedAt: Date | null;
  assignedAt: Date | null;
  readonly createdAt: Date;
  updatedAt: Date;
}

/** How long an attachment has no URL: for so many more reads, until told, or not at all (null). */
export type UrlDelay = number | "until_told" | null;

export interface Message {
  readonly id: string;
  readonly conversationId: string;
  readonly actor: Actor;
  /** null: payloads leave it out. */
  readonly messageType: "normal" | "private" | "system" | null;
  readonly isBotsPrivateNote: boolean;
  /** As FreshChat shows them, one kind each. */
  readonly parts: Json[];
  readonly replyParts: Json[];
  readonly source: string;
  readonly madeBy: MadeBy;
  urlDelay: UrlDelay;
  readonly createdAt: Date;
}

export interface StoredFile {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** A pair of values of one field of a conversation, old and new. */
export type ModelChanges = Record<string, [before: unknown, after: unknown]>;

/** Something happened that FreshChat tells to webhooks and to apps. */
export type Happening =
  | { event: "message_create"; actor: Actor; conversationId: string; messageId: string; madeBy: MadeBy }
  | {
      event: "conversation_assignment";
      actor: Actor;
      conversationId: string;
      before: { agentId: string | null; groupId: string | null };
      changes: ModelChanges;
      madeBy: MadeBy;
    }
  | {
      event: "conversation_resolution" | "conversation_reopen";
      actor: Actor;
      conversationId: string;
      changes: ModelChanges;
      madeBy: MadeBy;
    }
  /** Told to apps only. */
  | { event: "conversation_create"; actor: Actor; conversationId: string }
  | { event: "agent_activity"; agentId: string; before: Agent["availability"] };

export interface StateOptions {
  readonly accountId: string;
  readonly clock: () => Date;
  readonly settings: Partial<Settings>;
}

/** Everything that the simulated account keeps, with ids that are the same in every run. */
export interface State {
  readonly accountId: string;
  readonly appId: string;
  readonly clock: () => Date;
  readonly settings: Settings;
  readonly agents: Map<string, Agent>;
  readonly groups: Map<string, Group>;
  readonly channels: Map<string, Channel>;
  readonly fields: Map<string, ConversationField>;
  readonly users: Map<string, User>;
  readonly conversations: Map<string, Conversation>;
  /** By conversation, in order of creation. */
  readonly messages: Map<string, Message[]>;
  readonly files: Map<string, StoredFile>;
  businessHours: { isWithin: boolean };
  token: { value: string; isExpired: boolean };
  /** Emits `change` whenever anything did, and `happening` for what webhooks and apps are told. */
  readonly events: EventEmitter<{ change: []; happening: [Happening] }>;
  /** Of the form UUID, whatever the account is set to. */
  uuid(): string;
  /** An id of a user, conversation or message, in the form the account is set to. */
  id(): string;
  /** Fifteen digits. */
  number(): number;
  /** Opaque text of letters and digits. */
  secret(length: number): string;
  /** The time now, at least a millisecond after the time given before. */
  stamp(): Date;
}

export function createState(options: StateOptions): State {
  let drawn = 0;
  let lastStamp = 0;
  const hex = () =>
    createHash("sha256")
      .update(`freshchat simulator ${options.accountId} ${(drawn += 1)}`)
      .digest("hex");
  const uuid = () => {
    const digits = hex();
    return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-a${digits.slice(17, 20)}-${digits.slice(20, 32)}`;
  };
  const settings: Settings = { ...usualSettings, ...options.settings };
  return {
    accountId: options.accountId,
    appId: uuid(),
    clock: options.clock,
    settings,
    agents: new Map(),
    groups: new Map(),
    channels: new Map(),
    fields: new Map(),
    users: new Map(),
    conversations: new Map(),
    messages: new Map(),
    files: new Map(),
    businessHours: { isWithin: true },
    token: { value: "", isExpired: false },
    events: new EventEmitter(),
    uuid,
    id() {
      if (settings.idForm === "uuid") return uuid();
      return settings.idForm === "hex" ? hex().slice(0, 32) : `Robin_alias${hex().slice(0, 32)}`;
    },
    number: () => 700_000_000_000_000 + Number.parseInt(hex().slice(0, 11), 16),
    secret: (length) =>
      hex()
        .repeat(Math.ceil(length / 64))
        .slice(0, length),
    stamp() {
      lastStamp = Math.max(lastStamp + 1, options.clock().getTime());
      return new Date(lastStamp);
    },
  };
}

export const messagesOf = (state: State, conversationId: string): Message[] => state.messages.get(conversationId) ?? [];

/** The user's conversations, in order of creation. */
export const conversationsOf = (state: State, userId: string): Conversation[] =>
  [...state.conversations.values()].filter((item) => item.userId === userId);

export const interactionId = ({ number, interactionAt }: Conversation): string => `${number}-${interactionAt}`;

/** By its string id, or by its number as text. @throws Error saying that there is none. */
export function findConversation(state: State, id: string): Conversation {
  const found =
    state.conversations.get(id) ?? [...state.conversations.values()].find((item) => String(item.number) === id);
  if (!found) throw new Error(`the simulator has no conversation ${id}`);
  return found;
}
