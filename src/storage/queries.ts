import type { Committed, Reads, Tx } from "../ports-store.ts";
import { auditReads, auditWrites } from "./query-audit.ts";
import { conversationReads, conversationWrites } from "./query-conversations.ts";
import type { Owners } from "./query-conversations.ts";
import { deliveryReads, deliveryWrites } from "./query-deliveries.ts";
import { figureReads } from "./query-figures.ts";
import { forgetting } from "./query-forget.ts";
import { handoffListReads } from "./query-handoff-list.ts";
import { handoffReads, handoffWrites } from "./query-handoffs.ts";
import { insightReads, insightWrites } from "./query-insights.ts";
import { leadReads, leadWrites } from "./query-leads.ts";
import { newsReads, newsWrites } from "./query-news.ts";
import { peopleWrites } from "./query-erase.ts";
import { peopleReads } from "./query-people.ts";
import { retentionReads, retentionWrites } from "./query-retention.ts";
import { sessionReads, sessionWrites } from "./query-sessions.ts";
import { signInWrites } from "./query-sign-in.ts";
import { tenantReads, tenantWrites } from "./query-tenants.ts";
import { webhookReads, webhookWrites } from "./query-webhooks.ts";
import type { Executor } from "./statements.ts";

/** All queries of a store, on whatever connection. */
export const readsOn = (on: Executor): Reads => ({
  ...tenantReads(on),
  ...conversationReads(on),
  ...handoffReads(on),
  ...handoffListReads(on),
  ...leadReads(on),
  ...peopleReads(on),
  ...insightReads(on),
  ...newsReads(on),
  ...deliveryReads(on),
  ...webhookReads(on),
  ...figureReads(on),
  ...sessionReads(on),
  ...retentionReads(on),
  ...auditReads(on),
});

export interface Writes {
  readonly tx: Tx;
  /** What this unit has read is no proof for the next: to be cleared before each. */
  readonly owners: Owners;
  readonly touched: Touched;
}

/** What is done since the last commit. */
interface Touched {
  clear(): void;
  /** Gives it, and forgets it. */
  taken(): Committed;
}

export function writesOn(on: Executor): Writes {
  const lanes = new Set<string>();
  const conversations = new Set<string>();
  const news = new Set<string>();
  const owners: Owners = new Map();
  const newsOf = newsWrites(on, (workspaceId) => news.add(workspaceId));
  const tx: Tx = {
    ...readsOn(on),
    ...tenantWrites(on),
    ...auditWrites(on),
    ...signInWrites(on),
    ...sessionWrites(on),
    ...conversationWrites(on, owners, (id) => conversations.add(id)),
    ...handoffWrites(on),
    ...leadWrites(on),
    ...peopleWrites(on),
    ...insightWrites(on),
    ...newsOf,
    ...deliveryWrites(on, (lane) => lanes.add(lane), newsOf),
    ...webhookWrites(on),
    ...retentionWrites(on),
    ...forgetting(on),
  };
  const clear = () => {
    lanes.clear();
    conversations.clear();
    news.clear();
  };
  const touched = {
    clear,
    taken() {
      const what = { lanes: [...lanes], conversations: [...conversations], news: [...news] };
      clear();
      return what;
    },
  };
  return { tx, owners, touched };
}

/** What is stored is stored: a listener that fails must not keep anybody from being answered. */
export function tell(listener: (what: Committed) => void, what: Committed): void {
  try {
    listener(what);
  } catch (error) {
    process.emitWarning(`A listener for commits failed: ${error instanceof Error ? error.name : "not an error"}`);
  }
}

/** Listens for news of one workspace only. */
export function onNewsOf(
  listeners: Set<(what: Committed) => void>,
  listener: () => void,
  workspaceId: string,
): () => void {
  const heard = ({ news }: Committed): void => {
    if (news.includes(workspaceId)) listener();
  };
  listeners.add(heard);
  return () => void listeners.delete(heard);
}
