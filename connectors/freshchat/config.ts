import { z } from "zod";
import type { ConnectorFactory } from "../../src/ports.ts";
import { readBaseUrl } from "./base-url.ts";
import { readPublicKeys } from "./public-key.ts";

export { normaliseBaseUrl } from "./base-url.ts";

/** What the text of a custom field may hold, as `{{name}}`; filled in when a conversation is made. */
export const PROPERTY_PLACEHOLDERS = ["handoffId", "botName", "locale", "pageUrl", "reason", "labels"] as const;

const placeholderFault = `may hold only these placeholders: ${PROPERTY_PLACEHOLDERS.map((name) => `{{${name}}}`).join(" ")}`;

const PropertyText = z
  .string()
  .max(1_000, "must be at most 1000 characters long")
  .refine((text) => {
    const names = [...text.matchAll(/\{\{([^{}]*)\}\}/g)].map(([, name]) => (name ?? "").trim());
    return names.every((name) => PROPERTY_PLACEHOLDERS.some((known) => known === name));
  }, placeholderFault);

const Properties = z
  .record(
    z.string().regex(/^cf_\w{1,100}$/, "must be named as FreshChat names custom fields, such as cf_source"),
    z.union([PropertyText, z.number(), z.boolean()], {
      error: "must be text, a number, true or false",
    }),
    { error: 'must be an object of custom fields, such as {"cf_source": "chatbot"}' },
  )
  .refine((fields) => Object.keys(fields).length <= 50, "must not be more than 50 fields");

/** An id of FreshChat's. Most are UUIDs, not all (sheet 2). Left empty it is null. */
const idOf = (what: string) =>
  z
    .string({ error: `must be the id of ${what}, as text` })
    .trim()
    .max(200, "must be at most 200 characters long")
    .regex(/^[\x21-\x7e]*$/, `must be the id of ${what}, not its name: an id holds no spaces`)
    .nullish()
    .transform((id) => id || null);

/** What an admin sets for a FreshChat connection. One connection is one account, with one channel for new conversations. */
const Settings = z.strictObject({
  baseUrl: z
    .string({ error: "must be the chat URL of your FreshChat account, such as https://acme-123.freshchat.com" })
    .transform((text, context) => {
      const { url, fault } = readBaseUrl(text);
      if (url !== null) return url;
      context.addIssue({ code: "custom", message: fault });
      return z.NEVER;
    })
    .meta({
      title: "Chat URL",
      description:
        "The address shown beside the API token: Admin Settings, API Settings. It ends in .freshchat.com or .myfreshworks.com; " +
        "the address of any page there will do.",
    }),
  apiToken: z
    .string({ error: "must be an API token of FreshChat" })
    .transform((text) => text.trim().replace(/^bearer(?:\s+|$)/i, ""))
    .pipe(
      z
        .string()
        .min(1, "must not be empty")
        .max(5_000, "must be at most 5000 characters long")
        .regex(/^[\x21-\x7e]*$/, "must not contain spaces, line ends or letters outside ASCII"),
    )
    .meta({
      title: "API token",
      description:
        "Admin Settings, API Settings, the section for conversations or chat (stand-alone accounts: Admin, Configure, API Tokens)",
      format: "password",
      writeOnly: true,
    }),
  webhookPublicKey: z
    .string({ error: "must be the public key that FreshChat shows beside the webhook, as text" })
    .max(20_000, "is too long for a public key: paste only the key that FreshChat shows beside the webhook")
    .nullish()
    .transform((text, context) => {
      const { keys, fault } = readPublicKeys(text ?? "");
      if (fault === null) return keys.length === 0 ? null : keys.join(" ");
      context.addIssue({ code: "custom", message: fault });
      return z.NEVER;
    })
    .meta({
      title: "Public key of webhooks",
      description:
        "Shown where the webhook is set: Admin Settings, Marketplace and Integrations, Conversation Webhooks. Paste it as it is. " +
        "During a change give the new and the old one, one after the other. Without it webhooks are refused.",
    }),
  channelId: idOf("a channel").meta({
    title: "Channel",
    description: "The channel (topic) in which visitors' conversations appear",
  }),
  groupId: idOf("a group").meta({
    title: "Group",
    description: "The group that conversations are given to, unless the bot's settings name another. Empty: nobody's",
  }),
  conversationProperties: Properties.default({}).meta({
    title: "Custom fields",
    description:
      "Custom fields (cf_…) to set in each conversation. Text may hold {{handoffId}} {{botName}} {{locale}} {{pageUrl}} {{reason}} {{labels}}",
  }),
  agentId: idOf("an agent").meta({
    title: "The bot's agent seat",
    description:
      "The id of an agent that Baton writes its notes as. What this agent writes never reaches a visitor. Empty: notes are written as bot",
  }),
  appId: idOf("an account (app_id)").meta({
    title: "App id",
    description: "The account's app_id. When it is set, webhooks of another account are ignored",
  }),
  eventsVia: z.enum(["webhook", "app"], { error: "must be webhook or app" }).default("webhook").meta({
    title: "How FreshChat tells Baton",
    description: "webhook: the account's Conversation Webhook. app: Baton's app from the Freshworks Marketplace",
  }),
  loggedInOnly: z.boolean({ error: "must be true or false" }).default(false).meta({
    title: "Count only agents who are logged in",
    description: "Off: every agent who is set to available counts as online",
  }),
  businessHours: z.enum(["follow", "ignore"], { error: "must be follow or ignore" }).default("follow").meta({
    title: "Business hours of the group",
    description: "follow: outside them nobody counts as online. ignore: only agents' availability counts",
  }),
  installedWith: idOf("a token of Baton").meta({
    title: "Installed with",
    description: "Set by Baton when its Marketplace app is installed: the token that the app registered with",
  }),
});

export type FreshchatConfig = z.infer<typeof Settings>;

/** Takes what an admin gave, or what was stored. Throws a ZodError with every fault, in words that say what to do. */
export const parseConfig = (given: unknown): FreshchatConfig => Settings.parse(given);

/** For the API document and the console's form. */
export const configSchema: ConnectorFactory["configSchema"] = z.toJSONSchema(Settings, { io: "input" });

export const secretFields = ["apiToken"] as const;
export const hostFields = ["baseUrl"] as const;
