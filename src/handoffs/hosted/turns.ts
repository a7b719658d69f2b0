import type { Conversation, Message } from "../../domain/conversation.ts";
import { DeliveryError } from "../../domain/delivery.ts";
import type { BotAnswer, Then } from "../../ports.ts";
import type { Bot, Delivery, Tx } from "../../ports-store.ts";
import type { Deps } from "../deps.ts";
import type { DutiesDeps } from "../duties.ts";
import { viewMessage } from "../events.ts";
import { HandoffRequest, prepareRequest, requestHandoff } from "../request.ts";
import type { Prepared } from "../request.ts";
import { beginTurn } from "../turn.ts";

/** Lines before the new ones that a bot is told along with them. */
const HISTORY = 50;
/** Lines in one question, new ones and those before. */
const MOST_LINES = 500;
/** A bot that fails is asked once more, in case it was just starting. */
const MOST_ASKED = 2;
/** How long a bot that will answer later may take. */
const LATER_MS = 30_000;

interface Asked {
  readonly afterSeq: number;
  readonly seq: number;
  readonly epoch: number;
}

/**
 * Asks the bot what it says to the visitor's new words. One that fails or takes too long leads to a person, not to silence.
 * Throws DeliveryError to be tried again.
 */
export async function askBot(deps: DutiesDeps, delivery: Delivery): Promise<Then> {
  const subject = await subjectOf(deps, delivery);
  if (subject === null) return null;
  const { conversation, bot, asked } = subject;
  if (bot.messageUrl === null) return await callPerson(deps, delivery, "No bot is set up to answer here.", null);
  let answer: BotAnswer;
  try {
    answer = await deps.turns.ask({
      url: bot.messageUrl,
      secret: deps.secretOf(bot),
      id: turnId(conversation, asked),
      body: await questionOf(deps, conversation, asked),
    });
  } catch (error) {
    if (!(error instanceof DeliveryError)) throw error;
    const mayPass = error.kind === "transient" && !error.ambiguous;
    if (mayPass && delivery.attempts < MOST_ASKED) throw error;
    return await callPerson(deps, delivery, `The bot did not answer. ${error.message}`, error);
  }
  if (answer.isLater) return (tx) => oweWait(tx, delivery, asked);
  const prepared = answer.handoff === null ? null : await prepareRequest(deps, conversation.workspaceId, bot.id);
  return async (tx) => {
    if (!(await say(tx, deps, delivery, asked, answer.messages))) return;
    if (answer.handoff !== null && prepared !== null)
      await ask(tx, deps, prepared, { key: conversation.key, ...answer.handoff });
  };
}

/** A bot that promised to answer by itself: once its time is over, a person is called. */
export async function awaitBot(deps: DutiesDeps, delivery: Delivery): Promise<Then> {
  const subject = await subjectOf(deps, delivery);
  if (subject === null) return null;
  const { conversation, asked } = subject;
  const after = await deps.store.read.messages(delivery.workspaceId, conversation.id, {
    afterSeq: asked.seq,
    limit: HISTORY,
  });
  // It spoke, or asked for a person and the visitor was told.
  if (after.some((line) => line.role !== "visitor")) return null;
  const left = delivery.createdAt.getTime() + LATER_MS - deps.clock().getTime();
  // Not counted as an attempt: it is the bot's time that passes.
  if (left > 0)
    throw new DeliveryError("rate_limited", "Waiting for the bot's answer.", { retryAfterSeconds: left / 1_000 });
  return await callPerson(deps, delivery, "The bot did not answer in time.", null);
}

/** What the delivery is about; null when it has become pointless: a person has the conversation, or had it since. */
async function subjectOf(
  deps: DutiesDeps,
  delivery: Delivery,
): Promise<{ conversation: Conversation; bot: Bot; asked: Asked } | null> {
  const { workspaceId } = delivery;
  const conversation = await deps.store.read.conversation(workspaceId, delivery.conversationId ?? "");
  const bot = conversation && (await deps.store.read.bot(workspaceId, conversation.botId));
  if (conversation === null || bot === null)
    throw new DeliveryError("permanent", "The conversation that this was for no longer exists.");
  const asked = delivery.payload as unknown as Asked;
  return isStale(conversation, asked) ? null : { conversation, bot, asked };
}

const isStale = ({ control, epoch }: Conversation, asked: Asked): boolean =>
  control === "human" || epoch !== asked.epoch;

