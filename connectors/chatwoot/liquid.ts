import { splitText } from "../../src/domain/clean-text.ts";

/** Longest content that Chatwoot takes; it counts before it renders (chatwoot: app/models/message.rb). */
export const LONGEST_CONTENT = 150_000;

const mayBeRendered = /\{[{%`]/;

/**
 * Text that Chatwoot stores as `text`, once it has rendered it.
 *
 * Chatwoot renders outgoing messages, private notes included, with Liquid (chatwoot: app/models/concerns/liquidable.rb): an
 * expression in a visitor's words would be filled in with the contact's or the agent's data. What stands between two
 * backticks it wraps in raw blocks first, where an escape would show as itself, and where words can end the block. So
 * the text keeps neither a brace that opens something nor a backtick: both become expressions that render as them. An
 * opening brace is put alone, since newer tokenizers look for tags inside an expression. Other text is left as it is:
 * backticks without a brace before or inside come out unharmed.
 */
export function neutralised(text: string): string {
  if (!mayBeRendered.test(text)) return text;
  return text
    .replaceAll(/\{(?=[{%`])/g, '{{ "{" }}')
    .replaceAll(/`+/g, (run) => `{{ "${"%60".repeat(run.length)}" | url_decode }}`);
}

/** The text in parts that join to the original, each short enough for Chatwoot once it is neutralised. */
export function partsToNeutralise(text: string, partLength = LONGEST_CONTENT): string[] {
  return splitText(text, Math.max(2, partLength)).flatMap((part) => {
    const isShortEnough = part.length <= 2 || neutralised(part).length <= LONGEST_CONTENT;
    return isShortEnough ? [part] : partsToNeutralise(part, Math.ceil(part.length / 2));
  });
}
