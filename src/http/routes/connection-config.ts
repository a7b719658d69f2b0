import { z } from "zod";
import { HandoffError } from "../../domain/errors.ts";
import type { Fault } from "../../domain/errors.ts";
import type { ConnectorFactory, Outgoing, Reads } from "../../ports.ts";
import type { Connection } from "../../ports-store.ts";
import { connectionSecretsContext } from "../../secrets/contexts.ts";
import { SealingError } from "../../secrets/sealing.ts";
import type { Sealer } from "../../secrets/sealing.ts";
import { faultsOf } from "../faults.ts";

type Fields = Readonly<Record<string, unknown>>;
const Fields = z.record(z.string(), z.unknown());

export interface SplitConfig {
  /** Without secrets. */
  readonly config: Fields;
  readonly secrets: Fields;
}

/**
 * What an admin gave for a connection, read by its factory and parted into what may be shown and what may not.
 *
 * @throws HandoffError `validation_failed` with every fault, paths from `config`
 */
export function readConfig(factory: ConnectorFactory, given: Fields, outgoing: Outgoing): SplitConfig {
  let parsed: Fields;
  try {
    parsed = Fields.parse(factory.parseConfig(given));
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    throw invalid(faultsOf(error, given, "config"));
  }
  const faults = factory.hostFields.flatMap((field): Fault[] => {
    const message = outgoing.urlFault(String(parsed[field]));
    return message === null ? [] : [{ path: `config.${field}`, message, code: "refused_address" }];
  });
  if (faults.length > 0) throw invalid(faults);
  const isSecret = ([field]: [string, unknown]) => factory.secretFields.includes(field);
  const entries = Object.entries(parsed);
  return {
    config: Object.fromEntries(entries.filter((entry) => !isSecret(entry))),
    secrets: Object.fromEntries(entries.filter(isSecret)),
  };
}

/**
 * A connection's configuration with a patch written over it; null takes a field away.
 *
 * Where a patch changes a field that says to which host we speak, the stored secrets are left out: whoever may change the
 * address must not be able to have the old token sent there (reliability.md, Threats).
 */
export function patchedConfig(
  factory: ConnectorFactory,
  stored: { readonly config: Fields; readonly secrets: Fields },
  patch: Fields,
  outgoing: Outgoing,
): SplitConfig {
  const merged = withoutNulls({ ...stored.config, ...stored.secrets, ...patch });
  const isMoved = factory.hostFields.some(
    (field) => patch[field] !== undefined && isChanged(factory, stored, merged, field),
  );
  return readConfig(factory, isMoved ? withoutNulls({ ...stored.config, ...patch }) : merged, outgoing);
}

/** Compared as the factory reads them, so that another spelling of the same address is no change. */
function isChanged(
  factory: ConnectorFactory,
  stored: { readonly config: Fields },
  merged: Fields,
  field: string,
): boolean {
  try {
    return Fields.parse(factory.parseConfig(merged))[field] !== stored.config[field];
  } catch {
    return true;
  }
}

/**
 * A bot that a configuration names must be one of the workspace: a foreign one would answer here with another business's words.
 *
 * @throws HandoffError `validation_failed`, path `config.botId`
 */
export async function checkBotIn(reads: Pick<Reads, "bot">, workspaceId: string, config: Fields): Promise<void> {
  const { botId } = config;
  if (typeof botId !== "string" || botId === "") return;
  if ((await reads.bot(workspaceId, botId)) !== null) return;
  throw invalid([{ path: "config.botId", message: "is not the id of one of your bots", code: "unknown_bot" }]);
}

const withoutNulls = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));

const invalid = (faults: readonly Fault[]) => new HandoffError("validation_failed", undefined, { faults });

type Place = Pick<Connection, "workspaceId" | "id">;

/** Null when there is nothing to keep. */
export function sealSecrets(sealer: Sealer, { workspaceId, id }: Place, secrets: Fields): string | null {
  const kept = withoutNulls(secrets);
  if (Object.keys(kept).length === 0) return null;
  return sealer.seal(JSON.stringify(kept), connectionSecretsContext(workspaceId, id));
}

/** Throws SealingError. */
export function openSecrets(sealer: Sealer, connection: Place & Pick<Connection, "sealedSecrets">): Fields {
  if (connection.sealedSecrets === null) return {};
  const context = connectionSecretsContext(connection.workspaceId, connection.id);
  return Fields.parse(JSON.parse(sealer.open(connection.sealedSecrets, context)));
}

/** The stored secrets, or none and why: sealed under another BATON_SECRET, they can be given anew. */
export function tryToOpen(sealer: Sealer, connection: Connection): { secrets: Fields; problem: string | null } {
  try {
    return { secrets: openSecrets(sealer, connection), problem: null };
  } catch (error) {
    if (!(error instanceof SealingError)) throw error;
    return { secrets: {}, problem: error.message };
  }
}

/** What the factory has against a stored configuration, in words; null when it takes it. */
export function configFaults(factory: ConnectorFactory, config: Fields): string | null {
  try {
    factory.parseConfig(config);
    return null;
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    return faultsOf(error, config)
      .map(({ path, message }) => `${path} ${message}`)
      .join("; ");
  }
}

/** The stored configuration as the factory's `parseConfig` takes it, credentials included. Throws SealingError. */
export function wholeConfig(sealer: Sealer, connection: Connection): Fields {
  return { ...connection.config, ...openSecrets(sealer, connection) };
}
