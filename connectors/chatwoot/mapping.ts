import { cleanText, clipText, oneLine } from "../../src/domain/clean-text.ts";
import { LIMITS } from "../../src/domain/conversation.ts";
import type { Attachment as BatonAttachment } from "../../src/domain/conversation.ts";
import type { AgentMessage } from "../../src/domain/handoff.ts";
import type { HelpdeskAgent, HelpdeskStatus } from "../../src/ports.ts";
import { nameInUrl } from "../files.ts";
import { readableText } from "./interactive.ts";
import { keyOf } from "./messages.ts";
import type { Attachment, Conversation, Message, Meta, Person } from "./shapes.ts";

const OUTGOING = ["outgoing", 1] as const;

/**
 * A Chatwoot message as one by a person for the visitor; null for everything else: private notes, our own messages, the
 * visitor's, bots', templates, campaigns, automation, activity, surveys and deleted ones.
 *
 * @param people who else is known by id: the sender in a webhook lacks the display name and the picture
 */
export function toAgentMessage(message: Message, people: readonly Person[] = []): AgentMessage | null {
  const said = isByPersonForVisitor(message) ? saidIn(message) : null;
  return said && { ...said, agent: toAgent(message.sender, people) };
}

/** What a message says, whoever wrote it; null for one that says nothing. */
export function saidIn(message: Message): Omit<AgentMessage, "agent"> | null {
  const text = cleanText(readableText(message));
  const attachments = (message.attachments ?? []).flatMap((attachment) => toAttachment(attachment) ?? []);
  const places = (message.attachments ?? []).flatMap((attachment) => placeOf(attachment) ?? []);
  const whole = [text, ...places].filter((part) => part !== "").join("\n");
  if (whole === "" && attachments.length === 0) return null;
  return {
    externalId: String(message.id),
    text: whole,
    attachments,
    at: dateOf(message.created_at) ?? new Date(0),
  };
}

function isByPersonForVisitor(message: Message): boolean {
  const { content_attributes: attributes, additional_attributes: additional } = message;
  return (
    !message.private &&
    OUTGOING.some((type) => type === message.message_type) &&
    message.sender?.type?.toLowerCase() === "user" &&
    keyOf(message) === null &&
    attributes?.["deleted"] !== true &&
    (attributes?.["automation_rule_id"] ?? null) === null &&
    (additional?.["campaign_id"] ?? null) === null &&
    message.content_type !== "input_csat"
  );
}

/** The display name before the full one, as Chatwoot itself shows it to visitors. */
function toAgent(sender: Person | null | undefined, people: readonly Person[]): AgentMessage["agent"] {
  const id = sender?.id ?? null;
  const same = people.find((person) => person.id === id && person.type?.toLowerCase() === "user");
  const pictures = [sender?.avatar_url, sender?.thumbnail, same?.avatar_url, same?.thumbnail];
  return {
    id: id === null ? null : String(id),
    name: nameOf(sender?.available_name ? sender : (same ?? sender)),
    avatarUrl: pictures.find((url) => isWebAddress(url)) ?? null,
  };
}

function nameOf(person: Person | null | undefined): string | null {
  return clipText(oneLine(person?.available_name || person?.name || ""), 200) || null;
}

export const isWebAddress = (url: string | null | undefined): url is string =>
  typeof url === "string" &&
  url.length <= LIMITS.urlLength &&
  ["http:", "https:"].includes(URL.parse(url)?.protocol ?? "");

function toAttachment(attachment: Attachment): BatonAttachment | null {
  const { data_url: url, content_type: type, file_size: size } = attachment;
  if (!isWebAddress(url)) return null;
  return {
    url,
    name: clipText(oneLine(attachment.fallback_title || nameInUrl(url)), 255) || null,
    contentType: type ? clipText(oneLine(type), 127) : null,
    size: typeof size === "number" && Number.isSafeInteger(size) && size >= 0 ? size : null,
  };
}

/** A shared location has no file; the visitor gets it as a map's link. */
function placeOf({ data_url: url, file_type: type, coordinates_lat: lat, coordinates_long: long }: Attachment) {
  if (type !== "location" || isWebAddress(url) || typeof lat !== "number" || typeof long !== "number") return null;
  return `https://www.openstreetmap.org/?mlat=${lat}&mlon=${long}`;
}

const statuses: readonly HelpdeskStatus[] = ["open", "resolved", "pending", "snoozed"];

export const statusOf = ({ status }: Pick<Conversation, "status">): HelpdeskStatus | null =>
  statuses.find((known) => known === status) ?? null;

/** The person who has the conversation; null for nobody and for a bot; undefined when it is not told. */
export function assigneeOf(meta: Meta | null | undefined): HelpdeskAgent | null | undefined {
  if (!meta || meta.assignee === undefined) return undefined;
  const { assignee, assignee_type: kind } = meta;
  const isBot =
    assignee?.type?.toLowerCase() === "agent_bot" || (kind !== null && kind !== undefined && kind !== "User");
  if (!assignee?.id || isBot) return null;
  return { id: String(assignee.id), name: nameOf(assignee) };
}

/** `updated_at`, the finest stamp there is (sheet 2.2), in whole microseconds; null when it is missing. */
export function versionOf({ updated_at: at }: Pick<Conversation, "updated_at">): number | null {
  const seconds = typeof at === "number" ? at : (dateOf(at)?.getTime() ?? Number.NaN) / 1000;
  return Number.isFinite(seconds) ? Math.round(seconds * 1_000_000) : null;
}

/** Unix seconds or ISO 8601; null for neither. */
export function dateOf(at: number | string | null | undefined): Date | null {
  if (at === null || at === undefined || at === "") return null;
  const date = new Date(typeof at === "number" ? at * 1000 : at);
  return Number.isNaN(date.getTime()) ? null : date;
}
