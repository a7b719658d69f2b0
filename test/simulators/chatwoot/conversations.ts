import { crash, notFound, recordInvalid } from "./errors.ts";
import {
  availabilityOf,
  conversationStatuses,
  isAtLeast,
  priorities,
  type Change,
  type ContactInbox,
  type Conversation,
  type ConversationStatus,
  type Json,
  type Priority,
  type State,
} from "./state.ts";

/** Who does something: names the activity line that Chatwoot writes; `line` replaces it; null for nobody signed in. */
export type Actor = { name: string } | { line: string } | null;

type Columns = Partial<
  Pick<
    Conversation,
    | "status"
    | "assigneeId"
    | "assigneeBotId"
    | "teamId"
    | "priority"
    | "labels"
    | "customAttributes"
    | "snoozedUntil"
    | "waitingSince"
    | "firstReplyCreatedAt"
  >
>;

const columnNames: Record<keyof Columns, string> = {
  status: "status",
  assigneeId: "assignee_id",
  assigneeBotId: "assignee_agent_bot_id",
  teamId: "team_id",
  priority: "priority",
  labels: "label_list",
  customAttributes: "custom_attributes",
  snoozedUntil: "snoozed_until",
  waitingSince: "waiting_since",
  firstReplyCreatedAt: "first_reply_created_at",
};

const plain = (value: unknown) => (value instanceof Date ? value.toISOString() : value);
const isoOfMicros = (micros: number) => new Date(Math.floor(micros / 1000)).toISOString();

/**
 * Saves changed columns and dispatches what Chatwoot dispatches: `conversation_status_changed` when the status moved,
 * then one `conversation_updated` with the changed columns. A save that changes nothing is silent.
 *
 * With the older auto-assignment, a save that opens an unassigned conversation while an agent is online is followed by
 * a second save in the same transaction. The callbacks then see that second save alone: no status event (3.5).
 */
export function saveConversation(state: State, conversation: Conversation, columns: Columns, actor: Actor): void {
  const wanted = withDependents(state, conversation, columns);
  const changes = apply(conversation, wanted);
  if (changes.length === 0) return;
  const statusMoved = changes.some((change) => change.field === "status");
  const before = conversation.updatedAtMicros;
  conversation.updatedAtMicros = state.stampMicros();
  const pick = statusMoved && conversation.status === "open" ? olderAutoAssignee(state, conversation) : null;
  const seen = pick === null ? changes : apply(conversation, { assigneeId: pick });
  if (statusMoved && conversation.status === "resolved") conversation.waitingSince = null;
  if (statusMoved && pick === null) tellStatus(state, conversation);
  const stamps = {
    field: "updated_at",
    before: isoOfMicros(before),
    after: isoOfMicros(conversation.updatedAtMicros),
  };
  state.events.emit("happening", {
    event: "conversation_updated",
    conversationId: conversation.id,
    changes: [...seen, stamps],
  });
  if (changes.some((change) => change.field === "assignee_id") || pick !== null) notifyAssignee(state, conversation);
  for (const change of [...changes, ...(pick === null ? [] : seen)]) writeActivity(state, conversation, change, actor);
  state.events.emit("change");
}

/** Opened and resolved are told beside the change of status; only bots hear of those (2.1). */
function tellStatus(state: State, { id: conversationId, status }: Conversation): void {
  if (status === "open" || status === "resolved") {
    state.events.emit("happening", {
      event: status === "open" ? "conversation_opened" : "conversation_resolved",
      conversationId,
    });
  }
  state.events.emit("happening", { event: "conversation_status_changed", conversationId });
}

function notifyAssignee(state: State, { id, assigneeId }: Conversation): void {
  if (assigneeId === null) return;
  const notice = { kind: "conversation_assignment", because: "assigned" } as const;
  state.records.notifications.push({ ...notice, userId: assigneeId, conversationId: id, at: state.clock() });
}

function notifyMembers(state: State, conversation: Conversation, because: "created" | "bot_handoff"): void {
  for (const userId of state.inboxes.get(conversation.inboxId)!.memberIds) {
    const notice = { kind: "conversation_creation", because } as const;
    state.records.notifications.push({ ...notice, userId, conversationId: conversation.id, at: state.clock() });
  }
}

