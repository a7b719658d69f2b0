import type { Json } from "./state.ts";

const itemKeys: Record<string, readonly string[]> = {
  input_select: ["title", "value"],
  cards: ["title", "description", "media_url", "actions"],
  form: ["type", "placeholder", "label", "name", "options", "default", "required", "pattern", "title", "pattern_error"],
  article: ["title", "description", "link"],
};
const actionKeys = ["text", "type", "payload", "uri"];

/** An item of a form, as far as the widget reads it. */
export interface FormItem {
  readonly name: string;
  readonly type: string;
  readonly pattern: string | null;
  readonly values: readonly string[] | null;
}

/** What Chatwoot finds wrong in the items of an interactive message: none at all, or keys that it does not know (4). */
export function itemFaults(contentType: string, attributes: Json): string[] {
  const known = itemKeys[contentType];
  if (!known) return [];
  const items = itemsOf(attributes);
  if (items.length === 0) return ["At least one item is required."];
  const unknown = foreignKeys(items, known);
  const faults = unknown.length > 0 ? [`contains invalid keys for items : [${unknown.join(", ")}]`] : [];
  return contentType === "cards" ? [...faults, ...actionFaults(items)] : faults;
}

function actionFaults(items: Json[]): string[] {
  const actions = items.map((item) => (Array.isArray(item["actions"]) ? (item["actions"] as Json[]) : []));
  if (actions.some((list) => list.length === 0)) return ["contains items missing actions"];
  const unknown = foreignKeys(actions.flat(), actionKeys);
  return unknown.length > 0 ? [`contains invalid keys for actions:  [${unknown.join(", ")}]`] : [];
}

const foreignKeys = (items: Json[], known: readonly string[]) =>
  [...new Set(items.flatMap((item) => Object.keys(item)))]
    .filter((key) => !known.includes(key))
    .map((key) => `:${key}`);

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const itemsOf = (attributes: Json): Json[] =>
  Array.isArray(attributes["items"]) ? (attributes["items"] as unknown[]).filter(isObject) : [];

const text = (value: unknown) => (typeof value === "string" ? value : "");

export const formItemsOf = (attributes: Json): FormItem[] =>
  itemsOf(attributes).map((item) => ({
    name: text(item["name"]),
    type: text(item["type"]),
    pattern: typeof item["pattern"] === "string" ? item["pattern"] : null,
    values: Array.isArray(item["options"])
      ? (item["options"] as unknown[]).filter(isObject).map((option) => text(option["value"]))
      : null,
  }));

/** Why the widget would not send these answers; null when it would (4). */
export function formRefusal(items: readonly FormItem[], values: Readonly<Record<string, string>>): string | null {
  const unknown = Object.keys(values).find((name) => !items.some((item) => item.name === name));
  if (unknown !== undefined) return `the form has no field "${unknown}"`;
  for (const item of items) {
    const value = values[item.name] ?? "";
    if (value === "") return `the field "${item.name}" has no value`;
    if (item.type === "email" && !/^[^@\s]+@[^@\s]+$/.test(value)) return `"${item.name}" is not an e-mail address`;
    if (item.pattern !== null && !new RegExp(`^(?:${item.pattern})$`, "v").test(value)) {
      return `"${item.name}" does not fit its pattern`;
    }
    if (item.type === "select" && !item.values?.includes(value)) return `"${item.name}" has no option "${value}"`;
  }
  return null;
}
