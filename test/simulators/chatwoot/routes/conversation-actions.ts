import { z } from "zod";
import { agentShape } from "../api-shapes.ts";
import { assignAgentBot, assignUser } from "../assignment.ts";
import {
  botLetsGo,
  checkAttributes,
  handOver,
  parsePriority,
  parseStatus,
  saveConversation,
} from "../conversations.ts";
import { slimBotShape } from "../installation-shapes.ts";
import { actorOf, conversationOf, refuseEarlyBot, route, senderOf, type Context } from "../router.ts";
import { conversationStatuses, isAtLeast, priorities, type Conversation } from "../state.ts";

const one = "/api/v1/accounts/:account_id/conversations/:conversation_id";
const Attributes = z.record(z.string(), z.unknown());

const StatusBody = z.strictObject({
  status: z.enum(conversationStatuses),
  snoozed_until: z.int().nullable().optional(),
});
const AssignmentBody = z
  .strictObject({
    assignee_id: z.int().nullable().optional(),
    assignee_type: z.enum(["User", "AgentBot"]).optional(),
    team_id: z.int().nullable().optional(),
  })
  .refine((body) => body.assignee_id === undefined || body.team_id === undefined, {
    message: "team_id is ignored beside assignee_id",
  });

/** What can be done to one conversation: status, priority, typing, attributes, assignment, labels. */
export const conversationActionRoutes = [
  route(`POST ${one}/toggle_status`, {
    who: "bots_too",
    body: StatusBody,
    handle: toggleStatus,
  }),
  route(`POST ${one}/toggle_priority`, {
    who: "bots_too",
    body: z.strictObject({ priority: z.enum([...priorities, "none"]).nullable() }),
    handle: (context) => {
      const conversation = conversationOf(context);
      const priority = parsePriority(context.body.priority);
      saveConversation(context.state, conversation, { priority }, actorOf(context));
      return {};
    },
  }),
  route(`POST ${one}/toggle_typing_status`, {
    who: "bots_too",
    body: z.strictObject({ typing_status: z.enum(["on", "off"]), is_private: z.boolean().optional() }),
    handle: (context) => {
      refuseEarlyBot(context, "4.12");
      const conversation = conversationOf(context);
      const status = context.body.typing_status;
      if (status === "on" || status === "off") {
        context.state.events.emit("happening", {
          event: `conversation_typing_${status}`,
          conversationId: conversation.id,
          who: senderOf(context),
          isPrivate: context.body.is_private ?? false,
        });
      }
      return {};
    },
  }),
  route(`POST ${one}/custom_attributes`, {
    who: "bots_too",
    body: z.strictObject({ custom_attributes: Attributes }),
    handle: (context) => {
      const conversation = conversationOf(context);
      const customAttributes = context.body.custom_attributes ?? {};
      checkAttributes(customAttributes, "Custom attributes");
      saveConversation(context.state, conversation, { customAttributes }, actorOf(context));
      return { body: { custom_attributes: conversation.customAttributes } };
    },
  }),
  route(`POST ${one}/assignments`, {
    who: "bots_too",
    body: AssignmentBody,
    handle: assign,
  }),
  route(`GET ${one}/labels`, {
    who: "bots_too",
    handle: (context) => {
      refuseEarlyBot(context);
      return { body: { payload: conversationOf(context).labels } };
    },
  }),
  route(`POST ${one}/labels`, {
    who: "bots_too",
    body: z.strictObject({ labels: z.array(z.string()) }),
    handle: (context) => {
      refuseEarlyBot(context);
      const conversation = conversationOf(context);
      saveConversation(context.state, conversation, { labels: [...new Set(context.body.labels)] }, actorOf(context));
      return { body: { payload: conversation.labels } };
    },
  }),
];

/**
 * Three paths (3.2): a bot token that opens a pending conversation hands off, and the answer's `success` is null; any
 * other status given is saved; none given toggles. A person with role agent who opens becomes the assignee.
 */
function toggleStatus(context: Context<z.infer<typeof StatusBody>>) {
  const { state, body, caller } = context;
  const conversation = conversationOf(context);
  const actor = actorOf(context);
  let success: boolean | null = true;
  if (caller?.kind === "bot" && conversation.status === "pending" && body.status === "open") {
    handOver(state, conversation, caller.bot);
    success = null;
  } else if (body.status) {
    const snoozedUntil = body.snoozed_until ? { snoozedUntil: new Date(body.snoozed_until * 1000) } : {};
    saveConversation(state, conversation, { status: parseStatus(body.status), ...snoozedUntil }, actor);
  } else {
    const status = conversation.status === "open" ? "resolved" : "open";
    saveConversation(state, conversation, { status }, actor);
  }
  if (caller?.kind === "user" && conversation.status === "open") {
    const assigneeId = caller.user.role === "agent" ? { assigneeId: caller.user.id } : {};
    saveConversation(state, conversation, { ...botLetsGo(state), ...assigneeId }, actor);
  }
  return {
    body: {
      meta: {},
      payload: {
        success,
        current_status: conversation.status,
        conversation_id: conversation.id,
        snoozed_until: conversation.snoozedUntil?.toISOString() ?? null,
      },
    },
  };
}

/** An unknown id answers 200 `null` and takes the assignee, or the team, away (3.3). */
function assign(context: Context<z.infer<typeof AssignmentBody>>) {
  const { state, body } = context;
  const conversation = conversationOf(context);
  const actor = actorOf(context);
  // Before 4.8.0 the type was not read: the number was a user's.
  if (body.assignee_type === "AgentBot" && isAtLeast(state, "4.8")) {
    const bot = state.bots.get(Number(body.assignee_id));
    if (!bot) return { body: null };
    assignAgentBot(state, conversation, bot.id, actor);
    return { body: slimBotShape(bot) };
  }
  if (body.assignee_id !== undefined) {
    const user = state.users.get(Number(body.assignee_id));
    assignUser(state, conversation, user?.id ?? null, actor);
    return { body: user ? agentShape(state, user) : null };
  }
  if (body.team_id === undefined) return { body: null };
  return assignTeam(context, conversation, actor);
}

function assignTeam(
  context: Context<z.infer<typeof AssignmentBody>>,
  conversation: Conversation,
  actor: { name: string },
) {
  const { state, body } = context;
  const team = state.teams.get(Number(body.team_id));
  saveConversation(state, conversation, { teamId: team?.id ?? null }, actor);
  if (!team) return { body: null };
  return {
    body: {
      id: team.id,
      name: team.name,
      description: team.description,
      allow_auto_assign: team.allowAutoAssign,
      account_id: state.accountId,
    },
  };
}
