import { z } from "zod";
import { notFound, recordInvalid } from "../errors.ts";
import type { AgentBot } from "../installation-records.ts";
import { addAgentBot } from "../installation.ts";
import { removeBot } from "../removal.ts";
import { agentBotShape } from "../installation-shapes.ts";
import { find, isAdministrator, route, type Context } from "../router.ts";

const bots = "/api/v1/accounts/:account_id/agent_bots";
const BotBody = z.strictObject({
  name: z.string().optional(),
  description: z.string().optional(),
  outgoing_url: z.string().optional(),
  avatar_url: z.string().optional(),
  bot_type: z.literal(0).optional(),
  bot_config: z.record(z.string(), z.unknown()).optional(),
});

/** Agent bots: read by everybody, written by administrators; those of the installation cannot be written here. */
export const agentBotRoutes = [
  route(`GET ${bots}`, {
    who: "users",
    handle: (context) => ({ body: [...context.state.bots.values()].map((bot) => shown(context, bot)) }),
  }),
  route(`POST ${bots}`, {
    who: "administrator",
    body: BotBody.required({ name: true }),
    handle: (context) => {
      const { name, description, outgoing_url: outgoingUrl } = context.body;
      if (!name) throw nameless();
      const bot = addAgentBot(context.state, {
        name,
        description: description ?? null,
        outgoingUrl: outgoingUrl || null,
      });
      return { body: shown(context, bot) };
    },
  }),
  route(`GET ${bots}/:id`, {
    who: "users",
    handle: (context) => ({ body: shown(context, find(context.state.bots, context.params["id"])) }),
  }),
  route(`PATCH ${bots}/:id`, {
    who: "administrator",
    body: BotBody,
    handle: (context) => {
      const bot = ownBot(context);
      const { name, description, outgoing_url: outgoingUrl } = context.body;
      if (name === "") throw nameless();
      if (name !== undefined) bot.name = name;
      if (description !== undefined) bot.description = description;
      if (outgoingUrl !== undefined) bot.outgoingUrl = outgoingUrl || null;
      context.state.events.emit("change");
      return { body: shown(context, bot) };
    },
  }),
  route(`DELETE ${bots}/:id`, {
    who: "administrator",
    handle: (context) => {
      removeBot(context.state, ownBot(context).id);
      return {};
    },
  }),
  route(`POST ${bots}/:id/reset_secret`, {
    who: "administrator",
    since: "4.13",
    handle: (context) => {
      const bot = ownBot(context);
      bot.secret = context.state.token(24);
      context.state.events.emit("change");
      return { body: shown(context, bot) };
    },
  }),
  route(`POST ${bots}/:id/reset_access_token`, {
    who: "administrator",
    handle: (context) => {
      const bot = ownBot(context);
      bot.token = context.state.token(24);
      context.state.events.emit("change");
      return { body: shown(context, bot) };
    },
  }),
];

const shown = (context: Context<unknown, unknown>, bot: AgentBot) =>
  agentBotShape(context.state, bot, isAdministrator(context));

function ownBot(context: Context<unknown, unknown>): AgentBot {
  const bot = find(context.state.bots, context.params["id"]);
  if (bot.isSystemBot) throw notFound();
  return bot;
}

const nameless = () => recordInvalid([["name", "Name can't be blank"]]);
