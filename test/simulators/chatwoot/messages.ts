import { saveConversation } from "./conversations.ts";
import { couldNotCreate } from "./errors.ts";
import { itemFaults } from "./interactive.ts";
import { dropsFor, renderLiquid } from "./liquid.ts";
import { templatesFor } from "./templates.ts";
import {
  isThirdParty,
  messagesOf,
  messageStatuses,
  messageTypes,
  type Attachment,
  type Conversation,
  type Json,
  type Message,
  type Sender,
  type State,
} from "./state.ts";

export interface NewMessage {
  content: string | null;
  messageType: string;
  private: boolean;
  contentType: string;
  contentAttributes: Json;
  sourceId: string | null;
  sender: Sender | null;
  files: { name: string; type: string; bytes: Uint8Array }[];
}

export const contentTypes = [
  "text",
  "input_text",
  "input_textarea",
  "input_email",
  "input_select",
  "cards",
  "form",
  "article",
  "incoming_email",
  "input_csat",
  "integrations",
  "sticker",
  "voice_call",
] as const;
const maximumContent = 150_000;
const maximumAttachments = 15;
const maximumFileBytes = 40 * 1024 * 1024;

/**
 * Stores a message and does what Chatwoot's callbacks do: renders Liquid in outgoing text (5.7), reopens a resolved or
 * snoozed conversation on a contact's message (3.2), keeps the waiting clock and the first reply, dispatches.
 *
 * @throws Refusal 422 `{error}` for everything that Chatwoot refuses, since its create rescues every error.
 */
export function createMessage(state: State, conversation: Conversation, wanted: NewMessage): Message {
  const messageType = messageTypes.find((type) => type === wanted.messageType);
  if (!messageType) throw couldNotCreate(`'${wanted.messageType}' is not a valid message_type`);
  if (!contentTypes.some((type) => type === wanted.contentType)) {
    throw couldNotCreate(`'${wanted.contentType}' is not a valid content_type`);
  }
  refuseInvalid(state, conversation, wanted);
  const rendered = messageType === "outgoing" || messageType === "template";
  const now = state.clock();
  const message: Message = {
    id: state.nextId("message"),
    conversationId: conversation.id,
    content:
      rendered && wanted.content !== null
        ? renderLiquid(wanted.content, dropsFor(state, conversation, wanted.sender))
        : wanted.content,
    messageType,
    contentType: wanted.contentType,
    contentAttributes: wanted.contentAttributes,
    additionalAttributes: {},
    private: wanted.private,
    status: "sent",
    sourceId: wanted.sourceId,
    sender: wanted.sender,
    attachments: wanted.files.map((file) => toAttachment(state, file)),
    createdAt: now,
    updatedAt: now,
  };
  messagesOf(state, conversation.id).push(message);
  conversation.lastActivityAt = now;
  conversation.updatedAtMicros = state.stampMicros();
  if (message.messageType === "incoming") afterIncoming(state, conversation, now);
  state.events.emit("happening", { event: "message_created", conversationId: conversation.id, messageId: message.id });
  if (isHumanReply(message)) afterHumanReply(state, conversation, now);
  if (rendered && !message.private) sendOnChannel(state, conversation, message);
  if (message.messageType === "incoming") {
    for (const template of templatesFor(state, conversation)) createMessage(state, conversation, template);
  }
  state.events.emit("change");
  return message;
}

/**
 * Hands an outgoing message to the provider of a third-party channel, whose id it then carries. One that has an id
 * already is taken for an echo of the channel and is not sent (5.5).
 */
function sendOnChannel(state: State, conversation: Conversation, message: Message): void {
  const inbox = state.inboxes.get(conversation.inboxId)!;
  if (!isThirdParty(inbox)) return;
  if (message.sourceId !== null) {
    const { id: messageId, conversationId } = message;
    state.records.notDelivered.push({ conversationId, messageId, because: "has_source_id" });
    return;
  }
  const sourceId =
    inbox.channelType === "Channel::Email" ? `<${message.id}@mail.chatwoot.example>` : `wamid.${message.id}`;
  updateMessage(state, message, { sourceId });
}

