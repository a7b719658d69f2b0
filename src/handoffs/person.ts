import type { Message } from "../domain/conversation.ts";
import { identifierKey, identifiersGiven, identifiersOf } from "../domain/person.ts";
import type { PersonGiven } from "../domain/person.ts";
import type { ConversationContact, Stretch } from "../ports-people.ts";
import type { Reads } from "../ports-store.ts";

/** Rows that are looked through at once: so few that nobody waits for it. */
export const STRETCH = 2_000;

export const LINES = 500;

/** Whether a contact is the person who is meant. */
export type IsMeant = (contact: ConversationContact) => boolean;

export function isPerson(person: PersonGiven): IsMeant {
  const meant = new Set(identifiersGiven(person).map(identifierKey));
  return (contact) => identifiersOf(contact).some((one) => meant.has(identifierKey(one)));
}

/** Where a person was met: conversations of theirs, and those in which they left their details. Oldest first. */
export async function conversationsOf(reads: Reads, workspaceId: string, isMeant: IsMeant): Promise<readonly string[]> {
  const ids = new Set<string>();
  const ask = [
    (after: string) => reads.contactsOfConversations(workspaceId, after, STRETCH),
    (after: string) => reads.contactsOfLeads(workspaceId, after, STRETCH),
  ];
  for (const one of ask) {
    for await (const contact of walk(one)) if (isMeant(contact)) ids.add(contact.conversationId);
  }
  return [...ids].toSorted();
}

/** Every row of a table, stretch by stretch; between two of them others get their turn. */
export async function* walk<Row>(ask: (after: string) => Promise<Stretch<Row>>, start = ""): AsyncGenerator<Row> {
  for (let after: string | null = start; after !== null;) {
    const stretch: Stretch<Row> = await ask(after);
    yield* stretch.items;
    after = stretch.next;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Every line of a conversation, in order. */
export async function* linesOf(reads: Reads, workspaceId: string, conversationId: string): AsyncGenerator<Message> {
  for (let afterSeq = 0; ;) {
    const lines = await reads.messages(workspaceId, conversationId, { afterSeq, limit: LINES });
    yield* lines;
    const last = lines.at(-1);
    if (last === undefined) return;
    afterSeq = last.seq;
  }
}
