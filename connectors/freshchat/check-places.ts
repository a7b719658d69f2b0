import { z } from "zod";
import type { Finding } from "../../src/ports.ts";
import { fine, wrong } from "../findings.ts";
import type { Desk } from "./desk.ts";
import { Refusal } from "./failures.ts";
import type { Budget, Listed } from "./pages.ts";
import { choose, isUsable, listChannels, listGroups, nameOf } from "./places.ts";
import type { Channel, Group } from "./places.ts";

const MOST_NAMED = 10;
const whereChannels = "In FreshChat channels are under Admin Settings, Channels (stand-alone: Topics).";

export interface PlaceFindings {
  readonly findings: readonly Finding[];
  /** The place's name, where it was found. */
  readonly name: string | null;
}

/** The channel for new conversations. Throws DeliveryError. */
export async function checkChannel({ client, config }: Desk, budget: Budget): Promise<PlaceFindings> {
  const step = "channel";
  const channels = await listChannels(client, budget);
  const usable = channels.items.filter((channel) => isUsable(channel));
  const offered = usable.length === 0 ? "FreshChat shows none that is in use." : `These are in use: ${named(usable)}.`;
  if (config.channelId === null) {
    const message = `No channel is chosen, so no conversation can be opened. ${offered}`;
    const fix =
      usable.length === 0
        ? `Make a channel or switch one on, then choose it in the connection's settings. ${whereChannels}`
        : "Choose one of them in the connection's settings.";
    return { findings: [wrong(step, message, fix)], name: null };
  }
  const { id, isAmbiguous, found } = lookUp(channels.items, config.channelId);
  if (found === null || id === null) {
    const message = `${absence("channel", config.channelId, channels, { found, isAmbiguous })} ${offered}`;
    return { findings: [wrong(step, message, "Choose a channel by its id in the connection's settings.")], name: null };
  }
  const name = nameOf(found);
  if (!isUsable(found)) {
    const fix = `Switch it on, or choose another in the connection's settings. ${whereChannels}`;
    return { findings: [wrong(step, `The channel "${name}" is switched off. ${offered}`, fix)], name };
  }
  return { findings: [fine(step, `New conversations appear in the channel "${name}".`)], name };
}

/** The group that conversations are given to. Throws DeliveryError. */
export async function checkGroup({ client, config }: Desk, budget: Budget): Promise<PlaceFindings> {
  const step = "group";
  if (config.groupId === null) {
    const message = "No group is set: conversations are given to the group that a bot's settings name, or to nobody.";
    return { findings: [fine(step, message)], name: null };
  }
  const groups = await listGroups(client, budget);
  const { id, isAmbiguous, found } = lookUp(groups.items, config.groupId);
  if (found === null || id === null) {
    const offered = groups.items.length === 0 ? "FreshChat shows no groups." : `There are: ${named(groups.items)}.`;
    const message = `${absence("group", config.groupId, groups, { found, isAmbiguous })} ${offered}`;
    const fix = "Choose a group by its id in the connection's settings, or leave it empty.";
    return { findings: [wrong(step, message, fix)], name: null };
  }
  const name = nameOf(found);
  return { findings: [fine(step, `Conversations are given to the group "${name}".`)], name };
}

/** `id` is null where it was found by name only: FreshChat takes ids. */
function lookUp<T extends Channel | Group>(places: readonly T[], given: string) {
  const { found, isAmbiguous } = choose(places, given);
  return { found, isAmbiguous, id: found?.id === given ? given : null };
}

function absence(
  what: "channel" | "group",
  given: string,
  { isWhole }: Listed<unknown>,
  { found, isAmbiguous }: { readonly found: Group | null; readonly isAmbiguous: boolean },
): string {
  if (found) return `"${given}" is the name of a ${what}, not its id, which is ${found.id}.`;
  if (isAmbiguous) return `"${given}" is the name of several ${what}s, not the id of one.`;
  const rest = isWhole ? "" : " (there are more than were read)";
  return `FreshChat shows no ${what} with the id ${given}${rest}.`;
}

function named(places: readonly Group[]): string {
  const shown = places.slice(0, MOST_NAMED).map((place) => `"${nameOf(place)}" (${place.id})`);
  const more = places.length - shown.length;
  return shown.join(", ") + (more > 0 ? ` and ${more} more` : "");
}

const Field = z.looseObject({ name: z.string() });

/** The custom fields that are set, against those that the account has. Throws DeliveryError. */
export async function checkProperties({ client, config }: Desk, budget: Budget): Promise<readonly Finding[]> {
  const step = "properties";
  const set = Object.keys(config.conversationProperties);
  if (set.length === 0) return [];
  const known = await readFieldNames({ client }, budget);
  if (known === null) {
    return [fine(step, `FreshChat does not show its custom fields, so ${set.join(", ")} could not be compared.`)];
  }
  const unknown = set.filter((name) => !known.has(name) && !known.has(name.slice("cf_".length)));
  if (unknown.length === 0) return [fine(step, `FreshChat has the custom fields that are set: ${set.join(", ")}.`)];
  return [
    wrong(
      step,
      `FreshChat has no conversation field named ${unknown.join(", ")}, and may refuse conversations that carry it.`,
      "Correct the names in the connection's settings, or make these fields in FreshChat under Admin Settings, Conversation fields.",
    ),
  ];
}

/** The list comes bare by its one source; under whatever name is taken too. Null where it is not told. */
async function readFieldNames({ client }: Pick<Desk, "client">, budget: Budget): Promise<Set<string> | null> {
  try {
    const body = await client.call({
      method: "GET",
      path: "/conversations/fields",
      doing: "list the custom fields",
      answer: z.unknown(),
      timeoutMs: budget.left(),
    });
    const lists: unknown[] = Array.isArray(body) ? [body] : Object.values(z.looseObject({}).safeParse(body).data ?? {});
    const fields = lists.flatMap((list) => z.array(Field).safeParse(list).data ?? []);
    return fields.length === 0 ? null : new Set(fields.map(({ name }) => name));
  } catch (error) {
    if (error instanceof Refusal && [400, 403, 404].includes(error.status)) return null;
    throw error;
  }
}
