import { DeliveryError } from "../../domain/delivery.ts";
import { HandoffError } from "../../domain/errors.ts";
import { OutgoingError } from "../../ports.ts";
import type {
  ConnectorFactory,
  Install,
  InstallDeps,
  Outgoing,
  ProvisionLedger,
  ProvisionReport,
  ProvisionStep,
} from "../../ports.ts";
import type { Connection } from "../../ports-store.ts";
import { patchedConfig, configFaults, tryToOpen } from "./connection-config.ts";
import { webhookUrlOf } from "./connection-view.ts";
import type { AdminDeps } from "./deps.ts";
import { createLedger } from "./provision-ledger.ts";

/** The longest that a person at a form, and the proxies in between, should wait. */
const WITHIN_MS = 60_000;

/** What is run: the connector's part, with everything but its own words filled in. */
export type Part = (
  install: Install<unknown>,
  config: unknown,
  deps: InstallDeps,
  ledger: ProvisionLedger,
) => Promise<ProvisionReport>;

/** Runs installs, one at a time for each connection. */
export interface Installs {
  /** @throws HandoffError `conflict` while a run is under way: what it makes would belong to nobody */
  refuseWhileRunning(connectionId: string): void;
  /**
   * Resolves with what came of it, at the latest when the time is up: then with the steps that had ended. The run itself goes on
   * to its next request, which is refused, and the connection is taken until then.
   *
   * @param tried fields of the configuration that are tried with this run, and kept once it keeps something
   * @throws HandoffError `conflict` when another run is under way or was faster, when the helpdesk can only be set up by hand, or
   * the stored configuration cannot be used; `validation_failed` for wrong fields
   */
  run(
    connection: Connection,
    part: Part,
    options?: { readonly tried?: Readonly<Record<string, unknown>>; readonly before?: () => Promise<void> },
  ): Promise<ProvisionReport>;
}

export function createInstalls(deps: AdminDeps): Installs {
  const running = new Set<string>();
  function refuseWhileRunning(connectionId: string): void {
    if (running.has(connectionId)) throw busy();
  }
  return {
    refuseWhileRunning,
    async run(connection, part, { tried = {}, before = () => Promise.resolve() } = {}) {
      const { id } = connection;
      const { factory, install } = installerOf(deps, connection);
      const config = configOf(deps, factory, connection, tried);
      refuseWhileRunning(id);
      running.add(id);
      const listening = deps.marks.listen(id);
      const given = { factory, connection, tried };
      const steps: ProvisionStep[] = [];
      const end = startEnd(deps.provisionWithinMs ?? WITHIN_MS);
      const work = async (): Promise<ProvisionReport> => {
        await before();
        const installDeps: InstallDeps = {
          ...connectorDeps(deps, connection),
          outgoing: until(end, deps.outgoing),
          webhookUrl: webhookUrlOf(deps.baseUrl(), connection),
          pathSecret: connection.pathSecret,
          told: (step) => void steps.push(step),
          heard: (mark, withinMs) => listening.heard(mark, withinMs),
        };
        return await carryOut(deps, given, (ledger) => part(install, config, installDeps, ledger));
      };
      const run = work().finally(() => {
        end.cancel();
        listening.stop();
        running.delete(id);
      });
      run.catch((error: unknown) => {
        // Nobody else hears of it any more.
        if (end.isPassed) deps.log.warn("install_failed_late", { connectionId: id, error });
      });
      return await Promise.race([run, end.passed.then(() => cut(steps))]);
    },
  };
}

const busy = () =>
  new HandoffError(
    "conflict",
    "The connection is being set up or taken away at this moment: wait until that has ended, then look at it.",
  );

/** Whatever the connector says: what could not be kept did not take place. */
async function carryOut(
  deps: AdminDeps,
  of: {
    readonly factory: ConnectorFactory;
    readonly connection: Connection;
    readonly tried: Readonly<Record<string, unknown>>;
  },
  part: (ledger: ProvisionLedger) => Promise<ProvisionReport>,
): Promise<ProvisionReport> {
  const ledger = createLedger(deps, of.factory, { connection: of.connection, first: of.tried });
  try {
    const report = await part(ledger);
    if (ledger.refusal !== undefined) throw ledger.refusal;
    if (report.ok || report.steps.some(provesCredentials)) await ledger.keep({});
    return report;
  } catch (error) {
    if (ledger.refusal !== undefined) throw ledger.refusal;
    if (error instanceof DeliveryError || error instanceof OutgoingError) return failed([], "helpdesk", error.message);
    throw error;
  }
}

/** A new token that is right is kept even where something else went wrong: the old one may be void by now. */
const provesCredentials = ({ step, outcome }: ProvisionStep): boolean =>
  step === "token" && outcome !== "failed" && outcome !== "skipped";

const failed = (before: readonly ProvisionStep[], step: string, message: string): ProvisionReport => ({
  ok: false,
  steps: [...before, { step, outcome: "failed", message, fix: "Run it again: what was done is found." }],
  about: {},
});

const cut = (steps: readonly ProvisionStep[]): ProvisionReport =>
  failed(steps, "time", "The helpdesk took too long to answer, so the rest was left undone.");

function installerOf(deps: AdminDeps, { type }: Connection): { factory: ConnectorFactory; install: Install<unknown> } {
  const factory = deps.factories.get(type);
  if (factory?.install !== undefined) return { factory, install: factory.install };
  const name = factory?.title ?? type;
  throw new HandoffError(
    "conflict",
    `Connections of this type (${name}) are set up by hand: see the documentation, then check the connection.`,
  );
}

/** As the factory reads it, credentials included. */
function configOf(
  deps: AdminDeps,
  factory: ConnectorFactory,
  connection: Connection,
  tried: Readonly<Record<string, unknown>>,
): unknown {
  const { secrets, problem } = tryToOpen(deps.sealer, connection);
  const isNew = Object.keys(tried).length > 0;
  if (problem !== null && !isNew) throw new HandoffError("conflict", problem);
  const stored = { ...connection.config, ...secrets };
  const faults = isNew ? null : configFaults(factory, stored);
  if (faults !== null) throw new HandoffError("conflict", faults);
  if (!isNew) return factory.parseConfig(stored);
  const { config, secrets: opened } = patchedConfig(
    factory,
    { config: connection.config, secrets },
    tried,
    deps.outgoing,
  );
  return factory.parseConfig({ ...config, ...opened });
}

function connectorDeps(deps: AdminDeps, { id: connectionId, workspaceId }: Connection) {
  return {
    connectionId,
    workspaceId,
    baseUrl: deps.baseUrl(),
    clock: deps.clock,
    log: deps.log.with({ connectionId, workspaceId }),
  };
}

interface End {
  readonly passed: Promise<void>;
  readonly isPassed: boolean;
  cancel(): void;
}

function startEnd(withinMs: number): End {
  let isPassed = false;
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      isPassed = true;
      resolve();
    }, withinMs);
  });
  return {
    passed,
    get isPassed() {
      return isPassed;
    },
    cancel: () => clearTimeout(timer),
  };
}

const late = () => new OutgoingError("timeout", "The time for the install is up", { ambiguous: false });

/** Nothing new goes out once the time is up: nobody would see what comes of it. */
function until(end: End, outgoing: Outgoing): Outgoing {
  return {
    request: (request) => (end.isPassed ? Promise.reject(late()) : outgoing.request(request)),
    download: (url, options) => (end.isPassed ? Promise.reject(late()) : outgoing.download(url, options)),
    urlFault: (url) => outgoing.urlFault(url),
    close: () => {},
  };
}
