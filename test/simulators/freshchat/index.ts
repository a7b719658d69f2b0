import type { IncomingMessage, ServerResponse } from "node:http";
import { createActions } from "./actions.ts";
import { createAppEvents } from "./app-events.ts";
import type { FreshchatSimulator } from "./control.ts";
import { startHttp } from "./http.ts";
import { addAgent, addChannel, addField, addGroup } from "./installation.ts";
import { makeKey, signatureOf, strangersKey, usualKey } from "./key.ts";
import { freshchatApi } from "./openapi.ts";
import { accountRoutes } from "./routes/account.ts";
import { conversationRoutes } from "./routes/conversations.ts";
import { fileRoutes } from "./routes/files.ts";
import { userRoutes } from "./routes/users.ts";
import type { Settings } from "./settings.ts";
import { createState } from "./state.ts";
import { freshchatTrouble } from "./trouble.ts";
import { createDeliveries, headersOf, type Hook } from "./webhooks.ts";
import { assertNone } from "../http.ts";
import { loadOpenApiCheck } from "../openapi-check.ts";
import { post } from "../post.ts";
import { createWebhookTrouble } from "../trouble.ts";
import { createWaitFor, pick } from "../wait-for.ts";

export type { AppEvent, AppEventListener } from "./app-events.ts";
export type { FailStatus, FreshchatRequest, FreshchatSimulator, NewAgent, NewChannel, Reply } from "./control.ts";
export type { Settings } from "./settings.ts";
export type { Actor, Agent, Channel, Conversation, Group, Message, User } from "./state.ts";
export type { SentWebhook } from "./webhooks.ts";
export type { Violation } from "../http.ts";
export type { RequestMatch } from "../trouble.ts";