const invalid = (fault: string) => couldNotCreate(`Validation failed: ${fault}`);

function refuseInvalid(state: State, conversation: Conversation, wanted: NewMessage): void {
  if ((wanted.content?.length ?? 0) > maximumContent) {
    throw invalid(`Content is too long (maximum is ${maximumContent} characters)`);
  }
  if (wanted.files.length > maximumAttachments) throw invalid("Attachments exceeded maximum allowed");
  if (wanted.files.some((file) => file.bytes.length > maximumFileBytes))
    throw invalid("Attachments file size is too big");
  const faults = itemFaults(wanted.contentType, wanted.contentAttributes);
  if (faults.length > 0) throw invalid(faults.map((fault) => `Content attributes ${fault}`).join(", "));
  const minuteAgo = state.clock().getTime() - 60_000;
  const messages = messagesOf(state, conversation.id);
  const oldestOfLimit = messages[messages.length - state.messagesPerMinute];
  if (oldestOfLimit && oldestOfLimit.createdAt.getTime() >= minuteAgo) throw invalid("Too many messages");
}

function toAttachment(state: State, file: NewMessage["files"][number]): Attachment {
  const kind = file.type.split("/")[0];
  return {
    id: state.nextId("attachment"),
    fileType: kind === "image" || kind === "audio" || kind === "video" ? kind : "file",
    contentType: file.type,
    fileName: file.name,
    size: file.bytes.length,
    bytes: file.bytes,
  };
}

function afterIncoming(state: State, conversation: Conversation, now: Date): void {
  const contact = state.contacts.get(conversation.contactId)!;
  contact.lastActivityAt = now;
  if (!conversation.muted) {
    const hasBot = state.inboxes.get(conversation.inboxId)!.botId !== null;
    const actor = { name: contact.name };
    if (conversation.status === "snoozed") saveConversation(state, conversation, { status: "open" }, actor);
    else if (conversation.status === "resolved") {
      saveConversation(state, conversation, { status: hasBot ? "pending" : "open" }, actor);
    }
  }
  if (conversation.waitingSince === null) saveConversation(state, conversation, { waitingSince: now }, null);
}

const isHumanReply = (message: Message) =>
  message.messageType === "outgoing" && !message.private && message.sender?.type === "User";

function afterHumanReply(state: State, conversation: Conversation, now: Date): void {
  const first = conversation.firstReplyCreatedAt === null ? { firstReplyCreatedAt: now } : {};
  saveConversation(state, conversation, { ...first, waitingSince: null }, null);
}

/** Sets the delivery status. No way back from `read` to `delivered`; an unknown status is answered but changes nothing. */
export function setMessageStatus(state: State, message: Message, status: string, externalError?: string): void {
  const known = messageStatuses.find((item) => item === status);
  if (!known || (message.status === "read" && known === "delivered")) return;
  const { external_error: _, ...attributes } = message.contentAttributes;
  const contentAttributes =
    known === "failed" && externalError !== undefined ? { ...attributes, external_error: externalError } : attributes;
  if (message.status === known && JSON.stringify(contentAttributes) === JSON.stringify(message.contentAttributes))
    return;
  updateMessage(state, message, { status: known, contentAttributes });
}

/** The row stays, its text is replaced (webhook: `message_updated`). */
export function deleteMessage(state: State, message: Message): void {
  updateMessage(state, message, {
    content: "This message was deleted",
    contentType: "text",
    contentAttributes: { deleted: true },
    attachments: [],
  });
}

export function updateMessage(state: State, message: Message, columns: Partial<Message>): void {
  Object.assign(message, columns, { updatedAt: state.clock() });
  if (message.messageType !== "activity") {
    const { conversationId, id: messageId } = message;
    state.events.emit("happening", { event: "message_updated", conversationId, messageId });
  }
  state.events.emit("change");
}
