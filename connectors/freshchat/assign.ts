import type { Steps } from "../steps.ts";
import { changeConversation, isResolved, readConversationIfThere } from "./conversation.ts";
import type { Change, Spot } from "./conversation.ts";
import type { Desk } from "./desk.ts";
import { Refusal } from "./failures.ts";
import { findGroup } from "./places.ts";
import type { Conversation } from "./shapes.ts";

/** The group for a matter, and what the team should know of how it was found. */
export interface Team {
  readonly groupId: string | null;
  readonly remarks: readonly string[];
}

/** The group that the bot's settings name, by id or name; else the connection's own, with a remark when the named one cannot be. */
export async function findTeam({ client, config }: Desk, team: string | null): Promise<Team> {
  const { groupId } = config;
  const wanted = team?.trim() ?? "";
  if (wanted === "" || wanted === groupId) return { groupId, remarks: [] };
  const named = await findGroup(client, wanted).catch((error: unknown) => {
    // The token may not list groups.
    if (error instanceof Refusal && [403, 404].includes(error.status)) return { found: null, isAmbiguous: false };
    throw error;
  });
  if (named.found !== null) return { groupId: named.found.id, remarks: [] };
  const instead = groupId === null ? "no group was set" : "the connection's own group was set";
  const shown = `"${wanted.slice(0, 60)}"`;
  const why = named.isAmbiguous
    ? `Several groups are named ${shown}: name one by its id in the bot's settings`
    : `The bot's settings name the team ${shown}, which is no group of this account`;
  return { groupId, remarks: [`${why}; ${instead}.`] };
}

interface Wanted extends Pick<Team, "groupId"> {
  readonly agentId: string | null;
  /** The conversation was made for this: nobody has chosen its group yet, and who ended it did so since. */
  readonly isOurs: boolean;
  readonly suffix: string;
}

/**
 * Gives the conversation to the group and the agent, and opens it when it is resolved. What has been done is left as it is: an agent
 * may have taken the conversation since. A refused group is a remark, a refused agent is nothing: it waits for somebody either way.
 *
 * @returns null when the conversation is gone, or resolved for good. Throws DeliveryError.
 */
export async function assign(
  desk: Desk,
  spot: Spot,
  { groupId, agentId, isOurs, suffix }: Wanted,
  steps: Steps,
): Promise<{ readonly conversation: Conversation; readonly remark: string | null } | null> {
  const conversation = await readConversationIfThere(desk, spot);
  if (conversation === null) return null;
  const done = steps.reached(`group${suffix}`);
  const outcome = done ?? (await toGroup(desk, spot, conversation, { groupId, isOurs }));
  if (outcome === null) return null;
  if (done === null) await steps.keep({ [`group${suffix}`]: outcome });
  // The bot's own seat is nobody who could answer.
  if (agentId !== null && agentId !== desk.config.agentId && agentId !== conversation.assigned_agent_id) {
    await steps.once(`agent${suffix}`, async () => {
      const wanted: Change = { status: "assigned", assigned_agent_id: agentId };
      return (await change(desk, spot, "assign the agent", wanted)) ? "set" : REFUSED;
    });
  }
  const remark = outcome === REFUSED ? "FreshChat refused the group for this conversation, so none was set." : null;
  return { conversation, remark };
}

const REFUSED = "refused";

/** What became of it, for the steps; null for a conversation that stays resolved. */
async function toGroup(
  desk: Desk,
  spot: Spot,
  conversation: Conversation,
  { groupId, isOurs }: Pick<Wanted, "groupId" | "isOurs">,
): Promise<string | null> {
  const toGroup: Change | null = groupId === null ? null : { status: "new", assigned_group_id: groupId };
  if (isResolved(conversation) && !isOurs) {
    const doing = "open the conversation";
    if (toGroup !== null && (await change(desk, spot, doing, toGroup))) return "set";
    if (!(await change(desk, spot, doing, { status: "new" }))) return null;
    return toGroup === null ? "opened" : REFUSED;
  }
  const isFree = isOurs || !conversation.assigned_agent_id;
  if (toGroup === null || conversation.assigned_group_id === groupId || !isFree) return "as it is";
  return (await change(desk, spot, "assign the group", toGroup)) ? "set" : REFUSED;
}

/** False when FreshChat does not take it. */
async function change(desk: Desk, spot: Spot, doing: string, wanted: Change): Promise<boolean> {
  try {
    await changeConversation(desk, spot, doing, wanted);
    return true;
  } catch (error) {
    if (error instanceof Refusal && error.kind === "permanent") return false;
    throw error;
  }
}
