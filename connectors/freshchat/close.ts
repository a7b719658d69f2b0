import type { CloseRequest, Effect } from "../../src/ports.ts";
import { stepsOf } from "../steps.ts";
import type { Steps } from "../steps.ts";
import { changeConversation, isResolved, readConversationIfThere } from "./conversation.ts";
import type { Spot } from "./conversation.ts";
import { findCreated } from "./creation.ts";
import type { WritingDesk } from "./creation.ts";
import { Refusal } from "./failures.ts";
import { messagesOf } from "./message-list.ts";
import { handoffNamedIn, postOnce } from "./messages.ts";
import { piecesOf } from "./outgoing-parts.ts";

/**
 * Resolves the handoff's conversation, with a note for the team where it still takes one. A conversation that is gone, that
 * somebody has resolved, or whose latest note of ours names another handoff is left as it is. Throws DeliveryError.
 */
export async function closeHandoff(desk: WritingDesk, request: CloseRequest, effect: Effect): Promise<void> {
  const steps = stepsOf(effect);
  const spot = await spotOf(desk, request);
  if (spot === null) return;
  const conversation = await readConversationIfThere(desk, spot);
  if (conversation === null || isResolved(conversation)) return;
  const { newest, isAnothers } = await whoseIs(desk, spot, request.handoffId);
  if (isAnothers) return;
  await leaveNote(desk, spot, request.note, newest, steps);
  try {
    await changeConversation(desk, spot, "resolve the conversation", { status: "resolved" });
  } catch (error) {
    if (!(error instanceof Refusal && error.status === 404)) throw error;
  }
}

/** By what is known of it; else as one that was made without an answer is found. */
async function spotOf(desk: WritingDesk, { ref, progress, handoffId }: CloseRequest): Promise<Spot | null> {
  if (ref !== null) return { id: ref.conversationId, otherId: ref.otherId ?? null };
  const { conversationId, otherId, contactId, before, first } = progress;
  if (conversationId) return { id: conversationId, otherId: otherId || null };
  if (!contactId || !before) return null;
  return (await findCreated(desk, { handoffId, userId: contactId, before, first: first ?? "" }))?.spot ?? null;
}

/** How far back our notes are looked for. */
const MOST_PAGES = 4;

async function whoseIs(
  desk: WritingDesk,
  spot: Spot,
  handoffId: string,
): Promise<{ readonly newest: string | null; readonly isAnothers: boolean }> {
  let newest: string | null = null;
  for await (const message of messagesOf(desk, spot, MOST_PAGES)) {
    newest ??= message.id;
    const named = handoffNamedIn(message);
    if (named !== null) return { newest, isAnothers: named !== handoffId };
  }
  return { newest, isAnothers: false };
}

/** A note that is refused is left out: the end matters more than the words about it. */
async function leaveNote(
  desk: WritingDesk,
  spot: Spot,
  text: string,
  newest: string | null,
  steps: Steps,
): Promise<void> {
  for (const [i, content] of piecesOf({ text, attachments: [] }).entries()) {
    const message = { speaker: { as: "note" }, content, doing: "take the note" } as const;
    try {
      const after = i === 0 ? newest : null;
      if ((await postOnce(desk, spot, steps, { step: `close-note-${i}`, message, after })) === null) return;
    } catch (error) {
      if (error instanceof Refusal && error.kind === "permanent") return;
      throw error;
    }
  }
}
