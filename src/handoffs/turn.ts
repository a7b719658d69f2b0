import type { Attachment, Control, Conversation, Message, Role } from "../domain/conversation.ts";
import type { Actor, Handoff } from "../domain/handoff.ts";
import { SYSTEM } from "../domain/handoff.ts";
import type { LeadSubmission } from "../domain/lead-form.ts";
import type { HostedForm } from "../ports-channel.ts";
import type { HandoffStatus } from "../domain/states.ts";
import { newId } from "../ids.ts";
import type { NewDelivery, StoredEvent, Tx } from "../ports-store.ts";
import type { EventType } from "./events.ts";
import { CALLBACK_TYPES } from "./events.ts";
import { newsOfEvents } from "./news.ts";
import { hostedId, isTeams } from "./hosted/place.ts";

/** What is new in a message before it has a number. */
export interface Said {
  readonly role: Role;
  readonly text: string;
  readonly at: Date;
  readonly authorName?: string | null;
  readonly attachments?: readonly Attachment[];
  readonly externalId?: string | null;
  /** Shown with the line where Baton speaks with the visitor itself. */
  readonly form?: HostedForm;
}

/**
 * One thing that happens to a conversation: its row is locked, changes are gathered, and `save` stores them in one go, in
 * the commit that also holds what is owed to the outside because of them.
 */
export interface Turn {
  readonly tx: Tx;
  readonly now: Date;
  readonly conversation: Conversation;
  /** The handoff this turn is about: the open one, unless another was handed in. */
  handoff: Handoff | null;
  /** Changes fields of the conversation. */
  change(patch: Partial<Conversation>): void;
  /** Adds a line to the conversation without telling anybody. */
  add(said: Said): Message;
  /** Adds a line and its event, so that streams and callbacks tell of it. */
  say(said: Said, actor: Actor): Message;
  record(type: EventType, actor: Actor, data?: Readonly<Record<string, unknown>>): void;
  /** Gives control to the other side; nothing when it is there already. */
  giveControl(to: Control, because: string): void;
  /** Changes the handoff from the status it had when the turn began. */
  update(patch: Partial<Handoff>): void;
  owe(delivery: Omit<NewDelivery, "workspaceId" | "conversationId">): void;
  /** When to look at the helpdesk's conversation next; null: no more. */
  lookAt(at: Date | null): void;
  /** Contact details that are complete without a question: to be taken once the turn is saved. */
  submission: LeadSubmission | null;
  save(): Promise<void>;
}

/**
 * @param conversation as it was read under its lock
 * @param handoff the handoff to act on, as read in the same transaction
 * @param callback whether the bot gets callbacks
 */
