/** A person's data: found, told, erased. Parts of Reads, Tx and Store. */
import type { Consent, Handoff } from "./domain/handoff.ts";
import type { Contact, IdentifierKind } from "./domain/person.ts";
import type { AuditActor } from "./ports-audit.ts";
import type { Delivery, Page } from "./ports-store.ts";

/** Who a conversation is with, by what the bot told or the visitor left. */
export interface ConversationContact extends Contact {
  readonly conversationId: string;
  readonly createdAt: Date;
}

/** A stretch of a walk over a table; `next` goes on from there, null at its end. */
export interface Stretch<Row> {
  readonly items: readonly Row[];
  readonly next: string | null;
}

/** A webhook whose body is kept, since it waits or failed. */
export interface KeptWebhook {
  readonly id: string;
  readonly connectionId: string;
  readonly body: string;
}

/** An answer kept for a repeated request. */
export interface KeptAnswer {
  readonly scope: string;
  readonly key: string;
  readonly body: string;
}

export const ERASED_TABLES = [
  "conversations",
  "messages",
  "events",
  "handoffs",
  "leads",
  "consents",
  "deliveries",
  "webhooks",
  "answers",
] as const;
export type ErasureCounts = Readonly<Record<(typeof ERASED_TABLES)[number], number>>;

/** A copy that was given to a helpdesk, where it must be erased by who owns it. */
export interface HelpdeskCopy {
  readonly connectionId: string;
  /** As the helpdesk names it; null where it is not known, and has to be looked for. */
  readonly conversationId: string | null;
  readonly url: string | null;
}

/** A mail about the person that was sent to the team. */
export interface SentMail {
  readonly to: string;
  readonly sentAt: Date;
}

/** Proof that somebody was erased, which tells nothing about them. */
export interface Erasure {
  readonly id: string;
  readonly workspaceId: string;
  readonly startedAt: Date;
  /** Null while it is under way, or was cut off: erasing the same person again goes on with it. */
  readonly finishedAt: Date | null;
  readonly actor: AuditActor;
  /** Keyed: see src/secrets/person-hash.ts. */
  readonly identifiers: readonly { readonly kind: IdentifierKind; readonly hash: string }[];
  readonly counts: ErasureCounts;
  readonly copies: readonly HelpdeskCopy[];
  readonly mails: readonly SentMail[];
}

export interface PeopleReads {
  /** Of conversations, and after them of leads, in the order of their ids. */
  contactsOfConversations(workspaceId: string, after: string, limit: number): Promise<Stretch<ConversationContact>>;
  contactsOfLeads(workspaceId: string, after: string, limit: number): Promise<Stretch<ConversationContact>>;
  /** Oldest first. */
  handoffsOfConversation(workspaceId: string, conversationId: string): Promise<readonly Handoff[]>;
  /** All that were given with it, oldest first. */
  consentsOfLead(workspaceId: string, leadId: string): Promise<readonly Consent[]>;
  deliveriesOfConversations(
    workspaceId: string,
    conversationIds: readonly string[],
    after: string,
    limit: number,
  ): Promise<Stretch<Delivery>>;
  keptWebhooks(workspaceId: string, after: string, limit: number): Promise<Stretch<KeptWebhook>>;
  keptAnswers(workspaceId: string, after: string, limit: number): Promise<Stretch<KeptAnswer>>;
  /** Newest first. */
  erasures(
    workspaceId: string,
    filter: { readonly cursor?: string | undefined; readonly limit: number },
  ): Promise<Page<Erasure>>;
}

export interface PeopleWrites {
  /** Lines and events of a conversation, a few at a time. `isMore`: there are others left. */
  eraseLines(
    workspaceId: string,
    conversationId: string,
    most: number,
  ): Promise<{ readonly messages: number; readonly events: number; readonly isMore: boolean }>;
  /** Leads of a conversation with what was agreed to. */
  eraseLeads(
    workspaceId: string,
    conversationId: string,
  ): Promise<{ readonly leads: number; readonly consents: number }>;
  /** What its handoffs tell beyond what happened when: reason, helpdesk's conversation. */
  eraseHandoffs(workspaceId: string, conversationId: string): Promise<number>;
  /**
   * What they carry and reached. Those that are still owed are dropped, apart from the ending of a helpdesk's conversation, which
   * keeps the helpdesk's number of it until it is done. Not one that is being sent.
   */
  eraseDeliveries(workspaceId: string, numbers: readonly number[], now: Date): Promise<number>;
  /** All but its id, when it was, and which bot's. The bot's own id of it goes too: what it says under that later is new. */
  eraseConversation(workspaceId: string, conversationId: string, now: Date): Promise<boolean>;
  /** The bodies; what waits is not worked on any more. */
  eraseWebhooks(workspaceId: string, ids: readonly string[]): Promise<number>;
  eraseAnswers(workspaceId: string, answers: readonly Pick<KeptAnswer, "scope" | "key">[]): Promise<number>;
  /** A new one, or what it has come to. */
  saveErasure(erasure: Erasure): Promise<void>;
}
