import type { Conversation } from "../domain/conversation.ts";
import { DeliveryError } from "../domain/delivery.ts";
import type { Handoff, HelpdeskRef } from "../domain/handoff.ts";
import { SYSTEM } from "../domain/handoff.ts";
import type { Destination } from "../domain/settings.ts";
import { isOpenStatus } from "../domain/states.ts";
import type { BotTurns, Callbacks, Connector, Duties, Effect, InPlace, OpenRequest, Then } from "../ports.ts";
import type { Bot, Delivery } from "../ports-store.ts";
import { briefOf, transcriptOf } from "./brief.ts";
import type { Deps } from "./deps.ts";
import { viewEvents } from "./events.ts";
import { goOnElsewhere, isKnownStale, stayWhereItIs } from "./go-on.ts";
import { createHostedLooks } from "./hosted/look.ts";
import { isInPlace, refOf } from "./hosted/place.ts";
import { sayLine } from "./hosted/say-line.ts";
import { saveAndSubmit } from "./hosted/submit.ts";
import { askBot, awaitBot } from "./hosted/turns.ts";
import { lookAtWaiting } from "./hosted/wait.ts";
import { loadHandoff } from "./load.ts";
import { createLooks } from "./looks.ts";
import { mailOf } from "./mail.ts";
import { saveProblem } from "./news.ts";
import { end, FIRST_LOOK_MS, OPENED_LOOK_MS, miss, moveOn, oweClose } from "./transitions.ts";

export interface DutiesDeps extends Deps {
  readonly callbacks: Callbacks;
  readonly turns: BotTurns;
  /** The bot's signing secret, opened. */
  readonly secretOf: (bot: Bot) => string;
}

/** What the worker does with what is owed: one function per kind of delivery. */
export function createDuties(deps: DutiesDeps): Duties {
  const hosted = createHostedLooks(deps);
  const looks = createLooks(deps, hosted);
  return {
    perform: (delivery, effect) => perform(deps, delivery, effect),
    abandoned(delivery) {
      if (delivery.kind === "helpdesk_open") return giveUpOpening(deps, delivery);
      return delivery.kind === "helpdesk_message" ? stayWhereItIs(deps, delivery) : null;
    },
    settleMs: (delivery) => (delivery.connectionId === null ? 0 : deps.connectors.settleMs(delivery.connectionId)),
    look: (workspaceId, handoffId) => looks.look(workspaceId, handoffId),
    webhook: (row) => looks.webhook(row),
    waiting: () => lookAtWaiting(deps, hosted),
    overdue: (handoff) => overdue(deps, handoff),
    connectionDown: (connectionId, problem) => connectionDown(deps, connectionId, problem),
    connectionUp: (connectionId) => setProblem(deps, connectionId, null),
  };
}

function perform(deps: DutiesDeps, delivery: Delivery, effect: Effect): Promise<Then> {
  switch (delivery.kind) {
    case "helpdesk_open":
      return open(deps, delivery, effect);
    case "helpdesk_message":
      return message(deps, delivery, effect);
    case "helpdesk_close":
      return close(deps, delivery, effect);
    case "helpdesk_lead":
      return lead(deps, delivery, effect);
    case "callback":
      return callback(deps, delivery);
    case "email":
      return email(deps, delivery);
    case "bot_turn":
      return askBot(deps, delivery);
    case "bot_wait":
      return awaitBot(deps, delivery);
    case "hosted_line":
      return sayLine(deps, delivery, effect);
  }
}

const gone = (what: string): DeliveryError => new DeliveryError("permanent", `${what} no longer exists.`);

async function connectorFor(deps: Deps, delivery: Delivery): Promise<Connector> {
  const connector = await deps.connectors.get(delivery.workspaceId, delivery.connectionId ?? "");
  if (connector === null) throw gone("The connection that this was for");
  return connector;
}

async function subjectOf(deps: Deps, delivery: Delivery) {
  const { read } = deps.store;
  const { workspaceId } = delivery;
  const handoff = delivery.handoffId === null ? null : await read.handoff(workspaceId, delivery.handoffId);
  const conversation =
    delivery.conversationId === null ? null : await read.conversation(workspaceId, delivery.conversationId);
  if (handoff === null || conversation === null) throw gone("The conversation that this was for");
  return { handoff, conversation };
}

const wantsOpening = (handoff: Handoff, connectionId: string | null): boolean =>
  isOpenStatus(handoff.status) && handoff.mode === "live" && handoff.destination?.id === connectionId;

/**
 * Whether an opening is the one that the handoff waits for. One that was missed and asked for again is opened anew, with all that was
 * said in between: the notes of an opening begun earlier end before that.
 */
