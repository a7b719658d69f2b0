import { createHmac, randomUUID } from "node:crypto";
import { saveConversation } from "./conversations.ts";
import { setMessageStatus } from "./messages.ts";
import { receiversOf, refusePrivateHost, type Receiver } from "./receivers.ts";
import { isAtLeast, messagesOf, type Happening, type Json, type State } from "./state.ts";
import { canBeBuilt, payloadFor, showsChanges, type ShapeOptions } from "./webhook-shapes.ts";
import { post as send } from "../post.ts";
import type { WebhookTrouble } from "../trouble.ts";

export interface SentWebhook {
  readonly to: Receiver["to"];
  readonly url: string;
  readonly event: string;
  readonly payload: Json;
  readonly rawBody: string;
  readonly headers: Record<string, string>;
  readonly at: Date;
  /** From 1; only those of agent bots are tried again. */
  readonly attempt: number;
  /** The receiver's answer; null when there was none. */
  status: number | null;
  error: string | null;
  /** Never sent, on request. */
  readonly dropped: boolean;
}

export interface DeliveryOptions extends ShapeOptions {
  readonly workers: number;
  /** When the payload is built: in the job that sends it, as Chatwoot does, or at the event. Those of bots always are. */
  readonly payloadAt: "send" | "event";
}

interface Job {
  readonly happening: Happening;
  readonly receiver: Receiver;
  readonly payload: Json | null;
  /** One per receiver and event; attempts share it. */
  readonly deliveryId: string;
  readonly attempt: number;
}

const maximumAttempts = 3;

/** JSON as Rails writes it: `<`, `>`, `&` and the two line separators are escaped, so that it is safe in HTML (2.3). */
export const railsJson = (value: unknown): string =>
  JSON.stringify(value).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

export const sign = (secret: string, timestamp: string, rawBody: string): string =>
  `sha256=${createHmac("sha256", secret).update(`${timestamp}.${rawBody}`).digest("hex")}`;

/**
 * Delivers what happens to whoever is to hear of it: up to ten at once, in no promised order, tried once; a bot's again on
 * 429 and 500 (2.4).
 */
