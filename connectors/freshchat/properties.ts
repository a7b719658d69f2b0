import { cleanText, clipText, oneLine } from "../../src/domain/clean-text.ts";
import type { Destination } from "../../src/domain/settings.ts";
import type { HandoffBrief } from "../../src/domain/transcript.ts";
import type { FreshchatConfig } from "./config.ts";

/** A property of a user (sheet 1.7). */
export interface UserProperty {
  readonly name: string;
  readonly value: string;
}

/** Limits of ours: FreshChat publishes none. UTF-16 units. */
const LONGEST_NAME = 100;
const LONGEST_VALUE = 1_000;

/** What is known of a visitor as properties of a user: texts, bounded, without what is empty. */
export function userPropertiesOf(attributes: Readonly<Record<string, unknown>>): UserProperty[] {
  const properties = new Map<string, string>();
  for (const [key, value] of Object.entries(attributes)) {
    const name = clipText(oneLine(key), LONGEST_NAME);
    const text = clipText(cleanText(valueText(value)).trim(), LONGEST_VALUE);
    if (name !== "" && text !== "") properties.set(name, text);
  }
  return [...properties].map(([name, value]) => ({ name, value }));
}

export function valueText(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

export type ConversationProperties = Readonly<Record<string, string | number | boolean>>;

export interface About {
  readonly handoffId: string;
  readonly brief: HandoffBrief;
  readonly destination: Pick<Destination, "priority">;
  readonly labels: readonly string[];
}

/** Properties of a new conversation: the priority in FreshChat's words, and the connection's custom fields (sheet 1.8). */
export function conversationPropertiesOf(
  { conversationProperties }: Pick<FreshchatConfig, "conversationProperties">,
  about: About,
): ConversationProperties {
  const filled = Object.entries(conversationProperties).flatMap(([name, value]) => {
    const full = typeof value === "string" ? fillIn(value, about) : value;
    return full === "" ? [] : [[name, full] as const];
  });
  const { priority } = about.destination;
  return { ...Object.fromEntries(filled), ...(priority && { priority: PRIORITIES[priority] }) };
}

const PRIORITIES = { low: "Low", medium: "Medium", high: "High", urgent: "Urgent" } as const;

/** What is put in is not looked at again: a visitor's words hold no placeholders. */
function fillIn(template: string, { handoffId, brief, labels }: About): string {
  const values: Readonly<Record<string, string | null | undefined>> = {
    handoffId,
    botName: brief.botName,
    locale: brief.locale,
    pageUrl: brief.pageUrl,
    reason: brief.reason,
    labels: labels.join(", "),
  };
  const text = template.replace(/\{\{([^{}]*)\}\}/g, (_, name: string) => {
    const key = name.trim();
    return Object.hasOwn(values, key) ? (values[key] ?? "") : "";
  });
  return clipText(oneLine(text), LONGEST_VALUE);
}
