import { z } from "zod";
import { inboxShape } from "../api-shapes.ts";
import { forbiddenByPolicy, recordInvalid } from "../errors.ts";
import { addInbox } from "../installation.ts";
import { removeInbox } from "../removal.ts";
import { agentBotShape } from "../installation-shapes.ts";
import { find, isAdministrator, maySeeInbox, route, type Context } from "../router.ts";
import type { ChannelType, Inbox, Json } from "../state.ts";
import { weekOf } from "../templates.ts";

const account = "/api/v1/accounts/:account_id";
const channelTypes = {
  api: "Channel::Api",
  web_widget: "Channel::WebWidget",
  whatsapp: "Channel::Whatsapp",
  email: "Channel::Email",
} as const satisfies Record<string, ChannelType>;

const ChannelBody = z.strictObject({
  type: z.enum(["api", "web_widget", "whatsapp", "email"]).optional(),
  webhook_url: z.string().max(2048).optional(),
  website_url: z.string().optional(),
  welcome_title: z.string().optional(),
  welcome_tagline: z.string().optional(),
  widget_color: z.string().optional(),
  email: z.string().optional(),
  phone_number: z.string().optional(),
  provider: z.string().optional(),
  provider_config: z.record(z.string(), z.unknown()).optional(),
  hmac_mandatory: z.boolean().optional(),
  additional_attributes: z.record(z.string(), z.unknown()).optional(),
});
const settings = {
  name: z.string().optional(),
  greeting_enabled: z.boolean().optional(),
  greeting_message: z.string().optional(),
  enable_email_collect: z.boolean().optional(),
  enable_auto_assignment: z.boolean().optional(),
  working_hours_enabled: z.boolean().optional(),
  out_of_office_message: z.string().optional(),
  timezone: z.string().optional(),
  csat_survey_enabled: z.boolean().optional(),
  allow_messages_after_resolved: z.boolean().optional(),
  lock_to_single_conversation: z.boolean().optional(),
  sender_name_type: z.enum(["friendly", "professional"]).optional(),
  business_name: z.string().optional(),
};
const NewInboxBody = z.strictObject({ ...settings, channel: ChannelBody.required({ type: true }) });
const InboxBody = z.strictObject({
  ...settings,
  channel: ChannelBody.optional(),
  working_hours: z.array(z.looseObject({ day_of_week: z.int().min(0).max(6) })).optional(),
});

/** Inboxes of every kind and the bot of each. */
export const inboxRoutes = [
  route(`GET ${account}/inboxes`, {
    who: "users",
    handle: (context) => ({
      body: {
        payload: [...context.state.inboxes.values()]
          .filter((inbox) => maySeeInbox(context, inbox))
          .map((inbox) => inboxOf(context, inbox)),
      },
    }),
  }),
  route(`GET ${account}/inboxes/:id`, {
    who: "users",
    handle: (context) => {
      const inbox = find(context.state.inboxes, context.params["id"]);
      if (!maySeeInbox(context, inbox)) throw forbiddenByPolicy();
      return { body: inboxOf(context, inbox) };
    },
  }),
  route(`POST ${account}/inboxes`, {
    who: "administrator",
    body: NewInboxBody,
    handle: (context) => {
      const { name, channel, lock_to_single_conversation: lock, ...kept } = context.body;
      if (!name) throw recordInvalid([["name", "Name can't be blank"]]);
      const { type, webhook_url: webhookUrl, ...ofChannel } = channel;
      refuseLongUrl(webhookUrl);
      const inbox = addInbox(context.state, {
        name,
        channelType: channelTypes[type],
        channel: ofChannel,
        webhookUrl: webhookUrl || null,
        lockToSingleConversation: lock ?? false,
        settings: kept,
      });
      return { body: inboxOf(context, inbox) };
    },
  }),
  route(`PATCH ${account}/inboxes/:id`, {
    who: "administrator",
    body: InboxBody,
    handle: (context) => {
      const inbox = find(context.state.inboxes, context.params["id"]);
      const { name, channel = {}, lock_to_single_conversation: lock, working_hours: days, ...kept } = context.body;
      const { type: _, webhook_url: webhookUrl, ...ofChannel } = channel;
      if (name === "") throw recordInvalid([["name", "Name can't be blank"]]);
      refuseLongUrl(webhookUrl);
      if (name !== undefined) inbox.name = name;
      if (lock !== undefined) inbox.lockToSingleConversation = lock;
      if (webhookUrl !== undefined) inbox.webhookUrl = webhookUrl || null;
      inbox.channel = { ...inbox.channel, ...ofChannel };
      inbox.settings = { ...inbox.settings, ...kept, ...(days ? { working_hours: withDays(inbox, days) } : {}) };
      context.state.events.emit("change");
      return { body: inboxOf(context, inbox) };
    },
  }),
  // The server has it, the published file does not; the work is done by a job.
  route(`DELETE ${account}/inboxes/:id`, {
    who: "administrator",
    isChecked: false,
    handle: ({ state, params }) => {
      removeInbox(state, find(state.inboxes, params["id"]));
      return { body: { message: "Your inbox deletion request will be processed in some time." } };
    },
  }),
  // Wrapped, and an empty object without one: so the server's view has it; the published file shows it bare.
  route(`GET ${account}/inboxes/:id/agent_bot`, {
    who: "users",
    handle: (context) => {
      const { state } = context;
      const inbox = find(state.inboxes, context.params["id"]);
      if (!maySeeInbox(context, inbox)) throw forbiddenByPolicy();
      const bot = inbox.botId === null ? undefined : state.bots.get(inbox.botId);
      return { body: bot ? { agent_bot: agentBotShape(state, bot, isAdministrator(context)) } : {} };
    },
  }),
  route(`POST ${account}/inboxes/:id/set_agent_bot`, {
    who: "administrator",
    body: z.strictObject({ agent_bot: z.int().nullable() }),
    handle: ({ state, params, body }) => {
      const inbox = find(state.inboxes, params["id"]);
      inbox.botId = body.agent_bot ? find(state.bots, body.agent_bot).id : null;
      state.events.emit("change");
      return {};
    },
  }),
  route(`POST ${account}/inboxes/:id/reset_secret`, {
    who: "administrator",
    since: "4.13",
    handle: (context) => {
      const inbox = find(context.state.inboxes, context.params["id"]);
      if (inbox.channelType !== "Channel::Api") throw forbiddenByPolicy();
      inbox.secret = context.state.token(24);
      context.state.events.emit("change");
      return { body: inboxOf(context, inbox) };
    },
  }),
];

const inboxOf = (context: Context<unknown, unknown>, inbox: Inbox) =>
  inboxShape(context.state, inbox, isAdministrator(context));

function refuseLongUrl(url: string | undefined): void {
  if ((url?.length ?? 0) <= 2048) return;
  throw recordInvalid([["webhook_url", "Webhook url is too long (maximum is 2048 characters)"]]);
}

/** Records are matched by day (6). */
const withDays = (inbox: Inbox, days: readonly Json[]): Json[] =>
  weekOf(inbox).map((day) => ({ ...day, ...days.find((given) => given["day_of_week"] === day["day_of_week"]) }));
