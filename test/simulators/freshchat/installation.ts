import type { NewAgent, NewChannel } from "./control.ts";
import type { Agent, Channel, ConversationField, Group, State, StoredFile, User } from "./state.ts";

export function addAgent(state: State, wanted: NewAgent): Agent {
  const agent: Agent = {
    id: state.uuid(),
    orgId: String(state.number()),
    firstName: wanted.firstName,
    lastName: wanted.lastName ?? "",
    email: wanted.email ?? `${wanted.firstName.toLowerCase()}@acme.example`,
    avatarUrl: wanted.avatarUrl ?? null,
    groupIds: wanted.groupIds ?? [],
    availability: wanted.availability ?? "AVAILABLE",
    isLoggedIn: wanted.isLoggedIn === undefined ? true : wanted.isLoggedIn,
    isDeactivated: wanted.isDeactivated ?? false,
    isDeleted: false,
  };
  state.agents.set(agent.id, agent);
  state.events.emit("change");
  return agent;
}

export function addGroup(state: State, name: string, isWithinBusinessHours: boolean | null = null): Group {
  const group: Group = { id: state.uuid(), name, isWithinBusinessHours };
  state.groups.set(group.id, group);
  state.events.emit("change");
  return group;
}

export function addChannel(state: State, wanted: NewChannel): Channel {
  const channel: Channel = {
    id: state.uuid(),
    number: 800_000 + state.channels.size,
    name: wanted.name,
    isEnabled: wanted.isEnabled ?? true,
    isPublic: wanted.isPublic ?? true,
    welcome: wanted.welcome ?? null,
  };
  state.channels.set(channel.id, channel);
  state.events.emit("change");
  return channel;
}

export function addField(
  state: State,
  wanted: { name: string; label?: string; type?: string; choices?: string[] },
): ConversationField {
  const { name, label = name, type = "TEXT", choices = [] } = wanted;
  const field: ConversationField = { id: state.uuid(), name, label, type, choices };
  state.fields.set(name, field);
  return field;
}

export function addUser(state: State, wanted: Partial<Pick<User, "email" | "firstName">>): User {
  const now = state.stamp();
  const user: User = {
    id: state.id(),
    orgId: String(state.number()),
    email: wanted.email ?? null,
    firstName: wanted.firstName ?? null,
    lastName: null,
    phone: null,
    referenceId: null,
    avatarUrl: null,
    properties: [],
    createdAt: now,
    updatedAt: now,
  };
  state.users.set(user.id, user);
  state.events.emit("change");
  return user;
}

export function keepFile(state: State, { name, type, bytes }: Omit<StoredFile, "id">): StoredFile {
  const file: StoredFile = { id: state.secret(24), name, type: type === "" ? "application/octet-stream" : type, bytes };
  state.files.set(file.id, file);
  return file;
}

/** Where a file is read, without a token. */
export const urlOf = (file: StoredFile, baseUrl: string): string =>
  `${baseUrl}/uploads/${file.id}/${encodeURIComponent(file.name)}`;
