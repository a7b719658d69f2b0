import { z } from "zod";
import { agentShape, inboxShape, teamShape } from "../api-shapes.ts";
import { forbiddenByPolicy, recordInvalid } from "../errors.ts";
import { addInbox } from "../installation.ts";
import { callerUser, find, isAdministrator, maySeeInbox, route, type Context } from "../router.ts";
import { isAtLeast, type Inbox, type State, type User } from "../state.ts";

const account = "/api/v1/accounts/:account_id";

const ChannelBody = z.strictObject({
  type: z.enum(["api", "web_widget"]).optional(),
  webhook_url: z.string().max(2048).optional(),
  website_url: z.string().optional(),
  hmac_mandatory: z.boolean().optional(),
  additional_attributes: z.record(z.string(), z.unknown()).optional(),
});
const settings = {
  name: z.string().optional(),
  greeting_enabled: z.boolean().optional(),
  greeting_message: z.string().optional(),
  enable_auto_assignment: z.boolean().optional(),
  working_hours_enabled: z.boolean().optional(),
  out_of_office_message: z.string().optional(),
  timezone: z.string().optional(),
  csat_survey_enabled: z.boolean().optional(),
  allow_messages_after_resolved: z.boolean().optional(),
  lock_to_single_conversation: z.boolean().optional(),
};
const NewInboxBody = z.strictObject({ ...settings, channel: ChannelBody.required({ type: true }) });
const InboxBody = z.strictObject({
  ...settings,
  channel: ChannelBody.optional(),
  working_hours: z.array(z.looseObject({ day_of_week: z.int().min(0).max(6) })).optional(),
});

/** Inboxes and the people behind them: agents, members, teams. */
export const inboxRoutes = [
  route(`GET ${account}/agents`, {
    who: "users",
    handle: ({ state }) => ({ body: [...state.users.values()].map((user) => agentShape(state, user)) }),
  }),
  route(`GET ${account}/assignable_agents`, {
    who: "users",
    query: z.strictObject({ inbox_ids: z.array(z.string()), include_agent_bots: z.string().optional() }),
    handle: ({ state, query }) => {
      const inboxes = query.inbox_ids.map((id) => find(state.inboxes, id));
      const common = [...state.users.values()].filter(
        (user) => user.role === "administrator" || inboxes.every((inbox) => inbox.memberIds.includes(user.id)),
      );
      return { body: { payload: common.map((user) => agentShape(state, user)) } };
    },
  }),
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
      const inbox = addInbox(context.state, {
        name,
        channelType: channel.type === "web_widget" ? "Channel::WebWidget" : "Channel::Api",
        webhookUrl: channel.webhook_url ?? null,
        lockToSingleConversation: lock ?? false,
      });
      inbox.settings = kept;
      return { body: inboxOf(context, inbox) };
    },
  }),
  route(`PATCH ${account}/inboxes/:id`, {
    who: "administrator",
    body: InboxBody,
    handle: (context) => {
      const inbox = find(context.state.inboxes, context.params["id"]);
      const { name, channel, lock_to_single_conversation: lock, ...kept } = context.body;
      if (name !== undefined) inbox.name = name;
      if (lock !== undefined) inbox.lockToSingleConversation = lock;
      if (channel?.webhook_url !== undefined) inbox.webhookUrl = channel.webhook_url || null;
      inbox.settings = { ...inbox.settings, ...kept };
      context.state.events.emit("change");
      return { body: inboxOf(context, inbox) };
    },
  }),
  route(`POST ${account}/inboxes/:id/reset_secret`, {
    who: "administrator",
    handle: (context) => {
      const inbox = find(context.state.inboxes, context.params["id"]);
      inbox.secret = context.state.token(24);
      return { body: inboxOf(context, inbox) };
    },
  }),
  route(`GET ${account}/inbox_members/:inbox_id`, {
    who: "users",
    handle: (context) => {
      const inbox = find(context.state.inboxes, context.params["inbox_id"]);
      if (!maySeeInbox(context, inbox)) throw forbiddenByPolicy();
      return { body: { payload: agentsOf(context.state, inbox.memberIds) } };
    },
  }),
  ...(["POST", "PATCH", "DELETE"] as const).map((method) =>
    route(`${method} ${account}/inbox_members`, {
      who: "administrator",
      body: z.strictObject({ inbox_id: z.union([z.int(), z.string()]), user_ids: z.array(z.int()) }),
      handle: ({ state, body }) => {
        const inbox = find(state.inboxes, body.inbox_id);
        inbox.memberIds = membersAfter(method, inbox.memberIds, knownUsers(state, body.user_ids));
        return method === "DELETE" ? {} : { body: { payload: agentsOf(state, inbox.memberIds) } };
      },
    }),
  ),
  route(`GET ${account}/teams`, {
    who: "users",
    handle: (context) => ({
      body: [...context.state.teams.values()].map((team) => teamShape(context.state, team, callerUser(context))),
    }),
  }),
  route(`GET ${account}/teams/:team_id`, {
    who: "users",
    handle: (context) => ({
      body: teamShape(context.state, find(context.state.teams, context.params["team_id"]), callerUser(context)),
    }),
  }),
  route(`GET ${account}/teams/:team_id/team_members`, {
    who: "users",
    handle: ({ state, params }) => ({ body: agentsOf(state, find(state.teams, params["team_id"]).memberIds) }),
  }),
  ...(["POST", "PATCH", "DELETE"] as const).map((method) =>
    route(`${method} ${account}/teams/:team_id/team_members`, {
      who: "administrator",
      body: z.strictObject({ user_ids: z.array(z.int()) }),
      handle: ({ state, params, body }) => {
        const team = find(state.teams, params["team_id"]);
        team.memberIds = membersAfter(method, team.memberIds, knownUsers(state, body.user_ids));
        return method === "DELETE" ? {} : { body: agentsOf(state, team.memberIds) };
      },
    }),
  ),
];

/** API inboxes have a webhook secret since 4.13.0. */
const inboxOf = (context: Context<unknown, unknown>, inbox: Inbox) =>
  inboxShape(isAtLeast(context.state, "4.13") ? inbox : { ...inbox, secret: "" }, isAdministrator(context));

const agentsOf = (state: State, ids: number[]) =>
  ids.map((id) => state.users.get(id)).flatMap((user) => (user ? [agentShape(state, user)] : []));

const knownUsers = (state: State, ids: number[]): number[] => ids.map((id) => find<User>(state.users, id).id);

function membersAfter(method: "POST" | "PATCH" | "DELETE", before: number[], ids: number[]): number[] {
  if (method === "PATCH") return ids;
  if (method === "DELETE") return before.filter((id) => !ids.includes(id));
  return [...new Set([...before, ...ids])];
}
