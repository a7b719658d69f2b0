import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Conversation } from "../../src/domain/conversation.ts";
import type { Handoff } from "../../src/domain/handoff.ts";
import { createInProcessJobs } from "../../src/jobs/in-process.ts";
import type { InProcessJobsSettings } from "../../src/jobs/in-process.ts";
import type { Duties, Effect, Jobs, Log, Store, Then } from "../../src/ports.ts";
import type { Delivery, NewDelivery, WebhookRow } from "../../src/ports-store.ts";
import { openSqliteStore } from "../../src/storage/sqlite-store.ts";
import { createManualTime } from "./manual-time.ts";
import type { ManualTime } from "./manual-time.ts";

export const START = new Date("2026-11-20T09:00:00Z");
export const WS = "ws_1";

/** Something the worker asked of the duties. */
export interface Performed {
  readonly lane: string;
  /** What the delivery says, from its payload. */
  readonly says: string;
  readonly attempt: number;
  readonly mayHaveHappened: boolean;
  readonly key: string;
  /** Milliseconds since the start. */
  readonly at: number;
}

export interface World {
  readonly store: Store;
  readonly jobs: Jobs;
  readonly time: ManualTime;
  readonly performed: Performed[];
  /** Everything else that was asked of the duties, as `word id`, with the times as above. */
  readonly told: string[];
  /** The same, of connections that go down and up. */
  readonly connections: string[];
  readonly logged: string[];
  /** Replace a function to make a duty behave otherwise. */
  readonly duties: { -readonly [Name in keyof Duties]: Duties[Name] };
  /** Owes one delivery per word, in this order, in one commit. */
  owe(lane: string, says: readonly string[], more?: Partial<NewDelivery>): Promise<void>;
  /** A second worker on the same store, as after a restart. */
  another(): Jobs;
  /** By number. */
  deliveries(): Promise<readonly Delivery[]>;
  states(): Promise<Record<string, string>>;
  /** What was performed, in order: `says`. */
  said(): string[];
  recordWebhook(id: string, connectionId?: string): Promise<void>;
  openHandoff(id: string, patch?: Partial<Handoff>): Promise<void>;
  since(): number;
}

export interface WorldSettings {
  readonly create?: (settings: InProcessJobsSettings) => Jobs;
  readonly timing?: InProcessJobsSettings["timing"];
  readonly random?: () => number;
  /** False: commits wake nobody. */
  readonly wakes?: boolean;
  readonly log?: Log;
  /** To break the store in some way. */
  readonly wrap?: (store: Store) => Store;
  /** What is under way outside of this process. */
  readonly elsewhere?: {
    /** Something was asked, and is not answered yet. */
    readonly isAsked: () => boolean;
    /** Whether nothing is on its way back from there. */
    readonly isQuiet: () => Promise<boolean>;
  };
}

