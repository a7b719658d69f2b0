import { z } from "zod";
import { HttpUrl, PRIORITIES } from "./conversation.ts";
import { FormSettings, TermsSettings } from "./lead-form.ts";
import { Schedule } from "./schedule.ts";
import { MessageOverrides } from "./texts.ts";

/** The id of the built-in inbox among a bot's destinations; every other destination is a connection's id. */
export const INBOX = "inbox";

export const DEFAULT_INSTRUCTION =
  "Call this tool when the visitor asks for a person, when you cannot answer after trying, when the visitor is upset, " +
  "or when the matter needs a human decision. Do not promise that a person is there: the answer tells you what to say.";

/** Where live handoffs go: the inbox or a connection, with what the helpdesk should set on the conversation. */
export const Destination = z
  .union([
    z.string().min(1).max(100),
    z.strictObject({
      id: z.string().min(1).max(100),
      team: z.union([z.string().min(1).max(200), z.int().positive()]).nullish(),
      group: z.union([z.string().min(1).max(200), z.int().positive()]).nullish(),
      priority: z.enum(PRIORITIES).nullish(),
      labels: z.array(z.string().trim().min(1).max(100)).max(20).default([]),
    }),
  ])
  .transform((given) => {
    const full = typeof given === "string" ? { id: given, labels: [] } : given;
    const team = ("team" in full ? full.team : null) ?? ("group" in full ? full.group : null) ?? null;
    const priority = "priority" in full ? (full.priority ?? null) : null;
    return { id: full.id, team: team === null ? null : String(team), priority, labels: full.labels };
  });
export type Destination = z.infer<typeof Destination>;

const recipients = z.array(z.email().max(254)).max(50).default([]);

/** Who is told of each new live handoff and lead. */
export const NotifySettings = z.strictObject({
  email: recipients,
  whatsapp: z
    .array(z.string().regex(/^\+[1-9]\d{6,14}$/, "must be a phone number such as +40712345678"))
    .max(50)
    .default([]),
  slack: z.array(HttpUrl).max(10).default([]),
});

/**
 * Handoff settings of one bot (design.md section 2). Every field has a default, so that `{}` is complete. Unknown fields
 * are refused, which tells a caller's typo at once.
 */
export const HandoffSettings = z.strictObject({
  enabled: z.boolean().default(true).meta({ description: "Off: requests are declined and the bot carries on" }),
  trigger: z.enum(["button", "auto", "both"]).default("both").meta({ description: "Who may ask for a person" }),
  instruction: z.string().max(4_000).default(DEFAULT_INSTRUCTION).meta({
    description: "When the bot's model should call the tool; becomes the tool's description",
  }),
  destinations: z
    .array(Destination)
    .min(1, 'name at least one destination, for example "inbox"')
    .max(10)
    .default([{ id: INBOX, team: null, priority: null, labels: [] }])
    .refine((all) => new Set(all.map((one) => one.id)).size === all.length, "names a destination twice"),
  agentsAvailable: z.boolean().default(true).meta({ description: "The team's manual switch" }),
  neverAvailable: z.boolean().default(false).meta({ description: "No live handoffs at all; lead capture stays" }),
  schedule: Schedule.nullable().default(null).meta({ description: "Opening hours; null is always open" }),
  presence: z.enum(["require", "ignore"]).nullable().default(null).meta({
    description: "Also ask whether an agent is online. null: ignored for helpdesks, required for the built-in inbox",
  }),
  pauseBot: z
    .enum(["on_request", "on_accept"])
    .default("on_request")
    .meta({ description: "When the bot falls silent" }),
  queueLimit: z
    .int()
    .min(0)
    .max(100_000)
    .default(0)
    .meta({ description: "With that many pending, a new one is a lead; 0 is no limit" }),
  acceptWithinSeconds: z.int().min(0).max(86_400).default(300).meta({
    description: "Nobody accepted in time: offline message and lead form; 0 is no limit",
  }),
  idleMinutes: z.int().min(0).max(10_080).default(0).meta({
    description: "Live and silent that long: resolved, and the bot resumes; 0 is never",
  }),
  contactForm: z.enum(["offline", "always", "never"]).default("offline").meta({
    description: "Ask for contact details only when no one is there, before live chat too, or never",
  }),
  form: FormSettings.prefault({}),
  terms: TermsSettings.prefault({}),
  agentLabel: z.string().trim().min(1).max(100).nullable().default(null).meta({
    description: "Name shown for the human; null is the agent's own name",
  }),
  messages: MessageOverrides.prefault({}),
  notify: NotifySettings.prefault({}),
});
export type HandoffSettings = z.infer<typeof HandoffSettings>;

/** Settings of a bot that set nothing. */
export const DEFAULT_SETTINGS: HandoffSettings = HandoffSettings.parse({});
