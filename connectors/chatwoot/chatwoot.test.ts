import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { WEBHOOK_SECRET, chatwootBench } from "../../test/contracts/chatwoot-bench.ts";
import { connectorContract } from "../../test/contracts/connector-contract.ts";

type Payload = Record<string, unknown>;

const fixture = (name: string): Payload =>
  JSON.parse(readFileSync(new URL(`fixtures/${name}.json`, import.meta.url), "utf8")) as Payload;

connectorContract("chatwoot", {
  create: () => chatwootBench(),
  sign(body, at) {
    const timestamp = String(Math.floor(at.getTime() / 1000));
    const hmac = createHmac("sha256", WEBHOOK_SECRET).update(Buffer.concat([Buffer.from(`${timestamp}.`), body]));
    return { "x-chatwoot-timestamp": timestamp, "x-chatwoot-signature": `sha256=${hmac.digest("hex")}` };
  },
  samples: {
    agentMessage: {
      payload: fixture("message_created.agent"),
      conversationId: "71",
      text: "Hello Ana, let me look.",
    },
    privateNote: { payload: fixture("message_created.private_note"), text: "Parcel is lost, offer a refund" },
    ownEcho: { payload: fixture("message_created.own_echo") },
    resolved: { payload: fixture("conversation_status_changed.resolved"), conversationId: "71" },
    foreign: [
      { ...fixture("message_created.agent"), account: { id: 2, name: "Another business" } },
      { ...fixture("message_created.agent"), inbox: { id: 22, name: "Another inbox" } },
      { ...fixture("conversation_status_changed.resolved"), inbox_id: 22 },
    ],
    unknownEvent: { event: "conversation_mentioned", id: 71, account: { id: 1 } },
  },
});
