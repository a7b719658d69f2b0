import type { Finding } from "../../src/ports.ts";
import { fine, wrong } from "../findings.ts";
import { fullName, readAgent } from "./agents.ts";
import { askBusinessHours } from "./business-hours.ts";
import type { Desk } from "./desk.ts";
import { Refusal } from "./failures.ts";
import type { Budget } from "./pages.ts";
import { countAvailable } from "./presence.ts";

/** Whether it can be told who is online, and who is. Throws DeliveryError. */
export async function checkAgents(desk: Desk, budget: Budget): Promise<readonly Finding[]> {
  const step = "agents";
  const whose = desk.config.groupId === null ? "" : " of the group";
  try {
    const count = await countAvailable(desk, desk.config.groupId, budget);
    if (count === null) {
      return [
        fine(step, `FreshChat does not tell which agents${whose} are available, so nobody is known to be there.`),
      ];
    }
    const many =
      count === 0 ? `No agent${whose} is` : count === 1 ? `1 agent${whose} is` : `${count} agents${whose} are`;
    return [fine(step, `${many} available now.`)];
  } catch (error) {
    if (!(error instanceof Refusal) || ![401, 403, 404].includes(error.status)) throw error;
    const message = "The token may not see agents, so nobody can be told to be online.";
    return [wrong(step, message, "Use the token of an account admin, and check that the plan has API access.")];
  }
}

/** What is known of the group's business hours. Never rejects. */
export async function checkHours({ client, config }: Desk, budget: Budget): Promise<readonly Finding[]> {
  if (config.groupId === null || config.businessHours === "ignore") return [];
  const step = "hours";
  const { isWithin, why } = await askBusinessHours(client, config.groupId, budget);
  if (isWithin === true) return [fine(step, "The group is in its business hours now.")];
  if (isWithin === false) {
    return [fine(step, "The group is outside its business hours now, so nobody counts as online.")];
  }
  return [fine(step, `The business hours of the group are not known, so they are left out of account. ${why}`)];
}

/** The bot's own agent seat. Throws DeliveryError. */
export async function checkSeat({ client, config }: Desk, budget: Budget): Promise<readonly Finding[]> {
  const step = "agent";
  if (config.agentId === null) return [];
  const fix = "Set the id of an agent who is in use, or leave it empty: notes are then written as bot.";
  try {
    const agent = await readAgent(client, config.agentId, budget.left());
    const name = fullName(agent) ?? agent.id;
    if (agent.is_deactivated || agent.is_deleted) {
      return [wrong(step, `The bot's agent seat, ${name}, is deactivated.`, fix)];
    }
    return [fine(step, `Baton writes its notes as the agent ${name}.`)];
  } catch (error) {
    if (!(error instanceof Refusal) || ![400, 404].includes(error.status)) throw error;
    return [wrong(step, `FreshChat shows no agent with the id ${config.agentId}.`, fix)];
  }
}
