import { DeliveryError } from "../domain/delivery.ts";
import { HandoffError } from "../domain/errors.ts";
import { SYSTEM } from "../domain/handoff.ts";
import { isOpenStatus } from "../domain/states.ts";
import type { Connector, HelpdeskEvent } from "../ports.ts";
import type { WebhookRow } from "../ports-store.ts";
import { applyNews } from "./apply.ts";
import type { News } from "./apply.ts";
import type { Deps } from "./deps.ts";
import { placeOf } from "./hosted/look.ts";
import type { HostedLooks } from "./hosted/look.ts";
import { isInPlace } from "./hosted/place.ts";
import { loadHandoff } from "./load.ts";
import { end } from "./transitions.ts";

/** How often a webhook waits for the helpdesk's own list before its content is taken as it is. */
const PATIENT_ATTEMPTS = 3;

interface Looks {
  look(workspaceId: string, handoffId: string): Promise<void>;
  webhook(row: WebhookRow): Promise<void>;
}

/**
 * Reading the helpdesk's own conversation. A webhook is a doorbell (design.md 7): it makes us look, and the list that is
 * read gives content and order. Only where no list can be read, the signed webhook's own content is used.
 */
export function createLooks(deps: Deps, hosted: HostedLooks): Looks {
  const running = new Map<string, { promise: Promise<void>; next: Promise<void> | null }>();
  const missing = new Map<string, Missing>();

  /** One look at a time for each handoff. Whoever asks while one runs shares the one after it, which sees their news. */
  function look(workspaceId: string, handoffId: string): Promise<void> {
    const entry = running.get(handoffId);
    if (entry !== undefined) {
      entry.next ??= entry.promise.catch(() => undefined).then(() => start(workspaceId, handoffId));
      return entry.next;
    }
    return start(workspaceId, handoffId);
  }

  function start(workspaceId: string, handoffId: string): Promise<void> {
    const promise = lookUnlessGone({ ...deps, hosted }, missing, { workspaceId, handoffId }).finally(() => {
      if (running.get(handoffId)?.promise === promise) running.delete(handoffId);
    });
    running.set(handoffId, { promise, next: null });
    return promise;
  }

  return {
    look,
    webhook: (row) => workOn(deps, row, { look, hosted, isThere: (handoffId) => void missing.delete(handoffId) }),
  };
}

interface LooksDeps extends Deps {
  readonly hosted: HostedLooks;
}

/** One look; it counts how long the helpdesk has not found the conversation. */
async function lookUnlessGone(
  deps: LooksDeps,
  missing: Map<string, Missing>,
  { workspaceId, handoffId }: { workspaceId: string; handoffId: string },
): Promise<void> {
  try {
    await lookOnce(deps, workspaceId, handoffId);
    missing.delete(handoffId);
  } catch (error) {
    if (!(error instanceof DeliveryError && error.isGone)) throw error;
    const now = deps.clock().getTime();
    const { since, looks } = missing.get(handoffId) ?? { since: now, looks: 0 };
    if (missing.size >= MOST_MISSING) missing.clear();
    missing.set(handoffId, { since, looks: looks + 1 });
    const isLong = now - since >= GONE_AFTER_MS && looks + 1 >= GONE_AFTER_LOOKS;
    if (!isLong || !(await endGone(deps, workspaceId, handoffId))) throw error;
    missing.delete(handoffId);
  }
}

interface Missing {
  /** Milliseconds. */
  readonly since: number;
  readonly looks: number;
}

const MOST_MISSING = 10_000;
/** "Not there" alone is weak proof: a proxy may say so for a moment, or a token lose its rights. */
const GONE_AFTER_MS = 120_000;
const GONE_AFTER_LOOKS = 3;

/**
 * The helpdesk's conversation was deleted: nobody there can answer any more, so the bot has the visitor again. Only when the
 * helpdesk answers other questions; false otherwise.
 */
async function endGone(deps: Deps, workspaceId: string, handoffId: string): Promise<boolean> {
  const handoff = await deps.store.read.handoff(workspaceId, handoffId);
  const connector = await deps.connectors.get(workspaceId, handoff?.destination?.id ?? "");
  const answers = connector?.choices().then(
    () => true,
    () => false,
  );
  if (!(await answers)) return false;
  deps.log.warn("conversation_gone", { workspaceId, handoffId, connectionId: handoff?.destination?.id ?? null });
  await deps.store.write(async (tx) => {
    const { turn, setup } = await loadHandoff(tx, deps, { workspaceId, handoffId });
    if (turn.handoff?.mode === "live")
      end(turn, setup, deps, { as: "resolved", actor: SYSTEM, because: "conversation_gone", fromHelpdesk: true });
    else turn.lookAt(null);
    await turn.save();
  });
  return true;
}

