import type { Conversation, Message } from "../domain/conversation.ts";
import type { Handoff } from "../domain/handoff.ts";
import { HandoffSettings } from "../domain/settings.ts";
import type { HandoffBrief } from "../domain/transcript.ts";
import type { Reads } from "../ports-store.ts";

const PAGE = 1_000;

/** All messages of a conversation up to and including `upToSeq`, in order. */
export async function transcriptOf(
  reads: Reads,
  conversation: Conversation,
  upToSeq: number,
): Promise<readonly Message[]> {
  const all: Message[] = [];
  for (;;) {
    const afterSeq = all.at(-1)?.seq ?? 0;
    const page = await reads.messages(conversation.workspaceId, conversation.id, { afterSeq, upToSeq, limit: PAGE });
    all.push(...page);
    if (page.length < PAGE) return all;
  }
}

/** What an agent should know. @param transcript from {@link transcriptOf}: all of it, however long the conversation is */
export async function briefOf(
  reads: Reads,
  conversation: Conversation,
  handoff: Handoff,
  transcript: readonly Message[],
): Promise<HandoffBrief> {
  const bot = await reads.bot(conversation.workspaceId, conversation.botId);
  return {
    summary: conversation.summary,
    reason: handoff.reason,
    trigger: handoff.trigger,
    priority: handoff.priority,
    visitor: conversation.visitor,
    products: conversation.products,
    pageUrl: conversation.pageUrl,
    channel: conversation.channel,
    locale: conversation.locale,
    botName: bot?.name ?? null,
    // The zone that the team's opening hours are written in.
    timezone: HandoffSettings.safeParse(bot?.settings).data?.schedule?.timezone ?? null,
    messages: transcript,
  };
}
