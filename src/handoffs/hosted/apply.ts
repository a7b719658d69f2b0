import type { Conversation, Host, Message } from "../../domain/conversation.ts";
import type { Handoff } from "../../domain/handoff.ts";
import type { LeadDialog } from "../../domain/lead-dialog.ts";
import type { LeadSubmission } from "../../domain/lead-form.ts";
import type { HostedMessage, HostedView } from "../../ports-channel.ts";
import type { Tx } from "../../ports-store.ts";
import { applyAssignee, applyStatus, scheduleLook } from "../apply.ts";
import type { BotSetup, Deps } from "../deps.ts";
import { agentSays, relayToHelpdesk } from "../relay.ts";
import { emptyConversation, merged } from "../request.ts";
import { idleLimit, oweReturn } from "../transitions.ts";
import { beginTurn } from "../turn.ts";
import type { Turn } from "../turn.ts";
import { answerDialog, submissionFrom } from "./dialog.ts";
import { hostedId, hostedKey, isInPlace } from "./place.ts";
import { submitFromDialog } from "./submit.ts";
import { oweTurn } from "./owe-turn.ts";
import { isLeftover, oweLettingGo, takeOver } from "./take-over.ts";

/** Where a hosted conversation was read, and when it was asked for. */
export interface Reading {
  readonly workspaceId: string;
  readonly botId: string;
  readonly connectionId: string;
  readonly conversationId: string;
  readonly askedAt: Date;
}

/**
 * Applies what was read in a channel's conversation: the visitor's words go to the bot, to the form that is under way or to the team,
 * whoever has the conversation; an agent's words, and an agent's opening it, take it from the bot. Everything may be told twice
 * or late.
 *
 * @returns the conversation; null for one that never was the bot's
 */
export async function applyHosted(
  tx: Tx,
  deps: Deps,
  of: Reading,
  view: HostedView,
): Promise<{ conversation: Conversation; handoff: Handoff | null } | null> {
  const setup = await deps.bots.get(tx, of.workspaceId, of.botId);
  const known = await tx.lockConversationByKey(of.workspaceId, of.botId, hostedKey(of.connectionId, of.conversationId));
  // The team had it before any bot of ours was there: it becomes the bot's once it comes back as pending.
  if (known === null && view.status !== "pending") return null;
  const turn = await begin(tx, deps, setup, { of, view, known });
  const fresh = await freshOf(turn, of, view);
  const before = { seq: turn.conversation.lastMessageSeq, unheard: known?.host?.unheard ?? null };
  const asked = before.unheard === null ? null : { afterSeq: before.unheard, seq: before.seq };
  const story: Story = { tx, deps, of, setup, turn, isOpen: view.status === "open", asked };
  for (const message of known === null ? unanswered(turn, of, view, fresh) : fresh) await tell(story, message);
  const isStale = isOlder(view.version, known?.host?.version);
  if (!isStale) await applyState(story, view);
  hearOut(story, view, { knownSeq: before.seq, isStale });
  watch(story.turn, view, fresh.length > 0);
  await story.turn.save();
  return { conversation: story.turn.conversation, handoff: story.turn.handoff };
}

/** What is gathered while the messages are gone through, one after the other. */
interface Story {
  readonly tx: Tx;
  readonly deps: Deps;
  readonly of: Reading;
  readonly setup: BotSetup;
  readonly isOpen: boolean;
  turn: Turn;
  /** What nobody is known to have heard, for the bot if it has the word: visitor's lines after `afterSeq`, up to `seq`. */
  asked: { afterSeq: number; seq: number } | null;
}

async function begin(
  tx: Tx,
  deps: Deps,
  setup: BotSetup,
  { of, view, known }: { of: Reading; view: HostedView; known: Conversation | null },
): Promise<Turn> {
  const now = deps.clock();
  const host: Host = {
    connectionId: of.connectionId,
    conversationId: of.conversationId,
    cursor: view.cursor,
    contactId: view.contactId,
    showsForms: view.showsForms,
    url: view.url,
    version: isOlder(view.version, known?.host?.version) ? (known?.host?.version ?? null) : view.version,
    unheard: known?.host?.unheard ?? null,
  };
  const conversation = known ?? emptyConversation(setup, hostedKey(of.connectionId, of.conversationId), now);
  const open = conversation.openHandoffId;
  const handoff = open === null ? null : await tx.handoff(of.workspaceId, open);
  const callbackUrl = conversation.callbackUrl ?? setup.bot.callbackUrl;
  const turn = beginTurn(tx, { conversation, handoff, callbackUrl, now, isNew: known === null });
  const { visitor, locale, pageUrl, kind } = view;
  const told = { visitor, locale, pageUrl, channel: { type: kind, id: null }, products: null, summary: null };
  turn.change({ ...merged(conversation, { conversation: told, callbackUrl: null }), host });
  return turn;
}