async function lookOnce(deps: LooksDeps, workspaceId: string, handoffId: string): Promise<void> {
  const handoff = await deps.store.read.handoff(workspaceId, handoffId);
  const source = handoff?.destination?.id;
  if (handoff === null || source === undefined || handoff.ref === null) return;
  const conversation = await deps.store.read.conversation(workspaceId, handoff.conversationId);
  // The team answers where the bot spoke: one reading tells of both.
  if (conversation !== null && isInPlace(conversation, handoff.destination)) {
    await deps.hosted.look(placeOf(conversation));
    return;
  }
  const connector = await deps.connectors.get(workspaceId, source);
  if (connector === null || !connector.can.look) {
    await deps.store.write((tx) => tx.scheduleLook(workspaceId, handoffId, null));
    return;
  }
  const askedAt = deps.clock();
  const { messages, assignee, status, cursor, isIncomplete } = await connector.look(handoff.ref, handoff.cursor);
  const news: News = { messages, assignee, status, cursor, askedAt, isIncomplete };
  await deps.store.write((tx) => applyNews(tx, deps, { workspaceId, handoffId, source }, news));
}

/** How a webhook makes us look, and what it proves by having come. */
interface Bell {
  readonly look: Looks["look"];
  readonly hosted: HostedLooks;
  readonly isThere: (handoffId: string) => void;
}

async function workOn(deps: Deps, row: WebhookRow, bell: Bell): Promise<void> {
  const connector = await deps.connectors.get(row.workspaceId, row.connectionId);
  if (connector === null) return;
  const { events, presenceChanged, hosted = [] } = connector.toInbound(JSON.parse(row.body) as unknown);
  const { workspaceId, connectionId } = row;
  if (presenceChanged) deps.presence.changed(workspaceId, connectionId);
  for (const conversationId of new Set(hosted)) await bell.hosted.look({ workspaceId, connectionId, conversationId });
  for (const conversationId of new Set(events.map((event) => event.conversationId))) {
    const ours = events.filter((event) => event.conversationId === conversationId);
    await tellHandoff(deps, row, { connector, conversationId, events: ours, bell });
  }
}

async function tellHandoff(
  deps: Deps,
  row: WebhookRow,
  told: { connector: Connector; conversationId: string; events: readonly HelpdeskEvent[]; bell: Bell },
): Promise<void> {
  const { workspaceId, connectionId } = row;
  const handoff = await deps.store.read.handoffByRef(workspaceId, connectionId, told.conversationId);
  // Not ours, or its opening is not on disk yet: then the first look finds what was said.
  if (handoff === null) return;
  const matters = told.events.some((event) => event.type !== "typing");
  // "changed" may be anything: so speaks a helpdesk that is too old to sign.
  const reopened = told.events.some(
    (event) => event.type === "changed" || (event.type === "status" && event.status === "open"),
  );
  if (!matters || (!isOpenStatus(handoff.status) && !reopened)) return;
  if (told.connector.can.look) {
    const failed = await told.bell.look(workspaceId, handoff.id).then(
      () => null,
      (error: unknown) => error,
    );
    if (failed === null) return;
    if (failed instanceof HandoffError) throw failed;
    const mayPass = !(failed instanceof DeliveryError) || failed.kind === "transient" || failed.kind === "rate_limited";
    if (mayPass && row.attempts < PATIENT_ATTEMPTS) throw failed;
    deps.log.warn("look_failed_webhook_used", { workspaceId, connectionId, handoffId: handoff.id, error: failed });
  }
  told.bell.isThere(handoff.id);
  // What an old webhook says of an ended handoff cannot be checked without a look.
  if (!isOpenStatus(handoff.status)) return;
  const news = newsOf(told.events);
  await deps.store.write((tx) =>
    applyNews(tx, deps, { workspaceId, handoffId: handoff.id, source: connectionId }, news),
  );
}

/** What the events of one webhook tell by themselves. */
function newsOf(events: readonly HelpdeskEvent[]): News {
  const assignee = events.findLast((event) => event.type === "assignee");
  const status = events.findLast((event) => event.type === "status");
  return {
    messages: events.flatMap((event) => (event.type === "message" ? [event.message] : [])),
    ...(assignee && { assignee: assignee.agent }),
    // "pending" may be the moment before our own opening, told late: only a look can tell it from a return to the bot.
    ...(status && status.status !== "pending" && { status: status.status }),
  };
}
