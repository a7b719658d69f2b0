import { createHash } from "node:crypto";
import { z } from "zod";
import type { HelpdeskAgent, HelpdeskEvent, Inbound } from "../../src/ports.ts";
import { agentMessage, hasNothing, isForVisitor, statusOf } from "./mapping.ts";
import type { Speaker } from "./mapping.ts";
import { readParts } from "./parts.ts";
import { Id } from "./shapes.ts";
import type { Message } from "./shapes.ts";

/** Whose webhooks are ours, and who in them is Baton itself. */
export interface Receiver {
  /** The account's `app_id`; null while it is not known. */
  readonly appId: string | null;
  /** The bot's own agent seat; null when it has none. */
  readonly agentId: string | null;
}

/** What both transports tell of a message. */
interface Told {
  /** Every form of it that the delivery holds, the fullest first. */
  readonly forms: readonly [Message, ...Message[]];
  /** From around the message, where it does not name its conversation itself. */
  readonly conversationId: string | null;
  readonly appIds: readonly (string | null | undefined)[];
  readonly agent: Speaker;
  readonly at: Date | null;
}

/**
 * A message by a person for the visitor, and that its conversation has changed: an agent who writes into a resolved one has
 * opened it again. Of a message that is not ready (a file without its address) only the latter is told, so that a look gets it whole.
 * The key is the message's id, whatever brought it.
 */
export function messageInbound({ forms, agent, at, ...told }: Told, receiver: Receiver): Inbound {
  const [message] = forms;
  const dedupeKey = `message:${shortened(message.id)}`;
  const conversationId = message.conversation_id ?? told.conversationId;
  const appIds = [...told.appIds, ...forms.map((form) => form.app_id)];
  const isMeant = forms.every((form) => isForVisitor(form, receiver.agentId));
  if (conversationId === null || !isMeant || isForeign(appIds, receiver)) return { dedupeKey, events: [] };
  const said = readParts(message);
  if (hasNothing(said)) return { dedupeKey, events: [] };
  const changed: HelpdeskEvent = { type: "changed", conversationId };
  if (said.waiting.length > 0) return { dedupeKey, events: [changed] };
  return {
    dedupeKey,
    events: [{ type: "message", conversationId, message: agentMessage(message, said, agent, at) }, changed],
  };
}

/** Somebody else's account. Deliveries of some ages name none; those are ours by their proof. */
export const isForeign = (appIds: readonly (string | null | undefined)[], { appId }: Receiver): boolean =>
  appId !== null && appIds.some((id) => id !== null && id !== undefined && id !== appId);

/** Who has a conversation, or which group: an id, "" for nobody, undefined where it is not told. */
export const Holder = z
  .union([Id, z.literal(""), z.null()])
  .optional()
  .catch(undefined)
  .transform((holder) => (holder === null ? "" : holder));
export type Holder = z.infer<typeof Holder>;

export interface Change {
  readonly from: Holder;
  readonly to: Holder;
}

/**
 * What a change of hands means. To nobody from somebody is a release; to nobody from nobody is none, nor is the same agent
 * again (sheet 3, "What Botpress teaches"). Baton's own seat is nobody.
 *
 * @param version milliseconds; null when it was not told, and then only a look can tell what is newer
 */
export function assigneeEvents(
  conversationId: string,
  version: number | null,
  { agent, group, agentName = null }: { agent: Change; group: Change; agentName?: string | null },
  receiver: Receiver,
): HelpdeskEvent[] {
  const person = (holder: Holder) => (holder === receiver.agentId ? "" : holder);
  const [from, to] = [person(agent.from), person(agent.to)];
  const hasMoved = to !== undefined && to !== (from ?? "");
  const isUnclear = to === undefined || (version === null && hasMoved);
  const isOtherGroup = (group.to ?? "") !== (group.from ?? "");
  if (version !== null && hasMoved) {
    const holder: HelpdeskAgent | null = to === "" ? null : { id: to, name: agentName };
    return [{ type: "assignee", conversationId, agent: holder, version }];
  }
  return isUnclear || isOtherGroup ? [{ type: "changed", conversationId }] : [];
}

/** A conversation that ended or was opened again. */
export function statusEvents(conversationId: string, version: number | null, status: string): HelpdeskEvent[] {
  if (version === null) return [{ type: "changed", conversationId }];
  return [{ type: "status", conversationId, status: statusOf(status), version }];
}

/** What we do not use, or cannot read. */
export const unused = (event: string, payload: unknown): Inbound => ({
  dedupeKey: `unused:${event.slice(0, 100)}:${fingerprint(payload)}`,
  events: [],
});

export function fingerprint(value: unknown): string {
  return createHash("sha256").update(written(value)).digest("hex").slice(0, 32);
}

const shortened = (id: string): string => (id.length <= 100 ? id : fingerprint(id));

/** Nesting too deep to be written down is nesting that no FreshChat sends. */
function written(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    return "unwritable";
  }
}
