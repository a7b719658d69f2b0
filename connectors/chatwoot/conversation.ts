import { z } from "zod";
import type { Client } from "./client.ts";
import { assigneeOf } from "./mapping.ts";
import { Conversation, Id, Profile, Team, wrapped } from "./shapes.ts";

/** Where our ids stand on a conversation; the team sees them there. */
export const HANDOFF_ATTRIBUTE = "baton_handoff_id";
export const CONVERSATION_ATTRIBUTE = "baton_conversation_id";

export function readConversation(client: Client, conversationId: string): Promise<Conversation> {
  return client.call({
    method: "GET",
    path: `/conversations/${conversationId}`,
    doing: "read the conversation",
    answer: Conversation,
  });
}

/** As `readConversation`, but null when it was deleted. */
export function readConversationIfThere(client: Client, conversationId: string): Promise<Conversation | null> {
  return client.tryCall(
    { method: "GET", path: `/conversations/${conversationId}`, doing: "read the conversation", answer: Conversation },
    [404],
  );
}

/** The conversation of a handoff, by our own ids on it; null when there is none. */
export async function findConversation(
  client: Client,
  inboxId: number,
  { sourceId, handoffId }: { readonly sourceId: string; readonly handoffId: string },
): Promise<Conversation | null> {
  const query = new URLSearchParams({ status: "all", inbox_id: String(inboxId), source_id: sourceId });
  const { data } = await client.call({
    method: "GET",
    path: `/conversations?${query.toString()}`,
    doing: "look for the conversation",
    answer: z.looseObject({ data: wrapped(z.array(Conversation)) }),
  });
  return data.payload.find((item) => item.custom_attributes?.[HANDOFF_ATTRIBUTE] === handoffId) ?? null;
}

/** Sets attributes beside those that are there: setting replaces all of them (sheet 3.3). */
export async function setAttributes(
  client: Client,
  conversation: Conversation,
  wanted: Readonly<Record<string, unknown>>,
): Promise<void> {
  const have = conversation.custom_attributes ?? {};
  if (Object.entries(wanted).every(([key, value]) => have[key] === value)) return;
  await client.call({
    method: "POST",
    path: `/conversations/${conversation.id}/custom_attributes`,
    doing: "mark the conversation",
    json: { custom_attributes: { ...have, ...wanted } },
    answer: z.looseObject({ custom_attributes: z.unknown() }),
  });
}

/** Adds labels: setting replaces all of them, and automation may have set some in between. */
export async function addLabels(client: Client, conversationId: string, labels: readonly string[]): Promise<void> {
  if (labels.length === 0) return;
  const path = `/conversations/${conversationId}/labels`;
  const answer = wrapped(z.array(z.string()));
  const { payload: have } = await client.call({ method: "GET", path, doing: "read the labels", answer });
  const all = [...new Set([...have, ...labels])];
  if (all.length === have.length) return;
  await client.call({ method: "POST", path, doing: "set the labels", json: { labels: all }, answer });
}

/** Never "none", which Chatwoot describes but answers with 500 (sheet 1). */
export async function setPriority(client: Client, conversationId: string, priority: string): Promise<void> {
  const path = `/conversations/${conversationId}/toggle_priority`;
  await client.call({ method: "POST", path, doing: "set the priority", json: { priority }, answer: null });
}

const STATUS_CHANGES = {
  open: "open the conversation",
  pending: "give the conversation back to the bot",
  resolved: "resolve the conversation",
} as const;

/** Sets the status. Judged by `current_status`: `success` can be null all the same (sheet 3.3). */
export async function setStatus(
  client: Client,
  conversationId: string,
  status: "open" | "pending" | "resolved",
): Promise<void> {
  await client.call({
    method: "POST",
    path: `/conversations/${conversationId}/toggle_status`,
    doing: STATUS_CHANGES[status],
    json: { status },
    answer: wrapped(z.looseObject({ current_status: z.literal(status) })),
  });
}

/**
 * Opens a conversation that is not open. An agent's token makes that agent the assignee (sheet 3.2), as if somebody had
 * accepted: that is taken back, so that the conversation waits for a person.
 */
export async function openAgain(client: Client, conversation: Conversation): Promise<void> {
  const id = String(conversation.id);
  await setStatus(client, id, "open");
  // Only a person: the API may name the inbox's bot there.
  if (assigneeOf(conversation.meta)) return;
  const assignee = assigneeOf((await readConversation(client, id)).meta);
  if (!assignee || assignee.id !== String(await ownUserId(client))) return;
  await client.call({
    method: "POST",
    path: `/conversations/${id}/assignments`,
    doing: "free the conversation for an agent",
    json: { assignee_id: null },
    answer: z.unknown(),
  });
}

async function ownUserId(client: Client): Promise<number> {
  const path = "/api/v1/profile";
  const profile = await client.callRoot({ method: "GET", path, doing: "show whose token this is", answer: Profile });
  return profile.id;
}

/** The team with this id or name; null when there is none, or the token may not see teams. Chatwoot's names are lower case. */
export async function findTeam(client: Client, given: string): Promise<Team | null> {
  const teams = await client.tryCall(
    { method: "GET", path: "/teams", doing: "list the teams", answer: z.array(Team) },
    [401, 403, 404],
  );
  const wanted = given.trim().toLowerCase();
  return (
    teams?.find((team) => team.name?.toLowerCase() === wanted) ??
    teams?.find((team) => String(team.id) === wanted) ??
    null
  );
}

/** Gives the conversation to a team. An unknown id would be answered with 200, and would take the team away (sheet 3.3). */
export async function assignTeam(client: Client, conversationId: string, team: Team): Promise<void> {
  await client.call({
    method: "POST",
    path: `/conversations/${conversationId}/assignments`,
    doing: "assign the team",
    json: { team_id: team.id },
    answer: z.looseObject({ id: Id.refine((id) => id === team.id) }),
  });
}
