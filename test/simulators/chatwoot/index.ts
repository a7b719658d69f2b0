import type { IncomingMessage, ServerResponse } from "node:http";
import { createActions } from "./actions.ts";
import type { ChatwootControls } from "./control-types.ts";
import { startHttp, type LoggedRequest } from "./http.ts";
import { addAgentBot, addInbox, addTeam, addUser, type NewTeam, type NewUser } from "./installation.ts";
import { createInstallationControls, type Proxy } from "./installation-controls.ts";
import { removeBot, removeInbox } from "./removal.ts";
import { accountRoutes } from "./routes/account.ts";
import { agentBotRoutes } from "./routes/agent-bots.ts";
import { contactRoutes } from "./routes/contacts.ts";
import { conversationActionRoutes } from "./routes/conversation-actions.ts";
import { conversationRoutes } from "./routes/conversations.ts";
import { dashboardAppRoutes } from "./routes/dashboard-apps.ts";
import { definitionRoutes } from "./routes/definitions.ts";
import { inboxRoutes } from "./routes/inboxes.ts";
import { messageRoutes } from "./routes/messages.ts";
import { peopleRoutes } from "./routes/people.ts";
import { webhookRoutes } from "./routes/webhooks.ts";
import { createState, type Contact, type Conversation, type Json, type Team, type User } from "./state.ts";
import { chatwootApi } from "./openapi.ts";
import { chatwootTrouble } from "./usual-trouble.ts";
import { createVisitors } from "./visitors.ts";
import { createDeliveries, railsJson, sign, type SentWebhook } from "./webhooks.ts";
import { assertNone, type Violation } from "../http.ts";
import { loadOpenApiCheck } from "../openapi-check.ts";
import { post } from "../post.ts";
import { createWebhookTrouble } from "../trouble.ts";
import { createWaitFor, pick } from "../wait-for.ts";

export type * from "./control-types.ts";
export type { LoggedRequest } from "./http.ts";
export type { Violation } from "../http.ts";
export type { NewTeam, NewUser } from "./installation.ts";
export type { RequestMatch } from "../trouble.ts";
export type { SentWebhook } from "./webhooks.ts";
export type { Contact, Conversation, Message, Team, User } from "./state.ts";

export interface ChatwootOptions {
  /** 0 takes a free one. */
  readonly port?: number;
  readonly version?: string;
  readonly accountId?: number;
  readonly accountName?: string;
  readonly clock?: () => Date;
  /** The API inbox's webhook secret; a fixed one is made when absent. */
  readonly secret?: string;
  readonly webhookUrl?: string;
  readonly lockToSingleConversation?: boolean;
  /** Opening a conversation while an agent is online assigns it in the same transaction: no status event (3.5). */
  readonly olderAutoAssignment?: boolean;
  /** An agent bot on the inbox: new conversations are `pending` (3.2). */
  readonly activeBot?: boolean;
  /** A default nginx in front: `api_access_token` never arrives, `Api-Access-Token` does (8.1). */
  readonly dropUnderscoreHeaders?: boolean;
  /** All requests per minute; none by default, 3000 in a real installation (8.6). */
  readonly limitPerMinute?: number;
  /** Contact searches per minute; none by default, 100 in a real installation. */
  readonly contactSearchPerMinute?: number;
  /** Messages created in one conversation in a minute before 422 (5.5). */
  readonly messagesPerMinute?: number;
  readonly webhookTimeoutMs?: number;
  readonly webhookWorkers?: number;
  readonly payloadAt?: "send" | "event";
  /** Between the attempts of a bot's webhook: 3000 as in the real thing unless a test has no time. */
  readonly botRetryMs?: number;
  /** The operator's opt-out (2.5): false blocks loopback since 4.14.0; loopback counts as public when absent. */
  readonly allowPrivateNetwork?: boolean;
  /** A new account: no inbox and no bot. Ids of those of the start lead nowhere then. */
  readonly empty?: boolean;
  /** Sees every request first; true takes it away from the simulator. */
  readonly intercept?: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** True: the contact's `sender` at a message event's root carries `type`. The facts say it does not, samples differ. */
  readonly typedContactSender?: boolean;
}

