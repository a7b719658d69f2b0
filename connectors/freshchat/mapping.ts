import { clipText, oneLine } from "../../src/domain/clean-text.ts";
import type { AgentMessage } from "../../src/domain/handoff.ts";
import type { HelpdeskStatus } from "../../src/ports.ts";
import type { Said } from "./parts.ts";
import type { Message } from "./shapes.ts";

/** An agent as a webhook or the directory knows them. */
export type Speaker = AgentMessage["agent"];

/**
 * Whether a message is by a person for the visitor. Everything else never reaches the visitor: private notes, bots', the system's,
 * the visitor's own, welcome messages, and what Baton's own seat wrote. Fails closed: a mark of privacy that cannot be
 * read is one, and where Baton has a seat, so is an agent without id (sheet 1.9 and 3).
 *
 * @param ownAgentId Baton's seat; null when it has none
 */
export function isForVisitor(message: Message, ownAgentId: string | null): boolean {
  const { message_type: type, botsPrivateNote: note, actor_id: actor, org_actor_id: organisationActor } = message;
  const isPublic = (type === undefined || isWord(type, "normal")) && (note === undefined || note === false);
  const isOwn = ownAgentId !== null && (actor === null || actor === ownAgentId || organisationActor === ownAgentId);
  return isPublic && isWord(message.actor_type, "agent") && !isOwn;
}

const isWord = (given: unknown, word: string): boolean => typeof given === "string" && given.toLowerCase() === word;

export const hasNothing = ({ text, attachments, waiting }: Said): boolean =>
  text.trim() === "" && attachments.length === 0 && waiting.length === 0;

/**
 * A message that is for the visitor, in our words. Files that still wait for their address are named in the text.
 *
 * @param at when it was written, where the message itself does not tell
 */
export function agentMessage(message: Message, said: Said, agent: Speaker, at: Date | null): AgentMessage {
  return {
    externalId: message.id,
    text: [said.text, ...said.waiting].filter((line) => line !== "").join("\n"),
    attachments: said.attachments,
    agent,
    at: dateOf(message.created_time) ?? at ?? new Date(0),
  };
}

/** First and last name; null for neither. */
export const shownName = (first: string | null | undefined, last: string | null | undefined): string | null =>
  clipText(oneLine(`${first ?? ""} ${last ?? ""}`), 200) || null;

/** Only a resolved conversation has ended; the set of words is open (sheet 1.8). */
export const statusOf = (status: string | null | undefined): HelpdeskStatus =>
  isWord(status?.trim(), "resolved") ? "resolved" : "open";

/** ISO 8601, or milliseconds since 1970 as a number or its digits, or seconds; null for none of them. */
export function dateOf(at: number | string | null | undefined): Date | null {
  if (at === null || at === undefined || at === "") return null;
  const count = typeof at === "number" ? at : /^\d{10,14}$/.test(at) ? Number(at) : null;
  const time = count === null ? new Date(at).getTime() : Math.trunc(count < SECONDS_END ? count * 1000 : count);
  return Number.isNaN(time) || time <= 0 || time > LAST ? null : new Date(time);
}

/** Fewer milliseconds than this would be of 1973, so they are seconds. */
const SECONDS_END = 100_000_000_000;
/** Beyond this a stamp is an error, and would hold up everything after it. */
const LAST = Date.UTC(2200, 0);
