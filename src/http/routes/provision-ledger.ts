import { HandoffError } from "../../domain/errors.ts";
import type { ConnectorFactory, LedgerPatch, ProvisionLedger } from "../../ports.ts";
import type { Connection } from "../../ports-store.ts";
import { patchedConfig, sealSecrets, tryToOpen } from "./connection-config.ts";
import type { AdminDeps } from "./deps.ts";

type Fields = Readonly<Record<string, unknown>>;

/** The record of one run of an install, and what it has come to. */
export interface RunLedger extends ProvisionLedger {
  /** Why nothing more can be kept: the run is over, whatever it says itself. */
  readonly refusal: unknown;
}

/**
 * Keeps what an install reached in the connection's row: what was made, the configuration, its sealed secrets and a new version,
 * in one commit each. Only over the version that was seen last, under the workspace's lock: of two that change a connection at
 * once, also in two processes, the later one is refused and has changed nothing.
 *
 * @param first fields that were tried with this run and are kept with the first thing that it keeps
 */
export function createLedger(
  deps: AdminDeps,
  factory: ConnectorFactory,
  { connection, first }: { readonly connection: Connection; readonly first: Fields },
): RunLedger {
  let current = connection;
  let waiting = first;
  let refusal: unknown;

  async function keep({ made = {}, config = {} }: LedgerPatch): Promise<void> {
    const changed = await deps.store.write(async (tx) => {
      await tx.lockWorkspace(current.workspaceId);
      const stored = await tx.connection(current.workspaceId, current.id);
      if (stored?.version !== current.version) throw overtaken();
      const installed = merged(stored.installed ?? {}, made);
      const before = { config: stored.config, secrets: tryToOpen(deps.sealer, stored).secrets };
      const after = patchedConfig(factory, before, { ...waiting, ...config }, deps.outgoing);
      const isSame =
        isEqual(installed, stored.installed ?? {}) &&
        isEqual(after.config, before.config) &&
        isEqual(withoutNulls(after.secrets), before.secrets);
      if (isSame) return null;
      const patch = {
        installed: Object.keys(installed).length === 0 ? null : installed,
        config: after.config,
        sealedSecrets: sealSecrets(deps.sealer, stored, after.secrets),
        version: stored.version + 1,
      };
      await tx.updateConnection(stored.workspaceId, stored.id, patch);
      return { ...stored, ...patch };
    });
    waiting = {};
    if (changed === null) return;
    current = changed;
    deps.connectionChanged(current.id);
  }

  return {
    get made() {
      return current.installed ?? {};
    },
    async keep(patch) {
      if (refusal !== undefined) throw refusal;
      try {
        await keep(patch);
      } catch (error) {
        refusal = error;
        throw error;
      }
    },
    get refusal() {
      return refusal;
    },
  };
}

const overtaken = () =>
  new HandoffError(
    "conflict",
    "The connection was changed by somebody else while it was being set up. Look at it, then run this again: what was done is kept.",
  );

function merged(
  before: Readonly<Record<string, string>>,
  patch: Readonly<Record<string, string | null>>,
): Record<string, string> {
  const after = { ...before };
  for (const [step, value] of Object.entries(patch)) {
    if (value === null) delete after[step];
    else after[step] = value;
  }
  return after;
}

const withoutNulls = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));

/** Whatever the order of the fields. */
function isEqual(one: Fields, other: Fields): boolean {
  const told = (fields: Fields) => JSON.stringify(Object.entries(fields).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return told(one) === told(other);
}
