import { z } from "zod";
import type { Waiting } from "../../../src/ports.ts";
import type { Client } from "../client.ts";
import type { Desk } from "../desk.ts";
import { dateOf } from "../mapping.ts";
import { readPage } from "../messages.ts";
import { Conversation, wrapped } from "../shapes.ts";
import type { Message } from "../shapes.ts";
import { hostedMessage } from "./read.ts";

/** Conversations in one page of the list, those with the newest activity first (sheet 8.7). */
const PAGE = 25;
/** Of each inbox. Pending conversations never end by themselves, so there may be any number of old ones. */
const MOST_PAGES = 4;
const OLDEST_MS = 24 * 3_600_000;
/** How many conversations are looked into in one go, to find the visitor's newest message before the bot's answer. */
const MOST_LOOKED_INTO = 25;
const MOST_REMEMBERED = 2_000;

/**
 * Conversations that wait for the bot, those with the newest activity first. Asked about often, so the list alone is read where it
 * tells enough: a conversation whose last message is not the visitor's is looked into once for each such message.
 *
 * The first page of each inbox is told in any case, further ones while they hold activity of the last day.
 */
export function createWaiting({ client, config, clock }: Desk): () => Promise<readonly Waiting[]> {
  /** By the last message of a conversation: the visitor's newest one before it, "" for none. */
  const known = new Map<number, string>();

  /** "" when the visitor has said nothing; null when that is not known. */
  async function newestOf(conversation: Conversation, budget: { left: number }): Promise<string | null> {
    const last = conversation.last_non_activity_message ?? conversation.messages?.[0];
    if (!last) return null;
    // A form is sent in place, and the list tells that.
    const told = newestIn([last], clock()) || known.get(last.id);
    if (told !== undefined) return told;
    if ((budget.left -= 1) < 0) return null;
    const newest = newestIn(await readPage(client, String(conversation.id), ""), clock());
    known.set(last.id, newest);
    for (const oldest of known.keys()) if (known.size > MOST_REMEMBERED) known.delete(oldest);
    return newest;
  }

  return async () => {
    const found: Conversation[] = [];
    for (const inboxId of config.botInboxIds) found.push(...(await pendingIn(client, inboxId, clock())));
    const budget = { left: MOST_LOOKED_INTO };
    const waiting: Waiting[] = [];
    for (const conversation of found.toSorted((a, b) => activityOf(b) - activityOf(a))) {
      const newestExternalId = await newestOf(conversation, budget);
      if (newestExternalId !== "") waiting.push({ conversationId: String(conversation.id), newestExternalId });
    }
    return waiting;
  };
}

const activityOf = ({ last_activity_at: at }: Conversation): number => dateOf(at)?.getTime() ?? 0;

function newestIn(messages: readonly Message[], now: Date): string {
  for (const message of messages.toSorted((a, b) => b.id - a.id)) {
    const said = hostedMessage(message, now);
    if (said?.from === "visitor" || said?.from === "form") return said.externalId;
  }
  return "";
}

async function pendingIn(client: Client, inboxId: number, now: Date): Promise<Conversation[]> {
  const found: Conversation[] = [];
  for (let page = 1; page <= MOST_PAGES; page += 1) {
    const query = new URLSearchParams({ status: "pending", inbox_id: String(inboxId), page: String(page) });
    const { data } = await client.call({
      method: "GET",
      path: `/conversations?${query.toString()}`,
      doing: "list the conversations that wait for the bot",
      answer: z.looseObject({ data: wrapped(z.array(Conversation)) }),
    });
    const recent = data.payload.filter((one) => page === 1 || activityOf(one) >= now.getTime() - OLDEST_MS);
    found.push(...recent);
    if (data.payload.length < PAGE || recent.length < data.payload.length) break;
  }
  return found;
}