/** False where one of them is not known. */
const isOlder = (version: number | null, known: number | null | undefined): boolean =>
  version !== null && typeof known === "number" && version < known;

async function freshOf(turn: Turn, of: Reading, view: HostedView): Promise<readonly HostedMessage[]> {
  const ids = view.messages.map((message) => idOf(of, message));
  const known = await turn.tx.knownExternalIds(of.workspaceId, turn.conversation.id, ids);
  return view.messages.filter((_message, i) => {
    const id = ids[i] ?? "";
    return !known.has(id) && ids.indexOf(id) === i;
  });
}

const idOf = (of: Reading, message: HostedMessage): string =>
  hostedId(of, message.from === "agent" ? message.message.externalId : message.externalId);

/**
 * Of a conversation met for the first time: what was said before is kept as it was, and only what nobody has answered is told; with
 * the answer of a person who has it.
 */
function unanswered(turn: Turn, of: Reading, view: HostedView, messages: readonly HostedMessage[]) {
  const byAgent = messages.findLastIndex((message) => message.from === "agent");
  const answered = messages.findLastIndex((message) => message.from === "agent" || message.from === "bot") + 1;
  const from = view.isAnswered && byAgent !== -1 ? byAgent : answered;
  for (const message of messages.slice(0, from)) {
    const externalId = idOf(of, message);
    if (message.from === "agent") {
      const { text, at, attachments, agent } = message.message;
      turn.add({ role: "agent", text, at, attachments, authorName: agent.name, externalId });
    } else if (message.from !== "form") {
      const { from: role, text, at, attachments } = message;
      turn.add({ role, text, at, attachments, externalId });
    }
  }
  return messages.slice(from);
}

async function tell(story: Story, message: HostedMessage): Promise<void> {
  if (message.from === "agent") tellAgent(story, message.message);
  else if (message.from === "form") await tellForm(story, message);
  else if (message.from === "visitor") await tellVisitor(story, message);
}

function tellAgent(story: Story, said: Extract<HostedMessage, { from: "agent" }>["message"]): void {
  const { setup, of, turn } = story;
  const { handoff } = turn;
  if (handoff?.mode !== "live" || !isInPlace(turn.conversation, handoff.destination))
    takeOver(turn, setup, story.deps, { isOpen: story.isOpen });
  // What the bot has not answered yet is the agent's now.
  story.asked = null;
  agentSays(turn, setup, said, hostedId(of, said.externalId));
}

async function tellForm(story: Story, sent: Extract<HostedMessage, { from: "form" }>): Promise<void> {
  const { setup, deps, of, turn } = story;
  const text = Object.entries(sent.values)
    .map(([name, value]) => `${name}: ${value}`)
    .join("\n");
  const line = turn.say({ role: "visitor", text, at: sent.at, externalId: hostedId(of, sent.externalId) }, VISITOR);
  const { dialog } = turn.conversation;
  if (dialog === null || dialog.by !== "form") {
    // Nothing of ours waits for it any more: to the visitor they are words like others.
    hear(story, line);
    return;
  }
  await submit(story, dialog, submissionFrom(turn, setup, deps, { dialog, values: sent.values }));
}

const VISITOR = { kind: "visitor", id: null, name: null } as const;

async function tellVisitor(story: Story, said: Extract<HostedMessage, { from: "visitor" }>): Promise<void> {
  const { setup, deps, of, turn } = story;
  const { text, at, attachments } = said;
  const externalId = hostedId(of, said.externalId);
  const line: Message = turn.say({ role: "visitor", text, at, attachments, externalId }, VISITOR);
  if (turn.handoff?.mode === "live") {
    turn.update({ idleAt: idleLimit(setup, turn.now) });
    relayToHelpdesk(turn, deps, line);
  }
  const { control, dialog } = turn.conversation;
  if (control === "bot" && dialog?.by === "questions") {
    const submission = answerDialog(turn, setup, deps, text);
    if (submission !== null) await submit(story, dialog, submission);
    return;
  }
  hear(story, line);
}

function hear(story: Story, { seq }: Message): void {
  story.asked = { afterSeq: story.asked?.afterSeq ?? seq - 1, seq };
}

/**
 * The bot is asked what nobody has heard, if it has the word. Where it has not, that is kept until the next reading shows who had the
 * conversation when it was said: messages are read after the state, and a person may have let go in between.
 */
