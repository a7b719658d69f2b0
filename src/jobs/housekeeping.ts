import type { Clock, Log, Store } from "../ports.ts";
import type { ConversationAge, Walked } from "../ports-retention.ts";
import type { Tx, Workspace } from "../ports-store.ts";
import type { Scheduler } from "./scheduler.ts";

/** In milliseconds unless named otherwise. */
export interface HousekeepingTiming {
  /** From the end of one round to the next. */
  readonly everyMs: number;
  /** How long one part of a round may take; what is left is gone on with in the next one, which then comes soon. */
  readonly partMs: number;
  readonly soonMs: number;
  /** Between two units, so that what people wait for comes in between. */
  readonly pauseMs: number;
  /** Rows of one unit. */
  readonly rows: number;
  /** A process that takes longer than this for a round is taken to be dead. */
  readonly holdMs: number;
}

export const HOUSEKEEPING: HousekeepingTiming = {
  everyMs: 5 * 60_000,
  partMs: 20_000,
  soonMs: 5_000,
  pauseMs: 15,
  rows: 100,
  holdMs: 10 * 60_000,
};

const DAY_MS = 86_400_000;
/** A repeated request is answered alike for 7 days at least (reliability.md P5). */
const ANSWERS_DAYS = 8;
/** An event that comes again is known "weeks later" (P4). */
const WEBHOOKS_DAYS = 60;
/** Shown in the list of deliveries until then. */
const DELIVERIES_DAYS = 90;
const EXPIRED_DAYS = 30;
/** Who comes back later to a stream of a workspace's news is told to load everything. */
const NEWS_DAYS = 1;
const CONNECTION_STATES_DAYS = 30;
/** Two years of analytics, and what a year's picture begins with. */
const DECLINED_DAYS = 800;

export interface HousekeepingDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly scheduler: Scheduler;
  readonly timing?: Partial<HousekeepingTiming>;
}

export interface Housekeeping {
  start(): void;
  /** Does what is due now. Resolves at the end of the round; never rejects. */
  round(): Promise<void>;
  /** Begins no other unit. Resolves when the running one has ended. */
  close(): Promise<void>;
}

const CHORE = "housekeeping";

/** How far each part came, to go on from there. */
type Cursors = Record<string, string>;

/** One part: does a unit's worth from the cursor on, and gives the next cursor; null when it is through. */
type Part = (cursor: string, round: Round) => Promise<Walked>;

interface Round {
  readonly now: Date;
  /** Before when a workspace does not keep words, for those that do not keep them for ever. */
  readonly retention: ReadonlyMap<string, Date>;
}

/**
 * Takes out what is not to be kept: words that are older than their workspace keeps them, and what has served its purpose
 * (answers for repeated requests, deliveries and webhooks that are over, expired tokens). In units of few rows with pauses
 * between, by one process at a time. A round that is broken off is gone on with; nothing is done twice that may not be.
 */
