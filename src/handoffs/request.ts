import { z } from "zod";
import { ConversationInput, HttpUrl, NO_VISITOR, PRIORITIES, TRIGGERS } from "../domain/conversation.ts";
import type { Conversation } from "../domain/conversation.ts";
import { decide } from "../domain/decision.ts";
import type { Because, Candidate, Decision, Outcome } from "../domain/decision.ts";
import type { Actor, Handoff } from "../domain/handoff.ts";
import { INBOX } from "../domain/settings.ts";
import { newId } from "../ids.ts";
import type { Tx } from "../ports-store.ts";
import { formFor, guidance, replies, tellsOpening } from "./answer.ts";
import type { Form, Reply } from "./answer.ts";
import type { BotSetup, Deps } from "./deps.ts";
import { beginDialog } from "./hosted/dialog.ts";
import { saveAndSubmit } from "./hosted/submit.ts";
import { oweHandoffMail } from "./mail.ts";
import { relayToHelpdesk } from "./relay.ts";
import { newLines } from "./transcript.ts";
import { acceptLimit, idleLimit, openAtDestination } from "./transitions.ts";
import { beginTurn } from "./turn.ts";
import type { Turn } from "./turn.ts";

/** Body of `POST /v1/handoffs` (design.md section 6). Only `conversation.id` is required. */
export const HandoffRequest = z
  .strictObject({
    conversation: ConversationInput,
    trigger: z.enum(TRIGGERS).default("visitor").meta({
      description: "Who asks: the visitor in words, the visitor's button, or the bot",
    }),
    reason: z
      .string()
      .max(2_000)
      .nullish()
      .transform((reason) => reason || null),
    priority: z
      .enum(PRIORITIES)
      .nullish()
      .transform((priority) => priority ?? null),
    callbackUrl: HttpUrl.nullish().transform((url) => url ?? null),
  })
  .meta({ id: "HandoffRequest" });
export type HandoffRequest = z.infer<typeof HandoffRequest>;

/** What a request for a person came to. */
export interface HandoffAnswer {
  readonly isNew: boolean;
  readonly handoff: Handoff | null;
  readonly conversation: Conversation;
  readonly decision: { outcome: Outcome; because: Because; opensAt: Date | null; closesAt: Date | null };
  readonly guidance: string;
  readonly reply: readonly Reply[];
  readonly form: Form | null;
}

/** What must be asked before the unit of work begins, since nothing in it may wait on the network. */
export interface Prepared {
  readonly setup: BotSetup;
  readonly candidates: readonly Candidate[];
}

/** Reads the bot and asks who is online. Throws HandoffError `not_found`. */
export async function prepareRequest(deps: Deps, workspaceId: string, botId: string): Promise<Prepared> {
  const setup = await deps.bots.get(deps.store.read, workspaceId, botId);
  return { setup, candidates: await candidatesOf(deps, setup) };
}

/** The bot's destinations as they are right now. */
export async function candidatesOf(deps: Deps, { bot, settings }: BotSetup): Promise<readonly Candidate[]> {
  return await Promise.all(
    settings.destinations.map(async (destination) => {
      const local = deps.connectors.isLocal(destination.id);
      const presenceRequired = settings.presence === null ? local : settings.presence === "require";
      const down = deps.circuits.isDown(destination.id);
      const asked = presenceRequired && !down;
      const online = asked ? await deps.presence.online(bot.workspaceId, destination) : null;
      return { destination: destination.id, presenceRequired, online, down };
    }),
  );
}

/** What is asked before a decision, in the form that `decide` takes. */
export function decisionInput(
  { setup, candidates }: Prepared,
  asked: { asker: HandoffRequest["trigger"] | null; alreadyOpen: boolean; pendingCount: number; at: Date },
): Parameters<typeof decide>[0] {
  const { settings, schedule } = setup;
  return {
    enabled: settings.enabled,
    trigger: settings.trigger,
    neverAvailable: settings.neverAvailable,
    agentsAvailable: settings.agentsAvailable,
    queueLimit: settings.queueLimit,
    asker: asked.asker,
    alreadyOpen: asked.alreadyOpen,
    schedule: schedule.at(asked.at),
    candidates,
    pendingCount: asked.pendingCount,
  };
}

/**
 * A bot or visitor asks for a person: decides by the bot's settings, and stores the handoff with everything owed because of
 * it in one unit of work. Helpdesks are called later.
 */
