import { clipText } from "./clean-text.ts";
import type { Lead } from "./handoff.ts";
import type { LeadContact } from "./lead-form.ts";
import { layOut, markdown, plainText } from "./note-layout.ts";
import type { Block, Markup } from "./note-layout.ts";

/** What an agent should know of a conversation that is handed over. */
export interface HandoffBrief {
  readonly summary?: string | null;
  /** In the bot's words. */
  readonly reason?: string | null;
  readonly trigger?: "visitor" | "button" | "bot" | null;
  readonly priority?: string | null;
  readonly visitor?: {
    readonly id?: string | null;
    readonly name?: string | null;
    readonly email?: string | null;
    readonly phone?: string | null;
    readonly attributes?: Readonly<Record<string, unknown>> | null;
  } | null;
  readonly products: readonly {
    readonly id?: string | null;
    readonly name?: string | null;
    readonly url?: string | null;
    readonly price?: string | null;
  }[];
  readonly pageUrl?: string | null;
  readonly channel?: { readonly type?: string | null } | null;
  readonly locale?: string | null;
  readonly botName?: string | null;
  readonly messages: readonly BriefMessage[];
  /** IANA zone of the times shown, as the team reads its clock; UTC when left out. */
  readonly timezone?: string | null;
}

export interface BriefMessage {
  readonly role: "visitor" | "bot" | "agent" | "system";
  readonly text?: string | null;
  readonly at?: Date | null;
  readonly authorName?: string | null;
  readonly attachments: readonly {
    readonly url: string;
    readonly name?: string | null;
    readonly contentType?: string | null;
    /** Bytes. */
    readonly size?: number | null;
  }[];
}

/** What a visitor left in the contact form. */
export interface BriefLead {
  readonly contact: LeadContact;
  /** The words that were agreed to, and when; null when terms are off. */
  readonly consent: {
    readonly text: string;
    readonly url?: string | null;
    readonly version?: string | null;
    readonly locale?: string | null;
    readonly acceptedAt: Date;
  } | null;
  readonly submittedAt: Date;
}

/** A lead as notes and mails are written from it. */
export function briefLeadOf({ contact, consent, createdAt }: Lead): BriefLead {
  return { contact, consent: consent && { ...consent, acceptedAt: consent.agreedAt }, submittedAt: createdAt };
}

export interface NoteOptions {
  /** IANA zone of the times shown; the brief's when left out. */
  readonly timezone?: string | null;
  /** UTF-16 units of one note; at least 4,000. */
  readonly maxLength: number;
  /** Markdown when left out; `plain` for a helpdesk that shows it as it is. */
  readonly markup?: "markdown" | "plain";
  /** The note stands in the conversation that it is about, and does not repeat it. */
  readonly isInPlace?: boolean;
}

/**
 * The note for the agent who takes over, in English, as Markdown or plain text: why, who, what about, then the whole conversation. Words of the
 * visitor and the bot are quoted line by line and cannot pass for anything else. A long one comes in several parts, in order.
 *
 * Throws RangeError for an unknown zone or a `maxLength` below 4,000.
 */
export function renderHandoffNote(brief: HandoffBrief, options: NoteOptions): string[] {
  return layOut(briefBlocks(brief, styleOf(brief, options)), options.maxLength);
}

/** As {@link renderHandoffNote}, for a visitor who left contact details: those and the consent come first. */
export function renderLeadNote(brief: HandoffBrief, lead: BriefLead, options: NoteOptions): string[] {
  return layOut(leadBlocks(brief, lead, styleOf(brief, options)), options.maxLength);
}

const styleOf = (brief: HandoffBrief, { markup, timezone, isInPlace = false }: NoteOptions): Style => ({
  isInPlace,
  markup: markup === "plain" ? plainText : markdown,
  clock: clockIn(timezone ?? brief.timezone),
});

/** The same as one plain text, for emails: of the lead when there is one, else of the handoff. */
export function renderBriefText(
  brief: HandoffBrief,
  options: { timezone?: string | null; lead?: BriefLead | null } = {},
): string {
  const style = { markup: plainText, clock: clockIn(options.timezone ?? brief.timezone), isInPlace: false };
  const blocks = options.lead ? leadBlocks(brief, options.lead, style) : briefBlocks(brief, style);
  return `${layOut(blocks, Number.MAX_SAFE_INTEGER).join("")}\n`;
}

interface Style {
  readonly isInPlace: boolean;
  readonly markup: Markup;
  readonly clock: Clock;
}

const TRIGGERS = {
  visitor: "The visitor asked for a person.",
  button: "The visitor pressed the button for a person.",
  bot: "The bot asked for a person to take over.",
} as const;

function* briefBlocks(brief: HandoffBrief, style: Style): Iterable<Block> {
  yield { head: style.markup.strong("A conversation for a person") };
  yield* storyBlocks(brief, style);
}

function* leadBlocks(brief: HandoffBrief, lead: BriefLead, style: Style): Iterable<Block> {
  const { contact, consent } = lead;
  const { clock, markup } = style;
  const said = (value: unknown) => inlineValue(markup, value);
  yield { head: markup.strong("A visitor left contact details") };
  yield* facts(markup, [
    ["Name", said(contact.name)],
    ["Email", said(contact.email)],
    ["Phone", said(contact.phone)],
    ["Submitted", clock.instant(lead.submittedAt)],
  ]);
  if (contact.issue) yield { head: markup.strong("Message"), quote: contact.issue };
  if (consent) {
    const { version, locale, url } = consent;
    yield { head: markup.strong("Consent given"), quote: consent.text };
    yield* facts(markup, [
      ["Given", clock.instant(consent.acceptedAt)],
      ["Terms", address(markup, url)],
      ["Version", said([version, locale].filter(Boolean).join(", "))],
    ]);
  }
  yield* storyBlocks(brief, style);
}

