import type { HelpdeskRef } from "../../src/domain/handoff.ts";
import type { Call } from "./client.ts";
import type { Desk } from "./desk.ts";
import { dateOf } from "./mapping.ts";
import { Conversation, MessageList } from "./shapes.ts";
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

/** A conversation, and the id that FreshChat knows it by. Throws DeliveryError. */
export async function readConversation(
  desk: Desk,
  ref: HelpdeskRef,
): Promise<{ conversation: Conversation; ids: readonly string[] }> {
  const ids = [ref.conversationId, ...(ref.otherId ? [ref.otherId] : [])];
  const { answer, id } = await callByEither(desk, ids, (one) => ({
    method: "GET",
    path: pathOf(one),
    doing: "read a conversation",
    answer: Conversation,
  }));
  return { conversation: answer, ids: [id, ...ids.filter((other) => other !== id)] };
}

/**
 * Messages since a moment, oldest first, each once. FreshChat lists the newest first and links to the older ones (sheet 1.6); of the
 * link only the query is used, so that it leads nowhere else. The reading ends where nothing new comes, whatever links say. What comes
 * unordered is put in order by time, and by the list's own order where times are the same.
 *
 * @param ids of the conversation, to be tried in this order
 * @param since milliseconds; null for all
 * @returns `isWhole`: false when there was more than is read at once. Throws DeliveryError.
 */
export async function readSince(
  desk: Desk,
  ids: readonly string[],
  since: number | null,
): Promise<{ messages: readonly Timed[]; isWhole: boolean }> {
  const found = new Map<string, Timed>();
  const asked = new Set<string>();
  let query: string | null = `?items_per_page=${PER_PAGE}`;
  let newer = desk.clock().getTime();
  let barren = 0;
  while (query !== null && !asked.has(query) && barren < 2) {
    if (asked.size === MOST_PAGES) return { messages: inOrder(found, since), isWhole: false };
    asked.add(query);
    const page = await readPage(desk, ids, query);
    const items = timed(page.messages, newer);
    const before = found.size;
    for (const item of items) if (!found.has(item.message.id)) found.set(item.message.id, item);
    barren = found.size === before ? barren + 1 : 0;
    newer = items.at(-1)?.at ?? newer;
    query = reaches(items, since) ? null : queryOf(page.link?.href);
  }
  return { messages: inOrder(found, since), isWhole: true };
}

const pathOf = (id: string): string => `/conversations/${encodeURIComponent(id)}`;

async function readPage(desk: Desk, ids: readonly string[], query: string): Promise<MessageList> {
  const { answer } = await callByEither(desk, ids, (id) => ({
    method: "GET",
    path: `${pathOf(id)}/messages${query}`,
    doing: "read the messages of a conversation",
    answer: MessageList,
  }));
  return answer;
}

/** Which of a conversation's two ids a path wants is disputed (sheet 1.8): the next is tried where the one before is unknown. */
async function callByEither<T>(
  desk: Desk,
  [id = "", ...others]: readonly string[],
  request: (id: string) => Call<T>,
): Promise<{ answer: T; id: string }> {
  if (others.length === 0) return { answer: await desk.client.call(request(id)), id };
  const answer = await desk.client.tryCall(request(id), [404]);
  return answer === null ? callByEither(desk, others, request) : { answer, id };
}

/** Newest first, also when the page is the other way round. */
function timed(messages: readonly Message[], newest: number): Timed[] {
  const own = messages.map((message) => ({ message, time: dateOf(message.created_time)?.getTime() ?? null }));
  const times = own.flatMap(({ time }) => time ?? []);
  const isRising = (times[0] ?? 0) < (times.at(-1) ?? 0);
  let newer = newest;
  return (isRising ? own.toReversed() : own).map(({ message, time }) => {
    newer = time ?? newer;
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
