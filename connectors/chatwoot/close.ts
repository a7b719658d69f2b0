import type { CloseRequest, Effect } from "../../src/ports.ts";
import { sourceIdOf } from "./contact.ts";
import { HANDOFF_ATTRIBUTE, findConversation, readConversationIfThere, setStatus } from "./conversation.ts";
import type { Desk } from "./desk.ts";
import { postOnce } from "./messages.ts";
import type { Conversation } from "./shapes.ts";
import { stepsOf } from "../steps.ts";

/**
 * Resolves the handoff's conversation, with a note for the team. A conversation that is gone, that somebody has resolved, or
 * that a newer handoff has taken over (single-conversation lock) is left as it is. Throws DeliveryError.
 */
export async function closeHandoff(desk: Desk, request: CloseRequest, effect: Effect): Promise<void> {
  const { client } = desk;
  const steps = stepsOf(effect);
  const known = request.ref?.conversationId ?? request.progress["conversationId"];
  const conversation =
    known === undefined
      ? await steps.lookBack(() => find(desk, request))
      : await readConversationIfThere(client, known);
  if (!conversation || conversation.status === "resolved") return;
  const holder = conversation.custom_attributes?.[HANDOFF_ATTRIBUTE];
  if (typeof holder === "string" && holder !== request.handoffId) return;
  const conversationId = String(conversation.id);
  if (request.note.trim() !== "") {
    await postOnce(client, steps, "note", { conversationId, as: "note", text: request.note, doing: "take the note" });
  }
  await setStatus(client, conversationId, "resolved");
}

/** By our own ids. Where there is no inbox, nothing was ever opened. */
async function find({ client, config }: Desk, request: CloseRequest): Promise<Conversation | null> {
  if (config.inboxId === null) return null;
  const ids = { sourceId: sourceIdOf(request.conversationId), handoffId: request.handoffId };
  return await findConversation(client, config.inboxId, ids);
}
