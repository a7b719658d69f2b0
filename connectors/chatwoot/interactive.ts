import { z } from "zod";
import type { Message } from "./shapes.ts";

const word = z.string().catch("");

const Action = z.looseObject({ text: word, uri: word }).catch({ text: "", uri: "" });

const Item = z.looseObject({
  title: word,
  description: word,
  link: word,
  label: word,
  name: word,
  options: z.array(z.looseObject({ label: word })).catch([]),
  actions: z.array(Action).catch([]),
});
type Item = z.infer<typeof Item>;

const Items = z.array(Item).catch([]);

/**
 * What a message says, as plain text. Choices, cards, forms and articles, which only Chatwoot's own widget draws, are written
 * out (contract sheet, section 4); a satisfaction survey is nothing that a person says.
 */
export function readableText(message: Pick<Message, "content" | "content_type" | "content_attributes">): string {
  const said = message.content ?? "";
  const items = Items.parse(message.content_attributes?.["items"] ?? []);
  switch (message.content_type ?? "text") {
    case "input_csat":
      return "";
    case "input_select":
      return lines([said, ...items.map((item, i) => `${i + 1}. ${item.title}`)]);
    case "form":
      return lines([said, ...items.map((item) => `- ${fieldOf(item)}`)]);
    case "cards":
      return lines([said, ...items.flatMap((item) => cardOf(item))]);
    case "article":
      return lines([said, ...items.flatMap((item) => [item.title, item.description, item.link])]);
    default:
      return said;
  }
}

function fieldOf({ label, name, options }: Item): string {
  const choices = options.map((option) => option.label).filter((choice) => choice !== "");
  return (label || name) + (choices.length > 0 ? ` (${choices.join(", ")})` : "");
}

const cardOf = ({ title, description, actions }: Item): string[] => [
  title,
  description,
  ...actions.map(({ text, uri }) => (uri === "" ? text : `${text}: ${uri}`)),
];

const lines = (parts: readonly string[]): string => parts.filter((part) => part !== "").join("\n");
