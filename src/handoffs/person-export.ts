import type { KeptWebhook } from "../ports-people.ts";
import type { Reads, StoredEvent } from "../ports-store.ts";
import { tracesOf } from "./person-traces.ts";
import { LINES, linesOf, walk } from "./person.ts";

/** Everything that is held about a person, as one JSON document that is made while it is sent. */

/**
 * @param conversationIds where the person was met
 * @returns pieces of the document
 */
export async function* exportPerson(
  reads: Reads,
  of: { readonly workspaceId: string; readonly conversationIds: readonly string[]; readonly now: Date },
): AsyncGenerator<string> {
  const { workspaceId, conversationIds, now } = of;
  yield `{"format":"baton.person.1","exportedAt":${JSON.stringify(now)},"workspaceId":${JSON.stringify(workspaceId)},"conversations":[`;
  let isFirst = true;
  for (const id of conversationIds) {
    const conversation = await reads.conversation(workspaceId, id);
    if (conversation === null) continue;
    yield `${isFirst ? "" : ","}${JSON.stringify(conversation).slice(0, -1)},"messages":[`;
    yield* listed(linesOf(reads, workspaceId, id));
    yield '],"events":[';
    yield* listed(eventsOf(reads, workspaceId, id));
    yield `],"handoffs":${JSON.stringify(await handoffsWithLeads(reads, workspaceId, id))},"deliveries":[`;
    const deliveries = walk((after) => reads.deliveriesOfConversations(workspaceId, [id], after, 5_000), "0");
    yield* listed(deliveries);
    yield "]}";
    isFirst = false;
  }
  const traces = await tracesOf(reads, workspaceId, conversationIds);
  const webhooks = traces.webhooks.map(({ id, connectionId, body }: KeptWebhook) => ({ id, connectionId, body }));
  const answers = traces.answers.map(({ body }) => ({ body }));
  yield `],"webhooks":${JSON.stringify(webhooks)},"keptAnswers":${JSON.stringify(answers)}}\n`;
}

async function* listed(rows: AsyncIterable<unknown>): AsyncGenerator<string> {
  let isFirst = true;
  for await (const row of rows) {
    yield `${isFirst ? "" : ","}${JSON.stringify(row)}`;
    isFirst = false;
  }
}

async function* eventsOf(reads: Reads, workspaceId: string, conversationId: string): AsyncGenerator<StoredEvent> {
  for (let afterSeq = 0; ;) {
    const events = await reads.events(workspaceId, conversationId, { afterSeq, limit: LINES });
    yield* events;
    const last = events.at(-1);
    if (last === undefined) return;
    afterSeq = last.seq;
  }
}

async function handoffsWithLeads(reads: Reads, workspaceId: string, conversationId: string) {
  const told = [];
  for (const handoff of await reads.handoffsOfConversation(workspaceId, conversationId)) {
    const left = await reads.leadOfHandoff(workspaceId, handoff.id);
    const lead = left && (await reads.lead(workspaceId, left.id));
    const consents = lead === null ? [] : await reads.consentsOfLead(workspaceId, lead.id);
    told.push({ ...handoff, lead: lead && { ...lead, consents } });
  }
  return told;
}