/** How to start it. What differs between accounts stands in `Settings`; each can be given here or set later. */
export interface FreshchatOptions extends Partial<Settings> {
  /** 0 takes a free one. */
  readonly port?: number;
  readonly clock?: () => Date;
  /** Two simulators with different account ids have different ids throughout. */
  readonly accountId?: string;
  readonly apiToken?: string;
  readonly webhookUrl?: string;
  /** A key of its own, instead of the one that the simulators of a process share to be quick. */
  readonly ownKey?: boolean;
  /** Sees every request first; true takes it away from the simulator. */
  readonly intercept?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

const routes = [...accountRoutes, ...userRoutes, ...conversationRoutes, ...fileRoutes];

/**
 * A FreshChat account on loopback: a few channels, two groups, one agent.
 *
 * It answers and refuses as the contract sheet says, either way where the sheet only guesses, keeps its state in memory
 * with ids that are the same in every run, signs and sends webhooks, tells app events, and makes trouble on request.
 */
export async function startFreshchat(options: FreshchatOptions = {}): Promise<FreshchatSimulator> {
  const { port = 0, clock = () => new Date(), accountId = "227650000000001", apiToken, webhookUrl, ...more } = options;
  const { ownKey = false, intercept = () => false, ...settings } = more;
  const state = createState({ accountId, clock, settings });
  state.events.setMaxListeners(0);
  state.token = { value: apiToken ?? state.secret(64), isExpired: false };
  const group = addGroup(state, "Support");
  addGroup(state, "Sales");
  const agent = addAgent(state, { firstName: "Alex", lastName: "Agent", groupIds: [group.id] });
  const welcome = "Hello! Ask us anything.";
  const channel = addChannel(state, { name: "Website", welcome });
  // Names repeat, and some channels are switched off (1.10).
  addChannel(state, { name: "Billing" });
  addChannel(state, { name: "Billing" });
  addChannel(state, { name: "Old campaign", isEnabled: false });
  addField(state, {
    name: "priority",
    label: "Priority",
    type: "DROPDOWN",
    choices: ["Low", "Medium", "High", "Urgent"],
  });

  const apiTrouble = freshchatTrouble(clock);
  const webhookTrouble = createWebhookTrouble();
  const hook: Hook = { url: webhookUrl ?? null, key: ownKey ? makeKey() : usualKey() };
  const deliveries = createDeliveries(state, webhookTrouble, hook);
  const http = await startHttp(state, apiTrouble, routes, {
    port,
    intercept,
    check: loadOpenApiCheck(freshchatApi),
    beforeAnswer: deliveries.settled,
  });
  const apps = createAppEvents(state, new URL(http.baseUrl).host);

  const simulator: FreshchatSimulator = {
    url: http.baseUrl,
    get apiToken() {
      return state.token.value;
    },
    accountId,
    appId: state.appId,
    channelId: channel.id,
    groupId: group.id,
    agentId: agent.id,
    get publicKeyAsShown() {
      return hook.key.asShown;
    },

    setWebhookUrl: (url) => void (hook.url = url),
    webhookUrl: () => hook.url,
    set: (patch) => void Object.assign(state.settings, patch),
    settings: () => ({ ...state.settings }),
    expireToken: () => void (state.token.isExpired = true),
    renewToken() {
      state.token = { value: state.secret(64), isExpired: false };
      return state.token.value;
    },
    rotateKey: () => void (hook.key = makeKey()),
    addAgent: (wanted) => addAgent(state, wanted),
    addGroup: (name, isWithin) => addGroup(state, name, isWithin),
    addChannel: (wanted) => addChannel(state, wanted),
    setChannel(channelId, patch) {
      const found = state.channels.get(channelId);
      if (!found) throw new Error(`the simulator has no channel ${channelId}`);
      Object.assign(found, patch);
    },
    addField: (field) => void addField(state, field),
    setBusinessHours(isWithin, groupId) {
      if (groupId === undefined) {
        state.businessHours.isWithin = isWithin ?? true;
        return;
      }
      const found = state.groups.get(groupId);
      if (!found) throw new Error(`the simulator has no group ${groupId}`);
      found.isWithinBusinessHours = isWithin;
    },

    ...createActions(state, http.baseUrl, { agentId: agent.id, channelId: channel.id }),

    users: () => [...state.users.values()],
    user(id) {
      const found = state.users.get(id);
      if (!found) throw new Error(`the simulator has no user ${id}`);
      return found;
    },
    requests: () => http.requests,
    webhooksSent: () => deliveries.sent,
    appEvents: () => apps.told,
    onAppEvent: (listener) => apps.onAppEvent(listener),
    violations: () => http.violations,
    clearViolations: () => void (http.violations.length = 0),
    assertNoViolations: () => assertNone(http.violations, "FreshChat"),
    waitFor: createWaitFor((look) => {
      state.events.on("change", look);
      return () => state.events.off("change", look);
    }, http.requests),
    settled: deliveries.settled,

    trouble: {
      ...pick(apiTrouble, [
        "failNext",
        "rateLimitNext",
        "failAfterDoingTheWork",
        "refuseButDeliver",
        "timeoutAfterDoingTheWork",
        "resetBeforeWork",
        "commitLate",
        "htmlAnswer",
        "slow",
      ]),
      ...pick(webhookTrouble, ["duplicateWebhooks", "reorderWebhooks", "dropWebhooks", "delayWebhooks"]),
      down: (how) => http.down(how),
      up: () => http.up(),
      reset() {
        apiTrouble.reset();
        webhookTrouble.reset();
      },
    },

    forge(payload, how = {}) {
      if (hook.url === null) throw new Error("the account has no webhook URL");
      const rawBody = JSON.stringify(payload);
      const usual = headersOf(how.trueKey ? hook.key : strangersKey(), how.signedBody ?? rawBody, 0);
      return post(hook.url, { ...usual, ...how.headers }, rawBody, 5000);
    },
    replay: (webhook) => post(webhook.url, webhook.headers, webhook.rawBody, 5000),
    sign: (rawBody) => signatureOf(hook.key, rawBody),
    async stop() {
      deliveries.stop();
      webhookTrouble.stop();
      await http.stop();
    },
    async [Symbol.asyncDispose]() {
      await simulator.stop();
    },
  };
  return simulator;
}