export function createHousekeeping(deps: HousekeepingDeps): Housekeeping {
  const { store, clock, log, scheduler } = deps;
  const timing = { ...HOUSEKEEPING, ...deps.timing };
  let isClosed = false;
  const goesOn = (): boolean => !isClosed;
  let running: Promise<void> | null = null;
  let cancel: (() => void) | null = null;

  const pause = () => new Promise<void>((resolve) => void scheduler.after(timing.pauseMs, resolve));

  const parts: Record<string, Part> = {
    conversations: (cursor, round) => pruneSome(cursor, round),
    answers: (cursor, { now }) =>
      store.write((tx) =>
        tx.forgetAnswers(cursor, timing.rows, { answers: ago(now, ANSWERS_DAYS), webhooks: ago(now, WEBHOOKS_DAYS) }),
      ),
    deliveries: (cursor, { now }) =>
      store.write((tx) => tx.forgetDeliveries(cursor, timing.rows, ago(now, DELIVERIES_DAYS))),
    webhooks: (cursor, { now, retention }) =>
      store.write((tx) => tx.forgetWebhooks(cursor, timing.rows, { rows: ago(now, WEBHOOKS_DAYS), bodies: retention })),
    async expired(_cursor, { now }) {
      await store.write((tx) => tx.forgetExpired(ago(now, EXPIRED_DAYS), timing.rows));
      return null;
    },
    news: untilDone((tx, now) => tx.forgetNews(ago(now, NEWS_DAYS), timing.rows)),
    connectionStates: untilDone((tx, now) => tx.forgetConnectionStates(ago(now, CONNECTION_STATES_DAYS), timing.rows)),
    declined: untilDone((tx, now) => tx.forgetDeclined(ago(now, DECLINED_DAYS), timing.rows)),
  };

  /** A part that needs no place to go on from: what is done is not found again. */
  function untilDone(some: (tx: Tx, now: Date) => Promise<boolean>): Part {
    return async (_cursor, { now }) => ((await store.write((tx) => some(tx, now))) ? null : "more");
  }

  /** A page of conversations: those that are old enough lose their words, a unit at a time. */
  async function pruneSome(cursor: string, { now, retention }: Round): Promise<Walked> {
    if (retention.size === 0) return null;
    const latest = Math.max(...[...retention.values()].map((end) => end.getTime()));
    const page = await store.read.conversationAges(cursor, timing.rows);
    let before = cursor;
    for (const one of page) {
      const end = retention.get(one.workspaceId);
      const isDone = one.prunedAt !== null && one.prunedAt >= one.touchedAt;
      const isDue = end !== undefined && !one.isOpen && !isDone && one.touchedAt <= end;
      if (isDue) await prune(one, { untouchedSince: end, now, most: timing.rows });
      // What was broken off is begun with the next time.
      if (isClosed) return before;
      before = one.id;
    }
    const last = page.at(-1);
    return last === undefined || page.length < timing.rows || last.createdAt.getTime() > latest ? null : last.id;
  }

  async function prune(
    { workspaceId, id }: ConversationAge,
    of: { untouchedSince: Date; now: Date; most: number },
  ): Promise<void> {
    let left = "more";
    while (left === "more" && goesOn()) {
      left = await store.write((tx) => tx.pruneConversation(workspaceId, id, of));
      await pause();
    }
  }

  /** One part, until it is through or its time is over. Gives where to go on; "" for the beginning. */
  async function runPart(part: Part, from: string, round: Round): Promise<{ cursor: string; isThrough: boolean }> {
    const until = performance.now() + timing.partMs;
    let cursor: Walked = from;
    while (goesOn() && performance.now() < until) {
      cursor = await part(cursor, round);
      if (cursor === null) return { cursor: "", isThrough: true };
      await pause();
    }
    return { cursor, isThrough: false };
  }

  async function rounds(state: string): Promise<{ state: string; isThrough: boolean }> {
    const cursors: Cursors = state === "" ? {} : (JSON.parse(state) as Cursors);
    const now = clock();
    const retention = new Map((await store.read.workspaces()).flatMap((one) => keptUntil(one, now)));
    let isThrough = true;
    for (const [name, part] of Object.entries(parts)) {
      try {
        const end = await runPart(part, cursors[name] ?? "", { now, retention });
        cursors[name] = end.cursor;
        isThrough &&= end.isThrough;
      } catch (error) {
        log.warn("housekeeping_failed", { kind: name, error });
      }
    }
    return { state: JSON.stringify(cursors), isThrough };
  }

  async function once(): Promise<void> {
    try {
      const now = clock();
      const state = await store.write((tx) => tx.takeChore(CHORE, now, new Date(now.getTime() + timing.holdMs)));
      if (state === null) return;
      const end = await rounds(state);
      const next = new Date(clock().getTime() + (end.isThrough ? timing.everyMs : timing.soonMs));
      await store.write((tx) => tx.leaveChore(CHORE, next, end.state));
    } catch (error) {
      log.warn("housekeeping_failed", { kind: CHORE, error });
    }
  }

  async function round(): Promise<void> {
    running ??= once().finally(() => {
      running = null;
    });
    await running;
  }

  function wakeLater(): void {
    if (isClosed) return;
    // The store says whether it is due: another process may have done it.
    cancel = scheduler.after(timing.soonMs, () => void round().then(wakeLater));
  }

  return {
    start: wakeLater,
    round,
    async close() {
      isClosed = true;
      cancel?.();
      await running;
    },
  };
}

const ago = (now: Date, days: number): Date => new Date(now.getTime() - days * DAY_MS);

const keptUntil = ({ id, retentionDays }: Workspace, now: Date): [string, Date][] =>
  retentionDays === undefined ? [] : [[id, ago(now, retentionDays)]];
