import { HandoffError } from "../domain/errors.ts";
import type { Handoff } from "../domain/handoff.ts";
import { isOpenStatus } from "../domain/states.ts";
import type { ErasureCounts, HelpdeskCopy, SentMail } from "../ports-people.ts";
import type { Delivery, Tx } from "../ports-store.ts";
import type { Deps } from "./deps.ts";
import { endHandoff } from "./end.ts";
import { STRETCH, walk } from "./person.ts";
import { tracesOf } from "./person-traces.ts";

/** Rows of one unit: others' units come in between. */
const ROWS = 200;

export const NOTHING: ErasureCounts = {
  conversations: 0,
  messages: 0,
  events: 0,
  handoffs: 0,
  leads: 0,
  consents: 0,
  deliveries: 0,
  webhooks: 0,
  answers: 0,
};

/** What was given to others about the person: to be erased there by who owns it. */
export interface GivenAway {
  readonly copies: readonly HelpdeskCopy[];
  readonly mails: readonly SentMail[];
}

export interface ErasurePlan extends GivenAway {
  readonly workspaceId: string;
  readonly conversationIds: readonly string[];
  readonly openHandoffs: readonly Handoff[];
}

/**
 * Looks at what is there to be erased, and changes nothing.
 *
 * @throws HandoffError `conflict` while a person of the team has the visitor, unless `force` is set, and while something about
 *   them is being sent
 */
export async function planErasure(
  deps: Pick<Deps, "store" | "connectors">,
  of: { readonly workspaceId: string; readonly conversationIds: readonly string[]; readonly force: boolean },
): Promise<ErasurePlan> {
  const { workspaceId, conversationIds, force } = of;
  const { read } = deps.store;
  const copies = new Map<string, HelpdeskCopy>();
  const add = (copy: HelpdeskCopy) => {
    if (deps.connectors.isLocal(copy.connectionId)) return;
    const key = `${copy.connectionId}\n${copy.conversationId ?? ""}`;
    copies.set(key, { ...copy, url: copy.url ?? copies.get(key)?.url ?? null });
  };
  const openHandoffs: Handoff[] = [];
  for (const id of conversationIds) {
    const conversation = await read.conversation(workspaceId, id);
    if (conversation?.host) add({ ...conversation.host });
    for (const handoff of await read.handoffsOfConversation(workspaceId, id)) {
      const { destination, ref } = handoff;
      if (isOpenStatus(handoff.status)) openHandoffs.push(handoff);
      if (destination !== null && ref !== null)
        add({ connectionId: destination.id, conversationId: ref.conversationId, url: ref.url });
    }
  }
  const mails: SentMail[] = [];
  for await (const delivery of deliveriesOf(deps, workspaceId, conversationIds)) {
    if (delivery.state === "sending") throw beingSent();
    if (delivery.kind === "email" && delivery.state === "done")
      mails.push({ to: recipientOf(delivery), sentAt: delivery.doneAt ?? delivery.createdAt });
    const copy = copyBy(delivery);
    // Where the handoff itself knows the helpdesk's conversation, its opening has no more to say.
    if (copy !== null && ![...copies.values()].some(({ connectionId }) => connectionId === copy.connectionId))
      add(copy);
  }
  const live = openHandoffs.filter(({ mode }) => mode === "live");
  if (live.length > 0 && !force) throw stillOpen(live);
  const told = [...copies.values()].map(({ connectionId, conversationId, url }) => ({
    connectionId,
    conversationId,
    url,
  }));
  return { workspaceId, conversationIds, openHandoffs, copies: told, mails };
}

const beingSent = () =>
  new HandoffError(
    "conflict",
    "Something about this person is being sent at this moment: ask again in a few seconds.",
    {
      retryAfterSeconds: 5,
    },
  );

const stillOpen = (live: readonly Handoff[]) =>
  new HandoffError(
    "conflict",
    `The person is waiting for the team, or speaks with it (${live.map(({ id }) => id).join(", ")}). Let that end, or force it ` +
      '(in the API {"force": true}, in a command --force): then it is ended first.',
  );

const deliveriesOf = (deps: Pick<Deps, "store">, workspaceId: string, conversationIds: readonly string[]) =>
  walk((after) => deps.store.read.deliveriesOfConversations(workspaceId, conversationIds, after, STRETCH), "0");

