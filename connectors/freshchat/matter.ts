import type { Message } from "../../src/domain/conversation.ts";
import type { HelpdeskRef } from "../../src/domain/handoff.ts";
import type { Destination } from "../../src/domain/settings.ts";
import type { HandoffBrief } from "../../src/domain/transcript.ts";
import type { Known } from "./users.ts";

/** What is to stand in FreshChat: a handoff or a lead. */
export interface Matter {
  readonly handoffId: string;
  /** Baton's id of the conversation. */
  readonly conversationId: string;
  readonly known: Known;
  readonly brief: HandoffBrief;
  readonly destination: Destination;
  readonly labels: readonly string[];
  /** The visitor's last words; null when there are none, or when they are not to be said. */
  readonly words: Message | null;
  /** Of the message up to which everything is said with it; null when that cannot be told. */
  readonly seq: number | null;
  /** The conversation that it goes on from. */
  readonly continues: HelpdeskRef | null;
  /** The agent to give it to; null for nobody in particular. */
  readonly agentId: string | null;
  note(maxLength: number): readonly string[];
}
