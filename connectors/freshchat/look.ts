import type { HelpdeskRef } from "../../src/domain/handoff.ts";
import type { AgentMessage } from "../../src/domain/handoff.ts";
import type { HelpdeskAgent, HelpdeskView } from "../../src/ports.ts";
import { readConversation } from "./conversation.ts";
import type { Spot } from "./conversation.ts";
import type { Desk } from "./desk.ts";
import { isAwaited, withTextOfFile } from "./late.ts";
import { agentMessage, dateOf, hasNothing, isForVisitor, statusOf } from "./mapping.ts";
import type { Speaker } from "./mapping.ts";
import { readSince } from "./message-list.ts";
import type { Timed } from "./message-list.ts";
import { readParts } from "./parts.ts";
import type { Said } from "./parts.ts";

/** How much is read again, before the newest message seen: one can appear later than its time says. */
const OVERLAP_MS = 60_000;

/**
 * The conversation as it is in FreshChat. The state is read before the messages: whatever was said before a conversation was
 * resolved is then among them. `cursor` is the time of the newest message seen that none held back comes before, in ISO 8601.
 *
 * A message whose file has no address yet is held back with all that follow it, for a minute at most; then it comes with the file's
 * name in its text.
 *
 * Throws DeliveryError.
 */
export async function lookAt(desk: Desk, ref: HelpdeskRef, cursor: string | null): Promise<HelpdeskView> {
  const spot: Spot = { id: ref.conversationId, otherId: ref.otherId ?? null };
  const conversation = await readConversation(desk, spot);
  const seen = dateOf(cursor)?.getTime() ?? null;
  const { messages: listed, isWhole } = await readSince(desk, spot, seen === null ? null : seen - OVERLAP_MS);
  if (!isWhole) desk.log.warn("freshchat_messages_left_unread", { connectionId: desk.connectionId });
  const { heard, settled } = hear(desk, listed);
  const newest = listed.at(-1)?.at ?? null;
  return {
    messages: await inOurWords(desk, heard),
    cursor: nextCursor(desk, settled, seen) ?? cursor,
    status: statusOf(conversation.status),
    assignee: await assigneeOf(desk, conversation.assigned_agent_id),
    version: dateOf(conversation.updated_time)?.getTime() ?? newest ?? 0,
    isIncomplete: settled.length < listed.length,
  };
}

interface Heard extends Timed {
  readonly said: Said;
}

/** What people say to the visitor, up to the first message that is not ready. */
function hear(desk: Desk, listed: readonly Timed[]): { heard: readonly Heard[]; settled: readonly Timed[] } {
  const heard: Heard[] = [];
  for (const [i, { message, at }] of listed.entries()) {
    if (!isForVisitor(message, desk.config.agentId)) continue;
    const said = readParts(message);
    if (isAwaited(desk, message.id, said, at)) return { heard, settled: listed.slice(0, i) };
    if (!hasNothing(said)) heard.push({ message, at, said });
  }
  return { heard, settled: listed };
}

async function inOurWords(desk: Desk, heard: readonly Heard[]): Promise<AgentMessage[]> {
  const speakers = new Map<string | null, Speaker>([[null, { id: null, name: null, avatarUrl: null }]]);
  const messages: AgentMessage[] = [];
  for (const { message, at, said } of heard) {
    const id = message.actor_id;
    const agent = speakers.get(id) ?? (await speakerOf(desk, id ?? ""));
    speakers.set(id, agent);
    const whole = await withTextOfFile(desk, message.id, said);
    messages.push(agentMessage(message, whole, agent, new Date(at)));
  }
  return messages;
}

async function speakerOf(desk: Desk, id: string): Promise<Speaker> {
  const { name, avatarUrl } = await desk.agents.nameOf(id);
  return { id, name, avatarUrl };
}

/** Never back, and never past now: a time from the future would hide what comes before it. */
function nextCursor(desk: Desk, settled: readonly Timed[], seen: number | null): string | null {
  const newest = settled.at(-1)?.at ?? null;
  if (newest === null) return null;
  return new Date(Math.max(Math.min(newest, desk.clock().getTime()), seen ?? 0)).toISOString();
}

/** Baton's own seat is nobody. */
async function assigneeOf(desk: Desk, id: string | null): Promise<HelpdeskAgent | null> {
  if (id === null || id === desk.config.agentId) return null;
  const { name } = await desk.agents.nameOf(id);
  return { id, name };
}
