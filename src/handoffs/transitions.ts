import type { Actor, Handoff, HelpdeskRef } from "../domain/handoff.ts";
import { SYSTEM } from "../domain/handoff.ts";
import type { Destination } from "../domain/settings.ts";
import { modeAfter, nextStatus } from "../domain/states.ts";
import type { HandoffEvent } from "../domain/states.ts";
import type { MessageKey } from "../domain/texts.ts";
import { formFor, guidance, replies } from "./answer.ts";
import type { Reply } from "./answer.ts";
import type { BotSetup, Deps } from "./deps.ts";
import { laneOf } from "./turn.ts";
import type { Turn } from "./turn.ts";
import { beginDialog } from "./hosted/dialog.ts";
import { isInPlace, isTeams } from "./hosted/place.ts";

/** What can happen to a handoff (design.md section 5), each with its words, its control and its deliveries. */

/** How long a helpdesk may take to open a conversation before the next destination is tried. */
export const OPEN_WITHIN_MS = 30_000;
/** How soon after news a helpdesk's conversation is looked at without being told to. */
export const FIRST_LOOK_MS = 10_000;
/**
 * How soon after a conversation was opened it is looked at: what happened there until then rang for nobody, and a helpdesk that assigns by
 * itself does so within the opening.
 */
export const OPENED_LOOK_MS = 2_000;

export type Agent = { readonly id: string | null; readonly name: string | null };

const later = (now: Date, milliseconds: number): Date => new Date(now.getTime() + milliseconds);

export function idleLimit(setup: BotSetup, now: Date): Date | null {
  const { idleMinutes } = setup.settings;
  return idleMinutes === 0 ? null : later(now, idleMinutes * 60_000);
}

export function acceptLimit(setup: BotSetup, now: Date): Date | null {
  const { acceptWithinSeconds } = setup.settings;
  return acceptWithinSeconds === 0 ? null : later(now, acceptWithinSeconds * 1_000);
}

/** The status after `event`, or null when it cannot happen now: late and repeated news is ordinary. */
function move(turn: Turn, event: HandoffEvent): Handoff["status"] | null {
  return turn.handoff === null ? null : nextStatus(turn.handoff.status, event);
}

/** Words for the visitor, kept in the conversation as system lines. Gives those that the bot is to show: none where Baton says them itself. */
function tell(turn: Turn, setup: BotSetup, keys: readonly MessageKey[], agent?: string | null): readonly Reply[] {
  const said = replies(keys, { setup, conversation: turn.conversation, now: turn.now }, { agent: agent ?? null });
  for (const { text } of said) turn.add({ role: "system", text, at: turn.now });
  return turn.conversation.host === null ? said : [];
}

/** An agent takes the conversation, or takes it over from another. False when that changes nothing. */
export function accept(turn: Turn, setup: BotSetup, agent: Agent): boolean {
  const status = move(turn, "accepted");
  const { handoff } = turn;
  if (status === null || handoff === null) return false;
  const actor = agentActor(setup, agent);
  if (handoff.status === "acknowledged") {
    if (handoff.agent?.id === agent.id) return false;
    turn.update({ agent });
    turn.record("handoff.reassigned", actor, { agent: shownName(setup, agent) });
    return true;
  }
  turn.update({ status, agent, acceptedAt: turn.now, acceptBy: null, idleAt: liveIdle(handoff, setup, turn.now) });
  if (handoff.mode === "lead") {
    turn.record("handoff.acknowledged", actor, { agent: shownName(setup, agent) });
    return true;
  }
  turn.giveControl("human", "accepted");
  const reply = tell(turn, setup, ["agentJoined"], agent.name);
  turn.record("handoff.acknowledged", actor, { agent: shownName(setup, agent), reply, guidance: guidance.accepted });
  return true;
}

const liveIdle = (handoff: Handoff, setup: BotSetup, now: Date): Date | null =>
  handoff.mode === "live" ? idleLimit(setup, now) : null;

/** The name that the visitor may see. */
export function shownName(setup: BotSetup, agent: Agent): string | null {
  return setup.settings.agentLabel ?? agent.name;
}

