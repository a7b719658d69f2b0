import { z } from "zod";
import { isOurWebhook } from "../addresses.ts";
import { Inbox, Member, wrapped } from "../shapes.ts";
import type { Version } from "../version.ts";
import { makeOnce } from "./make-once.ts";
import { objects } from "./objects.ts";
import type { Account } from "./reach.ts";
import { keepConfig } from "./site.ts";
import type { Site } from "./site.ts";
import { StepFailure } from "./step-run.ts";
import type { Done } from "./step-run.ts";

export const INBOX = "inbox";
/** `inbox_identifier` of the inbox that we made. */
const INBOX_KEY = "inbox_identifier";
const INBOX_MEMBER = "inbox_member";

export async function listInboxes(site: Site): Promise<Inbox[]> {
  const answer = wrapped(z.array(Inbox));
  const call = { method: "GET", path: "/inboxes", doing: "list the inboxes", answer } as const;
  return (await site.client().call(call)).payload;
}

/** Where Chatwoot sends what it signs; with the path's secret behind it where it does not sign. */
export const wantedAddress = ({ deps }: Site, isSigned: boolean): string =>
  isSigned ? deps.webhookUrl : `${deps.webhookUrl}/${deps.pathSecret}`;

/** The API inbox that handoffs go into, its webhook leading here, saying nothing by itself. */
export async function ensureInbox(
  site: Site,
  { version, account }: { readonly version: Version; readonly account: Account },
): Promise<Done<Inbox>> {
  const before = site.config().inboxId;
  const address = wantedAddress(site, version.signsInboxes);
  const { record, isNew } = await makeOnce(site, {
    key: INBOX,
    find: async () => choose(site, await listInboxes(site)),
    make: () => make(site, address),
    isMade: ({ webhook_url: url }) => isOurWebhook(url, site.place),
    also: (inbox) => ({ made: keyOf(inbox), config: { inboxId: inbox.id } }),
  });
  await keepConfig(site, { inboxId: record.id });
  const { inbox, repairs } = await repair(site, record, version, address);
  const hasNewMember = await addFirstMember(site, inbox, account);
  const name = `Inbox ${inbox.id}, "${inbox.name ?? ""}"`;
  const gone = before !== null && before !== inbox.id ? `Inbox ${before} is not there any more. ` : "";
  const members = hasNewMember
    ? " You are its only agent so far: add the others who answer under Settings, Inboxes, Collaborators."
    : "";
  if (isNew) return { outcome: "made", message: `${gone}${name}, was made.${members}`, value: inbox };
  const what = repairs.length > 0 ? ` Put right: ${repairs.join(", ")}.` : "";
  const outcome = repairs.length > 0 || gone !== "" ? "repaired" : "found";
  return { outcome, message: `${gone}${name}, is there.${what}${members}`, value: inbox };
}

/**
 * The inbox that is this connection's, among all. The one that the configuration names comes first, as long as it can be told
 * to be meant: it leads here, or nowhere, or we made it. Then any other that leads here.
 */
function choose(site: Site, inboxes: readonly Inbox[]): Inbox | null {
  const ours = inboxes.filter((inbox) => isApi(inbox) && isOurWebhook(inbox.webhook_url, site.place));
  const named = inboxes.find(({ id }) => id === site.config().inboxId);
  if (!named || isOfAnotherChatwoot(site, named)) {
    const made = site.book.made(INBOX);
    return ours.find(({ id }) => String(id) === made) ?? ours.toSorted((a, b) => a.id - b.id)[0] ?? null;
  }
  if (!isApi(named)) {
    throw new StepFailure(
      `Inbox ${named.id} is not of the kind "API", so Baton cannot bring visitors into it.`,
      "Leave the inbox empty in the connection's settings, and the install makes one; or name an API inbox.",
    );
  }
  const leadsElsewhere = !ours.includes(named) && (named.webhook_url ?? "").trim() !== "";
  if (leadsElsewhere && site.book.made(INBOX) !== String(named.id)) {
    throw new StepFailure(
      `The webhook of inbox ${named.id} leads elsewhere, so another program seems to use that inbox.`,
      "If it is meant for Baton, empty its webhook address in Chatwoot; if not, leave the inbox empty in the connection's settings.",
    );
  }
  return named;
}

