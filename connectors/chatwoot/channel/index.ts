import type { Channel } from "../../../src/ports.ts";
import type { Desk } from "../desk.ts";
import { readHosted } from "./read.ts";
import { sayLine } from "./say.ts";
import { createWaiting } from "./waiting.ts";

/** Chatwoot's own inboxes in which a bot of Baton's answers, through our agent bot there; undefined while there are none. */
export function createChannel(desk: Desk): Channel | undefined {
  const { botId, botInboxIds } = desk.config;
  if (botInboxIds.length === 0 || desk.bot === null) return undefined;
  return {
    botId,
    read: (conversationId, cursor) => readHosted(desk, conversationId, cursor),
    say: (line, effect) => sayLine(desk, line, effect),
    waiting: createWaiting(desk),
  };
}