/** An agent in events, which the visitor sees too: under the name that the visitor may see. */
export const agentActor = (setup: BotSetup, agent: Agent | null): Actor => ({
  kind: "agent",
  id: agent?.id ?? null,
  name: agent === null ? null : shownName(setup, agent),
});

/** The agent gives the conversation back to the queue: someone else must accept within the same limit. */
export function release(turn: Turn, setup: BotSetup, actor: Actor): boolean {
  const status = move(turn, "released");
  if (status === null) return false;
  const live = turn.handoff?.mode === "live";
  turn.update({ status, agent: null, acceptedAt: null, acceptBy: live ? acceptLimit(setup, turn.now) : null });
  turn.record("handoff.released", actor);
  return true;
}

/** Nobody can or will take over: the bot has control again and the visitor is told, with the form. */
export function miss(turn: Turn, setup: BotSetup, deps: Pick<Deps, "baseUrl" | "metrics">, because: string): boolean {
  const { handoff } = turn;
  if (move(turn, "missed") === null || handoff === null || handoff.mode === "lead") return false;
  const { host } = turn.conversation;
  if (isTeams(turn.conversation, handoff)) oweReturn(turn, "give_back", "Baton: nobody took over in time.");
  const opened = handoff.opened && !isInPlace(turn.conversation, handoff.destination);
  turn.update({
    mode: modeAfter(handoff.mode, "missed"),
    opened,
    acceptBy: null,
    openBy: null,
    idleAt: null,
    chain: [],
  });
  turn.lookAt(handoff.ref === null ? null : later(turn.now, FIRST_LOOK_MS));
  turn.giveControl("bot", "missed");
  const context = { setup, conversation: turn.conversation, now: turn.now };
  const form = formFor("lead", handoff.id, context, deps.baseUrl);
  const reply = tell(turn, setup, form === null ? ["missed"] : ["missed", "leadPrompt"]);
  if (form !== null) beginDialog(turn, setup, deps, handoff);
  deps.metrics?.handoffEnded("missed", SYSTEM.kind);
  turn.record("handoff.missed", SYSTEM, {
    because,
    reply,
    form: host === null ? form : null,
    guidance: guidance.missed,
  });
  return true;
}

/** Where the end came from: news from the helpdesk need not be told to the helpdesk. */
export interface Ending {
  readonly as: "resolved" | "cancelled";
  readonly actor: Actor;
  readonly because: string;
  readonly fromHelpdesk: boolean;
  /** The team still works on what stands in the helpdesk: a lead whose visitor has left. */
  readonly staysThere?: boolean;
}

/** Ends the handoff; the bot has control again. False when it has ended already. */
export function end(turn: Turn, setup: BotSetup, deps: Pick<Deps, "connectors" | "metrics">, ending: Ending): boolean {
  const { handoff } = turn;
  const status = move(turn, ending.as);
  if (status === null || handoff === null) return false;
  const isThere = isTeams(turn.conversation, handoff);
  turn.update({ status, endedAt: turn.now, acceptBy: null, openBy: null, idleAt: null, chain: [] });
  turn.lookAt(null);
  if (turn.conversation.dialog?.handoffId === handoff.id) turn.change({ dialog: null });
  turn.giveControl("bot", ending.because);
  const live = handoff.mode === "live";
  const reply = live && ending.as === "resolved" ? tell(turn, setup, ["resolved"]) : [];
  const type = ending.as === "resolved" ? "handoff.resolved" : "handoff.cancelled";
  turn.record(type, ending.actor, { because: ending.because, reply, ...(live && { guidance: guidance.ended }) });
  deps.metrics?.handoffEnded(ending.as, ending.actor.kind);
  const { destination } = handoff;
  const outside = destination !== null && !deps.connectors.isLocal(destination.id);
  const isToldThere = !ending.fromHelpdesk && ending.staysThere !== true;
  const note = `Baton: ${ending.actor.kind} ended this conversation (${ending.because}).`;
  if (isThere) oweReturn(turn, ending.fromHelpdesk ? "let_go" : "give_back", note);
  else if (outside && isToldThere && (live || handoff.ref !== null) && !isInPlace(turn.conversation, destination))
    oweClose(turn, destination, note);
  return true;
}

