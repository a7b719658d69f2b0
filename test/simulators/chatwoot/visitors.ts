import { assignAgentBot } from "./assignment.ts";
import { contactInboxFor, createContact, updateContact } from "./contacts.ts";
import type { VisitorControls, VisitorLine, VisitorWords, VisitorWrote } from "./control-types.ts";
import { createConversation } from "./conversations.ts";
import { formItemsOf, formRefusal, itemsOf } from "./interactive.ts";
import { createMessage, updateMessage } from "./messages.ts";
import { removeContact, removeConversation } from "./removal.ts";
import {
  contactInboxOf,
  messagesOf,
  type Contact,
  type ContactInbox,
  type Conversation,
  type Inbox,
  type Json,
  type Message,
  type State,
} from "./state.ts";

const interactive = ["form", "input_select", "input_email", "cards", "article"] as const;

/** The people outside: in the widget on a website, on WhatsApp, by e-mail. */
export function createVisitors(state: State): VisitorControls {
  /** Where a person has written before, by inbox and the name the test gives them. */
  const places = new Map<string, number>();

  const inboxOf = (id: number): Inbox => {
    const inbox = state.inboxes.get(id);
    if (!inbox) throw new Error(`the simulator has no inbox ${id}`);
    return inbox;
  };
  const conversationOf = (id: number): Conversation => {
    const conversation = state.conversations.get(id);
    if (!conversation) throw new Error(`the simulator has no conversation ${id}`);
    return conversation;
  };
  const messageOf = (id: number): Message => {
    for (const messages of state.messages.values()) {
      const found = messages.find((message) => message.id === id);
      if (found) return found;
    }
    throw new Error(`the simulator has no message ${id}`);
  };

  function placeOf(inbox: Inbox, words: Omit<VisitorWords, "text">): ContactInbox {
    const visitor = words.visitor ?? "visitor";
    const key = `${inbox.id} ${visitor}`;
    const known = state.contactInboxes.get(places.get(key) ?? 0);
    if (known) return known;
    const address = addressOf(inbox, visitor, words);
    const contact =
      knownContact(state, address) ?? createContact(state, { name: nameOf(inbox, visitor, words), ...address });
    const made = contactInboxFor(state, contact, inbox, sourceIdOf(inbox, address));
    places.set(key, made.id);
    return made;
  }

  function say(conversation: Conversation, words: Pick<VisitorWords, "text" | "attachments">): Message {
    const inbox = inboxOf(conversation.inboxId);
    return createMessage(state, conversation, {
      content: words.text,
      messageType: "incoming",
      private: false,
      ...asChannelWrites(state, inbox, words.text),
      sender: { type: "Contact", id: conversation.contactId },
      files: words.attachments ?? [],
    });
  }

  /** An interactive message that somebody in the widget has before them. @throws when it is none. */
  function shown(messageId: number, contentType: string): Message {
    const message = messageOf(messageId);
    if (message.contentType !== contentType) throw new Error(`message ${messageId} is no ${contentType}`);
    if (inboxOf(conversationOf(message.conversationId).inboxId).channelType !== "Channel::WebWidget") {
      throw new Error(`only the widget on a website shows a ${contentType} that can be answered`);
    }
    return message;
  }
  const answer = (message: Message, submitted: Json) =>
    updateMessage(state, message, { contentAttributes: { ...message.contentAttributes, ...submitted } });

  return {
    visitorWrites(inboxId, words): VisitorWrote {
      const inbox = inboxOf(inboxId);
      const place = placeOf(inbox, words);
      const conversation =
        lastConversation(state, inbox, place) ??
        createConversation(state, { contactInbox: place, additionalAttributes: attributesOf(inbox, state, words) });
      const message = say(conversation, words);
      return { conversationId: conversation.id, contactId: conversation.contactId, messageId: message.id };
    },
    visitorAnswers: (conversationId, text) => say(conversationOf(conversationId), { text }).id,
    visitorOpensWidget(inboxId, visitor = "visitor") {
      const inbox = inboxOf(inboxId);
      const place = placeOf(inbox, { visitor });
      state.events.emit("happening", {
        event: "webwidget_triggered",
        contactInboxId: place.id,
        info: { ...attributesOf(inbox, state, {}), widget_language: "en" },
      });
    },
    visitorSubmitsForm(messageId, values, { past = false } = {}) {
      const message = shown(messageId, "form");
      const items = formItemsOf(message.contentAttributes);
      const refusal = past ? null : formRefusal(items, values);
      if (refusal !== null) throw new Error(`the widget does not send it: ${refusal}`);
      const names = past ? Object.keys(values) : items.map((item) => item.name);
      answer(message, { submitted_values: names.map((name) => ({ name, value: values[name] ?? "" })) });
    },
    visitorPicks(messageId, value) {
      const message = shown(messageId, "input_select");
      const picked = itemsOf(message.contentAttributes).find((item) => item["value"] === value);
      if (!picked) throw new Error(`there is no "${value}" to pick`);
      answer(message, { submitted_values: [{ title: picked["title"], value }] });
    },
    visitorGivesEmail(messageId, email) {
      const message = shown(messageId, "input_email");
      answer(message, { submitted_email: email });
      identify(state, state.contacts.get(conversationOf(message.conversationId).contactId)!, email);
    },
    visitorSees(conversationId) {
      const inbox = inboxOf(conversationOf(conversationId).inboxId);
      const unsent = new Set(state.records.notDelivered.map((item) => item.messageId));
      return messagesOf(state, conversationId)
        .filter((m) => !m.private && m.messageType !== "activity" && !unsent.has(m.id))
        .map((message) => lineOf(message, inbox));
    },
    notDelivered: () => [...state.records.notDelivered],
    touchMessage: (messageId) => updateMessage(state, messageOf(messageId), {}),
    deleteConversation: (id) => removeConversation(state, conversationOf(id)),
    deleteContact(id) {
      const contact = state.contacts.get(id);
      if (!contact) throw new Error(`the simulator has no contact ${id}`);
      removeContact(state, contact);
    },
    assignBot(conversationId, botId) {
      if (botId !== null && !state.bots.has(botId)) throw new Error(`the simulator has no agent bot ${botId}`);
      assignAgentBot(state, conversationOf(conversationId), botId, null);
    },
  };
}

