import type { Host, Message } from "../../domain/conversation.ts";
import { DeliveryError } from "../../domain/delivery.ts";
import type { HostedForm, HostedLine } from "../../ports-channel.ts";
import type { Effect, Then } from "../../ports.ts";
import type { Delivery } from "../../ports-store.ts";
import type { Deps } from "../deps.ts";
import { hostedId } from "./place.ts";

/**
 * Says a line of the conversation to the visitor, in the channel where they are. The bot's words are not said any more once a
 * person has written, nor are ours once one has there; also when the bot has the conversation again. Throws DeliveryError.
 */
export async function sayLine(deps: Deps, delivery: Delivery, effect: Effect): Promise<Then> {
  const { workspaceId } = delivery;
  const { read } = deps.store;
  const conversation = await read.conversation(workspaceId, delivery.conversationId ?? "");
  const host = conversation?.host ?? null;
  if (conversation === null || host === null)
    throw new DeliveryError("permanent", "The conversation that this was for no longer exists.");
  const { seq, form } = delivery.payload as { seq: number; form?: HostedForm };
  const [line] = await read.messages(workspaceId, conversation.id, { afterSeq: seq - 1, upToSeq: seq, limit: 1 });
  if (line === undefined || line.role === "visitor")
    throw new DeliveryError("permanent", "The message no longer exists.");
  const connector = await deps.connectors.get(workspaceId, host.connectionId);
  if (connector?.channel === undefined)
    throw new DeliveryError("permanent", "The bot no longer answers in this channel: it was taken off there.");
  if (line.role !== "agent" && (await isOutdated(deps, conversation, { host, line }))) return null;
  const said: HostedLine = {
    conversationId: host.conversationId,
    key: effect.key,
    role: line.role,
    text: line.text,
    attachments: line.attachments,
    authorName: line.authorName,
    form: form ?? null,
  };
  if ((await connector.channel.say(said, effect)) === "said") return null;
  // The team has the conversation there: what the bot had to say is nothing they miss. What a colleague elsewhere wrote is.
  if (line.role === "agent")
    throw new DeliveryError("permanent", "Somebody has taken the conversation in the channel, or ended it there.");
  deps.log.info("line_not_said", { workspaceId, conversationId: conversation.id, connectionId: delivery.connectionId });
  return null;
}

/** A person has spoken since. One elsewhere speaks through the same lane, so that our own lines before theirs come before them. */
async function isOutdated(
  deps: Deps,
  { workspaceId, id }: { workspaceId: string; id: string },
  { host, line }: { host: Host; line: Message },
): Promise<boolean> {
  const after = await deps.store.read.messages(workspaceId, id, { afterSeq: line.seq, limit: 500 });
  const agents = after.filter((one) => one.role === "agent");
  if (line.role === "bot") return agents.length > 0;
  return agents.some((one) => one.externalId?.startsWith(hostedId(host, "")));
}
