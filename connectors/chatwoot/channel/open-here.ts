import { renderHandoffNote } from "../../../src/domain/transcript.ts";
import type { HandoffBrief } from "../../../src/domain/transcript.ts";
import type { HelpdeskRef } from "../../../src/domain/handoff.ts";
import type { Effect, InPlace, OpenRequest } from "../../../src/ports.ts";
import { stepsOf } from "../../steps.ts";
import type { Steps } from "../../steps.ts";
import {
  CONVERSATION_ATTRIBUTE,
  HANDOFF_ATTRIBUTE,
  addLabels,
  assignTeam,
  findTeam,
  readConversation,
  setAttributes,
  setPriority,
  setStatus,
} from "../conversation.ts";
import { botOf } from "../desk.ts";
import type { Desk } from "../desk.ts";
import { NOTE_LENGTH, postNotes, unknownTeam } from "../open.ts";

/**
 * A conversation in which the bot spoke, for the team: it is marked, noted and labelled, and opened last of all, since automation and
 * assignment react to that. Only an opening by the bot's own token counts as a handoff and is told to the members (sheet 3.2, 9).
 * Throws DeliveryError; every step is kept, and none is done twice.
 */
export async function openHere(
  desk: Desk,
  request: OpenRequest,
  inPlace: InPlace,
  effect: Effect,
): Promise<HelpdeskRef> {
  const { client } = desk;
  const bot = botOf(desk);
  const { brief, destination, handoffId } = request;
  const { conversationId: id, isTaken } = inPlace;
  const steps = stepsOf(effect);
  const contactId = await steps.once("contactId", async () => {
    const { sender } = (await readConversation(client, id)).meta ?? {};
    return sender?.id ? String(sender.id) : "unknown";
  });
  await steps.once("conversationId", () => Promise.resolve(id));
  // First: what ends this handoff looks for it.
  await steps.once("marked", async () => {
    const wanted = { [HANDOFF_ATTRIBUTE]: handoffId, [CONVERSATION_ATTRIBUTE]: request.conversationId };
    await setAttributes(client, await readConversation(client, id), wanted);
    return "marked";
  });
  const team = destination.team === null ? null : await findTeam(client, destination.team);
  if (!isTaken) {
    const notes = renderHandoffNote(besideConversation(brief), { maxLength: NOTE_LENGTH, isInPlace: true });
    if (destination.team !== null && !team) notes.push(unknownTeam(destination.team));
    await postBotNotes(desk, id, notes, steps);
  }
  await steps.once("labels", async () => {
    await addLabels(client, id, destination.labels);
    return "set";
  });
  const { priority } = destination;
  if (priority) await steps.once("priority", () => setPriority(client, id, priority).then(() => priority));
  // A team takes the conversation from whoever has it and is not in it.
  if (team && !isTaken) {
    await steps.once("team", async () => {
      const current = await readConversation(client, id);
      if (current.meta?.team?.id !== team.id) await assignTeam(client, id, team);
      return String(team.id);
    });
  }
  await steps.once("open", async () => {
    const { status } = await readConversation(client, id);
    // What a person has taken and snoozed or ended since is theirs.
    if (status === "pending" || (status !== "open" && !isTaken)) await setStatus(bot, id, "open");
    return "open";
  });
  return { conversationId: id, contactId: contactId === "unknown" ? null : contactId, url: desk.urlOf(id) };
}

/** What does not stand in the conversation itself, or beside it as Chatwoot shows it. */
export const besideConversation = (brief: HandoffBrief): HandoffBrief => ({
  ...brief,
  visitor: null,
  channel: null,
  messages: [],
});

/** Notes in the bot's name. */
export const postBotNotes = (desk: Desk, id: string, notes: readonly string[], steps: Steps): Promise<void> =>
  postNotes(desk, id, notes, steps, botOf(desk));
