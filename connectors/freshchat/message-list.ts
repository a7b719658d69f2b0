import { callAt } from "./conversation.ts";
import type { Spot } from "./conversation.ts";
import type { Desk } from "./desk.ts";
import { dateOf } from "./mapping.ts";
import { MessageList } from "./shapes.ts";
import type { Message } from "./shapes.ts";

/** One reader says that this is the most (sheet 1.6). */
const PER_PAGE = 50;
/** Two thousand messages: more than people write in one conversation, and an end to a list that has none. */
const MOST_PAGES = 40;

/** A message with its time, in milliseconds; one that names none has its newer neighbour's. */
export interface Timed {
  readonly message: Message;
  readonly at: number;
}

/** A page of a conversation's messages, newest first, repeats of the page before included. */
interface Page {
  readonly messages: readonly Message[];
  /** There are older ones. */
  readonly hasMore: boolean;
}

/**
 * The pages of a conversation, from the newest into the past. FreshChat lists the newest first and links to the older ones (sheet 1.6);
 * a page that is the other way round is turned. Of the link only the query is used, so that it leads nowhere else. The reading ends
 * where nothing new comes, whatever links say. Throws DeliveryError.
 */
async function* pagesOf(desk: Pick<Desk, "client">, spot: Spot, mostPages: number): AsyncGenerator<Page> {
  const seen = new Set<string>();
  const asked = new Set<string>();
  let query: string | null = `?items_per_page=${PER_PAGE}`;
  // One page may hold no more than the last message of the page before it.
  for (let barren = 0; query !== null && asked.size < mostPages && barren < 2;) {
    asked.add(query);
    const page: MessageList = await callAt(desk, spot, {
      method: "GET",
      path: `/messages${query}`,
      doing: "read the messages of the conversation",
      answer: MessageList,
    });
    const before = seen.size;
    for (const { id } of page.messages) seen.add(id);
    barren = seen.size === before ? barren + 1 : 0;
    const next = queryOf(page.link?.href);
    query = next === null || asked.has(next) ? null : next;
    yield { messages: newestFirst(page.messages), hasMore: query !== null && barren < 2 };
  }
}

/** The messages of a conversation, notes included, newest first, each once. Throws DeliveryError. */
export async function* messagesOf(desk: Pick<Desk, "client">, spot: Spot, mostPages: number): AsyncGenerator<Message> {
  const seen = new Set<string>();
  for await (const { messages } of pagesOf(desk, spot, mostPages)) {
    for (const message of messages.filter(({ id }) => !seen.has(id))) {
      seen.add(message.id);
      yield message;
    }
  }
}

/**
 * Messages since a moment, oldest first, each once. What comes unordered is put in order by time, and by the list's own order where
 * times are the same.
 *
 * @param since milliseconds; null for all
 * @returns `isWhole`: false when there was more than is read at once. Throws DeliveryError.
 */
export async function readSince(
  desk: Desk,
  spot: Spot,
  since: number | null,
): Promise<{ messages: readonly Timed[]; isWhole: boolean }> {
  const found = new Map<string, Timed>();
  let newer = desk.clock().getTime();
  let isWhole = true;
  for await (const { messages, hasMore } of pagesOf(desk, spot, MOST_PAGES)) {
    const items = timed(messages, newer);
    for (const item of items) if (!found.has(item.message.id)) found.set(item.message.id, item);
    newer = items.at(-1)?.at ?? newer;
    isWhole = !hasMore || reaches(items, since);
    if (isWhole) break;
  }
  return { messages: inOrder(found, since), isWhole };
}

const timeOf = ({ created_time: at }: Message): number | null => dateOf(at)?.getTime() ?? null;

function newestFirst(messages: readonly Message[]): readonly Message[] {
  const times = messages.flatMap((message) => timeOf(message) ?? []);
  return (times[0] ?? 0) < (times.at(-1) ?? 0) ? messages.toReversed() : messages;
}

function timed(messages: readonly Message[], newest: number): Timed[] {
  let newer = newest;
  return messages.map((message) => {
    newer = timeOf(message) ?? newer;
    return { message, at: newer };
  });
}

/** Whether older pages hold nothing of interest; a page in disorder must lie before `since` as a whole. */
function reaches(items: readonly Timed[], since: number | null): boolean {
  const times = items.map((item) => item.at);
  if (since === null || times.length === 0) return false;
  const isOrdered = times.every((time, i) => i === 0 || time <= (times[i - 1] ?? time));
  return isOrdered ? Math.min(...times) < since : Math.max(...times) < since;
}

/** Only the query of a link, which may be any text. */
function queryOf(href: string | null | undefined): string | null {
  if (!href || href.length > 2_000) return null;
  return URL.parse(href, "https://freshchat.invalid/v2/")?.search || null;
}

function inOrder(found: ReadonlyMap<string, Timed>, since: number | null): Timed[] {
  const oldestFirst = [...found.values()].toReversed().filter(({ at }) => since === null || at >= since);
  return oldestFirst.toSorted((a, b) => a.at - b.at);
}
