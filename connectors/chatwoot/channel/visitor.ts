import { clipText, oneLine } from "../../../src/domain/clean-text.ts";
import { LIMITS, NO_VISITOR } from "../../../src/domain/conversation.ts";
import type { Visitor } from "../../../src/domain/conversation.ts";
import { isMadeUpName } from "../contact.ts";
import { isWebAddress } from "../mapping.ts";
import type { Conversation, Sender } from "../shapes.ts";

/** Longest line that Baton keeps of a visitor, by what it says. */
const LONGEST = { id: 200, name: 200, email: 254, phone: 40, key: 100, locale: 35, kind: 50 } as const;

/** What Chatwoot knows of a visitor. The name that it makes up for a stranger is none. */
export function visitorOf(sender: Sender | null | undefined): Visitor {
  if (!sender) return NO_VISITOR;
  const name = lineOf(sender.name, LONGEST.name);
  return {
    id: lineOf(sender.identifier, LONGEST.id),
    name: name !== null && isMadeUpName(name) ? null : name,
    email: lineOf(sender.email, LONGEST.email),
    phone: lineOf(sender.phone_number, LONGEST.phone),
    attributes: attributesIn(sender.custom_attributes ?? {}),
  };
}

function attributesIn(given: Readonly<Record<string, unknown>>): Visitor["attributes"] {
  const taken = Object.entries(given).flatMap(([key, value]) => {
    const name = lineOf(key, LONGEST.key);
    const worth = valueOf(value);
    return name === null || worth === null ? [] : [[name, worth] as const];
  });
  return Object.fromEntries(taken.slice(0, LIMITS.attributes));
}

function valueOf(value: unknown): string | number | boolean | null {
  if (value === null || value === undefined || value === "") return null;
  if (typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))) return value;
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return clipText(oneLine(text), LIMITS.attributeLength) || null;
}

const lineOf = (text: string | null | undefined, length: number): string | null =>
  clipText(oneLine(text ?? ""), length) || null;

const textIn = (attributes: Readonly<Record<string, unknown>> | null | undefined, key: string): string | null => {
  const value = attributes?.[key];
  return typeof value === "string" && value.trim() !== "" ? value.trim() : null;
};

/** The language of the words where Chatwoot found one out, else the browser's or the contact's; null when none is known. */
export function localeOf({ additional_attributes: own, meta }: Conversation): string | null {
  const contact = meta?.sender?.additional_attributes;
  const given =
    textIn(own, "conversation_language") ??
    textIn(own, "browser_language") ??
    textIn(contact, "language") ??
    textIn(contact, "browser_language");
  const tag = given?.replaceAll("_", "-") ?? "";
  return tag.length <= LONGEST.locale && /^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*$/.test(tag) ? tag : null;
}

/** The page that the conversation began on. */
export function pageOf({ additional_attributes: own }: Conversation): string | null {
  const page = textIn(own, "referer");
  return isWebAddress(page) ? page : null;
}

/** `Channel::WebWidget` as `web_widget`. */
export function kindOf(channel: string | null): string {
  const name = (channel ?? "").replace(/^Channel::/, "").replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_");
  return lineOf(name.toLowerCase(), LONGEST.kind) ?? "chatwoot";
}
