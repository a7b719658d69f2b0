import { DateTime } from "luxon";
import type { NewMessage } from "./messages.ts";
import { messagesOf, type Conversation, type Inbox, type Json, type Message, type State } from "./state.ts";

/**
 * What Chatwoot says by itself after a visitor's message: out of office, greeting, the prompt for an e-mail address (4, 6).
 * A bot that holds the conversation does not stop them.
 */
export function templatesFor(state: State, conversation: Conversation): NewMessage[] {
  const inbox = state.inboxes.get(conversation.inboxId)!;
  const { settings } = inbox;
  const messages = messagesOf(state, conversation.id);
  const templates: NewMessage[] = [];
  const away = settings["out_of_office_message"];
  if (isText(away) && isClosed(state, inbox) && !saidLately(state, messages)) templates.push(template(away));
  const greeting = settings["greeting_message"];
  const isFirst = messages.filter((m) => m.messageType === "incoming").length === 1;
  if (settings["greeting_enabled"] === true && isText(greeting) && isFirst) templates.push(template(greeting));
  const contact = state.contacts.get(conversation.contactId)!;
  const asks = inbox.channelType === "Channel::WebWidget" && settings["enable_email_collect"] !== false;
  const wasAsked = messages.some((m) => m.messageType === "template" && m.contentType === "input_email");
  if (asks && !wasAsked && contact.email === null) {
    templates.push(template("Give the team a way to reach you."), {
      ...template("Get notified by email"),
      contentType: "input_email",
    });
  }
  return templates;
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";

const template = (content: string): NewMessage => ({
  content,
  messageType: "template",
  private: false,
  contentType: "text",
  contentAttributes: {},
  sourceId: null,
  sender: null,
  files: [],
});

/** A template message on the same day (UTC), or anything said in the last five minutes, keeps the office's absence quiet. */
function saidLately(state: State, messages: readonly Message[]): boolean {
  const now = state.clock();
  const day = now.toISOString().slice(0, 10);
  return messages.some(
    (m) =>
      !m.private &&
      ((m.messageType === "template" && m.createdAt.toISOString().startsWith(day)) ||
        (m.messageType === "outgoing" && m.createdAt.getTime() > now.getTime() - 5 * 60_000)),
  );
}

/** The seven records of a week as a new inbox has them: Monday to Friday, 9 to 17 (6). */
export const newWeek = (): Json[] =>
  [0, 1, 2, 3, 4, 5, 6].map((day) => ({
    day_of_week: day,
    closed_all_day: day === 0 || day === 6,
    open_hour: 9,
    open_minutes: 0,
    close_hour: 17,
    close_minutes: 0,
    open_all_day: false,
  }));

export const weekOf = (inbox: Inbox): Json[] => (inbox.settings["working_hours"] as Json[] | undefined) ?? newWeek();

/** Outside working hours; the closing time counts as open at second 0 only, the last minute of an all-day does not (6). */
export function isClosed(state: State, inbox: Inbox): boolean {
  if (inbox.settings["working_hours_enabled"] !== true) return false;
  const zone = typeof inbox.settings["timezone"] === "string" ? inbox.settings["timezone"] : "UTC";
  const now = DateTime.fromJSDate(state.clock()).setZone(zone);
  const today = weekOf(inbox).find((day) => day["day_of_week"] === now.weekday % 7);
  if (!today || today["closed_all_day"] === true) return true;
  const second = now.hour * 3600 + now.minute * 60 + now.second;
  const isAllDay = today["open_all_day"] === true;
  const opens = isAllDay ? 0 : at(today, "open");
  const closes = isAllDay ? 23 * 3600 + 59 * 60 : at(today, "close");
  return second < opens || second > closes;
}

const at = (day: Json, which: "open" | "close") =>
  Number(day[`${which}_hour`] ?? 0) * 3600 + Number(day[`${which}_minutes`] ?? 0) * 60;
