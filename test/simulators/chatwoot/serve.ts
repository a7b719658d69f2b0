import { createServer } from "node:http";
import { control } from "./control.ts";
import { startChatwoot, type ChatwootSimulator } from "./index.ts";

/*
 * The simulator as a program of its own:
 *
 *   CHATWOOT_PORT=4000 node test/simulators/chatwoot/serve.ts
 *
 * It prints one JSON line with address, ids and tokens. /__control/* on the same port drives it (control.ts);
 * CHATWOOT_CONTROL_PORT opens the controls on a second port too, which stays open while the simulator plays down.
 * Also read: CHATWOOT_VERSION, CHATWOOT_WEBHOOK_URL, CHATWOOT_SECRET.
 */
const env = process.env;
let simulator: ChatwootSimulator | null = null;

simulator = await startChatwoot({
  port: Number(env["CHATWOOT_PORT"] ?? 0),
  ...(env["CHATWOOT_VERSION"] ? { version: env["CHATWOOT_VERSION"] } : {}),
  ...(env["CHATWOOT_WEBHOOK_URL"] ? { webhookUrl: env["CHATWOOT_WEBHOOK_URL"] } : {}),
  ...(env["CHATWOOT_SECRET"] ? { secret: env["CHATWOOT_SECRET"] } : {}),
  intercept: (request, response) => {
    if (!simulator || !request.url?.startsWith("/__control")) return false;
    void control(simulator, request, response);
    return true;
  },
});

if (env["CHATWOOT_CONTROL_PORT"]) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const running = simulator;
  createServer((request, response) => void control(running, request, response)).listen(
    Number(env["CHATWOOT_CONTROL_PORT"]),
    "127.0.0.1",
    resolve,
  );
  await promise;
}

const { url, accountId, inboxId, apiAccessToken, agentAccessToken, botToken, webhookSecret } = simulator;
console.log(JSON.stringify({ url, accountId, inboxId, apiAccessToken, agentAccessToken, botToken, webhookSecret }));
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => process.exit(0));
