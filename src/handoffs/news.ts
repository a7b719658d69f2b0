import type { NewsItem } from "../ports-news.ts";
import type { Connection, Member, StoredEvent, Tx } from "../ports-store.ts";

/** What those who look on a workspace are told: that something has changed, and which. Never words, never who. */

/** Of a conversation's events, those that a list of handoffs or leads shows. */
export function newsOfEvents(botId: string, events: readonly StoredEvent[]): readonly NewsItem[] {
  return events.flatMap(({ type, handoffId, at, data }): NewsItem[] => {
    if (handoffId === null) return [];
    if (type === "lead.captured") return [{ kind: "lead", id: handoffId, what: type, at, data: { botId } }];
    if (!type.startsWith("handoff.")) return [];
    const { status = null, mode = null, destination = null } = (data["handoff"] ?? {}) as Record<string, string | null>;
    return [{ kind: "handoff", id: handoffId, what: type, at, data: { botId, status, mode, destination } }];
  });
}

/** Told when somebody of the team comes or goes; not when one who is there says so again. */
export async function tellPresence(tx: Tx, before: Member, onlineUntil: Date | null, now: Date): Promise<void> {
  const wasOnline = before.onlineUntil !== null && before.onlineUntil > now;
  if (wasOnline === (onlineUntil !== null)) return;
  const data = { online: !wasOnline, onlineUntil: onlineUntil?.toISOString() ?? null };
  const what = wasOnline ? "member.away" : "member.online";
  await tx.addNews(before.workspaceId, [{ kind: "member", id: before.id, what, at: now, data }]);
}

/**
 * Keeps what is wrong with a connection, since when, and in its history that this came to be.
 *
 * @param connection as it was read in this unit
 * @param problem in words for the admin; null: it works
 * @param more what else changes of the connection
 */
export async function saveProblem(
  tx: Tx,
  connection: Connection,
  problem: string | null,
  now: Date,
  more: Parameters<Tx["updateConnection"]>[2] = {},
): Promise<Pick<Connection, "problem" | "problemSince">> {
  const { workspaceId, id } = connection;
  const told = { problem, problemSince: problem === null ? null : (connection.problemSince ?? now) };
  await tx.updateConnection(workspaceId, id, { ...more, ...told });
  if (connection.problem === problem) return told;
  await tx.addConnectionState({ workspaceId, connectionId: id, at: now, problem });
  const isBad = problem !== null;
  const what = isBad ? "connection.problem" : "connection.works";
  await tx.addNews(workspaceId, [{ kind: "connection", id, what, at: now, data: { ok: !isBad } }]);
  return told;
}
