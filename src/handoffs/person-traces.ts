import type { KeptAnswer, KeptWebhook } from "../ports-people.ts";
import type { Reads } from "../ports-store.ts";
import { BOT_MESSAGE } from "./events.ts";
import { linesOf, STRETCH, walk } from "./person.ts";

/** What is kept of a person's conversations in rows that do not name the conversation. */
export interface Traces {
  /** Of helpdesks: those that wait or failed. */
  readonly webhooks: readonly KeptWebhook[];
  /** For repeated requests. */
  readonly answers: readonly KeptAnswer[];
}

/** By these a kept body is known to be about the conversations. */
interface Marks {
  /** Ids of ours, which stand for nothing else. */
  readonly ours: Set<string>;
  /** A message's id is the bot's own and may be another conversation's as well: together with its time it is none but this one. */
  readonly messages: Set<string>;
  /** Ids of the helpdesks, by connection. Two helpdesks have the same small numbers. */
  readonly theirs: Map<string, Set<string>>;
  /** Addresses and numbers of the person, in small letters. */
  readonly contacts: Set<string>;
}

/** To be asked while the lines are still there: by them the answers that repeat them are found. */
export async function tracesOf(reads: Reads, workspaceId: string, conversationIds: readonly string[]): Promise<Traces> {
  if (conversationIds.length === 0) return { webhooks: [], answers: [] };
  const marks: Marks = { ours: new Set(), messages: new Set(), theirs: new Map(), contacts: new Set() };
  for (const id of conversationIds) await markConversation(reads, workspaceId, id, marks);
  const webhooks: KeptWebhook[] = [];
  for await (const one of walk((after) => reads.keptWebhooks(workspaceId, after, STRETCH)))
    if (isWebhookAbout(one, marks)) webhooks.push(one);
  const answers: KeptAnswer[] = [];
  for await (const one of walk((after) => reads.keptAnswers(workspaceId, after, STRETCH)))
    if (isAnswerAbout(one, marks)) answers.push(one);
  return { webhooks, answers };
}

async function markConversation(reads: Reads, workspaceId: string, id: string, marks: Marks): Promise<void> {
  const conversation = await reads.conversation(workspaceId, id);
  if (conversation === null) return;
  marks.ours.add(id);
  const { email, phone } = conversation.visitor;
  for (const contact of [email, phone]) if (contact !== null) marks.contacts.add(contact.toLowerCase());
  if (conversation.host !== null) {
    const { connectionId, conversationId, contactId } = conversation.host;
    markTheirs(marks, connectionId, [conversationId, contactId]);
  }
  for (const { id: handoffId, destination, ref } of await reads.handoffsOfConversation(workspaceId, id)) {
    marks.ours.add(handoffId);
    if (ref !== null && destination !== null)
      markTheirs(marks, destination.id, [ref.conversationId, ref.contactId, ref.otherId]);
    const lead = await reads.leadOfHandoff(workspaceId, handoffId);
    if (lead === null) continue;
    marks.ours.add(lead.id);
    for (const contact of [lead.contact.email, lead.contact.phone])
      if (contact !== null) marks.contacts.add(contact.toLowerCase());
  }
  for await (const { id: messageId, externalId, at } of linesOf(reads, workspaceId, id)) {
    marks.messages.add(messageMark(messageId, at.toISOString()));
    if (externalId?.startsWith(BOT_MESSAGE) === true)
      marks.messages.add(messageMark(externalId.slice(BOT_MESSAGE.length), at.toISOString()));
  }
}

function markTheirs({ theirs }: Marks, connectionId: string, ids: readonly (string | null | undefined)[]): void {
  const known = theirs.get(connectionId) ?? new Set();
  theirs.set(connectionId, known);
  for (const id of ids) if (id) known.add(id);
}

const messageMark = (id: string, at: string): string => `${id}\n${at}`;

function isAnswerAbout({ scope, body }: KeptAnswer, { ours, messages }: Marks): boolean {
  if (scope.startsWith("visitor:") && ours.has(scope.split(":")[2] ?? "")) return true;
  return holds(parsed(body), (value, fields) => {
    if (typeof value === "string") return ours.has(value);
    const { id, at } = fields ?? {};
    return typeof id === "string" && typeof at === "string" && messages.has(messageMark(id, at));
  });
}

/** Of a doorbell that is taken for one of this person's by mistake, since two things have the same number, nothing is lost: the helpdesk is looked at. */
function isWebhookAbout({ connectionId, body }: KeptWebhook, { theirs, contacts }: Marks): boolean {
  const ids = theirs.get(connectionId);
  return holds(parsed(body), (value) => {
    if (typeof value !== "string" && typeof value !== "number") return false;
    const text = String(value);
    return ids?.has(text) === true || contacts.has(text.toLowerCase());
  });
}

/** What is no JSON is searched as one text. */
function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

/** Whether any value in it, or any object, is one that is looked for. */
function holds(
  whole: unknown,
  isLookedFor: (value: unknown, fields?: Readonly<Record<string, unknown>>) => boolean,
): boolean {
  const open: unknown[] = [whole];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== "object" || value === null) {
      if (isLookedFor(value)) return true;
      continue;
    }
    const fields = value as Readonly<Record<string, unknown>>;
    if (!Array.isArray(value) && isLookedFor(value, fields)) return true;
    // Undefined never stands in JSON: it would end the search.
    for (const inner of Object.values(fields)) if (inner !== undefined) open.push(inner);
  }
  return false;
}
