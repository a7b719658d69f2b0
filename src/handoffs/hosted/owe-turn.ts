import type { Turn } from "../turn.ts";

/** The lane of what a bot is asked in one conversation: one question after the other. */
export const turnLane = (conversationId: string): string => `bot_turn:${conversationId}`;

/** The bot is to be asked about the visitor's lines after `afterSeq`, up to and including `seq`. */
export function oweTurn(turn: Turn, asked: { afterSeq: number; seq: number }): void {
  turn.owe({
    lane: turnLane(turn.conversation.id),
    kind: "bot_turn",
    connectionId: null,
    handoffId: null,
    payload: { ...asked, epoch: turn.conversation.epoch },
  });
}