type Address = { email?: string; phone_number?: string };

function addressOf(inbox: Inbox, visitor: string, { email, phone }: Pick<VisitorWords, "email" | "phone">): Address {
  // Two people are never given the same number.
  const digits = Buffer.from(visitor).reduce((sum, byte) => (sum * 31 + byte) % 1e8, 7);
  return {
    ...(inbox.channelType === "Channel::Whatsapp"
      ? { phone_number: phone ?? `+49155${String(digits).padStart(8, "0")}` }
      : phone === undefined
        ? {}
        : { phone_number: phone }),
    ...(inbox.channelType === "Channel::Email"
      ? { email: email ?? `${visitor.toLowerCase().replaceAll(/[^a-z0-9]+/g, ".")}@visitors.example` }
      : email === undefined
        ? {}
        : { email }),
  };
}

/** A website's stranger has a name that Chatwoot makes up. */
const nameOf = (inbox: Inbox, visitor: string, { name }: Pick<VisitorWords, "name">): string =>
  name ?? (inbox.channelType === "Channel::WebWidget" ? `quiet-harbour-${visitor.length}` : visitor);

const knownContact = (state: State, { email, phone_number: phone }: Address): Contact | undefined =>
  [...state.contacts.values()].find(
    (contact) =>
      (email !== undefined && contact.email === email) || (phone !== undefined && contact.phoneNumber === phone),
  );

/** What the channel knows the person by; the widget and the API have a UUID. */
function sourceIdOf(inbox: Inbox, address: Address): string | undefined {
  if (inbox.channelType === "Channel::Whatsapp") return address.phone_number?.slice(1);
  return inbox.channelType === "Channel::Email" ? address.email : undefined;
}

/** WhatsApp begins anew after a resolved one unless the inbox is locked to one; the others go on in the last one. */
function lastConversation(state: State, inbox: Inbox, place: ContactInbox): Conversation | undefined {
  const own = [...state.conversations.values()].filter((item) => item.contactInboxId === place.id);
  const goesOn = inbox.channelType !== "Channel::Whatsapp" || inbox.lockToSingleConversation;
  return own.findLast((item) => goesOn || item.status !== "resolved");
}

function asChannelWrites(state: State, inbox: Inbox, text: string) {
  const next = state.token(12);
  switch (inbox.channelType) {
    case "Channel::Whatsapp":
      return { sourceId: `wamid.in.${next}`, contentType: "text", contentAttributes: {} };
    case "Channel::Email":
      return {
        sourceId: `<${next}@visitors.example>`,
        contentType: "incoming_email",
        contentAttributes: { email: { subject: "A question", text_content: { full: text, reply: text } } },
      };
    case "Channel::Api":
    case "Channel::WebWidget":
      return { sourceId: null, contentType: "text", contentAttributes: { in_reply_to: null } };
  }
}

function attributesOf(inbox: Inbox, state: State, words: Pick<VisitorWords, "pageUrl" | "language">): Json {
  if (inbox.channelType === "Channel::Email") return { source: "email", mail_subject: "A question" };
  if (inbox.channelType !== "Channel::WebWidget") return {};
  return {
    browser: {
      device_name: "Unknown",
      browser_name: "Firefox",
      platform_name: "Linux",
      browser_version: "140.0",
      platform_version: "0",
    },
    referer: words.pageUrl ?? inbox.channel["website_url"],
    initiated_at: { timestamp: state.clock().toUTCString() },
    browser_language: words.language ?? "en",
  };
}

/** The contact gets the address, or its conversations go to the contact that has it already (4). */
function identify(state: State, contact: Contact, email: string): void {
  const other = [...state.contacts.values()].find((item) => item !== contact && item.email === email.toLowerCase());
  if (!other) {
    updateContact(state, contact, { email, name: email.split("@")[0] ?? contact.name });
    return;
  }
  for (const conversation of state.conversations.values()) {
    if (conversation.contactId !== contact.id) continue;
    conversation.contactId = other.id;
    contactInboxOf(state, conversation).contactId = other.id;
    for (const { sender } of messagesOf(state, conversation.id)) {
      if (sender?.type === "Contact") sender.id = other.id;
    }
  }
  for (const place of state.contactInboxes.values()) if (place.contactId === contact.id) place.contactId = other.id;
  state.contacts.delete(contact.id);
  state.events.emit("change");
}

function lineOf(message: Message, inbox: Inbox): VisitorLine {
  const kind = interactive.find((type) => type === message.contentType);
  return {
    messageId: message.id,
    by: byOf(message),
    text: message.content ?? "",
    interactive: inbox.channelType === "Channel::WebWidget" ? (kind ?? null) : null,
  };
}

function byOf({ messageType, sender }: Message): VisitorLine["by"] {
  if (messageType === "incoming") return "visitor";
  if (messageType === "template") return "template";
  return sender?.type === "AgentBot" ? "bot" : "agent";
}
