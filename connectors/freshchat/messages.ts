import { z } from "zod";
import { DeliveryError } from "../../src/domain/delivery.ts";
import type { Steps } from "../steps.ts";
import { isSameContent, textOf } from "./content.ts";
import type { Content } from "./content.ts";
import { callAt, readConversationIfThere } from "./conversation.ts";
import type { Spot } from "./conversation.ts";
import type { Desk } from "./desk.ts";
import { Refusal } from "./failures.ts";
import { messagesOf } from "./message-list.ts";
import { waysToSay } from "./outgoing-parts.ts";
import type { OutgoingPart } from "./outgoing-parts.ts";
import { Id } from "./shapes.ts";
import type { Message } from "./shapes.ts";

/** Who says it: the visitor to the team, or Baton to the team alone. */
export type Speaker = { readonly as: "visitor"; readonly userId: string } | { readonly as: "note" };

export interface NewMessage {
  readonly speaker: Speaker;
  readonly content: Content;
  /** For an error's message: "take the note". */
  readonly doing: string;
}

const Posted = z.looseObject({ id: Id });

/** How far back a message of ours is looked for: 20 pages of 50. */
const MOST_PAGES = 20;

/**
 * A step that stores a message, once over all attempts: FreshChat has no field for a key of ours. The id of the message before it is
 * kept first; what came after that one, by the same speaker and in the same words, is ours.
 *
 * @param after the id of a message that nothing of ours came after, when it is known without asking
 * @returns the message's id, or null when the conversation takes nothing more. Throws DeliveryError.
 */
export async function postOnce(
  desk: Desk,
  spot: Spot,
  steps: Steps,
  { step, message, after }: { readonly step: string; readonly message: NewMessage; readonly after: string | null },
): Promise<string | null> {
  const done = steps.reached(step);
  if (done !== null) return done;
  const begun = steps.reached(`anchor-${step}`);
  if (begun !== null) {
    const there = await findAfter(desk, spot, begun, message);
    if (there !== null) return keep(there);
  }
  const anchor = begun ?? after ?? (await newestId(desk, spot));
  if (anchor === null) return null;
  if (begun === null) await steps.keep({ [`anchor-${step}`]: anchor });
  const posted = await post(desk, spot, anchor, message);
  return posted === null ? null : keep(posted);

  async function keep(id: string): Promise<string> {
    await steps.keep({ [step]: id });
    return id;
  }
}

/**
 * Stores a message in the first of the ways that FreshChat takes. A 400 is no proof that it was not stored (sheet 1.3), so it
 * is looked for after each. Null when the conversation takes nothing more.
 */
async function post(desk: Desk, spot: Spot, anchor: string, message: NewMessage): Promise<string | null> {
  let refused: Refusal | null = null;
  for await (const parts of waysToSay(desk, message.content)) {
    try {
      return await say(desk, spot, message, parts);
    } catch (error) {
      if (isUnknown(error) && (await readConversationIfThere(desk, spot)) === null) return null;
      if (!isRefusedContent(error)) throw error;
      const there = await lookAfterRefusal(() => findAfter(desk, spot, anchor, message));
      if (there !== null) return there;
      if (error.isStale) return null;
      refused = error;
    }
  }
  throw refused ?? new DeliveryError("permanent", "FreshChat takes no message without words or a file.");
}

async function say(desk: Desk, spot: Spot, message: NewMessage, parts: readonly OutgoingPart[]): Promise<string> {
  const { speaker, doing } = message;
  const post = async (agentId: string | null): Promise<string> => {
    const spoken = spokenBy(agentId, speaker, parts);
    const json = speaker.as === "visitor" ? { ...spoken, user_id: speaker.userId } : spoken;
    return (await callAt(desk, spot, { method: "POST", path: "/messages", doing, json, answer: Posted })).id;
  };
  const { agentId } = desk.config;
  try {
    return await post(agentId);
  } catch (error) {
    // The bot's agent seat is gone: its notes are worth more than their author.
    if (speaker.as !== "note" || agentId === null || !isUnknown(error)) throw error;
    return await post(null);
  }
}

/** FreshChat does not know the conversation, or somebody that the request names. */
const isUnknown = (error: unknown): boolean => error instanceof Refusal && error.status === 404;

/** Refused for what it holds. */
export const isRefusedContent = (error: unknown): error is Refusal =>
  error instanceof Refusal && error.kind === "permanent" && [400, 413, 415, 422].includes(error.status);

/** A look that has to succeed before it is known whether something was done: its failure leaves that open. */
export async function lookAfterRefusal<T>(look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof DeliveryError) || error.ambiguous) throw error;
    const { kind, message, retryAfterSeconds } = error;
    throw new DeliveryError(kind, message, { ambiguous: true, retryAfterSeconds, cause: error });
  }
}

/** A message's fields, with who says it: notes as the bot's own agent seat where it has one (sheet 1.9). `user_id` is added only in a conversation that is there. */
export function spokenBy(
  agentId: string | null,
  speaker: Speaker,
  parts: readonly OutgoingPart[],
): Readonly<Record<string, unknown>> {
  if (speaker.as === "visitor")
    return { message_parts: parts, message_type: "normal", actor_type: "user", actor_id: speaker.userId };
  const actor = agentId === null ? { actor_type: "bot" } : { actor_type: "agent", actor_id: agentId };
  return { message_parts: parts, message_type: "private", ...actor };
}

/** Stands for the newest message where there is none. */
const NONE = "none";

/** The id of the newest message of a conversation; null when the conversation is gone. */
async function newestId(desk: Desk, spot: Spot): Promise<string | null> {
  try {
    for await (const { id } of messagesOf(desk, spot, 1)) return id;
  } catch (error) {
    if (isUnknown(error)) return null;
    throw error;
  }
  return NONE;
}

/** The id of our message among those newer than the anchor; null when it is not there. */
async function findAfter(desk: Desk, spot: Spot, anchor: string, wanted: NewMessage): Promise<string | null> {
  try {
    for await (const message of messagesOf(desk, spot, MOST_PAGES)) {
      if (message.id === anchor) return null;
      if (isBy(message, wanted.speaker) && isSameContent(message.message_parts ?? [], wanted.content))
        return message.id;
    }
  } catch (error) {
    if (!isUnknown(error)) throw error;
  }
  return null;
}

function isBy({ actor_type, actor_id, message_type }: Message, speaker: Speaker): boolean {
  // Accounts were seen that leave the type out (sheet 2).
  if (speaker.as === "note") return actor_type !== "user" && (message_type ?? "private") === "private";
  return actor_type === "user" && (!actor_id || actor_id === speaker.userId);
}

const HANDOFF_LINE = /^Baton handoff (\S{1,100})$/m;

/** The line by which a note of ours tells its handoff. */
export const handoffLine = (handoffId: string): string => `Baton handoff ${handoffId}`;

/** The handoff that a note of ours names; null for every other message. */
export function handoffNamedIn(message: Message): string | null {
  if (!isBy(message, { as: "note" })) return null;
  const [first = ""] = textOf(message.message_parts ?? [])
    .trim()
    .split("\n", 1);
  return HANDOFF_LINE.exec(first.trim())?.[1] ?? null;
}
