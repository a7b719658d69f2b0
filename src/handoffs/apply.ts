import { HandoffError } from "../domain/errors.ts";
import type { AgentMessage, Handoff } from "../domain/handoff.ts";
import { isOpenStatus } from "../domain/states.ts";
import { newId } from "../ids.ts";
import type { HelpdeskAgent, HelpdeskStatus } from "../ports.ts";
import type { Tx } from "../ports-store.ts";
import type { BotSetup, Deps } from "./deps.ts";
import { loadHandoff } from "./load.ts";
import { agentSays, relayUnheard } from "./relay.ts";
import { accept, acceptLimit, agentActor, end, FIRST_LOOK_MS, idleLimit, release } from "./transitions.ts";
import { beginTurn } from "./turn.ts";
import type { Turn } from "./turn.ts";

/** News from a helpdesk's conversation: what was read from it, or as much as a webhook told. */
export interface News {
  readonly messages: readonly AgentMessage[];
  /** Undefined: not told. */
  readonly assignee?: HelpdeskAgent | null;
  readonly status?: HelpdeskStatus;
  readonly cursor?: string | null;
  /** When the helpdesk was asked, if it was. */
  readonly askedAt?: Date;
  /** Something there is not ready to be passed on. */
  readonly isIncomplete?: boolean;
}

/** How long after news a conversation is looked at again, and the longest it is left alone; leads are not waited at. */
const LOOK_AGAIN_MS = { first: FIRST_LOOK_MS, live: 55_000, lead: 3_600_000 } as const;
/** How soon a conversation is looked at again that had something not ready: a file still on its way. */
export const INCOMPLETE_LOOK_MS = 2_000;
/** A lead this old is heard of only when its helpdesk rings. */
const LEAD_LOOKS_END_MS = 7 * 24 * 3_600_000;

/**
 * Applies news to a handoff: messages first, since an agent writes and then resolves; then who has it; then its status.
 * Everything may be told twice, late, or after the end.
 *
 * @param source the destination that the news comes from: a handoff that has moved on no longer listens to it
 */
export async function applyNews(
  tx: Tx,
  deps: Deps,
  of: { workspaceId: string; handoffId: string; source: string },
  news: News,
): Promise<void> {
  const { turn, setup, handoff } = await loadHandoff(tx, deps, of);
  if (handoff.destination?.id !== of.source) return;
  if (!isOpenStatus(handoff.status)) {
    await reopen(turn, setup, deps, news);
    return;
  }
  let isNews = await applyMessages(turn, setup, deps, { source: of.source, messages: news.messages });
  const isIncomplete = news.isIncomplete ?? false;
  // What is held back was said before it was ended or let go: only then may the bot speak again.
  if (!isIncomplete || news.assignee !== null) isNews = applyAssignee(turn, setup, news.assignee) || isNews;
  if (!isIncomplete) isNews = applyStatus(turn, setup, deps, news.status) || isNews;
  if (news.cursor !== undefined && news.cursor !== turn.handoff?.cursor) turn.update({ cursor: news.cursor });
  scheduleLook(turn, { isNews, isIncomplete });
  await turn.save();
}

/** Messages not seen before become the agent's words to the visitor. True when there were any. */
async function applyMessages(
  turn: Turn,
  setup: BotSetup,
  deps: Deps,
  { source, messages }: { source: string; messages: readonly AgentMessage[] },
): Promise<boolean> {
  const known = await knownOf(turn, source, messages);
  let any = false;
  const taken = new Set<string>();
  for (const message of messages) {
    const externalId = idOf(source, message);
    if (known.has(externalId) || taken.has(externalId)) continue;
    taken.add(externalId);
    const wasLead = turn.handoff?.mode === "lead";
    const before = turn.conversation.lastMessageSeq;
    const isSaid = agentSays(turn, setup, message, externalId) !== null;
    if (isSaid && wasLead) await relayUnheard(turn, deps, before);
    any = isSaid || any;
  }
  return any;
}

