import { z } from "zod";
import type { LeadDialog } from "./lead-dialog.ts";

/**
 * What a bot tells about a conversation: design.md section 6. Limits keep one request from filling the disk or the
 * helpdesk; a text over the limit is refused rather than cut, so that nothing is lost without the caller knowing.
 */
export const LIMITS = {
  conversationIdLength: 200,
  textLength: 20_000,
  transcriptMessages: 10_000,
  attachmentsPerMessage: 15,
  products: 100,
  attributes: 100,
  attributeLength: 2_000,
  urlLength: 2_048,
} as const;

export const ROLES = ["visitor", "bot", "agent", "system"] as const;
export type Role = (typeof ROLES)[number];

export const PRIORITIES = ["low", "medium", "high", "urgent"] as const;
export type Priority = (typeof PRIORITIES)[number];

export const TRIGGERS = ["visitor", "button", "bot"] as const;
export type Trigger = (typeof TRIGGERS)[number];

export const CONTROLS = ["bot", "human"] as const;
export type Control = (typeof CONTROLS)[number];

// eslint-disable-next-line no-control-regex -- these are the characters to refuse
const noControl = /^[^\u0000-\u001f\u007f]*$/;
const line = (max: number) => z.string().trim().max(max).regex(noControl, "must not contain control characters");

export const HttpUrl = z
  .url({ protocol: /^https?$/, error: "must be an http or https URL" })
  .max(LIMITS.urlLength)
  .meta({ format: "uri" });

/** The bot's own id of a conversation. Opaque to Baton. */
export const ConversationKey = z
  .string()
  .min(1)
  .max(LIMITS.conversationIdLength)
  .regex(noControl, "must not contain control characters")
  .meta({ description: "The bot's own id of the conversation", examples: ["c-981"] });

export const Attachment = z.strictObject({
  url: HttpUrl,
  name: line(255)
    .nullish()
    .transform((name) => name ?? null),
  contentType: line(127)
    .nullish()
    .transform((type) => type ?? null),
  size: z
    .int()
    .nonnegative()
    .nullish()
    .transform((size) => size ?? null),
});
export type Attachment = z.infer<typeof Attachment>;

export const Product = z.strictObject({
  id: line(200)
    .nullish()
    .transform((id) => id ?? null),
  name: line(300),
  url: HttpUrl.nullish().transform((url) => url ?? null),
  price: line(100)
    .nullish()
    .transform((price) => price ?? null),
});
export type Product = z.infer<typeof Product>;

const Attributes = z
  .record(line(100).min(1), z.union([z.string().max(LIMITS.attributeLength), z.number(), z.boolean(), z.null()]))
  .refine((all) => Object.keys(all).length <= LIMITS.attributes, `at most ${LIMITS.attributes} attributes`);

export const Visitor = z.strictObject({
  id: line(200)
    .nullish()
    .transform((id) => id || null),
  name: line(200)
    .nullish()
    .transform((name) => name || null),
  email: line(254)
    .nullish()
    .transform((email) => email || null),
  phone: line(40)
    .nullish()
    .transform((phone) => phone || null),
  attributes: Attributes.nullish().transform((attributes) => attributes ?? {}),
});
export type Visitor = z.infer<typeof Visitor>;

export const NO_VISITOR: Visitor = { id: null, name: null, email: null, phone: null, attributes: {} };

export const Channel = z.strictObject({
  type: line(50)
    .min(1)
    .meta({ examples: ["widget"] }),
  id: line(200)
    .nullish()
    .transform((id) => id || null),
});
export type Channel = z.infer<typeof Channel>;

export const TranscriptMessage = z
  .strictObject({
    id: z
      .string()
      .min(1)
      .max(200)
      .regex(noControl)
      .nullish()
      .transform((id) => id ?? null),
    role: z.enum(ROLES),
    text: z.string().max(LIMITS.textLength).default(""),
    at: z.iso
      .datetime({ offset: true })
      .nullish()
      .transform((at) => (at ? new Date(at) : null)),
    authorName: line(200)
      .nullish()
      .transform((name) => name || null),
    attachments: z.array(Attachment).max(LIMITS.attachmentsPerMessage).default([]),
  })
  .refine((message) => message.text.trim() !== "" || message.attachments.length > 0, "needs text or an attachment");
export type TranscriptMessage = z.infer<typeof TranscriptMessage>;

/** The conversation as the bot describes it in a handoff request. Only `id` is required. */
export const ConversationInput = z.strictObject({
  id: ConversationKey,
  locale: line(35)
    .nullish()
    .transform((locale) => locale || null),
  channel: Channel.nullish().transform((channel) => channel ?? null),
  pageUrl: HttpUrl.nullish().transform((url) => url ?? null),
  visitor: Visitor.nullish().transform((visitor) => visitor ?? null),
  messages: z
    .array(TranscriptMessage)
    .max(LIMITS.transcriptMessages, `at most ${LIMITS.transcriptMessages} messages: send the latest part`)
    .default([]),
  products: z
    .array(Product)
    .max(LIMITS.products)
    .nullish()
    .transform((products) => products ?? null),
  summary: z
    .string()
    .max(LIMITS.textLength)
    .nullish()
    .transform((summary) => summary || null),
});
export type ConversationInput = z.infer<typeof ConversationInput>;

/** A line of the conversation as Baton keeps it. `seq` grows by one within its conversation. */
export interface Message {
  readonly id: string;
  readonly conversationId: string;
  readonly handoffId: string | null;
  readonly seq: number;
  readonly role: Role;
  readonly text: string;
  readonly authorName: string | null;
  readonly at: Date;
  readonly attachments: readonly Attachment[];
  /** The id that the bot, or `connection:message` that the helpdesk, knows the message by; unique in the conversation. */
  readonly externalId: string | null;
  /** The workspace's retention has taken its words, its files and its author's name out. */
  readonly pruned?: boolean;
}

/** The conversation of a channel that a conversation of Baton's takes place in. */
export interface Host {
  readonly connectionId: string;
  /** As the channel names it. */
  readonly conversationId: string;
  /** Hand this to the next reading; null before the first. */
  readonly cursor: string | null;
  /** The person there, as the channel names them. */
  readonly contactId: string | null;
  /** The channel draws forms; elsewhere their questions are asked one by one. */
  readonly showsForms: boolean;
  /** An agent's way to it; null where there is none. */
  readonly url: string | null;
  /** Of the newest state that was read there: an older reading tells nothing of who has it. */
  readonly version?: number | null;
  /** The visitor's lines after this one may have reached nobody yet: the bot was not asked, and no person is known to have had them. */
  readonly unheard?: number | null;
}

export interface Conversation {
  readonly id: string;
  readonly workspaceId: string;
  readonly botId: string;
  /** The bot's own id. */
  readonly key: string;
  readonly locale: string | null;
  readonly channel: Channel | null;
  readonly pageUrl: string | null;
  readonly visitor: Visitor;
  readonly products: readonly Product[];
  readonly summary: string | null;
  readonly control: Control;
  /** Grows with every change of control. */
  readonly epoch: number;
  readonly openHandoffId: string | null;
  readonly callbackUrl: string | null;
  /** Where it takes place when Baton itself speaks with the visitor; null where the bot does. */
  readonly host: Host | null;
  /** A contact form that is under way there. */
  readonly dialog: LeadDialog | null;
  readonly lastEventSeq: number;
  readonly lastMessageSeq: number;
  readonly createdAt: Date;
  /** When the workspace's retention took its words out; what was said since is there. */
  readonly prunedAt?: Date;
}
