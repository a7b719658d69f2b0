import { z } from "zod";
import type { ConnectorFactory } from "../../src/ports.ts";

const wholeNumber = "must be a whole number such as 3";
const WholeNumber = z.union(
  [
    z.int(wholeNumber).positive(wholeNumber),
    z
      .string()
      .trim()
      .regex(/^[1-9]\d{0,14}$/, wholeNumber)
      .transform(Number),
  ],
  { error: wholeNumber },
);

const BaseUrl = z
  .string({ error: "must be the address of Chatwoot, such as https://chat.example.com" })
  .trim()
  .max(2_048)
  .transform((text, context) => {
    const url = URL.parse(text);
    const fault = baseUrlFault(url);
    if (!url || fault) {
      context.addIssue({ code: "custom", message: fault ?? "must be a URL" });
      return z.NEVER;
    }
    return url.origin + url.pathname.replace(pageOfChatwoot, "").replace(/\/+$/, "");
  });

/** Where the pages of Chatwoot begin, below the path that a proxy may have put in front. */
const pageOfChatwoot = /\/(?:app|api|auth|super_admin)(?:\/.*)?$/;

function baseUrlFault(url: URL | null): string | null {
  if (!url?.host || !["http:", "https:"].includes(url.protocol)) return "must begin with https:// (or http://)";
  if (url.username || url.password) return "must not hold a user name or password";
  return null;
}

const secret = z
  .string()
  .trim()
  .max(1_000)
  .nullish()
  .transform((text) => text || null);

const list = "must be numbers of inboxes, such as [3, 5]";
/** As a list, or as text with commas between; each once. */
const InboxIds = z
  .union(
    [
      z.array(WholeNumber).max(500),
      z
        .string()
        .trim()
        .regex(/^(?:[1-9]\d{0,14}(?:[\s,]+|$)){0,500}$/, list)
        .transform((text) => text.split(/[\s,]+/).flatMap((part) => (part === "" ? [] : [Number(part)]))),
    ],
    { error: list },
  )
  .nullish()
  .transform((ids) => [...new Set(ids)]);

/**
 * What an admin sets for a Chatwoot connection. One connection is one account, with one API inbox and one agent bot. Account and
 * inbox may be missing until the install has found or made them; what only the install sets says so.
 */
const Settings = z.strictObject({
  baseUrl: BaseUrl.meta({
    title: "Address",
    description: "Where your Chatwoot is, such as https://chat.example.com. The address of any of its pages will do.",
  }),
  accountId: WholeNumber.nullish()
    .transform((id) => id ?? null)
    .meta({
      title: "Account",
      description:
        "The number after /accounts/ in the address of every Chatwoot page. Left empty, the install takes the token's account",
    }),
  inboxId: WholeNumber.nullish()
    .transform((id) => id ?? null)
    .meta({
      title: "Inbox",
      description:
        "The number at the end of the address of the API inbox's settings. Left empty, the install makes one",
    }),
  apiAccessToken: z
    .string({ error: "must be the access token of a Chatwoot user" })
    .trim()
    .min(1, "must not be empty")
    .max(500)
    .regex(/^[\x21-\x7e]*$/, "must not contain spaces, line ends or letters outside ASCII")
    .meta({
      title: "Access token",
      description: "Of an administrator, or of an agent in the inbox: Profile settings, Access token",
      format: "password",
      writeOnly: true,
    }),
  webhookSecret: secret.meta({
    title: "Webhook secret",
    description:
      "The secret of the API inbox (Chatwoot 4.13 or later), which is not its HMAC token; the install reads it. During a change " +
      "give the new and the old one, separated by a space. Left empty, the secret at the end of the webhook address is the only proof.",
    format: "password",
    writeOnly: true,
  }),
  botInboxIds: InboxIds.meta({
    title: "Inboxes of the bot",
    description:
      "Inboxes of Chatwoot in which the bot answers first, through Baton's agent bot; the install attaches it",
  }),
  botId: z
    .string()
    .trim()
    .regex(/^(?:bot_[0-9a-z]{1,60})?$/, "must be the id of a bot, such as bot_01kb3…, or empty")
    .nullish()
    .transform((id) => id || null)
    .meta({
      title: "Bot that answers there",
      description: "The bot of Baton that answers in the bot's inboxes. Left empty, the workspace's first",
    }),
  agentBotId: WholeNumber.nullish()
    .transform((id) => id ?? null)
    .meta({ title: "Agent bot", description: "Baton's agent bot in Chatwoot. Set by the install" }),
  agentBotToken: secret.meta({
    title: "Agent bot's token",
    description: "The access token of Baton's agent bot. Set by the install",
    format: "password",
    writeOnly: true,
  }),
  agentBotSecret: secret.meta({
    title: "Agent bot's secret",
    description: "Signs the webhooks of Baton's agent bot (Chatwoot 4.13 or later). Set by the install",
    format: "password",
    writeOnly: true,
  }),
  accountWebhookSecret: secret.meta({
    title: "Account webhook's secret",
    description: "Signs the webhooks of the account (needed with Chatwoot 4.12 only). Set by the install",
    format: "password",
    writeOnly: true,
  }),
});

export type ChatwootConfig = z.infer<typeof Settings>;

/** Takes what an admin gave, numbers as text included. Throws a ZodError with every fault. */
export function parseConfig(given: unknown): ChatwootConfig {
  return Settings.parse(withIdsFromAddress(given));
}

/** People paste the address of the page they look at, and it names the account and often the inbox. */
function withIdsFromAddress(given: unknown): unknown {
  const parsed = z.looseObject({ baseUrl: z.string() }).safeParse(given);
  if (!parsed.success) return given;
  const path = URL.parse(parsed.data.baseUrl.trim())?.pathname ?? "";
  const ids = {
    accountId: /\/accounts\/(\d+)/.exec(path)?.[1],
    inboxId: /\/inbox(?:es)?\/(\d+)/.exec(path)?.[1],
  };
  const filled: Record<string, unknown> = { ...parsed.data };
  // A form's empty field is none.
  for (const field of ["accountId", "inboxId", "agentBotId"]) if (isBlank(filled[field])) delete filled[field];
  for (const [field, id] of Object.entries(ids)) {
    if (id !== undefined && isBlank(filled[field])) filled[field] = id;
  }
  return filled;
}

const isBlank = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === "string" && value.trim() === "");

/** For the API document and the console's form. */
export const configSchema: ConnectorFactory["configSchema"] = {
  ...z.toJSONSchema(Settings, { io: "input" }),
  // The install finds out the rest.
  required: ["baseUrl", "apiAccessToken"],
};

export const secretFields = [
  "apiAccessToken",
  "webhookSecret",
  "agentBotToken",
  "agentBotSecret",
  "accountWebhookSecret",
] as const;
export const hostFields = ["baseUrl"] as const;
