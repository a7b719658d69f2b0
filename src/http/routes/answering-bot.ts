import { z } from "zod";
import type { Reads } from "../../ports.ts";

/** Why nobody would answer in a helpdesk's own inboxes, and what to do about it. */
export interface NoAnswer {
  readonly message: string;
  readonly fix: string;
}

/** The bot that a configuration names for answering there; null for the workspace's first. */
export function botIdIn(config: unknown): string | null {
  const parsed = z.looseObject({ botId: z.string().trim().nullish() }).safeParse(config);
  return parsed.data?.botId || null;
}

/** Null when the bot that answers in a helpdesk's own inboxes can be asked. An inbox without an answer holds its visitors back. */
export async function whyNoAnswer(
  reads: Pick<Reads, "bot" | "bots">,
  workspaceId: string,
  botId: string | null,
): Promise<NoAnswer | null> {
  const bot = botId === null ? (await reads.bots(workspaceId))[0] : await reads.bot(workspaceId, botId);
  if (!bot) {
    const which = botId === null ? "The workspace has no bot" : `The workspace has no bot ${botId}`;
    return {
      message: `${which} that could answer in the helpdesk's own inboxes.`,
      fix: "Make one (POST /v1/bots), or name another as botId in the connection's settings.",
    };
  }
  if (bot.messageUrl !== null) return null;
  return {
    message: `The bot ${bot.name} (${bot.id}) has no message URL, so it could answer nobody in the helpdesk's own inboxes.`,
    fix: `Set where it is asked (PATCH /v1/bots/${bot.id} with messageUrl), or name another as botId in the connection's settings.`,
  };
}
