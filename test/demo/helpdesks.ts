import type { ChatwootSimulator } from "../simulators/chatwoot/index.ts";
import { startChatwoot } from "../simulators/chatwoot/index.ts";
import type { FreshchatSimulator } from "../simulators/freshchat/index.ts";
import { startFreshchat } from "../simulators/freshchat/index.ts";

export const HELPDESKS = ["chatwoot", "freshchat"] as const;
export type HelpdeskName = (typeof HELPDESKS)[number];

/** A line of a conversation as an agent sees it. */
export interface Line {
  readonly id: string;
  readonly by: "visitor" | "agent" | "private note" | "activity";
  readonly text: string;
  readonly files: readonly string[];
}

export interface Contact {
  readonly email: string | null;
  readonly phone: string | null;
}

export interface SentFile {
  readonly name: string;
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** The team's helpdesk in the story, whichever it is. */
export interface DemoHelpdesk {
  readonly name: HelpdeskName;
  readonly title: string;
  /** How a connection to it is made. */
  readonly config: Readonly<Record<string, unknown>>;
  /** None of these may be shown by Baton. */
  readonly secrets: readonly string[];
  /** As an admin does it by hand in the helpdesk's settings. */
  setWebhookUrl(url: string): void;
  /** New conversations take this long to be made. */
  slowOpening(milliseconds: number): void;
  conversations(): readonly string[];
  lines(conversationId: string): readonly Line[];
  contactOf(conversationId: string): Contact | null;
  assign(conversationId: string): void;
  writeNote(conversationId: string, text: string): void;
  reply(conversationId: string, text: string, files?: readonly SentFile[]): void;
  resolve(conversationId: string): void;
  waitFor<T>(predicate: () => T | null | undefined | false): Promise<T>;
  /** Throws when it did not understand a request of Baton's. */
  assertNoViolations(): void;
  stop(): Promise<void>;
}

export const startHelpdesk = (name: HelpdeskName, clock: () => Date): Promise<DemoHelpdesk> =>
  name === "chatwoot" ? chatwootDesk(clock) : freshchatDesk(clock);

async function chatwootDesk(clock: () => Date): Promise<DemoHelpdesk> {
  const chatwoot = await startChatwoot({ clock, accountName: "Halo & Wick" });
  const { agentId } = chatwoot;
  chatwoot.setAvailability(agentId, "online");
  return {
    name: "chatwoot",
    title: "Chatwoot",
    config: {
      baseUrl: chatwoot.url,
      accountId: chatwoot.accountId,
      inboxId: chatwoot.inboxId,
      apiAccessToken: chatwoot.apiAccessToken,
      webhookSecret: chatwoot.webhookSecret,
    },
    secrets: [chatwoot.apiAccessToken, ...(chatwoot.webhookSecret ? [chatwoot.webhookSecret] : [])],
    setWebhookUrl: (url) => chatwoot.setWebhookUrl(url),
    slowOpening: (ms) => chatwoot.trouble.slow(ms, isOpening),
    conversations: () => chatwoot.conversations().map(({ id }) => String(id)),
    lines: (id) => chatwoot.messages(Number(id)).map(chatwootLine),
    contactOf(id) {
      const { contactId } = chatwoot.conversation(Number(id));
      const contact = chatwoot.contacts().find((one) => one.id === contactId);
      return contact ? { email: contact.email, phone: contact.phoneNumber } : null;
    },
    assign: (id) => chatwoot.assign(Number(id), agentId),
    writeNote: (id, content) => void chatwoot.agentWritesNote(Number(id), { agentId, content }),
    reply: (id, content, files = []) =>
      void chatwoot.agentReplies(Number(id), { agentId, content, attachments: [...files] }),
    resolve: (id) => chatwoot.resolve(Number(id), agentId),
    waitFor: (predicate) => chatwoot.waitFor(predicate),
    assertNoViolations: () => chatwoot.assertNoViolations(),
    stop: () => chatwoot.stop(),
  };
}

const isOpening = (method: string, path: string): boolean => method === "POST" && path.endsWith("/conversations");

function chatwootLine(message: ReturnType<ChatwootSimulator["messages"]>[number]): Line {
  const by = { incoming: "visitor", outgoing: "agent", activity: "activity", template: "activity" } as const;
  return {
    id: String(message.id),
    by: message.private ? "private note" : by[message.messageType],
    text: message.content ?? "",
    files: message.attachments.map((file) => file.fileName),
  };
}

async function freshchatDesk(clock: () => Date): Promise<DemoHelpdesk> {
  const freshchat = await startFreshchat({ clock });
  const { agentId } = freshchat;
  return {
    name: "freshchat",
    title: "FreshChat",
    config: {
      baseUrl: freshchat.url,
      apiToken: freshchat.apiToken,
      channelId: freshchat.channelId,
      groupId: freshchat.groupId,
      webhookPublicKey: freshchat.publicKeyAsShown,
    },
    secrets: [freshchat.apiToken],
    setWebhookUrl: (url) => freshchat.setWebhookUrl(url),
    slowOpening: (ms) => freshchat.trouble.slow(ms, isOpening),
    conversations: () => freshchat.conversations().map(({ id }) => id),
    lines: (id) => freshchat.messages(id).map(freshchatLine),
    contactOf(id) {
      const { email, phone } = freshchat.user(freshchat.conversation(id).userId);
      return { email, phone };
    },
    assign: (id) => freshchat.assign(id, agentId),
    writeNote: (id, content) => void freshchat.agentWritesNote(id, { agentId, content }),
    reply: (id, content, files = []) =>
      void freshchat.agentReplies(id, { agentId, content, attachments: files.map((file) => ({ ...file })) }),
    resolve: (id) => freshchat.resolve(id, agentId),
    waitFor: (predicate) => freshchat.waitFor(predicate),
    assertNoViolations: () => freshchat.assertNoViolations(),
    stop: () => freshchat.stop(),
  };
}

type Part = Readonly<Record<string, unknown>>;

function freshchatLine(message: ReturnType<FreshchatSimulator["messages"]>[number]): Line {
  const kinds = { user: "visitor", agent: "agent", bot: "activity", system: "activity" } as const;
  const isPrivate = message.messageType === "private" || message.isBotsPrivateNote;
  return {
    id: message.id,
    by: isPrivate ? "private note" : kinds[message.actor.type],
    text: message.parts.flatMap((part: Part) => textIn(part["text"], "content")).join("\n"),
    files: message.parts.flatMap((part: Part) => textIn(part["file"] ?? part["image"], "name", "url")),
  };
}

function textIn(part: unknown, ...fields: readonly string[]): string[] {
  if (typeof part !== "object" || part === null) return [];
  const found = fields.map((field) => (part as Part)[field]).find((value) => typeof value === "string");
  return typeof found === "string" ? [found] : [];
}
