import type { Finding, Seen } from "../../src/ports.ts";
import { fine, wrong } from "../findings.ts";
import type { Desk } from "./desk.ts";
import { keysIn } from "./public-key.ts";

const where =
  "In FreshChat under Admin Settings, Marketplace and Integrations, Conversation Webhooks (stand-alone: Admin, Webhooks)";

/** Whether FreshChat tells Baton what agents do. It shows its webhooks to nobody (sheet 1.5): what has arrived is all there is to go by. */
export function webhookFindings(desk: Desk, seen: Seen): readonly Finding[] {
  const isApp = desk.config.eventsVia === "app";
  return [
    ...(isApp ? [] : [keyFinding(desk)]),
    isApp ? appFinding(seen) : webhookFinding(desk, seen),
    ...networkFindings(desk),
  ];
}

function keyFinding({ config }: Desk): Finding {
  const step = "key";
  const count = keysIn(config.webhookPublicKey).length;
  if (count === 0) {
    return wrong(
      step,
      "No public key is set, so every webhook is refused.",
      `${where}, copy the public key into the connection's settings, just as it is shown.`,
    );
  }
  if (count > 1)
    return fine(step, `${count} public keys are set; take the old one away once webhooks come with the new one.`);
  return fine(step, "The public key of webhooks is set.");
}

function webhookFinding({ batonUrl, connectionId, config }: Desk, { lastWebhookAt }: Seen): Finding {
  const step = "webhook";
  if (lastWebhookAt !== null) return fine(step, `The last webhook came at ${lastWebhookAt.toISOString()}.`);
  const isKeySet = config.webhookPublicKey !== null;
  return wrong(
    step,
    `No webhook of FreshChat's has arrived yet${isKeySet ? " that the public key proves" : ""}, so Baton hears of agents' messages late.`,
    `${where}, paste ${batonUrl}/webhooks/freshchat/${connectionId} as the webhook's address and switch it on; then let an agent ` +
      "write a message. FreshChat has one address for the whole account: where it is taken, let what stands there pass each webhook " +
      "on to Baton, bytes and headers unchanged." +
      // Refused webhooks leave no trace here: any stranger could send them.
      (isKeySet
        ? " If they do come and Baton answers 401, the key is another account's, or an old one: copy it again."
        : ""),
  );
}

function appFinding({ lastWebhookAt }: Seen): Finding {
  const step = "webhook";
  if (lastWebhookAt !== null) {
    return fine(step, `Baton's Marketplace app sends what happens; the last came at ${lastWebhookAt.toISOString()}.`);
  }
  return wrong(
    step,
    "Baton's Marketplace app is to send what happens, and nothing has arrived yet.",
    "See that the app is installed and switched on in FreshChat under Admin Settings, Marketplace and Integrations, then let an agent " +
      "write a message. Without the app, choose webhook in the connection's settings.",
  );
}

/** FreshChat is never in the same network, so such an address leads it nowhere. */
function networkFindings({ batonUrl }: Desk): readonly Finding[] {
  const host = URL.parse(batonUrl)?.hostname ?? "";
  const isPrivate =
    /^(?:localhost|127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|\[)/.test(host) || !host.includes(".");
  if (!isPrivate) return [];
  const message =
    `Baton's own address, ${batonUrl}, looks private. FreshChat cannot reach it from outside, so agents' messages arrive late: ` +
    "set BASE_URL to an address that can be reached from the internet.";
  return [fine("network", message)];
}
