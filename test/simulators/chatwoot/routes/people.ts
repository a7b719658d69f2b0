import { z } from "zod";
import { agentShape, teamShape } from "../api-shapes.ts";
import { forbiddenByPolicy, recordInvalid } from "../errors.ts";
import { addTeam, addUser } from "../installation.ts";
import { slimBotShape } from "../installation-shapes.ts";
import { callerUser, find, maySeeInbox, route } from "../router.ts";
import { isAtLeast, type State, type Team, type User } from "../state.ts";

const account = "/api/v1/accounts/:account_id";
const roles = ["agent", "administrator"] as const;
const availabilities = ["online", "busy", "offline"] as const;
const TeamBody = z.strictObject({
  name: z.string().optional(),
  description: z.string().optional(),
  allow_auto_assign: z.boolean().optional(),
});

/** The people behind the inboxes: agents, members, teams. */
export const peopleRoutes = [
  route(`GET ${account}/agents`, {
    who: "users",
    handle: ({ state }) => ({ body: membersOf(state).map((user) => agentShape(state, user)) }),
  }),
  route(`POST ${account}/agents`, {
    who: "administrator",
    body: z.strictObject({
      name: z.string(),
      email: z.string(),
      role: z.enum(roles),
      availability: z.enum(availabilities).optional(),
      auto_offline: z.boolean().optional(),
    }),
    handle: ({ state, body }) => {
      const { name, email, role, availability = "offline", auto_offline: autoOffline = true } = body;
      if ([...state.users.values()].some((user) => user.email === email)) {
        throw recordInvalid([["email", "Email has already been taken"]]);
      }
      const user = addUser(state, { name, email, role, availability, autoOffline, connected: false });
      return { body: agentShape(state, user) };
    },
  }),
  route(`PATCH ${account}/agents/:id`, {
    who: "administrator",
    body: z.strictObject({
      role: z.enum(roles),
      availability: z.enum(availabilities).optional(),
      auto_offline: z.boolean().optional(),
    }),
    handle: ({ state, params, body }) => {
      const user = find(state.users, params["id"]);
      user.role = body.role;
      if (body.availability !== undefined) user.availability = body.availability;
      if (body.auto_offline !== undefined) user.autoOffline = body.auto_offline;
      state.events.emit("change");
      return { body: agentShape(state, user) };
    },
  }),
  route(`DELETE ${account}/agents/:id`, {
    who: "administrator",
    handle: ({ state, params }) => {
      leaveAccount(state, find(state.users, params["id"]));
      return {};
    },
  }),
  route(`GET ${account}/assignable_agents`, {
    who: "users",
    query: z.strictObject({ inbox_ids: z.array(z.string()), include_agent_bots: z.string().optional() }),
    handle: ({ state, query }) => {
      const inboxes = query.inbox_ids.map((id) => find(state.inboxes, id));
      const common = membersOf(state).filter(
        (user) => user.role === "administrator" || inboxes.every((inbox) => inbox.memberIds.includes(user.id)),
      );
      const people = common.map((user) => agentShape(state, user));
      if (query.include_agent_bots === undefined || !isAtLeast(state, "4.16")) return { body: { payload: people } };
      const bots = [...state.bots.values()].map((bot) => ({
        ...slimBotShape(bot),
        assignee_type: "AgentBot",
        availability_status: "offline",
      }));
      const typed = people.map((person) => ({ ...person, assignee_type: "User" }));
      return { body: { payload: [...typed, ...bots] } };
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
  route(`POST ${account}/teams`, {
    who: "administrator",
    body: TeamBody.required({ name: true }),
    handle: (context) => {
      const { name, description, allow_auto_assign: allowAutoAssign = true } = context.body;
      refuseTeamName(context.state, name);
      const team = addTeam(context.state, { name, allowAutoAssign, ...(description ? { description } : {}) });
      return { body: teamShape(context.state, team, callerUser(context)) };
    },
  }),
  route(`PATCH ${account}/teams/:team_id`, {
    who: "administrator",
    body: TeamBody,
    handle: (context) => {
      const { state, params, body } = context;
      const team = find(state.teams, params["team_id"]);
      if (body.name !== undefined) refuseTeamName(state, body.name, team);
      team.name = body.name?.toLowerCase() ?? team.name;
      team.description = body.description ?? team.description;
      team.allowAutoAssign = body.allow_auto_assign ?? team.allowAutoAssign;
      state.events.emit("change");
      return { body: teamShape(state, team, callerUser(context)) };
    },
  }),
  route(`DELETE ${account}/teams/:team_id`, {
    who: "administrator",
    handle: ({ state, params }) => {
      const { id } = find(state.teams, params["team_id"]);
      for (const conversation of state.conversations.values()) {
        if (conversation.teamId === id) conversation.teamId = null;
      }
      state.teams.delete(id);
      state.events.emit("change");
      return {};
    },
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

const agentsOf = (state: State, ids: number[]) =>
  ids.map((id) => state.users.get(id)).flatMap((user) => (user ? [agentShape(state, user)] : []));

const knownUsers = (state: State, ids: number[]): number[] => ids.map((id) => find<User>(state.users, id).id);

function membersAfter(method: "POST" | "PATCH" | "DELETE", before: number[], ids: number[]): number[] {
  if (method === "PATCH") return ids;
  if (method === "DELETE") return before.filter((id) => !ids.includes(id));
  return [...new Set([...before, ...ids])];
}

const membersOf = (state: State): User[] => [...state.users.values()].filter((user) => user.role !== null);

/** Out of the account, its inboxes and teams; what they had is nobody's. */
export function leaveAccount(state: State, user: User): void {
  user.role = null;
  for (const group of [...state.inboxes.values(), ...state.teams.values()]) {
    group.memberIds = group.memberIds.filter((id) => id !== user.id);
  }
  for (const conversation of state.conversations.values()) {
    if (conversation.assigneeId === user.id) conversation.assigneeId = null;
  }
  state.events.emit("change");
}

function refuseTeamName(state: State, name: string, self?: Team): void {
  if (name === "") throw recordInvalid([["name", "Name can't be blank"]]);
  const isTaken = [...state.teams.values()].some((team) => team !== self && team.name === name.toLowerCase());
  if (isTaken) throw recordInvalid([["name", "Name has already been taken"]]);
}