function hearOut({ turn, asked }: Story, view: HostedView, read: { knownSeq: number; isStale: boolean }): void {
  const { control, host } = turn.conversation;
  if (host === null) return;
  const keep = (unheard: number | null) => turn.change({ host: { ...host, unheard } });
  if (asked === null) keep(null);
  else if (control === "bot" && view.status === "pending") {
    oweTurn(turn, asked);
    keep(null);
  } else if (read.isStale || (control === "bot" && view.status !== "resolved")) keep(asked.afterSeq);
  // The team elsewhere is told all of it.
  else if (control === "human" && !isInPlace(turn.conversation, turn.handoff?.destination ?? null)) keep(null);
  else keep(asked.seq > read.knownSeq ? Math.max(asked.afterSeq, read.knownSeq) : null);
}

/** The lead is taken in the same unit; the story goes on with the conversation as it is then. */
async function submit(story: Story, { handoffId, by }: LeadDialog, submission: LeadSubmission): Promise<void> {
  const { tx, deps, of, setup } = story;
  await story.turn.save();
  await submitFromDialog(tx, deps, { workspaceId: of.workspaceId, botId: of.botId, handoffId }, { submission, by });
  const conversation = await tx.lockConversation(of.workspaceId, story.turn.conversation.id);
  if (conversation === null) throw new Error("a conversation that is locked cannot go away");
  const open = conversation.openHandoffId;
  const handoff = open === null ? null : await tx.handoff(of.workspaceId, open);
  const callbackUrl = conversation.callbackUrl ?? setup.bot.callbackUrl;
  story.turn = beginTurn(tx, { conversation, handoff, callbackUrl, now: deps.clock() });
}

/** Who has it there, and how it stands. */
async function applyState(story: Story, view: HostedView): Promise<void> {
  const { tx, deps, of, setup, turn } = story;
  const { handoff } = turn;
  // What is held back was said before: only then may the bot speak again.
  if (view.isIncomplete) return;
  const isLive = handoff?.mode === "live";
  if (isLive && isInPlace(turn.conversation, handoff.destination)) {
    applyAssignee(turn, setup, view.assignee);
    if (!(await isSettled(tx, handoff, of))) return;
    // An opening that was refused, or is not needed any more: whoever has it there has it.
    if (!handoff.opened && (view.status === "open" || view.status === "resolved")) turn.update({ opened: true });
    applyStatus(turn, setup, deps, view.status);
    return;
  }
  const last = handoff ?? (await tx.lastHandoff(of.workspaceId, turn.conversation.id));
  if (last !== null && !(await isSettled(tx, last, of))) return;
  const isOpen = view.status === "open";
  const { assignee } = view;
  if (!isOpen && (view.status !== "pending" || assignee === null)) return;
  if (!isOpen && isLeftover(last, assignee) && !(await wasLetGo(tx, last, of))) {
    oweLettingGo(turn, last);
    return;
  }
  // The channel's own opening after a webhook that failed, or somebody who does not take it: a person elsewhere has the visitor.
  if (isLive && assignee === null) {
    oweReturn(turn, "give_back", "");
    return;
  }
  takeOver(turn, setup, deps, { isOpen });
  applyAssignee(turn, setup, assignee);
}

/** What is owed here because of a handoff. */
async function owedHere(tx: Tx, { workspaceId, id: handoffId }: Handoff, { connectionId }: Reading) {
  return (await tx.deliveries(workspaceId, { handoffId, connectionId, limit: 100 })).items;
}

/** False while what stood there when it was asked for may be older than our own opening or letting go. */
async function isSettled(tx: Tx, last: Handoff, of: Reading): Promise<boolean> {
  if (last.endedAt !== null && last.endedAt >= of.askedAt) return false;
  const owed = await owedHere(tx, last, of);
  const ours = owed.filter((one) => one.kind === "helpdesk_open" || one.kind === "helpdesk_close");
  return ours.every((one) => one.doneAt !== null && one.doneAt < of.askedAt);
}

/** Nobody stood as assigned any more: whoever does now was assigned again. */
const wasLetGo = async (tx: Tx, last: Handoff, of: Reading): Promise<boolean> =>
  (await owedHere(tx, last, of)).some((one) => one.kind === "helpdesk_close" && one.state === "done");

/** A live handoff here is looked at like any other; what the bot has needs no looks but those that news asks for. */
function watch(turn: Turn, view: HostedView, isNews: boolean): void {
  const { handoff, conversation } = turn;
  if (handoff !== null && isInPlace(conversation, handoff.destination))
    scheduleLook(turn, { isNews, isIncomplete: view.isIncomplete });
}
