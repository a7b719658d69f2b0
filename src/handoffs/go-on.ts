import type { Conversation, Message } from "../domain/conversation.ts";
import { DeliveryError } from "../domain/delivery.ts";
import type { Handoff, HelpdeskRef } from "../domain/handoff.ts";
import { isOpenStatus } from "../domain/states.ts";
import type { Connector, Effect, OpenRequest, Then } from "../ports.ts";
import type { Delivery } from "../ports-store.ts";
import { applyNews, INCOMPLETE_LOOK_MS } from "./apply.ts";
import { briefOf, transcriptOf } from "./brief.ts";
import type { Deps } from "./deps.ts";
import { loadHandoff } from "./load.ts";
import { OPENED_LOOK_MS, oweClose } from "./transitions.ts";

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
  if (connector.can.look)
    await takeLeave(deps, connector, { workspaceId, handoffId, source, ref, cursor: handoff.cursor });
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
      turn.lookAt(new Date(turn.now.getTime() + OPENED_LOOK_MS));
    }
    await turn.save();
  };
}

/**
 * Reads the conversation that takes nothing more for the last time: nobody looks there again, so what is not ready is waited for. It is
 * for the connector to end that wait; the number of looks only keeps a wrong one from waiting for ever.
 */
async function takeLeave(
  deps: Deps,
  connector: Connector,
  {
    ref,
    cursor,
    ...of
  }: { workspaceId: string; handoffId: string; source: string; ref: HelpdeskRef; cursor: string | null },
): Promise<void> {
  try {
    for (let looks = 0; looks < MOST_LAST_LOOKS; looks += 1) {
      const { messages, isIncomplete } = await connector.look(ref, cursor);
      await deps.store.write((tx) => applyNews(tx, deps, of, { messages }));
      if (!isIncomplete) return;
      await new Promise((resolve) => setTimeout(resolve, INCOMPLETE_LOOK_MS).unref());
    }
  } catch (error) {
    // It was deleted: there is nothing to take along, and the visitor's words are not to be lost with it.
    if (!(error instanceof DeliveryError && error.kind === "permanent")) throw error;
  }
}

const MOST_LAST_LOOKS = 40;

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
