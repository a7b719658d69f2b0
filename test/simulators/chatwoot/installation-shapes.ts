import type { AgentBot, DashboardApp } from "./installation-records.ts";
import {
  availabilityOf,
  isAtLeast,
  type AccountWebhook,
  type AttributeDefinition,
  type Json,
  type LabelDefinition,
  type State,
  type User,
} from "./state.ts";

/**
 * An agent bot. Its token was shown to everybody before 4.16.0, to administrators since; its secret, since 4.13.0, to
 * administrators, and never that of a system bot (2.3, 3.4).
 */
export function agentBotShape(state: State, bot: AgentBot, isAdministrator: boolean): Json {
  const showsToken = isAdministrator || !isAtLeast(state, "4.16");
  const showsSecret = isAdministrator && !bot.isSystemBot && isAtLeast(state, "4.13");
  return {
    id: bot.id,
    name: bot.name,
    description: bot.description,
    thumbnail: "",
    ...(bot.isSystemBot ? {} : { outgoing_url: bot.outgoingUrl }),
    bot_type: "webhook",
    bot_config: {},
    account_id: bot.isSystemBot ? null : state.accountId,
    ...(showsToken && !bot.isSystemBot ? { access_token: bot.token } : {}),
    ...(showsSecret ? { secret: bot.secret } : {}),
    system_bot: bot.isSystemBot,
  };
}

export const slimBotShape = (bot: AgentBot): Json => ({
  id: bot.id,
  name: bot.name,
  thumbnail: "",
  outgoing_url: bot.outgoingUrl,
  bot_type: "webhook",
});

export const dashboardAppShape = (app: DashboardApp): Json => ({
  id: app.id,
  title: app.title,
  content: app.content,
  created_at: app.createdAt.toISOString(),
});

export const webhookShape = (state: State, webhook: AccountWebhook): Json => ({
  id: webhook.id,
  name: webhook.name,
  url: webhook.url,
  account_id: state.accountId,
  subscriptions: webhook.subscriptions,
  ...(isAtLeast(state, "4.12") ? { secret: webhook.secret } : {}),
});

export const labelShape = (label: LabelDefinition): Json => ({
  id: label.id,
  title: label.title,
  description: label.description,
  color: label.color,
  show_on_sidebar: label.showOnSidebar,
});

export const attributeDefinitionShape = (definition: AttributeDefinition): Json => ({
  id: definition.id,
  attribute_display_name: definition.displayName,
  attribute_display_type: definition.displayType,
  attribute_description: definition.description,
  attribute_key: definition.key,
  regex_pattern: null,
  regex_cue: null,
  attribute_values: definition.values,
  attribute_model: definition.model,
  default_value: null,
  created_at: definition.createdAt.toISOString(),
  updated_at: definition.createdAt.toISOString(),
});

export function profileShape(state: State, user: User): Json {
  return {
    access_token: user.token,
    account_id: state.accountId,
    available_name: user.availableName,
    avatar_url: user.avatarUrl,
    confirmed: true,
    display_name: user.availableName,
    message_signature: null,
    email: user.email,
    id: user.id,
    name: user.name,
    provider: "email",
    role: user.role,
    uid: user.email,
    type: null,
    custom_attributes: {},
    accounts: [
      ...state.otherAccounts
        .filter((account) => account.userId === user.id)
        .map(({ id, name, role }) => accountLine(state, user, { id, name, role, hasApi: true })),
      ...(user.role === null
        ? []
        : [
            accountLine(state, user, {
              id: state.accountId,
              name: state.accountName,
              role: user.role,
              hasApi: state.settings.planHasApi,
            }),
          ]),
    ],
  };
}

const accountLine = (
  state: State,
  user: User,
  line: { id: number; name: string; role: "administrator" | "agent"; hasApi: boolean },
): Json => ({
  id: line.id,
  name: line.name,
  status: "active",
  role: line.role,
  permissions: [line.role],
  availability: user.availability,
  availability_status: availabilityOf(user),
  auto_offline: user.autoOffline,
  ...(isAtLeast(state, "4.16") ? { api_and_webhooks: line.hasApi } : {}),
});
