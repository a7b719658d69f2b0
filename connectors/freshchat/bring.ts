import { DeliveryError } from "../../src/domain/delivery.ts";
import type { HelpdeskRef } from "../../src/domain/handoff.ts";
import type { Steps } from "../steps.ts";
import { assign, findTeam } from "./assign.ts";
import type { Team } from "./assign.ts";
import { urlOf } from "./conversation.ts";
import { channelOf, createOnce } from "./creation.ts";
import type { Made, NewConversation, WritingDesk } from "./creation.ts";
import type { Matter } from "./matter.ts";
import { notesWith } from "./note.ts";
import { piecesOf } from "./outgoing-parts.ts";
import { postOnce } from "./messages.ts";
import type { NewMessage } from "./messages.ts";
import { conversationPropertiesOf } from "./properties.ts";
import { otherIdOf } from "./shapes.ts";
import { ensureUser } from "./users.ts";
import { whoGoesOn } from "./who-goes-on.ts";

/** That many conversations are tried at once: each before it took nothing more while we were writing in it. */
const MOST_CONVERSATIONS = 3;

/**
 * Brings a matter before the team: in the conversation that the steps name where they do, else in a new one, and when FreshChat
 * takes nothing more there, in another. Throws DeliveryError; every step is kept, and none is done twice.
 */
export async function bring(desk: WritingDesk, matter: Matter, steps: Steps): Promise<HelpdeskRef> {
  const channelId = channelOf(desk);
  const { conversationId, known, continues, destination } = matter;
  await steps.once("contactId", () =>
    ensureUser(desk.client, known, { conversationId, userId: continues?.contactId ?? null }),
  );
  const team = await findTeam(desk, destination.team);
  for (let tried = 0; tried < MOST_CONVERSATIONS; tried += 1) {
    const left = (steps.reached("left") ?? "").split(" ").filter(Boolean);
    const round: Round = { matter, team, left, suffix: left.length === 0 ? "" : `~${left.length}` };
    const given = steps.reached("conversationId");
    const spot =
      given === null
        ? await begin(desk, round, channelId, steps)
        : { id: given, newest: null, otherId: steps.reached("otherId") };
    const ref = await fill(desk, round, spot, steps);
    if (ref !== null) return ref;
    // Words that were said there are said again in the next one: nobody can answer them there.
    await steps.keep({ left: [...left, spot.id].join(" "), conversationId: "", otherId: "", before: "", unset: "" });
  }
  throw new DeliveryError(
    "transient",
    "FreshChat keeps beginning newer conversations for this visitor, so that ours take nothing more; this is tried again.",
  );
}

/** One try to bring the matter into a conversation. */
interface Round {
  readonly matter: Matter;
  readonly team: Team;
  /** Conversations of this matter that took nothing more. */
  readonly left: readonly string[];
  /** Tells the steps of this try from those in the conversations before. */
  readonly suffix: string;
}

async function begin(desk: WritingDesk, round: Round, channelId: string, steps: Steps): Promise<Made> {
  const { matter, left, suffix } = round;
  const { handoffId, words, continues } = matter;
  // Once the creation has begun it is looked for at the user it was begun with.
  if (steps.reached("before") === null && (continues !== null || left.length > 0)) {
    const before = [...(continues === null ? [] : [continues.conversationId]), ...left];
    const goesOn = await whoGoesOn(desk, matter, userOf(steps), before);
    if (goesOn !== userOf(steps)) await steps.keep({ contactId: goesOn });
  }
  const [first = null] = words === null ? [] : piecesOf(words);
  const wanted: NewConversation = {
    handoffId,
    channelId,
    userId: userOf(steps),
    words: first,
    note: (unset) => notesOf(round, unset)[0] ?? "",
    noteStep: `note-0${suffix}`,
    properties: conversationPropertiesOf(desk.config, matter),
  };
  return createOnce(desk, wanted, steps);
}

const userOf = (steps: Steps): string => steps.reached("contactId") ?? "";

function notesOf({ matter, left, team }: Round, unset: readonly string[]): string[] {
  const { handoffId, labels } = matter;
  const last = left.at(-1);
  const continues = last === undefined ? matter.continues : { conversationId: last, url: null };
  return notesWith({ handoffId, labels, continues, unset, remarks: team.remarks }, (maxLength) =>
    matter.note(maxLength),
  );
}

/** Everything besides what the conversation began with; null when it takes nothing more. */
async function fill(desk: WritingDesk, round: Round, made: Made, steps: Steps): Promise<HelpdeskRef | null> {
  const { matter, suffix, team } = round;
  const userId = userOf(steps);
  const isOurs = steps.reached("before") !== null;
  let after = made.newest;
  async function posted(step: string, message: NewMessage): Promise<boolean> {
    const id = await postOnce(desk, made, steps, { step: `${step}${suffix}`, message, after });
    after = id ?? after;
    return id !== null;
  }

  for (const [i, content] of (matter.words === null ? [] : piecesOf(matter.words)).entries()) {
    if (i === 0 && isOurs) continue;
    const message: NewMessage = { speaker: { as: "visitor", userId }, content, doing: "take the message" };
    if (!(await posted(`words-${i}`, message))) return null;
  }
  const unset = (steps.reached("unset") ?? "").split(" ").filter(Boolean);
  for (const [i, text] of notesOf(round, unset).entries()) {
    if (!(await posted(`note-${i}`, noteOf(text)))) return null;
  }
  const assigned = await assign(desk, made, { groupId: team.groupId, agentId: matter.agentId, isOurs, suffix }, steps);
  if (assigned === null) return null;
  if (assigned.remark !== null && !(await posted("note-group", noteOf(assigned.remark)))) return null;
  if (after !== null) desk.memory.sent(made.id, after, matter.seq);
  const { conversation } = assigned;
  return {
    conversationId: made.id,
    contactId: userId,
    url: urlOf(conversation),
    otherId: otherIdOf(conversation) ?? made.otherId,
  };
}

const noteOf = (text: string): NewMessage => ({
  speaker: { as: "note" },
  content: { text, attachments: [] },
  doing: "take the note",
});
