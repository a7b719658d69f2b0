import type { Destination } from "../../src/domain/settings.ts";
import { Agent } from "./agents.ts";
import { askBusinessHours } from "./business-hours.ts";
import type { Desk } from "./desk.ts";
import { Refusal } from "./failures.ts";
import { createBudget, readPages } from "./pages.ts";
import type { Budget } from "./pages.ts";
import { findGroup } from "./places.ts";

/** A request waits for this answer: late, it is worth nothing. */
const TIMEOUT_MS = 4_000;
const MOST_PAGES = 10;
/** The token may not see agents; the answer is then that nobody knows. */
const notToldStatuses = new Set([401, 403, 404]);

/**
 * How many agents take chats now, in the destination's team where it names a group that exists, else in the connection's group,
 * else in the whole account. None outside the group's business hours, where those are followed and FreshChat tells them. Null
 * when the token may not see it. Throws DeliveryError.
 */
export async function countOnline(desk: Desk, destination: Pick<Destination, "team">): Promise<number | null> {
  const budget = createBudget(TIMEOUT_MS);
  try {
    const groupId = await groupOf(desk, destination.team, budget);
    const counting = countAvailable(desk, groupId, budget);
    const [count, isOpen] = await Promise.allSettled([counting, isWithinHours(desk, groupId, budget)]);
    if (isOpen.status === "fulfilled" && isOpen.value === false) return 0;
    if (count.status === "rejected") throw count.reason;
    return count.value;
  } catch (error) {
    if (error instanceof Refusal && notToldStatuses.has(error.status)) return null;
    throw error;
  }
}

/**
 * The agents who are set to available, of one group or of the account. What is asked for is looked at again here: a filter that
 * FreshChat does not know it may ignore (sheet 4). Null when it cannot be told: the answer was cut short, or says nothing of groups.
 * Throws DeliveryError.
 */
export async function countAvailable(
  { client, config }: Pick<Desk, "client" | "config">,
  groupId: string | null,
  budget: Budget,
): Promise<number | null> {
  const { items, isWhole } = await readPages(client, {
    path: "/agents",
    query: {
      availability_status: "AVAILABLE",
      is_deactivated: "false",
      ...(groupId === null ? {} : { groups: groupId }),
    },
    name: "agents",
    doing: "list the agents who are online",
    item: Agent,
    mostPages: MOST_PAGES,
    budget,
  });
  const available = items.filter(
    (agent) => takesChats(agent) && (!config.loggedInOnly || agent.login_status !== false),
  );
  const inGroup = groupId === null ? available : available.filter(({ groups }) => groups?.includes(groupId));
  if (inGroup.length > 0) return inGroup.length;
  const isUntold = groupId !== null && available.some(({ groups }) => !groups);
  return isWhole && !isUntold ? 0 : null;
}

const takesChats = (agent: Agent): boolean =>
  agent.availability_status?.toUpperCase() === "AVAILABLE" &&
  agent.is_deactivated !== true &&
  agent.is_deleted !== true;

async function groupOf({ client, config }: Desk, team: string | null, budget: Budget): Promise<string | null> {
  const given = team?.trim() ?? "";
  if (given === "" || given === config.groupId) return config.groupId;
  const { found } = await findGroup(client, given, budget);
  return found?.id ?? config.groupId;
}

async function isWithinHours(
  { client, config }: Desk,
  groupId: string | null,
  budget: Budget,
): Promise<boolean | null> {
  if (groupId === null || config.businessHours === "ignore") return null;
  return (await askBusinessHours(client, groupId, budget)).isWithin;
}