/** An inbox of the same number, when we made ours in another installation or account. */
function isOfAnotherChatwoot({ book }: Site, inbox: Inbox): boolean {
  const key = book.made(INBOX_KEY);
  const isMade = book.made(INBOX) === String(inbox.id);
  return isMade && key !== null && Boolean(inbox.inbox_identifier) && inbox.inbox_identifier !== key;
}

const keyOf = ({ inbox_identifier: key }: Inbox): Record<string, string> => (key ? { [INBOX_KEY]: key } : {});

const isApi = (inbox: Inbox): boolean => inbox.channel_type === "Channel::Api";

function make(site: Site, address: string): Promise<Inbox> {
  return site.client().call({
    method: "POST",
    path: "/inboxes",
    doing: "make the inbox",
    json: { ...objects.inbox, channel: { type: "api", webhook_url: address } },
    answer: Inbox,
  });
}

async function repair(
  site: Site,
  inbox: Inbox,
  version: Version,
  address: string,
): Promise<{ inbox: Inbox; repairs: readonly string[] }> {
  const patch: Record<string, unknown> = {};
  const repairs: string[] = [];
  if (inbox.webhook_url !== address) {
    patch["channel"] = { webhook_url: address };
    repairs.push("where its webhook leads");
  }
  if (inbox.greeting_enabled) {
    patch["greeting_enabled"] = false;
    repairs.push("its greeting is off");
  }
  if (inbox.working_hours_enabled && inbox.out_of_office_message) {
    patch["working_hours_enabled"] = false;
    repairs.push("its out-of-office message is off");
  }
  if (repairs.length === 0) return { inbox, repairs };
  // First, so that no webhook is refused in between.
  if (version.signsInboxes && inbox.secret) await keepConfig(site, { webhookSecret: inbox.secret });
  const path = `/inboxes/${inbox.id}`;
  const call = { method: "PATCH", path, doing: "set up the inbox", json: patch, answer: Inbox } as const;
  return { inbox: await site.client().call(call), repairs };
}

/** A new inbox has nobody in it: its conversations would be seen by administrators only, and nobody would count as online. */
async function addFirstMember(site: Site, inbox: Inbox, account: Account): Promise<boolean> {
  const { book } = site;
  if (book.made(INBOX) !== String(inbox.id) || book.made(INBOX_MEMBER) !== null) return false;
  const client = site.client();
  const { payload } = await client.call({
    method: "GET",
    path: `/inbox_members/${inbox.id}`,
    doing: "list the members of the inbox",
    answer: wrapped(z.array(Member)),
  });
  if (payload.length === 0) {
    await client.call({
      method: "POST",
      path: "/inbox_members",
      doing: "add a member to the inbox",
      json: { inbox_id: inbox.id, user_ids: [account.userId] },
      answer: null,
    });
  }
  await site.keep({ made: { [INBOX_MEMBER]: String(account.userId) } });
  return payload.length === 0;
}

/** The secret that signs the inbox's webhooks, read and kept; never shown. */
export async function ensureInboxSecret(
  site: Site,
  { version, inbox }: { readonly version: Version; readonly inbox: Inbox },
): Promise<Done<true>> {
  const before = site.config().webhookSecret;
  if (!version.signsInboxes) {
    await keepConfig(site, { webhookSecret: null });
    const message = "This Chatwoot does not sign webhooks: the secret at the end of the webhook address proves them.";
    return { outcome: "skipped", message, value: true };
  }
  const { id } = inbox;
  const call = { method: "GET", path: `/inboxes/${id}`, doing: "show the inbox's secret", answer: Inbox } as const;
  const secret = inbox.secret ?? (await site.client().call(call)).secret;
  if (!secret) {
    throw new StepFailure(
      `Chatwoot signs webhooks, and does not show the secret of inbox ${id}.`,
      "Reset the secret in the inbox's settings in Chatwoot, then run the install again.",
    );
  }
  const isNew = await keepConfig(site, { webhookSecret: secret });
  if (!isNew)
    return { outcome: "found", message: "The secret of the inbox is known; webhooks are signed.", value: true };
  if (before !== null) {
    return {
      outcome: "repaired",
      message: "The inbox has another secret than before; the new one was read.",
      value: true,
    };
  }
  return { outcome: "made", message: "The secret of the inbox was read; webhooks are signed.", value: true };
}
