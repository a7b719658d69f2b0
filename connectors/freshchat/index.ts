import type { Connector, ConnectorFactory } from "../../src/ports.ts";
import { checkConnection } from "./check.ts";
import { listChoices } from "./choices.ts";
import { closeHandoff } from "./close.ts";
import { configSchema, hostFields, parseConfig, secretFields } from "./config.ts";
import type { FreshchatConfig } from "./config.ts";
import type { WritingDesk } from "./creation.ts";
import { createDesk } from "./desk.ts";
import { toInbound } from "./inbound.ts";
import { keepLead } from "./lead.ts";
import { lookAt } from "./look.ts";
import { createMemory } from "./memory.ts";
import { openHandoff } from "./open.ts";
import { countOnline } from "./presence.ts";
import { keysIn } from "./public-key.ts";
import { sendMessage } from "./send.ts";
import { verifySignature } from "./signature.ts";

/** FreshChat publishes no time after which a request is given up; longer than any gateway in front of it waits by default. */
const SETTLE_MS = 20_000;

/** FreshChat through its API and webhooks: Baton brings the visitor in, agents answer where they always do. */
export const freshchat: ConnectorFactory<FreshchatConfig> = {
  type: "freshchat",
  title: "FreshChat: live chat and leads in a channel of a FreshChat account",
  parseConfig,
  secretFields,
  configSchema,
  hostFields,
  create(config, deps): Connector {
    const keys = keysIn(config.webhookPublicKey);
    const desk: WritingDesk = { ...createDesk(config, deps), memory: createMemory() };
    return {
      type: "freshchat",
      can: { attachments: true, look: true, local: false },
      settleMs: SETTLE_MS,
      open: (request, effect) => openHandoff(desk, request, effect),
      send: (ref, message, effect) => sendMessage(desk, ref, message, effect),
      close: (request, effect) => closeHandoff(desk, request, effect),
      lead: (request, effect) => keepLead(desk, request, effect),
      look: (ref, cursor) => lookAt(desk, ref, cursor),
      presence: (destination) => countOnline(desk, destination),
      check: (seen) => checkConnection(desk, seen),
      choices: () => listChoices(desk),
      verify: (request) => verifySignature(request, keys),
      toInbound: (payload) => toInbound(payload, config),
    };
  },
};
