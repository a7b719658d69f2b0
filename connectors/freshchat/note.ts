import { clipText, oneLine } from "../../src/domain/clean-text.ts";
import type { HelpdeskRef } from "../../src/domain/handoff.ts";
import { handoffLine } from "./messages.ts";
import { LONGEST_TEXT } from "./outgoing-parts.ts";

/** What stands above a note, besides what the note says. */
export interface NoteHead {
  readonly handoffId: string;
  readonly labels: readonly string[];
  /** The conversation that this one goes on from. */
  readonly continues: Pick<HelpdeskRef, "conversationId" | "url"> | null;
  /** Names of conversation properties that FreshChat did not take. */
  readonly unset: readonly string[];
  /** What else the team should know, a line each. */
  readonly remarks: readonly string[];
}

const LONGEST_HEAD = 990;
const LONGEST_LINE = 220;

/**
 * Notes of one text each, in order: the first begins with the line that tells whose conversation it is. FreshChat has no labels, so
 * they are a line as well.
 *
 * @param body renders what the notes say, in parts of at most so many UTF-16 units
 */
export function notesWith(head: NoteHead, body: (maxLength: number) => readonly string[]): string[] {
  const [first = "", ...rest] = body(LONGEST_TEXT - LONGEST_HEAD - 2);
  return [`${headLines(head).join("\n")}\n\n${first}`, ...rest];
}

function headLines({ handoffId, labels, continues, unset, remarks }: NoteHead): string[] {
  const written = [
    labels.length > 0 ? `Labels: ${labels.map(oneLine).join(", ")}` : null,
    continues ? `Continues: ${addressOf(continues)}` : null,
    unset.length > 0 ? `Not set, since FreshChat refused it: ${unset.join(", ")}` : null,
    ...remarks,
  ];
  return [handoffLine(handoffId), ...written.flatMap((line) => (line === null ? [] : [clipText(line, LONGEST_LINE)]))];
}

/** Cut, an address would lead somewhere else. */
const addressOf = ({ url, conversationId }: Pick<HelpdeskRef, "conversationId" | "url">): string =>
  url && url.length <= LONGEST_LINE - 20 ? oneLine(url) : `conversation ${conversationId}`;