export async function requestHandoff(
  tx: Tx,
  deps: Deps,
  prepared: Prepared,
  request: HandoffRequest,
): Promise<HandoffAnswer> {
  const { setup } = prepared;
  const now = deps.clock();
  const turn = await beginTold(tx, setup, deps, request, now);
  const open = turn.handoff;
  const pendingCount = setup.settings.queueLimit > 0 ? await waitingFor(tx, setup) : 0;
  // A lead that still stands may become live when the team is there by now; a live handoff is simply the one.
  const alreadyOpen = open !== null && (open.mode === "live" || open.status === "acknowledged");
  const decision = decide(decisionInput(prepared, { asker: request.trigger, alreadyOpen, pendingCount, at: now }));
  const actor: Actor = { kind: request.trigger === "bot" ? "bot" : "visitor", id: null, name: null };
  const lead = open === null ? null : await tx.leadOfHandoff(setup.bot.workspaceId, open.id);
  const hasLead = lead !== null;

  if (decision.outcome === "declined") {
    await turn.save();
    const { because } = decision;
    await tx.countDeclined(setup.bot.workspaceId, setup.bot.id, because, now);
    return answer(turn, setup, deps, { outcome: "declined", because, decision, isNew: false, hasLead });
  }
  if (open !== null && (alreadyOpen || decision.outcome === "lead")) {
    const told = { outcome: open.mode, because: "already_open", decision, isNew: false, hasLead } as const;
    const given = answer(turn, setup, deps, told);
    if (turn.conversation.host !== null) sayAnswer(turn, setup, deps, given);
    await saveAndSubmit(turn, deps);
    return shown({ ...given, conversation: turn.conversation });
  }
  if (open === null) {
    turn.handoff = newHandoff(turn, setup, request, decision);
    turn.change({ openHandoffId: turn.handoff.id });
  } else {
    const { trigger, reason, priority } = request;
    turn.update({ trigger, reason: reason ?? open.reason, priority: priority ?? open.priority });
  }
  turn.record("handoff.requested", actor, { because: decision.because, trigger: request.trigger });
  if (decision.outcome === "live") goLive(turn, setup, deps, decision);
  const given = answer(turn, setup, deps, {
    outcome: decision.outcome,
    because: decision.because,
    decision,
    isNew: open === null,
    hasLead,
  });
  sayAnswer(turn, setup, deps, given);
  await saveAndSubmit(turn, deps);
  return shown({ ...given, handoff: turn.handoff, conversation: turn.conversation });
}

/** What the visitor is told, as lines of the conversation; with the form, where Baton shows it itself. */
function sayAnswer(turn: Turn, setup: BotSetup, deps: Deps, { reply, form, decision }: HandoffAnswer): void {
  for (const { text } of reply) turn.add({ role: "system", text, at: turn.now });
  const isShownAlready = decision.outcome === "live" && decision.because === "already_open";
  if (form !== null && !isShownAlready && turn.handoff !== null) beginDialog(turn, setup, deps, turn.handoff);
}

/** Counted by one request at a time: several that count beside each other would all find the last place free. */
async function waitingFor(tx: Tx, { bot }: BotSetup): Promise<number> {
  await tx.lock(`queue ${bot.id}`);
  return await tx.pendingCount(bot.workspaceId, bot.id);
}

/** Where Baton speaks with the visitor itself, the bot has nothing to show. */
const shown = (given: HandoffAnswer): HandoffAnswer =>
  given.conversation.host === null ? given : { ...given, reply: [], form: null };

/** The turn, with what the bot told about the conversation taken over and new lines of its transcript added. */
export async function beginTold(
  tx: Tx,
  setup: BotSetup,
  deps: Deps,
  request: { conversation: ConversationInput; callbackUrl: string | null },
  now: Date,
): Promise<Turn> {
  const { bot } = setup;
  const told = request.conversation;
  const known = await tx.lockConversationByKey(bot.workspaceId, bot.id, told.id);
  const conversation = known ?? emptyConversation(setup, told.id, now);
  const handoff =
    known === null || known.openHandoffId === null ? null : await tx.handoff(bot.workspaceId, known.openHandoffId);
  const callbackUrl = request.callbackUrl ?? conversation.callbackUrl ?? bot.callbackUrl;
  const turn = beginTurn(tx, { conversation, handoff, callbackUrl, now, isNew: known === null });
  turn.change(merged(conversation, request));
  const of = { workspaceId: bot.workspaceId, conversationId: conversation.id, now, isNew: known === null };
  const relayed = handoff !== null && handoff.mode === "live";
  // What was said where Baton hosts a conversation it has from there.
  const messages = conversation.host === null ? told.messages : [];
  for (const said of await newLines(tx, of, messages)) {
    // While a person has control the bot's words are stored nowhere, in whatever request they come.
    if (said.role === "bot" && turn.conversation.control === "human") continue;
    const message = relayed
      ? turn.say(said, { kind: said.role === "visitor" ? "visitor" : "bot", id: null, name: null })
      : turn.add(said);
    if (relayed && (said.role === "visitor" || said.role === "bot")) relayToHelpdesk(turn, deps, message);
  }
  return turn;
}

