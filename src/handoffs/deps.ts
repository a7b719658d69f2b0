import { HandoffError } from "../domain/errors.ts";
import { alwaysOpen, compileSchedule } from "../domain/schedule.ts";
import type { CompiledSchedule } from "../domain/schedule.ts";
import { HandoffSettings } from "../domain/settings.ts";
import type { Circuits, Clock, Connector, Log, Mailer, Reads, Store } from "../ports.ts";
import type { HandoffMetrics } from "../ports-metrics.ts";
import type { Bot } from "../ports-store.ts";
import type { Presence } from "./presence.ts";

/** What the actions of this folder are handed: everything they need, nothing global. */
export interface Deps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly bots: BotDirectory;
  readonly connectors: Connectors;
  readonly presence: Presence;
  readonly circuits: Circuits;
  /** Absent: nothing is counted. */
  readonly metrics?: HandoffMetrics;
  /** Null where no SMTP_URL is set: mail is kept and shown. */
  readonly mailer: Mailer | null;
  /** Where Baton is reached from outside, without a trailing slash. */
  readonly baseUrl: string;
}

/** The connectors of all connections, made when first needed. The inbox is one of them. */
export interface Connectors {
  /** Null for an unknown or foreign id. */
  get(workspaceId: string, destinationId: string): Promise<Connector | null>;
  /** Whether a destination keeps its conversations in Baton itself. Answers without asking anybody. */
  isLocal(destinationId: string): boolean;
  /** Every type of connection there is a connector for. */
  types(): readonly string[];
  /** How long after a time-out the far side may still act, in milliseconds. Answers without asking anybody. */
  settleMs(connectionId: string): number;
}

/** A bot with its settings read and its schedule prepared. */
export interface BotSetup {
  readonly bot: Bot;
  readonly settings: HandoffSettings;
  readonly schedule: CompiledSchedule;
}

export interface BotDirectory {
  /** Throws HandoffError `not_found`. */
  get(reads: Reads, workspaceId: string, botId: string): Promise<BotSetup>;
}

const KEPT_SETUPS = 1_000;

/**
 * Reads the bot's row each time, so that every process sees a change at once, and parses settings and schedule once per
 * settings version.
 */
export function createBotDirectory(): BotDirectory {
  const known = new Map<string, BotSetup>();
  return {
    async get(reads, workspaceId, botId) {
      const bot = await reads.bot(workspaceId, botId);
      if (bot === null) throw new HandoffError("not_found");
      const setup = known.get(bot.id);
      if (setup !== undefined && setup.bot.settingsVersion === bot.settingsVersion) return { ...setup, bot };
      const settings = HandoffSettings.parse(bot.settings);
      const schedule = settings.schedule === null ? alwaysOpen : compileSchedule(settings.schedule);
      const fresh = { bot, settings, schedule };
      if (known.size >= KEPT_SETUPS) known.delete(known.keys().next().value ?? "");
      known.set(bot.id, fresh);
      return fresh;
    },
  };
}