export function beginTurn(
  tx: Tx,
  given: {
    conversation: Conversation;
    handoff: Handoff | null;
    callbackUrl: string | null;
    now: Date;
    isNew?: boolean;
  },
): Turn {
  const { now } = given;
  const workspaceId = given.conversation.workspaceId;
  const conversationId = given.conversation.id;
  let conversation = given.conversation;
  let conversationIsNew = given.isNew ?? false;
  let changed = false;
  let handoff = given.handoff;
  let stored: { id: string; status: HandoffStatus } | null = handoff && { id: handoff.id, status: handoff.status };
  let messages: Message[] = [];
  let events: StoredEvent[] = [];
  let deliveries: NewDelivery[] = [];
  let lines: NewDelivery[] = [];
  let look: Date | null | undefined;

  const change = (patch: Partial<Conversation>) => {
    conversation = { ...conversation, ...patch };
    changed = true;
  };

  const add = (said: Said): Message => {
    const message: Message = {
      id: newId("message"),
      conversationId,
      handoffId: handoff?.id ?? null,
      seq: conversation.lastMessageSeq + 1,
      role: said.role,
      text: said.text,
      authorName: said.authorName ?? null,
      at: said.at,
      attachments: said.attachments ?? [],
      externalId: said.externalId ?? null,
    };
    change({ lastMessageSeq: message.seq });
    messages.push(message);
    sayInChannel(message, said.form);
    return message;
  };

  /** Where Baton speaks with the visitor itself, they see what anybody else says; unless it was said there. */
  const sayInChannel = (message: Message, form: HostedForm | undefined): void => {
    const { host } = conversation;
    if (host === null || message.role === "visitor" || isTeams(conversation, handoff)) return;
    if (message.externalId?.startsWith(hostedId(host, ""))) return;
    lines.push({
      workspaceId,
      lane: laneOf(host.connectionId, conversationId),
      kind: "hosted_line",
      connectionId: host.connectionId,
      conversationId,
      handoffId: handoff?.id ?? null,
      payload: { seq: message.seq, ...(form && { form }) },
    });
  };

  const record = (type: EventType, actor: Actor, data: Readonly<Record<string, unknown>> = {}) => {
    const seq = conversation.lastEventSeq + 1;
    change({ lastEventSeq: seq });
    const state = { control: conversation.control, epoch: conversation.epoch };
    const of = handoff && { status: handoff.status, mode: handoff.mode, destination: handoff.destination?.id ?? null };
    events.push({
      conversationId,
      seq,
      handoffId: handoff?.id ?? null,
      type,
      at: now,
      actor,
      data: { ...state, ...(of && { handoff: of }), ...data },
    });
    if (given.callbackUrl === null || !CALLBACK_TYPES.has(type)) return;
    if (type === "message.created" && actor.kind !== "agent") return;
    deliveries.push({
      workspaceId,
      lane: `callback:${conversationId}`,
      kind: "callback",
      connectionId: null,
      conversationId,
      handoffId: handoff?.id ?? null,
      payload: { seq },
    });
  };

  return {
    tx,
    now,
    submission: null,
    get conversation() {
      return conversation;
    },
    get handoff() {
      return handoff;
    },
    set handoff(next) {
      handoff = next;
    },
    change,
    add,
    say(said, actor) {
      const message = add(said);
      record("message.created", actor, { messageSeq: message.seq });
      return message;
    },
    record,
    giveControl(to, because) {
      if (conversation.control === to) return;
      change({ control: to, epoch: conversation.epoch + 1 });
      record("control.changed", SYSTEM, { because });
    },
    update(patch) {
      if (handoff === null) throw new Error("no handoff to update");
      handoff = { ...handoff, ...patch };
      if (patch.status !== undefined) {
        const open = patch.status === "pending" || patch.status === "acknowledged";
        change({ openHandoffId: open ? handoff.id : null });
      }
    },
    owe(delivery) {
      deliveries.push({ ...delivery, workspaceId, conversationId });
    },
    lookAt(at) {
      look = at;
    },
    async save() {
      if (conversationIsNew) await tx.createConversation(conversation);
      else if (changed) await tx.saveConversation(conversation, now);
      if (handoff !== null && stored?.id !== handoff.id) await tx.createHandoff(handoff);
      // The row lock on the conversation makes this hold; a miss means that a rule of this file was broken.
      else if (handoff !== null && stored !== null && !(await tx.saveHandoff(handoff, stored.status)))
        throw new Error("the handoff changed although its conversation was locked");
      if (handoff !== null && look !== undefined) await tx.scheduleLook(workspaceId, handoff.id, look);
      await tx.addMessages(workspaceId, messages);
      await tx.addEvents(workspaceId, events);
      await tx.addNews(workspaceId, newsOfEvents(conversation.botId, events));
      await tx.addDeliveries(inOrder(deliveries, lines), now);
      conversationIsNew = false;
      changed = false;
      stored = handoff && { id: handoff.id, status: handoff.status };
      messages = [];
      events = [];
      deliveries = [];
      lines = [];
      look = undefined;
    },
  };
}

/** The lane of what one conversation owes to one destination. */
export const laneOf = (destinationId: string, conversationId: string): string => `${destinationId}:${conversationId}`;

const isEnding = (one: NewDelivery): boolean => one.kind === "helpdesk_close";

/** What is said to the visitor is said before the team is called in, and after the team has let go. */
function inOrder(deliveries: readonly NewDelivery[], lines: readonly NewDelivery[]): readonly NewDelivery[] {
  if (lines.length === 0) return deliveries;
  return [...deliveries.filter(isEnding), ...lines, ...deliveries.filter((one) => !isEnding(one))];
}
