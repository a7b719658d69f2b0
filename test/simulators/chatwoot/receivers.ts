import { isAtLeast, type Happening, type State } from "./state.ts";

/** Somebody who is to hear of something that happened. */
export interface Receiver {
  readonly to: "api_inbox" | "account" | "agent_bot";
  readonly url: string;
  readonly secret: string | null;
  /** Releases without signatures for this type send no delivery id either. */
  readonly hasDeliveryId: boolean;
}

// Read off the table in 2.1.
const toldToBots: ReadonlySet<string> = new Set([
  "conversation_updated",
  "conversation_opened",
  "conversation_resolved",
  "message_created",
  "message_updated",
  "webwidget_triggered",
]);
const toldToApiInboxes: ReadonlySet<string> = new Set([
  "conversation_created",
  "conversation_status_changed",
  "conversation_updated",
  "message_created",
  "message_updated",
  "conversation_typing_on",
  "conversation_typing_off",
]);

/** Who hears of it (2.1): account webhooks that subscribed, the API inbox, the bots that have to do with it. */
export function receiversOf(state: State, happening: Happening): Receiver[] {
  return [...accountWebhooks(state, happening), ...apiInbox(state, happening), ...bots(state, happening)];
}

/** On Cloud they stop, as the API does, when the plan lacks both (since 4.16.0). */
function accountWebhooks(state: State, { event }: Happening): Receiver[] {
  if (!state.settings.planHasApi && isAtLeast(state, "4.16")) return [];
  const signs = isAtLeast(state, "4.12");
  return [...state.webhooks.values()]
    .filter((webhook) => webhook.subscriptions.includes(event))
    .map(({ url, secret }) => ({ to: "account", url, secret: signs ? secret : null, hasDeliveryId: signs }));
}

function apiInbox(state: State, happening: Happening): Receiver[] {
  if (!("conversationId" in happening) || !toldToApiInboxes.has(happening.event)) return [];
  const inbox = inboxOf(state, happening);
  if (inbox?.channelType !== "Channel::Api" || !inbox.webhookUrl) return [];
  const signs = isAtLeast(state, "4.13");
  return [{ to: "api_inbox", url: inbox.webhookUrl, secret: signs ? inbox.secret : null, hasDeliveryId: signs }];
}

/** The bot of the inbox and, since 4.13.0, the one that the conversation is assigned to: each once. */
function bots(state: State, happening: Happening): Receiver[] {
  const signs = isAtLeast(state, "4.13");
  const isTold = toldToBots.has(happening.event) || (signs && happening.event === "conversation_status_changed");
  if (!isTold) return [];
  const assigned =
    "conversationId" in happening ? (state.conversations.get(happening.conversationId)?.assigneeBotId ?? null) : null;
  const ids = new Set([inboxOf(state, happening)?.botId ?? null, signs ? assigned : null]);
  return [...ids].flatMap((id) => {
    const bot = id === null ? undefined : state.bots.get(id);
    if (!bot?.outgoingUrl) return [];
    return [
      { to: "agent_bot" as const, url: bot.outgoingUrl, secret: signs ? bot.secret : null, hasDeliveryId: signs },
    ];
  });
}

function inboxOf(state: State, happening: Happening) {
  if ("conversationId" in happening) {
    const conversation = state.conversations.get(happening.conversationId);
    return conversation && state.inboxes.get(conversation.inboxId);
  }
  if (!("contactInboxId" in happening)) return undefined;
  const contactInbox = state.contactInboxes.get(happening.contactInboxId);
  return contactInbox && state.inboxes.get(contactInbox.inboxId);
}

/**
 * The filter that stands before every webhook since 4.14.0 (2.5). The operator's opt-out is heard since 4.14.1.
 *
 * @throws the words of the worker's log line.
 */
export function refusePrivateHost(state: State, url: string): void {
  const { allowPrivateNetwork } = state.settings;
  if (allowPrivateNetwork === null || !isAtLeast(state, "4.14")) return;
  if (allowPrivateNetwork && isAtLeast(state, "4.14.1")) return;
  const { hostname } = new URL(url);
  const isPrivate = /^(127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|\[)/.test(hostname);
  // A name without a dot is one of the same network: a neighbour's container, or localhost.
  if (isPrivate || !hostname.includes(".")) throw new Error(`Invalid webhook URL ${url} : URL host is not allowed`);
}
