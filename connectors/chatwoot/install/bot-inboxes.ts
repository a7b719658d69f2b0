import type { ProvisionWish } from "../../../src/ports.ts";
import type { AgentBot, Inbox } from "../shapes.ts";
import { botOfInbox, setBotOfInbox } from "./inbox-bot.ts";
import { listInboxes } from "./inbox.ts";
import { keepConfig } from "./site.ts";
import type { Site } from "./site.ts";
import type { Done } from "./step-run.ts";

/** Where the ledger keeps that we gave an inbox our bot. */
export const botInboxKey = (inboxId: number): string => `bot_inbox_${inboxId}`;
export const botInboxIn = (key: string): number | null => Number(/^bot_inbox_(\d{1,15})$/.exec(key)?.[1] ?? 0) || null;

/**
 * Our bot in the inboxes that were chosen, and in no other. An inbox that has another bot keeps it, and says so; one that was
 * chosen before and is gone is forgotten. The value is whether our bot has any inbox.
 */
export async function ensureBotInboxes(
  site: Site,
  { bot }: { readonly bot: AgentBot },
  wish: ProvisionWish,
): Promise<Done<{ readonly hasAny: boolean }>> {
  const inboxes = await listInboxes(site);
  const wanted = wantedIds(site, wish, inboxes);
  // Before anything is attached, so that a run that is cut off goes on to the same end.
  await keepConfig(site, { botInboxIds: wanted.ids });
  const faults = [...wanted.faults];
  const reached = { attached: [] as string[], there: [] as string[], detached: [] as string[] };
  for (const inbox of inboxes) {
    const isWanted = wanted.ids.includes(inbox.id);
    if (inbox.id === site.config().inboxId && !isWanted) continue;
    const holder = await botOfInbox(site.client(), inbox.id);
    if (isWanted) await attach(site, { inbox, bot, holder, reached, faults });
    else if (holder?.id === bot.id) {
      await setBotOfInbox(site.client(), inbox.id, null);
      await site.keep({ made: { [botInboxKey(inbox.id)]: null } });
      reached.detached.push(nameOf(inbox));
    }
  }
  return done(reached, faults, wanted.gone);
}

interface Reached {
  readonly attached: string[];
  readonly there: string[];
  readonly detached: string[];
}

interface Attaching {
  readonly inbox: Inbox;
  readonly bot: AgentBot;
  readonly holder: { readonly id: number; readonly name: string } | null;
  readonly reached: Reached;
  readonly faults: string[];
}

async function attach(site: Site, { inbox, bot, holder, reached, faults }: Attaching): Promise<void> {
  if (holder !== null && holder.id !== bot.id) {
    faults.push(`${nameOf(inbox)} has the bot "${holder.name}" already, and keeps it`);
    return;
  }
  if (holder !== null) {
    reached.there.push(nameOf(inbox));
    return;
  }
  // Kept first: what is cut off in between is still known to be ours to take away.
  await site.keep({ made: { [botInboxKey(inbox.id)]: String(bot.id) } });
  await setBotOfInbox(site.client(), inbox.id, bot.id);
  reached.attached.push(nameOf(inbox));
}

function wantedIds(site: Site, { botInboxes }: ProvisionWish, inboxes: readonly Inbox[]) {
  const isThere = (id: number): boolean => inboxes.some((inbox) => inbox.id === id);
  const given = botInboxes?.map((text) => ({ text, id: /^[1-9]\d{0,14}$/.test(text.trim()) ? Number(text) : 0 }));
  const asked = given ? [...new Set(given.map(({ id }) => id))] : site.config().botInboxIds;
  const ownId = site.config().inboxId;
  const unknown = (given ?? []).filter(({ id }) => !isThere(id)).map(({ text }) => text.slice(0, 40));
  const isOwn = ownId !== null && asked.includes(ownId);
  return {
    ids: asked.filter((id) => isThere(id) && id !== ownId),
    /** Chosen before, and deleted since: nobody asked for it now. */
    gone: given ? [] : asked.filter((id) => !isThere(id)),
    faults: [
      ...(unknown.length > 0 ? [`there is no inbox ${unknown.join(", ")} in this account`] : []),
      ...(isOwn ? [`inbox ${ownId} is the one that Baton brings visitors into, who have a bot already`] : []),
    ],
  };
}

const nameOf = ({ id, name }: Inbox): string => `inbox ${id}${name ? ` (${name})` : ""}`;

function done(
  reached: Reached,
  faults: readonly string[],
  gone: readonly number[],
): Done<{ readonly hasAny: boolean }> {
  const { attached, there, detached } = reached;
  const lines = [
    ...(attached.length > 0 ? [`attached to ${attached.join(", ")}`] : []),
    ...(there.length > 0 ? [`already in ${there.join(", ")}`] : []),
    ...(detached.length > 0 ? [`taken out of ${detached.join(", ")}`] : []),
    ...(gone.length > 0 ? [`no longer chosen, since deleted: ${gone.join(", ")}`] : []),
    ...faults,
  ];
  const value = { hasAny: attached.length + there.length > 0 };
  const message = lines.length > 0 ? `The bot: ${lines.join("; ")}.` : "No inbox was chosen for the bot.";
  if (faults.length > 0) {
    const fix =
      "Choose other inboxes, or take the other bot out under Settings, Inboxes, Bot configuration; then run the install again.";
    return { outcome: "failed", message, fix, value };
  }
  const outcomes = { made: attached.length, removed: detached.length, repaired: gone.length, found: there.length };
  const outcome = (["made", "removed", "repaired", "found"] as const).find((kind) => outcomes[kind] > 0) ?? "skipped";
  return { outcome, message, value };
}