const recipientOf = ({ payload: { to } }: Delivery): string => (typeof to === "string" ? to : "");

/** A helpdesk that was told something, or may have been. */
function copyBy({ connectionId, kind, state, progress, mayHaveHappened }: Delivery): HelpdeskCopy | null {
  if (connectionId === null || !kind.startsWith("helpdesk_")) return null;
  const isTold = state === "done" || mayHaveHappened || Object.keys(progress).length > 0;
  return isTold ? { connectionId, conversationId: progress["conversationId"] ?? null, url: null } : null;
}

/**
 * Erases everything that stands about these conversations, in units of few rows. Cut off, it is gone on with by erasing once more: a
 * conversation's own row, by which the person is found, goes last.
 *
 * @param kept told after each unit, in it, what has been erased until then
 */
export async function carryOutErasure(
  deps: Deps,
  plan: ErasurePlan,
  kept: (tx: Tx, counts: ErasureCounts) => Promise<void>,
): Promise<ErasureCounts> {
  const { workspaceId, conversationIds } = plan;
  const { store } = deps;
  let counts = NOTHING;
  const unit = async (work: (tx: Tx) => Promise<Partial<ErasureCounts>>): Promise<void> => {
    counts = await store.write(async (tx) => {
      const now = sum(counts, await work(tx));
      await kept(tx, now);
      return now;
    });
  };

  for (const { id: handoffId } of plan.openHandoffs) {
    const of = { workspaceId, botId: null, handoffId };
    await store.write((tx) => endOpen(tx, deps, of));
  }
  const traces = await tracesOf(store.read, workspaceId, conversationIds);
  for (const some of inParts(traces.webhooks))
    await unit(async (tx) => ({
      webhooks: await tx.eraseWebhooks(
        workspaceId,
        some.map(({ id }) => id),
      ),
    }));
  for (const some of inParts(traces.answers))
    await unit(async (tx) => ({ answers: await tx.eraseAnswers(workspaceId, some) }));

  const numbers: number[] = [];
  for await (const { n } of deliveriesOf(deps, workspaceId, conversationIds)) numbers.push(n);
  for (const some of inParts(numbers))
    await unit(async (tx) => ({ deliveries: await tx.eraseDeliveries(workspaceId, some, deps.clock()) }));

  for (const id of conversationIds) {
    const lines = { areLeft: true };
    while (lines.areLeft) {
      await unit(async (tx) => {
        await tx.lockConversation(workspaceId, id);
        const { isMore, ...gone } = await tx.eraseLines(workspaceId, id, ROWS);
        lines.areLeft = isMore;
        return isMore ? gone : { ...gone, ...(await eraseHead(tx, deps, workspaceId, id)) };
      });
    }
  }
  return counts;
}

async function eraseHead(tx: Tx, deps: Deps, workspaceId: string, id: string): Promise<Partial<ErasureCounts>> {
  const left = await tx.eraseLeads(workspaceId, id);
  const handoffs = await tx.eraseHandoffs(workspaceId, id);
  const isErased = await tx.eraseConversation(workspaceId, id, deps.clock());
  return { ...left, handoffs, conversations: isErased ? 1 : 0 };
}

async function endOpen(
  tx: Tx,
  deps: Deps,
  of: { workspaceId: string; botId: string | null; handoffId: string },
): Promise<void> {
  const handoff = await tx.handoff(of.workspaceId, of.handoffId);
  if (handoff === null || !isOpenStatus(handoff.status)) return;
  await endHandoff(tx, deps, of, {
    as: "cancelled",
    actor: { kind: "system", id: null, name: null },
    because: "person_erased",
  });
}

function* inParts<Row>(rows: readonly Row[]): Generator<readonly Row[]> {
  for (let from = 0; from < rows.length; from += ROWS) yield rows.slice(from, from + ROWS);
}

export function sum(one: ErasureCounts, other: Partial<ErasureCounts>): ErasureCounts {
  const added = Object.entries(other).map(([table, count]) => [table, one[table as keyof ErasureCounts] + count]);
  return { ...one, ...(Object.fromEntries(added) as Partial<ErasureCounts>) };
}
