import type { LoggedRequest } from "./http.ts";
import type { SentWebhook } from "./webhooks.ts";

/** What releases differ in is told by their number alone: "3.3", "4.7", "4.12", "4.13", "4.14.0", "4.14.2", "4.16.2". */
export type Version = string;

export interface NewWebsiteInbox {
  name?: string;
  websiteUrl?: string;
  /** Chatwoot's own prompt for an e-mail address: on in a new inbox of the real thing, here only when asked for. */
  emailCollect?: boolean;
  /** Users who belong to it; the agent of the start when absent. */
  memberIds?: number[];
  /** An agent bot connected to it from the start. */
  botId?: number | null;
  lockToSingleConversation?: boolean;
}
export type NewWhatsAppInbox = Omit<NewWebsiteInbox, "websiteUrl" | "emailCollect"> & { phoneNumber?: string };
export type NewEmailInbox = Omit<NewWebsiteInbox, "websiteUrl" | "emailCollect"> & { email?: string };

export interface NewBot {
  name?: string;
  outgoingUrl?: string | null;
  /** A bot of the installation, not of the account: seen by all, changed by nobody here, its secret never shown. */
  isSystemBot?: boolean;
}

export interface NewAccountWebhook {
  url: string;
  name?: string;
  /** All of them when absent. */
  subscriptions?: string[];
}

/** What somebody writes into an inbox from outside: the widget, WhatsApp, an e-mail. */
export interface VisitorWords {
  text: string;
  /** Who writes; the same name is the same person, with the same conversation as long as the channel keeps one. */
  visitor?: string;
  name?: string;
  email?: string;
  phone?: string;
  attachments?: { name: string; type: string; bytes: Uint8Array }[];
  /** Where the widget is, and the browser's language. */
  pageUrl?: string;
  language?: string;
}

export interface VisitorWrote {
  readonly conversationId: number;
  readonly contactId: number;
  readonly messageId: number;
}

/** A line as the visitor has it before their eyes. */
export interface VisitorLine {
  readonly messageId: number;
  readonly by: "visitor" | "agent" | "bot" | "template";
  readonly text: string;
  /** What can be answered by clicking: on websites only (4). */
  readonly interactive: "form" | "input_select" | "input_email" | "cards" | "article" | null;
}

/** An outgoing message that never reached the visitor, and why (5.5). */
export interface NotDelivered {
  readonly conversationId: number;
  readonly messageId: number;
  readonly because: "has_source_id";
}

/** What members of the team were told by Chatwoot itself. */
export interface Notification {
  readonly kind: "conversation_creation" | "conversation_assignment";
  readonly because: "created" | "bot_handoff" | "assigned";
  readonly userId: number;
  readonly conversationId: number;
  readonly at: Date;
}

/** A conversation that a bot handed over in the way that counts (3.2). */
export interface BotHandoff {
  readonly conversationId: number;
  readonly botId: number;
  readonly at: Date;
}

export interface OtherAccount {
  id: number;
  name: string;
  role?: "administrator" | "agent";
  /** Whose; the administrator of the start when absent. */
  userId?: number;
}

export interface BotView {
  readonly id: number;
  readonly name: string;
  readonly outgoingUrl: string | null;
  readonly token: string;
  readonly secret: string;
  readonly isSystemBot: boolean;
  readonly inboxIds: readonly number[];
}
export interface InboxView {
  readonly id: number;
  readonly name: string;
  readonly channelType: string;
  readonly webhookUrl: string | null;
  readonly secret: string;
  readonly hmacToken: string;
  readonly botId: number | null;
  readonly memberIds: readonly number[];
  readonly settings: Readonly<Record<string, unknown>>;
}
export interface WebhookView {
  readonly id: number;
  readonly name: string | null;
  readonly url: string;
  readonly secret: string;
  readonly subscriptions: readonly string[];
}
export interface DashboardAppView {
  readonly id: number;
  readonly title: string;
  readonly content: readonly { readonly type: string; readonly url: string }[];
}
export interface LabelView {
  readonly id: number;
  readonly title: string;
  readonly description: string | null;
  readonly color: string;
  readonly showOnSidebar: boolean;
}
export interface DefinitionView {
  readonly id: number;
  readonly key: string;
  readonly displayName: string;
  readonly displayType: string;
  readonly model: "conversation_attribute" | "contact_attribute";
}

