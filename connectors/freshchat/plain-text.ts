import { htmlToText, isMarkup } from "./html-text.ts";
import { markdownToText } from "./markdown-text.ts";

/** Without one of these a text holds no markup. */
const MARKUP = /[*_~`#[<]/;

/**
 * What an agent wrote, as plain text. FreshChat does not say in what form its agents' formatting comes, so both simple HTML and
 * Markdown are read, and only what can hardly be anything else: arithmetic, code, names with underscores and faces come out as
 * they were written. Linear in the length of the text; the result is never longer than it.
 */
export function plainText(text: string): string {
  if (!MARKUP.test(text)) return text;
  return isMarkup(text) ? htmlToText(text, "chat") : markdownToText(text);
}
