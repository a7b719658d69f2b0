import { z } from "zod";
import type { Choice, Choices } from "../../src/ports.ts";
import type { Desk } from "./desk.ts";
import { botOfInbox } from "./install/inbox-bot.ts";
import { Inbox, Profile, wrapped } from "./shapes.ts";

/** Asked at the same time, of an installation that may be small. */
const AT_ONCE = 5;

/**
 * What can be chosen for the fields of the configuration: the inbox that handoffs go into (API inboxes; others are shown as ones
 * that cannot serve), and inboxes for the bot (those with somebody else's bot cannot serve). While no account is known, only the
 * accounts of the token. Throws DeliveryError.
 */
export async function listChoices(desk: Desk): Promise<Choices> {
  if (desk.config.accountId === null) return { accountId: await accounts(desk) };
  const { payload } = await desk.client.call({
    method: "GET",
    path: "/inboxes",
    doing: "list the inboxes",
    answer: wrapped(z.array(Inbox)),
  });
  const inboxId = payload.map((inbox) => ({
    value: String(inbox.id),
    label: nameOf(inbox),
    usable: inbox.channel_type === "Channel::Api",
  }));
  const others = payload.filter(({ id }) => id !== desk.config.inboxId);
  const botInboxIds: Choice[] = [];
  for (let i = 0; i < others.length; i += AT_ONCE) {
    botInboxIds.push(...(await Promise.all(others.slice(i, i + AT_ONCE).map((inbox) => choiceForBot(desk, inbox)))));
  }
  return { inboxId, botInboxIds };
}

const nameOf = ({ id, name }: Inbox): string => name ?? `Inbox ${id}`;

async function choiceForBot({ client, config }: Desk, inbox: Inbox): Promise<Choice> {
  const bot = await botOfInbox(client, inbox.id);
  const isFree = bot === null || bot.id === config.agentBotId;
  const label = isFree ? nameOf(inbox) : `${nameOf(inbox)} (has the bot "${bot.name}")`;
  return { value: String(inbox.id), label, usable: isFree };
}

async function accounts({ client }: Desk): Promise<Choice[]> {
  const path = "/api/v1/profile";
  const profile = await client.callRoot({ method: "GET", path, doing: "show whose token this is", answer: Profile });
  return (profile.accounts ?? []).map(({ id, name, role }) => ({
    value: String(id),
    label: name || `Account ${id}`,
    usable: role === "administrator",
  }));
}
