import { z } from "zod";
import { HandoffError } from "../../domain/errors.ts";
import { PRIORITIES } from "../../domain/conversation.ts";
import { HandoffSettings, INBOX } from "../../domain/settings.ts";
import type { Bot, Tx } from "../../ports-store.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import { found } from "../shapes.ts";
import type { AdminDeps } from "./deps.ts";

/** Settings as an admin gives them: every field may be missing. */
export const SettingsGiven = HandoffSettings.meta({
  id: "HandoffSettings",
  description: "Handoff settings of a bot. A missing field has its default.",
});

/** Settings as they are in force: every field is there. */
export const SettingsShown = HandoffSettings.extend({
  destinations: z.array(
    z.strictObject({
      id: z.string(),
      team: z.string().nullable(),
      priority: z.enum(PRIORITIES).nullable(),
      labels: z.array(z.string()),
    }),
  ),
}).meta({
  id: "HandoffSettingsInForce",
  description: "Handoff settings of a bot, with defaults where nothing is set.",
});

type Field = keyof HandoffSettings;
type Raw = Readonly<Record<string, unknown>>;

const patchShape: Record<string, z.ZodType> = Object.fromEntries(
  Object.entries(HandoffSettings.shape).map(([field, schema]) => [field, schema.nullish()]),
);
export const SettingsPatch: z.ZodType<unknown, Partial<Record<Field, unknown>>> = z.strictObject(patchShape).meta({
  id: "HandoffSettingsPatch",
  description:
    "Only the fields to change, each replaced as a whole. `null` sets a field back to its default, which for `schedule`, " +
    "`presence` and `agentLabel` is null itself.",
});

/** Stored settings with a patch written over them, field by field. */
export function patched(stored: unknown, patch: Raw): Raw {
  const fields = new Map(Object.entries(rawOf(stored)));
  for (const [field, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    if (value === null) fields.delete(field);
    else fields.set(field, value);
  }
  return Object.fromEntries(fields);
}

/** What an admin gave, as plain fields. */
export const rawOf = (settings: unknown): Raw => z.record(z.string(), z.unknown()).parse(settings ?? {});

export type ShownSettings = z.infer<typeof SettingsShown>;
export const showSettings = (bot: Pick<Bot, "settings">): ShownSettings => HandoffSettings.parse(bot.settings);

/**
 * Every destination must be the inbox or a connection of this workspace.
 *
 * @param root path of the settings within the request's body; empty when they are the body
 * @throws HandoffError `validation_failed`
 */
export async function checkDestinations(tx: Tx, workspaceId: string, settings: Raw, root: string): Promise<void> {
  const { destinations } = HandoffSettings.parse(settings);
  const connections = await tx.connections(workspaceId);
  const known = new Set([INBOX, ...connections.map((connection) => connection.id)]);
  const given = Array.isArray(settings["destinations"]) ? settings["destinations"] : [];
  const prefix = root === "" ? "" : `${root}.`;
  const faults = destinations.flatMap(({ id }, index) => {
    if (known.has(id)) return [];
    const path = `${prefix}destinations[${index}]${typeof given[index] === "string" ? "" : ".id"}`;
    return [{ path, message: 'is neither "inbox" nor the id of one of your connections', code: "unknown_destination" }];
  });
  if (faults.length > 0) throw new HandoffError("validation_failed", undefined, { faults });
}

const SettingsAnswer = z
  .strictObject({ settings: SettingsShown, settingsVersion: z.int() })
  .meta({ id: "BotSettings", description: "The settings in force, and a number that grows with each change" });

const shown = (settings: Raw, settingsVersion: number) => ({ settings: showSettings({ settings }), settingsVersion });

async function keep(tx: Tx, bot: Bot, settings: Raw) {
  await checkDestinations(tx, bot.workspaceId, settings, "");
  const settingsVersion = bot.settingsVersion + 1;
  await tx.updateBot(bot.workspaceId, bot.id, { settings, settingsVersion });
  return { status: 200, body: shown(settings, settingsVersion) };
}

/** `/v1/bots/{id}/settings`: the settings alone, for who edits only them. */
export function botSettingsRoutes({ store }: AdminDeps): Route[] {
  const common = {
    path: "/v1/bots/{id}/settings",
    tag: "Bots",
    scopes: ["admin"],
    responses: { 200: { description: "The settings in force", schema: SettingsAnswer } },
  } as const;
  return [
    defineRoute({
      ...common,
      method: "GET",
      summary: "Read a bot's settings",
      idempotent: false,
      async handler({ principal, params }) {
        const bot = found(await store.read.bot(principal.workspaceId, params["id"] ?? ""));
        return { status: 200, body: shown(rawOf(bot.settings), bot.settingsVersion) };
      },
    }),
    defineRoute({
      ...common,
      method: "PUT",
      summary: "Replace a bot's settings",
      description: "Fields that are left out go back to their defaults.",
      body: SettingsGiven,
      idempotent: true,
      async handler({ principal, params, given, unit }) {
        return unit(async (tx) => {
          await tx.lockWorkspace(principal.workspaceId);
          return keep(tx, found(await tx.bot(principal.workspaceId, params["id"] ?? "")), rawOf(given));
        });
      },
    }),
    defineRoute({
      ...common,
      method: "PATCH",
      summary: "Change some of a bot's settings",
      body: SettingsPatch,
      idempotent: true,
      async handler({ principal, params, given, unit }) {
        return unit(async (tx) => {
          await tx.lockWorkspace(principal.workspaceId);
          const bot = found(await tx.bot(principal.workspaceId, params["id"] ?? ""));
          return keep(tx, bot, patched(bot.settings, given));
        });
      },
    }),
  ];
}
