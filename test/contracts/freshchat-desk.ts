import { createDesk } from "../../connectors/freshchat/desk.ts";
import type { Desk } from "../../connectors/freshchat/desk.ts";
import { parseConfig } from "../../connectors/freshchat/config.ts";
import { createOutgoing } from "../../src/outgoing/outgoing.ts";
import type { Log } from "../../src/ports.ts";
import { startFreshchat } from "../simulators/freshchat/index.ts";
import type { FreshchatOptions, FreshchatSimulator } from "../simulators/freshchat/index.ts";

const nothing = (): void => undefined;
const silent: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing, with: () => silent };

export const CONNECTION_ID = "con_desk";

export interface DeskBench {
  readonly simulator: FreshchatSimulator;
  /** A connection of the account; its channel and key are set, its group is not, unless settings say otherwise. */
  deskWith(given?: Readonly<Record<string, unknown>>, batonUrl?: string): Desk;
  stop(): Promise<void>;
}

/** A simulated FreshChat and what reads it, below the level of a connector. Stopping fails when a request was not understood. */
export async function deskBench(options: FreshchatOptions = {}): Promise<DeskBench> {
  const simulator = await startFreshchat(options);
  const outgoing = createOutgoing({ allowPrivateNetwork: ["127.0.0.0/8"], userAgent: "Baton (test)" });
  return {
    simulator,
    deskWith: (given = {}, batonUrl = "https://baton.example") =>
      createDesk(
        parseConfig({
          baseUrl: simulator.url,
          apiToken: simulator.apiToken,
          webhookPublicKey: simulator.publicKeyAsShown,
          channelId: simulator.channelId,
          ...given,
        }),
        {
          connectionId: CONNECTION_ID,
          workspaceId: "wsp_1",
          baseUrl: batonUrl,
          outgoing,
          clock: options.clock ?? (() => new Date()),
          log: silent,
        },
      ),
    async stop() {
      outgoing.close();
      await simulator.stop();
      simulator.assertNoViolations();
    },
  };
}
