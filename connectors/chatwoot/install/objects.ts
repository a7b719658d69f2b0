import { z } from "zod";
import data from "./objects.json" with { type: "json" };

const Objects = z.strictObject({
  inbox: z.strictObject({ name: z.string(), greeting_enabled: z.boolean(), working_hours_enabled: z.boolean() }),
  agentBot: z.strictObject({ name: z.string(), description: z.string() }),
  accountWebhook: z.strictObject({ name: z.string(), subscriptions: z.array(z.string()) }),
  labels: z.array(
    z.strictObject({ title: z.string(), description: z.string(), color: z.string(), show_on_sidebar: z.boolean() }),
  ),
  attributes: z.array(
    z.strictObject({
      model: z.enum(["conversation", "contact"]),
      key: z.string(),
      name: z.string(),
      type: z.enum(["text", "link", "date"]),
      description: z.string(),
    }),
  ),
  dashboardApp: z.strictObject({ title: z.string() }),
});

/** Everything that the install makes in a Chatwoot account; addresses are added where it is made. */
export const objects = Objects.parse(data);

export type WantedLabel = (typeof objects.labels)[number];
export type WantedAttribute = (typeof objects.attributes)[number];
