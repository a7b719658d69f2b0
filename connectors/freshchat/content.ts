import { createHash } from "node:crypto";
import { z } from "zod";
import type { Attachment } from "../../src/domain/conversation.ts";

/** A message of ours, before it is put into parts. */
export interface Content {
  readonly text: string;
  readonly attachments: readonly Attachment[];
}

/** A text among the parts that FreshChat shows; every other kind is a file or the like (sheet 1.9). */
const TextPart = z.looseObject({ text: z.looseObject({ content: z.string() }) });

const ENTITIES = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&#x27;": "'", "&nbsp;": " ", "&amp;": "&" };

/** A text as it may come back: line ends, entities and white space around it do not count. */
export const canonical = (given: string): string =>
  decoded(decoded(given.replace(/\r\n?/g, "\n")))
    .replaceAll("\u00a0", " ")
    .trim();

/** Twice, since a visitor may have typed an entity that FreshChat then wrote as entities. */
const decoded = (given: string): string =>
  given.replace(/&(?:lt|gt|quot|#39|#x27|nbsp|amp);/g, (entity) => ENTITIES[entity as keyof typeof ENTITIES]);

/** Whether these parts are this content. FreshChat may keep a file at an address of its own, so files count as such. */
export function isSameContent(parts: readonly unknown[], { text: wanted, attachments }: Content): boolean {
  const shown = canonical(textOf(parts));
  const hasFiles = parts.some((part) => !TextPart.safeParse(part).success);
  if (attachments.length === 0) return !hasFiles && shown === canonical(wanted);
  // A file that FreshChat did not take went along as a line with its address.
  const hasLinks = attachments.some(({ url }) => shown.includes(canonical(url)));
  return (hasFiles || hasLinks) && withoutLinks(shown) === withoutLinks(canonical(wanted));
}

/** What tells a conversation's first message from others without holding its words. */
export const digestOf = (given: string): string =>
  createHash("sha256")
    .update(withoutLinks(canonical(given)))
    .digest("base64url")
    .slice(0, 22);

export const textOf = (parts: readonly unknown[]): string =>
  parts.flatMap((part) => TextPart.safeParse(part).data?.text.content ?? []).join("\n");

/** Without the last lines that end in an address. */
function withoutLinks(given: string): string {
  const all = given.split("\n");
  while (all.length > 0 && /(?:^|\s)https?:\/\/\S+$/i.test(all.at(-1)?.trim() ?? "")) all.pop();
  return all.join("\n").trim();
}
