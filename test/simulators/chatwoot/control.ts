import type { IncomingMessage, ServerResponse } from "node:http";
import type { ChatwootSimulator } from "./index.ts";
import { serveControl } from "../control.ts";

const offered = new Set([
  "conversations",
  "conversation",
  "messages",
  "contacts",
  "requests",
  "webhooksSent",
  "violations",
  "setWebhookUrl",
  "addAgent",
  "addTeam",
  "setAvailability",
  "setActiveBot",
  "setLockToSingleConversation",
  "agentReplies",
  "agentWritesNote",
  "assign",
  "assignTeam",
  "resolve",
  "reopen",
  "snooze",
  "reopenSnoozed",
  "setStatus",
  "setPriority",
  "setLabels",
  "mute",
  "deleteMessage",
  "typing",
  "settled",
  "clearViolations",
  "forge",
]);

/** The control functions over HTTP; how they are called stands with `serveControl`. */
export const control = (
  simulator: ChatwootSimulator,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => serveControl({ target: simulator, offered, about: about(simulator) }, request, response);

const about = (simulator: ChatwootSimulator) => ({
  url: simulator.url,
  accountId: simulator.accountId,
  inboxId: simulator.inboxId,
  apiAccessToken: simulator.apiAccessToken,
  agentAccessToken: simulator.agentAccessToken,
  botToken: simulator.botToken,
  webhookSecret: simulator.webhookSecret,
  administratorId: simulator.administratorId,
  agentId: simulator.agentId,
});
