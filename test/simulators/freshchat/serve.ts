import { createServer } from "node:http";
import { aboutOf, control, type FreshchatSimulator } from "./control.ts";
import { startFreshchat } from "./index.ts";

/*
 * The simulator as a program of its own:
 *
 *   FRESHCHAT_PORT=4001 node test/simulators/freshchat/serve.ts
 *
 * It prints one JSON line with address, ids, token and the webhook key. /__control/* on the same port drives it
 * (control.ts); FRESHCHAT_CONTROL_PORT opens the controls on a second port too, which stays open while it plays down.
 * Also read: FRESHCHAT_TOKEN, FRESHCHAT_WEBHOOK_URL.
 */
const env = process.env;
let simulator: FreshchatSimulator | null = null;

simulator = await startFreshchat({
  port: Number(env["FRESHCHAT_PORT"] ?? 0),
  ...(env["FRESHCHAT_TOKEN"] ? { apiToken: env["FRESHCHAT_TOKEN"] } : {}),
  ...(env["FRESHCHAT_WEBHOOK_URL"] ? { webhookUrl: env["FRESHCHAT_WEBHOOK_URL"] } : {}),
  intercept: (request, response) => {
    if (!simulator || !request.url?.startsWith("/__control")) return false;
    void control(simulator, request, response);
    return true;
  },
});

if (env["FRESHCHAT_CONTROL_PORT"]) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const running = simulator;
  createServer((request, response) => void control(running, request, response)).listen(
    Number(env["FRESHCHAT_CONTROL_PORT"]),
    "127.0.0.1",
    resolve,
  );
  await promise;
}

console.log(JSON.stringify(aboutOf(simulator)));
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => process.exit(0));
