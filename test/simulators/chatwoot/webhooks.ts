import { createHmac, randomUUID } from "node:crypto";
import { setMessageStatus } from "./messages.ts";
import { isAtLeast, messagesOf, type Happening, type Json, type State } from "./state.ts";
import { payloadFor, type ShapeOptions } from "./webhook-shapes.ts";
import { post as send } from "../post.ts";
import type { WebhookTrouble } from "../trouble.ts";

export interface SentWebhook {
  readonly to: "api_inbox" | "account";
  readonly url: string;
  readonly event: string;
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

export interface DeliveryOptions extends ShapeOptions {
  readonly timeoutMs: number;
  readonly workers: number;
  /** When the payload is built: in the job that sends it, as Chatwoot does, or at the event. */
  readonly payloadAt: "send" | "event";
  /** False: receivers on private addresses are refused since 4.14.0 (2.5). */
  readonly allowPrivateNetwork: boolean;
}

interface Target {
  to: SentWebhook["to"];
  url: string;
  secret: string | null;
  /** Releases without signatures for this type send no delivery id either. */
  hasDeliveryId: boolean;
}

type Job = { happening: Happening; target: Target; payload: Json | null };

/** JSON as Rails writes it: `<`, `>`, `&` and the two line separators are escaped, so that it is safe in HTML (2.3). */
export const railsJson = (value: unknown): string =>
  JSON.stringify(value).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

export const sign = (secret: string, timestamp: string, rawBody: string): string =>
  `sha256=${createHmac("sha256", secret).update(`${timestamp}.${rawBody}`).digest("hex")}`;

/** Delivers what happens to whoever is to hear of it: up to ten at once, tried once, in no promised order (2.4). */
export function createDeliveries(state: State, trouble: WebhookTrouble, options: DeliveryOptions) {
  const sent: SentWebhook[] = [];
  const waiting: Job[] = [];
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

  async function run({ happening, target, payload }: Job): Promise<void> {
    const body = payload ?? payloadFor(state, happening, options);
    const record = await deliver(body, target);
    if (record.status === null || record.status < 200 || record.status > 299) {
      if (!record.dropped && target.to === "api_inbox") markFailed(state, happening, record);
    }
  }

  /** Sends one webhook now, twice when trouble asks for duplicates: same body, new delivery id. */
  async function deliver(payload: Json, target: Target): Promise<SentWebhook> {
    if (trouble.takeDrop()) return note({ ...blank(payload, target, railsJson(payload), {}), dropped: true });
    const first = await post(payload, target);
    if (trouble.isDuplicating()) await post(payload, target);
    return first;
  }

  async function post(payload: Json, target: Target): Promise<SentWebhook> {
    const rawBody = railsJson(payload);
    const headers: Record<string, string> = { "Content-Type": "application/json", Accept: "application/json" };
    if (target.hasDeliveryId) headers["X-Chatwoot-Delivery"] = randomUUID();
    if (target.secret !== null) {
      const timestamp = String(Math.floor(state.clock().getTime() / 1000));
      headers["X-Chatwoot-Timestamp"] = timestamp;
      headers["X-Chatwoot-Signature"] = sign(target.secret, timestamp, rawBody);
    }
    const record = blank(payload, target, rawBody, headers);
    try {
      refuseBlockedHost(state, target.url, options);
      record.status = await send(target.url, headers, rawBody, options.timeoutMs);
    } catch (error) {
      record.error = error instanceof Error ? error.message : String(error);
    }
    return note(record);
  }

  const blank = (payload: Json, target: Target, rawBody: string, headers: Record<string, string>): SentWebhook => ({
    to: target.to,
    url: target.url,
    event: String(payload["event"]),
    payload,
    rawBody,
    headers,
    at: state.clock(),
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
    for (const target of targetsOf(state, happening)) {
      const payload = options.payloadAt === "event" ? payloadFor(state, happening, options) : null;
      held += 1;
      trouble.hold(() => {
        held -= 1;
        enqueue({ happening, target, payload });
      });
    }
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
    },
  };
}

function targetsOf(state: State, happening: Happening): Target[] {
  const targets: Target[] = [];
  for (const webhook of state.webhooks.values()) {
    if (!webhook.subscriptions.includes(happening.event)) continue;
    const signs = isAtLeast(state, "4.12");
    targets.push({ to: "account", url: webhook.url, secret: signs ? webhook.secret : null, hasDeliveryId: signs });
  }
  if ("contactId" in happening) return targets;
  const inbox = state.inboxes.get(state.conversations.get(happening.conversationId)!.inboxId)!;
  if (inbox.channelType === "Channel::Api" && inbox.webhookUrl) {
    const signs = isAtLeast(state, "4.13");
    targets.push({ to: "api_inbox", url: inbox.webhookUrl, secret: signs ? inbox.secret : null, hasDeliveryId: signs });
  }
  return targets;
}

/** A failed delivery of a message event marks the message, also our own incoming one, and says so with a new event. */
function markFailed(state: State, happening: Happening, record: SentWebhook): void {
  if (happening.event !== "message_created" && happening.event !== "message_updated") return;
  const message = messagesOf(state, happening.conversationId).findLast((m) => m.id === happening.messageId);
  const reason = record.error ?? `${record.status} error`;
  if (message) setMessageStatus(state, message, "failed", reason);
}

function refuseBlockedHost(state: State, url: string, options: DeliveryOptions): void {
  if (options.allowPrivateNetwork || !isAtLeast(state, "4.14")) return;
  const { hostname } = new URL(url);
  if (/^(localhost|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|\[)/.test(hostname)) {
    throw new Error(`Invalid webhook URL ${url} : URL host is not allowed`);
  }
}
