import type { Clock, Duties, Log, Store } from "../ports.ts";
import type { WebhookRow } from "../ports-store.ts";
import { inRequest } from "../request-scope.ts";
import type { Alarms } from "./alarms.ts";
import { longestBackoffMs } from "./backoff.ts";
import { createFairPool, freeTrial } from "./fair-pool.ts";
import type { Scheduler } from "./scheduler.ts";
import type { JobsTiming } from "./timing.ts";
import type { Turns } from "./turns.ts";
import { asDeliveryError, retryAfterMs } from "./verdict.ts";

export interface WebhooksDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly duties: Duties;
  readonly timing: JobsTiming;
  readonly random: () => number;
  readonly alarms: Alarms;
  readonly scheduler: Scheduler;
  readonly turns: Turns;
}

export interface Webhooks {
  /**
   * Takes up what waits in the store. Never rejects.
   *
   * @param options.deep also looks behind connections with more waiting than they can work on
   */
  drain(options?: { deep: boolean }): Promise<void>;
  running(): number;
  waiting(): number;
  close(): Promise<void>;
}

/** Rows of one connection held in memory; the rest waits in the store. */
const MOST_PER_CONNECTION = 200;
/**
 * Works on recorded webhooks, started in the order in which they came; each stands for itself, since what it tells is
 * looked up. One that fails is tried again after a while that grows, and after its last try kept for a person to see.
 */
export function createWebhooks(deps: WebhooksDeps): Webhooks {
  const { store, clock, log, duties, timing, random } = deps;
  const known = new Set<string>();
  const pool = createFairPool<WebhookRow>({
    overall: timing.webhooks,
    perGroup: timing.webhooksPerGroup,
    waitingPerGroup: MOST_PER_CONNECTION,
    enter: () => freeTrial,
    async work(id, row) {
      if (!(await deps.turns.take(`webhook:${id}`))) {
        // Another process is at it. Should that one die, the store still shows it.
        deps.scheduler.after(timing.sweepMs, () => known.delete(id));
        return "rest";
      }
      const isDone = await inRequest(row.requestId ?? null, () => workOn(row));
      deps.turns.end(`webhook:${id}`, !isDone);
      known.delete(id);
      ended.add(id);
      if (isBehind && pool.waitingIn(row.connectionId) < MOST_PER_CONNECTION / 2) void drain();
      return "rest";
    },
  });
  /** Worked on since the last read began: that read may still show them as waiting. */
  const ended = new Set<string>();
  let isReading = false;
  let isMore = false;
  /** A line was full: more waits in the store. */
  let isBehind = false;

  /** True when it never comes up again. */
  async function workOn(row: WebhookRow): Promise<boolean> {
    try {
      try {
        await duties.webhook(row);
      } catch (thrown) {
        await failed(row, thrown);
        return false;
      }
      await store.write((tx) => tx.finishWebhook(row.id, "done", null, clock()));
      return true;
    } catch (error) {
      // It is still waiting in the store, and what it tells is known by then: the next sweep takes it up again.
      log.error("webhook_not_ended", { ...fieldsOf(row), error });
      return false;
    }
  }

  async function failed(row: WebhookRow, thrown: unknown): Promise<void> {
    const error = asDeliveryError(thrown);
    const tries = row.attempts + 1;
    const isOver = error.kind === "permanent" || tries >= timing.webhookTries;
    log.warn(isOver ? "webhook_failed" : "webhook_postponed", { ...fieldsOf(row), attempt: tries, error: thrown });
    if (isOver) {
      await store.write((tx) => tx.finishWebhook(row.id, "failed", error.message, clock()));
      return;
    }
    const wait = longestBackoffMs(tries, { baseMs: timing.retryMs, capMs: timing.backoffCapMs }) * (0.5 + random() / 2);
    const again = new Date(clock().getTime() + Math.max(Math.ceil(wait), retryAfterMs(error, timing) ?? 0));
    await store.write((tx) => tx.postponeWebhook(row.id, again, error.message));
    deps.alarms.set(`webhook ${row.id}`, again, () => void drain());
  }

  /** Puts in line what the store shows. True when there was more than one read shows. */
  async function takeUp(isDeep: boolean): Promise<boolean> {
    for (let limit = known.size + timing.sweepRows; ; limit *= 4) {
      ended.clear();
      const rows = await store.read.waitingWebhooks(clock(), limit);
      const fresh = rows.filter((row) => !known.has(row.id) && !ended.has(row.id));
      const added = fresh.filter((row) => pool.add(row.connectionId, row.id, row));
      for (const row of added) known.add(row.id);
      pool.pump();
      isBehind = added.length < fresh.length;
      if (rows.length < limit) return false;
      if (added.length > 0) return true;
      if (!isDeep || limit >= timing.deepestRead) return false;
    }
  }

  async function drain({ deep } = { deep: false }): Promise<void> {
    isMore = true;
    if (isReading) return;
    isReading = true;
    try {
      while (isMore) {
        isMore = false;
        isMore = (await takeUp(deep)) || isMore;
      }
    } catch (error) {
      log.error("webhooks_not_read", { error });
    } finally {
      isReading = false;
    }
  }

  return {
    drain,
    running: () => pool.running(),
    waiting: () => pool.waiting(),
    close: () => pool.close(),
  };
}

const fieldsOf = (row: WebhookRow) => ({ workspaceId: row.workspaceId, connectionId: row.connectionId });