/**
 * The opening that counts as a bot's handoff (3.2): the waiting clock starts, the bot lets go (since 4.16.2), the inbox's
 * members are told.
 */
export function handOver(state: State, conversation: Conversation, bot: { id: number; name: string }): void {
  const waitingSince = conversation.waitingSince ?? state.clock();
  saveConversation(state, conversation, { status: "open", waitingSince, ...botLetsGo(state) }, bot);
  state.records.botHandoffs.push({ conversationId: conversation.id, botId: bot.id, at: state.clock() });
  notifyMembers(state, conversation, "bot_handoff");
}

/** Opening takes the conversation from its bot since 4.16.2, the release in which a connected bot became its holder. */
export const botLetsGo = (state: State): Columns => (isAtLeast(state, "4.16.2") ? { assigneeBotId: null } : {});

function apply(conversation: Conversation, columns: Columns): Change[] {
  const changes: Change[] = [];
  for (const key of Object.keys(columns) as (keyof Columns)[]) {
    const [before, after] = [plain(conversation[key]), plain(columns[key])];
    if (JSON.stringify(before) === JSON.stringify(after)) continue;
    Object.assign(conversation, { [key]: columns[key] });
    changes.push({ field: columnNames[key], before, after });
  }
  return changes;
}

/** What Chatwoot's own save hooks add: snooze time cleared, assignee checked against the team, bot cleared by a person. */
function withDependents(state: State, conversation: Conversation, columns: Columns): Columns {
  const wanted: Columns = { ...columns };
  if ((wanted.status ?? conversation.status) !== "snoozed") wanted.snoozedUntil = null;
  if (wanted.teamId !== undefined && wanted.teamId !== conversation.teamId) {
    const team = wanted.teamId === null ? undefined : state.teams.get(wanted.teamId);
    const assigneeId = wanted.assigneeId === undefined ? conversation.assigneeId : wanted.assigneeId;
    if (team) {
      const kept = assigneeId !== null && team.memberIds.includes(assigneeId) ? assigneeId : null;
      wanted.assigneeId = kept ?? (team.allowAutoAssign ? onlineMember(state, conversation, team.memberIds) : null);
    }
  }
  if ((wanted.assigneeId ?? null) !== null) wanted.assigneeBotId = null;
  return wanted;
}

function onlineMember(state: State, conversation: Conversation, among?: number[]): number | null {
  const members = state.inboxes.get(conversation.inboxId)!.memberIds;
  const online = members
    .filter((id) => among?.includes(id) ?? true)
    .filter((id) => availabilityOf(state.users.get(id)!) === "online");
  return online.sort((a, b) => a - b)[0] ?? null;
}

const olderAutoAssignee = (state: State, conversation: Conversation) =>
  state.olderAutoAssignment && conversation.assigneeId === null ? onlineMember(state, conversation) : null;

export interface NewConversation {
  contactInbox: ContactInbox;
  status?: string | undefined;
  assigneeId?: number | null | undefined;
  teamId?: number | null | undefined;
  snoozedUntil?: Date | null | undefined;
  customAttributes?: Json | undefined;
  additionalAttributes?: Json | undefined;
}

/**
 * Creates a conversation, or with the single-conversation lock returns the contact inbox's last one untouched (3.6).
 *
 * The status asked for gives way to `resolved` for a blocked contact and to `pending` for an inbox with a bot (3.2).
 */
