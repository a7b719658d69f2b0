import { z } from "zod";
import { DeliveryError } from "../../src/domain/delivery.ts";
import type { Steps } from "../steps.ts";
import { digestOf, textOf } from "./content.ts";
import type { Content } from "./content.ts";
import { conversationsOf, readConversationIfThere } from "./conversation.ts";
import type { Spot } from "./conversation.ts";
import type { Desk } from "./desk.ts";
import type { Memory } from "./memory.ts";
import { messagesOf } from "./message-list.ts";
import { handoffNamedIn, isRefusedContent, lookAfterRefusal, spokenBy } from "./messages.ts";
import type { Speaker } from "./messages.ts";
import { textParts, waysToSay } from "./outgoing-parts.ts";
import type { OutgoingPart } from "./outgoing-parts.ts";
import type { ConversationProperties } from "./properties.ts";
import { Conversation, otherIdOf } from "./shapes.ts";
import type { Message } from "./shapes.ts";

/** A desk with what it remembers of its own writing. */
export interface WritingDesk extends Desk {
  readonly memory: Memory;
}

export interface NewConversation {
  readonly handoffId: string;
  readonly channelId: string;
  readonly userId: string;
  /** The visitor's last words; null when there are none. */
  readonly words: Content | null;
  /** The text of the first note, for a conversation without words, when these properties could not be set. */
  readonly note: (unset: readonly string[]) => string;
  /** The step that the first note is. */
  readonly noteStep: string;
  readonly properties: ConversationProperties;
}

/** A conversation that was made. The steps hold it too, and as `unset` the names of the properties that FreshChat did not take. */
export interface Made extends Spot {
  /** The id of its first message, when FreshChat told it. */
  readonly newest: string | null;
}

/** Said as the visitor where there are no words of theirs and the account takes no note as the first message. */
const NEUTRAL_WORDS = "(The conversation with the bot stands in the note.)";

/** Stands for an empty list of ids. */
const NONE = "none";
/** Stands for the id of a message that is there. */
const UNTOLD = "untold";
const MOST_PAGES_TO_FIRST = 4;

/**
 * Makes the conversation, once over all attempts: the ids of the user's conversations are kept first, so that one which was made
 * without an answer is told from the others. The visitor's words are its first message, as all bridges do it (sheet 3); without
 * words it is the private note, which then counts as its step. Throws DeliveryError.
 */
export async function createOnce(desk: WritingDesk, wanted: NewConversation, steps: Steps): Promise<Made> {
  const { handoffId, userId, noteStep } = wanted;
  const begun = steps.reached("before");
  const before = begun ?? ((await conversationsOf(desk, userId)) ?? []).join(" ");
  const marks = { handoffId, userId, before, first: digestOf(wanted.words?.text ?? NEUTRAL_WORDS) };
  if (begun === null) await steps.keep({ before: before || NONE, first: marks.first });
  const earlier = begun === null ? null : await findCreated(desk, marks);
  if (earlier !== null) return keepFound(earlier);
  let refused: unknown = null;
  for await (const opening of openings(desk, wanted)) {
    const { unset, isNote } = opening;
    await steps.keep({ unset: unset.join(" ") });
    try {
      const made = await create(desk, wanted, opening);
      return await keep(made, made.newest, isNote ? (made.newest ?? UNTOLD) : null);
    } catch (error) {
      if (!isRefusedContent(error)) throw error;
      const there = await lookAfterRefusal(() => findCreated(desk, marks));
      if (there !== null) return keepFound(there);
      refused = error;
    }
  }
  throw refused;

  function keepFound({ spot, firstNote }: Found): Promise<Made> {
    return keep(spot, null, firstNote);
  }
  async function keep({ id, otherId }: Spot, newest: string | null, firstNote: string | null): Promise<Made> {
    desk.memory.owns(id, handoffId);
    await steps.keep({ conversationId: id, otherId: otherId ?? "", ...(firstNote && { [noteStep]: firstNote }) });
    return { id, otherId, newest };
  }
}

interface Opening {
  readonly speaker: Speaker;
  readonly parts: readonly OutgoingPart[];
  readonly properties: ConversationProperties;
  readonly unset: readonly string[];
  readonly isNote: boolean;
}