export type ChatwootSimulator = Awaited<ReturnType<typeof startChatwoot>>;

const routes = [
  ...accountRoutes,
  ...webhookRoutes,
  ...definitionRoutes,
  ...agentBotRoutes,
  ...dashboardAppRoutes,
  ...inboxRoutes,
  ...peopleRoutes,
  ...contactRoutes,
  ...conversationRoutes,
  ...conversationActionRoutes,
  ...messageRoutes,
];

/**
 * A Chatwoot installation on loopback: one account, one API inbox, one administrator, one agent, one bot.
 *
 * It answers and refuses like release 4.16.2 (or the version given), keeps its state in memory with ids that are the
 * same in every run, signs and sends webhooks, and makes trouble on request.
 */
export async function startChatwoot(options: ChatwootOptions = {}) {
  const state = createState({
    accountId: options.accountId ?? 1,
    accountName: options.accountName ?? "Acme Support",
    version: options.version ?? "4.16.2",
    clock: options.clock ?? (() => new Date()),
    messagesPerMinute: options.messagesPerMinute ?? 200,
    olderAutoAssignment: options.olderAutoAssignment ?? false,
  });
  const administrator = addUser(state, { name: "Ada Admin", role: "administrator", availability: "offline" });
  const agent = addUser(state, { name: "Alex Agent", availableName: "Alex", availability: "offline" });
  const inbox = addInbox(state, {
    name: "Handoff API",
    secret: options.secret,
    webhookUrl: options.webhookUrl ?? null,
    lockToSingleConversation: options.lockToSingleConversation ?? false,
  });
  inbox.memberIds.push(agent.id);
  const bot = addAgentBot(state, { name: "Handoff Bot" });
  inbox.botId = options.activeBot === true ? bot.id : null;
  if (options.empty === true) {
    removeInbox(state, inbox);
    removeBot(state, bot.id);
  }
  state.settings.allowPrivateNetwork = options.allowPrivateNetwork ?? null;
  state.settings.webhookTimeoutMs = options.webhookTimeoutMs ?? 5000;
  state.settings.botRetryMs = options.botRetryMs ?? 3000;
  const apiTrouble = chatwootTrouble();
  const webhookTrouble = createWebhookTrouble();
  const http = await startHttp(state, apiTrouble, routes, {
    port: options.port ?? 0,
    dropsHeaders: options.dropUnderscoreHeaders === true ? "underscored" : "none",
    limitPerMinute: options.limitPerMinute ?? null,
    contactSearchPerMinute: options.contactSearchPerMinute ?? null,
    check: loadOpenApiCheck(chatwootApi),
    intercept: options.intercept ?? (() => false),
  });
  const deliveries = createDeliveries(state, webhookTrouble, {
    baseUrl: http.baseUrl,
    typedContactSender: options.typedContactSender ?? false,
    workers: options.webhookWorkers ?? 10,
    payloadAt: options.payloadAt ?? "send",
  });

  const proxy: Proxy = { drop: (which) => void Object.assign(http.settings, { dropsHeaders: which }) };

  const simulator = {
    url: http.baseUrl,
    accountId: state.accountId,
    inboxId: inbox.id,
    /** Of the administrator. */
    get apiAccessToken(): string {
      return administrator.token;
    },
    /** Of a member with role agent. */
    get agentAccessToken(): string {
      return agent.token;
    },
    /** Of the bot "Handoff Bot", which nothing is connected to at the start and which has no URL. */
    get botToken(): string {
      return bot.token;
    },
    botId: bot.id,
    administratorId: administrator.id,
    agentId: agent.id,
    /** The inbox's `secret`: signs its webhooks. */
    get webhookSecret(): string {
      return inbox.secret;
    },
    setWebhookUrl: (url: string | null): void => void (inbox.webhookUrl = url),
    webhookUrl: (): string | null => inbox.webhookUrl,
    /** A member of the inbox, unless said otherwise. */
    addAgent(wanted: NewUser & { inboxMember?: boolean }): User {
      const user = addUser(state, wanted);
      if (wanted.inboxMember ?? true) inbox.memberIds.push(user.id);
      return user;
    },
    addTeam: (wanted: NewTeam): Team => addTeam(state, wanted),
    inboxMembers: (): readonly number[] => inbox.memberIds,
    setActiveBot: (active: boolean): void => void (inbox.botId = active ? bot.id : null),
    setLockToSingleConversation: (lock: boolean): void => void (inbox.lockToSingleConversation = lock),
    setDropUnderscoreHeaders: (drop: boolean): void => proxy.drop(drop ? "underscored" : "none"),
    setLimitPerMinute: (limit: number | null): void => void http.setLimitPerMinute(limit),

    ...createActions(state),
    ...createVisitors(state),
    ...createInstallationControls(state, proxy, { agentId: agent.id, administratorId: administrator.id }),

    conversations: (): readonly Conversation[] => [...state.conversations.values()],
    conversation(id: number): Conversation {
      const found = state.conversations.get(id);
      if (!found) throw new Error(`the simulator has no conversation ${id}`);
      return found;
    },
    contacts: (): readonly Contact[] => [...state.contacts.values()],
    contactInboxes: () => [...state.contactInboxes.values()],
    requests: (): readonly LoggedRequest[] => http.requests,
    webhooksSent: (): readonly SentWebhook[] => deliveries.sent,
    /** What our own requests contained that Chatwoot ignores, misreads or refuses. */
    violations: (): readonly Violation[] => http.violations,
    clearViolations: (): void => void (http.violations.length = 0),
    assertNoViolations: (): void => assertNone(http.violations, "Chatwoot"),

    trouble: {
      ...pick(apiTrouble, [
        "failNext",
        "timeoutAfterDoingTheWork",
        "resetBeforeWork",
        "commitLate",
        "htmlAnswer",
        "slow",
      ]),
      ...pick(webhookTrouble, ["duplicateWebhooks", "reorderWebhooks", "dropWebhooks", "delayWebhooks"]),
      down: (how?: "refused" | "503") => http.down(how),
      up: () => http.up(),
      reset(): void {
        apiTrouble.reset();
        webhookTrouble.reset();
      },
    },

    /**
     * Posts a webhook of our making to the inbox's URL, or another: signed with a wrong secret unless one is given.
     *
     * @param how.signedBody signs other bytes than those sent; `headers` are added or replace the usual ones.
     * @returns the receiver's status.
     */
    forge(
      payload: Json,
      how: {
        url?: string;
        secret?: string;
        timestamp?: string;
        signedBody?: string;
        headers?: Record<string, string>;
      } = {},
    ): Promise<number> {
      const url = how.url ?? inbox.webhookUrl;
      if (url === null) throw new Error("the inbox has no webhook URL");
      const rawBody = railsJson(payload);
      const timestamp = how.timestamp ?? String(Math.floor(state.clock().getTime() / 1000));
      const headers = {
        "Content-Type": "application/json",
        Accept: "application/json",
        "X-Chatwoot-Delivery": state.uuid(),
        "X-Chatwoot-Timestamp": timestamp,
        "X-Chatwoot-Signature": sign(how.secret ?? "not-the-secret", timestamp, how.signedBody ?? rawBody),
        ...how.headers,
      };
      return post(url, headers, rawBody, 5000);
    },
    /** Posts the exact bytes and headers of a webhook again. */
    replay: (webhook: SentWebhook): Promise<number> => post(webhook.url, webhook.headers, webhook.rawBody, 5000),

    waitFor: createWaitFor((look) => {
      state.events.on("change", look);
      return () => state.events.off("change", look);
    }, http.requests),
    /** Resolves when no webhook is waiting or under way. */
    settled: deliveries.settled,
    async stop(): Promise<void> {
      deliveries.stop();
      webhookTrouble.stop();
      await http.stop();
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await simulator.stop();
    },
  };
  state.events.setMaxListeners(0);
  return simulator satisfies ChatwootControls;
}
