import { z } from "zod";
import { TranscriptMessage } from "../domain/conversation.ts";
import type { Conversation, Message } from "../domain/conversation.ts";
import { HandoffError } from "../domain/errors.ts";
import type { AgentMessage } from "../domain/handoff.ts";
import type { Tx } from "../ports-store.ts";
import type { BotSetup, Deps } from "./deps.ts";
import { BOT_MESSAGE } from "./events.ts";
import { isInPlace } from "./hosted/place.ts";
import { FIRST_LOOK_MS, accept, agentActor, idleLimit, shownName } from "./transitions.ts";
import { beginTurn, laneOf } from "./turn.ts";
import type { Turn } from "./turn.ts";

/** Body of `POST /v1/conversations/{id}/messages`. */
export const NewMessageRequest = z
  .strictObject({
    id: TranscriptMessage.shape.id,
    role: z.enum(["visitor", "bot"]).default("visitor"),
    text: TranscriptMessage.shape.text,
    at: TranscriptMessage.shape.at,
    attachments: TranscriptMessage.shape.attachments,
    epoch: z.int().nonnegative().nullish().meta({
      description:
        "Of a bot's message: the epoch it was written under. An older one than the conversation's is refused",
    }),
  })
  .refine((message) => message.text.trim() !== "" || message.attachments.length > 0, {
    message: "needs text or an attachment",
    path: ["text"],
  })
  .meta({ id: "NewMessage" });
export type NewMessageRequest = z.infer<typeof NewMessageRequest>;

/** Lines between a lead and its answer that the agent gets; who talked longer with the bot has the rest in Baton. */
const MOST_UNHEARD = 500;

export interface Relayed {
  readonly message: Message;
  readonly isNew: boolean;
  readonly conversation: Conversation;
  readonly setup: BotSetup;
}

/**
 * A visitor's or the bot's message. A visitor's reaches the agent while a live handoff is open; a bot's is refused while a
 * person has control, by the commit that would store it.
 *
 * @throws HandoffError `not_found`, `human_in_control`, `stale_turn`
 */
export async function addMessage(
  tx: Tx,
  deps: Deps,
  of: { workspaceId: string; botId: string; key: string },
  said: NewMessageRequest,
): Promise<Relayed> {
  const conversation = await tx.lockConversationByKey(of.workspaceId, of.botId, of.key);
  if (conversation === null)
    throw new HandoffError(
      "not_found",
      "Baton does not know this conversation: tell it with PUT /v1/conversations/{id}, or ask for a person with POST /v1/handoffs.",
    );
  const setup = await deps.bots.get(tx, of.workspaceId, of.botId);
  const externalId = said.id === null ? null : BOT_MESSAGE + said.id;
  if (externalId !== null) {
    const before = await tx.messageByExternalId(of.workspaceId, conversation.id, externalId);
    if (before !== null) return { message: before, isNew: false, conversation, setup };
  }
  if (said.role === "bot") refuseBot(conversation, said.epoch ?? null);
  else if (conversation.host !== null)
    throw new HandoffError(
      "wrong_state",
      "Baton hears the visitor of this conversation itself, in the channel where they are: send only the bot's messages.",
    );
  const handoff =
    conversation.openHandoffId === null ? null : await tx.handoff(of.workspaceId, conversation.openHandoffId);
  const now = deps.clock();
  const callbackUrl = conversation.callbackUrl ?? setup.bot.callbackUrl;
  const turn = beginTurn(tx, { conversation, handoff, callbackUrl, now });
  const message = turn.say(
    { role: said.role, text: said.text, at: said.at ?? now, attachments: said.attachments, externalId },
    { kind: said.role, id: null, name: null },
  );
  if (handoff?.mode === "live") {
    turn.update({ idleAt: idleLimit(setup, now) });
    relayToHelpdesk(turn, deps, message);
  }
  await turn.save();
  return { message, isNew: true, conversation: turn.conversation, setup };
}

function refuseBot(conversation: Conversation, epoch: number | null): void {
  if (conversation.control === "human") throw new HandoffError("human_in_control");
  if (epoch !== null && epoch < conversation.epoch)
    throw new HandoffError(
      "stale_turn",
      `Written under epoch ${epoch}, but control has changed since: it is ${conversation.epoch} now.`,
    );
}

/** Owes the message to the helpdesk behind whatever the lane still holds; nothing where the inbox reads it in place. */
export function relayToHelpdesk(turn: Turn, deps: Pick<Deps, "connectors">, message: Message): void {
  const { handoff } = turn;
  const destination = handoff?.destination;
  if (handoff === null || !destination || handoff.mode !== "live" || deps.connectors.isLocal(destination.id)) return;
  // The agents read the visitor where the visitor writes.
  if (isInPlace(turn.conversation, destination)) return;
  turn.owe({
    lane: laneOf(destination.id, turn.conversation.id),
    kind: "helpdesk_message",
    connectionId: destination.id,
    handoffId: handoff.id,
    payload: { seq: message.seq },
  });
}

/**
 * An agent answers a visitor who had become a lead: what visitor and bot said since the helpdesk was last told, up to and
 * including `upToSeq`, so that the agent knows what the visitor's next words are about.
 */
export async function relayUnheard(turn: Turn, deps: Pick<Deps, "connectors">, upToSeq: number): Promise<void> {
  const { handoff, tx, conversation } = turn;
  const connectionId = handoff?.destination?.id;
  if (handoff === null || connectionId === undefined || deps.connectors.isLocal(connectionId)) return;
  const { workspaceId } = conversation;
  const lead = await tx.leadOfHandoff(workspaceId, handoff.id);
  // Nothing is relayed while the bot has a lead: the newest relayed message is among the newest things owed.
  const owed = await tx.deliveries(workspaceId, { handoffId: handoff.id, connectionId, limit: 20 });
  const relayed = owed.items.find((one) => one.kind === "helpdesk_message")?.payload["seq"];
  const told = [handoff.transcriptSeq, lead?.transcriptSeq ?? 0, typeof relayed === "number" ? relayed : 0];
  const range = { afterSeq: Math.max(...told), upToSeq, limit: MOST_UNHEARD };
  for (const message of await tx.messages(workspaceId, conversation.id, range)) {
    if (message.role === "visitor" || message.role === "bot") relayToHelpdesk(turn, deps, message);
  }
}

/**
 * What a person wrote in the helpdesk or the inbox, on its way to the visitor. The first one accepts the handoff; one to a
 * visitor who had become a lead makes it live again.
 *
 * @returns null when it is known already, or the handoff has ended
 */
export function agentSays(turn: Turn, setup: BotSetup, from: AgentMessage, externalId: string): Message | null {
  const { handoff } = turn;
  if (handoff === null || handoff.endedAt !== null) return null;
  const { agent } = from;
  if (handoff.mode === "lead") {
    turn.update({ mode: "live", opened: true, acceptBy: null });
    turn.lookAt(new Date(turn.now.getTime() + FIRST_LOOK_MS));
    if (handoff.status === "acknowledged") turn.giveControl("human", "agent_wrote");
  }
  if (turn.handoff?.status === "pending") accept(turn, setup, { id: agent.id, name: agent.name });
  turn.update({ idleAt: idleLimit(setup, turn.now) });
  return turn.say(
    {
      role: "agent",
      text: from.text,
      at: from.at,
      authorName: shownName(setup, agent),
      attachments: from.attachments,
      externalId,
    },
    agentActor(setup, agent),
  );
}