/**
 * The helpdesk is told that the conversation has ended; it finds it by our own key where no reference is known. Where the bot spoke
 * there itself, it has the conversation again.
 */
export function oweClose(turn: Turn, destination: Destination, note: string, ref?: HelpdeskRef | null): void {
  if (turn.handoff === null) return;
  if (isInPlace(turn.conversation, destination)) {
    oweReturn(turn, "give_back", note);
    return;
  }
  turn.owe({
    lane: laneOf(destination.id, turn.conversation.id),
    kind: "helpdesk_close",
    connectionId: destination.id,
    handoffId: turn.handoff.id,
    payload: { note, ref: ref ?? null },
  });
}

/**
 * The bot has the conversation again in which it spoke before: `give_back` when that was decided here, `let_go` when a person ended it
 * in the helpdesk.
 */
export function oweReturn(turn: Turn, how: "give_back" | "let_go", note: string): void {
  const { host, id } = turn.conversation;
  if (turn.handoff === null || host === null) return;
  turn.owe({
    lane: laneOf(host.connectionId, id),
    kind: "helpdesk_close",
    connectionId: host.connectionId,
    handoffId: turn.handoff.id,
    payload: { note, ref: null, inPlace: how },
  });
}

/** The lead is to appear in a helpdesk. */
export function oweLead(turn: Turn, destination: Destination, leadId: string): void {
  if (turn.handoff === null) return;
  turn.owe({
    lane: laneOf(destination.id, turn.conversation.id),
    kind: "helpdesk_lead",
    connectionId: destination.id,
    handoffId: turn.handoff.id,
    payload: { leadId, destination },
  });
}

/** Opens the handoff at its destination: at once in Baton's own inbox, by a delivery elsewhere. */
export function openAtDestination(turn: Turn, deps: Pick<Deps, "connectors">): void {
  const destination = turn.handoff?.destination;
  if (turn.handoff === null || !destination) return;
  if (deps.connectors.isLocal(destination.id)) {
    turn.update({ opened: true, openBy: null });
    turn.record("handoff.opened", SYSTEM);
    return;
  }
  turn.update({ opened: false, openBy: later(turn.now, OPEN_WITHIN_MS) });
  turn.owe({
    lane: laneOf(destination.id, turn.conversation.id),
    kind: "helpdesk_open",
    connectionId: destination.id,
    handoffId: turn.handoff.id,
    payload: { upTo: turn.handoff.transcriptSeq },
  });
}

/**
 * The current destination cannot take it: on to the next one that is not known to be down, and after the last the
 * handoff is a lead (design.md section 3, No false promise). The opening that is still owed stays in its lane, where it ends
 * what it may have begun: earlier handoffs of the conversation may owe something there too.
 */
export async function moveOn(turn: Turn, setup: BotSetup, deps: Deps, why: string): Promise<void> {
  const { handoff } = turn;
  if (handoff === null || handoff.opened || handoff.mode !== "live" || handoff.status !== "pending") return;
  const [next, ...chain] = handoff.chain.filter((one) => !deps.circuits.isDown(one.id));
  // An opening may be on its way: what the visitor is told now comes after it.
  if (handoff.destination !== null && isInPlace(turn.conversation, handoff.destination))
    oweReturn(turn, "give_back", "Baton: this request went on without this helpdesk.");
  if (next === undefined) {
    turn.update({ destination: null, ref: null, cursor: null });
    miss(turn, setup, deps, "helpdesk_unreachable");
    return;
  }
  turn.update({ destination: next, chain, ref: null, cursor: null, transcriptSeq: turn.conversation.lastMessageSeq });
  turn.record("handoff.moved", SYSTEM, { because: why });
  openAtDestination(turn, deps);
  const lead = await turn.tx.leadOfHandoff(turn.conversation.workspaceId, handoff.id);
  if (lead !== null && !deps.connectors.isLocal(next.id)) oweLead(turn, next, lead.id);
}
