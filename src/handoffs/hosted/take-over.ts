import type { Host } from "../../domain/conversation.ts";
import type { Handoff } from "../../domain/handoff.ts";
import type { Destination } from "../../domain/settings.ts";
import { newId } from "../../ids.ts";
import type { HelpdeskAgent } from "../../ports.ts";
import type { BotSetup, Deps } from "../deps.ts";
import { acceptLimit, idleLimit, oweClose } from "../transitions.ts";
import { laneOf } from "../turn.ts";
import type { Turn } from "../turn.ts";
import { refOf } from "./place.ts";

/**
 * A person takes the conversation from the bot, in the channel itself: by writing, by being assigned, by opening it. A live handoff
 * from then on; a lead becomes one, and one that is live elsewhere goes on here.
 *
 * @param isOpen it is open there already; else that follows, so that nobody takes it for the bot's
 */
export function takeOver(
  turn: Turn,
  setup: BotSetup,
  deps: Pick<Deps, "connectors">,
  { isOpen }: { isOpen: boolean },
): void {
  const { host } = turn.conversation;
  if (host === null) return;
  if (turn.handoff === null) {
    turn.handoff = handoffHere(turn, setup, host);
    turn.change({ openHandoffId: turn.handoff.id });
  } else {
    if (turn.handoff.mode === "live") leaveOther(turn, deps, turn.handoff);
    turn.update({ mode: "live", destination: destinationHere(setup, host), ref: refOf(host), chain: [] });
  }
  turn.change({ dialog: null });
  turn.update({ opened: isOpen, acceptBy: acceptLimit(setup, turn.now), idleAt: idleLimit(setup, turn.now) });
  turn.record("handoff.requested", { kind: "agent", id: null, name: null }, { because: "taken_over" });
  turn.giveControl("human", "taken_over");
  if (!isOpen) oweOpening(turn);
}

/** Whoever has it elsewhere, or was asked there, has it no longer. */
function leaveOther(turn: Turn, deps: Pick<Deps, "connectors">, { destination, ref }: Handoff): void {
  if (destination !== null && !deps.connectors.isLocal(destination.id))
    oweClose(turn, destination, "Baton: a person took the conversation where the visitor is.", ref);
  turn.update({ status: "pending", agent: null, assigneeId: null, acceptedAt: null, cursor: null, openBy: null });
}

function oweOpening(turn: Turn): void {
  const { handoff, conversation } = turn;
  if (handoff === null || conversation.host === null) return;
  const { connectionId } = conversation.host;
  turn.owe({
    lane: laneOf(connectionId, conversation.id),
    kind: "helpdesk_open",
    connectionId,
    handoffId: handoff.id,
    payload: {},
  });
}

const destinationHere = ({ settings }: BotSetup, { connectionId }: Host): Destination =>
  settings.destinations.find((one) => one.id === connectionId) ?? {
    id: connectionId,
    team: null,
    priority: null,
    labels: [],
  };

function handoffHere(turn: Turn, setup: BotSetup, host: Host): Handoff {
  const { bot } = setup;
  return {
    id: newId("handoff"),
    workspaceId: bot.workspaceId,
    botId: bot.id,
    conversationId: turn.conversation.id,
    status: "pending",
    mode: "live",
    trigger: "bot",
    reason: "A person took the conversation from the bot",
    priority: null,
    because: "open",
    chain: [],
    destination: destinationHere(setup, host),
    opened: false,
    ref: refOf(host),
    cursor: null,
    agent: null,
    assigneeId: null,
    transcriptSeq: turn.conversation.lastMessageSeq,
    acceptBy: null,
    openBy: null,
    idleAt: null,
    createdAt: turn.now,
    acceptedAt: null,
    endedAt: null,
  };
}

/** Whoever had the last handoff may still stand as assigned: nobody took that back yet. */
export const isLeftover = (last: Handoff | null, assignee: HelpdeskAgent | null): last is Handoff =>
  last !== null &&
  last.endedAt !== null &&
  assignee !== null &&
  (last.assigneeId === assignee.id || last.agent?.id === assignee.id);

export function oweLettingGo(turn: Turn, last: Handoff): void {
  const { handoff } = turn;
  // A turn about a handoff that has ended may not be mixed with one about the next.
  if (handoff !== null) return;
  const { host, id } = turn.conversation;
  if (host === null) return;
  turn.owe({
    lane: laneOf(host.connectionId, id),
    kind: "helpdesk_close",
    connectionId: host.connectionId,
    handoffId: last.id,
    payload: { note: "", ref: null, inPlace: "let_go" },
  });
}
