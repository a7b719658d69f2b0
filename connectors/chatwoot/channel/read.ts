import { DeliveryError } from "../../../src/domain/delivery.ts";
import type { HostedMessage, HostedView } from "../../../src/ports.ts";
import type { Client } from "../client.ts";
import { readConversation } from "../conversation.ts";
import type { Desk } from "../desk.ts";
import { settledId } from "../look.ts";
import { assigneeOf, saidIn, statusOf, toAgentMessage, versionOf } from "../mapping.ts";
import { keyOf, readAfter, readPage } from "../messages.ts";
import type { Conversation, Message } from "../shapes.ts";
import { cursorAt, placeIn } from "./cursor.ts";
import { formIn } from "./form.ts";
import { kindOf, localeOf, pageOf, visitorOf } from "./visitor.ts";

const INCOMING = ["incoming", 0] as const;

/**
 * A conversation of Chatwoot's own inboxes in which our bot answers. The state is read before the messages: whatever was said
 * before a person took it is then among them. Throws DeliveryError.
 */
export async function readHosted(desk: Desk, conversationId: string, cursor: string | null): Promise<HostedView> {
  const { client, clock } = desk;
  const conversation = await readConversation(client, conversationId);
  if (cursor === null) refuseForeign(desk, conversation);
  const place = placeIn(cursor);
  const after = await readAfter(client, conversationId, place.after);
  const forms = await readForms(client, conversationId, place.forms);
  const all = [...forms, ...after].toSorted((a, b) => a.id - b.id);
  const settled = settledId(after) ?? place.after;
  const channel = conversation.meta?.channel ?? null;
  const { sender } = conversation.meta ?? {};
  return {
    messages: all.flatMap((message) => hostedMessage(message, clock(), { isFirst: cursor === null }) ?? []),
    cursor: cursorAt({ after: settled, forms: unsent(all).filter((id) => id <= settled) }),
    version: versionOf(conversation),
    status: statusOf(conversation) ?? "open",
    assignee: assigneeOf(conversation.meta) ?? null,
    isAnswered: isAnswered(all),
    isIncomplete: false,
    visitor: visitorOf(sender),
    contactId: sender?.id ? String(sender.id) : null,
    locale: localeOf(conversation),
    pageUrl: pageOf(conversation),
    kind: kindOf(channel),
    showsForms: showsForms(channel),
    url: desk.urlOf(String(conversation.id)),
  };
}

/** Only the widget on a website draws forms (sheet 4). */
export const showsForms = (channel: string | null | undefined): boolean => channel === "Channel::WebWidget";

/** An unsigned webhook may name any conversation: one that was never the bot's does not become it. */
function refuseForeign({ config }: Desk, { id, inbox_id: inboxId }: Conversation): void {
  if (inboxId !== null && inboxId !== undefined && config.botInboxIds.includes(inboxId)) return;
  throw new DeliveryError("permanent", `Conversation ${id} is in none of the inboxes that the bot is to answer in.`);
}

/** Forms that were still to be sent at the last reading, each by itself: no list ends with them. */
async function readForms(client: Client, conversationId: string, ids: readonly number[]): Promise<Message[]> {
  const found: Message[] = [];
  for (const id of ids) {
    const page = await readPage(client, conversationId, `?after=${id - 1}&before=${id + 1}`);
    found.push(...page.filter((message) => message.id === id));
  }
  return found;
}

const isDeleted = ({ content_attributes: attributes }: Message): boolean => attributes?.["deleted"] === true;

const unsent = (messages: readonly Message[]): number[] =>
  messages.filter((message) => !isDeleted(message) && formIn(message)?.values === null).map(({ id }) => id);

/**
 * Whether a person's words are the last but the visitor's: no bot has spoken and nothing was changed since, which Chatwoot writes down.
 * The note of ours that gives the conversation back counts as such a change: its status may have been the same.
 */
export function isAnswered(messages: readonly Message[]): boolean {
  const last = messages
    .toSorted((a, b) => a.id - b.id)
    .findLast((message) => isActivity(message) || isByBot(message) || toAgentMessage(message) !== null);
  return last !== undefined && !isActivity(last) && !isByBot(last);
}

const isActivity = ({ message_type: type }: Message): boolean => type === "activity" || type === 2;

/** Ours too whose bot was deleted since: Chatwoot then names nobody. */
const isByBot = (message: Message): boolean =>
  (message.message_type === "outgoing" || message.message_type === 1) &&
  (message.sender?.type?.toLowerCase() === "agent_bot" || keyOf(message) !== null);

/**
 * In our words; null for what is neither the visitor's nor a person's: our own, other bots', templates, activity, notes.
 *
 * @param isFirst tells what bots said too
 */
export function hostedMessage(message: Message, now: Date, { isFirst } = { isFirst: false }): HostedMessage | null {
  if (message.private || isDeleted(message)) return null;
  const form = formIn(message);
  if (form !== null && form.values !== null) {
    // Nothing tells when it was sent.
    return { from: "form", externalId: `${message.id}:sent`, key: form.key, values: form.values, at: now };
  }
  if (isFirst && isByBot(message)) {
    const said = saidIn(message);
    return said && { from: "bot", ...said };
  }
  if (keyOf(message) !== null) return null;
  if (INCOMING.some((type) => type === message.message_type)) {
    const said = saidIn(message);
    return said && { from: "visitor", ...said };
  }
  const said = toAgentMessage(message);
  return said && { from: "agent", message: said };
}
