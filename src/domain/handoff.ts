import type { Attachment, Priority, Trigger } from "./conversation.ts";
import type { Because } from "./decision.ts";
import type { HandoffMode, HandoffStatus } from "./states.ts";
import type { LeadContact } from "./lead-form.ts";
import type { Destination } from "./settings.ts";

/** Who did something: shown in events, never an address. `id` is a member's or a helpdesk agent's. */
export interface Actor {
  readonly kind: "visitor" | "bot" | "agent" | "admin" | "system";
  readonly id: string | null;
  readonly name: string | null;
}

export const SYSTEM: Actor = { kind: "system", id: null, name: null };

/** A conversation in a helpdesk. `contactId` is kept so that a later lead finds the same person. */
export interface HelpdeskRef {
  readonly conversationId: string;
  readonly contactId: string | null;
  readonly url: string | null;
  /** The helpdesk's second id of the same conversation, where it has two. */
  readonly otherId?: string | null;
}

/** One request for a person, in one conversation. */
export interface Handoff {
  readonly id: string;
  readonly workspaceId: string;
  readonly botId: string;
  readonly conversationId: string;
  readonly status: HandoffStatus;
  readonly mode: HandoffMode;
  readonly trigger: Trigger;
  readonly reason: string | null;
  readonly priority: Priority | null;
  /** Why the decision fell so, as it was when the handoff was asked for. */
  readonly because: Because;
  /** The destinations still to try after the current one. */
  readonly chain: readonly Destination[];
  /** Where it is, or is being opened; null when it never was to be live. */
  readonly destination: Destination | null;
  /** A destination has it. */
  readonly opened: boolean;
  readonly ref: HelpdeskRef | null;
  /** The newest helpdesk message id seen, for reading on from there with overlap. */
  readonly cursor: string | null;
  readonly agent: { readonly id: string | null; readonly name: string | null } | null;
  /** Whom the helpdesk last named as assigned: only a change from somebody to nobody is a release. */
  readonly assigneeId: string | null;
  /** The transcript that was passed with the opening ends here; what comes later is relayed message by message. */
  readonly transcriptSeq: number;
  readonly acceptBy: Date | null;
  readonly openBy: Date | null;
  readonly idleAt: Date | null;
  readonly createdAt: Date;
  readonly acceptedAt: Date | null;
  readonly endedAt: Date | null;
}

export type { LeadContact } from "./lead-form.ts";

/** What was agreed to, as proof (reliability.md P16): append-only. */
export interface Consent {
  readonly business: string;
  readonly purpose: string;
  readonly text: string;
  readonly version: string;
  readonly locale: string;
  readonly url: string;
  /** SHA-256 of `text` in hex. */
  readonly hash: string;
  readonly agreedAt: Date;
  readonly method: string;
}

export interface Lead {
  readonly id: string;
  readonly workspaceId: string;
  readonly botId: string;
  readonly conversationId: string;
  readonly handoffId: string;
  readonly contact: LeadContact;
  readonly consent: Consent | null;
  readonly pageUrl: string | null;
  readonly locale: string | null;
  readonly transcriptSeq: number;
  readonly createdAt: Date;
}

/** A message by a person in the helpdesk, as it goes to the visitor. */
export interface AgentMessage {
  readonly externalId: string;
  readonly text: string;
  readonly attachments: readonly Attachment[];
  readonly agent: { readonly id: string | null; readonly name: string | null; readonly avatarUrl: string | null };
  readonly at: Date;
}
