import type { Contact, Conversation, Inbox, State } from "./state.ts";

/** What goes with a deleted record. No webhook tells of any of it. */

export function removeConversation(state: State, { id }: Conversation): void {
  state.conversations.delete(id);
  state.messages.delete(id);
  state.events.emit("change");
}

export function removeContact(state: State, { id }: Contact): void {
  for (const conversation of state.conversations.values()) {
    if (conversation.contactId === id) removeConversation(state, conversation);
  }
  for (const place of state.contactInboxes.values()) {
    if (place.contactId === id) state.contactInboxes.delete(place.id);
  }
  state.contacts.delete(id);
  state.events.emit("change");
}

/** The contacts stay. */
export function removeInbox(state: State, { id }: Inbox): void {
  for (const conversation of state.conversations.values()) {
    if (conversation.inboxId === id) removeConversation(state, conversation);
  }
  for (const place of state.contactInboxes.values()) {
    if (place.inboxId === id) state.contactInboxes.delete(place.id);
  }
  state.inboxes.delete(id);
  state.events.emit("change");
}

/** Its inboxes have no bot then, and what it held is nobody's. */
export function removeBot(state: State, botId: number): void {
  for (const inbox of state.inboxes.values()) if (inbox.botId === botId) inbox.botId = null;
  for (const conversation of state.conversations.values()) {
    if (conversation.assigneeBotId === botId) conversation.assigneeBotId = null;
  }
  state.bots.delete(botId);
  state.events.emit("change");
}