function* storyBlocks(brief: HandoffBrief, style: Style): Iterable<Block> {
  const { markup } = style;
  const said = (value: unknown) => inlineValue(markup, value);
  if (brief.trigger) yield { head: TRIGGERS[brief.trigger] };
  if (brief.summary) yield { head: markup.strong("Summary"), quote: brief.summary };
  if (brief.reason) yield { head: markup.strong("Reason"), quote: brief.reason };
  const { visitor } = brief;
  yield* facts(markup, [
    ["Priority", said(brief.priority)],
    ["Visitor", said(visitor?.name)],
    ["Email", said(visitor?.email)],
    ["Phone", said(visitor?.phone)],
    ["Visitor id", said(visitor?.id)],
    ["Page", address(markup, brief.pageUrl)],
    ["Channel", said(brief.channel?.type)],
    ["Language", said(brief.locale)],
    ["Bot", said(brief.botName)],
  ]);
  const attributes = Object.entries(visitor?.attributes ?? {});
  if (attributes.length > 0) {
    yield { head: markup.strong("About the visitor") };
    yield* facts(
      markup,
      attributes.map(([name, value]) => [name, said(value)] as const),
      true,
    );
  }
  if (brief.products.length > 0) {
    yield { head: markup.strong("Products") };
    for (const product of brief.products) yield { head: `- ${productLine(product, style.markup)}`, tight: true };
  }
  if (!style.isInPlace) yield* conversationBlocks(brief, style);
}

const LONGEST_VALUE = 400;

type Fact = readonly [label: string, written: string | null];

/** A list of what is known; what is not known is left out. */
function* facts({ strong, inline }: Markup, entries: readonly Fact[], tight = false): Iterable<Block> {
  let follows = tight;
  for (const [label, written] of entries) {
    if (!written) continue;
    yield { head: `- ${strong(`${inline(clipText(label, 100))}:`)} ${written}`, tight: follows };
    follows = true;
  }
}

/** A value in one line, bounded whatever it is made of: escaping may double it. */
function inlineValue({ inline }: Markup, value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return inline(clipText(typeof value === "string" ? value : (JSON.stringify(value) ?? ""), LONGEST_VALUE));
}

function productLine({ id, name, url, price }: HandoffBrief["products"][number], markup: Markup): string {
  const label = clipText(name ?? id ?? "Product", 200);
  const details = [price, name && id ? `id ${id}` : null].flatMap((detail) => (detail ? [clipText(detail, 100)] : []));
  return [link(markup, label, url), ...details.map((detail) => markup.inline(detail))].join(", ");
}

const LONGEST_LINK = 1500;

/** A link too long for a line is left out: cut, it would lead somewhere else. */
function link(markup: Markup, label: string, url: string | null | undefined): string {
  const written = url ? markup.link(label, url) : "";
  return written && written.length <= LONGEST_LINK ? written : markup.inline(label);
}

function address(markup: Markup, url: string | null | undefined): string | null {
  const written = url ? markup.address(url) : "";
  return written.length <= LONGEST_LINK ? written : inlineValue(markup, url);
}

function* conversationBlocks({ messages, botName }: HandoffBrief, { markup, clock }: Style): Iterable<Block> {
  if (messages.length === 0) {
    yield { head: "There are no earlier messages." };
    return;
  }
  const count = messages.length === 1 ? "1 message" : `${messages.length} messages`;
  yield { head: `${markup.strong("Conversation")} (${count}, times in ${clock.zone})` };
  let today = "";
  for (const message of messages) {
    const moment = clock.moment(message.at);
    if (moment && moment.day !== today) yield { head: moment.day };
    today = moment?.day ?? today;
    yield {
      head: [speaker(message, botName, markup), ...(moment ? [moment.time] : [])].join(", "),
      quote: message.text ?? "",
      quoteEnd: message.attachments.map((attachment) => attachmentLine(attachment, markup)),
    };
  }
}

const ROLES = { visitor: "Visitor", bot: "Bot", agent: "Agent", system: "System" } as const;

function speaker({ role, authorName }: BriefMessage, botName: string | null | undefined, markup: Markup): string {
  const name = authorName ?? (role === "bot" ? botName : null);
  const known = name ? ` (${markup.inline(clipText(name, 100))})` : "";
  return markup.strong(ROLES[role]) + known;
}

function attachmentLine({ url, name, contentType, size }: BriefMessage["attachments"][number], markup: Markup): string {
  const label = clipText(name ?? "file", 200);
  const details = [contentType && clipText(contentType, 100), size && readableSize(size)].flatMap((detail) =>
    detail ? [markup.inline(detail)] : [],
  );
  return ["Attachment: " + link(markup, label, url), ...details].join(", ");
}

function readableSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

interface Clock {
  readonly zone: string;
  /** null for no date, or one that is none. */
  moment(at: Date | null | undefined): { readonly day: string; readonly time: string } | null;
  instant(at: Date): string | null;
}

function clockIn(timezone: string | null | undefined): Clock {
  const zone = timezone ?? "UTC";
  const base = { timeZone: zone, calendar: "gregory" } as const;
  const days = new Intl.DateTimeFormat("en-GB", {
    ...base,
    weekday: "long",
    day: "numeric",
    month: "long",
    year: "numeric",
  });
  const times = new Intl.DateTimeFormat("en-GB", { ...base, hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const moment: Clock["moment"] = (at) =>
    at && !Number.isNaN(at.getTime()) ? { day: days.format(at), time: times.format(at) } : null;
  return {
    zone,
    moment,
    instant: (at) => {
      const known = moment(at);
      return known && `${known.day}, ${known.time} (${zone})`;
    },
  };
}
