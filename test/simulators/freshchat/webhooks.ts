import { signatureOf, type SigningKey } from "./key.ts";
import type { Happening, Json, State } from "./state.ts";
import { payloadFor, type WebhookHappening } from "./webhook-shapes.ts";
import { post } from "../post.ts";
import type { WebhookTrouble } from "../trouble.ts";

export interface SentWebhook {
  readonly url: string;
  readonly event: string;
  readonly conversationId: string | null;
  readonly payload: Json;
  readonly rawBody: string;
  readonly headers: Record<string, string>;
  readonly at: Date;
  /** The receiver's answer; null when there was none. */
  status: number | null;
  error: string | null;
  /** Never sent, on request. */
  readonly dropped: boolean;
}

interface Job {
  readonly url: string;
  readonly event: string;
  readonly conversationId: string;
  readonly payload: Json;
  readonly retry: number;
}

export interface Hook {
  url: string | null;
  key: SigningKey;
}

/** The headers of one delivery (2). What the version says is told nowhere. */
export const headersOf = (key: SigningKey, signedBody: string, retry: number): Record<string, string> => ({
  "Content-Type": "application/json",
  "X-Freshchat-Signature": signatureOf(key, signedBody),
  "X-Freshchat-Payload-Version": "2.0",
  "X-Retry-Count": String(retry),
});

/** Delivers everything that happens in the account to its one URL, several at once, again when it was not taken. */
export function createDeliveries(state: State, trouble: WebhookTrouble, hook: Hook) {
  const { settings } = state;
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
    while (running < settings.webhookWorkers && waiting.length > 0) {
      running += 1;
      void deliver(waiting.shift()!).finally(() => {
        running -= 1;
        work();
        whenIdle();
      });
    }
    whenIdle();
  }

  async function deliver(job: Job): Promise<void> {
    if (job.retry === 0 && trouble.takeDrop()) {
      note(record(job, JSON.stringify(job.payload), {}, true));
      return;
    }
    const first = await attempt(job);
    if (trouble.isDuplicating()) await attempt(job);
    const isTaken = first.status !== null && first.status >= 200 && first.status < 300;
    if (!isTaken && job.retry < settings.webhookRetries && !isStopped) again({ ...job, retry: job.retry + 1 });
  }

  function again(job: Job): void {
    held += 1;
    const timer = setTimeout(() => {
      timers.delete(timer);
      held -= 1;
      enqueue(job);
    }, settings.webhookRetryDelayMs);
    timers.add(timer);
  }

  async function attempt(job: Job): Promise<SentWebhook> {
    // Text beyond ASCII goes as it is, in UTF-8.
    const rawBody = JSON.stringify(job.payload);
    const sending = record(job, rawBody, headersOf(hook.key, rawBody, job.retry), false);
    try {
      sending.status = await post(job.url, sending.headers, rawBody, settings.webhookTimeoutMs, "timed out");
    } catch (error) {
      sending.error = error instanceof Error ? error.message : String(error);
    }
    return note(sending);
  }

  const record = (job: Job, rawBody: string, headers: Record<string, string>, dropped: boolean): SentWebhook => ({
    url: job.url,
    event: job.event,
    conversationId: job.conversationId,
    payload: job.payload,
    rawBody,
    headers,
    at: state.clock(),
    status: null,
    error: null,
    dropped,
  });

  function note(webhook: SentWebhook): SentWebhook {
    sent.push(webhook);
    state.events.emit("change");
    return webhook;
  }

  state.events.on("happening", (happening) => {
    if (isStopped || hook.url === null || !isTold(state, happening)) return;
    const payload = payloadFor(state, happening);
    const { event, conversationId } = happening;
    const job: Job = { url: hook.url, event, conversationId, payload, retry: 0 };
    held += 1;
    trouble.hold(() => {
      held -= 1;
      enqueue(job);
    });
  });

  return {
    sent,
    /** Resolves when no delivery is waiting or under way. */
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

/** There is no webhook for new conversations and for agents; what the API did may go untold. */
function isTold(state: State, happening: Happening): happening is WebhookHappening {
  if (happening.event === "conversation_create" || happening.event === "agent_activity") return false;
  if (happening.madeBy === "product") return true;
  const { apiMessagesRaise, apiChangesRaise } = state.settings;
  // That a visitor's message reopened the conversation is the visitor's doing, not the API's.
  if (happening.event === "conversation_reopen" && happening.actor.type === "user") return true;
  return happening.event === "message_create" ? apiMessagesRaise : apiChangesRaise;
}
