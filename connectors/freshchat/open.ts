import { renderHandoffNote } from "../../src/domain/transcript.ts";
import type { HelpdeskRef } from "../../src/domain/handoff.ts";
import type { Effect, OpenRequest } from "../../src/ports.ts";
import { stepsOf } from "../steps.ts";
import { bring } from "./bring.ts";
import type { WritingDesk } from "./creation.ts";
import { knownFrom } from "./users.ts";

/**
 * A handoff as a FreshChat conversation: the visitor's last words begin it, then comes what only the team sees, then the group.
 * Every step is kept, and none is done twice. Throws DeliveryError.
 *
 * With a `conversationId` among the steps that it did not make itself, it goes on in that conversation.
 */
export function openHandoff(desk: WritingDesk, request: OpenRequest, effect: Effect): Promise<HelpdeskRef> {
  const { brief, destination, handoffId, lastWords, continues, agentId } = request;
  return bring(
    desk,
    {
      handoffId,
      conversationId: request.conversationId,
      known: knownFrom(brief),
      brief,
      destination,
      labels: destination.labels,
      // What the bot said last must not look like the visitor's words; it stands in the note.
      words: lastWords?.role === "visitor" ? lastWords : null,
      seq: lastWords?.seq ?? null,
      continues,
      agentId,
      note: (maxLength) => renderHandoffNote(brief, { maxLength, markup: "plain" }),
    },
    stepsOf(effect),
  );
}
