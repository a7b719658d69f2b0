import { cleanText } from "../../../src/domain/clean-text.ts";
import type { Effect, HostedLine } from "../../../src/ports.ts";
import { fetchFiles, withLinks } from "../../files.ts";
import { stepsOf } from "../../steps.ts";
import { readConversationIfThere } from "../conversation.ts";
import { botOf } from "../desk.ts";
import type { Desk } from "../desk.ts";
import { Refusal } from "../failures.ts";
import { LONGEST_CONTENT, partsToNeutralise } from "../liquid.ts";
import { assigneeOf } from "../mapping.ts";
import { post, postedBefore, readPage } from "../messages.ts";
import type { NewMessage } from "../messages.ts";
import { FILE_LIMITS, piecesOf, postOrLink } from "../send.ts";
import type { Piece } from "../send.ts";
import type { Conversation } from "../shapes.ts";
import { formAttributes, formInWords, textAbove } from "./form.ts";
import { isAnswered, showsForms } from "./read.ts";

/** Longest text of one message, where the channel behind the inbox takes less than Chatwoot. */
const LONGEST_TEXT: Readonly<Record<string, number>> = {
  "Channel::Whatsapp": 4_096,
  "Channel::Telegram": 4_096,
  "Channel::Line": 5_000,
  "Channel::FacebookPage": 2_000,
  "Channel::Instagram": 1_000,
  "Channel::TwilioSms": 1_600,
  "Channel::Sms": 1_600,
};
/** Inboxes whose messages hold several files; elsewhere Chatwoot sends the first one only. */
const SEVERAL_FILES = new Set(["Channel::WebWidget", "Channel::Email", "Channel::Api"]);

/**
 * Says a line to the visitor in the bot's name, once over all attempts. Before each message of it the conversation is read: where
 * a person has it or spoke last, or it is gone or has ended, nothing more is said.
 *
 * @returns `silent` when nothing of it was said. Throws DeliveryError.
 */
export async function sayLine(desk: Desk, line: HostedLine, effect: Effect): Promise<"said" | "silent"> {
  const { client } = desk;
  const bot = botOf(desk);
  const steps = stepsOf(effect);
  const first = await readConversationIfThere(client, line.conversationId);
  if (!first) return "silent";
  const { pieces, form } = await partsOf(desk, line, first.meta?.channel ?? "");
  for (const [i, piece] of pieces.entries()) {
    const step = `line-${i}`;
    if ((await postedBefore(client, steps, step, line.conversationId)) !== null) continue;
    const current = await readConversationIfThere(client, line.conversationId);
    // A person may write without taking it: what they say is no change of the conversation.
    if (!current || !isBotsTurn(current) || isAnswered(await readPage(client, line.conversationId, "")))
      return i === 0 ? "silent" : "said";
    const message: NewMessage = {
      conversationId: line.conversationId,
      key: steps.keyOf(step),
      as: "bot",
      doing: "take the bot's message",
      ...piece,
      ...(form !== null && i === pieces.length - 1 ? { form } : {}),
    };
    await steps.once(step, () =>
      message.form === undefined
        ? postOrLink(bot, message, line.attachments)
        : postForm(message, line, (whole) => post(bot, whole)),
    );
  }
  return "said";
}

/** The bot has the word: the conversation waits for it, and for no person. */
const isBotsTurn = ({ status, meta }: Conversation): boolean =>
  status === "pending" && (assigneeOf(meta) ?? null) === null;

async function partsOf(
  { outgoing }: Desk,
  line: HostedLine,
  channel: string,
): Promise<{ pieces: readonly Piece[]; form: Record<string, unknown> | null }> {
  const isDrawn = line.form !== null && showsForms(channel);
  const { files, links } = await fetchFiles(outgoing, line.attachments, FILE_LIMITS);
  const texts = partsToNeutralise(
    cleanText(withLinks(wordsOf(line, isDrawn), links)),
    LONGEST_TEXT[channel] ?? LONGEST_CONTENT,
  );
  return {
    pieces: piecesOf(texts, files, SEVERAL_FILES.has(channel) ? undefined : 1),
    form: isDrawn && line.form !== null ? formAttributes(line.form, line.key) : null,
  };
}

function wordsOf({ role, authorName, text, form }: HostedLine, isDrawn: boolean): string {
  // A person of another helpdesk speaks through the bot.
  const said = role === "agent" && authorName !== null ? `${authorName}: ${text}` : text;
  if (form === null) return said;
  return isDrawn ? textAbove(said, form) : formInWords(said, form);
}

/** A form that Chatwoot does not take is asked for in words. */
async function postForm(
  { form, ...message }: NewMessage,
  line: HostedLine,
  store: (message: NewMessage) => Promise<string>,
): Promise<string> {
  try {
    return await store(form === undefined ? message : { ...message, form });
  } catch (error) {
    const isForForm = error instanceof Refusal && error.kind === "permanent" && error.status === 422;
    if (!isForForm || line.form === null) throw error;
    return store({ ...message, text: formInWords(message.text, line.form) });
  }
}
