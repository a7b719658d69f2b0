import { addDashboardApp } from "./routes/dashboard-apps.ts";
import { addDefinition, addLabel } from "./routes/definitions.ts";
import { leaveAccount } from "./routes/people.ts";
import { addWebhook } from "./routes/webhooks.ts";
import type { BotView, InboxView, InstallationControls } from "./control-types.ts";
import { addAgentBot, addInbox } from "./installation.ts";
import type { AgentBot } from "./installation-records.ts";
import { removeBot, removeInbox } from "./removal.ts";
import { fullVersion, webhookEvents, type ChannelType, type Inbox, type Json, type State } from "./state.ts";

/** A row by its id, or by whatever else tells it. @throws naming what is not there. */
function rowOf<T>(rows: Iterable<T>, what: string, is: (row: T) => boolean): T {
  const found = [...rows].find(is);
  if (!found) throw new Error(`the simulator has no ${what}`);
  return found;
}

/** The proxy in front of the installation. */
export interface Proxy {
  drop(which: "underscored" | "both" | "none"): void;
}

/** What an operator, an administrator or time does to the installation. */
export function createInstallationControls(
  state: State,
  proxy: Proxy,
  about: { agentId: number; administratorId: number },
): InstallationControls {
  const changed = () => void state.events.emit("change");
  const inboxOf = (id: number) => rowOf(state.inboxes.values(), `inbox ${id}`, (inbox) => inbox.id === id);
  const botOf = (id: number) => rowOf(state.bots.values(), `agent bot ${id}`, (bot) => bot.id === id);
  const userOf = (id: number) => rowOf(state.users.values(), `user ${id}`, (user) => user.id === id);
  const set = (settings: Partial<State["settings"]>) => {
    Object.assign(state.settings, settings);
    changed();
  };
  const setInboxBot = (inboxId: number, botId: number | null) => {
    inboxOf(inboxId).botId = botId === null ? null : botOf(botId).id;
    changed();
  };

  return {
    version: () => state.version,
    setVersion(version) {
      state.version = fullVersion(version);
      changed();
    },
    setPlan: (plan) => set({ planHasApi: plan === "with_api" }),
    setKeepPendingOnBotFailure: (keep) => set({ keepPendingOnBotFailure: keep }),
    setAllowPrivateNetwork: (allow) => set({ allowPrivateNetwork: allow }),
    setWebhookTimeout: (ms) => set({ webhookTimeoutMs: ms }),
    setBotRetryDelay: (ms) => set({ botRetryMs: ms }),
    setApiShowsBot: (on) => set({ apiShowsBot: on }),
    setAssignmentChangesStatus: (on) => set({ assignmentChangesStatus: on }),
    dropHeaders: (which) => proxy.drop(which),
    expireToken(token) {
      const owners = [...state.users.values(), ...state.bots.values()];
      const owner = rowOf(owners, "user or bot with that token", (item) => item.token === token);
      owner.token = state.token(24);
      changed();
      return owner.token;
    },
    setRole(userId, role) {
      const user = userOf(userId);
      if (role === null) return leaveAccount(state, user);
      user.role = role;
      changed();
    },
    addAccount: ({ id, name, role = "administrator", userId = about.administratorId }) =>
      void state.otherAccounts.push({ id, name, role, userId }),

    addApiInbox: ({ name = "API", webhookUrl = null, memberIds = [about.agentId] } = {}) =>
      addInbox(state, { name, webhookUrl, memberIds }).id,
    addWebsiteInbox: ({ websiteUrl = "https://acme.example", emailCollect = false, ...wanted } = {}) =>
      ownInbox(
        state,
        about.agentId,
        "Channel::WebWidget",
        { name: "Website", ...wanted },
        {
          channel: { website_url: websiteUrl, website_token: state.token(24) },
          settings: { enable_email_collect: emailCollect },
        },
      ),
    addWhatsAppInbox: ({ phoneNumber = "+4915550000001", ...wanted } = {}) =>
      ownInbox(
        state,
        about.agentId,
        "Channel::Whatsapp",
        { name: "WhatsApp", ...wanted },
        {
          channel: { phone_number: phoneNumber, provider: "whatsapp_cloud" },
        },
      ),
    addEmailInbox: ({ email = "support@acme.example", ...wanted } = {}) =>
      ownInbox(state, about.agentId, "Channel::Email", { name: "E-mail", ...wanted }, { channel: { email } }),
    addBot: ({ name = "Another Bot", outgoingUrl = null, isSystemBot = false } = {}) =>
      botView(state, addAgentBot(state, { name, outgoingUrl, isSystemBot })),
    addAccountWebhook: ({ url, name, subscriptions }) =>
      addWebhook(state, { url, name: name ?? null, subscriptions: subscriptions ?? [...webhookEvents] }),
    addLabel: (title) => addLabel(state, { title, description: null, color: "#1f93ff", showOnSidebar: true }).id,
    addDefinition: ({ key, model = "conversation_attribute", displayName = key }) =>
      addDefinition(state, { key, model, displayName }).id,
    addDashboardApp: ({ title, url }) => addDashboardApp(state, { title, content: [{ type: "frame", url }] }).id,

    renameInbox(inboxId, name) {
      inboxOf(inboxId).name = name;
      changed();
    },
    setInboxWebhookUrl(inboxId, url) {
      inboxOf(inboxId).webhookUrl = url;
      changed();
    },
    changeInboxSettings(inboxId, settings) {
      const inbox = inboxOf(inboxId);
      inbox.settings = { ...inbox.settings, ...settings };
      changed();
    },
    resetInboxSecret(inboxId) {
      const inbox = inboxOf(inboxId);
      inbox.secret = state.token(24);
      changed();
      return inbox.secret;
    },
    deleteInbox: (inboxId) => removeInbox(state, inboxOf(inboxId)),
    setInboxBot,
    detachBot: (inboxId) => setInboxBot(inboxId, null),
    changeBot(botId, change) {
      Object.assign(botOf(botId), change);
      changed();
    },
    resetBotSecret(botId) {
      const bot = botOf(botId);
      bot.secret = state.token(24);
      changed();
      return bot.secret;
    },
    deleteBot: (botId) => removeBot(state, botOf(botId).id),
    deleteWebhook(id) {
      state.webhooks.delete(rowOf(state.webhooks.values(), `webhook ${id}`, (item) => item.id === id).id);
      changed();
    },
    deleteDashboardApp(id) {
      state.dashboardApps.delete(rowOf(state.dashboardApps.values(), `dashboard app ${id}`, (a) => a.id === id).id);
      changed();
    },
    deleteLabel(title) {
      state.labels.delete(rowOf(state.labels.values(), `label "${title}"`, (label) => label.title === title).id);
      changed();
    },
    deleteDefinition(key) {
      const rows = state.attributeDefinitions;
      rows.delete(rowOf(rows.values(), `attribute "${key}"`, (item) => item.key === key).id);
      changed();
    },
    setAgentOfInbox(inboxId, userIds) {
      inboxOf(inboxId).memberIds = userIds.map((id) => userOf(id).id);
      changed();
    },

    inboxes: () => [...state.inboxes.values()].map(inboxView),
    bots: () => [...state.bots.values()].map((bot) => botView(state, bot)),
    accountWebhooks: () => [...state.webhooks.values()].map((webhook) => ({ ...webhook })),
    dashboardApps: () => [...state.dashboardApps.values()].map(({ id, title, content }) => ({ id, title, content })),
    labels: () => [...state.labels.values()].map((label) => ({ ...label })),
    definitions: () =>
      [...state.attributeDefinitions.values()].map(({ id, key, displayName, displayType, model }) => ({
        id,
        key,
        displayName,
        displayType,
        model,
      })),
    notifications: () => [...state.records.notifications],
    botHandoffs: () => [...state.records.botHandoffs],
  };
}

function ownInbox(
  state: State,
  agentId: number,
  channelType: ChannelType,
  wanted: { name: string; memberIds?: number[]; botId?: number | null; lockToSingleConversation?: boolean },
  about: { channel: Json; settings?: Json },
): number {
  const { name, memberIds = [agentId], botId, lockToSingleConversation } = wanted;
  return addInbox(state, { name, memberIds, botId, lockToSingleConversation, channelType, ...about }).id;
}

const inboxView = (inbox: Inbox): InboxView => ({
  id: inbox.id,
  name: inbox.name,
  channelType: inbox.channelType,
  webhookUrl: inbox.webhookUrl,
  secret: inbox.secret,
  hmacToken: inbox.hmacToken,
  botId: inbox.botId,
  memberIds: [...inbox.memberIds],
  settings: { ...inbox.settings },
});

const botView = (state: State, { id, name, outgoingUrl, token, secret, isSystemBot }: AgentBot): BotView => ({
  id,
  name,
  outgoingUrl,
  token,
  secret,
  isSystemBot,
  inboxIds: [...state.inboxes.values()].filter((inbox) => inbox.botId === id).map((inbox) => inbox.id),
});