/** The part of the simulator that plays the installation, its inboxes and the people who write to them. */
export interface InstallationControls {
  version(): Version;
  /** An upgrade in place: what is there stays, and behaves as in that release from now on. */
  setVersion(version: Version): void;
  /** A Cloud plan with or without the API: without it, token calls are 403 and account webhooks stop (since 4.16.0). */
  setPlan(plan: "with_api" | "without_api"): void;
  /** Account setting that stops the flip to open after a failed bot delivery (since 4.11.0). */
  setKeepPendingOnBotFailure(keep: boolean): void;
  /** `SAFE_FETCH_ALLOW_PRIVATE_NETWORK`; null takes loopback for a public address, as at the start. */
  setAllowPrivateNetwork(allow: boolean | null): void;
  setWebhookTimeout(ms: number): void;
  /** Between the attempts of a bot delivery; 3000 in the real thing. */
  setBotRetryDelay(ms: number): void;
  /**
   * The API's conversations name a bot as `meta.assignee` with `assignee_type` (sheet 2.2 says so of webhooks; the source
   * of 4.8 and later does it in the API too). Off at the start.
   */
  setApiShowsBot(on: boolean): void;
  /** Automatic status changes with an assignment, merged after 4.16.2 and not seen in a release. */
  setAssignmentChangesStatus(on: boolean): void;
  /** A proxy that drops token headers: those with underscores as a default nginx does, both forms, or none. */
  dropHeaders(which: "underscored" | "both" | "none"): void;
  /** The token, of a user or a bot, is no longer taken. @returns the one that is. */
  expireToken(token: string): string;
  /** null: no longer in the account. */
  setRole(userId: number, role: "administrator" | "agent" | null): void;
  /** Another account in that user's profile, listed before this one; nothing of it is kept here. */
  addAccount(account: OtherAccount): void;

  addApiInbox(inbox?: { name?: string; webhookUrl?: string | null; memberIds?: number[] }): number;
  addWebsiteInbox(inbox?: NewWebsiteInbox): number;
  addWhatsAppInbox(inbox?: NewWhatsAppInbox): number;
  addEmailInbox(inbox?: NewEmailInbox): number;
  addBot(bot?: NewBot): BotView;
  addAccountWebhook(webhook: NewAccountWebhook): WebhookView;
  addLabel(title: string): number;
  addDefinition(definition: { key: string; model?: DefinitionView["model"]; displayName?: string }): number;
  addDashboardApp(app: { title: string; url: string }): number;

  // Somebody in the team changes what an install made.
  renameInbox(inboxId: number, name: string): void;
  setInboxWebhookUrl(inboxId: number, url: string | null): void;
  changeInboxSettings(inboxId: number, settings: Record<string, unknown>): void;
  resetInboxSecret(inboxId: number): string;
  deleteInbox(inboxId: number): void;
  setInboxBot(inboxId: number, botId: number | null): void;
  detachBot(inboxId: number): void;
  changeBot(botId: number, change: { name?: string; outgoingUrl?: string | null }): void;
  resetBotSecret(botId: number): string;
  deleteBot(botId: number): void;
  deleteWebhook(webhookId: number): void;
  deleteDashboardApp(id: number): void;
  deleteLabel(title: string): void;
  deleteDefinition(key: string): void;
  setAgentOfInbox(inboxId: number, userIds: number[]): void;

  inboxes(): readonly InboxView[];
  bots(): readonly BotView[];
  accountWebhooks(): readonly WebhookView[];
  dashboardApps(): readonly DashboardAppView[];
  labels(): readonly LabelView[];
  definitions(): readonly DefinitionView[];
  notifications(): readonly Notification[];
  botHandoffs(): readonly BotHandoff[];
}

/** The people who write into Chatwoot's own inboxes. */
export interface VisitorControls {
  /**
   * Somebody writes into a website, WhatsApp, e-mail or API inbox: contact, place in the inbox and conversation are made
   * when they are not there (`pending` with an active bot).
   */
  visitorWrites(inboxId: number, words: VisitorWords): VisitorWrote;
  /** The same person goes on in that conversation, whatever its status. */
  visitorAnswers(conversationId: number, text: string): number;
  /** The widget was opened: `webwidget_triggered`. */
  visitorOpensWidget(inboxId: number, visitor?: string): void;
  /**
   * Answers of a form by field name. @throws when the widget would not send it: not a website, an unknown field, a field
   * without value (whatever `required` says), a value that its type or pattern forbids; `past` the widget sends it anyhow.
   */
  visitorSubmitsForm(messageId: number, values: Record<string, string>, how?: { past?: boolean }): void;
  /** Picks an item of an `input_select` by its value. */
  visitorPicks(messageId: number, value: string): void;
  /** Answers an `input_email`; the contact gets the address, or becomes the contact that has it. */
  visitorGivesEmail(messageId: number, email: string): void;
  /** What the visitor sees in a conversation, oldest first. */
  visitorSees(conversationId: number): readonly VisitorLine[];
  notDelivered(): readonly NotDelivered[];
  /** Touches a message without changing its words: an update that repeats its answers. */
  touchMessage(messageId: number): void;
  deleteConversation(conversationId: number): void;
  deleteContact(contactId: number): void;
  /** Assigns an agent bot as a person in the dashboard does; null clears it. */
  assignBot(conversationId: number, botId: number | null): void;
}

export type ChatwootControls = InstallationControls & VisitorControls;
export type ChatwootLog = { requests(): readonly LoggedRequest[]; webhooksSent(): readonly SentWebhook[] };
