import { z } from "zod";
import type { Clock } from "../../src/ports.ts";
import type { Client } from "./client.ts";

/** What is read of an agent (sheet 1.10). Everything but the id may be missing. */
export const Agent = z.looseObject({
  id: z.string().min(1),
  first_name: z.string().nullish().catch(null),
  last_name: z.string().nullish().catch(null),
  avatar: z
    .looseObject({ url: z.string().nullish().catch(null) })
    .nullish()
    .catch(null),
  groups: z.array(z.coerce.string()).nullish().catch(null),
  availability_status: z.string().nullish().catch(null),
  login_status: z.boolean().nullish().catch(null),
  is_deactivated: z.boolean().nullish().catch(null),
  is_deleted: z.boolean().nullish().catch(null),
});
export type Agent = z.infer<typeof Agent>;

/** An agent as the visitor sees them. */
export interface AgentName {
  readonly id: string;
  readonly name: string | null;
  readonly avatarUrl: string | null;
}

export interface AgentDirectory {
  /** Who an agent is; without name where FreshChat does not tell. Never throws. */
  nameOf(agentId: string): Promise<AgentName>;
}

const MOST_KEPT = 1_000;
const RENEWED_AFTER_MS = 15 * 60_000;
/** A message to the visitor waits for this. */
const TIMEOUT_MS = 4_000;
const LONGEST_NAME = 200;

/**
 * The names of agents: events carry ids only. Each is asked for once and kept for a while; who is asked for twice at the same time is
 * fetched once. A failed fetch is not kept, and where an older answer is known that one is given.
 */
export function createAgentDirectory(client: Client, clock: Clock): AgentDirectory {
  const known = new Map<string, { readonly agent: AgentName; readonly at: number }>();
  const underWay = new Map<string, Promise<AgentName>>();

  async function fetchAgent(id: string): Promise<AgentName> {
    try {
      const agent = readName(id, await readAgent(client, id));
      known.delete(id);
      known.set(id, { agent, at: clock().getTime() });
      const [oldest] = known.keys();
      if (known.size > MOST_KEPT && oldest !== undefined) known.delete(oldest);
      return agent;
    } catch {
      return known.get(id)?.agent ?? { id, name: null, avatarUrl: null };
    } finally {
      underWay.delete(id);
    }
  }

  return {
    async nameOf(id) {
      const kept = known.get(id);
      // A clock that was set back counts as time gone by.
      const age = clock().getTime() - (kept?.at ?? 0);
      if (kept && age >= 0 && age < RENEWED_AFTER_MS) return kept.agent;
      const fetching = underWay.get(id) ?? fetchAgent(id);
      underWay.set(id, fetching);
      return fetching;
    },
  };
}

/** Throws DeliveryError: a Refusal with status 404 when there is no such agent. */
export const readAgent = (client: Client, id: string, timeoutMs = TIMEOUT_MS): Promise<Agent> =>
  client.call({
    method: "GET",
    path: `/agents/${encodeURIComponent(id)}`,
    doing: "show an agent",
    answer: Agent,
    timeoutMs,
  });

/** First and last name; null when FreshChat knows neither. */
export function fullName(agent: Agent): string | null {
  const name = [agent.first_name, agent.last_name].map((part) => part?.trim() ?? "").join(" ");
  return name.trim().slice(0, LONGEST_NAME) || null;
}

function readName(id: string, agent: Agent): AgentName {
  const avatar = URL.parse(agent.avatar?.url ?? "");
  const isWeb = avatar !== null && ["http:", "https:"].includes(avatar.protocol);
  return { id, name: fullName(agent), avatarUrl: isWeb ? avatar.href : null };
}
