import { z } from "zod";
import { cleanText } from "../../src/domain/clean-text.ts";
import type { OutgoingFormPart } from "../../src/ports.ts";
import type { File } from "../files.ts";
import type { Client } from "./client.ts";
import { neutralised } from "./liquid.ts";
import { Message, wrapped } from "./shapes.ts";
import type { Steps } from "../steps.ts";

/** Marks every message of ours in `content_attributes` and, in API inboxes, with a prefix in `source_id`: what survives a create (sheet 5.5). */
const KEY_ATTRIBUTE = "baton_key";
const KEY_PREFIX = "baton:";

/** How far back we look for a message of ours whose creation was not answered: 50 pages of 20. */
const LONGEST_LOOK_BACK_PAGES = 50;
const PAGE_BACK = 20;

export interface NewMessage {
  readonly conversationId: string;
  readonly key: string;
  /** As it is to be stored: it is neutralised here. */
  readonly text: string;
  /** From the visitor, from the bot, or a note that only the team sees. */
  readonly as: "visitor" | "bot" | "note";
  readonly files?: readonly File[];
  /** What a form asks for (sheet 4). */
  readonly form?: Readonly<Record<string, unknown>>;
  readonly doing: string;
}

const Created = z.looseObject({ id: Message.shape.id });

/** Stores a message and returns its id. Not repeatable by itself: see {@link postOnce}. Throws DeliveryError. */
export async function post(client: Client, message: NewMessage): Promise<string> {
  const { as, key, form, files = [] } = message;
  const text = cleanText(message.text);
  const fields = {
    // Chatwoot renders what goes out, and notes count as that; what comes in is stored as it is.
    content: as === "visitor" ? text : neutralised(text),
    message_type: as === "visitor" ? "incoming" : "outgoing",
    private: as === "note",
    ...(form === undefined ? {} : { content_type: "form" }),
    // Only API inboxes take what a visitor says. Elsewhere it would keep what goes out from being sent (sheet 5.5).
    ...(as === "visitor" ? { source_id: KEY_PREFIX + key } : {}),
  };
  const attributes = { ...form, [KEY_ATTRIBUTE]: key };
  const { id } = await client.call({
    method: "POST",
    path: `/conversations/${message.conversationId}/messages`,
    doing: message.doing,
    answer: Created,
    ...(files.length === 0
      ? { json: { ...fields, content_attributes: attributes } }
      : { form: formOf({ ...fields, content_attributes: JSON.stringify(attributes) }, files) }),
  });
  return String(id);
}

/** Attributes travel as a JSON string in a form, and everything else as text (sheet 5.5). */
function formOf(fields: Readonly<Record<string, string | boolean>>, files: readonly File[]): OutgoingFormPart[] {
  return [
    ...Object.entries(fields).map(([name, value]) => ({ name, value: String(value) })),
    ...files.map((file) => ({ name: "attachments[]", ...file })),
  ];
}

/** A step that stores a message, once over all attempts: Chatwoot itself takes the same key twice (sheet 5.5). */
export function postOnce(
  client: Client,
  steps: Steps,
  step: string,
  message: Omit<NewMessage, "key">,
  store: (message: NewMessage) => Promise<string> = (whole) => post(client, whole),
): Promise<string> {
  return steps.once(
    step,
    async () =>
      (await postedBefore(client, steps, step, message.conversationId)) ??
      (await store({ ...message, key: steps.keyOf(step) })),
  );
}

/** The id of the message that a step stored already, in this attempt or an earlier one; null when it is still to be stored. */
export async function postedBefore(
  client: Client,
  steps: Steps,
  step: string,
  conversationId: string,
): Promise<string | null> {
  const reached = steps.reached(step);
  if (reached !== null || !steps.mayHaveHappened) return reached;
  return await steps.lookBack(() => findOwn(client, conversationId, steps.keyOf(step)));
}

/** The id of our message with this key, newest messages first; null when it is not there. */
export async function findOwn(client: Client, conversationId: string, key: string): Promise<string | null> {
  let before = "";
  for (let pages = 0; pages < LONGEST_LOOK_BACK_PAGES; pages += 1) {
    const page = await readPage(client, conversationId, before === "" ? "" : `?before=${before}`);
    const own = page.find((message) => keyOf(message) === key);
    if (own) return String(own.id);
    const oldest = Math.min(...page.map((message) => message.id));
    if (page.length < PAGE_BACK || String(oldest) === before) return null;
    before = String(oldest);
  }
  return null;
}

/** One page of a conversation's messages, whoever wrote them. */
export async function readPage(client: Client, conversationId: string, query: string): Promise<Message[]> {
  const { payload } = await client.call({
    method: "GET",
    path: `/conversations/${conversationId}/messages${query}`,
    doing: "list the messages of the conversation",
    answer: wrapped(z.array(Message)),
  });
  return payload;
}

/** Messages in one page after an id (sheet 8.7). */
const PAGE_AFTER = 100;

/** Everything after an id, in Chatwoot's order; each once. */
export async function readAfter(client: Client, conversationId: string, after: number): Promise<Message[]> {
  const all = new Map<number, Message>();
  for (let last = after; ;) {
    const page = await readPage(client, conversationId, `?after=${last}`);
    for (const message of page) all.set(message.id, message);
    const newest = Math.max(last, ...page.map((message) => message.id));
    if (page.length < PAGE_AFTER || newest === last) return [...all.values()];
    last = newest;
  }
}

/** The key that we gave a message; null for everybody else's. */
export function keyOf(message: Pick<Message, "content_attributes" | "source_id">): string | null {
  const attribute = message.content_attributes?.[KEY_ATTRIBUTE];
  if (typeof attribute === "string") return attribute;
  const { source_id: source } = message;
  return source?.startsWith(KEY_PREFIX) ? source.slice(KEY_PREFIX.length) : null;
}
