import type { IncomingMessage, ServerResponse } from "node:http";
import { serveControl } from "../control.ts";
import type { LoggedRequest, Violation } from "../http.ts";
import type { FailOptions, RequestMatch } from "../trouble.ts";
import type { AppEvent, AppEventListener } from "./app-events.ts";
import type { Settings } from "./settings.ts";
import type { Actor, Agent, Channel, Conversation, Group, Json, Message, UrlDelay, User } from "./state.ts";
import type { SentWebhook } from "./webhooks.ts";

export type FailStatus = 400 | 401 | 403 | 404 | 409 | 429 | 500 | 502 | 503;

export interface NewAgent {
  firstName: string;
  lastName?: string;
  email?: string;
  avatarUrl?: string | null;
  groupIds?: string[];
  availability?: Agent["availability"];
  isLoggedIn?: boolean | null;
  isDeactivated?: boolean;
}

export interface NewChannel {
  name: string;
  isEnabled?: boolean;
  isPublic?: boolean;
  welcome?: string | null;
}

export interface Attachment {
  name: string;
  type: string;
  bytes: Uint8Array;
}

export interface Reply {
  agentId?: string;
  content?: string;
  /** Parts of any kind, as FreshChat shows them: `{ url_button: { label, url } }`. */
  parts?: Json[];
  replyParts?: Json[];
  /** Served by the simulator; an image, a video or a file part by type. */
  attachments?: Attachment[];
  /** The attachments have no URL yet: for so many reads of the list, or until `showUrls` is called. */
  urlDelay?: UrlDelay;
}

/** A request's log entry. `hasToken`: the right token was there. */
export type FreshchatRequest = LoggedRequest & { readonly hasToken: boolean };

/** A FreshChat account on loopback. Conversations are named by their string id; the number works too. */
export interface FreshchatSimulator {
  /** The host: the API is under `/v2`. */
  readonly url: string;
  readonly apiToken: string;
  readonly accountId: string;
  readonly appId: string;
  /** Of the channel "Website". */
  readonly channelId: string;
  /** Of the group "Support". */
  readonly groupId: string;
  /** Of an agent of that group, AVAILABLE and logged in at the start. */
  readonly agentId: string;
  /** The key of webhooks as the settings page shows it: one line, labelled RSA PUBLIC KEY, holding an SPKI. */
  readonly publicKeyAsShown: string;

  setWebhookUrl(url: string | null): void;
  webhookUrl(): string | null;
  /** Changes what differs between accounts. */
  set(settings: Partial<Settings>): void;
  settings(): Readonly<Settings>;
  /** From now on the token gives 401. */
  expireToken(): void;
  /** A new token; the one before gives 401. */
  renewToken(): string;
  /** A new key for webhooks; `publicKeyAsShown` is the new one from here on. */
  rotateKey(): void;

  addAgent(agent: NewAgent): Agent;
  addGroup(name: string, isWithinBusinessHours?: boolean | null): Group;
  addChannel(channel: NewChannel): Channel;
  setChannel(channelId: string, patch: Partial<Pick<Channel, "name" | "isEnabled" | "isPublic" | "welcome">>): void;
  /** A custom field of conversations: `cf_…`. */
  addField(field: { name: string; label?: string; type?: string; choices?: string[] }): void;
  /** Of the account, or of one group; null gives the group back to the account. */
  setBusinessHours(isWithin: boolean | null, groupId?: string): void;
  agentStatus(
    agentId: string,
    patch: Partial<Pick<Agent, "availability" | "isLoggedIn" | "isDeactivated" | "isDeleted" | "groupIds">>,
  ): void;

  /** What an agent writes to the visitor. */
  agentReplies(conversationId: string, reply: Reply): Message;
  agentWritesNote(conversationId: string, note: { agentId?: string; content: string }): Message;
  /** More than a message holds: the text comes as a file part of type text/plain. */
  agentSendsLongText(conversationId: string, long: { agentId?: string; content: string }): Message;
  /** A question with answers to press. */
  agentPickQuickReplies(
    conversationId: string,
    question: { agentId?: string; content: string; labels: string[] },
  ): Message;
  /** FreshChat's own bot: actor `bot`; `isPrivateNote` is the note such a bot leaves (botsPrivateNote). */
  botSays(conversationId: string, says: { content: string; actorId?: string | null; isPrivateNote?: boolean }): Message;
  systemSays(conversationId: string, content: string): Message;
  /** The channel's welcome message, or a given one. */
  welcomes(conversationId: string, content?: string): Message;
  /** The visitor writes in FreshChat's own widget. A resolved conversation reopens. */
  visitorWritesInWidget(conversationId: string, content: string): Message;
  /** The attachments of a message whose URLs were to come late have them now. */
  showUrls(messageId: string): void;
  /** null unassigns: to_agent_id comes empty. */
  assign(conversationId: string, agentId: string | null, by?: Actor): void;
  unassign(conversationId: string, by?: Actor): void;
  assignGroup(conversationId: string, groupId: string | null, by?: Actor): void;
  resolve(conversationId: string, by?: string | Actor): void;
  reopen(conversationId: string, by?: string | Actor): void;
  setStatus(conversationId: string, status: string): void;
  /** The user of a conversation begins a newer one in FreshChat's own widget. */
  newerConversation(conversationId: string, content?: string): Conversation;
  /** A conversation of somebody else, not made through the API, with the visitor's first words. */
  foreignConversation(about?: { name?: string; email?: string; content?: string; channelId?: string }): Conversation;
  /** As many strangers' conversations, each with a visitor's message, an assignment, a reply, a note and an end. */
  foreignTraffic(conversations: number): readonly Conversation[];