function isLatestOpening({ payload }: Delivery, { transcriptSeq }: Handoff): boolean {
  const { upTo } = payload;
  return typeof upTo !== "number" || upTo === transcriptSeq;
}

const mayStandThere = (begun: Pick<Delivery, "mayHaveHappened" | "progress">): boolean =>
  begun.mayHaveHappened || Object.keys(begun.progress).length > 0;

async function open(deps: Deps, delivery: Delivery, effect: Effect): Promise<Then> {
  const connector = await connectorFor(deps, delivery);
  const { handoff, conversation } = await subjectOf(deps, delivery);
  const { destination } = handoff;
  const standsThere = handoff.ref !== null && destination?.id === delivery.connectionId;
  const isWanted = wantsOpening(handoff, delivery.connectionId) && isLatestOpening(delivery, handoff);
  if (destination === null || !isWanted) {
    // What stands there as the handoff's own is ended by whoever ends the handoff.
    if (!standsThere) await undoOpening(connector, { handoff, conversation }, delivery, effect);
    return null;
  }
  if (standsThere && handoff.opened) return null;
  const transcript = await transcriptOf(deps.store.read, conversation, handoff.transcriptSeq);
  const request: OpenRequest = {
    handoffId: handoff.id,
    conversationId: conversation.id,
    destination: { ...destination, priority: handoff.priority ?? destination.priority },
    brief: await briefOf(deps.store.read, conversation, handoff, transcript),
    lastWords: transcript.findLast((one) => one.role === "visitor") ?? null,
    continues: null,
    agentId: null,
    inPlace: inPlaceOf(conversation, handoff),
  };
  const ref = await openOrContinue(connector, request, effect, request.inPlace ? null : handoff.ref);
  return async (tx) => {
    const of = { workspaceId: delivery.workspaceId, handoffId: handoff.id };
    const { turn, handoff: now } = await loadHandoff(tx, deps, of);
    if (now.destination?.id !== delivery.connectionId) {
      oweClose(turn, elsewhere(delivery), "Baton: the visitor was passed to another team.", ref);
      await turn.save();
      return;
    }
    if (!isLatestOpening(delivery, now))
      throw new DeliveryError("transient", "The visitor asked again meanwhile: what this attempt opened is ended.");
    const before = await tx.handoffByRef(of.workspaceId, now.destination.id, ref.conversationId);
    // Whoever had an earlier handoff of this conversation has not accepted this one by that.
    const assigneeId = before === null || before.id === now.id ? now.assigneeId : before.assigneeId;
    turn.update({ opened: true, ref, openBy: null, assigneeId });
    if (!isOpenStatus(now.status)) oweClose(turn, now.destination, "Baton: the visitor no longer waits.", ref);
    // It may have stood there for a while.
    else turn.lookAt(new Date(turn.now.getTime() + (effect.mayHaveHappened ? 0 : OPENED_LOOK_MS)));
    if (isOpenStatus(now.status) && now.mode === "live") turn.record("handoff.opened", SYSTEM);
    await turn.save();
  };
}

/** The bot spoke in the helpdesk itself: its conversation is opened there. */
function inPlaceOf({ host }: Conversation, { destination, status }: Handoff): InPlace | null {
  if (host === null || host.connectionId !== destination?.id) return null;
  return { conversationId: host.conversationId, isTaken: status === "acknowledged" };
}

/**
 * A handoff that stands in the helpdesk already, as a lead or after nobody accepted it in time, goes on in that conversation:
 * two of them would split what is said.
 */
async function openOrContinue(
  connector: Connector,
  request: OpenRequest,
  effect: Effect,
  ref: HelpdeskRef | null,
): Promise<HelpdeskRef> {
  if (ref === null) return await connector.open(request, effect);
  const { contactId, conversationId } = ref;
  const reached = { conversationId, ...(contactId !== null && { contactId }), ...effect.progress };
  try {
    return await connector.open(request, { ...effect, progress: reached });
  } catch (error) {
    const isGone =
      error instanceof DeliveryError && error.kind === "permanent" && Object.keys(effect.progress).length === 0;
    if (!isGone) throw error;
    return await connector.open(request, effect);
  }
}

/** Nobody wants it any more: what an earlier attempt may have left there is found by our key and ended. */
async function undoOpening(
  connector: Connector,
  { handoff, conversation }: { handoff: Handoff; conversation: Conversation },
  delivery: Delivery,
  effect: Effect,
): Promise<void> {
  const { id: handoffId, conversationId } = handoff;
  const note = "Baton: this request went on without this helpdesk.";
  const isHere = conversation.host?.connectionId === delivery.connectionId;
  if (isHere && !mayStandThere(effect)) return;
  const ref = isHere && conversation.host ? refOf(conversation.host) : null;
  const inPlace = isHere ? "give_back" : null;
  await connector.close({ handoffId, conversationId, ref, progress: effect.progress, note, inPlace }, effect);
}

