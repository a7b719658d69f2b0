import { z } from "zod";
import type { Destination } from "../../src/domain/settings.ts";
import { findTeam } from "./conversation.ts";
import type { Desk } from "./desk.ts";
import { inboxOf } from "./place.ts";
import { Member, wrapped } from "./shapes.ts";

/** A request waits for this answer: late, it is worth nothing. */
const TIMEOUT_MS = 4_000;
/** The token may not see members; the answer is then that nobody knows. */
const notToldStatuses = [401, 403, 404];

/**
 * How many members of the inbox, and of the destination's team where it names one that exists, are online. Busy ones are not:
 * Chatwoot assigns nobody to them either. Null when the token may not see it. Throws DeliveryError.
 */
export async function countOnline({ client, config }: Desk, destination: Destination): Promise<number | null> {
  const inbox = await client.tryCall(
    {
      method: "GET",
      path: `/inbox_members/${inboxOf(config)}`,
      doing: "list the members of the inbox",
      answer: wrapped(z.array(Member)),
      timeoutMs: TIMEOUT_MS,
    },
    notToldStatuses,
  );
  if (!inbox) return null;
  const online = inbox.payload.filter((member) => member.availability_status === "online");
  const team = destination.team === null ? null : await findTeam(client, destination.team);
  if (!team) return online.length;
  const members = await client.tryCall(
    {
      method: "GET",
      path: `/teams/${team.id}/team_members`,
      doing: "list the members of the team",
      answer: z.array(Member),
      timeoutMs: TIMEOUT_MS,
    },
    notToldStatuses,
  );
  if (!members) return null;
  const inTeam = new Set(members.map((member) => member.id));
  return online.filter((member) => inTeam.has(member.id)).length;
}