const idOf = (source: string, message: AgentMessage): string => `${source}:${message.externalId}`;

function knownOf(turn: Turn, source: string, messages: readonly AgentMessage[]): Promise<ReadonlySet<string>> {
  const { workspaceId, id } = turn.conversation;
  const ids = messages.map((message) => idOf(source, message));
  return turn.tx.knownExternalIds(workspaceId, id, ids);
}

/** Who has it in the helpdesk: undefined when that was not told. True when it is news. */
export function applyAssignee(turn: Turn, setup: BotSetup, assignee: HelpdeskAgent | null | undefined): boolean {
  const { handoff } = turn;
  if (handoff === null || assignee === undefined) return false;
  const id = assignee?.id ?? null;
  if (id === handoff.assigneeId) return false;
  turn.update({ assigneeId: id });
  if (assignee !== null) return accept(turn, setup, assignee);
  // Only someone who was assigned can be taken off; an agent who wrote without being assigned keeps the conversation.
  return release(turn, setup, { ...agentActor(setup, handoff.agent), id: handoff.assigneeId });
}

/** How it stands in the helpdesk. True when it ended the handoff. */
export function applyStatus(turn: Turn, setup: BotSetup, deps: Deps, status: HelpdeskStatus | undefined): boolean {
  const { handoff } = turn;
  // Before it is opened, the helpdesk's conversation is still as an earlier part of the story left it.
  if (handoff === null || status === undefined || (handoff.mode === "live" && !handoff.opened)) return false;
  const actor = agentActor(setup, handoff.agent);
  if (status === "resolved")
    return end(turn, setup, deps, { as: "resolved", actor, because: "agent_resolved", fromHelpdesk: true });
  // Given back to the bot's queue.
  if (status === "pending" && handoff.opened)
    return end(turn, setup, deps, { as: "resolved", actor, because: "returned_to_bot", fromHelpdesk: true });
  return false;
}

/** Widens while nothing happens; a live handoff is never left alone for a minute. */
export function scheduleLook(turn: Turn, { isNews, isIncomplete }: { isNews: boolean; isIncomplete: boolean }): void {
  const { handoff } = turn;
  if (handoff === null || !isOpenStatus(handoff.status)) {
    turn.lookAt(null);
    return;
  }
  const since = turn.now.getTime() - (handoff.acceptedAt ?? handoff.createdAt).getTime();
  if (handoff.mode === "lead" && since > LEAD_LOOKS_END_MS) {
    turn.lookAt(null);
    return;
  }
  if (isIncomplete) {
    turn.lookAt(new Date(turn.now.getTime() + INCOMPLETE_LOOK_MS));
    return;
  }
  const { first } = LOOK_AGAIN_MS;
  const wait = isNews ? first : Math.min(Math.max(since / 4, first), LOOK_AGAIN_MS[handoff.mode]);
  turn.lookAt(new Date(turn.now.getTime() + wait));
}

