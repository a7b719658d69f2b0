import { z } from "zod";
import type { Client } from "./client.ts";
import { readPages } from "./pages.ts";
import type { Budget, Listed } from "./pages.ts";

const Id = z.union([z.string().min(1), z.number().transform(String)]);

/** A channel, also called topic (sheet 1.10). */
export const Channel = z.looseObject({
  id: Id,
  name: z.string().nullish().catch(null),
  /** False: switched off. */
  enabled: z.boolean().nullish().catch(null),
});
export type Channel = z.infer<typeof Channel>;

export const Group = z.looseObject({ id: Id, name: z.string().nullish().catch(null) });
export type Group = z.infer<typeof Group>;

/** What was looked for by id or name. */
export interface Found<T> {
  readonly found: T | null;
  /** Several have this name, so that none could be chosen: it must be named by its id. */
  readonly isAmbiguous: boolean;
}

/** Throws DeliveryError. */
export const listChannels = (client: Client, budget?: Budget): Promise<Listed<Channel>> =>
  readPages(client, {
    path: "/channels",
    name: "channels",
    doing: "list the channels",
    item: Channel,
    ...(budget === undefined ? {} : { budget }),
  });

/** Throws DeliveryError. */
export const listGroups = (client: Client, budget?: Budget): Promise<Listed<Group>> =>
  readPages(client, {
    path: "/groups",
    name: "groups",
    doing: "list the groups",
    item: Group,
    ...(budget === undefined ? {} : { budget }),
  });

/** The channel with this id, also when it is switched off; else the only one in use with this name. Throws DeliveryError. */
export const findChannel = async (client: Client, idOrName: string, budget?: Budget): Promise<Found<Channel>> =>
  choose((await listChannels(client, budget)).items, idOrName);

/** The group with this id; else the only one with this name. Throws DeliveryError. */
export const findGroup = async (client: Client, idOrName: string, budget?: Budget): Promise<Found<Group>> =>
  choose((await listGroups(client, budget)).items, idOrName);

export const isUsable = (place: { readonly enabled?: boolean | null | undefined }): boolean => place.enabled !== false;

/** The name, or what stands for it. */
export const nameOf = (place: Group): string => place.name?.trim().slice(0, 200) || place.id;

/** By id; else by name, whatever the case, among those that can be used. */
export function choose<T extends Group & { readonly enabled?: boolean | null | undefined }>(
  places: readonly T[],
  idOrName: string,
): Found<T> {
  const given = idOrName.trim();
  const byId = places.find(({ id }) => id === given);
  if (byId) return { found: byId, isAmbiguous: false };
  const wanted = folded(given);
  const named = places.filter((place) => wanted !== "" && isUsable(place) && folded(place.name ?? "") === wanted);
  return { found: named.length === 1 ? (named[0] ?? null) : null, isAmbiguous: named.length > 1 };
}

const folded = (name: string): string => name.trim().normalize("NFC").toLowerCase();
