import { freshchat } from "../../connectors/freshchat/index.ts";
import type { FreshchatConfig } from "../../connectors/freshchat/config.ts";
import type { ConnectorFactory } from "../../src/ports.ts";

/*
 * Loaded into the program before it starts (`node --import`): a call to FreshChat that was cut off is looked for this soon, since
 * the simulator acts at once or not at all. With the true 20 seconds a kill would be followed by nothing but waiting, and no call
 * would be cut off twice.
 */
const SETTLE_MS = 2_000;

const create = freshchat.create.bind(freshchat);
(freshchat as { create: ConnectorFactory<FreshchatConfig>["create"] }).create = (config, deps) => ({
  ...create(config, deps),
  settleMs: SETTLE_MS,
});
