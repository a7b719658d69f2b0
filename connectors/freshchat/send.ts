import { DeliveryError } from "../../src/domain/delivery.ts";
import type { Message } from "../../src/domain/conversation.ts";
import type { HelpdeskRef } from "../../src/domain/handoff.ts";
import type { Effect, Sent } from "../../src/ports.ts";
import { withLinks } from "../files.ts";
import { stepsOf } from "../steps.ts";
import { readConversationIfThere } from "./conversation.ts";
import type { Spot } from "./conversation.ts";
import type { WritingDesk } from "./creation.ts";
import { postOnce } from "./messages.ts";
import type { Speaker } from "./messages.ts";
import { piecesOf } from "./outgoing-parts.ts";

const AUTHORS = { bot: "Bot", agent: "Agent", system: "Note" } as const;

/**
 * A message of the conversation into FreshChat: the visitor's as the user, anybody else's as a private note, since a bot's words
 * must not look like the visitor's. `stale` when FreshChat takes nothing more there. Throws DeliveryError.
 */
export async function sendMessage(
  desk: WritingDesk,
  ref: HelpdeskRef,
  message: Message,
  effect: Effect,
): Promise<Sent> {
  const steps = stepsOf(effect);
  const spot: Spot = { id: ref.conversationId, otherId: ref.otherId ?? null };
  const speaker = message.role === "visitor" ? await visitorIn(desk, spot, ref.contactId) : ({ as: "note" } as const);
  if (speaker === null) return "stale";
  let after = desk.memory.newestBefore(spot.id, message.seq);
  for (const [i, content] of piecesOf(contentOf(message)).entries()) {
    const said = { speaker, content, doing: "take the message" };
    after = await postOnce(desk, spot, steps, { step: `part-${i}`, message: said, after });
    if (after === null) return "stale";
  }
  if (after !== null) desk.memory.sent(spot.id, after, message.seq);
  return "sent";
}

function contentOf({ role, text, authorName, attachments }: Message) {
  if (role === "visitor") return { text, attachments };
  return { text: withLinks(`${authorName ?? AUTHORS[role]}: ${text}`, attachments), attachments: [] };
}

/** Null when the conversation is gone. */
async function visitorIn(desk: WritingDesk, spot: Spot, contactId: string | null): Promise<Speaker | null> {
  if (contactId !== null) return { as: "visitor", userId: contactId };
  const conversation = await readConversationIfThere(desk, spot);
  if (conversation === null) return null;
  if (conversation.user_id !== null) return { as: "visitor", userId: conversation.user_id };
  throw new DeliveryError(
    "permanent",
    "FreshChat does not tell whose conversation this is, so nothing can be said in it.",
  );
}