export function createConversation(state: State, wanted: NewConversation): Conversation {
  const { contactInbox } = wanted;
  const inbox = state.inboxes.get(contactInbox.inboxId)!;
  if (inbox.lockToSingleConversation) {
    const last = [...state.conversations.values()].findLast((c) => c.contactInboxId === contactInbox.id);
    if (last) return last;
  }
  if (wanted.assigneeId && !state.users.has(wanted.assigneeId)) throw notFound();
  if (wanted.teamId && !state.teams.has(wanted.teamId)) throw notFound();
  checkAttributes(wanted.customAttributes ?? {}, "Custom attributes");
  const now = state.clock();
  const contact = state.contacts.get(contactInbox.contactId)!;
  const heldByBot = isAtLeast(state, "4.16.2") && !wanted.assigneeId;
  const conversation: Conversation = {
    id: state.nextId("conversation"),
    uuid: state.uuid(),
    inboxId: inbox.id,
    contactId: contactInbox.contactId,
    contactInboxId: contactInbox.id,
    status: parseStatus(wanted.status ?? "open"),
    assigneeId: wanted.assigneeId ?? null,
    assigneeBotId: heldByBot ? inbox.botId : null,
    teamId: wanted.teamId ?? null,
    priority: null,
    labels: [],
    customAttributes: wanted.customAttributes ?? {},
    additionalAttributes: wanted.additionalAttributes ?? {},
    snoozedUntil: wanted.snoozedUntil ?? null,
    waitingSince: now,
    firstReplyCreatedAt: null,
    agentLastSeenAt: null,
    contactLastSeenAt: null,
    lastActivityAt: now,
    createdAt: now,
    updatedAtMicros: state.stampMicros(),
    muted: false,
  };
  if (inbox.botId !== null) conversation.status = "pending";
  if (contact.blocked) conversation.status = "resolved";
  if (conversation.status !== "snoozed") conversation.snoozedUntil = null;
  state.conversations.set(conversation.id, conversation);
  state.messages.set(conversation.id, []);
  state.events.emit("happening", { event: "conversation_created", conversationId: conversation.id });
  if (conversation.status === "open") notifyMembers(state, conversation, "created");
  const pick = conversation.status === "open" ? olderAutoAssignee(state, conversation) : null;
  if (pick !== null) saveConversation(state, conversation, { assigneeId: pick }, null);
  state.events.emit("change");
  return conversation;
}

/** @throws a crash page (500): Rails raises on an unknown enum value and nothing rescues it. */
export function parseStatus(status: string): ConversationStatus {
  const known = conversationStatuses.find((item) => item === status);
  if (!known) throw crash();
  return known;
}

/** Blank clears; anything that is not a priority, `none` included, is a crash (contract 1, toggle priority). */
export function parsePriority(priority: unknown): Priority | null {
  if (priority === null || priority === undefined || priority === "") return null;
  const known = priorities.find((item) => item === priority);
  if (!known) throw crash();
  return known;
}

/** Limits of a conversation's attributes: text up to 1500 characters, numbers up to 9999999999 (3.3). */
export function checkAttributes(attributes: Json, column: string): void {
  const faults = Object.entries(attributes).flatMap(([key, value]) => {
    if (typeof value === "string" && value.length > 1500) return [`${column} ${key} length should be < 1500`];
    if (typeof value === "number" && Number.isInteger(value) && value > 9_999_999_999) {
      return [`${column} ${key} value should be < 9999999999`];
    }
    return [];
  });
  const attribute = column.toLowerCase().replaceAll(" ", "_");
  if (faults.length > 0) throw recordInvalid(faults.map((fault) => [attribute, fault]));
}

/** Activity lines are messages of type 2: in lists, in no webhook, in no nested `messages[]`. */
function writeActivity(state: State, conversation: Conversation, change: Change, actor: Actor): void {
  const by = actor && "name" in actor ? ` by ${actor.name}` : "";
  const own = actor && "line" in actor && change.field === "status" ? actor.line : null;
  const text = own ?? activityText(state, change, by);
  if (text === null) return;
  const at = state.clock();
  state.messages.get(conversation.id)?.push({
    id: state.nextId("message"),
    conversationId: conversation.id,
    content: text,
    messageType: "activity",
    contentType: "text",
    contentAttributes: {},
    additionalAttributes: {},
    private: false,
    status: "sent",
    sourceId: null,
    sender: null,
    attachments: [],
    createdAt: at,
    updatedAt: at,
  });
}

function activityText(state: State, { field, after }: Change, by: string): string | null {
  if (field === "status") {
    if (after === "open") return `Conversation was reopened${by}`;
    return `Conversation was ${after === "resolved" ? "marked resolved" : `set to ${after as string}`}${by}`;
  }
  if (field === "assignee_id") {
    return after === null
      ? `Conversation unassigned${by}`
      : `Assigned to ${state.users.get(after as number)?.name ?? "somebody"}${by}`;
  }
  if (field === "team_id") {
    return after === null ? `Unassigned from team${by}` : `Assigned to ${state.teams.get(after as number)!.name}${by}`;
  }
  if (field === "priority") return after === null ? `Priority removed${by}` : `Priority set to ${after as string}${by}`;
  return field === "label_list" ? `Labels changed${by}` : null;
}