  conversations(): readonly Conversation[];
  conversation(id: string): Conversation;
  /** Everything in a conversation, notes included, oldest first. */
  messages(conversationId: string): readonly Message[];
  users(): readonly User[];
  user(id: string): User;
  requests(): readonly FreshchatRequest[];
  webhooksSent(): readonly SentWebhook[];
  appEvents(): readonly AppEvent[];
  /** The product's events as a Marketplace app gets them. @returns what ends it. */
  onAppEvent(listener: AppEventListener): () => void;
  violations(): readonly Violation[];
  clearViolations(): void;
  /** @throws naming every request of ours that FreshChat does not understand. */
  assertNoViolations(): void;
  /** Resolves with what the predicate returns as soon as that is truthy. @throws after `timeoutMs` (5000). */
  waitFor<T>(predicate: () => T | null | undefined | false, timeoutMs?: number): Promise<T>;
  /** Resolves when no webhook is waiting or under way. */
  settled(): Promise<void>;

  readonly trouble: {
    /** The next n matching requests get this status and nothing is done for them. */
    failNext(n: number, how: FailOptions<FailStatus>): void;
    /** A 429 with the headers of 1.4: `reset` says what X-RateLimit-Reset holds; null leaves a header out. */
    rateLimitNext(n: number, how: RateLimited): void;
    /** The work is done, and this status is answered all the same. */
    failAfterDoingTheWork(n: number, how: FailOptions<FailStatus>): void;
    /** 400 INVALID_VALUE although the message is stored and delivered (1.3). */
    refuseButDeliver(n: number, match?: RequestMatch): void;
    timeoutAfterDoingTheWork(n: number, match?: RequestMatch, how?: "hang" | "destroy"): void;
    resetBeforeWork(n: number, match?: RequestMatch): void;
    commitLate(n: number, ms: number, match?: RequestMatch): void;
    htmlAnswer(n: number, match?: RequestMatch): void;
    slow(ms: number, match?: RequestMatch): void;
    down(how?: "refused" | "503"): Promise<void>;
    up(): Promise<void>;
    dropWebhooks(n: number | boolean): void;
    duplicateWebhooks(on: boolean): void;
    /** Webhooks that fall within a few milliseconds leave in an order drawn from the seed; null ends it. */
    reorderWebhooks(seed: number | null): void;
    delayWebhooks(ms: number): void;
    /** Ends all of it, except being down. */
    reset(): void;
  };

  /** Posts a webhook of our making, signed with a key of somebody else unless told otherwise. @returns the status. */
  forge(payload: Json, how?: Forgery): Promise<number>;
  /** Posts the exact bytes and headers of a webhook again. @returns the receiver's status. */
  replay(webhook: SentWebhook): Promise<number>;
  /** The signature of these bytes with the account's key. */
  sign(rawBody: string | Uint8Array): string;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface RateLimited {
  match?: RequestMatch;
  seconds: number;
  retryAfter?: boolean;
  reset?: Settings["rateLimitReset"] | null;
}

export interface Forgery {
  /** Signed with the account's true key. */
  trueKey?: boolean;
  /** Signs other bytes than those sent. */
  signedBody?: string;
  /** Added, or instead of the usual ones. */
  headers?: Record<string, string>;
}

const functions: readonly Extract<keyof FreshchatSimulator, string>[] = [
  "setWebhookUrl",
  "webhookUrl",
  "set",
  "settings",
  "expireToken",
  "renewToken",
  "rotateKey",
  "addAgent",
  "addGroup",
  "addChannel",
  "setChannel",
  "addField",
  "setBusinessHours",
  "agentStatus",
  "agentReplies",
  "agentWritesNote",
  "agentSendsLongText",
  "agentPickQuickReplies",
  "botSays",
  "systemSays",
  "welcomes",
  "visitorWritesInWidget",
  "showUrls",
  "assign",
  "unassign",
  "assignGroup",
  "resolve",
  "reopen",
  "setStatus",
  "newerConversation",
  "foreignConversation",
  "foreignTraffic",
  "conversations",
  "conversation",
  "messages",
  "users",
  "user",
  "requests",
  "webhooksSent",
  "appEvents",
  "violations",
  "clearViolations",
  "settled",
  "forge",
  "sign",
];
const offered: ReadonlySet<string> = new Set(functions);

/** What a program that starts the simulator has to know to use it. */
export const aboutOf = (simulator: FreshchatSimulator) => ({
  url: simulator.url,
  apiToken: simulator.apiToken,
  accountId: simulator.accountId,
  appId: simulator.appId,
  channelId: simulator.channelId,
  groupId: simulator.groupId,
  agentId: simulator.agentId,
  publicKeyAsShown: simulator.publicKeyAsShown,
});

/** The control functions over HTTP; how they are called stands with `serveControl`. */
export const control = (
  simulator: FreshchatSimulator,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const target = simulator as unknown as Record<string, unknown> & { trouble: Record<string, unknown> };
  return serveControl({ target, offered, about: aboutOf(simulator) }, request, response);
};