/** A conversation that nothing is known of but its key. */
export function emptyConversation({ bot }: BotSetup, key: string, now: Date): Conversation {
  return {
    id: newId("conversation"),
    workspaceId: bot.workspaceId,
    botId: bot.id,
    key,
    locale: null,
    channel: null,
    pageUrl: null,
    visitor: NO_VISITOR,
    products: [],
    summary: null,
    control: "bot",
    epoch: 1,
    openHandoffId: null,
    callbackUrl: null,
    host: null,
    dialog: null,
    lastEventSeq: 0,
    lastMessageSeq: 0,
    createdAt: now,
  };
}

/** What the request leaves out stays as it was. */
export function merged(
  conversation: Conversation,
  request: { conversation: Omit<ConversationInput, "id" | "messages">; callbackUrl: string | null },
): Partial<Conversation> {
  const told = request.conversation;
  const before = conversation.visitor;
  return {
    locale: told.locale ?? conversation.locale,
    channel: told.channel ?? conversation.channel,
    pageUrl: told.pageUrl ?? conversation.pageUrl,
    products: told.products ?? conversation.products,
    summary: told.summary ?? conversation.summary,
    callbackUrl: request.callbackUrl ?? conversation.callbackUrl,
    visitor:
      told.visitor === null
        ? before
        : {
            id: told.visitor.id ?? before.id,
            name: told.visitor.name ?? before.name,
            email: told.visitor.email ?? before.email,
            phone: told.visitor.phone ?? before.phone,
            attributes: { ...before.attributes, ...told.visitor.attributes },
          },
  };
}

function newHandoff(turn: Turn, setup: BotSetup, request: HandoffRequest, decision: Decision): Handoff {
  return {
    id: newId("handoff"),
    workspaceId: setup.bot.workspaceId,
    botId: setup.bot.id,
    conversationId: turn.conversation.id,
    status: "pending",
    mode: decision.outcome === "live" ? "live" : "lead",
    trigger: request.trigger,
    reason: request.reason,
    priority: request.priority,
    because: decision.because,
    chain: [],
    destination: null,
    opened: false,
    ref: null,
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

function goLive(turn: Turn, setup: BotSetup, deps: Deps, decision: Decision): void {
  const order = decision.destinations.flatMap(
    (id) =>
      setup.settings.destinations.find((one) => one.id === id) ?? { id: INBOX, team: null, priority: null, labels: [] },
  );
  const [destination, ...chain] = order;
  turn.update({
    mode: "live",
    because: decision.because,
    destination: destination ?? null,
    chain,
    transcriptSeq: turn.conversation.lastMessageSeq,
    acceptBy: acceptLimit(setup, turn.now),
    idleAt: idleLimit(setup, turn.now),
  });
  if (setup.settings.pauseBot === "on_request") turn.giveControl("human", "requested");
  openAtDestination(turn, deps);
  oweHandoffMail(turn, setup, deps, "handoff");
}

function answer(
  turn: Turn,
  setup: BotSetup,
  deps: Pick<Deps, "baseUrl" | "metrics">,
  told: { outcome: Outcome; because: Because; decision: Decision; isNew: boolean; hasLead: boolean },
): HandoffAnswer {
  const { outcome, because, decision, hasLead } = told;
  deps.metrics?.decided(outcome, because);
  const { opensAt, closesAt } = decision;
  const context = { setup, conversation: turn.conversation, now: turn.now };
  const base = {
    isNew: told.isNew,
    handoff: outcome === "declined" ? null : turn.handoff,
    conversation: turn.conversation,
    decision: { outcome, because, opensAt, closesAt },
  };
  const silent = turn.conversation.control === "human";
  if (outcome === "declined" || turn.handoff === null)
    return { ...base, guidance: silent ? guidance.alreadyOpen : guidance.declined, reply: [], form: null };
  // Who has left contact details is not asked for them again.
  // Questions one by one would be asked in the middle of the talk with the person who was called.
  const isUnasked = hasLead || (outcome === "live" && turn.conversation.host?.showsForms === false);
  const form = isUnasked ? null : formFor(outcome, turn.handoff.id, context, deps.baseUrl);
  if (outcome === "live") {
    const again = because === "already_open";
    const keys = again ? [] : form === null ? (["connecting"] as const) : (["connecting", "leadPrompt"] as const);
    const words = !silent ? guidance.liveUntilAccepted : again ? guidance.alreadyOpen : guidance.live;
    return { ...base, guidance: words, reply: replies(keys, context), form };
  }
  const why = because === "already_open" ? decision.because : because;
  const values = { opensAt: tellsOpening(why) ? opensAt : null };
  const reply = replies(form === null ? ["offline"] : ["offline", "leadPrompt"], context, values);
  const words = hasLead ? guidance.leadStands : form === null ? guidance.lead : guidance.leadWithForm;
  return { ...base, guidance: words, reply, form };
}