const elsewhere = (delivery: Delivery): Destination => ({
  id: delivery.connectionId ?? "",
  team: null,
  priority: null,
  labels: [],
});

function giveUpOpening(deps: Deps, delivery: Delivery): Then {
  return async (tx) => {
    const of = { workspaceId: delivery.workspaceId, handoffId: delivery.handoffId ?? "" };
    const { turn, setup, handoff } = await loadHandoff(tx, deps, of);
    // The delivery as it was claimed does not hold what this attempt reached.
    const tried = (await tx.delivery(delivery.workspaceId, delivery.n)) ?? delivery;
    const isOwn = handoff.ref !== null && handoff.destination?.id === delivery.connectionId;
    if (mayStandThere(tried) && !isOwn)
      oweClose(turn, elsewhere(delivery), "Baton: this request went on without this helpdesk.");
    if (handoff.destination?.id === delivery.connectionId && isLatestOpening(delivery, handoff))
      await moveOn(turn, setup, deps, "The helpdesk refused to open the conversation.");
    await saveAndSubmit(turn, deps);
  };
}

async function message(deps: Deps, delivery: Delivery, effect: Effect): Promise<Then> {
  const connector = await connectorFor(deps, delivery);
  const { handoff, conversation } = await subjectOf(deps, delivery);
  const { seq } = delivery.payload as { seq: number };
  // It moved on, or ended before it was opened; the transcript that opens the next destination holds this message.
  if (handoff.destination?.id !== delivery.connectionId || handoff.ref === null) return null;
  if (seq <= handoff.transcriptSeq) return null;
  const [said] = await deps.store.read.messages(delivery.workspaceId, conversation.id, {
    afterSeq: seq - 1,
    upToSeq: seq,
    limit: 1,
  });
  if (said === undefined) throw gone("The message");
  const sent = isKnownStale(effect) ? "stale" : await connector.send(handoff.ref, said, effect);
  return sent === "sent" ? null : await goOnElsewhere(deps, { connector, handoff, conversation, said, effect });
}

async function close(deps: Deps, delivery: Delivery, effect: Effect): Promise<Then> {
  const connector = await connectorFor(deps, delivery);
  const { handoff, conversation } = await subjectOf(deps, delivery);
  const {
    note,
    ref,
    inPlace = null,
  } = delivery.payload as {
    note: string;
    ref: HelpdeskRef | null;
    inPlace?: "give_back" | "let_go";
  };
  if (inPlace !== null) {
    const { host, id: conversationId } = conversation;
    if (host === null) throw gone("The conversation that this was for");
    const request = { handoffId: handoff.id, conversationId, ref: refOf(host), progress: {}, note, inPlace };
    await connector.close(request, effect);
    return null;
  }
  // The handoff stands here again, as a lead: what was to be ended has become the team's conversation with it.
  if (isOpenStatus(handoff.status) && handoff.ref !== null && handoff.destination?.id === delivery.connectionId)
    return null;
  const own = handoff.destination?.id === delivery.connectionId ? handoff.ref : null;
  const filter = { handoffId: handoff.id, connectionId: delivery.connectionId ?? undefined, limit: 100 };
  const owed = await deps.store.read.deliveries(delivery.workspaceId, filter);
  const opening = owed.items.find((one) => one.kind === "helpdesk_open");
  await connector.close(
    {
      handoffId: handoff.id,
      conversationId: conversation.id,
      ref: ref ?? own,
      progress: opening?.progress ?? {},
      note,
    },
    effect,
  );
  return null;
}

