import { z } from "zod";
import { isOurWebhook } from "../addresses.ts";
import { AccountWebhook, wrapped } from "../shapes.ts";
import type { Version } from "../version.ts";
import { wantedAddress } from "./inbox.ts";
import { makeOnce } from "./make-once.ts";
import { objects } from "./objects.ts";
import { keepConfig } from "./site.ts";
import type { Site } from "./site.ts";
import type { Done } from "./step-run.ts";

export const ACCOUNT_WEBHOOK = "account_webhook";

export async function listAccountWebhooks(site: Site): Promise<AccountWebhook[]> {
  const { payload } = await site.client().call({
    method: "GET",
    path: "/webhooks",
    doing: "list the webhooks",
    answer: wrapped(z.looseObject({ webhooks: z.array(AccountWebhook) })),
  });
  return payload.webhooks;
}

/** Releases before 4.13 do not tell bots of status changes; their account webhook does (sheet 2.1). */
export async function ensureAccountWebhook(
  site: Site,
  { version, botInboxes }: { readonly version: Version; readonly botInboxes: { readonly hasAny: boolean } },
): Promise<Done<true>> {
  if (version.tellsBotsStatus || !botInboxes.hasAny) return withoutWebhook(site, version);
  const address = wantedAddress(site, version.signsAccountWebhooks);
  const { record, isNew } = await makeOnce(site, {
    key: ACCOUNT_WEBHOOK,
    find: async () => (await listAccountWebhooks(site)).find(({ url }) => isOurWebhook(url, site.place)) ?? null,
    make: () => write(site, "POST", "/webhooks", { ...objects.accountWebhook, url: address }),
  });
  const subscriptions = [...new Set([...(record.subscriptions ?? []), ...objects.accountWebhook.subscriptions])];
  const isRight = record.url === address && subscriptions.length === (record.subscriptions ?? []).length;
  const webhook = isRight
    ? record
    : await write(site, "PATCH", `/webhooks/${record.id}`, { url: address, subscriptions });
  const secret = version.signsAccountWebhooks ? (webhook.secret ?? record.secret ?? null) : null;
  const isOther = await keepConfig(site, { accountWebhookSecret: secret });
  const outcome = isNew ? "made" : isRight && !isOther ? "found" : "repaired";
  const message = "An account webhook tells Baton of status changes, which this Chatwoot does not tell bots.";
  return { outcome, message, value: true };
}

async function withoutWebhook(site: Site, version: Version): Promise<Done<true>> {
  const made = site.book.made(ACCOUNT_WEBHOOK);
  const why = version.tellsBotsStatus ? "this Chatwoot tells bots of status changes itself" : "the bot has no inbox";
  if (made === null && site.book.begunAt(ACCOUNT_WEBHOOK) === null)
    return { outcome: "skipped", message: `No account webhook is needed: ${why}.`, value: true };
  await removeAccountWebhook(site);
  return { outcome: "removed", message: `The account webhook is no longer needed: ${why}.`, value: true };
}

/** Takes away the account webhook that leads here, if there is one. */
export async function removeAccountWebhook(site: Site): Promise<boolean> {
  const ours = (await listAccountWebhooks(site)).filter(({ url }) => isOurWebhook(url, site.place));
  for (const { id } of ours) {
    const path = `/webhooks/${id}`;
    await site.client().tryCall({ method: "DELETE", path, doing: "remove the webhook", answer: null }, [404]);
  }
  await site.keep({ made: { [ACCOUNT_WEBHOOK]: null }, config: { accountWebhookSecret: null } });
  return ours.length > 0;
}

/** Create and update answer `payload.webhook`; the published description shows it bare (sheet 1). */
async function write(site: Site, method: "POST" | "PATCH", path: string, json: unknown): Promise<AccountWebhook> {
  const answer = z.union([
    wrapped(z.looseObject({ webhook: AccountWebhook })).transform(({ payload }) => payload.webhook),
    AccountWebhook,
  ]);
  return await site.client().call({ method, path, doing: "set up the account webhook", json, answer });
}
