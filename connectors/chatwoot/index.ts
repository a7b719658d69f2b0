import type { Connector, ConnectorFactory } from "../../src/ports.ts";
import { closeHere } from "./channel/close-here.ts";
import { createChannel } from "./channel/index.ts";
import { leadHere } from "./channel/lead-here.ts";
import { openHere } from "./channel/open-here.ts";
import { checkConnection } from "./check.ts";
import { listChoices } from "./choices.ts";
import { closeHandoff } from "./close.ts";
import { configSchema, hostFields, parseConfig, secretFields } from "./config.ts";
import type { ChatwootConfig } from "./config.ts";
import { createDesk } from "./desk.ts";
import { toInbound } from "./inbound.ts";
import { provision } from "./install/provision.ts";
import { remove } from "./install/remove.ts";
import { keepLead } from "./lead.ts";
import { lookAt } from "./look.ts";
import { openHandoff } from "./open.ts";
import { countOnline } from "./presence.ts";
import { sendMessage } from "./send.ts";
import { secretsIn, verifySignature } from "./signature.ts";
import { stepsOf } from "../steps.ts";

/** Chatwoot cuts a request off after 15 s (rack-timeout's default), and the answer takes its way. */
const SETTLE_MS = 17_000;

/** Chatwoot through an API inbox: Baton brings the visitor in, agents answer where they always do. */
export const chatwoot: ConnectorFactory<ChatwootConfig> = {
  type: "chatwoot",
  title: "Chatwoot: live chat and leads in an API inbox",
  parseConfig,
  secretFields,
  configSchema,
  hostFields,
  install: { provision, remove },
  create(config, deps): Connector {
    const desk = createDesk(config, deps);
    const channel = createChannel(desk);
    const inboxSecrets = secretsIn(config.webhookSecret);
    // Inbox, agent bot and account have the same address, and a secret each.
    const secrets = [...inboxSecrets, ...secretsIn(config.agentBotSecret), ...secretsIn(config.accountWebhookSecret)];
    const receiver = {
      accountId: config.accountId,
      inboxId: config.inboxId,
      botInboxIds: channel === undefined ? [] : config.botInboxIds,
      isSigned: inboxSecrets.length > 0,
    };
    return {
      type: "chatwoot",
      can: { attachments: true, look: true, local: false },
      settleMs: SETTLE_MS,
      channel,
      open: (request, effect) =>
        request.inPlace ? openHere(desk, request, request.inPlace, effect) : openHandoff(desk, request, effect),
      async send(ref, message, effect) {
        await sendMessage(desk, ref.conversationId, message, stepsOf(effect), "part");
        return "sent";
      },
      close: (request, effect) =>
        request.inPlace ? closeHere(desk, request, request.inPlace, effect) : closeHandoff(desk, request, effect),
      lead: (request, effect) =>
        request.inPlace === true && request.ref !== null
          ? leadHere(desk, request, request.ref, effect)
          : keepLead(desk, request, effect),
      look: (ref, cursor) => lookAt(desk, ref, cursor),
      presence: (destination) => countOnline(desk, destination),
      check: (seen) => checkConnection(desk, seen),
      choices: () => listChoices(desk),
      verify(request, now) {
        // Without the inbox's secret, the one in the address proves a webhook, signed or not.
        const isByAddress = inboxSecrets.length === 0 && request.pathSecret !== null;
        verifySignature(request, isByAddress ? [] : secrets, now);
      },
      toInbound: (payload) => toInbound(payload, receiver),
    };
  },
};