async function lead(deps: Deps, delivery: Delivery, effect: Effect): Promise<Then> {
  const connector = await connectorFor(deps, delivery);
  const { handoff, conversation } = await subjectOf(deps, delivery);
  const { destination } = delivery.payload as { destination: Destination };
  const current = handoff.destination?.id ?? destination.id;
  // The handoff moved to another helpdesk, and the lead with it.
  if (current !== destination.id && !deps.connectors.isLocal(current)) return null;
  const left = await deps.store.read.leadOfHandoff(delivery.workspaceId, handoff.id);
  if (left === null) throw gone("The lead");
  const host = isInPlace(conversation, destination) ? conversation.host : null;
  const known = handoff.destination?.id === destination.id ? handoff.ref : null;
  const transcript = await transcriptOf(deps.store.read, conversation, left.transcriptSeq);
  const brief = await briefOf(deps.store.read, conversation, handoff, transcript);
  const there = host === null ? known : refOf(host);
  const ref = await connector.lead({ lead: left, brief, destination, ref: there, inPlace: host !== null }, effect);
  if (known !== null) return null;
  return async (tx) => {
    const of = { workspaceId: delivery.workspaceId, handoffId: handoff.id };
    const { turn, handoff: now } = await loadHandoff(tx, deps, of);
    // From here on an agent's reply to the lead finds its way to the visitor.
    if (now.ref === null && (now.destination === null || now.destination.id === destination.id)) {
      turn.update({ destination, ref });
      if (isOpenStatus(now.status)) turn.lookAt(new Date(turn.now.getTime() + FIRST_LOOK_MS));
    }
    await turn.save();
  };
}

async function callback(deps: DutiesDeps, delivery: Delivery): Promise<Then> {
  const { read } = deps.store;
  const { workspaceId, conversationId } = delivery;
  const conversation = conversationId === null ? null : await read.conversation(workspaceId, conversationId);
  if (conversation === null) throw gone("The conversation that this was for");
  const bot = await read.bot(workspaceId, conversation.botId);
  const url = conversation.callbackUrl ?? bot?.callbackUrl ?? null;
  if (bot === null || url === null) throw new DeliveryError("permanent", "The bot has no callback URL any more.");
  const { seq } = delivery.payload as { seq: number };
  const events = await read.events(workspaceId, conversation.id, { afterSeq: seq - 1, limit: 1 });
  const [event] = await viewEvents(read, conversation, events);
  if (event === undefined) throw gone("The event");
  const { id, type, timestamp, data } = event;
  const { requestId } = delivery;
  await deps.callbacks.send({ url, secret: deps.secretOf(bot), id, requestId, body: { type, timestamp, data } });
  return null;
}

async function email(deps: Deps, delivery: Delivery): Promise<Then> {
  if (deps.mailer === null)
    // Not counted as an attempt, so that it is never given up.
    throw new DeliveryError("rate_limited", "No mail server is set: give SMTP_URL and start again. The mail is kept.", {
      retryAfterSeconds: 3_600,
    });
  await deps.mailer.send(await mailOf(deps.store.read, delivery));
  return null;
}

/** A limit has passed; which one is read again under the lock, since something may have happened in the meantime. */
async function overdue(deps: Deps, seen: Handoff): Promise<void> {
  await deps.store.write(async (tx) => {
    const { turn, setup, handoff } = await loadHandoff(tx, deps, { workspaceId: seen.workspaceId, handoffId: seen.id });
    const { now } = turn;
    const passed = (limit: Date | null) => limit !== null && limit <= now;
    if (passed(handoff.openBy) && !handoff.opened)
      await moveOn(turn, setup, deps, "The helpdesk did not open the conversation in time.");
    // Someone has accepted it in an earlier part of the story: this limit is behind it.
    if (passed(turn.handoff?.openBy ?? null) && turn.handoff?.status === "acknowledged") turn.update({ openBy: null });
    if (passed(handoff.acceptBy) && turn.handoff?.status === "pending") miss(turn, setup, deps, "not_accepted_in_time");
    if (passed(handoff.idleAt) && turn.handoff?.mode === "live")
      end(turn, setup, deps, { as: "resolved", actor: SYSTEM, because: "idle", fromHelpdesk: false });
    await saveAndSubmit(turn, deps);
  });
}

async function connectionDown(deps: Deps, connectionId: string, problem: string): Promise<void> {
  await setProblem(deps, connectionId, problem);
  const connection = await deps.store.read.connectionById(connectionId);
  if (connection === null) return;
  const { workspaceId } = connection;
  for (const { id } of await deps.store.read.unopenedHandoffs(workspaceId, connectionId)) {
    await deps.store.write(async (tx) => {
      const { turn, setup, handoff } = await loadHandoff(tx, deps, { workspaceId, handoffId: id });
      if (handoff.destination?.id !== connectionId) return;
      await moveOn(turn, setup, deps, "The helpdesk does not answer.");
      await saveAndSubmit(turn, deps);
    });
  }
}

async function setProblem(deps: Deps, connectionId: string, problem: string | null): Promise<void> {
  const connection = await deps.store.read.connectionById(connectionId);
  if (connection === null || connection.problem === problem) return;
  await deps.store.write(async (tx) => {
    const now = await tx.connectionById(connectionId);
    if (now !== null) await saveProblem(tx, now, problem, deps.clock());
  });
}