/** Stable over all attempts. */
const turnId = ({ id }: Conversation, { seq }: Asked): string => `turn_${id.slice(4)}_${seq}`;

async function questionOf(
  deps: Deps,
  conversation: Conversation,
  { afterSeq, seq, epoch }: Asked,
): Promise<Readonly<Record<string, unknown>>> {
  const { workspaceId, id, visitor, locale, channel, pageUrl } = conversation;
  // Of very many the newest: what the bot answers is at the end.
  const from = Math.max(0, afterSeq - HISTORY, seq - MOST_LINES);
  const lines = await deps.store.read.messages(workspaceId, id, { afterSeq: from, upToSeq: seq, limit: MOST_LINES });
  const isNew = (line: Message): boolean => line.seq > afterSeq && line.role === "visitor";
  return {
    type: "turn.requested",
    timestamp: deps.clock().toISOString(),
    data: {
      conversation: { id: conversation.key, visitor, locale, channel, pageUrl },
      epoch,
      messages: lines.filter(isNew).map(viewMessage),
      history: lines.filter((line) => !isNew(line)).map(viewMessage),
    },
  };
}

/** Keeps what the bot said, and so says it. False when a person has the conversation, or had it since the bot was asked. */
async function say(
  tx: Tx,
  deps: Deps,
  delivery: Delivery,
  asked: Asked,
  messages: Extract<BotAnswer, { isLater: false }>["messages"],
): Promise<boolean> {
  const { workspaceId } = delivery;
  const conversation = await tx.lockConversation(workspaceId, delivery.conversationId ?? "");
  if (conversation === null) return false;
  if (isStale(conversation, asked)) {
    deps.log.info("bot_answer_too_late", { workspaceId, conversationId: conversation.id });
    return false;
  }
  const setup = await deps.bots.get(tx, workspaceId, conversation.botId);
  const open = conversation.openHandoffId;
  const handoff = open === null ? null : await tx.handoff(workspaceId, open);
  const callbackUrl = conversation.callbackUrl ?? setup.bot.callbackUrl;
  const turn = beginTurn(tx, { conversation, handoff, callbackUrl, now: deps.clock() });
  for (const { text, attachments } of messages)
    turn.say({ role: "bot", text, attachments, at: turn.now }, { kind: "bot", id: null, name: null });
  await turn.save();
  return true;
}

/** Nobody of ours can answer: a person is asked for, as the bot's settings allow it. Throws `unanswered` where they do not. */
async function callPerson(
  deps: DutiesDeps,
  delivery: Delivery,
  reason: string,
  unanswered: DeliveryError | null,
): Promise<Then> {
  const conversation = await deps.store.read.conversation(delivery.workspaceId, delivery.conversationId ?? "");
  if (conversation === null) return null;
  const { workspaceId, botId, key } = conversation;
  const prepared = await prepareRequest(deps, workspaceId, botId);
  const { enabled, trigger } = prepared.setup.settings;
  if (!enabled || trigger === "button")
    throw unanswered ?? new DeliveryError("permanent", `${reason} The bot's settings allow no handoff.`);
  deps.log.warn("bot_failed_person_called", { workspaceId, botId, conversationId: conversation.id });
  return async (tx) => {
    const now = await tx.lockConversation(workspaceId, conversation.id);
    if (now === null || isStale(now, delivery.payload as unknown as Asked)) return;
    await ask(tx, deps, prepared, { key, trigger: "bot", reason, priority: null, summary: null });
  };
}

function ask(
  tx: Tx,
  deps: Deps,
  prepared: Prepared,
  {
    key,
    trigger,
    reason,
    priority,
    summary,
  }: { key: string } & NonNullable<Extract<BotAnswer, { isLater: false }>["handoff"]>,
): Promise<unknown> {
  const request = HandoffRequest.parse({ conversation: { id: key, summary }, trigger, reason, priority });
  return requestHandoff(tx, deps, prepared, request);
}

async function oweWait(tx: Tx, delivery: Delivery, asked: Asked): Promise<void> {
  const { workspaceId, conversationId } = delivery;
  const lane = `bot_wait:${conversationId ?? ""}:${asked.seq}`;
  const wait = { workspaceId, lane, kind: "bot_wait", connectionId: null, conversationId, handoffId: null } as const;
  await tx.addDeliveries([{ ...wait, payload: { ...asked } }], delivery.startedAt ?? delivery.createdAt);
}