/** A worker on a real store in a directory of its own, with duties that only note what is asked of them. */
export async function createWorld(settings: WorldSettings = {}): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), "baton-jobs-"));
  const real = await openSqliteStore(join(directory, "baton.db"));
  let underWay = 0;
  const counted = countUnderWay(settings.wrap?.(real) ?? real, (by) => (underWay += by));
  const time = createManualTime(
    START,
    () => underWay > 0 || settings.elsewhere?.isAsked() === true,
    settings.elsewhere?.isQuiet,
  );
  const workers: Jobs[] = [];
  onTestFinished(async () => {
    await Promise.all(workers.map((one) => one.stop(0)).concat(time.advance(0)));
    await time.settle();
    await real.close();
    rmSync(directory, { recursive: true });
  });

  const since = () => time.clock().getTime() - START.getTime();
  const performed: Performed[] = [];
  const told: string[] = [];
  const connections: string[] = [];
  const logged: string[] = [];
  const note = (what: string) => told.push(`${since()} ${what}`);
  const duties: World["duties"] = {
    perform: () => Promise.resolve(null),
    abandoned: () => null,
    settleMs: () => 15_000,
    look: () => Promise.resolve(),
    webhook: () => Promise.resolve(),
    waiting: () => Promise.resolve(),
    overdue: () => Promise.resolve(),
    connectionDown: () => Promise.resolve(),
    connectionUp: () => Promise.resolve(),
  };
  const noting: Duties = {
    perform(delivery: Delivery, effect: Effect): Promise<Then> {
      const { lane, attempts: attempt, mayHaveHappened } = delivery;
      performed.push({ lane, says: says(delivery), attempt, mayHaveHappened, key: effect.key, at: since() });
      return duties.perform(delivery, effect);
    },
    abandoned(delivery, error) {
      note(`abandoned ${says(delivery)}`);
      return duties.abandoned(delivery, error);
    },
    settleMs: (delivery) => duties.settleMs(delivery),
    look(workspaceId, handoffId) {
      note(`look ${handoffId}`);
      return duties.look(workspaceId, handoffId);
    },
    webhook(row: WebhookRow) {
      note(`webhook ${row.id}`);
      return duties.webhook(row);
    },
    waiting: () => duties.waiting(),
    overdue(handoff) {
      note(`overdue ${handoff.id}`);
      return duties.overdue(handoff);
    },
    connectionDown(connectionId, problem) {
      connections.push(`${since()} down ${connectionId}: ${problem}`);
      return duties.connectionDown(connectionId, problem);
    },
    connectionUp(connectionId) {
      connections.push(`${since()} up ${connectionId}`);
      return duties.connectionUp(connectionId);
    },
  };

  const another = (): Jobs => {
    const jobs = (settings.create ?? createInProcessJobs)({
      store: counted,
      clock: time.clock,
      scheduler: time.scheduler,
      log: settings.log ?? logInto(logged),
      duties: noting,
      random: settings.random ?? (() => 0.5),
      ...(settings.timing && { timing: settings.timing }),
    });
    workers.push(jobs);
    if (settings.wakes !== false) real.onCommitted(({ lanes }) => lanes.forEach((lane) => jobs.wakeLane(lane)));
    return jobs;
  };

  const deliveries = async (): Promise<readonly Delivery[]> => {
    const all = await counted.read.deliveries(WS, { limit: 5_000 });
    return [...all.items].sort((a, b) => a.n - b.n);
  };

  return {
    store: counted,
    jobs: another(),
    another,
    time,
    performed,
    told,
    connections,
    logged,
    duties,
    since,
    said: () => performed.map((one) => one.says),
    async owe(lane, words, more = {}) {
      const connectionId = /^con_\w+/.exec(lane)?.[0] ?? null;
      const deliveries = words.map((word) => ({
        workspaceId: WS,
        lane,
        kind: connectionId === null ? ("callback" as const) : ("helpdesk_message" as const),
        connectionId,
        conversationId: "cnv_1",
        handoffId: null,
        payload: { says: word },
        ...more,
      }));
      await counted.write((tx) => tx.addDeliveries(deliveries, time.clock()));
    },
    deliveries,
    async states() {
      return Object.fromEntries((await deliveries()).map((one) => [says(one), one.state]));
    },
    async recordWebhook(id, connectionId = "con_a") {
      const row = { id, workspaceId: WS, connectionId, body: "{}", receivedAt: time.clock(), attempts: 0 };
      await counted.write((tx) => tx.recordWebhook({ ...row, dedupeKey: id }));
    },
    async openHandoff(id, patch = {}) {
      await counted.write(async (tx) => {
        await tx.createConversation({ ...conversation, id: `cnv_${id}`, key: id });
        await tx.createHandoff({ ...handoff, id, conversationId: `cnv_${id}`, ...patch });
      });
    },
  };
}

export const says = (delivery: Delivery): string => String(delivery.payload["says"]);

function countUnderWay(store: Store, count: (by: 1 | -1) => void): Store {
  const counted = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    count(1);
    try {
      return await work();
    } finally {
      count(-1);
    }
  };
  const read = new Proxy(store.read, {
    get(target, name) {
      const method = Reflect.get(target, name) as (...given: unknown[]) => Promise<unknown>;
      return (...given: unknown[]) => counted(() => method(...given));
    },
  });
  return { ...store, read, write: (work) => counted(() => store.write(work)) };
}

function logInto(lines: string[]): Log {
  const line = (event: string) => void lines.push(event);
  return { debug: () => {}, info: line, warn: line, error: line, with: () => logInto(lines) };
}

export const conversation: Conversation = {
  id: "cnv_1",
  workspaceId: WS,
  botId: "bot_1",
  key: "c-1",
  locale: null,
  channel: null,
  pageUrl: null,
  visitor: { id: null, name: null, email: null, phone: null, attributes: {} },
  products: [],
  summary: null,
  control: "human",
  epoch: 1,
  openHandoffId: null,
  callbackUrl: null,
  host: null,
  dialog: null,
  lastEventSeq: 0,
  lastMessageSeq: 0,
  createdAt: START,
};

export const handoff: Handoff = {
  id: "hnd_1",
  workspaceId: WS,
  botId: "bot_1",
  conversationId: "cnv_1",
  status: "pending",
  mode: "live",
  trigger: "visitor",
  reason: null,
  priority: null,
  because: "open",
  chain: [],
  destination: { id: "con_a", team: null, priority: null, labels: [] },
  opened: true,
  ref: { conversationId: "17", contactId: null, url: null },
  cursor: null,
  agent: null,
  assigneeId: null,
  transcriptSeq: 0,
  acceptBy: null,
  openBy: null,
  idleAt: null,
  createdAt: START,
  acceptedAt: null,
  endedAt: null,
};