export function createDeliveries(state: State, trouble: WebhookTrouble, options: DeliveryOptions) {
  const sent: SentWebhook[] = [];
  const waiting: Job[] = [];
  const timers = new Set<NodeJS.Timeout>();
  let running = 0;
  let held = 0;
  let idle: (() => void)[] = [];
  let isStopped = false;

  const whenIdle = () => {
    if (running + held + waiting.length > 0) return;
    for (const resolve of idle) resolve();
    idle = [];
  };

  const enqueue = (job: Job) => {
    waiting.push(job);
    setImmediate(work);
  };

  function work(): void {
    while (running < options.workers && waiting.length > 0) {
      running += 1;
      void run(waiting.shift()!).finally(() => {
        running -= 1;
        work();
        whenIdle();
      });
    }
  }

  const build = ({ to }: Receiver, happening: Happening) =>
    payloadFor(state, happening, options, showsChanges(state, to));

  async function run(job: Job): Promise<void> {
    const { happening, receiver } = job;
    if (job.payload === null && !canBeBuilt(state, happening)) return;
    const record = await deliver({ ...job, payload: job.payload ?? build(receiver, happening) });
    const isDone = record.dropped || (record.status !== null && record.status >= 200 && record.status <= 299);
    if (isDone || isStopped) return;
    if (mayRetry(job, record)) tryLater({ ...job, attempt: job.attempt + 1 });
    else afterFailure(state, receiver.to, happening, record.error ?? `${record.status} error`);
  }

  /** Since 4.12.0, for bots, on two statuses only: anything else is final at once. */
  const mayRetry = ({ receiver, attempt }: Job, { status }: SentWebhook) =>
    receiver.to === "agent_bot" &&
    isAtLeast(state, "4.12") &&
    attempt < maximumAttempts &&
    (status === 429 || status === 500);

  function tryLater(job: Job): void {
    held += 1;
    const timer = setTimeout(() => {
      timers.delete(timer);
      held -= 1;
      enqueue(job);
    }, state.settings.botRetryMs);
    timers.add(timer);
  }

  /** Sends one webhook now, twice when trouble asks for duplicates: same body, new delivery id. */
  async function deliver(job: Job & { payload: Json }): Promise<SentWebhook> {
    if (trouble.takeDrop()) return note({ ...blank(job, railsJson(job.payload), {}), dropped: true });
    const first = await post(job);
    if (trouble.isDuplicating()) await post({ ...job, deliveryId: randomUUID() });
    return first;
  }

  async function post(job: Job & { payload: Json }): Promise<SentWebhook> {
    const { url, secret, hasDeliveryId } = job.receiver;
    const rawBody = railsJson(job.payload);
    const headers: Record<string, string> = { "Content-Type": "application/json", Accept: "application/json" };
    if (hasDeliveryId) headers["X-Chatwoot-Delivery"] = job.deliveryId;
    if (secret !== null) {
      const timestamp = String(Math.floor(state.clock().getTime() / 1000));
      headers["X-Chatwoot-Timestamp"] = timestamp;
      headers["X-Chatwoot-Signature"] = sign(secret, timestamp, rawBody);
    }
    const record = blank(job, rawBody, headers);
    try {
      refusePrivateHost(state, url);
      record.status = await send(url, headers, rawBody, state.settings.webhookTimeoutMs);
    } catch (error) {
      record.error = error instanceof Error ? error.message : String(error);
    }
    return note(record);
  }

  const blank = (
    { receiver, payload, attempt }: Job & { payload: Json },
    rawBody: string,
    headers: Record<string, string>,
  ): SentWebhook => ({
    to: receiver.to,
    url: receiver.url,
    event: String(payload["event"]),
    payload,
    rawBody,
    headers,
    at: state.clock(),
    attempt,
    status: null,
    error: null,
    dropped: false,
  });

  function note(record: SentWebhook): SentWebhook {
    sent.push(record);
    state.events.emit("change");
    return record;
  }

  state.events.on("happening", (happening) => {
    if (isStopped) return;
    for (const receiver of receiversOf(state, happening)) {
      const isBuiltNow = options.payloadAt === "event" || receiver.to === "agent_bot";
      const payload = isBuiltNow ? build(receiver, happening) : null;
      held += 1;
      trouble.hold(() => {
        held -= 1;
        enqueue({ happening, receiver, payload, deliveryId: randomUUID(), attempt: 1 });
      });
    }
  });

  return {
    sent,
    /** Resolves when no delivery is waiting, for its next attempt neither, or under way. */
    settled: () =>
      new Promise<void>((resolve) => {
        idle.push(resolve);
        whenIdle();
      }),
    stop: () => {
      isStopped = true;
      waiting.length = 0;
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/**
 * What Chatwoot does when a message event could not be delivered (2.4). An API inbox's message, also our own incoming one,
 * is marked failed (since 3.3.0), which is told with a new event. A bot's pending conversation becomes open (since 4.7.0)
 * unless the account keeps it pending (since 4.11.0).
 */
function afterFailure(state: State, to: Receiver["to"], happening: Happening, reason: string): void {
  if (happening.event !== "message_created" && happening.event !== "message_updated") return;
  const message = messagesOf(state, happening.conversationId).findLast((m) => m.id === happening.messageId);
  if (!message) return;
  if (to === "api_inbox" && isAtLeast(state, "3.3")) setMessageStatus(state, message, "failed", reason);
  if (to !== "agent_bot" || !isAtLeast(state, "4.7")) return;
  const conversation = state.conversations.get(happening.conversationId);
  if (conversation?.status !== "pending") return;
  if (state.settings.keepPendingOnBotFailure && isAtLeast(state, "4.11")) return;
  const line = "The conversation was opened by the system because the agent bot failed";
  saveConversation(state, conversation, { status: "open" }, { line });
}
