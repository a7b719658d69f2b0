import { conversationsOf, endsOf, isResolved, readConversationIfThere } from "./conversation.ts";
import type { Desk } from "./desk.ts";
import type { Matter } from "./matter.ts";
import type { Conversation } from "./shapes.ts";
import { ensureUser } from "./users.ts";

/** How many conversations are read at each end of a user's list: nothing says which end is the newest. */
const READ_OF_AN_END = 5;

/**
 * The user with whom a matter goes on after its conversation took nothing more: the same one, unless a newer conversation of theirs is
 * open, which is another bot's or FreshChat's own widget's. FreshChat takes words only in a user's latest conversation (sheet 1.3), so two that
 * go on for the same user would make each other stale with every message, for ever. Then a user that stands for this Baton
 * conversation alone: same name, without the addresses, by which the next handoff finds the person. Throws DeliveryError.
 *
 * @param before the conversations that this matter was in
 */
export async function whoGoesOn(
  desk: Desk,
  { conversationId, known }: Pick<Matter, "conversationId" | "known">,
  userId: string,
  before: readonly string[],
): Promise<string> {
  const ids = await conversationsOf(desk, userId);
  // The user was deleted, or merged into another.
  if (ids === null) return ensureUser(desk.client, known, { conversationId, userId: null });
  const latest = await latestOf(desk, before);
  for (const id of endsOf(ids, READ_OF_AN_END).filter((one) => !before.includes(one))) {
    const other = await readConversationIfThere(desk, { id, otherId: null });
    // Where it is not told it counts as newer: a user too many is better than two conversations in each other's way.
    const isNewer = other !== null && (madeAt(other) ?? Infinity) > latest;
    if (!isNewer || isResolved(other)) continue;
    const alone = { ...known, visitorId: null, email: null, phone: null };
    return ensureUser(desk.client, alone, { conversationId, userId: null });
  }
  return userId;
}

/** When the newest of these was made, in milliseconds; 0 when that is not told. */
async function latestOf(desk: Desk, ids: readonly string[]): Promise<number> {
  let latest = 0;
  for (const id of ids) {
    const conversation = await readConversationIfThere(desk, { id, otherId: null });
    latest = Math.max(latest, (conversation && madeAt(conversation)) ?? 0);
  }
  return latest;
}

/** In milliseconds; null when it is not told. */
const madeAt = ({ created_time: at }: Conversation): number | null =>
  (typeof at === "number" ? at : Date.parse(at ?? "")) || null;
