import type { AgentBot } from "./installation-records.ts";
import type { Availability, Inbox, Json, State, Team, User } from "./state.ts";

export interface NewUser {
  name: string;
  availableName?: string;
  email?: string;
  role?: User["role"];
  availability?: Availability;
  autoOffline?: boolean;
  /** Live presence; counts only with auto_offline. */
  connected?: boolean;
  avatarUrl?: string;
}

export function addUser(state: State, wanted: NewUser): User {
  const id = state.nextId("user");
  const user: User = {
    id,
    role: wanted.role ?? "agent",
    name: wanted.name,
    availableName: wanted.availableName ?? wanted.name,
    email: wanted.email ?? `user${id}@acme.example`,
    avatarUrl: wanted.avatarUrl ?? "",
    availability: wanted.availability ?? "online",
    autoOffline: wanted.autoOffline ?? false,
    connected: wanted.connected ?? true,
    token: state.token(24),
  };
  state.users.set(id, user);
  state.events.emit("change");
  return user;
}

export interface NewTeam {
  name: string;
  description?: string;
  allowAutoAssign?: boolean;
  memberIds?: number[];
}

/** Team names are kept in lower case, as Chatwoot keeps them. */
export function addTeam(state: State, wanted: NewTeam): Team {
  const team: Team = {
    id: state.nextId("team"),
    name: wanted.name.toLowerCase(),
    description: wanted.description ?? null,
    allowAutoAssign: wanted.allowAutoAssign ?? true,
    memberIds: wanted.memberIds ?? [],
  };
  state.teams.set(team.id, team);
  state.events.emit("change");
  return team;
}

export interface NewInbox {
  name: string;
  channelType?: Inbox["channelType"];
  webhookUrl?: string | null;
  secret?: string | undefined;
  lockToSingleConversation?: boolean | undefined;
  channel?: Json;
  settings?: Json;
  memberIds?: number[];
  botId?: number | null | undefined;
}

export function addInbox(state: State, wanted: NewInbox): Inbox {
  const inbox: Inbox = {
    id: state.nextId("inbox"),
    name: wanted.name,
    channelType: wanted.channelType ?? "Channel::Api",
    webhookUrl: wanted.webhookUrl ?? null,
    secret: wanted.secret ?? state.secretSince("4.13"),
    channel: wanted.channel ?? {},
    hmacToken: state.token(24),
    identifier: state.token(24),
    memberIds: wanted.memberIds ?? [],
    lockToSingleConversation: wanted.lockToSingleConversation ?? false,
    settings: wanted.settings ?? {},
    botId: wanted.botId ?? null,
  };
  state.inboxes.set(inbox.id, inbox);
  state.events.emit("change");
  return inbox;
}

export interface NewAgentBot {
  name: string;
  description?: string | null;
  outgoingUrl?: string | null;
  isSystemBot?: boolean;
}

export function addAgentBot(state: State, wanted: NewAgentBot): AgentBot {
  const bot: AgentBot = {
    id: state.nextId("bot"),
    name: wanted.name,
    description: wanted.description ?? null,
    outgoingUrl: wanted.outgoingUrl ?? null,
    token: state.token(24),
    secret: state.secretSince("4.13"),
    isSystemBot: wanted.isSystemBot ?? false,
  };
  state.bots.set(bot.id, bot);
  state.events.emit("change");
  return bot;
}