/** The ways in which the account may take the conversation, the best first. */
async function* openings(desk: Desk, wanted: NewConversation): AsyncGenerator<Opening> {
  const { words, note, properties, userId } = wanted;
  const visitor: Speaker = { as: "visitor", userId };
  const names = Object.keys(properties);
  const withAndWithout =
    names.length === 0
      ? [{ properties, unset: names }]
      : [
          { properties, unset: [] },
          { properties: {}, unset: names },
        ];
  if (words !== null) {
    for await (const parts of waysToSay(desk, words)) {
      for (const given of withAndWithout) yield { ...given, speaker: visitor, parts, isNote: false };
    }
    return;
  }
  for (const given of withAndWithout) {
    yield { ...given, speaker: { as: "note" }, parts: textParts(note(given.unset)), isNote: true };
  }
  for (const given of withAndWithout) {
    yield { ...given, speaker: visitor, parts: textParts(NEUTRAL_WORDS), isNote: false };
  }
}

const Answer = Conversation.extend({
  messages: z
    .array(z.looseObject({ id: z.string().nullish().catch(null) }).catch({}))
    .nullish()
    .catch(null),
});

async function create({ client, config }: Desk, wanted: NewConversation, opening: Opening): Promise<Made> {
  const { channelId, userId } = wanted;
  const { speaker, parts, properties } = opening;
  const answer = await client.call({
    method: "POST",
    path: "/conversations",
    doing: "open the conversation",
    json: {
      channel_id: channelId,
      users: [{ id: userId }],
      messages: [{ ...spokenBy(config.agentId, speaker, parts), channel_id: channelId }],
      ...(Object.keys(properties).length > 0 && { properties }),
    },
    answer: Answer,
  });
  const newest = answer.messages?.length === 1 ? (answer.messages[0]?.id ?? null) : null;
  return { id: answer.conversation_id, otherId: otherIdOf(answer as Conversation), newest };
}

export interface Marks {
  readonly handoffId: string;
  readonly userId: string;
  /** The user's conversations before, by id, separated by spaces. */
  readonly before: string;
  /** Digest of the words that it was opened with. */
  readonly first: string;
}

interface Found {
  readonly spot: Spot;
  readonly conversation: Conversation;
  /** The id of the note that it was opened with, when it was. */
  readonly firstNote: string | null;
}

/**
 * The conversation that was made for a handoff without an answer: new since then, and either named by our own note in it, or
 * begun with the same words and not named by another handoff's. Null when there is none. Throws DeliveryError.
 */
export async function findCreated(desk: WritingDesk, marks: Marks): Promise<Found | null> {
  const known = new Set(marks.before.split(" "));
  const ids = (await conversationsOf(desk, marks.userId)) ?? [];
  let likely: Found | null = null;
  for (const id of ids.filter((one) => !known.has(one))) {
    const owner = desk.memory.ownerOf(id);
    if (owner !== null && owner !== marks.handoffId) continue;
    const conversation = await readConversationIfThere(desk, { id, otherId: null });
    if (conversation === null || !isInChannel(conversation, desk.config.channelId)) continue;
    const spot = { id, otherId: otherIdOf(conversation) };
    const messages = await oldestFirst(desk, spot);
    const named = messages.filter((message) => handoffNamedIn(message) !== null);
    const own = named.find((message) => handoffNamedIn(message) === marks.handoffId);
    const first = messages.find(({ actor_type }) => actor_type !== "system");
    if (own !== undefined) return { spot, conversation, firstNote: own === first ? own.id : null };
    const words = messages.find(({ actor_type }) => actor_type === "user");
    const isSame = words !== undefined && digestOf(textOf(words.message_parts ?? [])) === marks.first;
    if (named.length === 0 && isSame) likely ??= { spot, conversation, firstNote: null };
  }
  return likely;
}

const isInChannel = ({ channel_id }: Conversation, channelId: string | null): boolean =>
  !channel_id || channelId === null || channel_id === channelId;

async function oldestFirst(desk: Desk, spot: Spot): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const message of messagesOf(desk, spot, MOST_PAGES_TO_FIRST)) messages.push(message);
  return messages.toReversed();
}

/** The channel for new conversations. Throws DeliveryError in words when none was chosen. */
export function channelOf({ config }: Pick<Desk, "config">): string {
  if (config.channelId !== null) return config.channelId;
  throw new DeliveryError(
    "credentials",
    "No channel of FreshChat is chosen for new conversations: choose one in the connection's settings. What waits is kept and sent then.",
  );
}