/** The helpdesk opened a conversation again that had ended: a new handoff, as design.md section 5 says. */
async function reopen(turn: Turn, setup: BotSetup, deps: Deps, news: News): Promise<void> {
  const { handoff, conversation } = turn;
  if (handoff === null || news.status !== "open" || conversation.openHandoffId !== null) return;
  if (news.askedAt === undefined || !(await wasClosedThere(turn.tx, handoff, news.askedAt))) return;
  const source = handoff.destination?.id ?? "";
  const known = await knownOf(turn, source, news.messages);
  // A lead's conversation may have stayed open for the team: only an answer to the visitor takes it up again.
  if (handoff.mode === "lead" && news.messages.every((one) => known.has(idOf(source, one)))) return;
  const again: Handoff = {
    ...handoff,
    id: newId("handoff"),
    status: "pending",
    mode: "live",
    reason: "The helpdesk opened the conversation again",
    chain: [],
    opened: true,
    agent: null,
    assigneeId: null,
    acceptBy: acceptLimit(setup, turn.now),
    openBy: null,
    idleAt: idleLimit(setup, turn.now),
    createdAt: turn.now,
    acceptedAt: null,
    endedAt: null,
  };
  const callbackUrl = conversation.callbackUrl ?? setup.bot.callbackUrl;
  const next = beginTurn(turn.tx, { conversation, handoff: null, callbackUrl, now: turn.now });
  next.handoff = again;
  next.change({ openHandoffId: again.id });
  next.record("handoff.requested", { kind: "agent", id: null, name: null }, { because: "reopened" });
  next.giveControl("human", "reopened");
  await applyMessages(next, setup, deps, { source, messages: news.messages });
  applyAssignee(next, setup, news.assignee);
  next.lookAt(new Date(turn.now.getTime() + (news.isIncomplete ? INCOMPLETE_LOOK_MS : FIRST_LOOK_MS)));
  await next.save();
  deps.log.info("handoff_reopened", { workspaceId: again.workspaceId, handoffId: again.id });
}

/** False while our own ending had not reached the helpdesk when it was asked: then "open" there is old news. */
async function wasClosedThere(tx: Tx, handoff: Handoff, askedAt: Date): Promise<boolean> {
  if (handoff.endedAt === null || handoff.endedAt >= askedAt) return false;
  const owed = await tx.deliveries(handoff.workspaceId, { handoffId: handoff.id, limit: 100 });
  const closings = owed.items.filter((one) => one.kind === "helpdesk_close");
  return closings.every((one) => one.state === "done" && one.doneAt !== null && one.doneAt < askedAt);
}

/** What an agent does in Baton's own inbox: the same news as from any helpdesk. */
export type InboxAction =
  | { readonly type: "accept" }
  | { readonly type: "release" }
  | { readonly type: "resolve" }
  | {
      readonly type: "message";
      readonly message: Omit<AgentMessage, "agent" | "at" | "externalId"> & { id: string | null };
    };

/**
 * An agent's action in the inbox.
 *
 * @throws HandoffError `not_found`; `wrong_state` when it cannot happen now, or another agent has it
 */
export async function actInInbox(
  tx: Tx,
  deps: Deps,
  of: { workspaceId: string; handoffId: string },
  agent: { readonly id: string; readonly name: string },
  action: InboxAction,
): Promise<Turn> {
  const { turn, setup, handoff } = await loadHandoff(tx, deps, of);
  const actor = agentActor(setup, agent);
  const destination = handoff.destination?.id ?? null;
  if (destination !== null && !deps.connectors.isLocal(destination))
    throw new HandoffError("wrong_state", "This handoff stands in a helpdesk: answer it there.");
  if (!isOpenStatus(handoff.status)) throw new HandoffError("wrong_state", `The handoff is ${handoff.status}.`);
  const heldByOther = handoff.status === "acknowledged" && handoff.agent?.id !== agent.id;
  if (heldByOther && action.type !== "resolve")
    throw new HandoffError("wrong_state", `${handoff.agent?.name ?? "Another agent"} has this conversation.`);
  if (action.type === "accept") accept(turn, setup, agent);
  if (action.type === "release" && !release(turn, setup, actor))
    throw new HandoffError("wrong_state", "Nobody has accepted this handoff.");
  if (action.type === "resolve")
    end(turn, setup, deps, { as: "resolved", actor, because: "agent_resolved", fromHelpdesk: true });
  if (action.type === "message") {
    const { message } = action;
    const externalId = `inbox:${message.id ?? newId("message")}`;
    const isKnown = (await tx.knownExternalIds(of.workspaceId, turn.conversation.id, [externalId])).size > 0;
    const from = { ...message, externalId, agent: { ...agent, avatarUrl: null }, at: turn.now };
    if (!isKnown) agentSays(turn, setup, from, externalId);
  }
  await turn.save();
  return turn;
}
