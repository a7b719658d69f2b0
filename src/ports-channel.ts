/** Where a conversation takes place whose visitor Baton itself speaks with, for a bot that it asks (design.md 8, Channel). */
import type { Attachment, Role, Visitor } from "./domain/conversation.ts";
import type { AgentMessage } from "./domain/handoff.ts";
import type { HostedForm } from "./domain/hosted-form.ts";
import type { Effect, HelpdeskAgent, HelpdeskStatus } from "./ports.ts";

export type { HostedForm } from "./domain/hosted-form.ts";

/** What stands in a channel's conversation, in its order. */
export type HostedMessage =
  | {
      readonly from: "visitor";
      /** Unique within the connection. */
      readonly externalId: string;
      readonly text: string;
      readonly attachments: readonly Attachment[];
      readonly at: Date;
    }
  | { readonly from: "agent"; readonly message: AgentMessage }
  /** Ours or another's. Told by the first reading alone, for what was said and answered before Baton met the conversation. */
  | {
      readonly from: "bot";
      readonly externalId: string;
      readonly text: string;
      readonly attachments: readonly Attachment[];
      readonly at: Date;
    }
  /** The visitor sent a form that Baton had shown. */
  | {
      readonly from: "form";
      /** Of this sending: the same however often it is read. */
      readonly externalId: string;
      /** The key of the line that showed it ({@link HostedLine.key}). */
      readonly key: string;
      /** By the names of the form's fields. */
      readonly values: Readonly<Record<string, string>>;
      readonly at: Date;
    };

/** A channel's conversation as read from the channel itself. */
export interface HostedView {
  /** May repeat what is known. */
  readonly messages: readonly HostedMessage[];
  readonly cursor: string | null;
  /** Grows with every change of state, so that an older reading shows as one; null where the channel tells none. */
  readonly version: number | null;
  readonly status: HelpdeskStatus;
  /** The person who has it there; null for nobody, and for the bot. */
  readonly assignee: HelpdeskAgent | null;
  /** A person spoke last, and nothing has been changed there since: theirs, also while it still waits for the bot. */
  readonly isAnswered: boolean;
  /** A message is not ready yet: it and what follows are held back, so look again soon. */
  readonly isIncomplete: boolean;
  readonly visitor: Visitor;
  readonly contactId: string | null;
  readonly locale: string | null;
  readonly pageUrl: string | null;
  /** What carries it, for the bot and the team: `web_widget`, `whatsapp`, `email`, … */
  readonly kind: string;
  readonly showsForms: boolean;
  readonly url: string | null;
}

/** Something to say to the visitor, in the bot's name. */
export interface HostedLine {
  readonly conversationId: string;
  /** Our own: goes into the channel's record, and comes back with a form that was sent. */
  readonly key: string;
  readonly role: Exclude<Role, "visitor">;
  readonly text: string;
  readonly attachments: readonly Attachment[];
  readonly authorName: string | null;
  readonly form: HostedForm | null;
}

/** A conversation that waits for the bot. */
export interface Waiting {
  readonly conversationId: string;
  /** Of the visitor's newest message, as {@link HostedMessage} names it; null when that is not known. */
  readonly newestExternalId: string | null;
}

export interface Channel {
  /** The bot that answers here, as the connection's settings name it; null: the workspace's oldest. */
  readonly botId: string | null;
  /** The conversation from the channel itself, messages after `cursor` with overlap. Throws DeliveryError. */
  read(conversationId: string, cursor: string | null): Promise<HostedView>;
  /**
   * Says a line, once over all attempts. `silent`: a person has the conversation there, or it has ended, so nothing was said.
   * Throws DeliveryError.
   */
  say(line: HostedLine, effect: Effect): Promise<"said" | "silent">;
  /** Conversations in which the bot has the word, those with the newest activity first: what a lost webhook would have told. Throws DeliveryError. */
  waiting(): Promise<readonly Waiting[]>;
}

/** What a bot is asked by a POST to its message URL, and what it answers. */
export interface BotTurns {
  /** Resolves with the bot's verified answer. Throws DeliveryError: `transient` when asking again may help. */
  ask(call: {
    readonly url: string;
    /** `whsec_` and base64, or several with spaces between: the first signs, any may have signed the answer. */
    readonly secret: string;
    /** The same over all attempts: header `webhook-id`, of the answer too. */
    readonly id: string;
    readonly body: Readonly<Record<string, unknown>>;
  }): Promise<BotAnswer>;
}

export type BotAnswer =
  /** 202: the bot answers by POST /v1/conversations/{id}/messages. */
  | { readonly isLater: true }
  | {
      readonly isLater: false;
      readonly messages: readonly { readonly text: string; readonly attachments: readonly Attachment[] }[];
      /** The bot asks for a person. */
      readonly handoff: {
        readonly trigger: "visitor" | "button" | "bot";
        readonly reason: string | null;
        readonly priority: "low" | "medium" | "high" | "urgent" | null;
        readonly summary: string | null;
      } | null;
    };
