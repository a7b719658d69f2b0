import { z } from "zod";
import type { HandoffBrief } from "../../src/domain/transcript.ts";
import { renderHandoffNote } from "../../src/domain/transcript.ts";
import type { HelpdeskRef } from "../../src/domain/handoff.ts";
import type { Effect, OpenRequest } from "../../src/ports.ts";
import type { Client } from "./client.ts";
import { attributesOf, ensureContact, knownFrom, sourceIdOf } from "./contact.ts";
import type { Place } from "./contact.ts";
import {
  CONVERSATION_ATTRIBUTE,
  HANDOFF_ATTRIBUTE,
  addLabels,
  assignTeam,
  findConversation,
  findTeam,
  openAgain,
  readConversation,
  setAttributes,
  setPriority,
} from "./conversation.ts";
import type { Desk } from "./desk.ts";
import { partsToNeutralise } from "./liquid.ts";
import { post, postOnce } from "./messages.ts";
import { inboxOf } from "./place.ts";
import { sendMessage } from "./send.ts";
import { Id } from "./shapes.ts";
import { stepsOf } from "../steps.ts";
import type { Steps } from "../steps.ts";

/** Longest note, in UTF-16 units: one that an agent's browser still shows at once. */
export const NOTE_LENGTH = 30_000;

/**
 * A handoff as a Chatwoot conversation. What tells the agent about it is there before it is opened again, since automation and
 * assignment react to the opening (sheet 9). Throws DeliveryError; every step is kept, and none is done twice.
 */
export async function openHandoff(desk: Desk, request: OpenRequest, effect: Effect): Promise<HelpdeskRef> {
  const { client } = desk;
  const { brief, destination, handoffId } = request;
  const steps = stepsOf(effect);
  const place: Place = { inboxId: inboxOf(desk.config), conversationId: request.conversationId, contactId: null };
  const contactId = await steps.once("contactId", async () =>
    String((await ensureContact(client, knownFrom(brief), place)).id),
  );
  const team = destination.team === null ? null : await findTeam(client, destination.team);
  const id = await ensureConversation(desk, { handoffId, contactId, brief, place, teamId: team?.id ?? null }, steps);

  const notes = renderHandoffNote(brief, { maxLength: NOTE_LENGTH });
  if (destination.team !== null && !team) notes.push(unknownTeam(destination.team));
  await postNotes(desk, id, notes, steps);
  await steps.once("labels", async () => {
    await addLabels(client, id, destination.labels);
    return "set";
  });
  const { priority } = destination;
  if (priority) await steps.once("priority", () => setPriority(client, id, priority).then(() => priority));
  if (team) {
    await steps.once("team", async () => {
      const current = await readConversation(client, id);
      if (current.meta?.team?.id !== team.id) await assignTeam(client, id, team);
      return String(team.id);
    });
  }
  // The visitor's words open a resolved or snoozed conversation by themselves, and leave it without an assignee.
  if (request.lastWords) await sendMessage(desk, id, request.lastWords, steps, "words");
  await steps.once("open", async () => {
    const current = await readConversation(client, id);
    if (current.status !== "open") await openAgain(client, current);
    return "open";
  });
  return { conversationId: id, contactId, url: desk.urlOf(id) };
}

export interface Wanted {
  readonly handoffId: string;
  readonly contactId: string;
  readonly brief: HandoffBrief;
  readonly place: Place;
  readonly teamId: number | null;
}

/**
 * The conversation of the handoff, marked with its id. With the inbox's single-conversation lock, Chatwoot answers with the
 * visitor's earlier conversation instead of a new one, whatever its status, and ignores what was sent (sheet 3.6).
 */
export async function ensureConversation(desk: Desk, wanted: Wanted, steps: Steps): Promise<string> {
  const { client, config } = desk;
  const sourceId = sourceIdOf(wanted.place.conversationId);
  const custom = { [HANDOFF_ATTRIBUTE]: wanted.handoffId, [CONVERSATION_ATTRIBUTE]: wanted.place.conversationId };
  const id = await steps.once("conversationId", async () => {
    const { handoffId } = wanted;
    const there = steps.mayHaveHappened
      ? await steps.lookBack(() => findConversation(client, inboxOf(config), { sourceId, handoffId }))
      : null;
    if (there) return String(there.id);
    const created = await client.call({
      method: "POST",
      path: "/conversations",
      doing: "create the conversation",
      json: {
        source_id: sourceId,
        inbox_id: inboxOf(config),
        contact_id: Number(wanted.contactId),
        status: "open",
        custom_attributes: custom,
        additional_attributes: additionalOf(wanted.brief),
        ...(wanted.teamId === null ? {} : { team_id: wanted.teamId }),
      },
      answer: z.looseObject({ id: Id }),
    });
    return String(created.id);
  });
  await steps.once("marked", async () => {
    await setAttributes(client, await readConversation(client, id), custom);
    return "marked";
  });
  return id;
}

/** What Chatwoot shows beside a conversation: the page it began on and the language. */
const additionalOf = ({ pageUrl, locale }: HandoffBrief): Record<string, unknown> =>
  attributesOf({ referer: pageUrl, browser_language: locale });

/** Private notes, in order, each once, by the user of the connection or another author. */
export async function postNotes(
  { client }: Pick<Desk, "client">,
  id: string,
  notes: readonly string[],
  steps: Steps,
  author: Client = client,
): Promise<void> {
  const parts = notes.flatMap((note) => partsToNeutralise(note));
  for (const [i, text] of parts.entries()) {
    const note = { conversationId: id, as: "note", text, doing: "take the note" } as const;
    await postOnce(client, steps, `note-${i}`, note, (whole) => post(author, whole));
  }
}

export const unknownTeam = (team: string): string =>
  `The team "${team}" that this bot's settings name is not among the teams of this account, so no team was assigned.`;
