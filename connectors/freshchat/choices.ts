import type { Choices } from "../../src/ports.ts";
import type { Desk } from "./desk.ts";
import { isUsable, listChannels, listGroups, nameOf } from "./places.ts";

/** The account's channels, those that are switched off as ones that cannot serve, and its groups. Throws DeliveryError. */
export async function listChoices({ client }: Desk): Promise<Choices> {
  const [channels, groups] = await Promise.all([listChannels(client), listGroups(client)]);
  return {
    channelId: channels.items.map((channel) => ({
      value: channel.id,
      label: nameOf(channel),
      usable: isUsable(channel),
    })),
    groupId: groups.items.map((group) => ({ value: group.id, label: nameOf(group), usable: true })),
  };
}
