import { z } from "zod";
import { recordInvalid } from "../errors.ts";
import { webhookShape } from "../installation-shapes.ts";
import { find, route } from "../router.ts";
import { webhookEvents, type AccountWebhook, type State } from "../state.ts";

const webhooks = "/api/v1/accounts/:account_id/webhooks";
const fields = {
  name: z.string().optional(),
  // Inbox events need a setting of the installation that is off here.
  subscriptions: z.array(z.enum([...webhookEvents, "inbox_created", "inbox_updated"])).optional(),
};

/** Account webhooks: the whole account's, for administrators (2.1, 8.3). */
export const webhookRoutes = [
  route(`GET ${webhooks}`, {
    who: "administrator",
    handle: ({ state }) => ({
      body: { payload: { webhooks: [...state.webhooks.values()].map((item) => webhookShape(state, item)) } },
    }),
  }),
  route(`POST ${webhooks}`, {
    who: "administrator",
    body: z.strictObject({ url: z.string(), ...fields }),
    handle: ({ state, body }) => {
      const { url, name = null, subscriptions = [...webhookEvents] } = body;
      refuseInvalid(state, { url, subscriptions });
      const webhook = addWebhook(state, { url, name, subscriptions });
      return { body: { payload: { webhook: webhookShape(state, webhook) } } };
    },
  }),
  route(`PATCH ${webhooks}/:webhook_id`, {
    who: "administrator",
    body: z.strictObject({ url: z.string().optional(), ...fields }),
    handle: ({ state, params, body }) => {
      const webhook = find(state.webhooks, params["webhook_id"]);
      const { url = webhook.url, name = webhook.name, subscriptions = webhook.subscriptions } = body;
      refuseInvalid(state, { url, subscriptions }, webhook);
      Object.assign(webhook, { url, name, subscriptions });
      state.events.emit("change");
      return { body: { payload: { webhook: webhookShape(state, webhook) } } };
    },
  }),
  route(`DELETE ${webhooks}/:webhook_id`, {
    who: "administrator",
    handle: ({ state, params }) => {
      state.webhooks.delete(find(state.webhooks, params["webhook_id"]).id);
      state.events.emit("change");
      return {};
    },
  }),
];

export function addWebhook(state: State, wanted: Omit<AccountWebhook, "id" | "secret">): AccountWebhook {
  const webhook = { ...wanted, id: state.nextId("webhook"), secret: state.secretSince("4.12") };
  state.webhooks.set(webhook.id, webhook);
  state.events.emit("change");
  return webhook;
}

function refuseInvalid(
  state: State,
  { url, subscriptions }: Pick<AccountWebhook, "url" | "subscriptions">,
  self?: AccountWebhook,
): void {
  if (!/^https?:\/\//.test(url)) throw recordInvalid([["url", "Url is invalid"]]);
  if ([...state.webhooks.values()].some((item) => item !== self && item.url === url)) {
    throw recordInvalid([["url", "Url has already been taken"]]);
  }
  if (subscriptions.length === 0) throw recordInvalid([["subscriptions", "Subscriptions Invalid events"]]);
}
