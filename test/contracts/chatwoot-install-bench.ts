import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parseConfig } from "../../connectors/chatwoot/config.ts";
import type { ChatwootConfig } from "../../connectors/chatwoot/config.ts";
import { chatwoot } from "../../connectors/chatwoot/index.ts";
import { provision } from "../../connectors/chatwoot/install/provision.ts";
import { remove } from "../../connectors/chatwoot/install/remove.ts";
import type { RemoveWish } from "../../connectors/chatwoot/install/remove.ts";
import { createOutgoing } from "../../src/outgoing/outgoing.ts";
import type {
  CheckReport,
  Choices,
  InstallDeps,
  Log,
  Outgoing,
  ProvisionLedger,
  ProvisionReport,
  ProvisionWish,
} from "../../src/ports.ts";
import { startChatwoot } from "../simulators/chatwoot/index.ts";
import type { ChatwootOptions, ChatwootSimulator } from "../simulators/chatwoot/index.ts";

const nothing = (): void => undefined;
const silent: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing, with: () => silent };

export const INSTALL_CONNECTION = "con_install";
export const PATH_SECRET = "pthSecretOfTheInstall01";

/** The process dies before one of what it does: requests and writes of the ledger, counted from 1. */
export type Death = number;

export interface InstallBench {
  readonly simulator: ChatwootSimulator;
  /** Where Baton is; its door for webhooks listens there. */
  readonly batonUrl: string;
  /** What is on disk. */
  stored(): { readonly config: ChatwootConfig; readonly made: Readonly<Record<string, string>> };
  /** What an admin changes in the connection's settings. */
  change(fields: Record<string, unknown>): void;
  /** Time passes, or runs differently on this side. */
  shiftClock(ms: number): void;
  /** Baton moves: from now on it says that it is there. Its door stays where it was. */
  move(baseUrl: string | null): void;
  /** What the door answers to every webhook, and how late; null verifies it. */
  answerWebhooks(status: number | null, afterMs?: number): void;
  provision(wish?: ProvisionWish, death?: Death): Promise<ProvisionReport>;
  remove(wish?: RemoveWish, death?: Death): Promise<ProvisionReport>;
  check(lastWebhookAt?: Date | null): Promise<CheckReport>;
  choices(): Promise<Choices>;
  /** How many requests and writes the last run did, or tried to do. */
  acts(): number;
  stop(): Promise<void>;
}

/** An install against a simulated Chatwoot whose webhooks come back to a door that verifies them. */
export async function installBench(options: ChatwootOptions = {}): Promise<InstallBench> {
  const simulator = await startChatwoot(options);
  const real = createOutgoing({
    allowPrivateNetwork: ["127.0.0.0/8"],
    userAgent: "Baton (test)",
    timeouts: { totalMs: 2_000 },
  });
  let given: Record<string, unknown> = { baseUrl: simulator.url, apiAccessToken: simulator.apiAccessToken };
  let made: Record<string, string> = {};
  let shift = 0;
  let movedTo: string | null = null;
  let doorStatus: number | null = null;
  let doorDelayMs = 0;
  let acts = 0;
  const heardBodies: string[] = [];
  const clock = (): Date => new Date(Date.now() + shift);

  const door = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      const status = doorStatus ?? answer(request.url ?? "", request.headers, body);
      setTimeout(() => response.writeHead(status).end(), doorDelayMs);
    });
  });
  await new Promise<void>((resolve) => void door.listen(0, "127.0.0.1", resolve));
  const doorUrl = `http://127.0.0.1:${(door.address() as AddressInfo).port}`;

  function answer(path: string, headers: Record<string, string | string[] | undefined>, body: Buffer): number {
    const [, connectionId, secret] = /^\/webhooks\/chatwoot\/([^/]+)(?:\/([^/]+))?$/.exec(path) ?? [];
    if (connectionId !== INSTALL_CONNECTION) return 404;
    const flat = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
    const pathSecret = secret === PATH_SECRET ? secret : null;
    try {
      connector().verify({ headers: flat, body, pathSecret }, clock());
    } catch {
      return 401;
    }
    heardBodies.push(body.toString());
    return 200;
  }

  const baseUrl = (): string => movedTo ?? doorUrl;
  const depsWith = (outgoing: Outgoing): InstallDeps => ({
    connectionId: INSTALL_CONNECTION,
    workspaceId: "wsp_1",
    baseUrl: baseUrl(),
    outgoing,
    clock,
    log: silent,
    webhookUrl: `${baseUrl()}/webhooks/chatwoot/${INSTALL_CONNECTION}`,
    pathSecret: PATH_SECRET,
    told: nothing,
    async heard(mark) {
      await simulator.settled();
      return heardBodies.some((body) => body.includes(mark));
    },
  });
  const connector = () => chatwoot.create(parseConfig(given), depsWith(real));

  /** A run that may die: from its last act on nothing it does has an effect any more. */
  async function run(
    death: Death | undefined,
    act: (deps: InstallDeps, ledger: ProvisionLedger) => Promise<ProvisionReport>,
  ): Promise<ProvisionReport> {
    acts = 0;
    const dying = async <T>(work: () => Promise<T>): Promise<T> => {
      acts += 1;
      if (death === undefined || acts < death) return await work();
      throw new Error("killed");
    };
    const outgoing: Outgoing = { ...real, request: (request) => dying(() => real.request(request)) };
    const ledger: ProvisionLedger = {
      get made() {
        return made;
      },
      keep: (patch) =>
        dying(() => {
          const merged = { ...made, ...patch.made };
          made = Object.fromEntries(
            Object.entries(merged).filter((entry): entry is [string, string] => entry[1] !== null),
          );
          given = { ...given, ...patch.config };
          parseConfig(given);
          return Promise.resolve();
        }),
    };
    return await act(depsWith(outgoing), ledger);
  }

  return {
    simulator,
    batonUrl: doorUrl,
    stored: () => ({ config: parseConfig(given), made }),
    change: (fields) => void (given = { ...given, ...fields }),
    shiftClock: (ms) => void (shift += ms),
    move: (to) => void (movedTo = to),
    answerWebhooks: (status, afterMs = 0) => void ([doorStatus, doorDelayMs] = [status, afterMs]),
    provision: (wish = {}, death) => run(death, (deps, ledger) => provision(parseConfig(given), deps, wish, ledger)),
    remove: (wish = {}, death) => run(death, (deps, ledger) => remove(parseConfig(given), deps, ledger, wish)),
    check: (lastWebhookAt = null) => connector().check({ lastWebhookAt }),
    choices: () => connector().choices(),
    acts: () => acts,
    async stop() {
      real.close();
      await simulator.stop();
      door.closeAllConnections();
      await new Promise((resolve) => door.close(resolve));
      simulator.assertNoViolations();
    },
  };
}
