import type { Conversation, Message } from "../domain/conversation.ts";
import { DeliveryError } from "../domain/delivery.ts";
import type { Handoff } from "../domain/handoff.ts";
import { isOpenStatus } from "../domain/states.ts";
import type { Connector, Effect, OpenRequest, Then } from "../ports.ts";
import type { Delivery } from "../ports-store.ts";
import { applyNews } from "./apply.ts";
import { briefOf, transcriptOf } from "./brief.ts";
import type { Deps } from "./deps.ts";
import { loadHandoff } from "./load.ts";
import { FIRST_LOOK_MS, oweClose } from "./transitions.ts";

/** Marks, in the progress of a message, that its conversation takes nothing more: it is not tried there again. */
const STALE = "stale";

export const isKnownStale = (effect: Effect): boolean => effect.progress[STALE] !== undefined;

/**
 * The helpdesk takes nothing more in the handoff's conversation: a new one for the same person, with the message as its
 * first words, and the handoff goes on there. What agents wrote in the old one until now still reaches the visitor.
 */
export async function goOnElsewhere(
  deps: Deps,
  of: { connector: Connector; handoff: Handoff; conversation: Conversation; said: Message; effect: Effect },
): Promise<Then> {
  const { connector, handoff, conversation, said, effect } = of;
  const { ref, destination } = handoff;
  if (ref === null || destination === null) return null;
  const progress = { ...(ref.contactId !== null && { contactId: ref.contactId }), ...effect.progress };
  if (!isOpenStatus(handoff.status)) {
    // What an earlier attempt may have begun is nobody's any more.
    if (isKnownStale(effect)) {
      const note = "Baton: the visitor no longer waits.";
      await connector.close(
        { handoffId: handoff.id, conversationId: conversation.id, ref: null, progress, note },
        effect,
      );
    }
    throw new DeliveryError(
      "permanent",
      "The team had ended this conversation when the message came. The visitor's next request for a person carries it along.",
    );
  }
  await effect.saveProgress({ [STALE]: ref.conversationId });
  const { workspaceId, id: handoffId } = handoff;
  const source = destination.id;
  // From here on the old conversation's end is not the handoff's: it is being opened again.
  await setOpened(deps, handoff, false);
  if (connector.can.look) {
    const { messages } = await connector.look(ref, handoff.cursor);
    await deps.store.write((tx) => applyNews(tx, deps, { workspaceId, handoffId, source }, { messages }));
  }
  const transcript = await transcriptOf(deps.store.read, conversation, said.seq);
  const request: OpenRequest = {
    handoffId,
    conversationId: conversation.id,
    destination: { ...destination, priority: handoff.priority ?? destination.priority },
    brief: await briefOf(deps.store.read, conversation, handoff, transcript),
    lastWords: said,
    continues: ref,
    agentId: handoff.assigneeId ?? handoff.agent?.id ?? null,
  };
  const next = await connector.open(request, { ...effect, progress });
  deps.log.info("conversation_continued", { workspaceId, handoffId, connectionId: source });
  return async (tx) => {
    const { turn, handoff: now } = await loadHandoff(tx, deps, { workspaceId, handoffId });
    if (!isOpenStatus(now.status) || now.destination?.id !== source) {
      oweClose(turn, destination, "Baton: the visitor no longer waits.", next);
    } else {
      turn.update({ ref: next, cursor: null, opened: true, assigneeId: null });
      turn.lookAt(new Date(turn.now.getTime() + FIRST_LOOK_MS));
    }
    await turn.save();
  };
}

async function setOpened(deps: Deps, { workspaceId, id: handoffId }: Handoff, opened: boolean): Promise<void> {
  await deps.store.write(async (tx) => {
    const { turn, handoff } = await loadHandoff(tx, deps, { workspaceId, handoffId });
    if (handoff.opened === opened || !isOpenStatus(handoff.status)) return;
    turn.update({ opened });
    await turn.save();
  });
}

/** A message that could not go on elsewhere: the handoff stands where it stood, and what happens there counts again. */
export function stayWhereItIs(deps: Deps, delivery: Delivery): Then {
  return async (tx) => {
    const of = { workspaceId: delivery.workspaceId, handoffId: delivery.handoffId ?? "" };
    const { turn, handoff } = await loadHandoff(tx, deps, of);
    if (handoff.opened || handoff.ref === null || handoff.destination?.id !== delivery.connectionId) return;
    turn.update({ opened: true });
    await turn.save();
  };
}
